//! What surrounds the plot: title and subtitle, the labels of axes, limits and events, the legend.

mod table;

use plotters_backend::BackendColor;

pub(crate) use table::{blocks, name_room};

use crate::{
    chart::Chart,
    kinds::LEVELS,
    layout::Plot,
    naming::Names,
    page::Page,
    scene::Scene,
    sheet::{Align, Area, Sheet, Style},
    text::Weight,
    thresholds,
    ticks::{TimeTick, time_ticks},
    words,
};

/// The lines below the title: the query; date, range, step, zone and what all series have in common.
pub(crate) fn subtitles(chart: &Chart, names: &Names, start: f64, end: f64, step: f64) -> Vec<String> {
    let mut facts = vec![
        format!(
            "{} {}{}",
            words::range(start, end, &chart.zone),
            words::zone(&chart.zone, start),
            words::change(&chart.zone, start, end)
        ),
        words::duration(end - start),
        format!("step {}", words::duration(step)),
    ];
    if !names.common.is_empty() {
        facts.push(
            names
                .common
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    let query = chart.query.split_whitespace().collect::<Vec<_>>().join(" ");
    [query, facts.join(" · ")]
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect()
}

/// Title and subtitle.
pub(crate) fn header(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (pad, room) = (scene.layout.pad, scene.width - 2.0 * scene.layout.pad);
    let title = title_style(&scene.page);
    sheet.write(
        &title.fitted(&scene.chart.title, room),
        &title,
        Align::Left,
        pad,
        scene.layout.title,
    );
    let dim = dim(scene);
    for (line, baseline) in scene.subtitles.iter().zip(&scene.layout.subtitles) {
        sheet.write(&dim.fitted(line, room), &dim, Align::Left, pad, *baseline);
    }
}

/// How a title looks.
pub(crate) fn title_style(page: &Page) -> Style {
    Style {
        weight: Weight::Medium,
        size: page.px(if page.part { 27.0 } else { 34.0 }),
        color: page.colors.title,
    }
}

fn dim(scene: &Scene<'_>) -> Style {
    Style {
        weight: Weight::Regular,
        size: scene.scale.px(22.0),
        color: scene.colors.dim,
    }
}

/// Everything written around and over the finished plot.
pub(crate) fn around(sheet: &mut Sheet, scene: &Scene<'_>) {
    edges(sheet, scene);
    values(sheet, scene);
    times(sheet, scene);
    events(sheet, scene);
    if scene.is_empty() {
        nothing(sheet, scene);
    }
    limits(sheet, scene);
    table::draw(sheet, scene);
    if !scene.is_empty() {
        heat(sheet, scene);
    }
}

/// What the brightness of a heatmap's cells means, at the left of the legend's head.
fn heat(sheet: &mut Sheet, scene: &Scene<'_>) {
    let Some(cells) = &scene.chart.cells else { return };
    let (px, style) = (|n| scene.scale.px(n), dim(scene));
    let (_, most) = scene.blocks();
    let (baseline, mut x) = (scene.layout.legend, scene.layout.pad);
    for level in 0..LEVELS {
        let color = scene.colors.heat(level, LEVELS);
        sheet.rule(x, baseline - px(17.0), px(14.0), px(18.0), color, 1.0);
        x += px(14.0);
    }
    let words = format!("up to {} a cell", cells.counts.value(most));
    let room = table::room(scene) - (x - scene.layout.pad) - px(24.0);
    let words = style.fitted(&words, room);
    sheet.write(&words, &style, Align::Left, x + px(12.0), baseline);
}

fn edges(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (
        Plot {
            left,
            top,
            right,
            bottom,
            ..
        },
        thin,
    ) = (&scene.plot, scene.scale.px(1.0).max(1.0));
    sheet.rule(
        *left,
        *bottom,
        right - left,
        (thin * 2.0).round(),
        scene.colors.frame,
        1.0,
    );
    sheet.rule(*left, *top, thin, bottom - top, scene.colors.grid, 1.0);
    sheet.rule(*right - thin, *top, thin, bottom - top, scene.colors.grid, 1.0);
}

fn values(sheet: &mut Sheet, scene: &Scene<'_>) {
    let style = scene.axis_style();
    let right = scene.plot.left - scene.scale.px(14.0);
    // Zero comes first: where powers of ten are close together, others give way to it.
    let (zero, others): (Vec<_>, Vec<_>) = scene.axis.ticks.iter().partition(|(at, _)| *at == 0.0);
    for (at, label) in zero.into_iter().chain(others) {
        let baseline = scene.plot.y(*at) + style.size * 0.355;
        let width = style.width(label);
        let area = Area::of_text(right - width, baseline, width, style.size);
        if sheet.is_free(&area) {
            sheet.write(label, &style, Align::Right, right, baseline);
        }
    }
}

/// The time axis' ticks for this picture.
pub(crate) fn time_axis(scene: &Scene<'_>) -> Vec<TimeTick> {
    let (plot, style) = (&scene.plot, scene.axis_style());
    time_ticks(
        plot.start,
        plot.end,
        &scene.chart.zone,
        plot.right - plot.left,
        scene.scale.px(40.0),
        |t| style.width(t),
    )
}

fn times(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (plot, style, apart) = (&scene.plot, scene.axis_style(), scene.scale.px(16.0));
    let bold = Style {
        weight: Weight::Medium,
        color: scene.colors.title,
        ..style
    };
    let ticks = time_axis(scene);
    // A date that would touch a time is worth more than it, so dates choose first.
    let mut taken: Vec<(f32, f32)> = Vec::new();
    for date in [true, false] {
        for tick in ticks.iter().filter(|t| t.date == date) {
            let style = if date { &bold } else { &style };
            let width = style.width(&tick.label);
            let x = plot.x(tick.at);
            sheet.rule(x, plot.bottom, 1.0, scene.scale.px(8.0), scene.colors.frame, 1.0);
            // At the ends a label stays between the plot's edges: it is neither cut nor runs into the values.
            let left = (x - width / 2.0).clamp(plot.left, (plot.right - width).max(plot.left));
            if taken
                .iter()
                .all(|(l, r)| left > r + apart || left + width < l - apart)
            {
                taken.push((left, left + width));
                sheet.write(&tick.label, style, Align::Left, left, scene.layout.time);
            }
        }
    }
}

fn events(sheet: &mut Sheet, scene: &Scene<'_>) {
    for placed in &scene.placed {
        let Some((label, lane, left)) = &placed.label else {
            continue;
        };
        let style = Style {
            color: scene.event_color(placed.level),
            ..scene.marker_style()
        };
        let baseline = scene.layout.lane - scene.layout.lane_height * *lane as f32;
        sheet.write(label, &style, Align::Left, *left, baseline);
    }
}

fn nothing(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (plot, px) = (&scene.plot, |n| scene.scale.px(n));
    let (x, y) = ((plot.left + plot.right) / 2.0, (plot.top + plot.bottom) / 2.0);
    let big = Style {
        weight: Weight::Medium,
        size: px(34.0),
        color: scene.colors.text,
    };
    let room = plot.right - plot.left;
    sheet.write(&big.fitted("No data", room), &big, Align::Center, x, y);
    let small = dim(scene);
    sheet.write(
        &small.fitted("The query gave no values in this range.", room),
        &small,
        Align::Center,
        x,
        y + px(36.0),
    );
}

fn limits(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (plot, px) = (&scene.plot, |n| scene.scale.px(n));
    let lines = seen_lines(scene);
    let events: Vec<f32> = scene.placed.iter().map(|p| p.x).collect();
    for limit in scene.chart.thresholds.iter().filter(|t| t.is_finite()) {
        let style = Style {
            weight: Weight::Medium,
            size: px(22.0),
            color: limit.level.color(scene.colors),
        };
        let edge = scene.edges(limit).first().copied();
        let arrow = if limit.value > plot.hi { " ↑" } else { " ↓" };
        let words = limit.words(scene.unit);
        let words = if edge.is_some() { words } else { words + arrow };
        let words = style.fitted(&words, (plot.right - plot.left) * 0.4);
        let width = style.width(&words);
        // One that is out of sight is announced at the edge beyond which it is.
        let y = match edge {
            Some(edge) => plot.y(edge),
            None if limit.value > plot.hi => plot.top,
            None => plot.bottom,
        };
        let air = px(8.0);
        let taken = |area: &Area| {
            !sheet.is_free(area)
                || events
                    .iter()
                    .any(|x| *x > area.left - air && *x < area.right + air)
        };
        if let Some((left, baseline)) = thresholds::label_spot(width, &style, y, plot, &lines, taken) {
            let plate = BackendColor {
                rgb: scene.colors.ground,
                alpha: 0.72,
            };
            sheet.canvas.fill_rect(
                left - air / 2.0,
                baseline - px(19.0),
                width + air,
                px(25.0),
                plate,
            );
            sheet.write(&words, &style, Align::Left, left, baseline);
        }
    }
}

/// The named lines in pixels.
fn seen_lines(scene: &Scene<'_>) -> Vec<Vec<(f32, f32)>> {
    let place = |p: &(f64, f64)| (scene.plot.x(p.0), scene.plot.y(p.1));
    let pixels = |run: &Vec<(f64, f64)>| run.iter().map(place).collect();
    if !scene.bands.is_empty() {
        let edges = scene.bands.iter().flat_map(|(_, bands)| bands);
        return edges.map(|band| pixels(&band.to)).collect();
    }
    scene
        .lines
        .iter()
        .filter(|line| line.rank.is_some())
        .flat_map(|line| line.runs.iter().map(pixels))
        .collect()
}
