//! The value axis: steps people count in (1, 2, 2.5, 5; powers of two for bytes; sixtieths for long durations), zero
//! in view unless the data says otherwise.

use super::log::Warp;
use crate::{series::HUGE, unit::Unit};

/// A value axis: its range, and its labelled ticks from the lowest up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueAxis {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) ticks: Vec<(f64, String)>,
    /// How values become heights.
    pub(crate) warp: Warp,
}

impl ValueAxis {
    /// An axis nothing is known about.
    pub(crate) fn bare() -> Self {
        Self {
            lo: 0.0,
            hi: 1.0,
            ticks: Vec::new(),
            warp: Warp::Linear,
        }
    }
}

/// The axis for values from `min` to `max` with about `wanted` intervals.
pub(crate) fn value_axis(min: f64, max: f64, unit: Unit, wanted: usize) -> ValueAxis {
    let (min, max) = if min.is_finite() && max.is_finite() && min <= max {
        (min, max)
    } else {
        (0.0, 1.0)
    };
    let (min, max) = (min.clamp(-HUGE, HUGE), max.clamp(-HUGE, HUGE));
    let (lo, hi) = framed(min, max, unit);
    let step = step(hi - lo, wanted.max(1) as f64, unit);

    let first = (lo / step + 1e-9).floor();
    let lo = if lo == 0.0 { 0.0 } else { first * step };
    let whole = ((hi / step - 1e-9).ceil() * step).max(lo + step);
    let full = max > 0.0 && matches!((unit, max), (Unit::Percent, 100.0) | (Unit::Ratio, 1.0));
    // A peak at the very top would be cut in half by the frame.
    let cramped = !full && max > lo && whole - max < (whole - lo) * 0.03;
    let hi = if cramped { whole + step * 0.25 } else { whole };

    let count = ((hi - lo) / step + 1e-6).floor().clamp(0.0, 100.0) as u32;
    let base = (lo / step).round();
    let ticks = (0..=count)
        .map(|i| (base + f64::from(i)) * step)
        .filter(|at| *at <= hi + step * 1e-6)
        .map(|at| (at.min(hi), unit.tick(at, step)))
        .collect();
    ValueAxis {
        lo,
        hi,
        ticks,
        warp: Warp::Linear,
    }
}

/// The range to show: from zero, unless all values lie close together and far from it.
fn framed(min: f64, max: f64, unit: Unit) -> (f64, f64) {
    let far = min.abs().max(max.abs());
    let spread = max - min;
    if far < 1e-290 {
        let top = if unit == Unit::Ratio { 0.01 } else { 1.0 };
        return (0.0, top);
    }
    // A flat line, or one only rounding noise above it, is shown against zero.
    if spread <= far * 1e-9 || spread / far > 0.1 || min.signum() != max.signum() {
        return (min.min(0.0), max.max(0.0));
    }
    (min, max)
}

fn step(range: f64, wanted: f64, unit: Unit) -> f64 {
    let least = range / wanted;
    let (scale, floor) = match unit {
        Unit::Seconds => (1.0, 25.0),
        Unit::Milliseconds => (1e3, 25.0),
        _ => (1.0, f64::INFINITY),
    };
    if least / scale > floor {
        return sixtieths(least / scale) * scale;
    }
    let step = match unit {
        Unit::Bytes | Unit::BytesPerSecond if least > 1.0 => least.log2().ceil().exp2(),
        _ => decimal(least),
    };
    if unit == Unit::Count {
        step.max(1.0).ceil()
    } else {
        step
    }
}

/// The next of 1, 2, 2.5, 5 × 10ⁿ.
fn decimal(least: f64) -> f64 {
    let power = least.log10().floor() as i32;
    // Divided rather than multiplied by a negative power: 0.1 is 1/10, not 10⁻¹ rounded twice.
    let of = |m: f64, p: i32| {
        if p < 0 {
            m / 10_f64.powi(-p)
        } else {
            m * 10_f64.powi(p)
        }
    };
    [(1.0, 0), (2.0, 0), (2.5, 0), (5.0, 0), (1.0, 1), (2.0, 1)]
        .into_iter()
        .map(|(m, up)| of(m, power + up))
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or_else(|| of(1.0, power + 1))
}

