//! Traces: the real program tells a collector how long things took, and nothing of what was said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use house::House;
use std::sync::{Arc, Mutex};

/// What came, with its authorization.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    assert_eq!(header("content-type"), "application/x-protobuf");
    taken
        .lock()
        .unwrap()
        .push((header("authorization"), body.to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_a_collector_and_hold_nothing_that_was_said() {
    let taken = Taken::default();
    let app = Router::new()
        .route("/v1/traces", post(take))
        .with_state(Arc::clone(&taken));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut house = House::build(None).await;
    house.configure(&format!(
        "[log]\nfilter = \"debug\"\n[log.otlp]\nendpoint = \"http://{address}\"\nheaders = {{ authorization = \"Basic bWFkZSB1cA==\" }}\n"
    ));
    house.start().await;
    house.say("@otus echo strawberries");
    house.shown(|text| text.contains("strawberries")).await;
    house.say("@otus deploy api@2.0 to staging");
    house.shown(|text| text.contains("`2.0` is live")).await;
    // What was not sent yet is sent at the end.
    assert!(house.stop().await.success());

    let taken = taken.lock().unwrap();
    assert!(!taken.is_empty(), "{}", house.log());
    let has = |words: &str| {
        taken
            .iter()
            .any(|(_, body)| body.windows(words.len()).any(|part| part == words.as_bytes()))
    };
    for words in ["service.name", "otus", "message", "operation", "generation"] {
        assert!(has(words), "no {words}");
    }
    for words in ["strawberries", "registry.test", "U0ANN", "xoxb"] {
        assert!(!has(words), "{words} is in a trace");
    }
    assert!(
        taken
            .iter()
            .all(|(authorization, _)| authorization == "Basic bWFkZSB1cA==")
    );
    assert!(!house.log().contains("bWFkZSB1cA"), "{}", house.log());
}

/// A collector that is away is the collector's business alone.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_collector_otus_works_and_stops() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut house = House::build(None).await;
    house.configure(&format!(
        "[log.otlp]\nendpoint = \"http://{address}\"\ntimeout = \"1s\"\n"
    ));
    house.start().await;
    house.say("@otus ping");
    house.shown(|text| text == "pong").await;
    assert!(house.stop().await.success());
}
