//! Limits: a dashed line, a band on the bad side, and a label where it hides the least.

use crate::{
    layout::Plot,
    sheet::{Area, Style},
    unit::Unit,
};

/// A limit, and the side of it that is bad.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    pub(crate) value: f64,
    pub(crate) above: bool,
    pub(crate) label: String,
}

impl Threshold {
    /// Above this value is bad.
    pub fn above(value: f64) -> Self {
        Self {
            value,
            above: true,
            label: "alert".to_owned(),
        }
    }

    /// Below this value is bad.
    pub fn below(value: f64) -> Self {
        Self {
            value,
            above: false,
            label: "alert".to_owned(),
        }
    }

    /// What the limit is called in the picture, instead of "alert".
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// `alert > 500 ms`.
    pub(crate) fn words(&self, unit: Unit) -> String {
        format!(
            "{} {} {}",
            self.label,
            if self.above { '>' } else { '<' },
            unit.value(self.value)
        )
        .trim()
        .to_owned()
    }

    pub(crate) fn is_bad(&self, value: f64) -> bool {
        if self.above {
            value > self.value
        } else {
            value < self.value
        }
    }
}

/// Whether a limit is drawn in the range of the data: one far away would press the data flat.
pub(crate) fn in_reach(threshold: &Threshold, min: f64, max: f64) -> bool {
    let (low, high) = (min.min(0.0), max.max(0.0));
    let reach = (high - low).max(max.abs()) * 2.0;
    threshold.value >= low - reach && threshold.value <= high + reach
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
            let hidden = lines.iter().map(|line| crossings(line, &area)).sum();
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
