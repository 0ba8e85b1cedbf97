//! A room with two environments and a flag service.

#![allow(dead_code, reason = "each test file uses a part of it")]

use async_trait::async_trait;
use jiff::SignedDuration;
use otus::{
    chat::Person,
    prelude::{Result, responder},
    room::{Clock, Fuse, PATIENCE, Room},
    store::{MemoryStore, Store},
};
use otus_ci::github::GitHub;
use otus_flags::{
    Author, Context, Definition, Document, Edit, Evaluator, FileOfFlags, Files, FlagStore, Flags,
    MemoryFlagStore,
    unleash::{Elsewhere, UnleashConfig, UnleashSet},
};
use otus_monitoring::Prometheus;
use otus_responder_flags::Settings;
use regex::Regex;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const CATALOG: &str = "
    [environments.staging]
    [environments.production]
    after = 'staging'
    aliases = ['prod']
    [services.api]
    image = 'registry.example.com/api'
    repository = 'acme/api'
";

/// What the buttons of a card say.
#[derive(Default)]
struct Steers;

/// Steers operations.
#[responder(name = "steers")]
impl Steers {
    /// Agrees.
    #[respond(
        r"^approve (?<id>\S+)$",
        usage = "approve <id>",
        example = "approve 0a1b",
        effect = "control"
    )]
    async fn approve(&self, cx: otus::Context, id: String) -> Result {
        cx.services().operations().approve(&cx, &id).await?;
        cx.react("ok").await
    }
}

pub(crate) struct Scene {
    pub(crate) room: Room,
    pub(crate) flags: Arc<Flags>,
    pub(crate) kept: Arc<MemoryFlagStore>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
}

/// What a scene has.
pub(crate) struct Stage {
    pub(crate) settings: Value,
    pub(crate) policy: &'static str,
    pub(crate) prometheus: Option<Prometheus>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) kept: Arc<MemoryFlagStore>,
    /// An Unleash server that keeps the flags of both environments.
    pub(crate) unleash: Option<UnleashConfig>,
    /// Where the code of the services is.
    pub(crate) github: Option<GitHub>,
    /// The files of the sets.
    pub(crate) files: Arc<Shelf>,
}

/// Files of flags, which somebody may write meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Shelf(pub(crate) Mutex<BTreeMap<String, std::result::Result<Value, String>>>);

impl Shelf {
    pub(crate) fn put(&self, set: &str, document: Value) {
        self.0.lock().unwrap().insert(set.into(), Ok(document));
    }
}

#[async_trait]
impl Files for Shelf {
    fn sets(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    async fn read(&self, set: &str) -> std::result::Result<FileOfFlags, String> {
        let document = self.0.lock().unwrap()[set].clone()?;
        let document = Document::read(&document).map_err(|faults| faults.to_string())?;
        Ok(FileOfFlags {
            document,
            from: format!("{set}.json of acme/flags at 1a2b3c4"),
        })
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            settings: json!({
                "groups": { "staff": { "attribute": "email", "ends_with": "@example.com" } },
                "people": { "ann": "ann@example.com" },
            }),
            policy: "",
            prometheus: None,
            store: Arc::new(MemoryStore::new()),
            kept: Arc::new(MemoryFlagStore::new()),
            unleash: None,
            github: None,
            files: Arc::default(),
        }
    }
}

impl Stage {
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.settings[key] = value;
        self
    }

    pub(crate) async fn open(self) -> Scene {
        self.open_with(Steers).await
    }

    /// The same, with another responder that steers operations.
    pub(crate) async fn open_with<R: otus::Responder>(self, steers: R) -> Scene {
        let servers = self.unleash.into_iter().map(|config| {
            let set = |set: &str, environment: &str| UnleashSet {
                set: set.into(),
                environment: environment.into(),
            };
            let sets = vec![set("staging", "development"), set("production", "production")];
            ("main".to_owned(), (config, sets))
        });
        let elsewhere = Elsewhere::new(self.kept.clone(), &servers.collect()).unwrap();
        let flags = Flags::start(Arc::new(elsewhere)).await.unwrap();
        let settings: Settings = serde_json::from_value(self.settings).unwrap();
        let responder = otus_responder_flags::Flags::new(settings, self.prometheus.map(Arc::new)).unwrap();
        let clock = Clock::default();
        let mut room = Room::builder();
        if let Some(github) = self.github {
            room = room.resource(github);
        }
        let room = room
            .responder(responder)
            .responder(steers)
            .catalog(CATALOG)
            .role("deployer", &["ann", "bob"])
            .role("sre", &["bob"])
            .policy(self.policy)
            .resource(Arc::clone(&flags))
            .resource(self.files as Arc<dyn Files>)
            .store(Arc::clone(&self.store))
            .fuse(Fuse::default(), clock.clone())
            .open();
        for (id, name) in [("ann", "Ann"), ("bob", "Bob")] {
            let person = Person {
                name: name.into(),
                ..Person::default()
            };
            room.chat().introduce(id, person);
        }
        Scene {
            room,
            flags,
            kept: self.kept,
            store: self.store,
            clock,
        }
    }
}

