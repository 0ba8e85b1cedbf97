//! Purpose: the `[prometheus]` section of the configuration.

use crate::{duration, error::ConfigError};
use secrecy::SecretString;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// How to reach Prometheus. Every key has a default; without `url` there is simply no Prometheus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrometheusConfig {
    /// The base address, with the path prefix if it has one: `http://prometheus:9090`, `https://mimir.example.com/prometheus`.
    pub url: Option<String>,
    /// How long one query may take, network included.
    #[serde(deserialize_with = "duration::text::deserialize")]
    pub timeout: Duration,
    /// How often the server scrapes: no graph is asked more finely, and `$__rate_interval` is at least four of these.
    #[serde(deserialize_with = "duration::text::deserialize")]
    pub scrape_interval: Duration,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<SecretString>,
    /// A file with that password, read anew for every query, so that it can be rotated.
    pub password_file: Option<PathBuf>,
    /// A bearer token.
    pub bearer_token: Option<SecretString>,
    /// A file with that token, read anew for every query, so that it can be rotated.
    pub bearer_token_file: Option<PathBuf>,
    /// Extra headers, for example `X-Scope-OrgID` for Mimir or `THANOS-TENANT`. The values are treated as secrets.
    pub headers: BTreeMap<String, SecretString>,
    /// A PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// An answer of more bytes than this (unpacked) is refused.
    pub max_bytes: usize,
    /// Of an answer with more series than this, only the first are kept, and the answer says so.
    pub max_series: usize,
}

impl Default for PrometheusConfig {
    fn default() -> Self {
        Self {
            url: None,
            timeout: Duration::from_secs(20),
            scrape_interval: Duration::from_secs(15),
            username: None,
            password: None,
            password_file: None,
            bearer_token: None,
            bearer_token_file: None,
            headers: BTreeMap::new(),
            ca_file: None,
            max_bytes: 64 * 1024 * 1024,
            max_series: 1_000,
        }
    }
}

/// How the client proves who it is. Built only by [`PrometheusConfig::credentials`], so never both kinds at once.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    None,
    Basic { username: String, password: Secret },
    Bearer(Secret),
}

/// A secret that is known, or that lies in a file.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    Value(SecretString),
    File(PathBuf),
}

impl Secret {
    /// The secret; of a file what is in it now, without the line's end. The error never holds it.
    pub(crate) async fn read(&self) -> Result<SecretString, String> {
        let path = match self {
            Self::Value(value) => return Ok(value.clone()),
            Self::File(path) => path.clone(),
        };
        let wrong = |why: String| format!("{} cannot be used: {why}", path.display());
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || std::fs::read_to_string(path)
        });
        let text = read
            .await
            .map_err(|error| wrong(error.to_string()))?
            .map_err(|error| wrong(error.to_string()))?;
        match text.trim() {
            "" => Err(wrong("it is empty".into())),
            text => Ok(SecretString::from(text.to_owned())),
        }
    }
}

impl PrometheusConfig {
    pub(crate) fn credentials(&self) -> Result<Credentials, ConfigError> {
        let one =
            |value: &Option<SecretString>, file: &Option<PathBuf>, key: &'static str| match (value, file) {
                (Some(_), Some(_)) => Err(ConfigError::Twice { key }),
                (Some(value), None) => Ok(Some(Secret::Value(value.clone()))),
                (None, Some(file)) => Ok(Some(Secret::File(file.clone()))),
                (None, None) => Ok(None),
            };
        let password = one(&self.password, &self.password_file, "password")?;
        let token = one(&self.bearer_token, &self.bearer_token_file, "bearer_token")?;
        match (&self.username, password, token) {
            (None, None, None) => Ok(Credentials::None),
            (None, None, Some(token)) => Ok(Credentials::Bearer(token)),
            (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => Err(ConfigError::BothKinds),
            (None, Some(_), None) => Err(ConfigError::PasswordAlone),
            (Some(username), password, None) => Ok(Credentials::Basic {
                username: username.clone(),
                password: password.unwrap_or_else(|| Secret::Value(SecretString::default())),
            }),
        }
    }
}
