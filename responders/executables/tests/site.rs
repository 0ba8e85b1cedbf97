//! Executables behind an address: a small server that is one, and what servers that misbehave come to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt as _, stream};
use otus::{Registration, Room, Setup, StartError, responder::Built, room::What, services::Resources};
use otus_responder_executables as _;
use ring::hmac;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{net::TcpListener, sync::Notify};

const SECRET: &str = "a secret that is long enough";

/// A server with dice: it believes signed requests only.
#[derive(Clone)]
struct Dice {
    /// Whether a run may end.
    go: Arc<Notify>,
    heard: Arc<std::sync::Mutex<Vec<Value>>>,
    refused: Arc<AtomicUsize>,
}

const DESCRIPTION: &str = r#"{"type":"description","commands":[
{"name":"throw","pattern":"^throw(?: (?<dice>\\d+))?$","usage":"throw [<dice>]","examples":["throw 2"],"about":"Throws dice.","role":"player","arguments":{"dice":{"type":"integer","min":1,"max":6}}},
{"name":"fail","pattern":"^fail (?<how>\\S+)$","usage":"fail <how>","examples":["fail so"],"about":"Fails.","deadline_seconds":1}]}"#;

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(timestamp), Some(signature)) = (text("otus-timestamp"), text("otus-signature")) else {
        return false;
    };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let fresh = timestamp
        .parse::<u64>()
        .is_ok_and(|then| now.abs_diff(then) < 300);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [b"v1:", timestamp.as_bytes(), b":", body].concat();
    let wanted: String = hmac::sign(&key, &signed)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fresh && signature == format!("v1={wanted}")
}

async fn answer(State(dice): State<Dice>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body) {
        dice.refused.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::UNAUTHORIZED, "who are you?").into_response();
    }
    assert_eq!(body.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    let asked: Value = serde_json::from_slice(&body).unwrap();
    dice.heard.lock().unwrap().push(asked.clone());
    if asked["type"] == "describe" {
        return DESCRIPTION.replace('\n', "").into_response();
    }
    match asked["arguments"]["how"].as_str() {
        None => {
            // Half a line, then the rest, then nothing until somebody has seen it.
            let go = Arc::clone(&dice.go);
            let parts = stream::unfold(0, move |nth| {
                let go = Arc::clone(&go);
                async move {
                    let part = match nth {
                        0 => "{\"type\":\"progress\",\"tone\":\"running\",",
                        1 => "\"title\":\"The dice roll\"}\n",
                        2 => {
                            go.notified().await;
                            "{\"type\":\"progress\",\"tone\":\"good\",\"title\":\"A six\"}\n"
                        }
                        _ => return None,
                    };
                    Some((Ok::<_, Infallible>(Bytes::from_static(part.as_bytes())), nth + 1))
                }
            });
            Body::from_stream(parts).into_response()
        }
        Some("elsewhere") => (StatusCode::TEMPORARY_REDIRECT, [("location", "/other")]).into_response(),
        Some("away") => (StatusCode::BAD_GATEWAY, "no dice").into_response(),
        Some("much") => "x".repeat(400 * 1024).into_response(),
        Some("words") => "just words\n".into_response(),
        Some("hangs") => Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()).into_response(),
        Some("breaks") => {
            let go = Arc::clone(&dice.go);
            let first = Bytes::from_static(b"{\"type\":\"reply\",\"text\":\"half of it\"}\n");
            let parts = stream::iter([Ok(first)]).chain(stream::once(async move {
                go.notified().await;
                Err(std::io::Error::other("the line is cut"))
            }));
            Body::from_stream(parts).into_response()
        }
        Some(_) => "{\"type\":\"error\",\"text\":\"That is no way to fail.\",\"instead\":[\"throw\"]}\n"
            .into_response(),
    }
}

async fn dice() -> (Dice, String) {
    let dice = Dice {
        go: Arc::default(),
        heard: Arc::default(),
        refused: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/otus", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/otus", post(answer))
        .with_state(dice.clone());
    // It is asked in the middle of a start, by a thread that waits.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = listener.into_std().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
    });
    (dice, url)
}

fn built(section: Value) -> Result<Built, StartError> {
    let all = Registration::all();
    let registration = all
        .iter()
        .find(|registration| registration.spec.name == "executables")
        .unwrap();
    let (resources, catalog) = (Resources::default(), otus::Catalog::default());
    (registration.build)(&Setup {
        section,
        resources: &resources,
        catalog: &catalog,
    })
}

fn room(name: &str, url: &str) -> Room {
    let mut section = json!({ "output_kb": 64, "urls": {} });
    section["urls"][name] = json!({ "url": url, "secret": SECRET });
    let built = built(section).unwrap_or_else(|fault| panic!("{fault}"));
    Room::builder().built(built).role("player", &["ann"]).open()
}