/// The next of 30 s, 1 min … 12 h, and whole days beyond.
fn sixtieths(least: f64) -> f64 {
    const LADDER: [f64; 13] = [
        30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0, 43200.0, 86400.0,
    ];
    LADDER
        .into_iter()
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or_else(|| decimal((least / 86_400.0).max(1.0)) * 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(min: f64, max: f64, unit: Unit) -> Vec<String> {
        value_axis(min, max, unit, 5)
            .ticks
            .into_iter()
            .map(|(_, label)| label)
            .collect()
    }

    #[test]
    fn the_target_picture_s_axis_is_right() {
        assert_eq!(
            labels(0.06, 1.07, Unit::Seconds),
            ["0 s", "250 ms", "500 ms", "750 ms", "1 s", "1.25 s"]
        );
    }

    #[test]
    fn bytes_go_by_powers_of_two_and_durations_by_sixtieths() {
        assert_eq!(
            labels(0.0, 1.7e9, Unit::Bytes),
            ["0 B", "512 MiB", "1 GiB", "1.5 GiB", "2 GiB"]
        );
        assert_eq!(
            labels(0.0, 5000.0, Unit::Seconds),
            ["0 s", "30 min", "60 min", "90 min"]
        );
        assert_eq!(labels(0.0, 3.0, Unit::Count), ["0", "1", "2", "3"]);
    }

    #[test]
    fn zero_is_in_view_unless_the_data_is_far_from_it() {
        assert_eq!(value_axis(95.0, 99.0, Unit::None, 5).lo, 95.0);
        assert_eq!(value_axis(50.0, 99.0, Unit::None, 5).lo, 0.0);
        assert_eq!(value_axis(7.0, 7.0, Unit::None, 5).lo, 0.0);
        assert_eq!(value_axis(0.0, 1.0, Unit::Ratio, 5).hi, 1.0);
        assert_eq!(value_axis(-5.0, -1.0, Unit::None, 5).hi, 0.0);
    }

    proptest! {
        #[test]
        fn an_axis_holds_its_data(a in prop::num::f64::ANY, b in prop::num::f64::ANY, wanted in 1_usize..9,
                                  unit in prop::sample::select(vec![Unit::None, Unit::Count, Unit::Seconds,
                                      Unit::Bytes, Unit::Percent, Unit::Ratio, Unit::Milliseconds])) {
            let (min, max) = (a.min(b), a.max(b));
            let axis = value_axis(min, max, unit, wanted);
            prop_assert!(axis.lo.is_finite() && axis.hi.is_finite() && axis.lo < axis.hi, "{axis:?}");
            if min.is_finite() && max.is_finite() {
                let slack = (axis.hi - axis.lo) * 1e-6;
                prop_assert!(axis.lo <= min.clamp(-HUGE, HUGE) + slack && axis.hi >= max.clamp(-HUGE, HUGE) - slack, "{axis:?}");
            }
            prop_assert!(axis.ticks.len() <= wanted + 4, "{axis:?}");
            prop_assert!(!axis.ticks.is_empty());
            for pair in axis.ticks.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0);
                prop_assert_ne!(&pair[0].1, &pair[1].1);
            }
            let step = axis.ticks.get(1).map_or(1.0, |t| t.0 - axis.ticks[0].0);
            for (at, label) in &axis.ticks {
                prop_assert!(*at >= axis.lo - step * 1e-6 && *at <= axis.hi);
                let read = unit.parse(label);
                prop_assert!(read.is_some_and(|r| (r - at).abs() <= step * 0.02), "{at} {label} {read:?}");
            }
        }
    }
}
