//! A room with an application that sends.

#![allow(dead_code, reason = "each test file uses a part of it")]

use jiff::{SignedDuration, Timestamp};
use otus::{
    Post,
    chat::Person,
    room::{Clock, Fuse, Room},
    store::{MemoryStore, Store},
    web::{Answer, Request},
};
use otus_experiments::{
    Kind,
    stats::{CandidateStats, ExperimentStats, SampleRecord},
    wire::{Batch, VERSION},
};
use otus_responder_experiments::{Experiments, Settings};
use regex::Regex;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

pub(crate) const TOKEN: &str = "a-token-of-the-shop";

/// A robot that listens to the application `shop`.
pub(crate) struct Scene {
    pub(crate) room: Room,
    store: Arc<dyn Store>,
    ahead: SignedDuration,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        Self::open(Arc::new(MemoryStore::new()), SignedDuration::ZERO, false)
    }

    fn open(store: Arc<dyn Store>, ahead: SignedDuration, reminds: bool) -> Self {
        let mut settings = json!({ "applications": { "shop": { "tokens": [TOKEN] } } });
        if reminds {
            settings["channel"] = json!("C0DEV");
        }
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let clock = Clock::default();
        clock.jump(ahead);
        let room = Room::builder()
            .responder(Experiments::new(settings).unwrap())
            .role("deployer", &["ann"])
            .store(Arc::clone(&store))
            .fuse(Fuse::default(), clock)
            .open();
        for (id, name) in [("ann", "Ann"), ("bob", "Bob")] {
            let person = Person {
                name: name.into(),
                ..Person::default()
            };
            room.chat().introduce(id, person);
        }
        Self { room, store, ahead }
    }

    /// One with a channel for what people should hear of.
    pub(crate) fn with_channel() -> Self {
        Self::open(Arc::new(MemoryStore::new()), SignedDuration::ZERO, true)
    }

    /// The same some time later: another process, which reminds or not.
    pub(crate) fn later(&self, by: SignedDuration, reminds: bool) -> Self {
        let scene = Self::open(Arc::clone(&self.store), by, reminds);
        scene.room.robot().start();
        scene
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from((Timestamp::now() + self.ahead).as_millisecond()).unwrap()
    }

    /// The application sends.
    pub(crate) async fn send(&self, batch: &Batch) -> Answer {
        let request = Request::new("POST", "/hooks/experiments", serde_json::to_vec(batch).unwrap())
            .header("authorization", format!("Bearer {}", TOKEN).into_bytes());
        self.room.robot().serve(request).await
    }

    pub(crate) async fn say(&mut self, text: &str) -> String {
        self.say_as("ann", text).await
    }

    pub(crate) async fn say_as(&mut self, who: &str, text: &str) -> String {
        self.room.say(who, text).await;
        self.room.answer().await.plain()
    }

    /// Waits until a message reads so; what was said until then was expected.
    pub(crate) async fn shown(&mut self, text: &str) -> String {
        let post: Post = self.room.expect_shown(|post| post.plain().contains(text)).await;
        post.plain()
    }
}

/// A candidate with so many runs, of which so many differed.
pub(crate) fn candidate(runs: u64, mismatches: u64) -> CandidateStats {
    let mut stats = CandidateStats::default();
    stats.outcomes.add(Kind::Match, runs - mismatches);
    stats.outcomes.add(Kind::Mismatch, mismatches);
    for run in 0..runs.min(1_000) {
        stats.duration.record(9_000_000 + run * 3_000);
        stats.ratio.record(240 + run % 20);
    }
    if mismatches > 0 {
        stats.places.insert("email".into(), mismatches);
    }
    stats
}

pub(crate) fn sample(number: u64, value: String) -> SampleRecord {
    SampleRecord {
        at: 1_795_430_000_000 + number,
        candidate: "new".into(),
        outcome: "mismatch".into(),
        detail: Some("email".into()),
        control: Some(r#"{"name":"ann","email":"a@example.com"}"#.into()),
        value: Some(value),
        context: BTreeMap::from([("plan".into(), "free".into())]),
        control_ns: 48_000_000,
        candidate_ns: Some(12_000_000),
    }
}

/// What the shop sends: so many runs, of which so many differed.
pub(crate) fn batch(sequence: u64, runs: u64, mismatches: u64) -> Batch {
    let mut stats = ExperimentStats {
        percent: 1.0,
        ..ExperimentStats::default()
    };
    stats.control.runs = runs;
    for run in 0..runs.min(1_000) {
        stats.control.duration.record(40_000_000 + run * 10_000);
    }
    stats.candidates.insert("new".into(), candidate(runs, mismatches));
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
    for number in 0..mismatches.min(20) {
        let mut sample = sample(number, r#"{"name":"ann","email":null}"#.into());
        sample.at = now + number;
        stats.samples.push(sample);
    }
    Batch {
        version: VERSION,
        application: "shop".into(),
        release: Some("9f3c1e2".into()),
        instance: "6f0c".into(),
        sequence,
        from: now - 10_000,
        to: now,
        dropped: 0,
        experiments: BTreeMap::from([("users-query".into(), stats)]),
    }
}

/// Without what is different each time.
pub(crate) fn still(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, by) in [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)"),
        (r"began [\d smin]+ ago", "began (a while) ago"),
        (r"[\d,]+ runs an hour", "(some) runs an hour"),
        (r" · \d+ s · `[0-9a-f]+`", " · (time) · (id)"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    }
    text
}