/// The next thing that was posted; a slow machine shows before that the robot is at it.
async fn post_in(room: &mut Room) -> String {
    loop {
        if let What::Post(post) = room.next_said().await.what {
            return post.plain();
        }
    }
}

#[tokio::test]
async fn a_site_answers_line_by_line_and_knows_that_it_is_otus() {
    let (dice, url) = dice().await;
    let mut room = room("dice", &url);
    room.say("ann", "@otus throw 2").await;
    // What it said first is seen before it says the rest.
    assert_eq!(post_in(&mut room).await, "⏳ The dice roll");
    dice.go.notify_one();
    room.expect_shown(|post| post.plain().contains("A six")).await;
    let heard = dice.heard.lock().unwrap().clone();
    let run = heard.last().unwrap();
    assert_eq!(run["arguments"], json!({ "dice": 2 }));
    assert_eq!(run["person"]["id"], "ann");
    assert_eq!(dice.refused.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn roles_arguments_and_forms_hold_as_for_files() {
    let (_dice, url) = dice().await;
    let mut room = room("dice", &url);
    room.say("bob", "@otus throw 2").await;
    let denied = post_in(&mut room).await;
    assert!(denied.contains("it asks for the role `player`"), "{denied}");
    room.say("ann", "@otus throw 9").await;
    let wrong = post_in(&mut room).await;
    assert!(wrong.contains("1 to 6 is expected"), "{wrong}");
    room.say("ann", "@otus fail").await;
    let form = post_in(&mut room).await;
    assert!(form.contains("needs to know a little more"), "{form}");
    room.say("ann", "@otus fail somehow").await;
    let refused = post_in(&mut room).await;
    assert!(
        refused.contains("That is no way to fail.") && refused.contains("[throw]"),
        "{refused}"
    );
}

#[tokio::test]
async fn one_that_misbehaves_is_an_incident_and_nothing_of_it_is_shown() {
    let (dice, url) = dice().await;
    for how in ["breaks", "elsewhere", "away", "much", "words", "hangs"] {
        let mut room = room("dice", &url);
        room.say("ann", &format!("@otus fail {how}")).await;
        let mut said = post_in(&mut room).await;
        if how == "breaks" {
            // What had come is shown.
            assert_eq!(said, "half of it");
            dice.go.notify_one();
            said = post_in(&mut room).await;
        }
        let failed = said.contains("incident") || said.contains("took longer");
        assert!(failed, "{how}: {said}");
        assert!(
            !said.contains("no dice") && !said.contains("just words"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn one_that_is_away_is_left_out_until_it_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/otus", listener.local_addr().unwrap());
    drop(listener);
    let section = json!({ "urls": { "absent": { "url": url } } });
    assert!(built(section.clone()).unwrap().handlers.is_empty());
    assert_eq!(
        otus_responder_executables::said(&section).as_deref(),
        Some("absent")
    );
}

#[tokio::test]
async fn what_is_wrong_with_one_is_told_at_the_start() {
    let (dice, url) = dice().await;
    let fault = |name: &str, site: Value| {
        let mut section = json!({ "urls": {} });
        section["urls"][name] = site;
        built(section)
            .err()
            .map(|fault| fault.to_string())
            .unwrap_or_default()
    };
    // The server does not know it.
    let wrong = json!({ "url": url, "secret": "another secret, as long as that" });
    let told = fault("stranger", wrong);
    assert!(
        told.contains("stranger") && told.contains("401") && told.contains("who are you?"),
        "{told}"
    );
    assert!(dice.refused.load(Ordering::Relaxed) > 0);
    let told = fault("far", json!({ "url": "https://dice.example.com/" }));
    assert!(told.contains("needs a `secret`"), "{told}");
    let told = fault("Dice", json!({ "url": url, "secret": SECRET }));
    assert!(told.contains("no name for a responder"), "{told}");
    let told = fault("dice", json!({ "url": "dice" }));
    assert!(told.contains("is no address"), "{told}");
}

#[tokio::test]
async fn what_it_says_of_itself_is_asked_again_and_kept_while_it_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let section = json!({ "look": "10ms", "urls": { "comes": { "url": format!("http://{address}/otus") } } });
    drop(listener);
    let said = |section: Value| async move {
        tokio::task::spawn_blocking(move || otus_responder_executables::said(&section))
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(said(section.clone()).await, "comes");
    let listener = TcpListener::bind(address).await.unwrap();
    let routes = Router::new().route(
        "/otus",
        post(|| async {
            r#"{"type":"description","commands":[{"name":"go","pattern":"^go$","usage":"go","about":"Goes."}]}"#
        }),
    );
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let there = loop {
        let now = said(section.clone()).await;
        if now != "comes" {
            break now;
        }
        assert!(std::time::Instant::now() < deadline, "it is not seen");
    };
    assert!(there.contains("\"go\""), "{there}");
    server.abort();
    let _ = server.await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(said(section).await, there, "it is what it was");
}
