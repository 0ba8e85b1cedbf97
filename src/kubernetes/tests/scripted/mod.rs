//! An API server that does exactly what a test says, for what a real one does only on a bad day: watches that break
//! off, answers that fail, versions that are gone.

#![allow(dead_code, reason = "not every test needs everything")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use otus_kubernetes::{Cluster, Clusters, Config, DEFAULT_CLUSTER};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The server, and what it does.
#[derive(Clone)]
pub(crate) struct Scripted {
    shared: Arc<Shared>,
    address: String,
}

struct Shared {
    state: Mutex<Script>,
    /// Counts everything a watch must notice.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Script {
    /// By kind and name.
    objects: BTreeMap<(String, String), Value>,
    /// What happened: version, kind, type, object.
    log: Vec<(u64, String, &'static str, Value)>,
    version: u64,
    /// Watches that began before this one are cut.
    cut: u64,
    /// Versions up to this one are forgotten.
    forgotten: u64,
    /// Answer everything of these kinds (all, if empty) with this.
    failing: Option<(u16, Vec<String>)>,
    logs: BTreeMap<String, String>,
    /// How many lists were asked for.
    lists: usize,
    watches: usize,
    /// What patches are answered with, in order.
    answers: std::collections::VecDeque<(u16, Value)>,
    /// The patches that came: query and body.
    patches: Vec<(String, Value)>,
}

impl Scripted {
    /// Starts it on a port of its own.
    pub(crate) async fn start() -> (Self, Cluster) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (changes, _) = watch::channel(0);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Scripted {
            shared,
            address: address.clone(),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let cluster = Clusters::at(&address, Config::default())
            .unwrap()
            .get(DEFAULT_CLUSTER)
            .await
            .unwrap();
        (server, cluster)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let changed = change(&mut self.shared.state.lock().unwrap());
        self.shared.changes.send_modify(|count| *count += 1);
        changed
    }

    /// Creates or replaces an object.
    pub(crate) fn put(&self, kind: &str, mut object: Value) {
        self.change(|script| {
            script.version += 1;
            object["metadata"]["resourceVersion"] = json!(script.version.to_string());
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let known = script
                .objects
                .insert((kind.to_owned(), name), object.clone())
                .is_some();
            let what = if known { "MODIFIED" } else { "ADDED" };
            script.log.push((script.version, kind.to_owned(), what, object));
        });
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, kind: &str, name: &str) {
        self.change(|script| {
            script.version += 1;
            if let Some(object) = script.objects.remove(&(kind.to_owned(), name.to_owned())) {
                script
                    .log
                    .push((script.version, kind.to_owned(), "DELETED", object));
            }
        });
    }

    /// What a container wrote.
    pub(crate) fn write_log(&self, pod: &str, previous: bool, text: &str) {
        self.change(|script| script.logs.insert(format!("{pod} {previous}"), text.to_owned()));
    }

    /// Breaks all watches off.
    pub(crate) fn cut(&self) {
        self.change(|script| script.cut += 1);
    }

    /// Forgets the past: watches from there get a 410.
    pub(crate) fn forget(&self) {
        self.change(|script| {
            script.cut += 1;
            script.version += 1;
            script.forgotten = script.version;
        });
    }

    /// From here on requests about these kinds (all, if none is named) are answered so.
    pub(crate) fn fail(&self, with: Option<u16>, kinds: &[&str]) {
        let kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        self.change(|script| {
            script.cut += 1;
            script.failing = with.map(|code| (code, kinds));
        });
    }

    /// The next patch is answered so.
    pub(crate) fn answer_patch(&self, code: u16, body: Value) {
        self.change(|script| script.answers.push_back((code, body)));
    }

    /// The patches that came: query and body.
    pub(crate) fn patches(&self) -> Vec<(String, Value)> {
        self.shared.state.lock().unwrap().patches.clone()
    }

    /// How many lists and watches were asked for.
    pub(crate) fn asked(&self) -> (usize, usize) {
        let script = self.shared.state.lock().unwrap();
        (script.lists, script.watches)
    }
}

async fn answer(
    State(server): State<Scripted>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    if method == Method::PATCH {
        let mut script = server.shared.state.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        script.patches.push((query.unwrap_or_default(), body));
        let (code, answer) = script.answers.pop_front().expect("a patch nobody expected");
        return (StatusCode::from_u16(code).unwrap(), axum::Json(answer)).into_response();
    }
    let query: BTreeMap<String, String> = url_pairs(query.as_deref().unwrap_or_default());
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let Some(at) = parts.iter().position(|part| *part == "namespaces") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = parts.get(at + 2).copied().unwrap_or_default().to_owned();
    let named = parts.get(at + 3).copied();
    {
        let script = server.shared.state.lock().unwrap();
        if let Some((code, kinds)) = &script.failing
            && (kinds.is_empty() || kinds.contains(&kind))
        {
            return failure(*code, &kind);
        }
        if let (Some(name), true) = (named, parts.last() == Some(&"log")) {
            let previous = query.get("previous").is_some_and(|value| value == "true");
            return script
                .logs
                .get(&format!("{name} {previous}"))
                .cloned()
                .unwrap_or_default()
                .into_response();
        }
        if let Some(name) = named {
            return match script.objects.get(&(kind.clone(), name.to_owned())) {
                Some(object) => axum::Json(object).into_response(),
                None => failure(404, &kind),
            };
        }
    }
    if query
        .get("watch")
        .is_some_and(|value| value == "true" || value == "1")
    {
        return watching(server, kind, &query);
    }
    let mut script = server.shared.state.lock().unwrap();
    script.lists += 1;
    let items: Vec<&Value> = script
        .objects
        .iter()
        .filter(|((of, _), _)| *of == kind)
        .map(|(_, object)| object)
        .collect();
    axum::Json(json!({"kind": "List", "apiVersion": "v1",
        "metadata": {"resourceVersion": script.version.to_string()}, "items": items}))
    .into_response()
}

fn watching(server: Scripted, kind: String, query: &BTreeMap<String, String>) -> Response {
    let from: u64 = query
        .get("resourceVersion")
        .and_then(|version| version.parse().ok())
        .unwrap_or(0);
    let cut = {
        let mut script = server.shared.state.lock().unwrap();
        script.watches += 1;
        if from < script.forgotten {
            return failure(410, &kind);
        }
        script.cut
    };
    let changes = server.shared.changes.subscribe();
    let events = stream::unfold((server, changes, from), move |(server, mut changes, from)| {
        let kind = kind.clone();
        async move {
            loop {
                {
                    let script = server.shared.state.lock().unwrap();
                    if script.cut != cut {
                        return None;
                    }
                    let next = script
                        .log
                        .iter()
                        .find(|(version, of, _, _)| *version > from && *of == kind);
                    if let Some((version, _, what, object)) = next {
                        let line = format!("{}\n", json!({"type": what, "object": object}));
                        let version = *version;
                        drop(script);
                        return Some((
                            Ok::<_, std::io::Error>(Bytes::from(line)),
                            (server, changes, version),
                        ));
                    }
                }
                changes.changed().await.ok()?;
            }
        }
    });
    Response::new(Body::from_stream(events))
}

fn failure(code: u16, kind: &str) -> Response {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        410 => "Expired",
        _ => "ServiceUnavailable",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{kind} is scripted to fail")});
    (StatusCode::from_u16(code).unwrap(), axum::Json(status)).into_response()
}

fn url_pairs(query: &str) -> BTreeMap<String, String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
