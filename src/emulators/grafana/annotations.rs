//! Annotations over the legacy API: `POST`, `PATCH`, `GET` and `DELETE` of `/api/annotations`.

use super::{Answer, EDITOR, LOOKER, Shared, VIEWER, World, message, token};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    routing::{get, patch},
};
use serde_json::{Value, json};

/// A mark as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its number.
    pub id: u64,
    /// The dashboard it is on.
    pub dashboard: Option<String>,
    /// From when, in milliseconds since 1970.
    pub time: i64,
    /// Until when; the same where it has no end.
    pub time_end: i64,
    /// What it is found by.
    pub tags: Vec<String>,
    /// What people read.
    pub text: String,
}

/// What is to go wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and not done.
    Status(u16),
    /// It is done, and answered with a 502.
    Lost,
}

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/annotations", get(list).post(make))
        .route("/api/annotations/{id}", patch(change).delete(delete))
        .route("/api/access-control/user/permissions", get(permissions))
}

/// Lets a call in, or says why not.
fn enter(
    world: &mut World,
    call: String,
    headers: &HeaderMap,
    writes: bool,
) -> Result<Option<Fault>, Answer> {
    world.calls.push(call);
    match token(headers) {
        Some(EDITOR) => {}
        Some(VIEWER | LOOKER) if !writes => {}
        Some(VIEWER | LOOKER) => {
            return Err(message(
                StatusCode::FORBIDDEN,
                "You'll need additional permissions to perform this action. Permissions needed: annotations:write",
            ));
        }
        _ => return Err(message(StatusCode::UNAUTHORIZED, "Invalid API key")),
    }
    let fault = if writes { world.faults.pop_front() } else { None };
    match fault {
        Some(Fault::Status(status)) => Err(message(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            "an ordered fault",
        )),
        fault => Ok(fault),
    }
}

/// What was done is answered, unless the answer was ordered to get lost.
fn answered(fault: Option<Fault>, body: Value) -> Answer {
    match fault {
        Some(Fault::Lost) => message(StatusCode::BAD_GATEWAY, "Bad Gateway"),
        _ => (StatusCode::OK, Json(body)),
    }
}

fn tags(value: &Value) -> Option<Vec<String>> {
    let tags = value.get("tags")?.as_array()?.iter();
    Some(tags.filter_map(Value::as_str).map(str::to_owned).collect())
}

async fn make(State(shared): State<Shared>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    let mut world = shared.lock();
    let fault = match enter(&mut world, "POST /api/annotations".into(), &headers, true) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    let Some(text) = asked["text"].as_str().filter(|text| !text.is_empty()) else {
        return message(
            StatusCode::BAD_REQUEST,
            "Failed to save annotation: text field should not be empty",
        );
    };
    world.next += 1;
    let time = asked["time"].as_i64().unwrap_or_default();
    let made = Annotation {
        id: world.next,
        dashboard: asked["dashboardUID"].as_str().map(str::to_owned),
        time,
        time_end: asked["timeEnd"].as_i64().unwrap_or(time),
        tags: tags(&asked).unwrap_or_default(),
        text: text.to_owned(),
    };
    let id = made.id;
    world.annotations.push(made);
    answered(fault, json!({ "message": "Annotation added", "id": id }))
}

async fn change(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Answer {
    let mut world = shared.lock();
    let call = format!("PATCH /api/annotations/{id}");
    let fault = match enter(&mut world, call, &headers, true) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    let Some(known) = world.annotations.iter_mut().find(|known| known.id == id) else {
        return message(StatusCode::NOT_FOUND, "Annotation not found");
    };
    if let Some(text) = asked["text"].as_str() {
        text.clone_into(&mut known.text);
    }
    if let Some(tags) = tags(&asked) {
        known.tags = tags;
    }
    known.time = asked["time"].as_i64().unwrap_or(known.time);
    known.time_end = asked["timeEnd"].as_i64().unwrap_or(known.time_end);
    answered(fault, json!({ "message": "Annotation patched" }))
}

async fn delete(State(shared): State<Shared>, Path(id): Path<u64>, headers: HeaderMap) -> Answer {
    let mut world = shared.lock();
    let call = format!("DELETE /api/annotations/{id}");
    let fault = match enter(&mut world, call, &headers, true) {
        Ok(fault) => fault,
        Err(answer) => return answer,
    };
    world.annotations.retain(|known| known.id != id);
    answered(fault, json!({ "message": "Annotation deleted" }))
}

async fn permissions(State(shared): State<Shared>, headers: HeaderMap) -> Answer {
    let mut world = shared.lock();
    let call = "GET /api/access-control/user/permissions".into();
    if let Err(answer) = enter(&mut world, call, &headers, false) {
        return answer;
    }
    let everything = json!(["annotations:*"]);
    let mut allowed = json!({ "annotations:read": everything, "dashboards:read": ["dashboards:*"] });
    if token(&headers) != Some(LOOKER) {
        allowed["datasources:query"] = json!(["datasources:*"]);
    }
    if enter(&mut world, "whether it may write".into(), &headers, true).is_ok() {
        allowed["annotations:create"] = everything.clone();
        allowed["annotations:write"] = everything;
    }
    // That was no call.
    world.calls.pop();
    (StatusCode::OK, Json(allowed))
}

async fn list(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    let mut world = shared.lock();
    if let Err(answer) = enter(&mut world, "GET /api/annotations".into(), &headers, false) {
        return answer;
    }
    let number = |name: &str| -> Option<i64> {
        let found = query.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse().ok())
    };
    let (from, to) = (number("from"), number("to"));
    let limit = number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(100);
    let wanted: Vec<&String> = query
        .iter()
        .filter(|(key, _)| key == "tags")
        .map(|(_, value)| value)
        .collect();
    let found = world.annotations.iter().rev().filter(|known| {
        wanted.iter().all(|tag| known.tags.contains(*tag))
            && from
                .zip(to)
                .is_none_or(|(from, to)| known.time <= to && known.time_end >= from)
    });
    let found: Vec<Value> = found
        .take(limit)
        .map(|known| {
            json!({
                "id": known.id, "alertId": 0, "alertName": "", "dashboardUID": known.dashboard, "panelId": 0, "userId": 0,
                "newState": "", "prevState": "", "created": known.time, "updated": known.time, "time": known.time,
                "timeEnd": known.time_end, "text": known.text, "tags": known.tags, "login": "sa-otus", "data": {},
            })
        })
        .collect();
    (StatusCode::OK, Json(Value::Array(found)))
}
