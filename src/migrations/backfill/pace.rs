//! Purpose: how many rows the next batch has. Pure.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The largest batch there is: beyond it a batch is felt, however fast it is.
const MOST: u64 = 50_000;

/// Batches that take the time that is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Rows of the next batch.
    pub rows: u64,
}

impl Pace {
    /// Begins with so many rows.
    #[must_use]
    pub fn new(rows: u64) -> Self {
        Self {
            rows: rows.clamp(1, MOST),
        }
    }

    /// The next one, when the last took this long: at most twice as many, at least half as many.
    #[must_use]
    pub fn after(self, took: Duration, aim: Duration) -> Self {
        let (took, aim) = (took.as_micros().max(1), aim.as_micros().max(1));
        let fitting = u128::from(self.rows).saturating_mul(aim) / took;
        let fitting = u64::try_from(fitting).unwrap_or(u64::MAX);
        Self::new(fitting.clamp(self.rows / 2, self.rows.saturating_mul(2)))
    }
}
