//! How to reach an Alertmanager: an address, or those of a cluster, and credentials.

use super::AlertmanagerError;
use crate::{
    client::innermost,
    config::{Credentials, Secret},
};
use secrecy::SecretString;
use std::{path::PathBuf, time::Duration};
use url::Url;

/// How to reach an Alertmanager.
#[derive(Debug, Clone)]
pub struct AlertmanagerConfig {
    /// Base addresses, with the path prefix if there is one. Several are members of one cluster: the first that answers is asked.
    pub urls: Vec<String>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// A file with the password, read anew for every call.
    pub password_file: Option<PathBuf>,
    /// A bearer token, instead.
    pub bearer_token: Option<SecretString>,
    /// A file with that token, read anew for every call.
    pub bearer_token_file: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            username: None,
            password: None,
            password_file: None,
            bearer_token: None,
            bearer_token_file: None,
            ca_file: None,
            timeout: Duration::from_secs(10),
        }
    }
}

fn wrong(key: &'static str, why: impl Into<String>) -> AlertmanagerError {
    AlertmanagerError::Config { key, why: why.into() }
}

impl AlertmanagerConfig {
    pub(super) fn bases(&self) -> Result<Vec<Url>, AlertmanagerError> {
        if self.urls.is_empty() {
            return Err(wrong("url", "is not set"));
        }
        self.urls.iter().map(|text| base(text)).collect()
    }

    pub(super) fn credentials(&self) -> Result<Credentials, AlertmanagerError> {
        let one = |value: &Option<SecretString>, file: &Option<PathBuf>, key| match (value, file) {
            (Some(_), Some(_)) => Err(wrong(key, format!("and {key}_file are both set; keep one"))),
            (Some(value), None) => Ok(Some(Secret::Value(value.clone()))),
            (None, Some(file)) => Ok(Some(Secret::File(file.clone()))),
            (None, None) => Ok(None),
        };
        let password = one(&self.password, &self.password_file, "password")?;
        let token = one(&self.bearer_token, &self.bearer_token_file, "bearer_token")?;
        match (&self.username, password, token) {
            (None, None, None) => Ok(Credentials::None),
            (None, None, Some(token)) => Ok(Credentials::Bearer(token)),
            (Some(username), Some(password), None) => Ok(Credentials::Basic {
                username: username.clone(),
                password,
            }),
            (Some(_), None, None) => Err(wrong("username", "is set without password or password_file")),
            (None, Some(_), None) => Err(wrong("password", "is set without username")),
            (_, _, Some(_)) => Err(wrong(
                "bearer_token",
                "is set beside username or password; keep one kind",
            )),
        }
    }

    pub(super) fn certificates(&self) -> Result<Vec<reqwest::Certificate>, AlertmanagerError> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let fault = |why: String| wrong("ca_file", format!("({}) cannot be used: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let all = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| fault(innermost(&error)))?;
        if all.is_empty() {
            return Err(fault("it has no certificate in PEM form".into()));
        }
        Ok(all)
    }
}

fn base(text: &str) -> Result<Url, AlertmanagerError> {
    // The parser's error does not repeat the text, which may hold a password.
    let url = Url::parse(text.trim()).map_err(|error| wrong("url", format!("cannot be used: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong(
            "url",
            "must begin with http:// or https:// and name a host",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "url",
            "holds a user name; set username and password_file instead",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("url", "must end before any `?` or `#`"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut AlertmanagerConfig)) -> Result<(), String> {
        let mut config = AlertmanagerConfig {
            urls: vec!["http://alertmanager:9093/am/".into()],
            ..AlertmanagerConfig::default()
        };
        change(&mut config);
        super::super::Alertmanager::new(&config)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_and_refuses() {
        assert_eq!(config(|_| {}), Ok(()));
        assert_eq!(config(|config| config.bearer_token = Some("t".into())), Ok(()));
        type Change = Box<dyn FnOnce(&mut AlertmanagerConfig)>;
        let cases: Vec<(Change, &str)> = vec![
            (Box::new(|config| config.urls.clear()), "url is not set"),
            (
                Box::new(|config| config.urls.push("alertmanager:9093".into())),
                "url must begin with http://",
            ),
            (
                Box::new(|config| config.urls = vec!["http://ann:hush@am".into()]),
                "url holds a user name",
            ),
            (
                Box::new(|config| config.password = Some("hush".into())),
                "password is set without username",
            ),
            (
                Box::new(|config| config.username = Some("ann".into())),
                "username is set without password",
            ),
            (
                Box::new(|config| {
                    config.bearer_token = Some("hush".into());
                    config.bearer_token_file = Some("f".into());
                }),
                "bearer_token and bearer_token_file are both set",
            ),
            (
                Box::new(|config| {
                    config.username = Some("ann".into());
                    config.bearer_token = Some("hush".into());
                }),
                "bearer_token is set beside",
            ),
            (
                Box::new(|config| config.ca_file = Some("/nowhere".into())),
                "ca_file (/nowhere) cannot be used",
            ),
        ];
        for (change, told) in cases {
            let error = config(change).unwrap_err();
            assert!(error.starts_with(told), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