impl Scene {
    pub(crate) async fn set() -> Self {
        Stage::default().open().await
    }

    /// Says something, and answers what the robot says in the end.
    pub(crate) async fn say(&mut self, text: &str) -> String {
        self.say_as("ann", text).await
    }

    pub(crate) async fn say_as(&mut self, who: &str, text: &str) -> String {
        self.room.say(who, &format!("@otus {text}")).await;
        self.end().await
    }

    /// The next message of the robot's, once it is no longer under way.
    pub(crate) async fn end(&mut self) -> String {
        let said = self.room.answer().await;
        let at = self.room.chat().shown().len() - 1;
        let settled = self.room.chat().wait(|chat| {
            let shown = chat.shown()[at].plain();
            (!shown.contains('⏳')).then_some(shown)
        });
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        still(&settled.unwrap_or_else(|_| panic!("it does not come to an end: {}", said.plain())))
    }

    /// Waits until a message reads so; what was said until then was expected.
    pub(crate) async fn shown(&mut self, text: &str) -> String {
        let post = self.room.expect_shown(|post| post.plain().contains(text)).await;
        while self.room.chat().take_unexpected().is_some() {}
        still(&post.plain())
    }

    /// What somebody gets.
    pub(crate) fn gets(&self, set: &str, flag: &str, context: Value) -> String {
        let live = self.flags.set(set).unwrap();
        let context = Context::from_value(&context).unwrap();
        let mut evaluator = Evaluator::new();
        let Some(flag) = live.set().flag(flag) else {
            return "nothing".into();
        };
        let outcome = evaluator.evaluate(live.set(), flag, &context, self.flags.now());
        outcome.variant().unwrap_or("default").to_owned()
    }

    pub(crate) fn definition(&self, set: &str, flag: &str) -> Option<Definition> {
        let live = self.flags.set(set)?;
        live.kept().document.flags.get(flag).cloned()
    }

    /// Somebody else's change, so long ago.
    pub(crate) async fn past(&self, set: &str, key: &str, definition: Definition, ago: SignedDuration) {
        let author = Author {
            by: "Eve".into(),
            reason: None,
            at: jiff::Timestamp::now() - ago,
            operation: None,
        };
        let edit = Edit::Put {
            key: key.into(),
            definition,
        };
        self.flags.change(set, &edit, &author).await.unwrap();
    }

    /// The record of a flag, newest first: who, and what kind.
    pub(crate) async fn record(&self, set: &str, flag: &str) -> Vec<String> {
        let changes = self.kept.history(set, Some(flag), 20).await.unwrap();
        changes
            .into_iter()
            .filter(|change| change.flag.is_some())
            .map(|change| format!("{} {:?}", change.by, change.kind))
            .collect()
    }
}

/// A text without what differs each time.
pub(crate) fn still(text: &str) -> String {
    let moments = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC").unwrap();
    let ids = Regex::new(r" · `[0-9a-f]{8,10}`").unwrap();
    let hashes = Regex::new(r"`[0-9a-f]{8}`").unwrap();
    let ages = Regex::new(r"\b\d+ s( ago)?\b").unwrap();
    let text = moments.replace_all(text, "<moment>");
    let text = ids.replace_all(&text, "");
    let text = hashes.replace_all(&text, "<hash>");
    ages.replace_all(&text, "<time>$1").into_owned()
}
