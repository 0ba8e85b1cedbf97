//! Asking Alertmanager, by its API v2.
//!
//! Several addresses are members of one cluster, which tell each other of silences: the first that can be reached is asked. A request
//! that may have been received is not sent to the next one.

use super::{AlertmanagerConfig, AlertmanagerError, Matcher};
use crate::{
    Labels,
    client::{innermost, is_loopback},
    config::Credentials,
    error::shorten,
};
use jiff::Timestamp;
use reqwest::{Method, StatusCode, redirect};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};
use url::Url;

/// An answer of more bytes is refused.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// People read no more of an error.
const LONGEST: usize = 300;

type Result<T, E = AlertmanagerError> = std::result::Result<T, E>;

/// A client for one Alertmanager, or one cluster of them. Cheap to clone.
#[derive(Clone)]
pub struct Alertmanager(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    bases: Vec<Url>,
    credentials: Credentials,
}

impl fmt::Debug for Alertmanager {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Alertmanager")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Which server it is, and how its cluster is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// `ready`, `settling`, `disabled`.
    pub cluster: String,
    /// How many members the cluster has; 0 without one.
    pub peers: usize,
}

/// An alert as Alertmanager has it now. What is resolved is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// Which.
    pub fingerprint: String,
    /// Its labels.
    pub labels: Labels,
    /// Since when it fires.
    pub starts_at: Timestamp,
    status: CurrentStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CurrentStatus {
    silenced_by: Vec<String>,
    inhibited_by: Vec<String>,
}

impl Current {
    /// The ids of the silences that cover it.
    #[must_use]
    pub fn silenced_by(&self) -> &[String] {
        &self.status.silenced_by
    }

    /// Whether another alert keeps it quiet.
    #[must_use]
    pub fn is_inhibited(&self) -> bool {
        !self.status.inhibited_by.is_empty()
    }
}

/// A silence to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSilence {
    /// What it covers: what meets all of them.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// How a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It holds now.
    Active,
    /// It will.
    Pending,
    /// It is over.
    Expired,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Its id, a UUID.
    pub id: String,
    /// What it covers.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who made it.
    #[serde(default)]
    pub created_by: String,
    /// Why.
    #[serde(default)]
    pub comment: String,
    status: StateOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct StateOf {
    state: SilenceState,
}

impl Silence {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> SilenceState {
        self.status.state
    }

    /// Whether it covers an alert of these labels.
    #[must_use]
    pub fn covers(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.holds(labels))
    }
}

/// Whether the next member of a cluster may be tried.
enum Failed {
    /// The request never left.
    Unsent(AlertmanagerError),
    Other(AlertmanagerError),
}

