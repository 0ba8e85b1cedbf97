//! Everything about a picture decided before a pixel is drawn: cleaned points, ranks, axis, layout, places of labels.

use crate::{
    chart::Chart,
    decimate, frame,
    layout::{Layout, Plot, Scale},
    legend::{self, Row},
    markers::{self, Placed, Room},
    naming,
    plot::Line,
    series::{self, Stats},
    sheet::Style,
    text::Weight,
    theme::Colors,
    thresholds::{self, Threshold},
    ticks::{ValueAxis, moment, value_axis},
    unit::Unit,
};

/// Everything decided, nothing drawn.
pub(crate) struct Scene<'a> {
    pub(crate) chart: &'a Chart,
    pub(crate) colors: &'static Colors,
    pub(crate) scale: Scale,
    pub(crate) width: f32,
    pub(crate) unit: Unit,
    pub(crate) step: f64,
    pub(crate) names: naming::Names,
    pub(crate) stats: Vec<Option<Stats>>,
    /// Indices of the series, by rank.
    pub(crate) order: Vec<usize>,
    /// Cleaned points of each series.
    pub(crate) points: Vec<Vec<(f64, f64)>>,
    /// What is drawn of each, from the lowest rank to the highest.
    pub(crate) lines: Vec<Line>,
    pub(crate) named: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) axis: ValueAxis,
    pub(crate) layout: Layout,
    pub(crate) plot: Plot,
    pub(crate) placed: Vec<Placed>,
    pub(crate) subtitles: Vec<String>,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(chart: &'a Chart) -> Self {
        let (width, height) = chart.size;
        let scale = Scale::of(width, height);
        let colors = chart.theme.colors();
        let (start, end) = bounds(chart);
        let points: Vec<Vec<(f64, f64)>> = chart
            .series
            .iter()
            .map(|s| series::clean(&s.points, start, end))
            .collect();
        let step = chart
            .range
            .map(|(_, _, step)| step)
            .filter(|step| step.is_finite() && *step > 0.0)
            .or_else(|| series::usual_step(&points))
            .unwrap_or((end - start) / 100.0);
        let unit = chart.unit.unwrap_or_else(|| Unit::guess(&chart.query));
        let names = naming::names(&chart.series);
        let stats: Vec<Option<Stats>> = points.iter().map(|p| Stats::of(p)).collect();
        let mut order = legend::order(&stats, &names.each);
        // Stable: among the faint ones the order stays.
        order.sort_by_key(|i| chart.series[*i].faint);
        let strong = order.iter().filter(|i| !chart.series[**i].faint).count();
        let some = stats.iter().any(Option::is_some);
        let named = match (some, strong) {
            (false, _) => 0,
            // All are faint: then none is.
            (true, 0) => legend::named(order.len(), chart.top),
            (true, strong) => legend::named(order.len(), chart.top).min(strong),
        };

        let mut scene = Self {
            subtitles: frame::subtitles(chart, &names, start, end, step),
            axis: ValueAxis {
                lo: 0.0,
                hi: 1.0,
                ticks: Vec::new(),
            },
            layout: Layout::new(scale, height, 0, 0, 0),
            plot: Layout::new(scale, height, 0, 0, 0).plot(
                0.0,
                1.0,
                start,
                end,
                &ValueAxis {
                    lo: 0.0,
                    hi: 1.0,
                    ticks: Vec::new(),
                },
            ),
            placed: Vec::new(),
            lines: Vec::new(),
            chart,
            colors,
            scale,
            width: width as f32,
            unit,
            step,
            names,
            stats,
            order,
            points,
            named,
            rows: Vec::new(),
        };
        let rows = match some {
            true => scene
                .order
                .len()
                .min(named + usize::from(scene.order.len() > named)),
            false => 0,
        };
        scene.lay_out(height, rows, start, end);
        if some {
            let resolution = scene.resolution();
            let write = |v| unit.value_to(v, resolution);
            scene.rows = legend::rows(&scene.order, &scene.stats, &scene.names.each, named, write);
        }
        scene.cut_lines();
        scene
    }

    fn lay_out(&mut self, height: u32, rows: usize, start: f64, end: f64) {
        let lines = rows.div_ceil(frame::blocks(rows));
        let without = Layout::new(self.scale, height, self.subtitles.len(), 0, lines);
        let room = (without.plot_bottom - without.plot_top) / self.scale.px(1.0);
        // About 80 pixels between two labels.
        let wanted = (room / 80.0).round().clamp(2.0, 8.0) as usize;
        self.axis = self.value_axis(wanted);

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
        let marks = self.chart.markers.iter().filter(|m| m.at >= start && m.at <= end);
        let label = self.marker_style();
        let events: Vec<(f32, String)> = marks
            .map(|m| (rough.x(m.at), label.fitted(&m.label, (right - left) * 0.45)))
            .collect();
        let room = Room {
            // Not over the highest value's label.
            left,
            right,
            apart: self.scale.px(12.0),
            merge: self.scale.px(18.0),
        };
        self.placed = markers::place(events, &room, |text| label.width(text));
        let lanes = self
            .placed
            .iter()
            .filter_map(|p| p.label.as_ref())
            .map(|(_, lane, _)| lane + 1)
            .max();
        self.layout = Layout::new(
            self.scale,
            height,
            self.subtitles.len(),
            lanes.unwrap_or(0),
            lines,
        );
        self.plot = self.layout.plot(left, right, start, end, &self.axis);
    }

    fn value_axis(&self, wanted: usize) -> ValueAxis {
        let real = self.stats.iter().flatten();
        let (mut min, mut max) = real.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), s| {
            (lo.min(s.min), hi.max(s.max))
        });
        let empty = min > max;
        if empty && self.chart.thresholds.is_empty() {
            return ValueAxis {
                lo: 0.0,
                hi: 1.0,
                ticks: Vec::new(),
            };
        }
        if empty {
            (min, max) = (0.0, 0.0);
        }
        let data = (min, max);
        for limit in self.chart.thresholds.iter().filter(|t| t.value.is_finite()) {
            if empty || thresholds::in_reach(limit, data.0, data.1) {
                // A limit at the very edge would have no band to show.
                let air = (max.max(limit.value) - min.min(limit.value)) * 0.1;
                (min, max) = (min.min(limit.value), max.max(limit.value));
                if limit.above && limit.value == max {
                    max += air;
                } else if !limit.above && limit.value == min && min < 0.0 {
                    min -= air;
                }
            }
        }
        value_axis(min, max, self.unit, wanted)
    }

    fn cut_lines(&mut self) {
        let columns = (self.plot.right - self.plot.left).max(1.0) as usize;
        let (start, end) = (self.plot.start, self.plot.end);
        self.lines = self
            .order
            .iter()
            .enumerate()
            .rev()
            .map(|(rank, i)| {
                let runs = series::segments(&self.points[*i], self.step);
                let (dots, runs): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.len() == 1);
                let dots: Vec<(f64, f64)> = dots.into_iter().flatten().collect();
                Line {
                    rank: (rank < self.named).then_some(rank),
                    dots: decimate::m4(&dots, start, end, columns),
                    runs: runs
                        .iter()
                        .map(|run| decimate::m4(run, start, end, columns))
                        .collect(),
                }
            })
            .collect();
    }

    /// The smallest difference the legend must show: three digits do, unless the axis is a magnifying glass.
    pub(crate) fn resolution(&self) -> f64 {
        match self.axis.ticks.as_slice() {
            [first, second, ..] if self.axis.lo > 0.0 || self.axis.hi < 0.0 => (second.0 - first.0) / 2.0,
            _ => f64::INFINITY,
        }
    }

    /// A value as the legend and the words write it.
    pub(crate) fn written(&self, value: f64) -> String {
        self.unit.value_to(value, self.resolution())
    }

    /// Whether there is nothing to see.
    pub(crate) fn is_empty(&self) -> bool {
        self.stats.iter().all(Option::is_none)
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

    pub(crate) fn is_drawn(&self, threshold: &Threshold) -> bool {
        threshold.value >= self.plot.lo && threshold.value <= self.plot.hi
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
