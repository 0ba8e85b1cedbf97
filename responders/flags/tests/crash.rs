//! A robot that dies at any point of changing a flag: another one takes it up, and the flag is changed once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::SignedDuration;
use otus::{
    MemoryStore, Room, Store,
    operations::{Operation, OperationFilter, State},
    room::{Clock, Fuse, RoomChat},
};
use otus_flags::{Author, Definition, Edit, FlagStore, Flags, MemoryFlagStore};
use otus_responder_flags::Settings;
use serde_json::json;
use std::{sync::Arc, time::Duration};

const CATALOG: &str = "[environments.staging]\n[environments.production]\nafter = 'staging'\n";

struct World {
    store: Arc<MemoryStore>,
    kept: Arc<MemoryFlagStore>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

impl World {
    async fn set() -> Self {
        let kept = Arc::new(MemoryFlagStore::new());
        let flags = Flags::start(kept.clone()).await.unwrap();
        let edit = Edit::Put {
            key: "nav".into(),
            definition: Definition::switch(false),
        };
        let author = Author {
            by: "Eve".into(),
            reason: None,
            at: jiff::Timestamp::now(),
            operation: None,
        };
        flags.change("production", &edit, &author).await.unwrap();
        Self {
            store: Arc::new(MemoryStore::new()),
            kept,
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
        }
    }

    async fn replica(&self, fuse: &Fuse) -> Room {
        let flags = Flags::start(self.kept.clone()).await.unwrap();
        let settings: Settings = serde_json::from_value(json!({
            "groups": { "staff": { "attribute": "email", "ends_with": "@example.com" } },
        }))
        .unwrap();
        let room = Room::builder()
            .responder(otus_responder_flags::Flags::new(settings, None).unwrap())
            .catalog(CATALOG)
            .role("deployer", &["*"])
            .resource(flags)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open();
        room.robot().start();
        room
    }

    async fn operations(&self) -> Vec<Operation> {
        self.store.operations(&OperationFilter::default()).await.unwrap()
    }

    async fn is_over(&self) -> bool {
        let all = self.operations().await;
        !all.is_empty()
            && all
                .iter()
                .all(|operation| operation.state.is_over() && operation.told)
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_while_changing_a_flag_is_followed_by_one_who_ends_it() {
    let (mut begun, mut between) = (0, 0);
    for call in 1..=40 {
        for done in [false, true] {
            let world = World::set().await;
            let fuse = Fuse::at(call, done);
            let mut first = world.replica(&fuse).await;
            first
                .say("ann", "@otus flag nav on for staff in production")
                .await;
            let over = async {
                while !fuse.is_burnt() && !world.is_over().await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(120), over)
                .await
                .unwrap();
            let changes = || async { world.kept.history("production", Some("nav"), 20).await.unwrap() };
            let active = world
                .operations()
                .await
                .iter()
                .any(|operation| operation.state.is_active());
            between += u32::from(active && changes().await.len() > 1);
            // Whoever comes next waits until the first one cannot be alive any more.
            world.clock.jump(SignedDuration::from_secs(61));
            let second = world.replica(&Fuse::default()).await;
            // What died before it was kept nobody knows of; Slack brings it again.
            let settled = async {
                for _ in 0..300 {
                    if world.is_over().await {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            settled.await;
            let operations = world.operations().await;
            let changes = changes().await;
            let mine: Vec<_> = changes
                .iter()
                .filter(|change| change.flag.is_some() && change.by != "Eve")
                .collect();
            let at = format!("killed at call {call}, done: {done}: {operations:#?}");
            match operations.as_slice() {
                [] => assert!(mine.is_empty(), "{at}"),
                [operation] => {
                    begun += 1;
                    assert_eq!(operation.state, State::Succeeded, "{at}");
                    assert!(operation.told, "{at}");
                    assert_eq!(mine.len(), 1, "{at}");
                    assert_eq!(mine[0].operation.as_ref(), Some(&operation.id));
                    // The rule of the group, and the flag.
                    assert_eq!(mine[0].revision, 3, "{at}");
                }
                _ => panic!("{at}"),
            }
            while world.chat.take_unexpected().is_some() {}
            for room in [first, second] {
                room.robot().stop(Duration::ZERO).await;
            }
        }
    }
    assert!(begun > 40, "only {begun} began at all");
    assert!(between > 3, "only {between} died between the change and its end");
}
