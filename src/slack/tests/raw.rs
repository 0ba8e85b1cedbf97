//! The socket loop against a server that is scripted by hand, for what the emulated Slack is too well-behaved for.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, routing::any};
use common::{SOON, install_tls};
use futures_util::{SinkExt, StreamExt};
use otus_core::Receipt;
use otus_slack::{
    Liveness, SlackConfig, SlackError, Timeouts, Web,
    socket::{Envelope, Sockets},
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;

/// A server whose sockets the test speaks for.
struct Server {
    sockets: TcpListener,
    api: String,
}

struct Socket(WebSocketStream<TcpStream>);

/// What is logged in this thread, at every level.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn subscriber(&self) -> impl tracing::Subscriber + use<> {
        let logs = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || logs.clone())
            .finish()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Logs {
    fn write(&mut self, words: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(words);
        Ok(words.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Server {
    async fn start() -> Self {
        install_tls();
        let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/link/?ticket=secret", sockets.local_addr().unwrap());
        let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/api", web.local_addr().unwrap());
        let answer = Json(json!({ "ok": true, "url": url }));
        let router = Router::new().route("/api/apps.connections.open", any(move || async move { answer }));
        tokio::spawn(async move { axum::serve(web, router).await });
        Self { sockets, api }
    }

    fn config(&self) -> SlackConfig {
        SlackConfig {
            api_url: self.api.clone(),
            bot_token: Some("xoxb-1".into()),
            app_token: Some("xapp-1".into()),
            sockets: 1,
            timeouts: Timeouts {
                close: Duration::from_millis(200),
                ..Timeouts::default()
            },
            liveness: Liveness {
                linger: Duration::from_millis(300),
                backoff: Duration::from_millis(20),
                ..Liveness::default()
            },
            ..SlackConfig::default()
        }
    }

    fn listen(&self, config: &SlackConfig, stop: &CancellationToken) -> Sockets {
        Sockets::start(Web::new(config).unwrap(), config, stop.clone())
    }

    /// Takes the next socket and says hello.
    async fn accept(&self) -> Socket {
        let (stream, _) = timeout(SOON, self.sockets.accept())
            .await
            .expect("no socket was opened")
            .unwrap();
        let mut socket = Socket(accept_async(stream).await.unwrap());
        socket
            .send(json!({ "type": "hello", "num_connections": 1 }))
            .await;
        socket
    }
}

impl Socket {
    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn event(&mut self, id: &str) {
        self.send(json!({ "envelope_id": id, "type": "events_api", "payload": { "event_id": id } }))
            .await;
    }

    /// Waits until the client has read all that was sent.
    async fn read_so_far(&mut self) {
        self.0.send(Message::Ping(b"?".to_vec().into())).await.unwrap();
        loop {
            match timeout(SOON, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Pong(payload) if &payload[..] == b"?" => return,
                Message::Text(early) => panic!("acknowledged already: {early}"),
                _ => {}
            }
        }
    }

    /// The next acknowledged id; nothing when the client says goodbye.
    async fn ack(&mut self) -> Option<String> {
        loop {
            match timeout(SOON, self.0.next())
                .await
                .expect("nothing came")
                .unwrap()
                .unwrap()
            {
                Message::Text(text) => {
                    let ack: Value = serde_json::from_str(&text).unwrap();
                    return Some(ack["envelope_id"].as_str().unwrap().to_owned());
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}

/// The next delivery, safe at once.
async fn next(sockets: &mut Sockets) -> Envelope {
    let (envelope, mut receipt) = take(sockets).await;
    receipt.give();
    envelope
}

/// The next delivery and its receipt.
async fn take(sockets: &mut Sockets) -> (Envelope, Receipt) {
    timeout(SOON, sockets.deliveries.recv())
        .await
        .expect("nothing was delivered")
        .expect("the sockets ended")
        .open()
}

#[tokio::test]
async fn late_events_on_a_socket_that_goes_are_acknowledged_and_heard() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut sockets = server.listen(&server.config(), &stop);
    let mut old = server.accept().await;
    // Without debug_info, in one burst with events before and behind it.
    for id in ["a", "b", "c"] {
        old.event(id).await;
    }
    old.send(json!({ "type": "disconnect", "reason": "refresh_requested" }))
        .await;
    for id in ["d", "e"] {
        old.event(id).await;
    }
    let mut new = server.accept().await;
    old.event("after the successor's hello").await;
    new.event("f").await;
    let mut heard = Vec::new();
    for _ in 0..7 {
        heard.push(next(&mut sockets).await.envelope_id);
    }
    heard.sort();
    assert_eq!(
        heard,
        ["a", "after the successor's hello", "b", "c", "d", "e", "f"]
    );
    for id in ["a", "b", "c", "d", "e", "after the successor's hello"] {
        assert_eq!(old.ack().await.as_deref(), Some(id));
    }
    assert_eq!(new.ack().await.as_deref(), Some("f"));
    // Then it says goodbye; that this server never closes TCP holds up nobody.
    assert_eq!(old.ack().await, None);
    stop.cancel();
    timeout(SOON, sockets.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn without_a_successor_the_old_socket_serves_on() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut sockets = server.listen(&server.config(), &stop);
    let mut old = server.accept().await;
    old.send(json!({ "type": "disconnect", "reason": "warning" }))
        .await;
    // The successor connects but is told nothing: no hello.
    let (_silent, _) = timeout(SOON, server.sockets.accept()).await.unwrap().unwrap();
    old.event("still").await;
    assert_eq!(next(&mut sockets).await.envelope_id, "still");
    assert_eq!(old.ack().await.as_deref(), Some("still"));
    stop.cancel();
    timeout(SOON, sockets.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn anything_with_an_envelope_id_is_acknowledged() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut sockets = server.listen(&server.config(), &stop);
    let mut socket = server.accept().await;
    for odd in ["not json", "[1]", "{}", r#"{"type":"brand_new"}"#, "\"text\"", ""] {
        socket.0.send(Message::text(odd)).await.unwrap();
    }
    socket.0.send(Message::binary(vec![0xff])).await.unwrap();
    socket
        .send(json!({ "envelope_id": "1", "type": "brand_new", "payload": [7] }))
        .await;
    socket
        .send(json!({ "envelope_id": "2", "type": 7, "retry_attempt": "x" }))
        .await;
    socket.send(json!({ "envelope_id": "3", "type": "events_api", "payload": { "team_id": null }, "retry_attempt": 2, "retry_reason": "timeout" })).await;
    assert_eq!(next(&mut sockets).await.payload, json!([7]));
    assert_eq!(next(&mut sockets).await.payload, Value::Null);
    let retry = next(&mut sockets).await;
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        acknowledged.extend(socket.ack().await);
    }
    acknowledged.sort();
    assert_eq!(acknowledged, ["1", "2", "3"]);
    assert_eq!((retry.retry_attempt, retry.retry_reason.as_str()), (2, "timeout"));
    stop.cancel();
    assert_eq!(socket.ack().await, None);
}

#[tokio::test]
async fn a_full_backlog_leaves_events_unacknowledged_instead_of_losing_them() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut config = server.config();
    config.liveness.backlog = 2;
    let mut sockets = server.listen(&config, &stop);
    let mut socket = server.accept().await;
    for id in ["a", "b", "c"] {
        socket.event(id).await;
    }
    socket.read_so_far().await;
    assert_eq!(next(&mut sockets).await.envelope_id, "a");
    assert_eq!(socket.ack().await.as_deref(), Some("a"));
    socket.event("d").await;
    socket.read_so_far().await;
    stop.cancel();
    for id in ["b", "d"] {
        assert_eq!(next(&mut sockets).await.envelope_id, id);
    }
    assert!(sockets.deliveries.recv().await.is_none());
    // What was safe when it stopped is acknowledged before it says goodbye.
    for id in [Some("b"), Some("d"), None] {
        assert_eq!(socket.ack().await.as_deref(), id);
    }
}

#[tokio::test]
async fn an_event_is_acknowledged_when_it_is_safe_and_never_when_it_is_not() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut sockets = server.listen(&server.config(), &stop);
    let mut socket = server.accept().await;
    for id in ["slow", "lost", "quick"] {
        socket.event(id).await;
    }
    let (slow, mut receipt) = take(&mut sockets).await;
    let (lost, dropped) = take(&mut sockets).await;
    assert_eq!(
        (slow.envelope_id.as_str(), lost.envelope_id.as_str()),
        ("slow", "lost")
    );
    drop(dropped);
    assert_eq!(next(&mut sockets).await.envelope_id, "quick");
    assert_eq!(socket.ack().await.as_deref(), Some("quick"));
    receipt.give();
    receipt.give();
    assert_eq!(socket.ack().await.as_deref(), Some("slow"));
    stop.cancel();
    assert_eq!(socket.ack().await, None);
}

#[tokio::test]
async fn what_slack_brings_only_once_is_acknowledged_in_any_case() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut sockets = server.listen(&server.config(), &stop);
    let mut socket = server.accept().await;
    for kind in ["slash_commands", "interactive"] {
        socket
            .send(json!({ "envelope_id": kind, "type": kind, "payload": {} }))
            .await;
        let (_, never_given) = take(&mut sockets).await;
        assert_eq!(socket.ack().await.as_deref(), Some(kind));
        drop(never_given);
    }
    stop.cancel();
    assert_eq!(socket.ack().await, None);
}

#[tokio::test]
async fn slacks_pings_are_answered_and_missed() {
    let (server, stop) = (Server::start().await, CancellationToken::new());
    let mut config = server.config();
    config.liveness.server_ping_within = Duration::from_millis(400);
    let sockets = server.listen(&config, &stop);
    let mut socket = server.accept().await;
    socket
        .0
        .send(Message::Ping(b"from slack".to_vec().into()))
        .await
        .unwrap();
    loop {
        match timeout(SOON, socket.0.next()).await.unwrap().unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(&payload[..], b"from slack"),
            _ => continue,
        }
    }
    // Slack pings no more: a successor comes before this one goes.
    let _successor = server.accept().await;
    assert_eq!(socket.ack().await, None);
    stop.cancel();
    timeout(SOON, sockets.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_ticket_never_shows_in_an_error() {
    // Connections that are dropped, that speak no WebSocket, that break off after the hello's first byte.
    for words in [
        "",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "no http at all\r\n\r\n",
    ] {
        let (server, stop) = (Server::start().await, CancellationToken::new());
        let logs = Logs::default();
        let subscriber = logs.subscriber();
        let _guard = tracing::subscriber::set_default(subscriber);
        let sockets = server.listen(&server.config(), &stop);
        for _ in 0..2 {
            let (mut stream, _) = timeout(SOON, server.sockets.accept()).await.unwrap().unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, words.as_bytes())
                .await
                .unwrap();
        }
        stop.cancel();
        timeout(SOON, sockets.task).await.unwrap().unwrap().unwrap();
        let logged = logs.text();
        assert!(logged.contains("it could not be opened"), "{logged}");
        assert!(
            !logged.contains("secret") && !logged.contains("xapp-1"),
            "{logged}"
        );
    }
}

#[tokio::test]
async fn an_unencrypted_socket_elsewhere_is_refused() {
    install_tls();
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api", web.local_addr().unwrap());
    let answer = Json(json!({ "ok": true, "url": "ws://slack.example.com/?ticket=secret" }));
    let router = Router::new().route("/api/apps.connections.open", any(move || async move { answer }));
    tokio::spawn(async move { axum::serve(web, router).await });
    let config = SlackConfig {
        api_url: api,
        bot_token: Some("xoxb-1".into()),
        app_token: Some("xapp-1".into()),
        sockets: 1,
        ..SlackConfig::default()
    };
    let sockets = Sockets::start(Web::new(&config).unwrap(), &config, CancellationToken::new());
    let error = timeout(SOON, sockets.task).await.unwrap().unwrap().unwrap_err();
    assert!(
        matches!(
            &error,
            SlackError::Config {
                key: "slack.api_url",
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"));
}
