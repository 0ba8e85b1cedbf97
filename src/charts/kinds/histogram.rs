//! A distribution at one time: a bar for each bucket, with the median, the 95th and the 99th percentile marked.

use crate::{
    alt,
    error::ChartError,
    layout::Plot,
    markers::{self, Event, Room},
    page::{Look, Page, looks},
    plot,
    series::{HUGE, Series},
    sheet::{Align, Sheet, Style},
    thresholds::{Level, Threshold},
    ticks::{Warp, value_axis},
    unit::Unit,
};

use super::{
    Bucket,
    buckets::{bound, classic, quantile, sound},
    head::{dim, head, nothing, words},
    heatmap::{finite_ends, observed},
};

/// A histogram.
#[derive(Debug, Clone)]
pub struct Histogram {
    title: String,
    query: String,
    unit: Option<Unit>,
    buckets: Vec<Bucket>,
    thresholds: Vec<Threshold>,
    pub(crate) look: Look,
}

looks!(Histogram, "1600 × 800");

/// The most bars; with more buckets, neighbours are added up.
const MOST: usize = 60;

impl Histogram {
    /// A histogram without data.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            unit: None,
            buckets: Vec::new(),
            thresholds: Vec::new(),
            look: Look::based(1600, 800),
        }
    }

    /// What was asked to get the data; shown below the title, and used to guess a unit that was not given.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// What the observed values are.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// A classic histogram: (upper bound `le`, count of all observations up to it); the last bound is +∞.
    #[must_use]
    pub fn classic(mut self, bounds: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.buckets = classic(bounds);
        self
    }

    /// A classic histogram as series with a label `le`, of which the last value of each counts; series of one bound are
    /// added up.
    #[must_use]
    pub fn all_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        let mut bounds: Vec<(f64, f64)> = Vec::new();
        for one in series {
            let le = one
                .labels
                .iter()
                .find(|(k, _)| k == "le")
                .and_then(|(_, v)| bound(v));
            let last = one.points.iter().rev().map(|p| p.1).find(|v| v.is_finite());
            if let (Some(le), Some(last)) = (le, last) {
                match bounds.iter_mut().find(|(b, _)| *b == le) {
                    Some((_, sum)) => *sum = (*sum + last).min(HUGE),
                    None => bounds.push((le, last)),
                }
            }
        }
        self.buckets = classic(bounds);
        self
    }

    /// A native histogram's buckets, or any others.
    #[must_use]
    pub fn native(mut self, buckets: impl IntoIterator<Item = Bucket>) -> Self {
        self.buckets = sound(buckets);
        self
    }

    /// Adds a limit of the observed values.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    pub(crate) fn page(&self) -> Page {
        self.look.page()
    }

    /// The buckets that hold something and all between them, at most `MOST`, with finite ends.
    fn bars(&self) -> (Vec<f64>, Vec<f64>) {
        let held = |b: &Bucket| b.count > 0.0;
        let Some(first) = self.buckets.iter().position(held) else {
            return (Vec::new(), Vec::new());
        };
        let last = self.buckets.iter().rposition(held).unwrap_or(first);
        let held = &self.buckets[first..=last];
        let size = held.len().div_ceil(MOST);
        let mut bounds = vec![held[0].low];
        let mut counts = Vec::new();
        for group in held.chunks(size) {
            // A native histogram leaves empty buckets out.
            if let (Some(end), Some(start)) = (bounds.last().copied(), group.first())
                && start.low > end
            {
                bounds.push(start.low);
                counts.push(0.0);
            }
            bounds.push(group.iter().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max));
            counts.push(group.iter().map(|b| b.count).sum::<f64>().min(HUGE));
        }
        // Buckets that overlap were not made by a histogram; the outline stays in order.
        for i in 1..bounds.len() {
            bounds[i] = bounds[i].max(bounds[i - 1]);
        }
        finite_ends(&mut bounds);
        (bounds, counts)
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let px = |n| page.px(n);
        let unit = self.unit.unwrap_or_else(|| observed(&self.query));
        let (bounds, counts) = self.bars();
        let mut sheet = page.sheet()?;
        let top = head(&mut sheet, page, &self.title, &self.query);
        if counts.is_empty() {
            nothing(&mut sheet, page, top);
            let title = alt::short(self.title.trim(), 200);
            return Ok((sheet, format!("{title}: no data.")));
        }
        let (text, faint) = (words(page), dim(page));
        let (pad, _) = crate::layout::title(page);
        let bottom = page.height as f32 - px(if page.part { 52.0 } else { 96.0 });
        let lanes = px(30.0);
        let room = (bottom - top - lanes) / px(80.0);
        let total: f64 = counts.iter().sum();
        let whole = counts.iter().all(|c| c.fract() == 0.0);
        let count_unit = if whole { Unit::Count } else { Unit::None };
        let most = counts.iter().copied().fold(0.0, f64::max);
        let axis = value_axis(0.0, most, count_unit, room.round().clamp(2.0, 8.0) as usize);
        let widest = axis.ticks.iter().map(|(_, l)| text.width(l)).fold(0.0, f32::max);
        let (left, right) = (pad + widest + px(14.0), page.width as f32 - pad);
        let warp = Warp::Rungs(bounds.clone().into());
        let place = |v: f64| {
            let v = v.clamp(bounds[0], bounds[bounds.len() - 1]);
            left + (warp.of(v) / counts.len() as f64) as f32 * (right - left)
        };

        // The lines across, and their labels.
        let marks = self.marks(unit);
        let events = marks
            .iter()
            .filter(|m| m.at.is_finite() && m.at >= bounds[0] && m.at <= bounds[bounds.len() - 1])
            .map(|m| Event {
                x: place(m.at),
                label: text.fitted(&m.label, (right - left) * 0.4),
                level: m.level,
            })
            .collect();
        let room = Room {
            left,
            right,
            apart: px(12.0),
            merge: 0.0,
            lanes: 2,
        };
        let placed = markers::place(events, &room, |t| text.width(t));
        let used = placed
            .iter()
            .filter_map(|p| p.label.as_ref())
            .map(|l| l.1 + 1)
            .max()
            .unwrap_or(0);
        let plot_top = (top + px(8.0) + lanes * used as f32).round();
        let area = Plot {
            left: left.round(),
            top: plot_top,
            right: right.round(),
            bottom: bottom.round().max(plot_top + 10.0),
            start: 0.0,
            end: counts.len() as f64,
            lo: axis.lo,
            hi: axis.hi,
            warp: Warp::Linear,
        };
        let grid: Vec<f64> = axis.ticks.iter().map(|(at, _)| *at).collect();
        plot::bars(
            &mut sheet.canvas,
            page,
            &area,
            &grid,
            &counts,
            page.colors.lines[0],
        )?;

        for (at, label) in &axis.ticks {
            let baseline = area.y(*at) + text.size * 0.355;
            sheet.write(label, &text, Align::Right, area.left - px(14.0), baseline);
        }
        self.bounds(&mut sheet, page, &area, &bounds, unit);
        for mark in &placed {
            let color = mark
                .level
                .map_or(page.colors.title, |level| level.color(page.colors));
            let lane = mark.label.as_ref().map_or(0, |l| l.1);
            let up = area.top - px(4.0) - lanes * lane as f32;
            plot::dashed(
                &mut sheet.canvas,
                page,
                (mark.x.round(), up),
                (mark.x.round(), area.bottom),
                color,
            )?;
            if let Some((label, lane, x)) = &mark.label {
                let style = Style { color, ..text };
                let baseline = area.top - px(11.0) - lanes * *lane as f32;
                sheet.write(label, &style, Align::Left, *x, baseline);
            }
        }
        if !page.part {
            let said: Vec<String> = std::iter::once(format!("{} observations", count_unit.value(total)))
                .chain(self.facts(unit))
                .collect();
            let baseline = page.height as f32 - px(24.0);
            sheet.write(
                &faint.fitted(&said.join(" · "), right - pad),
                &faint,
                Align::Left,
                pad,
                baseline,
            );
        }
        Ok((sheet, self.alt(unit, total, count_unit, &bounds, &counts)))
    }

    /// The buckets' bounds below the bars, as many as fit.
    fn bounds(&self, sheet: &mut Sheet, page: &Page, area: &Plot, bounds: &[f64], unit: Unit) {
        let text = words(page);
        let open = self
            .buckets
            .last()
            .is_some_and(|b| b.high == f64::INFINITY && b.count > 0.0);
        let count = bounds.len() - 1;
        let mut free = f32::NEG_INFINITY;
        for (i, bound) in bounds.iter().enumerate() {
            let label = match open && i == count {
                true => "∞".to_owned(),
                false => unit.value(*bound),
            };
            let width = text.width(&label);
            let x = area.x(i as f64);
            let left = (x - width / 2.0).clamp(area.left - page.px(20.0), area.right - width);
            let last = i == count;
            // The last one is worth more than the one before it.
            let end = text.width("∞") + page.px(18.0);
            if left >= free && (last || !open || left + width + end < area.right) {
                sheet.rule(x, area.bottom, 1.0, page.px(8.0), page.colors.frame, 1.0);
                sheet.write(&label, &text, Align::Left, left, area.bottom + page.px(31.0));
                free = left + width + page.px(18.0);
            }
        }
    }

    fn quantiles(&self) -> [(&'static str, f64); 3] {
        [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map(|(name, q)| (name, quantile(&self.buckets, q)))
    }

    fn marks(&self, unit: Unit) -> Vec<Mark> {
        let quantiles = self.quantiles().into_iter().map(|(name, at)| Mark {
            at,
            label: format!("{name} {}", unit.value(at)),
            level: None,
        });
        let limits = self
            .thresholds
            .iter()
            .filter(|t| t.is_finite())
            .map(|limit| Mark {
                at: limit.value,
                label: limit.words(unit),
                level: Some(limit.level),
            });
        limits.chain(quantiles).collect()
    }

    fn facts(&self, unit: Unit) -> Vec<String> {
        self.quantiles()
            .iter()
            .filter(|(_, v)| v.is_finite())
            .map(|(name, v)| format!("{name} {}", unit.value(*v)))
            .collect()
    }

    fn alt(&self, unit: Unit, total: f64, count_unit: Unit, bounds: &[f64], counts: &[f64]) -> String {
        let mut parts = vec![format!(
            "{}, histogram of {} observations.",
            alt::short(self.title.trim(), 200),
            count_unit.value(total)
        )];
        parts.push(format!("{}.", self.facts(unit).join(", ")));
        if let Some((i, most)) = counts.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) {
            parts.push(format!(
                "Most, {}, between {} and {}.",
                count_unit.value(*most),
                unit.value(bounds[i]),
                unit.value(bounds[i + 1])
            ));
        }
        for limit in self.thresholds.iter().filter(|t| t.is_finite()) {
            let beyond: f64 = self
                .buckets
                .iter()
                .filter(|b| limit.is_bad(b.low.midpoint(b.high).clamp(-HUGE, HUGE)))
                .map(|b| b.count)
                .sum();
            let share = Unit::Ratio.value(beyond / total.max(f64::MIN_POSITIVE));
            parts.push(format!(
                "About {share} beyond {}.",
                alt::short(&limit.words(unit), 80)
            ));
        }
        alt::joined(&parts)
    }
}

struct Mark {
    at: f64,
    label: String,
    level: Option<Level>,
}
