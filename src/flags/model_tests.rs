//! Purpose: flags, changes, ramps, replicas that are cut off, miss notifications or start anew, and clients that ask or listen to any of
//! them, against a model.
//!
//! What has to hold whatever happens: no change is lost; an ETag stands for one answer, and a 304 for the one that the client has;
//! a replica without its store goes on answering; and when all is well again every client has the truth, having asked only
//! when it was told to.

use crate::{
    Author, Change, ChangeError, Context, Definition, Edit, FlagStore, FlagStoreError, Flags, Kept,
    MemoryFlagStore, Ramp,
    serve::{ClientConfig, FlagsConfig, routes},
    service::Stage,
};
use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::Request,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const START: i64 = 1_760_000_000;
const REPLICAS: usize = 3;
const CLIENTS: usize = 4;

/// A replica's way to the store, which can be cut.
struct Cut {
    store: Arc<MemoryFlagStore>,
    cut: AtomicBool,
    /// What comes through of the store's notifications.
    signs: watch::Sender<u64>,
}

impl Cut {
    fn way(&self) -> Result<&MemoryFlagStore, FlagStoreError> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(FlagStoreError::Unavailable("it is cut off".into()));
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl FlagStore for Cut {
    async fn revisions(&self) -> Result<BTreeMap<String, u64>, FlagStoreError> {
        self.way()?.revisions().await
    }

    async fn load(&self, set: &str) -> Result<Option<Kept>, FlagStoreError> {
        self.way()?.load(set).await
    }

    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError> {
        self.way()?.save(kept, change).await
    }

    async fn history(
        &self,
        set: &str,
        flag: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Change>, FlagStoreError> {
        self.way()?.history(set, flag, limit).await
    }

    /// Only what the test lets through: every other notification is lost.
    fn changes(&self) -> watch::Receiver<u64> {
        self.signs.subscribe()
    }
}

#[derive(Debug, Clone)]
enum Act {
    Switch(usize, u8, bool),
    Split(usize, u8, u8),
    Ramp(usize, u8, u8, u8, i64),
    Archive(usize, u8),
    Restore(usize, u8),
    Pass(i64),
    Cut(usize, bool),
    Restart(usize),
    Look(usize),
    /// A notification comes through.
    Sign(usize),
    Ask(usize, usize),
    /// A client listens to a replica, from where it was.
    Listen(usize, usize),
    /// It reads what came, and asks if there is something new.
    Hear(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let replica = || 0..REPLICAS;
    let key = || 0..4_u8;
    prop_oneof![
        3 => (replica(), key(), any::<bool>()).prop_map(|(replica, key, on)| Act::Switch(replica, key, on)),
        2 => (replica(), key(), 0..=100_u8).prop_map(|(replica, key, share)| Act::Split(replica, key, share)),
        2 => (replica(), key(), 0..=100_u8, 0..=100_u8, 1..5_000_i64)
            .prop_map(|(replica, key, from, to, length)| Act::Ramp(replica, key, from, to, length)),
        1 => (replica(), key()).prop_map(|(replica, key)| Act::Archive(replica, key)),
        1 => (replica(), key()).prop_map(|(replica, key)| Act::Restore(replica, key)),
        2 => (1..800_i64).prop_map(Act::Pass),
        2 => (replica(), any::<bool>()).prop_map(|(replica, cut)| Act::Cut(replica, cut)),
        1 => replica().prop_map(Act::Restart),
        4 => replica().prop_map(Act::Look),
        2 => replica().prop_map(Act::Sign),
        6 => (0..CLIENTS, replica()).prop_map(|(client, replica)| Act::Ask(client, replica)),
        2 => (0..CLIENTS, replica()).prop_map(|(client, replica)| Act::Listen(client, replica)),
        4 => (0..CLIENTS).prop_map(Act::Hear),
    ]
}

struct Replica {
    way: Arc<Cut>,
    flags: Arc<Flags>,
    app: Router,
}

/// What a client holds: the last event it heard, the tag, and the flags.
#[derive(Default)]
struct Client {
    heard: Option<Stage>,
    held: Option<(String, Value)>,
    stream: Option<Listening>,
    /// It asked another replica than the one it listens to, which may have known less: it is one that also polls.
    strayed: bool,
}

/// An open stream of one replica.
struct Listening {
    replica: usize,
    body: BodyDataStream,
    last: Option<Stage>,
    /// Which of the replica's lives it is.
    flags: Arc<Flags>,
}

impl Listening {
    /// What came until now: the last event, of which each is newer than the one before.
    async fn read(&mut self) -> Option<Stage> {
        let mut newest = None;
        // Time stands still but for this: whatever is ready to be sent, is sent.
        while let Ok(Some(Ok(bytes))) = tokio::time::timeout(Duration::from_millis(1), self.body.next()).await
        {
            for line in std::str::from_utf8(&bytes).unwrap().lines() {
                let Some(stage) = line.strip_prefix("id: ") else {
                    continue;
                };
                let stage = Stage::from_name(stage).unwrap();
                assert!(
                    self.last.is_none_or(|last| last < stage),
                    "{stage:?} after {:?}",
                    self.last
                );
                self.last = Some(stage);
                newest = Some(stage);
            }
        }
        newest
    }
}

struct World {
    store: Arc<MemoryFlagStore>,
    now: Arc<AtomicI64>,
    replicas: Vec<Replica>,
    clients: Vec<Client>,
    /// What each tag stood for.
    tags: HashMap<(usize, String), Value>,
    made: Vec<Change>,
}

impl World {
    async fn new() -> Self {
        let mut world = Self {
            store: Arc::new(MemoryFlagStore::new()),
            now: Arc::new(AtomicI64::new(START)),
            replicas: Vec::new(),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            tags: HashMap::new(),
            made: Vec::new(),
        };
        for _ in 0..REPLICAS {
            let replica = world.replica().await;
            world.replicas.push(replica);
        }
        world
    }

    async fn replica(&self) -> Replica {
        let way = Arc::new(Cut {
            store: self.store.clone(),
            cut: AtomicBool::new(false),
            signs: watch::channel(0).0,
        });
        let now = self.now.clone();
        let flags = Flags::start_at(way.clone(), Arc::new(move || now.load(Ordering::Relaxed)))
            .await
            .unwrap();
        let client = ClientConfig {
            set: "set".into(),
            token: "token".into(),
            token_file: None,
            documents: false,
        };
        let config = FlagsConfig {
            clients: [("client".to_owned(), client)].into(),
            requests_per_second: 0,
            ..FlagsConfig::default()
        };
        let app = routes(flags.clone(), &config, CancellationToken::new());
        Replica { way, flags, app }
    }

    fn seconds(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    async fn act(&mut self, act: &Act) {
        let on_off = |targeting: Option<Value>, on| Definition {
            targeting,
            ..Definition::switch(on)
        };
        let key = |key: &u8| format!("flag-{key}");
        let put = |name: &u8, definition| Edit::Put {
            key: key(name),
            definition,
        };
        let (replica, edit) = match act {
            Act::Switch(replica, name, on) => (replica, put(name, on_off(None, *on))),
            Act::Split(replica, name, share) => {
                let rule = json!({"fractional": [["on", share], ["off", 100 - share]]});
                (replica, put(name, on_off(Some(rule), false)))
            }
            Act::Ramp(replica, name, from, to, length) => {
                let start = self.seconds() + 50;
                let ramp = Ramp {
                    variant: "on".into(),
                    other: "off".into(),
                    from: *from,
                    to: *to,
                    start,
                    end: start + length,
                    by: None,
                };
                (replica, put(name, on_off(Some(ramp.rule().unwrap()), false)))
            }
            Act::Archive(replica, name) => (replica, Edit::Archive { key: key(name) }),
            Act::Restore(replica, name) => (replica, Edit::Restore { key: key(name) }),
            Act::Pass(seconds) => {
                self.now.fetch_add(*seconds, Ordering::Relaxed);
                return;
            }
            Act::Cut(replica, cut) => return self.replicas[*replica].way.cut.store(*cut, Ordering::Relaxed),
            Act::Restart(replica) => {
                self.replicas[*replica] = self.replica().await;
                return;
            }
            Act::Look(replica) => return drop(self.replicas[*replica].flags.look().await),
            Act::Sign(replica) => return self.sign(*replica).await,
            Act::Ask(client, replica) => {
                let asks = &mut self.clients[*client];
                let listens = asks.stream.as_ref().map(|stream| stream.replica);
                asks.strayed |= listens.is_some_and(|listens| listens != *replica);
                return self.ask(*client, *replica).await;
            }
            Act::Listen(client, replica) => return self.listen(*client, *replica).await,
            Act::Hear(client) => return self.hear(*client).await,
        };
        let author = Author {
            by: "ann".into(),
            reason: None,
            at: Timestamp::from_second(self.seconds()).unwrap(),
            operation: None,
        };
        let replica = &self.replicas[*replica];
        match replica.flags.change("set", &edit, &author).await {
            Ok(change) => {
                assert_eq!(
                    replica.flags.set("set").unwrap().kept().revision,
                    change.revision,
                    "served at once"
                );
                self.made.push(change);
            }
            Err(ChangeError::Edit(_)) => {}
            Err(ChangeError::Store(_)) => assert!(replica.way.cut.load(Ordering::Relaxed)),
            Err(error @ (ChangeError::Busy(_) | ChangeError::Moved(_) | ChangeError::Newer(_))) => {
                panic!("{error}")
            }
        }
    }

    /// A replica that hears of a change has it, if it can.
    async fn sign(&self, at: usize) {
        let replica = &self.replicas[at];
        replica.way.signs.send_modify(|count| *count += 1);
        tokio::time::sleep(Duration::from_millis(1)).await;
        if !replica.way.cut.load(Ordering::Relaxed) {
            let kept = self.store.load("set").await.unwrap();
            assert_eq!(replica.flags.set("set").map(|live| live.kept().clone()), kept);
        }
    }

    async fn listen(&mut self, at: usize, replica: usize) {
        let mut request = Request::get("/ofrep/v1/events").header("authorization", "Bearer token");
        if let Some(heard) = self.clients[at].heard {
            request = request.header("last-event-id", heard.name());
        }
        let app = self.replicas[replica].app.clone();
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let flags = self.replicas[replica].flags.clone();
        self.clients[at].strayed = false;
        self.clients[at].stream = (response.status() == 200).then(|| Listening {
            replica,
            body: response.into_body().into_data_stream(),
            last: None,
            flags,
        });
    }

    /// As a browser does it: asked only when something was heard.
    async fn hear(&mut self, at: usize) {
        let Some(mut stream) = self.clients[at].stream.take() else {
            return;
        };
        let (replica, heard) = (stream.replica, stream.read().await);
        // A replica that was restarted is another one: its streams are gone with it.
        if Arc::ptr_eq(&stream.flags, &self.replicas[replica].flags) {
            self.clients[at].stream = Some(stream);
            if heard.is_some() {
                self.clients[at].heard = None;
                self.clients[at].strayed = false;
                self.ask(at, replica).await;
            }
        }
    }

    /// As a provider does it: asked when something is heard that was not heard before, or nothing is held.
    async fn ask(&mut self, at: usize, replica: usize) {
        let flags = &self.replicas[replica].flags;
        let news = flags.listen("set").map(|news| news.borrow().stage);
        let client = &self.clients[at];
        if client.held.is_some() && client.heard == news {
            return;
        }
        let query = news
            .map(|news| format!("?flagConfigEtag=%22{}%22", news.name()))
            .unwrap_or_default();
        let mut request = Request::post(format!("/ofrep/v1/evaluate/flags{query}"))
            .header("authorization", "Bearer token")
            .header("content-type", "application/json");
        if let Some((tag, _)) = &client.held {
            request = request.header("if-none-match", tag);
        }
        let body = json!({"context": {"targetingKey": format!("client-{at}")}}).to_string();
        let app = self.replicas[replica].app.clone();
        let response = app
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        let here = self.truth(at, flags);
        let given = if status == 304 {
            let (held, given) = self.clients[at].held.clone().unwrap();
            assert_eq!(held, tag);
            given
        } else {
            assert_eq!(status, 200);
            serde_json::from_slice::<Value>(&bytes).unwrap()["flags"].clone()
        };
        assert_eq!(
            given, here,
            "an answer is what this replica serves, also when it says that nothing changed"
        );
        let stood_for = self
            .tags
            .entry((at, tag.clone()))
            .or_insert_with(|| given.clone());
        assert_eq!(*stood_for, given, "a tag stands for one answer");
        self.clients[at].heard = news;
        self.clients[at].held = Some((tag, given));
    }

    /// What a client has to get, of what a replica has.
    fn truth(&self, client: usize, flags: &Flags) -> Value {
        let context = Context::of(&format!("client-{client}"));
        let live = flags.set("set");
        let text = live.map_or_else(
            || "[]".to_owned(),
            |live| crate::serve::evaluate_all(&live, &context, self.seconds()),
        );
        serde_json::from_str(&text).unwrap()
    }

    async fn settle(&mut self) {
        // After every ramp.
        self.now.fetch_add(100_000, Ordering::Relaxed);
        for replica in &self.replicas {
            replica.way.cut.store(false, Ordering::Relaxed);
            replica.flags.look().await.unwrap();
        }
        for client in 0..CLIENTS {
            self.hear(client).await;
            match &self.clients[client].stream {
                // It asked because it heard, and needs to ask for nothing.
                Some(stream) if self.clients[client].held.is_some() && !self.clients[client].strayed => {
                    let told = stream.flags.listen("set").map(|news| news.borrow().stage);
                    assert!(self.clients[client].heard >= told, "it was told of everything");
                }
                _ => self.ask(client, client % REPLICAS).await,
            }
        }
        let kept = self.store.load("set").await.unwrap();
        for replica in &self.replicas {
            assert_eq!(replica.flags.set("set").map(|live| live.kept().clone()), kept);
        }
        for client in 0..CLIENTS {
            let held = self.clients[client].held.as_ref().map(|(_, held)| held.clone());
            assert_eq!(held, Some(self.truth(client, &self.replicas[0].flags)));
        }
        let mut record = self.store.history("set", None, u32::MAX).await.unwrap();
        record.reverse();
        assert_eq!(record, self.made, "no change is lost");
        // Each flag's record is a chain.
        let mut now = BTreeMap::<String, Option<Value>>::new();
        for (number, change) in record.iter().enumerate() {
            assert_eq!(change.revision, number as u64 + 1);
            let was = now
                .insert(change.flag.clone().unwrap(), change.after.clone())
                .flatten();
            assert_eq!(change.before, was);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_happens_all_come_to_the_truth(acts in prop::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for act in &acts {
                world.act(act).await;
            }
            world.settle().await;
        });
    }
}
