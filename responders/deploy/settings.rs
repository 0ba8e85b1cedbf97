//! What the operator says about deploys: `[responders.deploy]`.

use std::time::Duration;

use otus_kubernetes as kubernetes;
use otus_monitoring::gate::Gates;
use serde::{Deserialize, Serialize};

/// The section `[responders.deploy]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long the new pods are watched after the rollout before the deploy counts as good, for example `60s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub stability: Duration,
    /// How long one pod that cannot come up is tolerated among others that do.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub grace: Duration,
    /// How long a rollout may take as a whole.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub deadline: Duration,
    /// The metrics that every deploy must stay within: `[responders.deploy.gates.<gate>]`.
    pub gates: Gates,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            stability: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            deadline: Duration::from_secs(15 * 60),
            gates: Gates::default(),
        }
    }
}

impl From<&Settings> for kubernetes::Settings {
    fn from(settings: &Settings) -> Self {
        kubernetes::Settings {
            stability: settings.stability,
            grace: settings.grace,
            deadline: settings.deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let settings: Settings = serde_json::from_value(serde_json::json!({ "stability": "2m" })).unwrap();
        assert_eq!(settings.stability, Duration::from_secs(120));
        assert_eq!(settings.deadline, Settings::default().deadline);
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "stabilty": "2m" })).is_err());
        assert!(serde_json::from_value::<Settings>(serde_json::json!({ "stability": "soon" })).is_err());
    }
}
