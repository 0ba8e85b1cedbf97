//! Limits: a dashed line, a band on the bad side, and a label where it hides the least.

use crate::{
    layout::Plot,
    sheet::{Area, Style},
    theme::{Colors, Rgb},
    unit::Unit,
};

/// How bad it is to be beyond a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// An alert.
    #[default]
    Critical,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Critical => "alert",
        }
    }

    /// What stands before a number of this level.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Good => "",
            Self::Warning => "△",
            Self::Critical => "▲",
        }
    }

    pub(crate) fn color(self, colors: &Colors) -> Rgb {
        match self {
            Self::Good => colors.good,
            Self::Warning => colors.warning,
            Self::Critical => colors.threshold,
        }
    }
}

/// A limit, and the side of it that is bad.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    pub(crate) value: f64,
    pub(crate) above: bool,
    /// The end of a range with two ends; above is then true.
    pub(crate) until: Option<f64>,
    pub(crate) label: Option<String>,
    pub(crate) level: Level,
}

impl Threshold {
    fn new(value: f64, above: bool, until: Option<f64>) -> Self {
        Self {
            value,
            above,
            until,
            label: None,
            level: Level::default(),
        }
    }

    /// Above this value is bad.
    pub fn above(value: f64) -> Self {
        Self::new(value, true, None)
    }

    /// Below this value is bad.
    pub fn below(value: f64) -> Self {
        Self::new(value, false, None)
    }

    /// Between these values is bad, or good or a warning, as [`Threshold::level`] says.
    pub fn between(low: f64, high: f64) -> Self {
        Self::new(low.min(high), true, Some(high.max(low)))
    }

    /// What the limit is called in the picture, instead of "alert", "warning" or "good".
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// How bad it is; critical if not given.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// What it is called: `alert`.
    pub(crate) fn name(&self) -> &str {
        self.label.as_deref().unwrap_or_else(|| self.level.word())
    }

    /// `> 500 ms`.
    pub(crate) fn bound(&self, unit: Unit) -> String {
        match self.until {
            Some(high) => format!("{} – {}", unit.value(self.value), unit.value(high)),
            None => format!(
                "{} {}",
                if self.above { '>' } else { '<' },
                unit.value(self.value)
            ),
        }
    }

    /// `alert > 500 ms`.
    pub(crate) fn words(&self, unit: Unit) -> String {
        format!("{} {}", self.name(), self.bound(unit)).trim().to_owned()
    }

    pub(crate) fn is_bad(&self, value: f64) -> bool {
        match self.until {
            Some(high) => value >= self.value && value <= high,
            None if self.above => value > self.value,
            None => value < self.value,
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.until.is_none_or(f64::is_finite)
    }

    /// The band of values it means, up to the next limit on the same side, between `lo` and `hi`.
    pub(crate) fn band(&self, all: &[Self], lo: f64, hi: f64) -> Option<(f64, f64)> {
        let others = all
            .iter()
            .filter(|t| t.is_finite() && t.until.is_none() && t.above == self.above)
            .map(|t| t.value);
        let (from, to) = match (self.until, self.above) {
            (Some(high), _) => (self.value, high),
            (None, true) => (
                self.value,
                others.filter(|v| *v > self.value).fold(f64::INFINITY, f64::min),
            ),
            (None, false) => (
                others
                    .filter(|v| *v < self.value)
                    .fold(f64::NEG_INFINITY, f64::max),
                self.value,
            ),
        };
        let (from, to) = (from.max(lo), to.min(hi));
        (from < to).then_some((from, to))
    }
}

/// The worst limit a value is beyond.
pub(crate) fn worst(limits: &[Threshold], value: f64) -> Option<&Threshold> {
    limits
        .iter()
        .filter(|limit| limit.is_finite() && limit.is_bad(value))
        .max_by(|a, b| a.level.cmp(&b.level).then_with(|| farther(a, b)))
}

/// Of two limits of one level, the one that is farther out says more.
fn farther(a: &Threshold, b: &Threshold) -> std::cmp::Ordering {
    match a.above {
        true => a.value.total_cmp(&b.value),
        false => b.value.total_cmp(&a.value),
    }
}

/// Whether a limit is drawn in the range of the data: one far away would press the data flat.
pub(crate) fn in_reach(value: f64, min: f64, max: f64) -> bool {
    let (low, high) = (min.min(0.0), max.max(0.0));
    let reach = (high - low).max(max.abs()) * 2.0;
    value >= low - reach && value <= high + reach
}

/// Where a label on a limit's line hides the fewest lines and no other text: its left end and baseline.
pub(crate) fn label_spot(
    width: f32,
    style: &Style,
    y: f32,
    plot: &Plot,
    lines: &[Vec<(f32, f32)>],
    taken: impl Fn(&Area) -> bool,
) -> Option<(f32, f32)> {
    let air = style.size * 0.4;
    let (left, right) = (plot.left + air, plot.right - width - air);
    let above = y - air;
    let below = y + style.size * 0.72 + air;
    let mut best: Option<(usize, f32, f32)> = None;
    for part in 0..=24 {
        let x = right + (left - right) * part as f32 / 24.0;
        for baseline in [above, below] {
            let area = Area::of_text(x, baseline, width, style.size);
            if x < plot.left || area.top < plot.top || area.bottom > plot.bottom || taken(&area) {
                continue;
            }
            let wide = Area {
                left: area.left - air,
                top: area.top - air * 0.7,
                right: area.right + air,
                bottom: area.bottom + air * 0.5,
            };
            let hidden = lines.iter().map(|line| crossings(line, &wide)).sum();
            if best.is_none_or(|(least, ..)| hidden < least) {
                best = Some((hidden, x, baseline));
            }
        }
    }
    best.map(|(_, x, baseline)| (x, baseline))
}

/// How many pieces of a line run through an area.
fn crossings(line: &[(f32, f32)], area: &Area) -> usize {
    let from = line.partition_point(|p| p.0 < area.left).saturating_sub(1);
    line[from..]
        .windows(2)
        .take_while(|pair| pair[0].0 <= area.right)
        .filter(|pair| {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            if x1 < area.left {
                return false;
            }
            let at = |x: f32| {
                if x1 > x0 {
                    y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0)
                } else {
                    y0
                }
            };
            let (a, b) = (
                at(area.left.max(x0)),
                if x1 > x0 { at(area.right.min(x1)) } else { y1 },
            );
            a.min(b) <= area.bottom && a.max(b) >= area.top
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_ends_where_a_worse_one_begins() {
        let limits = [
            Threshold::above(0.3).level(Level::Warning),
            Threshold::above(0.5),
            Threshold::below(0.1),
            Threshold::between(0.15, 0.2).level(Level::Good),
        ];
        let bands: Vec<_> = limits.iter().map(|l| l.band(&limits, 0.0, 1.0)).collect();
        assert_eq!(
            bands,
            [
                Some((0.3, 0.5)),
                Some((0.5, 1.0)),
                Some((0.0, 0.1)),
                Some((0.15, 0.2))
            ]
        );
        assert_eq!(limits[1].band(&limits, 0.0, 0.4), None);
        assert_eq!(limits[0].words(Unit::Seconds), "warning > 300 ms");
        assert_eq!(limits[3].words(Unit::Seconds), "good 150 ms – 200 ms");
        assert_eq!(worst(&limits, 0.7), Some(&limits[1]));
        assert_eq!(worst(&limits, 0.4), Some(&limits[0]));
        assert_eq!(worst(&limits, 0.12), None);
    }
}
