//! An emulated GitHub, a registry, deploys, and robots that tell of pull requests.

#![allow(dead_code, reason = "not every test needs everything")]

#[path = "../../../markers/tests/kit/mod.rs"]
pub(crate) mod kit;

use async_trait::async_trait;
use kit::{CATALOG, Deploys, Fate, PATIENCE, SOON, github, wait};
use otus::{
    MemoryStore, Store,
    chat::Person,
    prelude::*,
    room::{Clock, Fuse, RoomBuilder, RoomChat, What},
};
use otus_ci::{
    Feed,
    github::GitHub,
    hooks::{
        CheckKind, CheckState, Checked, CiEvent, PullAction, PullChanged, PullEnd, ReviewState, Reviewed,
    },
    registry::{Error, Image, Images, Missing, Tags},
    version::Versions,
};
use otus_emulators::github as emulated;
use otus_responder_pulls::{Pulls, Settings};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

pub(crate) const CHANNEL: &str = "C012AB3CD";

/// A registry that has the images of these commits.
#[derive(Clone, Default)]
pub(crate) struct Shelf(pub(crate) Arc<Mutex<BTreeSet<String>>>);

#[async_trait]
impl Images for Shelf {
    async fn image(&self, repository: &str, reference: &str) -> Result<Image, Error> {
        if self.0.lock().unwrap().contains(reference) {
            return Ok(Image {
                digest: "sha256:00".into(),
                revision: Some(reference.into()),
                created: None,
                source: None,
                platforms: Vec::new(),
            });
        }
        Err(Error::NotFound {
            registry: "registry.test".into(),
            missing: Missing::Image {
                path: repository.into(),
                reference: reference.into(),
            },
        })
    }

    async fn exists(&self, _: &str, reference: &str) -> Result<bool, Error> {
        Ok(self.0.lock().unwrap().contains(reference))
    }

    async fn tags(&self, _: &str, _: usize) -> Result<Tags, Error> {
        let names = self.0.lock().unwrap().iter().cloned().collect();
        Ok(Tags {
            names,
            complete: true,
        })
    }
}

pub(crate) struct Scene {
    pub(crate) fate: Fate,
    pub(crate) emulated: emulated::GitHub,
    pub(crate) api: emulated::Repository,
    pub(crate) client: GitHub,
    pub(crate) shelf: Shelf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) chat: Arc<RoomChat>,
    pub(crate) clock: Clock,
    pub(crate) changes: serde_json::Value,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let (emulated, api, client) = github().await;
        let chat = Arc::new(RoomChat::default());
        for (id, name) in [("U0ANN", "Ann"), ("ann", "Ann")] {
            let name = name.to_owned();
            chat.introduce(
                id,
                Person {
                    name,
                    ..Person::default()
                },
            );
        }
        Self {
            fate: Fate::default(),
            emulated,
            api,
            client,
            shelf: Shelf::default(),
            store: Arc::new(MemoryStore::new()),
            chat,
            clock: Clock::default(),
            changes: json!({}),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut section = json!({
            "channels": { "acme/api": CHANNEL },
            "people": { "Ann": "U0ANN" },
            "wait": "0s",
            "reconcile": "1h",
        });
        for (key, value) in self.changes.as_object().unwrap() {
            section[key] = value.clone();
        }
        serde_json::from_value(section).unwrap()
    }

    pub(crate) fn furnished(&self, fuse: &Fuse) -> (RoomBuilder, Feed) {
        let feed = Feed::default();
        let pulls = Pulls::new(self.settings(), Some(&feed)).unwrap();
        let versions = Versions::new(self.client.clone(), Arc::new(self.shelf.clone()));
        let builder = Room::builder()
            .catalog(CATALOG)
            .timing(SOON)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .resource(self.client.clone())
            .resource(versions)
            .resource(feed.clone())
            .responder(Deploys(self.fate.clone()))
            .responder(pulls);
        (builder, feed)
    }

    /// A robot that watches.
    pub(crate) async fn room(&self) -> (Room, Feed) {
        let (builder, feed) = self.furnished(&Fuse::default());
        let room = builder.open();
        room.robot().start();
        wait(async || {
            let followed = !self.store.entries("followers").await.unwrap().is_empty();
            let watched = self.store.recall("pulls", "watched acme/api").await.unwrap();
            (followed && watched.is_some()).then_some(())
        })
        .await;
        (room, feed)
    }

    /// The one message in the channel that is in no thread, once it reads so.
    pub(crate) async fn message(&self, what: impl Fn(&str) -> bool) -> String {
        let looking = self.chat.wait(|chat| {
            let mine = self.messages(chat, "message");
            assert!(mine.len() <= 1, "{}", chat.transcript());
            mine.into_iter().find(|text| what(text))
        });
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(text) => text,
            Err(_) => panic!("no message came to read so\n{}", self.chat.transcript()),
        }
    }

    /// The message in its thread, once it reads so.
    pub(crate) async fn detail(&self, what: impl Fn(&str) -> bool) -> String {
        let looking = self.chat.wait(|chat| {
            let mine = self.messages(chat, "detail");
            assert!(mine.len() <= 1, "{}", chat.transcript());
            mine.into_iter().find(|text| what(text))
        });
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(text) => text,
            Err(_) => panic!("no detail came to read so\n{}", self.chat.transcript()),
        }
    }

    /// The messages of pull requests whose key ends so, as they read now.
    pub(crate) fn messages(&self, chat: &RoomChat, kind: &str) -> Vec<String> {
        let shown = chat.shown().into_iter();
        let mine = shown.filter(|post| {
            post.key
                .as_ref()
                .is_some_and(|key| key.starts_with("pull ") && key.ends_with(kind))
        });
        mine.map(|post| post.plain()).collect()
    }

    /// Waits until nothing is left to do.
    pub(crate) async fn settled(&self) {
        wait(async || {
            let all = self.store.entries("pulls.acme/api").await.unwrap();
            let rests = |value: &serde_json::Value| value["wanted"] == value["told"];
            (!all.is_empty() && all.iter().all(|one| rests(&one.value))).then_some(())
        })
        .await;
    }

    /// All that was ever posted, as `channel: words`.
    pub(crate) fn posted(&self) -> Vec<String> {
        while self.chat.take_unexpected().is_some() {}
        let all = self.chat.said().into_iter();
        let posts = all.filter_map(|said| match said.what {
            What::Post(post) => Some(format!("{}: {}", said.place.channel, post.plain())),
            _ => None,
        });
        posts.collect()
    }

    /// Ann's pull request from her branch; its number and its head.
    pub(crate) fn opened(&self) -> (u64, String) {
        self.api.set_branch("faster", "main").unwrap();
        let head = self.api.push("faster", "ann", &["Answer faster"]).unwrap();
        let number = self
            .api
            .open_pull("Answer faster", "ann", "faster", "main")
            .unwrap();
        (number, head.last().unwrap().clone())
    }
}

