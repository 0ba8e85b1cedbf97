//! Everything about a picture decided before a pixel is drawn: cleaned points, ranks, axis, layout, places of labels.

mod cut;
mod legend_rows;

use crate::{
    chart::{Axis, Chart, Shape},
    frame,
    kinds::Block,
    layout::{Layout, Plot, Scale},
    legend::{self, Column, Row},
    markers::{self, Event, Placed, Room},
    naming,
    page::Page,
    plot::Line,
    series::{self, Series, Stats},
    sheet::Style,
    stack::{Band, Stack},
    text::Weight,
    theme::{self, Colors, Rgb},
    thresholds::{self, Level, Threshold},
    ticks::{ValueAxis, Warp, log_axis, moment, value_axis},
    unit::Unit,
};

/// The same thing at an earlier time.
#[derive(Debug)]
pub(crate) struct Companion {
    /// The index of the series it belongs to; `None` when there is none, or when it is that of their sum.
    pub(crate) twin: Option<usize>,
    pub(crate) when: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) stats: Option<Stats>,
    /// What is drawn of it.
    pub(crate) runs: Vec<Vec<(f64, f64)>>,
}

/// Everything decided, nothing drawn.
pub(crate) struct Scene<'a> {
    pub(crate) chart: &'a Chart,
    pub(crate) page: Page,
    pub(crate) colors: &'static Colors,
    pub(crate) scale: Scale,
    pub(crate) width: f32,
    pub(crate) unit: Unit,
    pub(crate) step: f64,
    /// The range asked for; bars need half a step more on both sides.
    pub(crate) range: (f64, f64),
    pub(crate) companions: Vec<Companion>,
    pub(crate) names: naming::Names,
    pub(crate) stats: Vec<Option<Stats>>,
    /// Indices of the series, by rank.
    pub(crate) order: Vec<usize>,
    /// Cleaned points of each series.
    pub(crate) points: Vec<Vec<(f64, f64)>>,
    /// What is drawn of each, from the lowest rank to the highest.
    pub(crate) lines: Vec<Line>,
    /// What is drawn instead where series stand on each other: the bands of each rank, those not named as one.
    pub(crate) bands: Vec<(Option<usize>, Vec<Band>)>,
    /// The sum, where series stand on each other.
    pub(crate) total: Option<Stats>,
    pub(crate) named: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    pub(crate) axis: ValueAxis,
    pub(crate) layout: Layout,
    pub(crate) plot: Plot,
    pub(crate) placed: Vec<Placed>,
    pub(crate) subtitles: Vec<String>,
}

/// The most rows a panel's legend has.
const PART_ROWS: usize = 4;

/// With more bars than that, the half ones at both ends are too thin to matter.
const BARS: f64 = 2000.0;

