//! The server as a load balancer, Prometheus and a webhook's sender see it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use axum::{Router, body::Bytes, routing::post};
use otus_http::{Check, Server, metrics};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

struct Running {
    url: String,
    stop: CancellationToken,
    done: JoinHandle<anyhow::Result<()>>,
    client: Client,
}

async fn run(with: impl FnOnce(Server) -> Server) -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = with(Server::new(TcpListener::bind("127.0.0.1:0").await.unwrap()));
    let url = format!("http://{}", server.address().unwrap());
    let stop = CancellationToken::new();
    let done = tokio::spawn(server.run(stop.clone()));
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    Running {
        url,
        stop,
        done,
        client,
    }
}

impl Running {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn get_json(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.get(path).await;
        (status.as_u16(), serde_json::from_str(&text).unwrap())
    }

    async fn stopped(self) -> anyhow::Result<()> {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.done)
            .await
            .unwrap()
            .unwrap()
    }
}

#[tokio::test]
async fn alive_and_ready() {
    let broken = Arc::new(AtomicBool::new(false));
    let look = broken.clone();
    let server = run(|server| {
        server
            .readiness(|| async { vec![Check::ok("store")] })
            .readiness(move || {
                let broken = look.load(Ordering::SeqCst);
                async move {
                    vec![if broken {
                        Check::failed("slack", "no socket is open")
                    } else {
                        Check::ok("slack")
                    }]
                }
            })
    })
    .await;
    assert_eq!(server.get("/healthz").await, (StatusCode::OK, "ok\n".into()));
    let (store, slack) = (
        json!({"name": "store", "ok": true}),
        json!({"name": "slack", "ok": true}),
    );
    assert_eq!(
        server.get_json("/readyz").await,
        (200, json!({"ready": true, "checks": [store, slack]}))
    );
    broken.store(true, Ordering::SeqCst);
    let slack = json!({"name": "slack", "ok": false, "why": "no socket is open"});
    assert_eq!(
        server.get_json("/readyz").await,
        (503, json!({"ready": false, "checks": [store, slack]}))
    );
    assert_eq!(
        server.get("/healthz").await.0,
        StatusCode::OK,
        "not ready is still alive"
    );
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn a_check_that_panics_or_hangs_is_not_ready() {
    let server = run(|server| {
        server
            .readiness(|| async { panic!("a check that panics, on purpose") })
            .readiness(std::future::pending::<Vec<Check>>)
            .readiness(|| async { vec![Check::ok("store")] })
    })
    .await;
    let (status, report) = server.get_json("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(report["checks"].as_array().unwrap().len(), 3);
    assert_eq!(report["checks"][1]["why"], "no answer within 3 s");
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn metrics_are_told() {
    let server = run(|server| server.metrics(metrics::install())).await;
    ::metrics::counter!("otus_test_things_total", "kind" => "a \"quoted\" one").increment(3);
    ::metrics::histogram!("otus_test_seconds").record(0.02);
    let (status, text) = server.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        text.contains(r#"otus_test_things_total{kind="a \"quoted\" one"} 3"#),
        "{text}"
    );
    assert!(
        text.contains(r#"otus_test_seconds_bucket{le="0.025"} 1"#),
        "{text}"
    );
    // Once more: the same recorder, nothing lost.
    assert!(metrics::install().render().contains("otus_test_things_total"));
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn nothing_here_and_not_that_way() {
    let server =
        run(|server| server.routes(Router::new().route("/hook", post(|| async { "took it" })))).await;
    let (status, body) = server.get_json("/nowhere?token=secret").await;
    assert_eq!((status, &body["error"]), (404, &json!("not_found")));
    assert!(!body.to_string().contains("secret"));
    assert_eq!(server.get_json("/hook").await.0, 405);
    assert_eq!(server.get_json("/metrics").await.0, 404, "nobody gave metrics");
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let length = |body: Bytes| async move { body.len().to_string() };
    let server = run(|server| {
        server
            .body_limit(1_000)
            .routes(Router::new().route("/hook", post(length)))
    })
    .await;
    let send = async |body: reqwest::Body| {
        server
            .client
            .post(format!("{}/hook", server.url))
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(send("x".repeat(1_000).into()).await, StatusCode::OK);
    assert_eq!(
        send("x".repeat(1_001).into()).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_open_requests() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (here, then) = (arrived.clone(), go.clone());
    let slow = move || async move {
        here.notify_one();
        then.notified().await;
        "done"
    };
    let server = run(|server| server.routes(Router::new().route("/slow", post(slow)))).await;
    let request = server.client.post(format!("{}/slow", server.url));
    let request = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    arrived.notified().await;
    server.stop.cancel();
    go.notify_one();
    assert_eq!(request.await.unwrap(), "done");
    server.stopped().await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let arrived = Arc::new(Notify::new());
    let here = arrived.clone();
    let never = move || async move {
        here.notify_one();
        std::future::pending::<&str>().await
    };
    let server = run(|server| {
        server
            .drain(Duration::from_millis(50))
            .routes(Router::new().route("/never", post(never)))
    })
    .await;
    let request = server.client.post(format!("{}/never", server.url));
    let request = tokio::spawn(async move { request.send().await });
    arrived.notified().await;
    server.stopped().await.unwrap();
    request.abort();
}
