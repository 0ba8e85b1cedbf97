//! How a graph's values moved across a moment, in one number of each side, and whether that is worse.
//!
//! Series are compared each with itself, and what is told is the one that moved most the bad way: a mean over all would hide one service
//! that broke among ten that did not. Where none is there on both sides (their labels name pods, which a deploy replaces), and where the
//! configuration says how several make one (`reduce`), the values are put together first.

use otus_charts::Series;

use crate::{
    panel::{self, Summary},
    settings::{Bound, Reduce},
};

/// How a graph's values moved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Moved {
    /// The mean before it began.
    pub(crate) before: Option<f64>,
    /// The mean after it ended.
    pub(crate) after: Option<f64>,
    /// Whether it moved the bad way, and further than it may.
    pub(crate) worse: bool,
    /// Which of several series it is; or how they were put together.
    pub(crate) of: Option<Of>,
}

/// Of what the numbers are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Of {
    /// One series, by the values of the labels that tell it apart, among so many others.
    One(String, usize),
    /// So many, put together.
    All(Reduce, usize),
}

/// What a difference may be and still be called none: 2 %.
const SAME: f64 = 0.02;
/// What moved by less than this share of its limit is noise, however small it was before.
const NOISE: f64 = 0.05;

/// What counts as worse.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// The graph's limit; without one nothing is judged.
    pub(crate) bound: Option<Bound>,
    /// How several series make one value, where the configuration says.
    pub(crate) reduce: Option<Reduce>,
    /// How far the mean may move, as a share of what it was.
    pub(crate) worse: f64,
}

