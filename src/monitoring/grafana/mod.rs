//! Grafana's annotations: marks on its graphs, such as a deploy from its beginning to its end.
//!
//! The calls are those of Grafana's annotations API (`POST /api/annotations`, `PATCH /api/annotations/:id`, `GET
//! /api/annotations`), with times in milliseconds since 1970. Grafana 13 announces another address for them; the path can be
//! configured. Nothing is tried again here: whoever tells has an outbox for that.

mod config;
pub mod dashboards;

pub use config::GrafanaConfig;

use crate::{
    client::{innermost, is_loopback},
    config::Secret,
    error::shorten,
};
use reqwest::{Method, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, sync::Arc};
use url::Url;

/// An answer of more bytes is refused.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What went wrong with Grafana, for people.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GrafanaError {
    /// A setting cannot work.
    #[error("grafana.{key}: {why}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be reached, or did not answer in time.
    #[error("cannot reach Grafana at {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// It does not take the token, or the token may not do this.
    #[error("Grafana at {url} does not allow {what} (HTTP {status}): {needs}")]
    NotAllowed {
        /// Where.
        url: String,
        /// What was tried.
        what: &'static str,
        /// 401 or 403.
        status: u16,
        /// Which permissions are missing, and who has them.
        needs: String,
    },
    /// There is no such annotation (any more).
    #[error("Grafana knows no such annotation; somebody may have deleted it")]
    NotFound,
    /// There is no such dashboard, panel or data source.
    #[error("Grafana at {url} has no {what}")]
    Missing {
        /// Where.
        url: String,
        /// What.
        what: String,
    },
    /// A data source could not answer a query; in its own words.
    #[error("query {reference}: {why}")]
    Query {
        /// `A`, `B` …
        reference: String,
        /// What the data source says.
        why: String,
    },
    /// Something else than Grafana's API answered, or it refused.
    #[error("Grafana at {url} did not do it ({what}): {why}")]
    Refused {
        /// Where.
        url: String,
        /// What was tried.
        what: &'static str,
        /// What came instead.
        why: String,
    },
}

type Result<T, E = GrafanaError> = std::result::Result<T, E>;

/// A mark, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAnnotation {
    /// From when, in milliseconds since 1970.
    pub time: i64,
    /// Until when; none while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_end: Option<i64>,
    /// What it is found by.
    pub tags: Vec<String>,
    /// What people read.
    pub text: String,
}

/// A mark, as Grafana tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// Grafana's number for it.
    pub id: u64,
    /// From when, in milliseconds since 1970.
    pub time: i64,
    /// Until when; Grafana tells a mark without an end as one that ends when it begins, or at 0.
    #[serde(default)]
    pub time_end: i64,
    /// What it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What people read.
    #[serde(default)]
    pub text: String,
}

/// A client for one Grafana. Cheap to clone.
#[derive(Clone)]
pub struct Grafana(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: Url,
    path: String,
    token: Secret,
    /// For reading dashboards, where that is another one.
    read_token: Option<Secret>,
    dashboard: Option<String>,
    tags: Vec<String>,
    render_timeout: Option<std::time::Duration>,
    folder: Option<std::path::PathBuf>,
}

/// What the annotations need.
const ANNOTATIONS: &str = "the service account of grafana.token needs the permissions annotations:read, annotations:create and \
     annotations:write, which the role Editor has";

/// A call, before it is made.
struct Call<'a> {
    method: Method,
    /// From the root of the host on.
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Option<Value>,
    /// What it is for, in words.
    what: &'static str,
    /// Which permissions it needs, in words.
    needs: &'static str,
    /// Whether it is done with the token for reading.
    reads: bool,
    timeout: Option<std::time::Duration>,
    most_bytes: usize,
}

/// What came, whatever its status.
struct Came {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
}