/// What a webhook says of a pull request. Only its number counts.
pub(crate) fn changed(number: u64) -> CiEvent {
    let end = |branch: &str| PullEnd {
        branch: branch.into(),
        sha: None,
    };
    CiEvent::PullChanged(PullChanged {
        repo: "Acme/API".into(),
        number,
        action: PullAction::Edited,
        head: end("faster"),
        base: end("main"),
        fork: false,
        merged: false,
        merge_sha: None,
        author: None,
        by: None,
        title: "an old title".into(),
        url: None,
        draft: true,
    })
}

pub(crate) fn reviewed(number: u64) -> CiEvent {
    CiEvent::Reviewed(Reviewed {
        repo: "acme/api".into(),
        number,
        title: String::new(),
        author: None,
        by: None,
        state: ReviewState::Commented,
        sha: None,
        url: None,
    })
}

pub(crate) fn checked(sha: &str) -> CiEvent {
    CiEvent::Checked(Checked {
        repo: "acme/api".into(),
        sha: sha.into(),
        branch: None,
        fork: false,
        kind: CheckKind::Job,
        name: "build".into(),
        state: CheckState::Failure,
        url: None,
        image: None,
        digest: None,
    })
}

/// Without what differs from run to run.
pub(crate) fn still(text: &str) -> String {
    let patterns = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)"),
        (r"\b[0-9a-f]{7}\b", "(sha)"),
        (r"/runs/\d+", "/runs/1"),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}

const PAGE: &str = include_str!("../../../../docs/pull-requests.md");

/// The page's chat of this number is this: who, and their words.
pub(crate) fn stands_on_page(number: usize, chat: &[(&str, &str)]) {
    let patterns = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "Nov 22, 14:02"),
        (r"\b[0-9a-f]{7}\b", "4f2a91c"),
        (r" \(https?://[^)]*\)", ""),
    ];
    let mut told = String::new();
    for (who, words) in chat {
        let mut who = *who;
        let mut words = (*words).to_owned();
        for (pattern, instead) in patterns {
            words = regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&words, instead)
                .into_owned();
        }
        for line in words.lines() {
            told += format!("{who:<5} {line}").trim_end();
            told.push('\n');
            who = "";
        }
    }
    let on_page = PAGE.split("```chat\n").nth(number + 1).unwrap_or_default();
    let on_page = on_page.split("```").next().unwrap_or_default();
    assert_eq!(
        on_page, told,
        "chat {number} of docs/pull-requests.md is not so; it is\n{told}"
    );
}
