//! Logarithmic axes: as far from 1 ms to 10 ms as from 10 ms to 100 ms. Where there are zeros or negative values, the
//! part around zero is linear (symlog), since a logarithm knows neither.

use std::sync::Arc;

use super::value::ValueAxis;
use crate::{series::HUGE, unit::Unit};

/// What is smaller is drawn there.
const TINY: f64 = 1e-290;

/// How values become heights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Warp {
    Linear,
    Log,
    /// Linear up to this magnitude, which takes as much room as one power of ten does beyond it.
    Symlog(f64),
    /// These values, ascending, stand one step apart.
    Rungs(Arc<[f64]>),
}

impl Warp {
    pub(crate) fn of(&self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(TINY).log10(),
            Self::Symlog(near) => {
                let far = value.abs() / near;
                value.signum() * if far <= 1.0 { far } else { 1.0 + far.log10() }
            }
            Self::Rungs(rungs) => {
                let above = rungs.partition_point(|r| *r < value);
                match (above.checked_sub(1).map(|i| rungs[i]), rungs.get(above)) {
                    (Some(low), Some(high)) if *high > low => {
                        above as f64 - 1.0
                            + ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)).clamp(0.0, 1.0)
                    }
                    (None, _) => 0.0,
                    _ => rungs.len().saturating_sub(1) as f64,
                }
            }
        }
    }
}

/// So many labels more than an even axis would have: powers are few, and a missing one is missed, so they may stand closer.
const MORE: usize = 3;

/// The most powers of ten a symlog axis shows on one side: what is smaller is as good as zero.
const DECADES: i32 = 6;

/// The axis for values from `min` to `max`; `least` is the smallest magnitude among them that is not zero.
pub(crate) fn log_axis(min: f64, max: f64, least: f64, symlog: bool, unit: Unit, wanted: usize) -> ValueAxis {
    let (min, max) = (min.clamp(-HUGE, HUGE), max.clamp(-HUGE, HUGE));
    let far = min.abs().max(max.abs());
    if !(min <= max && far >= TINY) {
        return super::value_axis(min, max, unit, wanted);
    }
    if min > 0.0 && !symlog {
        return positive(min, max, unit, wanted);
    }
    let least = if least.is_finite() && least > 0.0 {
        least.min(far)
    } else {
        far
    };
    let near = 10_f64
        .powf(least.log10().floor().max(far.log10().ceil() - f64::from(DECADES)))
        .max(TINY);
    let rungs = Rungs::new(near, far, unit);
    let up = |v: f64| {
        rungs
            .all
            .iter()
            .copied()
            .find(|r| *r >= v * (1.0 - 1e-9))
            .unwrap_or(v)
    };
    let hi = if max > 0.0 { up(max) } else { 0.0 };
    let lo = if min < 0.0 { -up(-min) } else { 0.0 };
    let sides = usize::from(max > 0.0) + usize::from(min < 0.0);
    let most = match sides {
        2 => (wanted / 2 + MORE).min(wanted + MORE - 1),
        _ => wanted + MORE,
    };
    let few = rungs.thinned(near, hi.max(-lo), most.max(1));
    let mut at: Vec<f64> = few.iter().map(|r| -r).filter(|r| *r >= lo).rev().collect();
    at.push(0.0);
    at.extend(few.iter().copied().filter(|r| *r <= hi));
    ValueAxis {
        ticks: at.into_iter().map(|v| (v, label(v, unit))).collect(),
        lo,
        hi,
        warp: Warp::Symlog(near),
    }
}

fn positive(min: f64, max: f64, unit: Unit, wanted: usize) -> ValueAxis {
    let min = min.max(TINY);
    let rungs = Rungs::new(min, max, unit);
    let lo = rungs
        .all
        .iter()
        .copied()
        .rev()
        .find(|r| *r <= min * (1.0 + 1e-9))
        .unwrap_or(min);
    let hi = rungs
        .all
        .iter()
        .copied()
        .find(|r| *r >= max * (1.0 - 1e-9) && *r > lo)
        .unwrap_or(max * 2.0);
    // A peak at the very top would be cut in half by the frame.
    let top = if (hi / max).log10() < (hi / lo).log10() * 0.03 {
        (hi * 10_f64.powf((hi / lo).log10() * 0.05)).min(1e305)
    } else {
        hi
    };
    ValueAxis {
        ticks: rungs
            .thinned(lo, hi, wanted + MORE)
            .into_iter()
            .map(|v| (v, label(v, unit)))
            .collect(),
        lo,
        hi: top,
        warp: Warp::Log,
    }
}

fn label(value: f64, unit: Unit) -> String {
    unit.tick(value, value.abs())
}

/// The values worth a label, ascending.
struct Rungs {
    all: Vec<f64>,
}

