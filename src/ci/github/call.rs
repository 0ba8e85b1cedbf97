//! Purpose: one call: token, `ETag`, rate limit, redirects, retries, and sorting what went wrong.

use super::{
    cache::Kept,
    client::{GitHub, innermost},
    error::{ConfigError, Error, Result},
    limit::{self, Limited},
    link,
    refusals::{message, odd, refused},
};
use jiff::Timestamp;
use rand::RngExt as _;
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LINK, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Duration};
use url::Url;

/// An answer of more bytes than this (unpacked) is refused.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How many times one call waits for a rate limit, and follows a redirect.
const MOST_WAITS: u32 = 2;
const MOST_HOPS: u32 = 3;

/// As whom a call is made: with the token, or as the App itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Installation,
    App,
}

/// What is sent along.
#[derive(Debug)]
pub(super) enum Body {
    Nothing,
    Json(serde_json::Value),
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Arc<[u8]>,
    /// The address of the next page.
    pub(super) next: Option<String>,
}

/// An answer before anybody looked at it.
struct Raw {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl GitHub {
    /// The address of a path under the API's; each part is encoded, so that a branch's slash stays in its part.
    pub(super) fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.inner().base.clone();
        url.path_segments_mut()
            .map_err(|()| ConfigError::Url("it has no path".into()))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)], what: &str) -> Result<Answer> {
        let url = self.address(path, query)?;
        self.call(Who::Installation, Method::GET, url, Body::Nothing, what)
            .await
    }

    pub(super) async fn post(&self, who: Who, path: &[&str], body: Body, what: &str) -> Result<Answer> {
        self.call(who, Method::POST, self.address(path, &[])?, body, what)
            .await
    }

    /// Reads an answer's JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self, answer: &Answer, what: &str) -> Result<T> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| odd(what, format!("JSON it does not know ({error})")))
    }

    /// Makes a call. Only what reads is tried again; a rate limit is waited for in any case, because nothing has happened.
    pub(super) async fn call(
        &self,
        who: Who,
        method: Method,
        url: Url,
        body: Body,
        what: &str,
    ) -> Result<Answer> {
        let reads = method == Method::GET;
        let mut url = url;
        let (mut failures, mut waits, mut hops) = (0, 0, 0);
        let (mut token, mut changed) = (None, false);
        loop {
            if who == Who::Installation {
                self.wait_for_limit().await?;
            }
            let fresh = match token.take() {
                Some(token) => token,
                None => self.token(who, None).await?,
            };
            let kept = if reads {
                self.cache().get(url.as_str())
            } else {
                None
            };
            let sent = self.once(&method, &url, &body, &fresh, kept.as_ref()).await?;
            let raw = match sent {
                Ok(raw) if !raw.status.is_server_error() => raw,
                failed => {
                    if reads && failures < self.inner().retries {
                        failures += 1;
                        tokio::time::sleep(self.pause(failures)).await;
                        continue;
                    }
                    let why = match failed {
                        Ok(raw) => format!("HTTP {}, {}", raw.status.as_u16(), message(&raw.body)),
                        Err(why) => why,
                    };
                    return Err(self.unreachable(why));
                }
            };
            let now = Timestamp::now();
            let status = raw.status.as_u16();
            if let Some(limited) = limit::refused(status, &raw.headers, &raw.body, now) {
                // The App's own limit is another one.
                if who == Who::App {
                    return Err(limited.into());
                }
                self.remember(limited);
                if waits >= MOST_WAITS {
                    return Err(limited.into());
                }
                waits += 1;
                token = Some(fresh);
                continue;
            }
            if let Some(until) = limit::used_up(&raw.headers, now).filter(|_| who == Who::Installation) {
                self.remember(Limited {
                    until,
                    secondary: false,
                });
            }
            match raw.status {
                StatusCode::NOT_MODIFIED => {
                    let kept = kept.ok_or_else(|| odd(what, "HTTP 304, which was not asked for".into()))?;
                    return Ok(Answer {
                        status: StatusCode::OK,
                        body: kept.body,
                        next: kept.next,
                    });
                }
                StatusCode::UNAUTHORIZED
                    if !changed && who == Who::Installation && self.auth().can_change() =>
                {
                    let other = self.token(who, Some(&fresh)).await?;
                    if other.expose_secret() == fresh.expose_secret() {
                        return Err(refused(raw.status, &raw.headers, &raw.body, what));
                    }
                    changed = true;
                    token = Some(other);
                }
                StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if !reads => {
                    return Err(refused(raw.status, &raw.headers, &raw.body, what));
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    hops += 1;
                    url = self.elsewhere(&url, &raw.headers, hops, what)?;
                    token = Some(fresh);
                }
                good if good.is_success() => return Ok(self.keep(reads, &url, raw)),
                _ => return Err(refused(raw.status, &raw.headers, &raw.body, what)),
            }
        }
    }

    /// Sends it once. The inner error is one of transport, which may pass.
    async fn once(
        &self,
        method: &Method,
        url: &Url,
        body: &Body,
        token: &SecretString,
        kept: Option<&Kept>,
    ) -> Result<std::result::Result<Raw, String>> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| ConfigError::Token)?;
        bearer.set_sensitive(true);
        let mut request = self
            .inner()
            .http
            .request(method.clone(), url.clone())
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header(AUTHORIZATION, bearer);
        if let Some(kept) = kept {
            request = request.header(IF_NONE_MATCH, &kept.etag);
        }
        if let Body::Json(body) = body {
            request = request.json(body);
        }
        Ok(self.receive(request).await)
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> std::result::Result<Raw, String> {
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                format!("no answer within {:?}", self.inner().timeout)
            } else {
                innermost(&error)
            }
        };
        let mut response = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(format!("an answer of more than {MOST_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(
            path = response.url().path(),
            status = status.as_u16(),
            bytes = body.len(),
            "asked GitHub"
        );
        Ok(Raw {
            status,
            headers,
            body,
        })
    }

    fn keep(&self, reads: bool, url: &Url, raw: Raw) -> Answer {
        let text = |name| {
            raw.headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let body: Arc<[u8]> = raw.body.into();
        let next = text(LINK).and_then(link::next).map(str::to_owned);
        if let Some(etag) = text(ETAG).filter(|_| reads) {
            let kept = Kept {
                etag: etag.to_owned(),
                body: Arc::clone(&body),
                next: next.clone(),
            };
            self.cache().put(url.as_str(), kept);
        }
        Answer {
            status: raw.status,
            body,
            next,
        }
    }

    /// Waits for a limit that is known, if it ends soon.
    async fn wait_for_limit(&self) -> Result<()> {
        let left = {
            let mut known = self.limited();
            let Some(limited) = *known else {
                return Ok(());
            };
            let left = Duration::try_from(limited.until.duration_since(Timestamp::now())).unwrap_or_default();
            if left > self.inner().longest_wait {
                return Err(limited.into());
            }
            if left.is_zero() {
                *known = None;
            }
            left
        };
        tokio::time::sleep(left).await;
        Ok(())
    }

    /// Of two limits the later counts.
    fn remember(&self, new: Limited) {
        let mut limited = self.limited();
        if limited.is_none_or(|old| old.until <= new.until) {
            *limited = Some(new);
        }
    }

    /// Where a redirect leads, if it is the same server: the token goes nowhere else.
    fn elsewhere(&self, from: &Url, headers: &HeaderMap, hops: u32, what: &str) -> Result<Url> {
        let to = headers
            .get(LOCATION)
            .and_then(|to| to.to_str().ok())
            .unwrap_or_default();
        // What follows the question mark can hold a ticket of the login that is asked for.
        let shown = to.split(['?', '#']).next().unwrap_or_default();
        let url = from
            .join(to)
            .ok()
            .filter(|url| !to.is_empty() && url.origin() == from.origin());
        match url {
            Some(url) if hops <= MOST_HOPS => Ok(url),
            Some(_) => Err(odd(
                what,
                format!("it redirects again and again, at last to {shown}"),
            )),
            None => Err(odd(what, format!("it redirects to {shown}"))),
        }
    }

    fn pause(&self, failures: u32) -> Duration {
        let whole = self
            .inner()
            .retry_pause
            .saturating_mul(1 << failures.saturating_sub(1).min(10));
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    fn unreachable(&self, why: String) -> Error {
        Error::Unreachable {
            url: self.url().to_owned(),
            why,
        }
    }
}

impl From<Limited> for Error {
    fn from(limited: Limited) -> Self {
        Self::RateLimited {
            until: limited.until,
            secondary: limited.secondary,
        }
    }
}
