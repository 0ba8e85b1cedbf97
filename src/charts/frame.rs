//! What surrounds the plot: title and subtitle, the labels of axes, limits and events, the legend.

use plotters_backend::BackendColor;

use crate::{
    chart::Chart,
    layout::Plot,
    legend::{self, Row},
    naming::Names,
    scene::Scene,
    sheet::{Align, Area, Sheet, Style},
    text::Weight,
    theme::{self, Rgb},
    thresholds,
    ticks::{TimeTick, time_ticks},
    words,
};

/// The lines below the title: the query; date, range, step, zone and what all series have in common.
pub(crate) fn subtitles(chart: &Chart, names: &Names, start: f64, end: f64, step: f64) -> Vec<String> {
    let mut facts = vec![
        format!(
            "{} {}",
            words::range(start, end, &chart.zone),
            words::zone(&chart.zone, start)
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
    let px = |n| scene.scale.px(n);
    let (pad, room) = (scene.layout.pad, scene.width - 2.0 * scene.layout.pad);
    let title = Style {
        weight: Weight::Medium,
        size: px(34.0),
        color: scene.colors.title,
    };
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
    table(sheet, scene);
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
    for (at, label) in &scene.axis.ticks {
        let baseline = scene.plot.y(*at) + style.size * 0.355;
        sheet.write(
            label,
            &style,
            Align::Right,
            scene.plot.left - scene.scale.px(14.0),
            baseline,
        );
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
    let style = scene.marker_style();
    for (label, lane, left) in scene.placed.iter().filter_map(|p| p.label.as_ref()) {
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
    sheet.write("No data", &big, Align::Center, x, y);
    let small = dim(scene);
    sheet.write(
        "The query gave no values in this range.",
        &small,
        Align::Center,
        x,
        y + px(36.0),
    );
}

fn limits(sheet: &mut Sheet, scene: &Scene<'_>) {
    let (plot, px) = (&scene.plot, |n| scene.scale.px(n));
    let style = Style {
        weight: Weight::Medium,
        size: px(22.0),
        color: scene.colors.threshold,
    };
    let lines = seen_lines(scene);
    let events: Vec<f32> = scene.placed.iter().map(|p| p.x).collect();
    for limit in scene.chart.thresholds.iter().filter(|t| t.value.is_finite()) {
        let drawn = scene.is_drawn(limit);
        let arrow = if limit.value > plot.hi { " ↑" } else { " ↓" };
        let words = format!("{}{}", limit.words(scene.unit), if drawn { "" } else { arrow });
        let words = style.fitted(&words, (plot.right - plot.left) * 0.4);
        let width = style.width(&words);
        // One that is out of sight is announced at the edge beyond which it is.
        let y = match drawn {
            true => plot.y(limit.value),
            false if limit.value > plot.hi => plot.top,
            false => plot.bottom,
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
    scene
        .lines
        .iter()
        .filter(|line| line.rank.is_some())
        .flat_map(|line| line.runs.iter().map(|run| run.iter().map(place).collect()))
        .collect()
}

/// In how many blocks side by side the legend's rows stand.
pub(crate) fn blocks(rows: usize) -> usize {
    if rows > 4 { 2 } else { 1 }
}

fn table(sheet: &mut Sheet, scene: &Scene<'_>) {
    if scene.rows.is_empty() {
        return;
    }
    let px = |n| scene.scale.px(n);
    let blocks = blocks(scene.rows.len());
    let (pad, between) = (scene.layout.pad, px(64.0));
    let width = (scene.width - 2.0 * pad - between * (blocks - 1) as f32) / blocks as f32;
    let columns = legend::widths(&scene.rows, px(22.0));
    for (i, rows) in scene.rows.chunks(scene.rows.len().div_ceil(blocks)).enumerate() {
        let left = pad + (width + between) * i as f32;
        block(sheet, scene, rows, left, width, &columns);
    }
}

fn block(sheet: &mut Sheet, scene: &Scene<'_>, rows: &[Row], left: f32, width: f32, columns: &[f32; 4]) {
    let px = |n| scene.scale.px(n);
    let gap = if width > px(1000.0) { px(52.0) } else { px(24.0) };
    let (words, faint) = (scene.axis_style(), dim(scene));
    let swatch = px(40.0);
    let mut ends = [left + width; 4];
    for column in (0..3).rev() {
        ends[column] = ends[column + 1] - columns[column + 1] - gap;
    }
    let room = ends[0] - columns[0] - gap - (left + swatch);
    for (end, head) in ends.iter().zip(legend::HEADS) {
        sheet.write(head, &faint, Align::Right, *end, scene.layout.legend);
    }
    for (i, row) in rows.iter().enumerate() {
        let baseline = scene.layout.legend + scene.layout.row_height * (i + 1) as f32;
        // A faint rule leads the eye from the name to its numbers.
        sheet.rule(left, baseline - px(24.0), width, 1.0, scene.colors.grid, 0.8);
        let (color, dash) = match row.rank {
            Some(rank) => theme::line(scene.colors, rank),
            None => (scene.colors.rest, None),
        };
        key(sheet, scene, left, baseline - px(8.0), color, dash);
        let style = if row.rank.is_some() { &words } else { &faint };
        sheet.write(
            &style.fitted(&row.name, room),
            style,
            Align::Left,
            left + swatch,
            baseline,
        );
        for (end, cell) in ends.iter().zip(&row.cells) {
            sheet.write(cell, style, Align::Right, *end, baseline);
        }
    }
}

/// The swatch, with the dashes of its line.
fn key(sheet: &mut Sheet, scene: &Scene<'_>, left: f32, y: f32, color: Rgb, dash: Option<(f32, f32)>) {
    let px = |n| scene.scale.px(n);
    let (length, thick) = (px(28.0), px(6.0));
    let (dash, gap) = dash.map_or((length, 0.0), |(d, g)| (px(d).min(px(11.0)), px(g).min(px(6.0))));
    let mut x = 0.0;
    while x < length {
        sheet.rule(left + x, y - thick / 2.0, dash.min(length - x), thick, color, 1.0);
        x += dash + gap;
    }
}
