//! Who is on call, as PagerDuty or what speaks its REST API v2 tells: `GET /oncalls`, with a token that may only read.
//!
//! Protocol: <https://developer.pagerduty.com/api-reference/> ("List all of the on-calls"): `Authorization: Token token=…`, the
//! version in `Accept`, `schedule_ids[]` and `include[]=users`, pages by `offset` and `more`.

use crate::{
    client::{innermost, is_loopback},
    config::Secret,
    error::shorten,
};
use jiff::Timestamp;
use reqwest::{StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};
use url::Url;

/// Where PagerDuty's API is.
pub const PAGERDUTY: &str = "https://api.pagerduty.com";
/// An answer of more bytes is refused.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// So many pages of an answer are read.
const PAGES: usize = 10;

/// What went wrong, for people.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PagerDutyError {
    /// A setting cannot work. It begins with the key.
    #[error("{0}")]
    Config(String),
    /// It cannot be reached, or did not answer in time.
    #[error("cannot reach PagerDuty at {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// It does not take the token.
    #[error(
        "PagerDuty at {url} does not take the token (HTTP {status}): it needs an API key that may read, of the account or of a user"
    )]
    NotAllowed {
        /// Where.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// It answered something else.
    #[error("PagerDuty at {url} did not say who is on call: {why}")]
    Refused {
        /// Where.
        url: String,
        /// What it said.
        why: String,
    },
}

type Result<T, E = PagerDutyError> = std::result::Result<T, E>;

/// Somebody who is on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// The id of the schedule.
    pub schedule: String,
    /// What they are called there.
    pub name: String,
    /// Their address, where it is told.
    pub email: Option<String>,
    /// Until when; none when nobody takes over.
    pub until: Option<Timestamp>,
    /// Who is asked first has 1.
    pub level: u32,
}

/// A client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    http: reqwest::Client,
    base: Url,
    token: Secret,
}

impl PagerDuty {
    /// A client for the API at an address, with a token or a file that holds it, read anew for each call. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PagerDutyError::Config`] when that cannot work; it begins with the key: `url`, `token`.
    pub fn new(
        url: &str,
        token: Option<SecretString>,
        file: Option<PathBuf>,
        timeout: Duration,
    ) -> Result<Self> {
        let wrong = |why: &str| PagerDutyError::Config(why.to_owned());
        let base = Url::parse(url.trim()).map_err(|error| PagerDutyError::Config(format!("url: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
            return Err(wrong("url: it must begin with https:// and name a host"));
        }
        if base.scheme() == "http" && !is_loopback(&base) {
            return Err(wrong(
                "url: http:// is accepted on this machine only; the token would travel in the clear",
            ));
        }
        let token = match (token, file) {
            (Some(token), None) => Secret::Value(token),
            (None, Some(file)) => Secret::File(file),
            (Some(_), Some(_)) => return Err(wrong("token: token_file is set, too; keep one of them")),
            (None, None) => return Err(wrong("token: it is missing; make an API key that may read")),
        };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)));
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        let http = http
            .build()
            .map_err(|error| PagerDutyError::Config(format!("url: {}", innermost(&error))))?;
        Ok(Self { http, base, token })
    }

    /// Who is on call by these schedules now, who is asked first first.
    ///
    /// # Errors
    /// Any of [`PagerDutyError`].
    pub async fn on_call(&self, schedules: &[String]) -> Result<Vec<OnCall>> {
        let mut found = Vec::new();
        for page in 0..PAGES {
            let answer = self.page(schedules, page * 100).await?;
            found.extend(answer.oncalls.into_iter().filter_map(Entry::read));
            if !answer.more {
                break;
            }
        }
        // One who is on call by several policies is there once.
        found.sort_by(|a, b| (&a.schedule, &a.name, a.level).cmp(&(&b.schedule, &b.name, b.level)));
        found.dedup_by(|a, b| a.schedule == b.schedule && a.name == b.name);
        found.sort_by_key(|one| one.level);
        Ok(found)
    }

    async fn page(&self, schedules: &[String], offset: usize) -> Result<Answer> {
        let token = self
            .token
            .read()
            .await
            .map_err(|why| PagerDutyError::Config(format!("token_file: {why}")))?;
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("oncalls");
        }
        url.query_pairs_mut()
            .extend_pairs(schedules.iter().map(|id| ("schedule_ids[]", id.as_str())))
            .append_pair("include[]", "users")
            .append_pair("earliest", "true")
            .append_pair("limit", "100")
            .append_pair("offset", &offset.to_string());
        let unreachable = |error: reqwest::Error| PagerDutyError::Unreachable {
            url: self.url(),
            why: innermost(&error.without_url()),
        };
        let mut answer = self
            .http
            .get(url)
            .header("authorization", format!("Token token={}", token.expose_secret()))
            .header("accept", "application/vnd.pagerduty+json;version=2")
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(self.refused(format!("an answer of more than {MOST_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        match status {
            status if status.is_success() => serde_json::from_slice(&bytes)
                .map_err(|_| self.refused("the answer is not one of its API; is the url right?".into())),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PagerDutyError::NotAllowed {
                url: self.url(),
                status: status.as_u16(),
            }),
            status => {
                let said: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
                let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
                let message = message.map(|message| format!(", {}", shorten(message, 200)));
                let message = message.unwrap_or_default();
                Err(self.refused(format!("HTTP {}{message}", status.as_u16())))
            }
        }
    }

    fn url(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    fn refused(&self, why: String) -> PagerDutyError {
        PagerDutyError::Refused { url: self.url(), why }
    }
}

#[derive(Deserialize)]
struct Answer {
    oncalls: Vec<Entry>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Entry {
    user: User,
    schedule: Option<Reference>,
    end: Option<Timestamp>,
    #[serde(default)]
    escalation_level: u32,
}

#[derive(Deserialize)]
struct User {
    summary: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

impl Entry {
    /// Without a schedule somebody is on call always, by a policy that was not asked about.
    fn read(self) -> Option<OnCall> {
        Some(OnCall {
            schedule: self.schedule?.id,
            name: self.user.name.or(self.user.summary)?,
            email: self.user.email,
            until: self.end,
            level: self.escalation_level,
        })
    }
}
