//! Who is on call, asked of something that speaks PagerDuty's API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use otus::prelude::*;
use otus_responder_team::OnCall;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Pager {
    asked: Vec<String>,
    broken: bool,
}

type Shared = Arc<Mutex<Pager>>;

async fn oncalls(
    State(pager): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let mut pager = pager.lock().unwrap();
    let query = query.unwrap_or_default();
    pager.asked.push(query.clone());
    if pager.broken {
        let error = json!({ "error": { "message": "Internal Server Error", "code": 2000 } });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(error));
    }
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let version = headers.get("accept").and_then(|value| value.to_str().ok());
    if token != Some("Token token=y_NbAkKc66ryYTWUXYEu")
        || version != Some("application/vnd.pagerduty+json;version=2")
    {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": { "message": "no" } })),
        );
    }
    let one = |name: &str, email: &str, schedule: &str, level: u32, end: Value| {
        json!({
            "escalation_policy": { "id": "PE", "type": "escalation_policy_reference" },
            "escalation_level": level,
            "schedule": { "id": schedule, "type": "schedule_reference", "summary": "Rota" },
            "user": { "id": "PU", "type": "user", "summary": name, "name": name, "email": email },
            "start": "2026-01-01T00:00:00Z",
            "end": end,
        })
    };
    let page = match query.contains("offset=100") {
        false => json!({
            "oncalls": [
                one("Carl", "carl@example.com", "P2", 1, Value::Null),
                one("Ben", "ben@example.com", "P1", 2, json!("2099-01-01T00:00:00Z")),
            ],
            "limit": 100, "offset": 0, "more": true, "total": null,
        }),
        true => json!({
            "oncalls": [
                one("Ann", "ann@example.com", "P1", 1, json!("2099-01-01T00:00:00Z")),
                one("Ann", "ann@example.com", "P1", 3, json!("2099-01-01T00:00:00Z")),
                { "escalation_level": 1, "schedule": null, "user": { "summary": "Always" }, "start": null, "end": null },
            ],
            "limit": 100, "offset": 100, "more": false, "total": null,
        }),
    };
    (StatusCode::OK, Json(page))
}

async fn place() -> (Shared, String) {
    let pager = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/oncalls", get(oncalls))
        .with_state(pager.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (pager, url)
}

fn on_call(url: &str, token: &str) -> OnCall {
    let settings = json!({ "pagerduty": {
        "url": url, "token": token, "schedules": { "backend": "P1", "frontend": "P2" },
    } });
    OnCall::new(serde_json::from_value(settings).unwrap()).unwrap()
}

#[tokio::test]
async fn who_is_on_call_is_asked_of_the_api() {
    let (pager, url) = place().await;
    let mut room = Room::with(on_call(&url, "y_NbAkKc66ryYTWUXYEu"));
    room.chat().address("ann", "ann@example.com");
    room.say("ben", "@otus who is on call").await;
    room.expect_reply("On call\n*backend*: @ann, then *Ben* until Thu 1 Jan 00:00 UTC\n*frontend*: *Carl*")
        .await;
    room.say("ben", "@otus who is on call for frontend").await;
    room.expect_reply("On call for frontend\n*Carl*").await;
    let asked = pager.lock().unwrap().asked.clone();
    assert!(
        asked[0].contains("schedule_ids%5B%5D=P1&schedule_ids%5B%5D=P2&include%5B%5D=users"),
        "{asked:?}"
    );
    assert!(asked[2].contains("P2") && !asked[2].contains("P1"), "{asked:?}");
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_the_token() {
    let (pager, url) = place().await;
    let mut room = Room::with(on_call(&url, "sup3rs3cret"));
    room.say("ben", "@otus who is on call").await;
    let told = room.answer().await.plain();
    assert!(told.contains("does not take the token (HTTP 401)"), "{told}");
    pager.lock().unwrap().broken = true;
    room.say("ben", "@otus who is on call").await;
    let told = room.answer().await.plain();
    assert!(told.contains("HTTP 500, Internal Server Error"), "{told}");
    assert!(!room.chat().transcript().contains("sup3rs3cret"));
}
