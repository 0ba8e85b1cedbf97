//! Series on top of each other: at each moment a series stands on what those before it add up to. Negative values hang
//! below zero. A gap in one series is a gap in its own band only; it is never taken for a zero by the eye, since the
//! band ends and begins with an edge.

use crate::series::HUGE;

/// One piece of a series without a gap: moments, and from where to where it reaches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Band {
    pub(crate) from: Vec<(f64, f64)>,
    pub(crate) to: Vec<(f64, f64)>,
}

/// The most moments worth adding up at; beyond, series that do not share their moments are sampled.
const MOST: usize = 60_000;

/// The bands of each series, in the order given, and the outline of the sum: highest and lowest point at each moment.
pub(crate) struct Stack {
    pub(crate) bands: Vec<Vec<Band>>,
    /// The sum of all values at each moment, `NaN` where no series has one.
    pub(crate) total: Vec<(f64, f64)>,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

/// Stacks series given as runs of points without a gap.
pub(crate) fn stack(series: &[Vec<Vec<(f64, f64)>>], step: f64) -> Stack {
    let times = moments(series);
    let mut above = vec![0.0_f64; times.len()];
    let mut below = vec![0.0_f64; times.len()];
    let mut seen = vec![false; times.len()];
    let bands = series
        .iter()
        .map(|runs| {
            let mut bands: Vec<Band> = Vec::new();
            let mut at = 0;
            for run in runs {
                let (Some(first), Some(last)) = (run.first(), run.last()) else {
                    continue;
                };
                let mut band = Band::default();
                let mut here = 0;
                at += times[at..].partition_point(|t| *t < first.0);
                while at < times.len() && times[at] <= last.0 {
                    let t = times[at];
                    while here + 1 < run.len() && run[here + 1].0 <= t {
                        here += 1;
                    }
                    let v = between(run, here, t);
                    let base = if v >= 0.0 { &mut above[at] } else { &mut below[at] };
                    band.from.push((t, *base));
                    *base = (*base + v).clamp(-HUGE, HUGE);
                    band.to.push((t, *base));
                    seen[at] = true;
                    at += 1;
                }
                if !band.to.is_empty() {
                    bands.push(band);
                }
            }
            bands
        })
        .collect();
    let mut total: Vec<(f64, f64)> = Vec::with_capacity(times.len());
    for (i, t) in times.iter().enumerate() {
        if total.last().is_some_and(|(before, _)| t - before > step * 1.5) {
            total.push((*t, f64::NAN));
        }
        total.push((*t, if seen[i] { above[i] + below[i] } else { f64::NAN }));
    }
    Stack {
        bands,
        total,
        lowest: below.into_iter().fold(0.0, f64::min),
        highest: above.into_iter().fold(0.0, f64::max),
    }
}

fn moments(series: &[Vec<Vec<(f64, f64)>>]) -> Vec<f64> {
    let mut times: Vec<f64> = series
        .iter()
        .flat_map(|runs| runs.iter().flatten().map(|p| p.0))
        .collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    if times.len() > MOST {
        let stride = times.len().div_ceil(MOST);
        times = times.into_iter().step_by(stride).collect();
    }
    times
}

/// The value at `t`, on the line from the point at `here` to the next.
fn between(run: &[(f64, f64)], here: usize, t: f64) -> f64 {
    let (t0, v0) = run[here];
    match run.get(here + 1) {
        Some((t1, v1)) if t > t0 && *t1 > t0 => {
            let part = (t - t0) / (t1 - t0);
            v0 * (1.0 - part) + v1 * part
        }
        _ => v0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_stands_on_those_before_it() {
        let a = vec![vec![(0.0, 1.0), (10.0, 2.0), (20.0, 1.0)]];
        let b = vec![vec![(0.0, 5.0)], vec![(20.0, 5.0)]];
        let c = vec![vec![(0.0, -1.0), (10.0, 1.0), (20.0, -1.0)]];
        let stack = stack(&[a, b, c], 10.0);
        assert_eq!(stack.bands[1][0].from, [(0.0, 1.0)]);
        assert_eq!(stack.bands[1][1].to, [(20.0, 6.0)]);
        assert_eq!(stack.bands[2][0].to, [(0.0, -1.0), (10.0, 3.0), (20.0, -1.0)]);
        assert_eq!(stack.total, [(0.0, 5.0), (10.0, 3.0), (20.0, 5.0)]);
        assert_eq!((stack.lowest, stack.highest), (-1.0, 6.0));
    }

    #[test]
    fn moments_that_differ_are_met_on_the_line() {
        let stack = stack(
            &[
                vec![vec![(0.0, 0.0), (10.0, 10.0)]],
                vec![vec![(5.0, 1.0), (15.0, 1.0)]],
            ],
            10.0,
        );
        assert_eq!(stack.bands[0][0].to, [(0.0, 0.0), (5.0, 5.0), (10.0, 10.0)]);
        assert_eq!(stack.bands[1][0].to, [(5.0, 6.0), (10.0, 11.0), (15.0, 1.0)]);
    }

    proptest! {
        #[test]
        fn the_bands_add_up(all in prop::collection::vec(prop::collection::vec(0.0_f64..1e6, 1..40), 1..6)) {
            let runs: Vec<Vec<Vec<(f64, f64)>>> = all
                .iter()
                .map(|vs| vec![vs.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect()])
                .collect();
            let stack = stack(&runs, 1.0);
            for (i, (_, total)) in stack.total.iter().enumerate() {
                let sum: f64 = all.iter().filter_map(|vs| vs.get(i)).sum();
                prop_assert!((total - sum).abs() <= 1e-6 * sum.max(1.0));
            }
            prop_assert!(stack.bands.iter().flatten().all(|b| b.from.iter().zip(&b.to).all(|(f, t)| f.1 <= t.1)));
        }
    }
}