impl<'a> Scene<'a> {
    pub(crate) fn of(chart: &'a Chart, page: &Page) -> Self {
        let (start, end) = bounds(chart);
        let (companions, series): (Vec<&Series>, Vec<&Series>) =
            chart.series.iter().partition(|s| s.earlier.is_some());
        let points: Vec<Vec<(f64, f64)>> = series
            .iter()
            .map(|s| series::clean(&s.points, start, end))
            .collect();
        let companions: Vec<Companion> = companions
            .into_iter()
            .map(|c| {
                let points = series::clean(&c.points, start, end);
                Companion {
                    twin: series.iter().position(|s| s.is_twin(c)),
                    when: c.earlier.clone().unwrap_or_default(),
                    stats: Stats::of(&points),
                    points,
                    runs: Vec::new(),
                }
            })
            .collect();
        let step = chart
            .range
            .map(|(_, _, step)| step)
            .filter(|step| step.is_finite() && *step > 0.0)
            .or_else(|| series::usual_step(&points))
            .unwrap_or((end - start) / 100.0);
        let unit = chart.unit.unwrap_or_else(|| Unit::guess(&chart.query));
        let names = naming::names(&series);
        let stats: Vec<Option<Stats>> = points.iter().map(|p| Stats::of(p)).collect();
        let dimmed: Vec<bool> = series.iter().map(|s| s.dimmed).collect();
        let order = legend::order(&stats, &names.each, &dimmed);
        let some = stats.iter().any(Option::is_some);
        let top = if page.part {
            chart.top.min(PART_ROWS)
        } else {
            chart.top
        };
        let strong = dimmed.iter().filter(|d| !**d).count();
        let named = match (some, strong) {
            (false, _) => 0,
            (true, 0) => legend::named(order.len(), top),
            (true, strong) => legend::named(order.len(), top).min(strong),
        };
        let subtitles = match page.part {
            true => Vec::new(),
            false => frame::subtitles(chart, &names, start, end, step),
        };
        let mut scene = Self {
            subtitles,
            axis: ValueAxis::bare(),
            layout: Layout::new(page, 0, 0, 0),
            plot: Layout::new(page, 0, 0, 0).plot(0.0, 1.0, start, end, &ValueAxis::bare()),
            placed: Vec::new(),
            lines: Vec::new(),
            bands: Vec::new(),
            total: None,
            chart,
            page: *page,
            colors: page.colors,
            scale: page.scale,
            width: page.width as f32,
            unit,
            step,
            range: (start, end),
            companions,
            names,
            stats,
            order,
            points,
            named,
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let stacked = scene.stack();
        let wide = chart.shape == Shape::Bars || chart.cells.is_some();
        let (start, end) = match wide && (end - start) / step < BARS {
            true => (start - step / 2.0, end + step / 2.0),
            false => (start, end),
        };
        let rows = match some {
            true => {
                named
                    + usize::from(scene.order.len() > named)
                    + usize::from(scene.total.is_some() && !page.part)
            }
            false => 0,
        };
        scene.lay_out(rows, start, end, stacked.as_ref());
        if some {
            scene.write_legend();
        }
        scene.cut_lines();
        scene.cut_bands(stacked);
        scene
    }

    fn lay_out(&mut self, rows: usize, start: f64, end: f64, stacked: Option<&Stack>) {
        let lines = rows.div_ceil(frame::blocks(rows));
        let without = Layout::new(&self.page, self.subtitles.len(), 0, lines);
        let room = (without.plot_bottom - without.plot_top) / self.scale.px(1.0);
        // About 80 pixels between two labels.
        let apart = if self.page.part { 60.0 } else { 80.0 };
        let wanted = (room / apart).round().clamp(2.0, 8.0) as usize;
        self.axis = self.value_axis(wanted, stacked);

        let style = self.axis_style();
        let widest = self
            .axis
            .ticks
            .iter()
            .map(|(_, l)| style.width(l))
            .fold(0.0, f32::max);
        let (left, right) = (
            without.pad + widest + self.scale.px(14.0),
            self.width - without.pad,
        );

        let rough = without.plot(left, right, start, end, &self.axis);
        let label = self.marker_style();
        let events: Vec<Event> = self
            .chart
            .markers
            .iter()
            .filter_map(|m| Some((m, m.seen(start, end)?)))
            .map(|(m, (from, _))| Event {
                x: rough.x(from),
                label: label.fitted(&m.label, (right - left) * 0.45),
                level: m.level,
            })
            .collect();
        let room = Room {
            // Not over the highest value's label.
            left,
            right,
            apart: self.scale.px(12.0),
            merge: self.scale.px(18.0),
            lanes: if self.page.part { 1 } else { markers::LANES },
        };
        self.placed = markers::place(events, &room, |text| label.width(text));
        let lanes = self
            .placed
            .iter()
            .filter_map(|p| p.label.as_ref())
            .map(|(_, lane, _)| lane + 1)
            .max();
        self.layout = Layout::new(&self.page, self.subtitles.len(), lanes.unwrap_or(0), lines);
        self.plot = self.layout.plot(left, right, start, end, &self.axis);
    }

    fn value_axis(&self, wanted: usize, stacked: Option<&Stack>) -> ValueAxis {
        let alone = if stacked.is_some() {
            &[]
        } else {
            self.stats.as_slice()
        };
        if let Some(axis) = self.chart.cells.as_ref().and_then(|c| c.axis(self.unit, wanted)) {
            return axis;
        }
        let real = alone
            .iter()
            .chain(self.companions.iter().map(|c| &c.stats))
            .flatten();
        let (mut min, mut max) = real.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), s| {
            (lo.min(s.min), hi.max(s.max))
        });
        if let Some(stack) = stacked.filter(|s| !s.total.is_empty()) {
            (min, max) = (min.min(stack.lowest), max.max(stack.highest));
        }
        let empty = min > max;
        if empty && self.chart.thresholds.is_empty() {
            return ValueAxis::bare();
        }
        if empty {
            (min, max) = (0.0, 0.0);
        }
        if let (Some(low), false) = (self.chart.reach.0, empty) {
            min = min.min(low);
        }
        if let (Some(high), false) = (self.chart.reach.1, empty) {
            max = max.max(high);
        }
        let data = (min, max);
        for limit in self.chart.thresholds.iter().filter(|t| t.is_finite()) {
            for value in [Some(limit.value), limit.until].into_iter().flatten() {
                if empty || thresholds::in_reach(value, data.0, data.1) {
                    // A limit at the very edge would have no band to show.
                    let air = (max.max(value) - min.min(value)) * 0.1;
                    (min, max) = (min.min(value), max.max(value));
                    if limit.above && value == max {
                        max += air;
                    } else if !limit.above && value == min && min < 0.0 {
                        min -= air;
                    }
                }
            }
        }
        match self.chart.axis {
            // Stacked areas on a logarithm would have no bottom to stand on.
            Axis::Log | Axis::Symlog if stacked.is_none() && !empty => {
                let symlog = self.chart.axis == Axis::Symlog;
                log_axis(min, max, self.least(), symlog, self.unit, wanted)
            }
            _ => value_axis(min, max, self.unit, wanted),
        }
    }

    /// The smallest magnitude that is not zero.
    fn least(&self) -> f64 {
        self.points
            .iter()
            .chain(self.companions.iter().map(|c| &c.points))
            .flatten()
            .map(|p| p.1.abs())
            .filter(|v| *v > 0.0)
            .fold(f64::INFINITY, f64::min)
    }

    /// The smallest difference the legend must show: three digits do, unless the axis is a magnifying glass.
    pub(crate) fn resolution(&self) -> f64 {
        match self.axis.ticks.as_slice() {
            [first, second, ..]
                if self.axis.warp == Warp::Linear && (self.axis.lo > 0.0 || self.axis.hi < 0.0) =>
            {
                (second.0 - first.0) / 2.0
            }
            _ => f64::INFINITY,
        }
    }

    /// A value as the legend and the words write it.
    pub(crate) fn written(&self, value: f64) -> String {
        self.unit.value_to(value, self.resolution())
    }

    /// The cells of a heatmap, and the largest count of one.
    pub(crate) fn blocks(&self) -> (Vec<Block>, f64) {
        let plot = &self.plot;
        // Narrower than three pixels, a cell is noise.
        let columns = ((plot.right - plot.left) / 3.0).max(1.0) as usize;
        match &self.chart.cells {
            Some(cells) => cells.boxes(plot.start, plot.end, self.step, columns, &self.axis),
            None => (Vec::new(), 0.0),
        }
    }

    /// How the line of a rank looks: its colour and dashes. Over the cells of a heatmap, other colours are seen better.
    pub(crate) fn line(&self, rank: usize) -> (Rgb, Option<(f32, f32)>) {
        match (&self.chart.cells, rank) {
            (Some(_), 0) => (self.colors.lines[1], None),
            (Some(_), 1) => (self.colors.title, None),
            _ => theme::line(self.colors, rank),
        }
    }

    /// Whether there is nothing to see.
    pub(crate) fn is_empty(&self) -> bool {
        self.stats.iter().all(Option::is_none) && self.companions.iter().all(|c| c.stats.is_none())
    }

    pub(crate) fn axis_style(&self) -> Style {
        Style {
            weight: Weight::Regular,
            size: self.scale.px(22.0),
            color: self.colors.text,
        }
    }

    pub(crate) fn marker_style(&self) -> Style {
        Style {
            weight: Weight::Regular,
            size: self.scale.px(22.0),
            color: self.colors.marker,
        }
    }

    /// The colour of an event.
    pub(crate) fn event_color(&self, level: Option<Level>) -> Rgb {
        level.map_or(self.colors.marker, |level| level.color(self.colors))
    }

    /// The lines of a limit that are in the plot.
    pub(crate) fn edges(&self, threshold: &Threshold) -> Vec<f64> {
        [Some(threshold.value), threshold.until]
            .into_iter()
            .flatten()
            .filter(|v| *v >= self.plot.lo && *v <= self.plot.hi)
            .collect()
    }
}

/// The range to show: the one asked for, or the data's; always some time long, and inside the calendar.
fn bounds(chart: &Chart) -> (f64, f64) {
    let times = || {
        chart
            .series
            .iter()
            .flat_map(|s| s.points.iter().map(|p| p.0))
            .filter(|t| t.is_finite())
    };
    let (start, end) = match chart.range {
        Some((start, end, _)) if start.is_finite() && end.is_finite() => (start, end),
        _ => {
            let (start, end) = times().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| {
                (a.min(t), b.max(t))
            });
            if start <= end { (start, end) } else { (0.0, 3600.0) }
        }
    };
    let inside = |t: f64| {
        if t.abs() < 1e11 {
            t
        } else {
            moment(t).as_millisecond() as f64 / 1e3
        }
    };
    let (start, end) = (inside(start.min(end)), inside(end.max(start)));
    if end - start < 1e-3 {
        (start - 30.0, end + 30.0)
    } else {
        (start, end)
    }
}
