//! Purpose: the HTTP client for Prometheus' API.
//!
//! Queries go as form-encoded POST (a GET is cut by proxies at 8 KB), answers come gzipped, and are read with a limit.
//! Redirects are not followed: a POST would lose its form on the way, and where they lead is mostly a login page.

use crate::{
    Build, Error, Metadata, PrometheusConfig, Result,
    answer::Answer,
    config::{Credentials, Secret},
    error::{ConfigError, shorten},
    step::Range,
    wire::{Envelope, Opened, Outcome},
};
use jiff::Timestamp;
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::{collections::HashMap, fmt, path::Path, sync::Arc, time::Duration};
use url::Url;

/// Above this an answer is taken apart on a thread of its own, so that other tasks are not kept waiting.
const LARGE: usize = 256 * 1024;

/// A client for one Prometheus. Cheap to clone.
#[derive(Clone)]
pub struct Prometheus {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
    timeout: Duration,
    max_bytes: usize,
    max_series: usize,
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Prometheus")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Prometheus {
    /// A client by its configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn new(config: &PrometheusConfig) -> Result<Self> {
        let (base, in_url) = base(config.url.as_deref().ok_or(ConfigError::NoUrl)?)?;
        let credentials = match (config.credentials()?, in_url) {
            (credentials, Credentials::None) => credentials,
            (Credentials::None, in_url) => in_url,
            _ => {
                return Err(ConfigError::Url(
                    "it has a user name, and there are other credentials beside it".into(),
                ))?;
            }
        };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(config)?)
            .redirect(redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(5)))
            .gzip(true);
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        if let Some(path) = &config.ca_file {
            let wrong = |why: String| ConfigError::File {
                key: "prometheus.ca_file",
                path: path.clone(),
                why,
            };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(innermost(&error)))?;
            if certificates.is_empty() {
                return Err(wrong("it has no certificate in PEM form".into()))?;
            }
            http = http.tls_certs_merge(certificates);
        }
        let http = http
            .build()
            .map_err(|error| ConfigError::Client(innermost(&error)))?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                credentials,
                timeout: config.timeout,
                max_bytes: config.max_bytes,
                max_series: config.max_series,
            }),
        })
    }

    /// The address, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.base.as_str().trim_end_matches('/')
    }

    /// A query over a range: always a matrix.
    ///
    /// # Errors
    /// Any of [`Error`].
    pub async fn query_range(&self, query: &str, range: &Range) -> Result<Answer> {
        self.outcome(
            "api/v1/query_range",
            &[
                ("query", query),
                ("start", &seconds(range.start_ms())),
                ("end", &seconds(range.end_ms())),
                (
                    "step",
                    &seconds(i64::try_from(range.step().as_millis()).unwrap_or(i64::MAX)),
                ),
                ("timeout", &crate::duration::format(self.inner.timeout)),
            ],
        )
        .await
    }

    /// A query at one time, now if none is given.
    ///
    /// # Errors
    /// Any of [`Error`].
    pub async fn query(&self, query: &str, at: Option<Timestamp>) -> Result<Answer> {
        let at = seconds(at.unwrap_or_else(Timestamp::now).as_millisecond());
        let timeout = crate::duration::format(self.inner.timeout);
        self.outcome(
            "api/v1/query",
            &[("query", query), ("time", &at), ("timeout", &timeout)],
        )
        .await
    }

    /// What is known about a metric; empty when nothing is. Several targets can tell different things.
    ///
    /// # Errors
    /// Any of [`Error`].
    pub async fn metadata(&self, metric: &str) -> Result<Vec<Metadata>> {
        let path = "api/v1/metadata";
        let answer = self.send(Method::GET, path, &[("metric", metric)]).await?;
        let (mut all, ..): (HashMap<String, Vec<Metadata>>, _, _) = self
            .read(answer)
            .await?
            .ok_or_else(|| self.not_prometheus("an answer without data".into()))?;
        Ok(all.remove(metric).unwrap_or_default())
    }

    /// Whether it is ready to answer queries.
    ///
    /// # Errors
    /// Any of [`Error`]; a server that is still starting is [`Error::Unreachable`].
    pub async fn ready(&self) -> Result<()> {
        let answer = self.send(Method::GET, "-/ready", &[]).await?;
        match answer.status {
            StatusCode::OK => Ok(()),
            StatusCode::SERVICE_UNAVAILABLE => Err(self.unreachable("it is not ready yet".into())),
            status => Err(self.not_prometheus(format!("/-/ready answered HTTP {}", status.as_u16()))),
        }
    }

    /// Which version it is.
    ///
    /// # Errors
    /// Any of [`Error`].
    pub async fn build(&self) -> Result<Build> {
        let answer = self.send(Method::GET, "api/v1/status/buildinfo", &[]).await?;
        let data = self.read::<Build>(answer).await?;
        data.map(|(build, ..)| build)
            .ok_or_else(|| self.not_prometheus("an answer without data".into()))
    }

    async fn outcome(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let answer = self.send(Method::POST, path, form).await?;
        let (outcome, warnings, infos): (Outcome, _, _) = self
            .read(answer)
            .await?
            .ok_or_else(|| self.not_prometheus("an answer without data".into()))?;
        Ok(outcome.into_answer(warnings, infos, self.inner.max_series))
    }

    async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Result<Raw> {
        let inner = &*self.inner;
        let mut url = inner.base.clone();
        url.set_path(&format!("{}/{path}", inner.base.path().trim_end_matches('/')));
        let mut request = inner.http.request(method.clone(), url);
        request = if method == Method::POST {
            request.form(fields)
        } else {
            request.query(fields)
        };
        request = match &inner.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(
                reveal(token, "prometheus.bearer_token_file")
                    .await?
                    .expose_secret(),
            ),
            Credentials::Basic { username, password } => {
                let password = reveal(password, "prometheus.password_file").await?;
                request.basic_auth(username, Some(password.expose_secret()))
            }
        };
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            if error.is_timeout() {
                Error::timed_out(inner.timeout)
            } else {
                self.unreachable(innermost(&error))
            }
        };
        let mut response = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > inner.max_bytes {
                return Err(Error::TooLarge {
                    limit_bytes: inner.max_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        tracing::debug!(
            path,
            status = status.as_u16(),
            bytes = body.len(),
            "asked Prometheus"
        );
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Error::Auth {
                url: self.url().to_owned(),
                status: status.as_u16(),
            });
        }
        if status.is_redirection() {
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok())
                .unwrap_or("nowhere");
            // What follows the question mark can hold a ticket of the login that is asked for.
            let to = to.split(['?', '#']).next().unwrap_or_default();
            return Err(self.not_prometheus(format!("it redirects to {to}")));
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("no content type").to_owned();
        Ok(Raw { status, kind, body })
    }

    /// Takes the envelope apart, off the runtime's threads when it is large.
    async fn read<T>(&self, raw: Raw) -> Result<Option<Opened<T>>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let Raw { status, kind, body } = raw;
        let large = body.len() > LARGE;
        let parse = move || (serde_json::from_slice::<Envelope<T>>(&body), body);
        let (parsed, body) = if large {
            tokio::task::spawn_blocking(parse)
                .await
                .map_err(|error| self.not_prometheus(error.to_string()))?
        } else {
            parse()
        };
        match parsed {
            Ok(envelope) => envelope.open(status.as_u16()),
            Err(_) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(self.unreachable(format!("HTTP {}, {}", status.as_u16(), beginning(&body))))
            }
            Err(error) if kind.starts_with("application/json") && status.is_success() => {
                Err(self.not_prometheus(format!("JSON it does not know ({error})")))
            }
            Err(_) => {
                Err(self.not_prometheus(format!("HTTP {}, {kind}, {}", status.as_u16(), beginning(&body))))
            }
        }
    }

    fn unreachable(&self, why: String) -> Error {
        Error::Unreachable {
            url: self.url().to_owned(),
            why,
        }
    }

    fn not_prometheus(&self, why: String) -> Error {
        Error::NotPrometheus {
            url: self.url().to_owned(),
            why,
        }
    }
}

