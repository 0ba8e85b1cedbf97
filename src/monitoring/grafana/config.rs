//! Purpose: the `[grafana]` section of the configuration.

use super::GrafanaError;
use crate::{client::innermost, config::Secret, duration};
use secrecy::SecretString;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};
use url::Url;

/// How to reach Grafana. Every key has a default; without `url` there is simply no Grafana.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrafanaConfig {
    /// The base address, with the path prefix if it has one.
    pub url: Option<String>,
    /// The token of a service account that may read and write annotations.
    pub token: Option<SecretString>,
    /// A file with that token, read anew for every call, so that it can be rotated.
    pub token_file: Option<PathBuf>,
    /// The token that dashboards are read with, if it is another one; the role Viewer may.
    pub read_token: Option<SecretString>,
    /// A file with that token, read anew for every call.
    pub read_token_file: Option<PathBuf>,
    /// A folder of dashboards as JSON files, read besides those that Grafana has.
    pub dashboards: Option<PathBuf>,
    /// Whether panels that are not drawn here are asked of Grafana's renderer, where it has one.
    pub renderer: bool,
    /// How long the renderer may take.
    #[serde(deserialize_with = "duration::text::deserialize")]
    pub render_timeout: Duration,
    /// Where annotations are, below the address.
    pub annotations: String,
    /// The dashboard that shows the marks; else all that ask for their tags.
    pub dashboard_uid: Option<String>,
    /// Tags that every mark gets, besides service and environment.
    pub tags: Vec<String>,
    /// How long one call may take.
    #[serde(deserialize_with = "duration::text::deserialize")]
    pub timeout: Duration,
    /// A PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for GrafanaConfig {
    fn default() -> Self {
        Self {
            url: None,
            token: None,
            token_file: None,
            read_token: None,
            read_token_file: None,
            dashboards: None,
            renderer: true,
            render_timeout: Duration::from_secs(30),
            annotations: "/api/annotations".into(),
            dashboard_uid: None,
            tags: vec!["deploy".into()],
            timeout: Duration::from_secs(10),
            ca_file: None,
        }
    }
}

fn wrong(key: &'static str, why: impl Into<String>) -> GrafanaError {
    GrafanaError::Config { key, why: why.into() }
}

impl GrafanaConfig {
    pub(super) fn base(&self) -> Result<Url, GrafanaError> {
        let text = self.url.as_deref().ok_or_else(|| wrong("url", "it is not set"))?;
        // The parser's error does not repeat the text, which may hold a password.
        let url = Url::parse(text.trim()).map_err(|error| wrong("url", error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong(
                "url",
                "it must begin with http:// or https:// and name a host",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "url",
                "it holds a user name; use the token of a service account instead",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("url", "it must end before any `?` or `#`"));
        }
        Ok(url)
    }

    pub(super) fn secret(&self) -> Result<Secret, GrafanaError> {
        match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => Err(wrong("token", "token_file is set, too; keep one of them")),
            (Some(token), None) => Ok(Secret::Value(token.clone())),
            (None, Some(file)) => Ok(Secret::File(file.clone())),
            (None, None) => Err(wrong(
                "token",
                "it is missing; make a service account with the role Editor, and a token for it",
            )),
        }
    }

    pub(super) fn read_secret(&self) -> Result<Option<Secret>, GrafanaError> {
        match (&self.read_token, &self.read_token_file) {
            (Some(_), Some(_)) => Err(wrong(
                "read_token",
                "read_token_file is set, too; keep one of them",
            )),
            (Some(token), None) => Ok(Some(Secret::Value(token.clone()))),
            (None, Some(file)) => Ok(Some(Secret::File(file.clone()))),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn certificates(&self) -> Result<Vec<reqwest::Certificate>, GrafanaError> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let fault = |why: String| wrong("ca_file", format!("{} cannot be used: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let all = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| fault(innermost(&error)))?;
        if all.is_empty() {
            return Err(fault("it has no certificate in PEM form".into()));
        }
        Ok(all)
    }
}
