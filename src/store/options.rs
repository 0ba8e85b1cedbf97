//! Purpose: the `[store]` section of the configuration.

use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// Where the robot remembers, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The SQLite file; made with its folder when it is not there.
    pub path: PathBuf,
    /// For how many hours an event stays claimed. Slack's last delivery comes minutes after the first.
    pub keep_claims_hours: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: "otus.sqlite".into(),
            keep_claims_hours: 24,
        }
    }
}

impl StoreConfig {
    /// The default configuration with this file.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    pub(crate) fn keep_claims(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_claims_hours) * 3_600)
    }
}
