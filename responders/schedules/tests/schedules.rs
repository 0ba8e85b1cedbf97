//! Schedules as chats: made, run once however many robots there are, missed, refused and ended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::SignedDuration;
use otus::{
    MemoryStore, Store,
    audit::AuditFilter,
    chat::Person,
    prelude::*,
    room::{Clock, Fuse, RoomChat},
};
use otus_responder_schedules::Schedules;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Counts how often it is rung.
#[derive(Default, Clone)]
struct Bell(Arc<AtomicUsize>);

#[responder]
impl Bell {
    /// Rings.
    #[respond(r"^ring$", usage = "ring", role = "ringer", effect = "changes")]
    async fn ring(&self, cx: Context) -> Result {
        self.0.fetch_add(1, Ordering::SeqCst);
        cx.reply("dong").await
    }
}

/// What the robots of a test share.
struct Scene {
    bell: Bell,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            bell: Bell::default(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
        };
        scene.chat.introduce(
            "ann",
            Person {
                name: "ann".into(),
                zone: Some("Europe/Berlin".into()),
                robot: false,
            },
        );
        scene
    }

    fn room(&self, fuse: &Fuse, ringers: &[&str]) -> Room {
        let room = Room::builder()
            .responder(Schedules::default())
            .responder(self.bell.clone())
            .role("ringer", ringers)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open();
        room.robot().start();
        room
    }

    fn rung(&self) -> usize {
        self.bell.0.load(Ordering::SeqCst)
    }

    async fn kept(&self) -> Vec<serde_json::Value> {
        let entries = self.store.entries("schedules").await.unwrap();
        entries.into_iter().map(|entry| entry.value).collect()
    }

    /// What the audit trail has of these events.
    async fn count(&self, event: &str) -> usize {
        let filter = AuditFilter {
            events: vec![event.into()],
            limit: 10_000,
            ..AuditFilter::default()
        };
        self.store.audit(&filter).await.unwrap().len()
    }

    /// Waits until it is so.
    async fn until(&self, what: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !what(self).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), waiting)
            .await
            .unwrap_or_else(|_| panic!("it never comes to be so\n{}", self.chat.transcript()));
    }

    /// What was said and nobody asked about is no fault.
    fn heard_enough(&self) {
        while self.chat.take_unexpected().is_some() {}
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_scheduled_runs_once_and_says_who_asked() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    println!("{}", scene.chat.transcript());
    scene.clock.jump(SignedDuration::from_hours(2));
    let answer = room.answer().await.plain();
    assert_eq!(answer, "scheduled by @ann: `ring`\ndong");
    // After it is sure that it was heard, nothing of it is left.
    scene.clock.jump(SignedDuration::from_mins(6));
    scene.until(async |scene| scene.kept().await.is_empty()).await;
    assert_eq!(scene.rung(), 1);
    assert_eq!(scene.count("schedule due").await, 1);
}
