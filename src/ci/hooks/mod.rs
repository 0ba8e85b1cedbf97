//! Purpose: webhooks of continuous integrations, verified and read.
//!
//! Pure: headers, the raw body, the time and the secrets go in; a [`Delivery`] or a [`Refusal`] comes out. Nothing is
//! believed, and no byte of the body is parsed, before its signature is found to be right.
//!
//! What an event says is a hint, not the truth: checks finish one by one, deliveries get lost, and a fork can call
//! its branch `main`. Whoever acts on one reads the state of the commit again.
//!
//! ```
//! use otus_ci::hooks::{Headers, Hook, HookConfig, Refusal, Request, Scheme};
//!
//! let config = HookConfig { scheme: Scheme::Github, secrets: vec!["a secret of sixteen bytes or more".into()] };
//! let hook = Hook::new("github", &config).unwrap();
//! let headers = Headers::from_iter([("X-GitHub-Event", b"push".as_slice())]);
//! let refusal = hook.read(&Request { headers: &headers, body: b"{}", now: jiff::Timestamp::UNIX_EPOCH });
//! assert!(matches!(refusal, Err(Refusal::HeaderMissing { name: "X-Hub-Signature-256" })));
//! ```

mod buildkite;
mod circleci;
mod config;
mod event;
mod fields;
mod generic;
mod github;
mod gitlab;
mod headers;
mod proof;
mod refusal;
mod remote;

pub use config::{Hook, HookConfig, HookConfigError, Scheme};
pub use event::{
    CheckKind, CheckState, Checked, CiEvent, DeployState, Deployed, PullAction, PullChanged, PullEnd, Pushed,
    ReviewState, Reviewed,
};
pub use headers::Headers;
pub use refusal::Refusal;

use jiff::Timestamp;

/// The largest body that is looked at, in bytes: GitHub sends at most 25 MB, and nobody else comes near.
pub const MAX_BODY: usize = 25 * 1024 * 1024;

/// How far a signed timestamp may be from now, before or after, in seconds.
pub const MAX_SKEW: i64 = 5 * 60;

/// What came in over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a Headers<'a>,
    /// Its body, byte for byte as it came: signatures cover the bytes, not what they mean.
    pub body: &'a [u8],
    /// The receiver's clock.
    pub now: Timestamp,
}

/// One genuine delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key to tell repeats by, `<source>:<the sender's id>`. A delivery that is sent again because it got lost has
    /// the same one, so what counts is whether it was *processed*, not whether it was seen. Not every scheme signs it
    /// (GitHub's does not), so actions must be idempotent by commit as well.
    pub id: String,
    /// The name of the hook it came by.
    pub source: String,
    /// What it says; never empty.
    pub events: Vec<CiEvent>,
}

impl Hook {
    /// Verifies one request and reads it.
    ///
    /// # Errors
    /// [`Refusal`], which knows the HTTP status to answer with. [`Refusal::is_ignorable`] tells what is genuine but of
    /// no use from what is not genuine.
    pub fn read(&self, request: &Request<'_>) -> Result<Delivery, Refusal> {
        if request.body.len() > MAX_BODY {
            return Err(Refusal::TooLarge {
                bytes: request.body.len(),
                limit: MAX_BODY,
            });
        }
        let (id, events) = match self.scheme() {
            Scheme::Github => github::read(self, request),
            Scheme::Generic => generic::read(self, request),
            Scheme::Gitlab => gitlab::read(self, request),
            Scheme::Circleci => circleci::read(self, request),
            Scheme::Buildkite => buildkite::read(self, request),
        }?;
        Ok(Delivery {
            id: format!("{}:{id}", self.name()),
            source: self.name().to_owned(),
            events,
        })
    }
}

/// The sender's id and what it says.
type Read = Result<(String, Vec<CiEvent>), Refusal>;