impl Moved {
    /// Whether it stayed where it was.
    pub(crate) fn is_still(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => (after - before).abs() <= SAME * before.abs().max(after.abs()),
            _ => false,
        }
    }

    /// Judged against its graph's limit; without one it is told and not judged.
    fn judged(before: Option<f64>, after: Option<f64>, measure: Measure) -> Self {
        let worse = match (before, after, measure.bound) {
            (Some(before), Some(after), Some(bound)) => {
                let rise = (after - before) * bound.sign();
                let beyond = |value: f64| (value - bound.value) * bound.sign() > 0.0;
                rise > NOISE * bound.value.abs()
                    && (rise > measure.worse * before.abs() || (beyond(after) && !beyond(before)))
            }
            _ => false,
        };
        Self {
            before,
            after,
            worse,
            of: None,
        }
    }

    /// How far it moved, the bad way where there is one; for who is told of.
    fn far(&self, bound: Option<Bound>) -> f64 {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return f64::NEG_INFINITY;
        };
        match bound {
            Some(bound) => (after - before) * bound.sign(),
            None if before == after => 0.0,
            None => (after - before).abs() / before.abs().max(after.abs()),
        }
    }

    /// Of what was found, around an operation that took from one time to the other (Unix seconds).
    pub(crate) fn of(all: &[Series], from: f64, to: f64, measure: Measure) -> Self {
        let mean = |series: &Series, from, to| {
            let summary = Summary::of(series.points(), from, to);
            summary.map(|summary| summary.mean)
        };
        let sides: Vec<(Option<f64>, Option<f64>)> = all
            .iter()
            .map(|series| (mean(series, f64::MIN, from), mean(series, to, f64::MAX)))
            .collect();
        if let [(before, after)] = *sides.as_slice() {
            return Self::judged(before, after, measure);
        }
        let is_on_both = sides
            .iter()
            .any(|(before, after)| before.is_some() && after.is_some());
        if measure.reduce.is_some() || !is_on_both {
            let reduce = measure.reduce.unwrap_or(match measure.bound {
                None => Reduce::Avg,
                Some(bound) if bound.above => Reduce::Max,
                Some(_) => Reduce::Min,
            });
            let before = reduce.of(sides.iter().filter_map(|(before, _)| *before));
            let after = reduce.of(sides.iter().filter_map(|(_, after)| *after));
            return Self {
                of: (sides.len() > 1).then_some(Of::All(reduce, sides.len())),
                ..Self::judged(before, after, measure)
            };
        }
        let labels = panel::differing(all);
        let judged = all.iter().zip(&sides).map(|(series, (before, after))| Self {
            of: Some(Of::One(panel::told_apart(series, &labels), all.len() - 1)),
            ..Self::judged(*before, *after, measure)
        });
        let first = |one: &Self, other: &Self| {
            let worse = one.worse.cmp(&other.worse);
            worse.then_with(|| one.far(measure.bound).total_cmp(&other.far(measure.bound)))
        };
        judged.max_by(first).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(value: f64) -> Measure {
        Measure {
            bound: Some(Bound { value, above: true }),
            reduce: None,
            worse: 0.25,
        }
    }

    fn series(name: &str, before: f64, after: f64) -> Series {
        let points = (0..20).map(|at| (f64::from(at), if at < 10 { before } else { after }));
        let points = points.filter(|(_, value)| value.is_finite());
        Series::labelled([("service", name)], points.collect())
    }

    fn moved(all: &[Series], measure: Measure) -> Moved {
        Moved::of(all, 9.5, 9.6, measure)
    }

    #[test]
    fn worse_is_what_moves_towards_its_limit() {
        let judged = |before, after, value, above| {
            let measure = Measure {
                bound: Some(Bound { value, above }),
                reduce: None,
                worse: 0.25,
            };
            Moved::judged(Some(before), Some(after), measure).worse
        };
        assert!(judged(0.31, 2.1, 0.5, true));
        assert!(!judged(0.31, 0.33, 0.5, true), "a little");
        assert!(!judged(2.1, 0.31, 0.5, true), "better");
        assert!(judged(0.45, 0.51, 0.5, true), "beyond the limit now");
        assert!(!judged(0.0001, 0.0003, 0.01, true), "thrice nothing is nothing");
        assert!(judged(0.999, 0.6, 0.99, false), "less is worse");
        assert!(!judged(0.6, 0.999, 0.99, false));
        let unlimited = Measure {
            bound: None,
            ..above(0.0)
        };
        let nothing = Moved::judged(Some(1.0), None, unlimited);
        assert!(!nothing.worse && !nothing.is_still());
        assert!(Moved::judged(Some(1.0), Some(1.01), unlimited).is_still());
        assert!(Moved::judged(Some(0.0), Some(0.0), unlimited).is_still());
    }

    #[test]
    fn one_that_broke_is_not_hidden_by_those_that_did_not() {
        let all = [
            series("api", 0.25, 0.26),
            series("checkout", 0.25, 0.5),
            series("web", 3.0, 1.0),
        ];
        let found = moved(&all, above(0.75));
        assert!(found.worse);
        assert_eq!(found.of, Some(Of::One("checkout".into(), 2)));
        assert_eq!((found.before, found.after), (Some(0.25), Some(0.5)));
        // Without a limit it is what changed most, either way.
        let unlimited = Measure {
            bound: None,
            ..above(0.0)
        };
        let found = moved(&all, unlimited);
        assert_eq!((found.of, found.worse), (Some(Of::One("web".into(), 2)), false));
        assert_eq!(moved(&all[..1], unlimited).of, None);
        assert_eq!(moved(&[], unlimited), Moved::default());
    }

    #[test]
    fn what_is_put_together_is_compared_together() {
        let reduced = |reduce| Measure {
            reduce: Some(reduce),
            ..above(10.0)
        };
        let all = [series("a", 1.0, 2.0), series("b", 3.0, 8.0)];
        let of = |reduce| {
            let found = moved(&all, reduced(reduce));
            (found.before, found.after, found.of)
        };
        let (sum, max) = (Reduce::Sum, Reduce::Max);
        assert_eq!(of(sum), (Some(4.0), Some(10.0), Some(Of::All(sum, 2))));
        assert_eq!(of(max), (Some(3.0), Some(8.0), Some(Of::All(max, 2))));
        // Pods that were replaced are on one side each.
        let pods = [series("old", 0.25, f64::NAN), series("new", f64::NAN, 1.0)];
        let found = moved(&pods, above(0.75));
        assert!(found.worse);
        assert_eq!((found.before, found.after), (Some(0.25), Some(1.0)));
        assert_eq!(found.of, Some(Of::All(Reduce::Max, 2)));
    }
}
