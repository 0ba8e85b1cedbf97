//! The part of Unleash's Admin API that Otus uses, on loopback, with its state: features of one project, their environments and
//! strategies, segments, and the record of events. The shapes are those of unleash-server 7.5 (its `/docs/openapi.json`), and the same
//! tests run against a real one ([`crate::real::RealUnleash`]).
//!
//! Made-up troubles: it can stop answering, fail, not know the token, or say that the token lacks a permission.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The environments it has.
pub const ENVIRONMENTS: [&str; 2] = ["development", "production"];
/// The token it knows.
pub const TOKEN: &str = "*:*.admin-secret";

/// What it does wrong from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// The token is not known any more.
    Unauthorized,
    /// The token may look, and lacks this permission to change anything.
    Lacks(String),
    /// Every answer is this.
    Fails(u16),
    /// So many changes go well, then each fails with 500.
    After(u32),
}

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct Unleash {
    kept: Arc<Mutex<Kept>>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Kept {
    features: BTreeMap<String, Feature>,
    segments: Vec<Value>,
    events: Vec<Value>,
    next: u64,
    trouble: Trouble,
    calls: Vec<String>,
}

#[derive(Debug, Default)]
struct Feature {
    archived: bool,
    environments: BTreeMap<&'static str, (bool, Vec<Value>)>,
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Nothing panics while it is held; if it did, what is kept is whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unleash {
    /// Starts an empty one on a free port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let kept = Arc::<Mutex<Kept>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "Unleash no longer listens");
            }
        });
        Ok(Self { kept, address, task })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets it go wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        lock(&self.kept).trouble = trouble;
    }

    /// The changes it was asked for since this was last called, as method and path.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.kept).calls)
    }
}

impl Drop for Unleash {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn refused(status: StatusCode, name: &str, message: &str) -> Response {
    let body = json!({ "name": name, "message": message, "details": [{ "message": message }] });
    (status, Json(body)).into_response()
}

fn missing(message: &str) -> Response {
    refused(StatusCode::NOT_FOUND, "NotFoundError", message)
}

async fn answer(
    State(kept): State<Arc<Mutex<Kept>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut kept = lock(&kept);
    if let Some(response) = kept.troubled(&method, &headers) {
        return response;
    }
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if method != Method::GET {
        kept.calls.push(format!("{method} {}", uri.path()));
    }
    let Some(path) = path.strip_prefix(&["api", "admin"]) else {
        return missing("The path you were looking for is not available.");
    };
    match (&method, path) {
        (&Method::GET, ["search", "events"]) => kept.search_events(&query),
        (&Method::GET, ["search", "features"]) => kept.search_features(&query),
        (&Method::GET, ["segments"]) => Json(json!({ "segments": kept.segments })).into_response(),
        (&Method::POST, ["segments"]) => {
            let mut segment = body;
            segment["id"] = json!(kept.segments.len() + 1);
            kept.event("segment-created", None, None, segment.clone(), Value::Null);
            kept.segments.push(segment.clone());
            (StatusCode::CREATED, Json(segment)).into_response()
        }
        (&Method::POST, ["archive", "revive", name]) => kept.revive(name),
        (_, ["projects", "default", "features", rest @ ..]) => kept.features(&method, rest, &body),
        _ => missing("The path you were looking for is not available."),
    }
}

impl Kept {
    fn troubled(&mut self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let known = headers
            .get(header::AUTHORIZATION)
            .is_some_and(|token| token == TOKEN);
        let changes = method != Method::GET;
        match &mut self.trouble {
            _ if !known => {}
            Trouble::Unauthorized => {}
            Trouble::Lacks(permission) if changes => {
                let message = format!(
                    "You don't have the required permissions to perform this operation. You need the \"{permission}\" permission to perform this action in the \"production\" environment."
                );
                let body = json!({ "name": "PermissionError", "message": message, "permissions": [permission], "details": [{ "message": message }] });
                return Some((StatusCode::FORBIDDEN, Json(body)).into_response());
            }
            Trouble::Fails(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Some(refused(status, "InternalError", "Something went wrong"));
            }
            Trouble::After(0) if changes => {
                return Some(refused(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalError",
                    "Something went wrong",
                ));
            }
            Trouble::After(left) => {
                *left -= u32::from(changes);
                return None;
            }
            Trouble::None | Trouble::Lacks(_) => return None,
        }
        Some(refused(
            StatusCode::UNAUTHORIZED,
            "UnauthorizedError",
            "You must log in to use Unleash.",
        ))
    }

    fn event(
        &mut self,
        kind: &str,
        feature: Option<&str>,
        environment: Option<&str>,
        data: Value,
        before: Value,
    ) {
        self.next += 1;
        self.events.push(json!({
            "id": self.next, "type": kind, "createdBy": "admin", "createdAt": jiff::Timestamp::now(), "data": data, "preData": before,
            "tags": [], "featureName": feature, "project": feature.map(|_| "default"), "environment": environment,
        }));
    }

