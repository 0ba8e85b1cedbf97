//! What the operator says about schedules: `[responders.schedules]`.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The section `[responders.schedules]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How late a run may be, when no robot was there at its time, before it is skipped, for example `1h`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub missed_grace: Duration,
    /// What becomes of a run that is late, but not later than that.
    pub missed: MissedRun,
}

/// What becomes of a run at whose time no robot was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedRun {
    /// It runs late, once, however many were missed.
    Once,
    /// It is skipped, and that is told.
    Skip,
}

/// A run that is no later than this is in time: a robot looks every second, and another takes over in less.
const IN_TIME: SignedDuration = SignedDuration::from_mins(1);

impl Settings {
    /// How late a run may be before it is skipped.
    pub(crate) fn late(&self) -> SignedDuration {
        let grace = SignedDuration::try_from(self.missed_grace).unwrap_or(SignedDuration::MAX);
        match self.missed {
            MissedRun::Once => grace,
            MissedRun::Skip => IN_TIME.min(grace),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            missed_grace: Duration::from_secs(3600),
            missed: MissedRun::Once,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let settings: Settings = serde_json::from_value(serde_json::json!({ "missed_grace": "5m" })).unwrap();
        assert_eq!(settings.missed_grace, Duration::from_secs(300));
        assert_eq!(settings.late(), SignedDuration::from_mins(5));
        let settings: Settings = serde_json::from_value(serde_json::json!({ "missed": "skip" })).unwrap();
        assert_eq!(settings.late(), SignedDuration::from_mins(1));
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "missed": "twice" })).is_err());
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "grace": "5m" })).is_err());
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "missed_grace": "soon" })).is_err());
    }
}
