//! An emulated GitHub, an HTTP server, and replicas of a robot that come and go.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use otus::{
    MemoryStore, Robot, Room, Store,
    responder::Built,
    room::{Clock, Fuse, RoomBuilder},
    store::{DeliveryFilter, Kept},
    web::Request,
};
use otus_ci::{
    Feed,
    github::{GitHub, GitHubConfig},
    hooks::CiEvent,
};
use otus_emulators::github as emulated;
use otus_responder_pipeline::{Pipeline, Settings};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

pub(crate) const SECRET: &str = "a secret of sixteen bytes or more";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who answers over HTTP at the moment.
type Slot = Arc<Mutex<Option<Robot>>>;

pub(crate) struct Place {
    pub(crate) github: emulated::GitHub,
    pub(crate) api: emulated::Repository,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) url: String,
    slot: Slot,
    server: JoinHandle<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(slot): State<Slot>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let robot = slot.lock().unwrap().clone();
    let Some(robot) = robot else {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    };
    let request = Request::new(method.as_str(), uri.path(), body.to_vec());
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(name.as_str(), value.as_bytes())
    });
    let answer = robot.serve(request).await;
    (StatusCode::from_u16(answer.status).unwrap(), answer.body)
}

impl Place {
    pub(crate) async fn new() -> Self {
        let github = emulated::GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let slot = Slot::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&slot));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            github,
            api,
            store: Arc::new(MemoryStore::new()),
            url,
            slot,
            server,
        }
    }

    /// GitHub sends its webhooks here.
    pub(crate) fn send_webhooks(&self, events: &[&str]) {
        let url = format!("{}/hooks/github", self.url);
        self.api.hook(&url, SECRET, events).unwrap();
    }

    /// What a replica is made of, the feed of which is the second.
    pub(crate) fn furnished(&self, settings: &Settings) -> (RoomBuilder, Feed) {
        let config = GitHubConfig {
            api_url: self.github.url().into(),
            token: Some(self.github.token().into()),
            retry_pause: Duration::ZERO,
            longest_wait: Duration::ZERO,
            ..Default::default()
        };
        let feed = Feed::default();
        let builder = Room::builder()
            .store(Arc::clone(&self.store))
            .catalog("[services.api]\nrepository = \"acme/api\"\n")
            .resource(GitHub::new(&config).unwrap())
            .resource(feed.clone())
            .responder(Pipeline::new(settings.clone()).unwrap());
        (builder, feed)
    }

    /// A replica whose listener is content with everything. From now on it answers over HTTP.
    pub(crate) fn replica(&self) -> Replica {
        self.replica_with(&settings(json!({})), |_| Ok(()))
    }

    /// A replica whose listener says this to an event.
    pub(crate) fn replica_with(
        &self,
        settings: &Settings,
        word: impl Fn(&CiEvent) -> Result<(), &'static str> + Send + 'static,
    ) -> Replica {
        let (builder, feed) = self.furnished(settings);
        self.made(builder, &feed, Some(word))
    }

    /// A replica that can be killed, with a clock of the store's. Its listener takes each event, and never comes to an end.
    pub(crate) fn mortal(&self, fuse: &Fuse, clock: &Clock) -> Replica {
        let (builder, feed) = self.furnished(&settings(json!({})));
        let builder = builder.fuse(fuse.clone(), clock.clone());
        self.made(builder, &feed, None::<fn(&CiEvent) -> Result<(), &'static str>>)
    }

    /// One with another clock of the store's, whose listener is content.
    pub(crate) fn later(&self, clock: &Clock) -> Replica {
        let (builder, feed) = self.furnished(&settings(json!({})));
        let builder = builder.fuse(Fuse::default(), clock.clone());
        self.made(builder, &feed, Some(|_: &CiEvent| Ok(())))
    }

    fn made<W>(&self, builder: RoomBuilder, feed: &Feed, word: Option<W>) -> Replica
    where
        W: Fn(&CiEvent) -> Result<(), &'static str> + Send + 'static,
    {
        let mut subscription = feed.subscribe("listener");
        let (heard, all) = watch::channel(Vec::new());
        let listener = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Some(event) = subscription.next().await {
                let told = event.event().clone();
                match word.as_ref().map(|word| word(&told)) {
                    Some(Ok(())) => event.done(),
                    Some(Err(why)) => event.failed(why),
                    None => open.push(event),
                }
                heard.send_modify(|all| all.push(told));
            }
        });
        let room = builder.open();
        *self.slot.lock().unwrap() = Some(room.robot().clone());
        Replica {
            room,
            heard: all,
            listener,
        }
    }

    /// All that came in, newest first.
    pub(crate) async fn kept(&self) -> Vec<Kept> {
        self.store.deliveries(&DeliveryFilter::default()).await.unwrap()
    }

    /// Waits until what is kept looks so.
    pub(crate) async fn until(&self, what: impl Fn(&[Kept]) -> bool) -> Vec<Kept> {
        let waiting = async {
            loop {
                let kept = self.kept().await;
                if what(&kept) {
                    return kept;
                }
                tokio::task::yield_now().await;
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        match came {
            Ok(kept) => kept,
            Err(_) => panic!("it did not come to be so: {:#?}", self.kept().await),
        }
    }

    /// Waits until the head of the branch is known.
    pub(crate) async fn until_known(&self, sha: &str) {
        let waiting = async {
            loop {
                let known = self.store.entries("pipeline.heads").await.unwrap();
                if known.iter().any(|known| known.value["sha"] == sha) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }
}

pub(crate) struct Replica {
    pub(crate) room: Room,
    heard: watch::Receiver<Vec<CiEvent>>,
    listener: JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Replica {
    pub(crate) fn start(&self) {
        self.room.robot().start();
    }

    /// Stops in order.
    pub(crate) async fn stop(self) -> Vec<CiEvent> {
        assert!(self.room.robot().stop(PATIENCE).await, "it does not stop");
        self.heard.borrow().clone()
    }

    /// Waits until this many events were heard.
    pub(crate) async fn heard(&mut self, count: usize) -> Vec<CiEvent> {
        let waiting = self.heard.wait_for(|all| all.len() >= count);
        if let Ok(all) = timeout(PATIENCE, waiting).await {
            return all.unwrap().clone();
        }
        panic!("only this was heard: {:#?}", self.heard.borrow().clone())
    }
}

/// Settings with a hook of GitHub and a generic one, and these changes.
pub(crate) fn settings(changes: serde_json::Value) -> Settings {
    let mut section = json!({
        "hooks": {
            "github": { "scheme": "github", "secrets": [SECRET] },
            "builds": { "scheme": "generic", "secrets": [SECRET] },
        },
        "reconcile": "1h",
    });
    for (key, value) in changes.as_object().unwrap() {
        section[key] = value.clone();
    }
    serde_json::from_value(section).unwrap()
}

/// A replica without network or GitHub.
pub(crate) fn alone(settings: &Settings) -> RoomBuilder {
    Room::builder()
        .resource(Feed::default())
        .responder(Pipeline::new(settings.clone()).unwrap())
}

/// Whether it can be made of a section.
pub(crate) fn built(section: serde_json::Value) -> Result<Built, String> {
    let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
    Pipeline::new(settings)
        .map(Built::new)
        .map_err(|error| error.to_string())
}