impl Rungs {
    fn new(min: f64, max: f64, unit: Unit) -> Self {
        let fine = (max / min).log10() <= 2.2;
        let all = match unit {
            Unit::Bytes | Unit::BytesPerSecond => {
                let (from, to) = (min.log2().floor() as i32 - 1, max.log2().ceil() as i32 + 1);
                (from..=to).map(|e| f64::from(e).exp2()).collect()
            }
            Unit::Seconds | Unit::Milliseconds => {
                let second = if unit == Unit::Seconds { 1.0 } else { 1e3 };
                // Beyond a minute, the clock's powers.
                let long = [60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0].map(|s| s * second);
                let mut all: Vec<f64> = decimals(min, max, fine)
                    .filter(|v| *v < 59.0 * second || *v > 5e6 * second)
                    .chain(long)
                    .collect();
                all.sort_by(f64::total_cmp);
                all
            }
            _ => decimals(min, max, fine).collect(),
        };
        Self { all }
    }

    /// Those from `lo` to `hi`, at most `most` of them: every second power, every third …
    fn thinned(&self, lo: f64, hi: f64, most: usize) -> Vec<f64> {
        let seen: Vec<f64> = self
            .all
            .iter()
            .copied()
            .filter(|r| *r >= lo * (1.0 - 1e-9) && *r <= hi * (1.0 + 1e-9))
            .collect();
        let stride = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500]
            .into_iter()
            .find(|stride| seen.len().div_ceil(*stride) <= most)
            .unwrap_or(1000);
        seen.into_iter().step_by(stride).collect()
    }
}

/// 1, 2, 5 of each power of ten, or only the powers.
fn decimals(min: f64, max: f64, fine: bool) -> impl Iterator<Item = f64> {
    let (from, to) = (min.log10().floor() as i32 - 1, max.log10().ceil() as i32 + 1);
    let parts: &[f64] = if fine { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (from..=to).flat_map(move |e| {
        parts.iter().map(move |m| {
            if e < 0 {
                m / 10_f64.powi(-e)
            } else {
                m * 10_f64.powi(e)
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(min: f64, max: f64, unit: Unit) -> Vec<String> {
        let axis = log_axis(min, max, min.abs().max(1e-3), false, unit, 5);
        axis.ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn rungs_are_one_apart() {
        let warp = Warp::Rungs([1.0, 2.0, 4.0, 100.0].into());
        let seen: Vec<f64> = [0.5, 1.0, 1.5, 2.0, 3.0, 52.0, 100.0, 1e300]
            .iter()
            .map(|v| warp.of(*v))
            .collect();
        assert_eq!(seen, [0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 3.0]);
    }

    #[test]
    fn powers_are_evenly_apart_and_read_well() {
        assert_eq!(
            labels(0.0012, 9.0, Unit::Seconds),
            ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]
        );
        assert_eq!(labels(3.0, 40.0, Unit::None), ["2", "5", "10", "20", "50"]);
        assert_eq!(
            labels(0.0, 900.0, Unit::Count).first().map(String::as_str),
            Some("0")
        );
        assert_eq!(
            labels(5.0, 20_000.0, Unit::Seconds),
            ["1 s", "10 s", "60 s", "10 min", "60 min", "10 h"]
        );
    }

    proptest! {
        #[test]
        fn a_log_axis_holds_its_data(a in prop::num::f64::ANY, b in prop::num::f64::ANY, least in prop::num::f64::ANY,
                                     symlog in any::<bool>(), wanted in 1_usize..9,
                                     unit in prop::sample::select(vec![Unit::None, Unit::Seconds, Unit::Bytes, Unit::Ratio])) {
            let (min, max) = (a.min(b), a.max(b));
            let axis = log_axis(min, max, least, symlog, unit, wanted);
            prop_assert!(axis.lo.is_finite() && axis.hi.is_finite() && axis.lo < axis.hi, "{axis:?}");
            prop_assert!(axis.warp.of(axis.lo) < axis.warp.of(axis.hi), "{axis:?}");
            if min.is_finite() && max.is_finite() {
                let (lo, hi) = (axis.warp.of(axis.lo), axis.warp.of(axis.hi));
                let slack = (hi - lo) * 1e-6;
                prop_assert!(lo <= axis.warp.of(min.clamp(-HUGE, HUGE)) + slack, "{axis:?}");
                prop_assert!(hi >= axis.warp.of(max.clamp(-HUGE, HUGE)) - slack, "{axis:?}");
            }
            prop_assert!(!axis.ticks.is_empty() && axis.ticks.len() <= 2 * wanted + 6, "{axis:?}");
            for pair in axis.ticks.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0, "{axis:?}");
                prop_assert_ne!(&pair[0].1, &pair[1].1);
            }
        }
    }
}
