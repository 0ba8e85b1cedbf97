//! The generic contract, and its documented example, run as it stands there.

use crate::sender::{A, NOW, SECRET, Sent, Way, ZEROS, changed, event, expect, told};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use jiff::Timestamp;
use otus_ci::hooks::{Delivery, Headers, Refusal, Request};
use serde_json::{Value, json};
use std::{
    process::{Command, Output},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const DOCUMENTATION: &str = include_str!("../../../../docs/ci-webhooks.md");

fn generic(changes: &[(&str, Value)]) -> Value {
    changed(Way::Generic.example().1, changes)
}

fn refused(body: &Value) -> String {
    let refusal = told(Way::Generic, "", body).unwrap_err();
    assert!(matches!(refusal, Refusal::Unreadable { .. }), "{refusal}");
    refusal.to_string()
}

#[test]
fn what_it_says() {
    let digest = format!("sha256:{}", "1f".repeat(32));
    assert_eq!(
        event(Way::Generic, "", &generic(&[])),
        json!({
            "event": "checked", "repo": "acme/api", "sha": A, "branch": "main", "fork": false, "kind": "workflow",
            "name": "build", "state": "success", "url": "https://ci.example.com/builds/1",
            "image": "registry.example.com/acme/api:1", "digest": digest,
        })
    );
    let mut bare = generic(&[]);
    for key in ["image", "digest"] {
        bare.as_object_mut().unwrap().remove(key);
    }
    expect(
        &event(Way::Generic, "", &bare),
        &[("image", Value::Null), ("digest", Value::Null)],
    );
}

#[test]
fn every_documented_status_is_understood_and_no_other() {
    let row = DOCUMENTATION
        .lines()
        .find(|line| line.starts_with("| `status` |"))
        .unwrap();
    let words: Vec<&str> = row.split('`').skip(3).step_by(2).collect();
    assert_eq!(words.len(), 7, "{words:?}");
    for word in words {
        let told = event(Way::Generic, "", &generic(&[("/status", json!(word))]));
        let expected = if word == "running" { "pending" } else { word };
        expect(&told, &[("state", json!(expected))]);
    }
    assert!(refused(&generic(&[("/status", json!("passed"))])).contains("status: unknown variant `passed`"));
}

#[test]
fn every_documented_key_is_needed_unless_it_is_optional() {
    let rows = DOCUMENTATION.split("and a body in JSON").nth(1).unwrap().lines();
    let mut keys = 0;
    for row in rows.filter(|line| line.starts_with("| `")).take(8) {
        let key = row.split('`').nth(1).unwrap();
        let mut body = generic(&[]);
        assert!(body.as_object_mut().unwrap().remove(key).is_some(), "{key}");
        match told(Way::Generic, "", &body) {
            Ok(_) => assert_eq!(key, "digest", "{row}"),
            Err(refusal) => assert!(
                key == "image" || refusal.to_string().contains(&format!("`{key}`")),
                "{refusal}"
            ),
        }
        keys += 1;
    }
    assert_eq!(keys, 8);
}

#[test]
fn what_is_wrong_is_refused_by_its_key() {
    for (key, wrong) in [
        ("repo", json!("api")),
        ("sha", json!("abc")),
        ("sha", json!(ZEROS)),
        ("branch", json!("a b")),
        ("branch", json!("")),
        ("url", json!("ftp://ci.example.com")),
        ("url", json!("https://ci.example.com/<x|y>")),
        ("name", json!(" ")),
        ("name", json!("two\nlines")),
        ("image", json!("an image")),
        ("image", json!("")),
        ("digest", json!("sha256:abc")),
        ("digest", json!(format!("sha256:{}", "1F".repeat(32)))),
        ("digets", json!("a typing error")),
    ] {
        let told = refused(&generic(&[(&format!("/{key}"), wrong)]));
        assert!(told.contains(key), "{key}: {told}");
    }
    assert!(refused(&generic(&[("/image", Value::Null)])).contains("no image"));
}

#[test]
fn the_three_parts_cannot_be_cut_elsewhere() {
    // The same bytes are signed, with the border of id, time and body moved.
    let way = Way::Generic;
    let body = format!("{NOW}.{{}}");
    let genuine = way.send("", body.as_bytes(), NOW);
    assert!(matches!(
        genuine.read(&way.hook(), NOW),
        Err(Refusal::Unreadable { .. })
    ));
    let mut moved = Sent {
        body: b"{}".to_vec(),
        ..genuine
    };
    *moved.header("X-Otus-Id") = format!("build-1.{NOW}").into_bytes();
    let refusal = moved.read(&way.hook(), NOW).unwrap_err();
    assert!(
        matches!(
            refusal,
            Refusal::HeaderUnusable {
                name: "X-Otus-Id",
                ..
            }
        ),
        "{refusal}"
    );
}

type Taken = Arc<Mutex<Vec<Delivery>>>;

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let headers: Headers<'_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let request = Request {
        headers: &headers,
        body: &body,
        now: Timestamp::now(),
    };
    match Way::Generic.hook().read(&request) {
        Ok(delivery) => {
            taken.lock().unwrap().push(delivery);
            (StatusCode::ACCEPTED, String::new())
        }
        Err(refusal) => (
            StatusCode::from_u16(refusal.status()).unwrap(),
            refusal.to_string(),
        ),
    }
}

/// Runs the documented lines, as they are.
async fn run(address: &str, secret: &'static str) -> Output {
    let script = DOCUMENTATION
        .split("```bash\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let address = address.to_owned();
    tokio::task::spawn_blocking(move || {
        Command::new("bash")
            .args(["-c", script])
            .env("OTUS_HOOK", address)
            .env("OTUS_SECRET", secret)
            .env("COMMIT", A)
            // A proxy of the machine is of no use on loopback.
            .env("no_proxy", "*")
            .output()
            .expect("bash is not installed")
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn the_documented_example_is_taken() {
    let taken = Taken::default();
    let routes = Router::new()
        .route("/hooks/ci/ci", post(take))
        .with_state(taken.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hooks/ci/ci", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });

    for _ in 0..2 {
        let done = run(&address, SECRET).await;
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "it needs bash, openssl and curl; they said: {said}"
        );
    }
    let wrong = run(&address, "not the hook's secret").await;
    assert!(!wrong.status.success());
    let said = String::from_utf8_lossy(&wrong.stdout);
    assert!(said.contains("the signature does not match"), "{said}");
    server.abort();

    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), 2);
    assert_ne!(taken[0].id, taken[1].id, "each run has an id of its own");
    let told = serde_json::to_value(&taken[0].events[0]).unwrap();
    expect(
        &told,
        &[
            ("sha", json!(A)),
            ("name", json!("build")),
            ("image", json!(format!("registry.example.com/acme/api:{A}"))),
        ],
    );
}
