//! How finely what is sent is added up: by the minute for what is recent, by the hour for what is kept.
//!
//! Sums lie in spaces of the store: one for each block of ten minutes or a day, so that a batch reads few rows and a range few
//! spaces, and what is old goes by the block.

use jiff::{SignedDuration, Timestamp};

/// A fineness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    Minute,
    Hour,
}

/// Minutes are asked for so far back at most.
pub(crate) const FINE: SignedDuration = SignedDuration::from_hours(6);
/// And kept a little longer.
pub(crate) const FINE_KEPT: SignedDuration = SignedDuration::from_hours(8);

impl Grain {
    pub(crate) const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// The finer one that covers everything since then.
    pub(crate) fn of(span: SignedDuration) -> Self {
        if span <= FINE { Self::Minute } else { Self::Hour }
    }

    /// In seconds.
    pub(crate) const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    const fn block_seconds(self) -> i64 {
        match self {
            Self::Minute => 600,
            Self::Hour => 86_400,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minutes",
            Self::Hour => "hours",
        }
    }

    /// The number of the slot a moment is in.
    pub(crate) fn slot(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.seconds())
    }

    /// The number of the block a moment is in.
    pub(crate) fn block(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.block_seconds())
    }

    /// The space of a block of an experiment's.
    pub(crate) fn space(self, block: i64, experiment: &str) -> String {
        format!("experiments.{}.{block}.{experiment}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_whole_slots() {
        for grain in Grain::ALL {
            assert_eq!(grain.block_seconds() % grain.seconds(), 0);
        }
        let at: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
        assert_eq!(
            Grain::Hour.space(Grain::Hour.block(at), "x"),
            "experiments.hours.20780.x"
        );
        assert_eq!(Grain::of(FINE), Grain::Minute);
        assert_eq!(Grain::of(FINE + SignedDuration::from_secs(1)), Grain::Hour);
    }
}
