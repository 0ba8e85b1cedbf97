//! How a distribution changes: time across, values up, and the more observations a cell holds the brighter it is. The
//! median and the 95th percentile are drawn over it, since a cloud alone names no number.

use std::sync::Arc;

use crate::{
    chart::Chart,
    error::ChartError,
    markers::Marker,
    page::{Look, Page, looks},
    series::{self, Series},
    sheet::Sheet,
    thresholds::Threshold,
    ticks::{ValueAxis, Warp, log_axis},
    unit::Unit,
};

use super::{
    Bucket,
    buckets::{by_moment, quantile, sound},
};

/// A heatmap of the buckets of a histogram over time.
#[derive(Debug, Clone)]
pub struct Heatmap {
    chart: Chart,
    moments: Vec<(f64, Vec<Bucket>)>,
    native: bool,
    pub(crate) look: Look,
}

looks!(Heatmap, "1600 × 800");

impl Heatmap {
    /// A heatmap without data.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            chart: Chart::new(title),
            moments: Vec::new(),
            native: false,
            look: Look::based(1600, 800),
        }
    }

    /// What was asked to get the data; shown below the title, and used to guess a unit that was not given.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.chart = self.chart.query(query);
        self
    }

    /// What the observed values are.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.chart = self.chart.unit(unit);
        self
    }

    /// The range shown and the distance between points, in (Unix) seconds. Without it, the data's own.
    #[must_use]
    pub fn range(mut self, start: f64, end: f64, step: f64) -> Self {
        self.chart = self.chart.range(start, end, step);
        self
    }

    /// The viewer's time zone; UTC if not given.
    #[must_use]
    pub fn zone(mut self, zone: jiff::tz::TimeZone) -> Self {
        self.chart = self.chart.zone(zone);
        self
    }

    /// Adds a limit of the observed values.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.chart = self.chart.threshold(threshold);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn marker(mut self, marker: Marker) -> Self {
        self.chart = self.chart.marker(marker);
        self
    }

    /// A classic histogram: for each upper bound `le` (the last is +∞) its points, (Unix seconds, count of all
    /// observations up to the bound). The counts are increases or rates, not ever-growing totals.
    #[must_use]
    pub fn classic(mut self, bounds: impl IntoIterator<Item = (f64, Vec<(f64, f64)>)>) -> Self {
        let series: Vec<Series> = bounds
            .into_iter()
            .map(|(le, points)| Series::labelled([("le", le.to_string())], points))
            .collect();
        self.moments = by_moment(&series);
        self.native = false;
        self
    }

    /// A classic histogram as series with a label `le`, as `sum by (le) (rate(…_bucket[5m]))` gives them; series of one
    /// bound are added up.
    #[must_use]
    pub fn all_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.moments = by_moment(&series.into_iter().collect::<Vec<_>>());
        self.native = false;
        self
    }

    /// A native histogram: the buckets at each moment (Unix seconds).
    #[must_use]
    pub fn native(mut self, moments: impl IntoIterator<Item = (f64, Vec<Bucket>)>) -> Self {
        self.moments = moments
            .into_iter()
            .filter(|(t, _)| t.is_finite())
            .map(|(t, buckets)| (t, sound(buckets)))
            .collect();
        self.moments.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.native = true;
        self
    }

    pub(crate) fn page(&self) -> Page {
        self.look.page()
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        self.as_chart().draw_on(page)
    }

    /// The same picture as a chart of its quantiles, with the cells behind them.
    pub(crate) fn as_chart(&self) -> Chart {
        let mut chart = self.chart.clone();
        chart.look = self.look;
        let course = |q: f64| -> Vec<(f64, f64)> {
            self.moments
                .iter()
                .map(|(t, buckets)| (*t, quantile(buckets, q)))
                .collect()
        };
        chart.series = vec![Series::new("p95", course(0.95)), Series::new("p50", course(0.5))];
        let asked = chart.query.clone();
        chart.unit = chart.unit.or_else(|| Some(observed(&asked)));
        chart.cells = Some(Arc::new(Cells {
            moments: self.moments.clone(),
            native: self.native,
            counts: match Unit::guess(&asked) {
                Unit::PerSecond => Unit::PerSecond,
                _ => Unit::None,
            },
        }));
        chart
    }
}

/// What lies behind the lines of a chart: buckets by moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells {
    moments: Vec<(f64, Vec<Bucket>)>,
    native: bool,
    /// What the counts are.
    pub(crate) counts: Unit,
}

/// What a histogram's values are, by the query for its buckets.
pub(super) fn observed(query: &str) -> Unit {
    Unit::guess(&format!("histogram_quantile(0.5, {query})"))
}

/// One cell to be drawn: from when to when, from where to where, and how many of the levels of brightness.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block {
    pub(crate) time: (f64, f64),
    pub(crate) value: (f64, f64),
    pub(crate) level: usize,
}

/// How many levels of brightness there are.
pub(crate) const LEVELS: usize = 12;

impl Cells {
    /// The axis that shows every cell that holds something.
    pub(crate) fn axis(&self, unit: Unit, wanted: usize) -> Option<ValueAxis> {
        let held = || self.moments.iter().flat_map(|(_, b)| b).filter(|b| b.count > 0.0);
        held().next()?;
        if !self.native {
            let (bounds, open) = self.bounds();
            return Some(rungs(bounds, open, unit, wanted));
        }
        let finite = || held().flat_map(|b| [b.low, b.high]).filter(|v| v.is_finite());
        let (min, max) = (
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(f64::NEG_INFINITY, f64::max),
        );
        if min > max {
            return None;
        }
        let least = finite()
            .map(f64::abs)
            .filter(|v| *v > 0.0)
            .fold(f64::INFINITY, f64::min);
        Some(log_axis(min, max, least, false, unit, wanted))
    }

