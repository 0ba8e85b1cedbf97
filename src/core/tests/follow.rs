//! Who tells the outside of operations: misses none and tells nothing twice, whatever dies, whoever else does the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use kit::{SOON, World, furnished, operations, soon};
use otus::{
    MemoryStore, Services, Store,
    operations::{Follower, Operation, Timing, follow},
    outbox::{Outbox, Pace, Taken, Worked, Worker},
    prelude::*,
    room::{Clock, Fuse, RoomChat},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// What stands outside: who was told of what. One marker for each operation, with its end.
#[derive(Default)]
struct Outside {
    made: Mutex<Vec<(String, Option<String>)>>,
    fails: AtomicU32,
}

/// Tells the outside, through the fuse of its process.
struct Teller(Arc<Outside>, Fuse);

#[derive(Default, Serialize, Deserialize)]
struct Notes {
    made: Option<usize>,
}

#[async_trait]
impl Follower for Teller {
    fn name(&self) -> &'static str {
        "teller"
    }

    fn wants(&self, operation: &Operation) -> bool {
        operation.started.is_some()
    }

    async fn tell(&self, _: &Services, operation: &Operation, item: &mut Taken) -> Result<Worked> {
        if self
            .0
            .fails
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
        {
            anyhow::bail!("nobody answers");
        }
        let mut notes: Notes = item.notes()?;
        if notes.made.is_none() {
            // Asked first, because somebody may have died between making and keeping.
            let made = self.1.pass(async {
                let mut made = self.0.made.lock().unwrap();
                let found = made.iter().position(|(id, _)| *id == operation.id);
                found.unwrap_or_else(|| {
                    made.push((operation.id.clone(), None));
                    made.len() - 1
                })
            });
            notes.made = Some(made.await);
            item.keep(&notes).await?;
        }
        if !operation.state.is_over() {
            return Ok(Worked::Done);
        }
        let end = async {
            self.0.made.lock().unwrap()[notes.made.unwrap()].1 = Some(operation.state.name().to_owned());
        };
        self.1.pass(end).await;
        Ok(Worked::Over)
    }
}

/// A robot that does nothing by itself but what it is told.
const QUIET: Timing = Timing {
    poll: Duration::from_secs(3600),
    sweep: Duration::from_secs(3600),
    ..SOON
};