    fn search_events(&self, query: &BTreeMap<String, String>) -> Response {
        let of = query.get("feature").and_then(|of| of.strip_prefix("IS:"));
        let limit = query
            .get("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(50);
        let fits = |event: &&Value| of.is_none_or(|of| event["featureName"] == of);
        let found: Vec<&Value> = self.events.iter().rev().filter(fits).collect();
        let total = found.len();
        let events: Vec<&Value> = found.into_iter().take(limit).collect();
        Json(json!({ "events": events, "total": total })).into_response()
    }

    fn search_features(&self, query: &BTreeMap<String, String>) -> Response {
        let number = |name: &str, otherwise| {
            query
                .get(name)
                .and_then(|text| text.parse().ok())
                .unwrap_or(otherwise)
        };
        let archived = query
            .get("archived")
            .is_some_and(|archived| archived == "IS:true");
        let found: Vec<Value> = self
            .features
            .iter()
            .filter(|(_, feature)| feature.archived == archived)
            .map(|(name, _)| json!({ "name": name, "project": "default", "type": "release" }))
            .collect();
        let total = found.len();
        let page: Vec<Value> = found
            .into_iter()
            .skip(number("offset", 0))
            .take(number("limit", 50))
            .collect();
        Json(json!({ "features": page, "total": total })).into_response()
    }

    fn revive(&mut self, name: &str) -> Response {
        let Some(feature) = self.features.get_mut(name).filter(|feature| feature.archived) else {
            return missing("Could not find feature flag");
        };
        feature.archived = false;
        for (enabled, _) in feature.environments.values_mut() {
            // What comes back is off everywhere, with its strategies.
            *enabled = false;
        }
        self.event("feature-revived", Some(name), None, Value::Null, Value::Null);
        StatusCode::OK.into_response()
    }

    fn features(&mut self, method: &Method, rest: &[&str], body: &Value) -> Response {
        let (name, rest) = match rest {
            [] if method == Method::POST => {
                let name = body["name"].as_str().unwrap_or_default().to_owned();
                if self.features.contains_key(&name) {
                    return refused(
                        StatusCode::CONFLICT,
                        "NameExistsError",
                        "A flag with that name already exists",
                    );
                }
                let environments = ENVIRONMENTS.map(|name| (name, (false, Vec::new()))).into();
                self.features.insert(
                    name.clone(),
                    Feature {
                        archived: false,
                        environments,
                    },
                );
                self.event("feature-created", Some(&name), None, body.clone(), Value::Null);
                return (
                    StatusCode::CREATED,
                    Json(json!({ "name": name, "project": "default" })),
                )
                    .into_response();
            }
            [name, rest @ ..] => (*name, rest),
            [] => return missing("The path you were looking for is not available."),
        };
        let Some(feature) = self.features.get_mut(name).filter(|feature| !feature.archived) else {
            return missing(&format!("Could not find feature flag with name {name}"));
        };
        let at = match rest {
            [] if method == Method::GET => {
                let environments: Vec<Value> = feature
                    .environments
                    .iter()
                    .map(|(name, (enabled, strategies))| json!({ "name": name, "enabled": enabled, "strategies": strategies }))
                    .collect();
                return Json(json!({ "name": name, "project": "default", "archived": false, "environments": environments })).into_response();
            }
            [] => {
                feature.archived = true;
                self.event("feature-archived", Some(name), None, Value::Null, Value::Null);
                return StatusCode::ACCEPTED.into_response();
            }
            ["environments", environment, ..] => *environment,
            _ => return missing("The path you were looking for is not available."),
        };
        let Some((enabled, strategies)) = feature.environments.get_mut(at) else {
            return missing(&format!("Could not find environment {at} for feature: {name}"));
        };
        match (method, &rest[2..]) {
            (&Method::POST, [side @ ("on" | "off")]) => {
                let on = *side == "on";
                let changed = *enabled != on;
                *enabled = on;
                if changed {
                    let kind = if on {
                        "feature-environment-enabled"
                    } else {
                        "feature-environment-disabled"
                    };
                    self.event(kind, Some(name), Some(at), Value::Null, Value::Null);
                }
                StatusCode::OK.into_response()
            }
            (&Method::POST, ["strategies"]) => {
                let mut strategy = body.clone();
                strategy["id"] = json!(uuid::Uuid::new_v4().to_string());
                strategies.push(strategy.clone());
                self.event(
                    "feature-strategy-add",
                    Some(name),
                    Some(at),
                    strategy.clone(),
                    Value::Null,
                );
                Json(strategy).into_response()
            }
            (&Method::PUT | &Method::DELETE, ["strategies", id]) => {
                let Some(nth) = strategies.iter().position(|strategy| strategy["id"] == *id) else {
                    return missing("Could not find that strategy");
                };
                let before = strategies[nth].clone();
                if method == Method::DELETE {
                    strategies.remove(nth);
                    self.event(
                        "feature-strategy-remove",
                        Some(name),
                        Some(at),
                        Value::Null,
                        before,
                    );
                    return StatusCode::OK.into_response();
                }
                let mut after = body.clone();
                after["id"] = json!(id);
                strategies[nth] = after.clone();
                self.event(
                    "feature-strategy-update",
                    Some(name),
                    Some(at),
                    after.clone(),
                    before,
                );
                Json(after).into_response()
            }
            _ => missing("The path you were looking for is not available."),
        }
    }
}
