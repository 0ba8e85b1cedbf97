//! What the operator says about schedules: `[responders.schedules]`.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The section `[responders.schedules]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How late a run may be, when no robot was there at its time, before it is skipped, for example `1h`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub missed_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            missed_grace: Duration::from_secs(3600),
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
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "grace": "5m" })).is_err());
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "missed_grace": "soon" })).is_err());
    }
}
