//! Purpose: the `[store]` section of the configuration.

use secrecy::SecretString;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// Where the robot remembers, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The SQLite file; made with its folder when it is not there. Not used when there is a `url`.
    pub path: PathBuf,
    /// A PostgreSQL database, for several replicas: `postgres://user:password@host:5432/database`. It holds a password, so it
    /// is a secret. `?sslmode=verify-full` asks for TLS and the server's true name.
    pub url: Option<SecretString>,
    /// At most so many connections to PostgreSQL.
    pub connections: u32,
    /// For how many hours an event stays claimed. Slack's last delivery comes minutes after the first.
    pub keep_claims_hours: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: "otus.sqlite".into(),
            url: None,
            connections: 8,
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

    /// The default configuration with this PostgreSQL database.
    #[must_use]
    pub fn on(url: impl Into<String>) -> Self {
        Self {
            url: Some(SecretString::from(url.into())),
            ..Self::default()
        }
    }

    pub(crate) fn keep_claims(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_claims_hours) * 3_600)
    }
}