struct Scene {
    outside: Arc<Outside>,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

impl Scene {
    fn new() -> Self {
        Self {
            outside: Arc::default(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
        }
    }

    fn room(&self, fuse: &Fuse) -> Room {
        furnished(&World::open(), &Fuse::default())
            .timing(QUIET)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open()
    }

    async fn look(&self, room: &Room, fuse: &Fuse) -> Result<()> {
        let teller = Teller(self.outside.clone(), fuse.clone());
        room.robot().services().operations().follow_once(&teller).await
    }

    /// Ships, and waits for the end.
    async fn ship(&self, room: &mut Room, version: &str) {
        let before = operations(&self.store).await.len();
        room.say("ann", &format!("@otus ship api {version}")).await;
        soon(async {
            loop {
                let all = operations(&self.store).await;
                if all.len() > before && all.iter().all(|one| one.state.is_over() && one.told) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        while self.chat.take_unexpected().is_some() {}
    }

    fn told(&self) -> Vec<Option<String>> {
        let made = self.outside.made.lock().unwrap();
        made.iter().map(|(_, end)| end.clone()).collect()
    }
}

fn succeeded(count: usize) -> Vec<Option<String>> {
    vec![Some("succeeded".to_owned()); count]
}

#[tokio::test]
async fn what_happens_after_the_first_look_is_told_once() {
    let (scene, fuse) = (Scene::new(), Fuse::default());
    let mut room = scene.room(&fuse);
    scene.ship(&mut room, "2").await;
    scene.look(&room, &fuse).await.unwrap();
    assert_eq!(scene.told(), [], "what was before is nobody's news");
    scene.ship(&mut room, "3").await;
    scene.ship(&mut room, "4").await;
    for _ in 0..3 {
        scene.look(&room, &fuse).await.unwrap();
    }
    assert_eq!(scene.told(), succeeded(2));
    // What is over is forgotten after a while, and stays told.
    scene.clock.jump(SignedDuration::from_hours(25));
    scene.look(&room, &fuse).await.unwrap();
    scene.look(&room, &fuse).await.unwrap();
    let kept = follow::outbox(room.robot().services(), "teller")
        .all()
        .await
        .unwrap();
    assert_eq!(kept, []);
    assert_eq!(scene.told(), succeeded(2));
}

#[tokio::test]
async fn what_does_not_work_is_tried_again_and_given_up_in_the_end() {
    let (scene, fuse) = (Scene::new(), Fuse::default());
    let mut room = scene.room(&fuse);
    scene.look(&room, &fuse).await.unwrap();
    scene.outside.fails.store(3, Ordering::SeqCst);
    scene.ship(&mut room, "2").await;
    for _ in 0..4 {
        scene.look(&room, &fuse).await.unwrap();
        scene.clock.jump(SignedDuration::from_secs(61));
    }
    assert_eq!(scene.told(), succeeded(1));

    scene.outside.fails.store(u32::MAX, Ordering::SeqCst);
    scene.ship(&mut room, "3").await;
    for _ in 0..20 {
        scene.look(&room, &fuse).await.unwrap();
        scene.clock.jump(SignedDuration::from_mins(61));
    }
    let outbox = follow::outbox(room.robot().services(), "teller");
    let given_up = |all: Vec<otus::outbox::Standing>| {
        let all = all.into_iter().filter(|standing| standing.given_up);
        all.map(|standing| (standing.attempts, standing.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        given_up(outbox.all().await.unwrap()),
        [(Pace::default().attempts, Some("nobody answers".to_owned()))]
    );
    scene.outside.fails.store(0, Ordering::SeqCst);
    assert_eq!(outbox.retry().await.unwrap(), 1);
    scene.look(&room, &fuse).await.unwrap();
    assert_eq!(scene.told(), succeeded(2));
    assert_eq!(outbox.retry().await.unwrap(), 0);
}

/// Kills the process at its nth call to the outside, and lets another one go on. Answers how many calls it made.
async fn killed(fuse: Fuse) -> u64 {
    let scene = Scene::new();
    let alive = Fuse::default();
    let mut room = scene.room(&alive);
    scene.look(&room, &alive).await.unwrap();
    scene.ship(&mut room, "2").await;
    let mortal = scene.room(&fuse);
    tokio::select! {
        looked = scene.look(&mortal, &fuse) => looked.unwrap(),
        () = fuse.burnt() => {}
    }
    // Also while the dead one still holds it.
    scene.look(&room, &alive).await.unwrap();
    scene.ship(&mut room, "3").await;
    scene.clock.jump(SignedDuration::from_secs(61));
    scene.look(&room, &alive).await.unwrap();
    scene.look(&room, &alive).await.unwrap();
    assert_eq!(scene.told(), succeeded(2));
    fuse.calls()
}

#[tokio::test]
async fn killed_at_each_thing_it_does_nothing_is_lost_and_nothing_twice() {
    let calls = soon(killed(Fuse::default())).await;
    assert!(calls > 10, "{calls}");
    let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
    let ran: Vec<_> = stream::iter(cases)
        .map(|(call, done)| soon(killed(Fuse::at(call, done))))
        .buffer_unordered(4)
        .collect()
        .await;
    assert_eq!(ran.len() as u64, calls * 2);
}

#[tokio::test]
async fn of_several_replicas_one_tells_each() {
    let scene = Scene::new();
    let fuse = Fuse::default();
    let mut rooms: Vec<_> = (0..3).map(|_| scene.room(&fuse)).collect();
    scene.look(&rooms[0], &fuse).await.unwrap();
    for version in 2..8 {
        let room = &mut rooms[version % 3];
        scene.ship(room, &version.to_string()).await;
        let looks = rooms.iter().map(|room| scene.look(room, &fuse));
        for looked in futures_util::future::join_all(looks).await {
            looked.unwrap();
        }
    }
    assert_eq!(scene.told(), succeeded(6));
}

/// Counts, and adds another thing to tell in the middle of the first time.
struct Counter<'a>(&'a Outbox, Mutex<Vec<String>>);

#[async_trait]
impl Worker for Counter<'_> {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        let first = {
            let mut told = self.1.lock().unwrap();
            told.push(item.key().to_owned());
            told.len() == 1
        };
        if first {
            assert!(self.0.add(item.key(), None, SignedDuration::ZERO).await?);
            item.keep(&"kept all the same").await?;
        } else if item.key() == "a" {
            assert_eq!(item.notes::<String>()?, "kept all the same");
        }
        Ok(Worked::Over)
    }
}

#[tokio::test]
async fn many_changes_become_one_telling_and_none_in_the_middle_is_lost() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let outbox = Outbox::new(store, "test", Pace::default());
    assert!(outbox.add("a", None, SignedDuration::ZERO).await.unwrap());
    for _ in 0..5 {
        assert!(!outbox.add("a", None, SignedDuration::ZERO).await.unwrap());
    }
    let counter = Counter(&outbox, Mutex::default());
    for _ in 0..4 {
        outbox.work(&counter).await.unwrap();
    }
    assert_eq!(*counter.1.lock().unwrap(), ["a", "a"]);
    // By number, only what is higher is new.
    assert!(outbox.add("b", Some(7), SignedDuration::ZERO).await.unwrap());
    assert!(!outbox.add("b", Some(7), SignedDuration::ZERO).await.unwrap());
    assert!(!outbox.add("b", Some(3), SignedDuration::ZERO).await.unwrap());
    outbox.work(&counter).await.unwrap_or_default();
    assert!(!outbox.add("b", Some(7), SignedDuration::ZERO).await.unwrap());
    assert!(
        outbox
            .add("b", Some(8), SignedDuration::from_hours(1))
            .await
            .unwrap()
    );
    assert_eq!(outbox.work(&counter).await.unwrap(), 0, "not before its time");
}