/// An answer before anybody looked at it.
struct Raw {
    status: StatusCode,
    kind: String,
    body: Vec<u8>,
}

/// The base address, and the credentials that were written into it.
fn base(text: &str) -> Result<(Url, Credentials), ConfigError> {
    // The parser's error does not repeat the text, which may hold a password.
    let mut url = Url::parse(text.trim()).map_err(|error| ConfigError::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(ConfigError::Url(
            "it must begin with http:// or https:// and name a host".into(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::Url("it must end before any `?` or `#`".into()));
    }
    if url.username().is_empty() && url.password().is_none() {
        return Ok((url, Credentials::None));
    }
    let (username, password) = (decode(url.username()), decode(url.password().unwrap_or_default()));
    let cannot = |()| ConfigError::Url("its user name cannot be taken out".into());
    url.set_username("").map_err(cannot)?;
    url.set_password(None).map_err(cannot)?;
    Ok((
        url,
        Credentials::Basic {
            username,
            password: Secret::Value(SecretString::from(password)),
        },
    ))
}

/// Percent-decoding, as the form decoder of the url crate does it (`+` is kept).
fn decode(text: &str) -> String {
    let kept = text.replace('+', "%2B");
    url::form_urlencoded::parse(kept.as_bytes())
        .next()
        .map(|(key, _)| key.into_owned())
        .unwrap_or_default()
}

fn headers(config: &PrometheusConfig) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let wrong = |why: &str| ConfigError::Header {
            name: name.clone(),
            why: why.into(),
        };
        let key =
            HeaderName::try_from(name).map_err(|_| wrong("its name has characters HTTP does not allow"))?;
        let mut value = HeaderValue::try_from(value.expose_secret())
            .map_err(|_| wrong("its value has characters HTTP does not allow"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

async fn reveal(secret: &Secret, key: &'static str) -> Result<SecretString> {
    let path: &Path = match secret {
        Secret::Value(value) => return Ok(value.clone()),
        Secret::File(path) => path,
    };
    let text = tokio::task::spawn_blocking({
        let path = path.to_owned();
        move || std::fs::read_to_string(path)
    });
    let wrong = |why: String| ConfigError::File {
        key,
        path: path.to_owned(),
        why,
    };
    let text = text
        .await
        .map_err(|error| wrong(error.to_string()))?
        .map_err(|error| wrong(error.to_string()))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Milliseconds as Prometheus reads times and steps: seconds with a fraction.
fn seconds(ms: i64) -> String {
    format!(
        "{}{}.{:03}",
        if ms < 0 { "-" } else { "" },
        ms.unsigned_abs() / 1_000,
        ms.unsigned_abs() % 1_000
    )
}

/// The last reason in the chain: `Connection refused`, not `error sending request`.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The first words of something that is not what was expected.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        "empty".into()
    } else {
        format!("beginning `{}`", shorten(&words, 80))
    }
}