    /// The bounds of all cells that hold something, with one empty row above and below where there is one, and finite
    /// ends in place of infinite ones; and whether the last was infinite.
    fn bounds(&self) -> (Vec<f64>, bool) {
        let all = || self.moments.iter().flat_map(|(_, b)| b);
        let mut bounds: Vec<f64> = all().flat_map(|b| [b.low, b.high]).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let held = || all().filter(|b| b.count > 0.0);
        let low = held().map(|b| b.low).fold(f64::INFINITY, f64::min);
        let high = held().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max);
        let first = bounds.partition_point(|b| *b < low).saturating_sub(1);
        let last = (bounds.partition_point(|b| *b <= high) + 1).min(bounds.len());
        let infinite_above = high == f64::INFINITY;
        let mut bounds: Vec<f64> = bounds[first..last].to_vec();
        if !infinite_above {
            bounds.retain(|b| *b < f64::INFINITY);
        }
        finite_ends(&mut bounds);
        (bounds, infinite_above)
    }

    /// The cells between `start` and `end`, `columns` of them side by side at most.
    pub(crate) fn boxes(
        &self,
        start: f64,
        end: f64,
        step: f64,
        columns: usize,
        axis: &ValueAxis,
    ) -> (Vec<Block>, f64) {
        // Each moment's buckets are those of the step before it; with more moments than places, those of one place are
        // added up.
        let width = ((end - start) / columns.max(1) as f64).max(step).max(1e-6);
        let mut added: Vec<(f64, Vec<Bucket>)> = Vec::new();
        for (t, buckets) in self.moments.iter().filter(|(t, _)| *t >= start && *t <= end) {
            let slot = if width > step {
                ((t - start) / width).floor() * width + start + width / 2.0
            } else {
                *t
            };
            match added.last_mut() {
                Some((at, sum)) if (*at - slot).abs() < width * 1e-6 => add(sum, buckets),
                _ => added.push((slot, buckets.clone())),
            }
        }
        let most = added
            .iter()
            .flat_map(|(_, b)| b)
            .map(|b| b.count)
            .fold(0.0, f64::max);
        let mut boxes = Vec::new();
        for (t, buckets) in &added {
            let time = ((t - width / 2.0).max(start), (t + width / 2.0).min(end));
            for bucket in buckets.iter().filter(|b| b.count > 0.0) {
                let value = (bucket.low.max(axis.lo), bucket.high.min(axis.hi));
                if time.0 < time.1 && value.0 < value.1 {
                    boxes.push(Block {
                        time,
                        value,
                        level: level(bucket.count / most),
                    });
                }
            }
        }
        (boxes, most)
    }
}

/// Few observations must be seen, too: the square root lifts them.
fn level(share: f64) -> usize {
    ((share.clamp(0.0, 1.0).sqrt() * LEVELS as f64).ceil() as usize).clamp(1, LEVELS) - 1
}

fn add(sum: &mut Vec<Bucket>, more: &[Bucket]) {
    for bucket in more {
        match sum
            .iter_mut()
            .find(|b| b.low == bucket.low && b.high == bucket.high)
        {
            Some(same) => same.count = (same.count + bucket.count).min(series::HUGE),
            None => sum.push(*bucket),
        }
    }
}

/// Puts a number in place of −∞ and +∞, as far out as the neighbouring bucket is wide.
pub(super) fn finite_ends(bounds: &mut [f64]) {
    let count = bounds.len();
    if count > 0 && bounds[0] == f64::NEG_INFINITY {
        bounds[0] = match (bounds.get(1), bounds.get(2)) {
            (Some(a), Some(b)) if b.is_finite() => a - (b - a),
            (Some(a), _) if a.is_finite() => a - a.abs().max(1.0),
            _ => -1.0,
        };
    }
    if count > 1 && bounds[count - 1] == f64::INFINITY {
        let before = bounds[count - 2];
        bounds[count - 1] = match count.checked_sub(3).map(|i| bounds[i]) {
            Some(a) if a > 0.0 => (before * (before / a)).min(1e305),
            Some(a) => before + (before - a),
            None => before + before.abs().max(1.0),
        };
    }
}

/// Each bucket one step of the axis, its bounds the labels.
fn rungs(bounds: Vec<f64>, open: bool, unit: Unit, wanted: usize) -> ValueAxis {
    let (Some(lo), Some(hi)) = (bounds.first().copied(), bounds.last().copied()) else {
        return ValueAxis::bare();
    };
    let stride = bounds.len().div_ceil((wanted * 2).max(2)).max(1);
    let last = bounds.len() - 1;
    let ticks = bounds
        .iter()
        .enumerate()
        .step_by(stride)
        .map(|(i, b)| match open && i == last {
            true => (*b, "∞".to_owned()),
            false => (*b, unit.tick(*b, if *b == 0.0 { 1.0 } else { b.abs() })),
        })
        .collect();
    ValueAxis {
        lo,
        hi,
        ticks,
        warp: Warp::Rungs(bounds.into()),
    }
}
