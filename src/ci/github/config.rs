//! Purpose: the `[github]` section of the configuration.

use super::error::ConfigError;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{path::PathBuf, time::Duration};

/// How to reach GitHub, and as whom. Either a token, or an App with its installation and key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitHubConfig {
    /// The address of the API: `https://api.github.com`, or `https://github.example.com/api/v3` for a server of one's own.
    /// Plain `http` is for loopback only.
    pub api_url: String,
    /// A token: classic, fine-grained, or of an installation.
    pub token: Option<SecretString>,
    /// A file with the token, read anew for every call, so that it can be rotated.
    pub token_file: Option<PathBuf>,
    /// The App's number.
    pub app_id: Option<u64>,
    /// The number of its installation in the organisation.
    pub installation_id: Option<u64>,
    /// A file with the App's private key, PEM as GitHub hands it out. Read anew for every installation token.
    pub private_key_file: Option<PathBuf>,
    /// How long one call may take, from connecting to the answer's last byte.
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// How long connecting may take.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// A rate limit that ends within this is waited for; one that ends later is an error that says until when.
    #[serde(deserialize_with = "duration")]
    pub longest_wait: Duration,
    /// How often a call that only reads is tried again when GitHub is unreachable or answers 5xx.
    pub retries: u32,
    /// How long before the first such retry; twice that before the next. Up to half of it is left off by chance.
    #[serde(deserialize_with = "duration")]
    pub retry_pause: Duration,
}

impl Default for GitHubConfig {
    fn default() -> Self {
        Self {
            api_url: "https://api.github.com".into(),
            token: None,
            token_file: None,
            app_id: None,
            installation_id: None,
            private_key_file: None,
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            longest_wait: Duration::from_secs(20),
            retries: 2,
            retry_pause: Duration::from_millis(300),
        }
    }
}

/// `15s`, `1m 30s`, as jiff reads them, and not below zero.
fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || {
        D::Error::custom(format!(
            "`{text}` is not a duration; write for example `30s` or `2m`"
        ))
    };
    let read: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(read).map_err(|_| wrong())
}

/// Who the client is. Built only by [`GitHubConfig::identity`], so never two at once.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    Token(SecretString),
    File(PathBuf),
    App {
        app: u64,
        installation: u64,
        key: PathBuf,
    },
}

impl GitHubConfig {
    /// Whether anybody said who to be on GitHub: without it nothing is asked there.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !matches!(self.identity(), Err(ConfigError::Nobody))
    }

    pub(super) fn identity(&self) -> Result<Identity, ConfigError> {
        let app = self.app_id.is_some() || self.installation_id.is_some() || self.private_key_file.is_some();
        match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => Err(ConfigError::Twice),
            (Some(_), None) | (None, Some(_)) if app => Err(ConfigError::BothKinds),
            (Some(token), None) => Ok(Identity::Token(token.clone())),
            (None, Some(file)) => Ok(Identity::File(file.clone())),
            (None, None) => match (self.app_id, self.installation_id, &self.private_key_file) {
                (Some(app), Some(installation), Some(key)) => Ok(Identity::App {
                    app,
                    installation,
                    key: key.clone(),
                }),
                (None, None, None) => Err(ConfigError::Nobody),
                _ => Err(ConfigError::HalfAnApp),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GitHubConfig, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn who_it_is() {
        let identity = |text: &str| read(text).unwrap().identity();
        assert!(matches!(identity(r#"{"token": "t"}"#), Ok(Identity::Token(_))));
        assert!(matches!(
            identity(r#"{"token_file": "/t"}"#),
            Ok(Identity::File(_))
        ));
        let app = r#"{"app_id": 1, "installation_id": 2, "private_key_file": "/k"}"#;
        assert!(matches!(
            identity(app),
            Ok(Identity::App {
                app: 1,
                installation: 2,
                ..
            })
        ));
        assert!(matches!(identity("{}"), Err(ConfigError::Nobody)));
        assert!(matches!(
            identity(r#"{"app_id": 1}"#),
            Err(ConfigError::HalfAnApp)
        ));
        assert!(matches!(
            identity(r#"{"token": "t", "app_id": 1}"#),
            Err(ConfigError::BothKinds)
        ));
        assert!(matches!(
            identity(r#"{"token": "t", "token_file": "/t"}"#),
            Err(ConfigError::Twice)
        ));
    }

    #[test]
    fn half_of_it_is_set_too_so_that_the_fault_is_told() {
        assert!(!read("{}").unwrap().is_set());
        assert!(read(r#"{"app_id": 1}"#).unwrap().is_set());
        assert!(read(r#"{"token": "t"}"#).unwrap().is_set());
    }

    #[test]
    fn durations_are_read_and_strangers_refused() {
        assert_eq!(
            read(r#"{"timeout": "1m 30s"}"#).unwrap().timeout,
            Duration::from_secs(90)
        );
        assert_eq!(
            read(r#"{"retry_pause": "250ms"}"#).unwrap().retry_pause,
            Duration::from_millis(250)
        );
        for wrong in [
            r#"{"timeout": "soon"}"#,
            r#"{"timeout": "-5s"}"#,
            r#"{"tokn": "t"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", read(r#"{"token": "hush-hush"}"#).unwrap()).contains("hush"));
    }
}
