//! Purpose: whether the process can do its work, part by part.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A source of checks that has not answered by now is not ready, whatever it would have said.
const PATIENCE: Duration = Duration::from_secs(3);

/// One part, and whether it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which part: `store`, `slack`, `kubernetes`.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, for a person; never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Check {
    /// A part that works.
    #[must_use]
    pub fn ok(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: true,
            why: None,
        }
    }

    /// A part that does not, and why.
    #[must_use]
    pub fn failed(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: false,
            why: Some(why.into()),
        }
    }
}

type Checks = Pin<Box<dyn Future<Output = Vec<Check>> + Send>>;

/// Somebody who knows how some parts are.
pub(crate) type Source = Arc<dyn Fn() -> Checks + Send + Sync>;

pub(crate) fn source<F, Fut>(look: F) -> Source
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Vec<Check>> + Send + 'static,
{
    Arc::new(move || Box::pin(look()))
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    checks: Vec<Check>,
}

/// Asks everybody at once, and answers 200 or 503.
pub(crate) async fn report(sources: Arc<[Source]>, stop: CancellationToken) -> Response {
    let asked: Vec<_> = sources
        .iter()
        .map(|source| tokio::spawn(tokio::time::timeout(PATIENCE, source())))
        .collect();
    let mut checks = Vec::new();
    for answer in asked {
        match answer.await {
            Ok(Ok(answered)) => checks.extend(answered),
            Ok(Err(_)) => checks.push(Check::failed(
                "checks",
                format!("no answer within {} s", PATIENCE.as_secs()),
            )),
            Err(_) => checks.push(Check::failed("checks", "the check itself failed; see the log")),
        }
    }
    if stop.is_cancelled() {
        checks.push(Check::failed("process", "it is stopping"));
    }
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Report { ready, checks })).into_response()
}
