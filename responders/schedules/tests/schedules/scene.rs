//! A chat with robots that share a store and a clock.

use otus::{
    MemoryStore, Store,
    audit::AuditFilter,
    chat::Person,
    prelude::*,
    room::{Clock, Fuse, RoomChat},
};
use otus_responder_schedules::{Schedules, Settings};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Counts how often it is rung.
#[derive(Default, Clone)]
pub(crate) struct Bell(pub(crate) Arc<AtomicUsize>);

#[responder]
impl Bell {
    /// Rings.
    #[respond(r"^ring$", usage = "ring", role = "ringer", effect = "changes")]
    async fn ring(&self, cx: Context) -> Result {
        self.0.fetch_add(1, Ordering::SeqCst);
        cx.reply("dong").await
    }

    /// Is stuck.
    #[respond(r"^hang$", usage = "hang")]
    async fn hang(&self, _cx: Context) -> Result {
        std::future::pending().await
    }
}

/// What the robots of a test share.
pub(crate) struct Scene {
    pub(crate) bell: Bell,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) chat: Arc<RoomChat>,
    pub(crate) clock: Clock,
}

impl Scene {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn room(&self, fuse: &Fuse, ringers: &[&str]) -> Room {
        self.room_with(Settings::default(), fuse, ringers)
    }

    pub(crate) fn room_with(&self, settings: Settings, fuse: &Fuse, ringers: &[&str]) -> Room {
        let room = Room::builder()
            .responder(Schedules::new(settings))
            .responder(self.bell.clone())
            .role("ringer", ringers)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open();
        room.robot().start();
        room
    }

    pub(crate) fn rung(&self) -> usize {
        self.bell.0.load(Ordering::SeqCst)
    }

    pub(crate) async fn kept(&self) -> Vec<serde_json::Value> {
        let entries = self.store.entries("schedules").await.unwrap();
        entries.into_iter().map(|entry| entry.value).collect()
    }

    /// Schedules something, and waits until the chat says so.
    pub(crate) async fn schedule(&self, room: &mut Room, line: &str) {
        let before = self.kept().await.len();
        room.say("ann", &format!("@otus {line}")).await;
        let told = |scene: &Self| scene.chat.transcript().matches("Scheduled:").count();
        self.until(async |scene| scene.kept().await.len() > before && told(scene) > before)
            .await;
        self.heard_enough();
    }

    /// What the audit trail has of these events.
    pub(crate) async fn count(&self, event: &str) -> usize {
        let filter = AuditFilter {
            events: vec![event.into()],
            limit: 10_000,
            ..AuditFilter::default()
        };
        self.store.audit(&filter).await.unwrap().len()
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: impl AsyncFn(&Self) -> bool) {
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
    pub(crate) fn heard_enough(&self) {
        while self.chat.take_unexpected().is_some() {}
    }
}