impl Alertmanager {
    /// A client by its configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// [`AlertmanagerError::Config`] when the configuration cannot work.
    pub fn new(config: &AlertmanagerConfig) -> Result<Self> {
        let bases = config.bases()?;
        let credentials = config.credentials()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            // Where they lead is mostly a login page.
            .redirect(redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(5)))
            .gzip(true);
        if bases.iter().all(is_loopback) {
            http = http.no_proxy();
        }
        for certificate in config.certificates()? {
            http = http.add_root_certificate(certificate);
        }
        let http = http.build().map_err(|error| AlertmanagerError::Config {
            key: "url",
            why: format!(
                "cannot be used: no HTTP client can be made of it: {}",
                innermost(&error)
            ),
        })?;
        Ok(Self(Arc::new(Inner {
            http,
            bases,
            credentials,
        })))
    }

    /// The first address, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        shown(&self.0.bases[0])
    }

    /// Which server it is.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn status(&self) -> Result<Status> {
        let status: Value = self.ask(Method::GET, "status", &[], None).await?;
        let version = status["versionInfo"]["version"].as_str();
        let version = version.ok_or_else(|| self.strange("its status names no version"))?;
        Ok(Status {
            version: version.to_owned(),
            cluster: status["cluster"]["status"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            peers: status["cluster"]["peers"].as_array().map_or(0, Vec::len),
        })
    }

    /// The alerts that fire and meet these matchers, silenced and inhibited ones among them.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn alerts(&self, matchers: &[Matcher]) -> Result<Vec<Current>> {
        self.ask(Method::GET, "alerts", &filter(matchers), None).await
    }

    /// All silences, those that are over for a while among them.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn silences(&self) -> Result<Vec<Silence>> {
        self.ask(Method::GET, "silences", &[], None).await
    }

    /// One silence.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn silence(&self, id: &str) -> Result<Silence> {
        self.about(Method::GET, id).await
    }

    /// Makes a silence; its id. It is sent once: after an error nobody knows whether it was made, and [`Alertmanager::silences`]
    /// says.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn make_silence(&self, new: &NewSilence) -> Result<String> {
        #[derive(Deserialize)]
        struct Made {
            #[serde(rename = "silenceID")]
            id: String,
        }
        // Plain fields with text keys.
        let body = serde_json::to_value(new).unwrap_or_default();
        let made: Made = self.ask(Method::POST, "silences", &[], Some(&body)).await?;
        Ok(made.id)
    }

    /// Ends a silence. One that is over already is no error.
    ///
    /// # Errors
    /// Any of [`AlertmanagerError`].
    pub async fn end_silence(&self, id: &str) -> Result<()> {
        match self.about::<Value>(Method::DELETE, id).await {
            Err(AlertmanagerError::Refused { message }) if message.contains("expired") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn about<T: DeserializeOwned>(&self, method: Method, id: &str) -> Result<T> {
        // Nothing but a UUID: it becomes part of the path.
        if uuid_like(id) {
            self.ask(method, &format!("silence/{id}"), &[], None).await
        } else {
            Err(AlertmanagerError::NoSilence { id: id.to_owned() })
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<T> {
        let mut unsent = None;
        for base in &self.0.bases {
            match self.ask_one(base, method.clone(), path, query, body).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Other(error)) => return Err(error),
                Err(Failed::Unsent(error)) => unsent = unsent.or(Some(error)),
            }
        }
        Err(unsent.unwrap_or_else(|| self.strange("it has no address")))
    }

    async fn ask_one<T: DeserializeOwned>(
        &self,
        base: &Url,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<T, Failed> {
        let mut url = base.clone();
        url.set_path(&format!("{}/api/v2/{path}", base.path().trim_end_matches('/')));
        let reads = method == Method::GET;
        let mut request = self.0.http.request(method, url);
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let secret = |why: String| {
            Failed::Other(AlertmanagerError::Config {
                key: "the file of its credentials",
                why,
            })
        };
        request = match &self.0.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => {
                request.bearer_auth(token.read().await.map_err(secret)?.expose_secret())
            }
            Credentials::Basic { username, password } => {
                let password = password.read().await.map_err(secret)?;
                request.basic_auth(username, Some(password.expose_secret()))
            }
        };
        let failed = |error: reqwest::Error| {
            let unsent = error.is_connect() || reads;
            let timed_out = error.is_timeout();
            let error = AlertmanagerError::Unreachable {
                url: shown(base).to_owned(),
                why: match timed_out {
                    true => "it did not answer in time".to_owned(),
                    false => innermost(&error.without_url()),
                },
            };
            if unsent {
                Failed::Unsent(error)
            } else {
                Failed::Other(error)
            }
        };
        let mut answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(Failed::Other(
                    self.strange(&format!("an answer of more than {MOST_BYTES} bytes")),
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            // Ending a silence answers nothing.
            let bytes: &[u8] = if bytes.trim_ascii().is_empty() {
                b"null"
            } else {
                &bytes
            };
            return serde_json::from_slice(bytes)
                .map_err(|error| Failed::Other(self.strange(&format!("JSON it does not know ({error})"))));
        }
        Err(self.refused(base, status, path, &bytes))
    }

    fn refused(&self, base: &Url, status: StatusCode, path: &str, bytes: &[u8]) -> Failed {
        let url = shown(base).to_owned();
        let words = said(bytes);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failed::Other(AlertmanagerError::Auth {
                url,
                status: status.as_u16(),
            }),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Failed::Unsent(AlertmanagerError::Unreachable {
                    url,
                    why: format!("HTTP {}", status.as_u16()),
                })
            }
            StatusCode::NOT_FOUND if path.starts_with("silence/") => {
                let id = path.trim_start_matches("silence/").to_owned();
                Failed::Other(AlertmanagerError::NoSilence { id })
            }
            // Its own errors are a JSON string, or an object with a message.
            _ => Failed::Other(match words {
                Some(message) => AlertmanagerError::Refused { message },
                None => AlertmanagerError::NotAlertmanager {
                    url,
                    why: format!("HTTP {}", status.as_u16()),
                },
            }),
        }
    }

    fn strange(&self, why: &str) -> AlertmanagerError {
        AlertmanagerError::NotAlertmanager {
            url: self.url().to_owned(),
            why: why.to_owned(),
        }
    }
}

fn shown(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn uuid_like(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn filter(matchers: &[Matcher]) -> Vec<(&'static str, String)> {
    matchers
        .iter()
        .map(|matcher| ("filter", matcher.to_string()))
        .collect()
}

/// Alertmanager's own words.
fn said(body: &[u8]) -> Option<String> {
    let read: Value = serde_json::from_slice(body).ok()?;
    let words = read.as_str().or_else(|| read["message"].as_str())?;
    Some(shorten(words, LONGEST))
}
