//! Alert rules that Grafana evaluates: handed out, never evaluated here.

use super::{Answer, Shared, message, reading};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/ruler/grafana/api/v1/rule/{uid}", get(of_ruler))
        .route("/api/v1/provisioning/alert-rules/{uid}", get(provisioned))
}

fn find(shared: &Shared, uid: &str) -> Option<Value> {
    let world = shared.lock();
    let found = world.options.rules.iter().find(|(known, _)| known == uid);
    found.map(|(_, rule)| {
        let mut rule = rule.clone();
        rule["uid"] = uid.into();
        rule
    })
}

/// As its own pages ask for it; since Grafana 11.
async fn of_ruler(State(shared): State<Shared>, Path(uid): Path<String>, headers: HeaderMap) -> Answer {
    let call = format!("GET /api/ruler/grafana/api/v1/rule/{uid}");
    if let Err(answer) = reading(&shared, &headers, call, "alert.rules:read") {
        return answer;
    }
    if shared.lock().options.proxy_only {
        return message(StatusCode::NOT_FOUND, "Not found");
    }
    match find(&shared, &uid) {
        Some(rule) => (
            StatusCode::ACCEPTED,
            Json(json!({ "expr": "", "for": "0s", "grafana_alert": rule })),
        ),
        None => message(StatusCode::NOT_FOUND, "could not find alert rule"),
    }
}

async fn provisioned(State(shared): State<Shared>, Path(uid): Path<String>, headers: HeaderMap) -> Answer {
    let call = format!("GET /api/v1/provisioning/alert-rules/{uid}");
    if let Err(answer) = reading(&shared, &headers, call, "alert.provisioning:read") {
        return answer;
    }
    match find(&shared, &uid) {
        Some(rule) => (StatusCode::OK, Json(rule)),
        None => message(StatusCode::NOT_FOUND, ""),
    }
}
