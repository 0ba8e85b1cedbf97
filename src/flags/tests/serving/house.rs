//! Purpose: a server with flags, and what asks it.

use axum::Router;
use otus_flags::{
    Author, Definition, Edit, Flags, MemoryFlagStore,
    serve::{ClientConfig, FlagsConfig, routes},
};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

/// When it is, at first.
pub(crate) const NOW: i64 = 1_760_000_000;

pub(crate) struct House {
    pub(crate) flags: Arc<Flags>,
    pub(crate) store: Arc<MemoryFlagStore>,
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn config() -> FlagsConfig {
    let client = |set: &str, token: &str, documents| ClientConfig {
        set: set.into(),
        token: token.into(),
        token_file: None,
        documents,
    };
    let clients = [
        ("web".to_owned(), client("production", "web-token", false)),
        ("flagd".to_owned(), client("production", "flagd-token", true)),
        ("tester".to_owned(), client("staging", "staging-token", false)),
    ];
    FlagsConfig {
        clients: clients.into(),
        requests_per_second: 0,
        ..FlagsConfig::default()
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(&config(), Arc::new(MemoryFlagStore::new())).await
    }

    pub(crate) async fn with(config: &FlagsConfig, store: Arc<MemoryFlagStore>) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = now.clone();
        let flags = Flags::start_at(store.clone(), Arc::new(move || clock.load(Ordering::Relaxed)))
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let app: Router = routes(flags.clone(), config, stop.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
        tokio::spawn(
            served
                .with_graceful_shutdown(stop.clone().cancelled_owned())
                .into_future(),
        );
        // There are tests in which no TLS is spoken, but the client wants to know how.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            flags,
            store,
            url,
            client: Client::builder().no_proxy().build().unwrap(),
            now,
            stop,
        }
    }

    pub(crate) async fn put(&self, set: &str, key: &str, definition: Value) {
        let edit = Edit::Put {
            key: key.into(),
            definition: Definition::read(&definition, key).unwrap(),
        };
        self.flags.change(set, &edit, &author()).await.unwrap();
    }

    pub(crate) async fn switch(&self, key: &str, on: bool) {
        self.put("production", key, Definition::switch(on).to_value())
            .await;
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.url))
            .bearer_auth("web-token")
            .json(body)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// What somebody gets of one flag.
    pub(crate) async fn single(&self, key: &str, context: Value) -> (u16, Value) {
        let asked = self.post(
            &format!("/ofrep/v1/evaluate/flags/{key}"),
            &json!({"context": context}),
        );
        read(asked.send().await.unwrap()).await
    }

    /// What somebody gets of all, unless it is as it was.
    pub(crate) fn bulk(&self, who: &str, etag: Option<&str>, query: &str) -> RequestBuilder {
        let body = json!({"context": {"targetingKey": who}});
        let asked = self.post(&format!("/ofrep/v1/evaluate/flags{query}"), &body);
        match etag {
            Some(etag) => asked.header("If-None-Match", etag),
            None => asked,
        }
    }
}

pub(crate) fn author() -> Author {
    Author {
        by: "ann".into(),
        reason: None,
        at: jiff::Timestamp::from_second(NOW).unwrap(),
        operation: None,
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let value = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap()
    };
    (status, value)
}

pub(crate) fn etag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

/// The flags that the tests ask for.
pub(crate) async fn furnished() -> House {
    let house = House::new().await;
    let halves = json!({"fractional": [["on", 50], ["off", 50]]});
    for (key, definition) in [
        (
            "nav",
            json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}),
        ),
        (
            "staff",
            json!({
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on"]}, "metadata": {"owner": "web"},
            }),
        ),
        (
            "half",
            json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "targeting": halves}),
        ),
        (
            "text",
            json!({"state": "ENABLED", "variants": {"a": "größe"}, "defaultVariant": "a"}),
        ),
        (
            "count",
            json!({"state": "ENABLED", "variants": {"few": 3, "many": 300}, "defaultVariant": "few"}),
        ),
        (
            "ratio",
            json!({"state": "ENABLED", "variants": {"a": 1.0, "b": 0.5}, "defaultVariant": "a"}),
        ),
        (
            "object",
            json!({"state": "ENABLED", "variants": {"a": {"x": [1, {"y": null}]}}, "defaultVariant": "a"}),
        ),
        ("open", json!({"state": "ENABLED", "variants": {"a": "x"}})),
        (
            "disabled",
            json!({"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}),
        ),
    ] {
        house.put("production", key, definition).await;
    }
    house
}
