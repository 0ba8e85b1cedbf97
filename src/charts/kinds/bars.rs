//! A bar for each value: how full, how far, at a glance.

use crate::{
    alt,
    error::ChartError,
    naming,
    page::{Look, Page, looks},
    series::Series,
    sheet::{Align, Sheet},
    thresholds::{self, Threshold},
    ticks::value_axis,
    unit::Unit,
};

use super::{
    Reduce,
    head::{dim, head, nothing, words},
    reduce,
};

/// Horizontal bars, the longest first, with their limits marked.
#[derive(Debug, Clone)]
pub struct BarGauge {
    title: String,
    query: String,
    unit: Option<Unit>,
    series: Vec<Series>,
    thresholds: Vec<Threshold>,
    range: (Option<f64>, Option<f64>),
    reduce: Reduce,
    pub(crate) look: Look,
}

looks!(BarGauge, "1600 pixels wide and as high as its bars need");

const MOST: usize = 24;
const ROW: f32 = 52.0;

impl BarGauge {
    /// No bar yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            unit: None,
            series: Vec::new(),
            thresholds: Vec::new(),
            range: (None, None),
            reduce: Reduce::default(),
            look: Look::flowing(1600),
        }
    }

    /// What was asked to get the data; shown below the title, and used to guess a unit that was not given.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// What the values are.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Adds a bar for a series.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a bar for each series.
    #[must_use]
    pub fn all_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.series.extend(series);
        self
    }

    /// Adds a bar.
    #[must_use]
    pub fn value(self, name: impl Into<String>, value: f64) -> Self {
        self.series(Series::new(name, vec![(0.0, value)]))
    }

    /// Adds a limit: marked on every bar, and colouring those beyond it.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    /// Where bars begin and end. Without it from zero to the highest value or limit; shares end at 100 %.
    #[must_use]
    pub fn range(mut self, min: Option<f64>, max: Option<f64>) -> Self {
        let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
        self.range = (finite(min), finite(max));
        self
    }

    /// Which number stands for a series; the last value if not given.
    #[must_use]
    pub fn reduce(mut self, reduce: Reduce) -> Self {
        self.reduce = reduce;
        self
    }

    pub(crate) fn page(&self) -> Page {
        let rows = self.series.len().clamp(1, MOST) + usize::from(self.series.len() > MOST);
        let subtitle = if self.query.trim().is_empty() { 0.0 } else { 40.0 };
        self.look
            .page_of(71.0 + subtitle + 20.0 + ROW * rows as f32 + self.foot() + 20.0)
    }

    /// How high this is as one panel among others, at full size.
    pub(crate) fn part_height(&self) -> f32 {
        70.0 + ROW * self.series.len().clamp(1, 8) as f32 + self.foot() + 12.0
    }

    fn foot(&self) -> f32 {
        if self.thresholds.iter().any(Threshold::is_finite) {
            40.0
        } else {
            0.0
        }
    }

    fn bars(&self) -> Vec<(String, f64)> {
        let series: Vec<&Series> = self.series.iter().filter(|s| s.earlier.is_none()).collect();
        let names = naming::names(&series).each;
        let mut bars: Vec<(String, f64)> = names
            .into_iter()
            .zip(&series)
            .map(|(name, series)| (name, self.reduce.of(&reduce::cleaned(series))))
            .collect();
        // What has no value is last.
        let key = |v: f64| if v.is_nan() { f64::NEG_INFINITY } else { v };
        bars.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)).then_with(|| a.0.cmp(&b.0)));
        bars
    }

    fn bounds(&self, bars: &[(String, f64)], unit: Unit) -> (f64, f64) {
        let limits = self
            .thresholds
            .iter()
            .filter(|t| t.is_finite())
            .map(|t| t.until.unwrap_or(t.value));
        let values = || bars.iter().map(|b| b.1).filter(|v| v.is_finite());
        let (low, high) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
        // A limit far away would leave all bars stumps.
        let high = limits.filter(|l| *l <= high.abs() * 4.0).fold(high, f64::max);
        let whole = match unit {
            Unit::Ratio if high <= 1.0 => Some(1.0),
            Unit::Percent if high <= 100.0 => Some(100.0),
            _ => None,
        };
        let axis = value_axis(low, high, unit, 5);
        let lo = self.range.0.unwrap_or(low);
        let hi = self
            .range
            .1
            .or(whole)
            .unwrap_or(if high > 0.0 { high } else { axis.hi });
        if lo < hi { (lo, hi) } else { (axis.lo, axis.hi) }
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let px = |n| page.px(n);
        let unit = self.unit.unwrap_or_else(|| Unit::guess(&self.query));
        let bars = self.bars();
        let mut sheet = page.sheet()?;
        let top = head(&mut sheet, page, &self.title, &self.query) + px(8.0);
        if bars.iter().all(|(_, v)| v.is_nan()) {
            nothing(&mut sheet, page, top);
            let title = alt::short(self.title.trim(), 200);
            return Ok((sheet, format!("{title}: no data.")));
        }
        let (pad, _) = crate::layout::title(page);
        let bottom = page.height as f32 - px(14.0) - px(self.foot());
        let fitting = (((bottom - top) / px(34.0)) as usize).clamp(1, MOST);
        let shown = if bars.len() > fitting {
            (fitting - 1).max(1)
        } else {
            bars.len()
        };
        let lines = shown + usize::from(bars.len() > shown);
        let row = ((bottom - top) / lines as f32).min(px(ROW * 1.4));

        let (text, faint) = (words(page), dim(page));
        let (left, right) = (pad, page.width as f32 - pad);
        let written: Vec<String> = bars[..shown]
            .iter()
            .map(|(_, v)| self.written(*v, unit))
            .collect();
        let numbers = written
            .iter()
            .map(|w| text.width(w))
            .fold(0.0, f32::max)
            .min((right - left) * 0.3);
        let names = bars[..shown]
            .iter()
            .map(|(n, _)| text.width(n))
            .fold(0.0, f32::max);
        let names = names.min((right - left) * 0.36);
        let (from, to) = (left + names + px(20.0), right - numbers - px(20.0));
        let (lo, hi) = self.bounds(&bars, unit);
        let place = |v: f64| from + (((v - lo) / (hi - lo)).clamp(0.0, 1.0)) as f32 * (to - from);

        for (i, ((name, value), number)) in bars[..shown].iter().zip(&written).enumerate() {
            let middle = top + row * (i as f32 + 0.5);
            let thick = (row * 0.56).min(px(30.0)).max(2.0);
            let baseline = middle + text.size * 0.355;
            sheet.write(
                &text.fitted(name, names + 0.5),
                &text,
                Align::Left,
                left,
                baseline,
            );
            sheet.rule(
                from,
                middle - thick / 2.0,
                to - from,
                thick,
                page.colors.grid,
                0.75,
            );
            let limit = thresholds::worst(&self.thresholds, *value);
            let color = limit.map_or(page.colors.lines[0], |l| l.level.color(page.colors));
            if value.is_finite() {
                let (start, end) = (place(lo.max(0.0).min(hi)), place(*value));
                let (start, end) = (start.min(end), start.max(end));
                if end > start {
                    sheet.rule(start, middle - thick / 2.0, end - start, thick, color, 1.0);
                }
            }
            for limit in self.thresholds.iter().filter(|t| t.is_finite()) {
                for edge in [Some(limit.value), limit.until].into_iter().flatten() {
                    if edge > lo && edge < hi {
                        // A dark seam keeps the mark in sight on a bar of its own colour.
                        let (x, y, height) = (place(edge), middle - thick / 2.0 - px(4.0), thick + px(8.0));
                        sheet.rule(x - px(2.0), y, px(4.0), height, page.colors.ground, 1.0);
                        sheet.rule(
                            x - px(1.0),
                            y,
                            px(2.0),
                            height,
                            limit.level.color(page.colors),
                            1.0,
                        );
                    }
                }
            }
            let color = limit.map_or(text.color, |l| l.level.color(page.colors));
            let style = crate::sheet::Style { color, ..text };
            sheet.write(
                &style.fitted(number, numbers + 0.5),
                &style,
                Align::Right,
                right,
                baseline,
            );
        }
        if bars.len() > shown {
            let baseline = top + row * (shown as f32 + 0.5) + text.size * 0.355;
            let more = format!("{} more", bars.len() - shown);
            sheet.write(&more, &faint, Align::Left, left, baseline);
        }
        self.limits(&mut sheet, page, unit);
        Ok((sheet, self.alt(&bars, unit)))
    }

    /// A number, with a mark when it is beyond a limit: colour alone is not enough.
    fn written(&self, value: f64, unit: Unit) -> String {
        match thresholds::worst(&self.thresholds, value) {
            Some(limit) => format!("{} {}", limit.level.mark(), unit.value(value))
                .trim()
                .to_owned(),
            None => unit.value(value),
        }
    }

    /// What the marks mean.
    fn limits(&self, sheet: &mut Sheet, page: &Page, unit: Unit) {
        let (pad, _) = crate::layout::title(page);
        let baseline = page.height as f32 - page.px(20.0);
        let mut x = pad;
        for limit in self.thresholds.iter().filter(|t| t.is_finite()) {
            let style = crate::sheet::Style {
                color: limit.level.color(page.colors),
                ..dim(page)
            };
            let text = format!("{} {}", limit.level.mark(), limit.words(unit));
            let text = style.fitted(text.trim(), page.width as f32 - pad - x);
            sheet.write(&text, &style, Align::Left, x, baseline);
            x += style.width(&text) + page.px(36.0);
        }
    }

    fn alt(&self, bars: &[(String, f64)], unit: Unit) -> String {
        let mut parts = vec![format!("{}:", alt::short(self.title.trim(), 200))];
        parts.extend(bars.iter().map(|(name, value)| {
            let limit = thresholds::worst(&self.thresholds, *value).map_or(String::new(), |l| {
                format!(" ({})", alt::short(&l.words(unit), 60))
            });
            format!("{} {}{limit}.", alt::short(name, 80), unit.value(*value))
        }));
        alt::joined(&parts)
    }
}