impl fmt::Debug for Grafana {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Grafana")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Grafana {
    /// A client by its configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// [`GrafanaError::Config`] when the configuration cannot work.
    pub fn new(config: &GrafanaConfig) -> Result<Self> {
        let base = config.base()?;
        let token = config.secret()?;
        let read_token = config.read_secret()?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(std::time::Duration::from_secs(5)));
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        for certificate in config.certificates()? {
            http = http.add_root_certificate(certificate);
        }
        let http = http.build().map_err(|error| GrafanaError::Config {
            key: "url",
            why: format!("no HTTP client can be made of it: {}", innermost(&error)),
        })?;
        Ok(Self(Arc::new(Inner {
            http,
            base,
            path: config.annotations.trim_matches('/').to_owned(),
            token,
            read_token,
            dashboard: config.dashboard_uid.clone(),
            tags: config.tags.clone(),
            render_timeout: config.renderer.then_some(config.render_timeout),
            folder: config.dashboards.clone(),
        })))
    }

    /// The address, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.base.as_str().trim_end_matches('/')
    }

    /// The tags that every mark of ours gets.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.0.tags
    }

    /// Makes a mark; its number. It is sent once: after an error nobody knows whether it was made, and [`Grafana::tagged`] says.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn annotate(&self, new: &NewAnnotation) -> Result<u64> {
        #[derive(Deserialize)]
        struct Made {
            id: u64,
        }
        let mut body = self.body(new);
        if let Some(dashboard) = &self.0.dashboard {
            body["dashboardUID"] = dashboard.clone().into();
        }
        let what = "making an annotation";
        let answer = self.send(Method::POST, &[], &[], Some(body), what).await?;
        self.read::<Made>(&answer, what).map(|made| made.id)
    }

    /// Changes a mark, for example to end it. Harmless when it is done again.
    ///
    /// # Errors
    /// Any of [`GrafanaError`]; [`GrafanaError::NotFound`] when somebody deleted it.
    pub async fn change(&self, id: u64, new: &NewAnnotation) -> Result<()> {
        let body = Some(self.body(new));
        self.send(
            Method::PATCH,
            &[&id.to_string()],
            &[],
            body,
            "changing an annotation",
        )
        .await
        .map(drop)
    }

    /// The marks that have a tag, since some time, in milliseconds since 1970.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn tagged(&self, tag: &str, since: i64) -> Result<Vec<Annotation>> {
        let what = "reading annotations";
        let from = since.to_string();
        // Both ends, or Grafana looks at neither.
        let to = since.saturating_add(400 * 24 * 3_600_000).to_string();
        let query = [("tags", tag), ("from", &from), ("to", &to), ("limit", "100")];
        let answer = self.send(Method::GET, &[], &query, None, what).await?;
        self.read(&answer, what)
    }

    /// Whether annotations may be read and, as far as this Grafana tells, written. Nothing is made.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn check(&self) -> Result<()> {
        let what = "reading annotations";
        let answer = self.send(Method::GET, &[], &[("limit", "1")], None, what).await?;
        self.read::<Vec<Value>>(&answer, what)?;
        // What a token may do is told to it since Grafana 8.5; where nobody tells, the first mark will.
        let url =
            self.0.base.path().trim_end_matches('/').to_owned() + "/api/access-control/user/permissions";
        let what = "making an annotation";
        let Ok(answer) = self.at(Method::GET, &url, &[], None, false, what).await else {
            return Ok(());
        };
        let Ok(allowed) = serde_json::from_slice::<serde_json::Map<String, Value>>(&answer) else {
            return Ok(());
        };
        let needed = ["annotations:create", "annotations:write"];
        if needed.into_iter().all(|action| allowed.contains_key(action)) {
            return Ok(());
        }
        Err(GrafanaError::NotAllowed {
            url: self.url().to_owned(),
            what,
            status: StatusCode::FORBIDDEN.as_u16(),
            needs: ANNOTATIONS.into(),
        })
    }

    fn body(&self, new: &NewAnnotation) -> Value {
        // Plain fields with text keys.
        serde_json::to_value(new).unwrap_or_default()
    }

    async fn send(
        &self,
        method: Method,
        rest: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
        what: &'static str,
    ) -> Result<Vec<u8>> {
        let mut path = format!("{}/{}", self.0.base.path().trim_end_matches('/'), self.0.path);
        for part in rest {
            path = format!("{path}/{part}");
        }
        self.at(method, &path, query, body, !rest.is_empty(), what).await
    }

    /// Makes a call at a path; where it is about one mark, a 404 means that there is none.
    async fn at(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        of_one: bool,
        what: &'static str,
    ) -> Result<Vec<u8>> {
        let call = Call {
            method,
            path,
            query,
            body,
            what,
            needs: ANNOTATIONS,
            reads: false,
            timeout: None,
            most_bytes: MOST_BYTES,
        };
        let came = self.call(call).await?;
        match came.status {
            status if status.is_success() => Ok(came.bytes),
            StatusCode::NOT_FOUND if of_one => Err(GrafanaError::NotFound),
            status => Err(self.refused(what, format!("HTTP {}{}", status.as_u16(), said(&came.bytes)))),
        }
    }

    /// Makes a call. What is refused for want of a right, or because nobody is there, is an error; every other answer is one.
    async fn call(&self, call: Call<'_>) -> Result<Came> {
        let inner = &*self.0;
        let what = call.what;
        let mut url = inner.base.clone();
        url.set_path(call.path);
        let token = self.token(call.reads).await?;
        let mut request = inner
            .http
            .request(call.method, url)
            .bearer_auth(token.expose_secret());
        if !call.query.is_empty() {
            request = request.query(call.query);
        }
        if let Some(body) = call.body {
            request = request.json(&body);
        }
        if let Some(timeout) = call.timeout {
            request = request.timeout(timeout);
        }
        let unreachable = |error: reqwest::Error| GrafanaError::Unreachable {
            url: self.url().to_owned(),
            why: match error.is_timeout() {
                true => format!("{what} took too long"),
                false => innermost(&error.without_url()),
            },
        };
        let mut answer = request.send().await.map_err(unreachable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > call.most_bytes {
                return Err(self.refused(what, format!("an answer of more than {} bytes", call.most_bytes)));
            }
            bytes.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::UNAUTHORIZED => Err(GrafanaError::NotAllowed {
                url: self.url().to_owned(),
                what,
                status: status.as_u16(),
                needs: match call.reads {
                    true => format!("it does not take the token; {}", call.needs),
                    false => call.needs.to_owned(),
                },
            }),
            StatusCode::FORBIDDEN => Err(GrafanaError::NotAllowed {
                url: self.url().to_owned(),
                what,
                status: status.as_u16(),
                needs: call.needs.to_owned(),
            }),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Err(GrafanaError::Unreachable {
                    url: self.url().to_owned(),
                    why: format!("HTTP {}{}", status.as_u16(), said(&bytes)),
                })
            }
            status => Ok(Came {
                status,
                headers,
                bytes,
            }),
        }
    }

    async fn token(&self, reads: bool) -> Result<SecretString> {
        let (token, key) = match self.0.read_token.as_ref().filter(|_| reads) {
            Some(token) => (token, "read_token_file"),
            None => (&self.0.token, "token_file"),
        };
        let path = match token {
            Secret::Value(token) => return Ok(token.clone()),
            Secret::File(path) => path.clone(),
        };
        let wrong = |why: String| GrafanaError::Config {
            key,
            why: format!("it cannot be used: {why}"),
        };
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
        let text = read
            .map_err(|error| wrong(error.to_string()))?
            .map_err(|error| wrong(error.to_string()))?;
        match text.trim() {
            "" => Err(wrong("it is empty".into())),
            token => Ok(SecretString::from(token.to_owned())),
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: &[u8], what: &'static str) -> Result<T> {
        serde_json::from_slice(answer).map_err(|_| {
            self.refused(
                what,
                "the answer is not one of Grafana's API; are grafana.url and grafana.annotations right?"
                    .into(),
            )
        })
    }

    fn refused(&self, what: &'static str, why: String) -> GrafanaError {
        GrafanaError::Refused {
            url: self.url().to_owned(),
            what,
            why,
        }
    }
}

/// Grafana's own words.
fn said(body: &[u8]) -> String {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let message = read.as_ref().and_then(|body| body["message"].as_str());
    message
        .map(|message| format!(", {}", shorten(message, 200)))
        .unwrap_or_default()
}
