//! Purpose: the `[flags.unleash.<name>]` sections: Unleash servers whose flags are changed from the chat.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::PathBuf;

/// An Unleash server, and which of its projects is meant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnleashConfig {
    /// Where it is, as one opens it in a browser: `https://unleash.example.com`.
    pub url: String,
    /// The project whose flags are meant.
    #[serde(default = "project")]
    pub project: String,
    /// A token of its Admin API: of a service account, or a personal one.
    #[serde(default)]
    pub token: SecretString,
    /// A file with the token, instead. Read when the robot starts.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

fn project() -> String {
    "default".to_owned()
}

/// Which environment of which server a flag set stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnleashSet {
    /// The flag set.
    pub set: String,
    /// The environment in Unleash.
    pub environment: String,
}

impl UnleashConfig {
    /// Reads the token from its file, and tells what cannot work: the key, and a sentence. No token is in it.
    pub(crate) fn ready(&mut self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        match reqwest::Url::parse(&self.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
                    faults.push((
                        "url",
                        "has only a host and a path: the token is a setting of its own".into(),
                    ));
                }
            }
            Ok(_) => faults.push(("url", "has to begin with https:// or http://".into())),
            Err(error) => faults.push(("url", format!("is no address: {error}"))),
        }
        if self.project.trim().is_empty() || self.project.contains('/') {
            faults.push(("project", "is the id of a project, such as \"default\"".into()));
        }
        if let Some(file) = &self.token_file {
            if !self.token.expose_secret().is_empty() {
                faults.push(("token_file", "the token is given, too; keep one of both".into()));
                return faults;
            }
            match std::fs::read_to_string(file) {
                Ok(text) => self.token = text.trim().into(),
                Err(error) => {
                    faults.push((
                        "token_file",
                        format!("{} cannot be read: {error}", file.display()),
                    ));
                    return faults;
                }
            }
        }
        let token = self.token.expose_secret();
        if token.is_empty() {
            faults.push((
                "token",
                "is empty; Unleash makes one under Admin settings, Service accounts".into(),
            ));
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.push(("token", "has signs that no token has".into()));
        }
        faults
    }
}
