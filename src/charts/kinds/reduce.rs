//! One number for a whole series.

use crate::series::{self, Series, Stats};

/// Which number stands for a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduce {
    /// The last value there is.
    #[default]
    Last,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The mean.
    Mean,
    /// All of them added up.
    Sum,
}

impl Reduce {
    /// The number, or `NaN` when there is none.
    pub(super) fn of(self, points: &[(f64, f64)]) -> f64 {
        let pick = |pick: fn(&Stats) -> f64| Stats::of(points).as_ref().map_or(f64::NAN, pick);
        match self {
            Self::Last => pick(|s| s.last),
            Self::Min => pick(|s| s.min),
            Self::Max => pick(|s| s.max),
            Self::Mean => pick(|s| s.avg),
            Self::Sum => {
                let values = points.iter().map(|p| p.1).filter(|v| v.is_finite());
                values
                    .reduce(|a, b| (a + b).clamp(-series::HUGE, series::HUGE))
                    .unwrap_or(f64::NAN)
            }
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Min => "lowest",
            Self::Max => "highest",
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }
}

/// The points of a series that can be drawn, whenever they are.
pub(super) fn cleaned(series: &Series) -> Vec<(f64, f64)> {
    series::clean(&series.points, f64::MIN, f64::MAX)
}
