//! Processes that die, and processes that sleep: killed at each single thing they do, and frozen while another one takes over.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use kit::{SOON, World, check, furnished, operations, soon, until};
use otus::{
    MemoryStore, Store,
    operations::{State, Timing},
    prelude::*,
    room::{Clock, Fuse, RoomChat},
};
use std::{sync::Arc, time::Duration};

const ALLOWED: &str = "";
const APPROVED: &str = r#"
    [[rules]]
    name = "production is confirmed, and approved by an SRE"
    environments = ["production"]
    confirm = true
    approvals = 1
    approvers = "sre"
"#;

/// A robot that does nothing by itself but what it is told, so that the number of its calls is always the same.
const QUIET: Timing = Timing {
    poll: Duration::from_secs(3600),
    sweep: Duration::from_secs(3600),
    ..SOON
};

struct Scene {
    world: Arc<World>,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
    policy: &'static str,
}

impl Scene {
    fn new(policy: &'static str) -> Self {
        Self {
            world: World::open(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
            policy,
        }
    }

    fn room(&self, fuse: &Fuse, timing: Timing) -> Room {
        furnished(&self.world, fuse)
            .role("sre", &["bob"])
            .policy(self.policy)
            .timing(timing)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open()
    }

    /// Says whatever brings it to its end, as people would who look at the cards.
    async fn see_through(&self, room: &mut Room) {
        loop {
            let all = operations(&self.store).await;
            match all.first() {
                None => {
                    room.say("ann", "@otus ship api 2").await;
                    until(&self.store, |_| true).await;
                }
                Some(newest) if newest.state.is_over() && newest.told => return,
                Some(newest) if newest.state == State::Confirming && newest.told => {
                    room.say("ann", &format!("@otus confirm {}", newest.id)).await;
                    until(&self.store, |operation| operation.state != State::Confirming).await;
                }
                Some(newest) if newest.state == State::Approving && newest.told => {
                    room.say("bob", &format!("@otus approve {}", newest.id)).await;
                    until(&self.store, |operation| operation.state != State::Approving).await;
                }
                Some(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    /// Runs it with this fuse; if that burns, a second robot goes on. Answers how many calls the first one made.
    async fn play(&self, fuse: Fuse) -> u64 {
        let mut first = self.room(&fuse, QUIET);
        let alone = tokio::select! {
            () = self.see_through(&mut first) => true,
            () = fuse.burnt() => false,
        };
        let mut second = self.room(&Fuse::default(), SOON);
        if !alone {
            self.clock.jump(SignedDuration::from_secs(31));
            second.robot().start();
            soon(self.see_through(&mut second)).await;
        }
        // The answers to what was said, which are not what this is about.
        assert!(second.robot().stop(Duration::from_secs(10)).await);
        while self.chat.take_unexpected().is_some() {}
        check(&self.world, &self.store, &second).await;
        let done = operations(&self.store).await;
        assert_eq!(done.len(), 1, "{done:#?}");
        assert_eq!(done[0].state, State::Succeeded);
        assert_eq!(self.world.version("api"), "2");
        fuse.calls()
    }
}

async fn killed_everywhere(policy: &'static str) {
    let calls = Scene::new(policy).play(Fuse::default()).await;
    assert!(calls > 20, "{calls}");
    let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
    stream::iter(cases)
        .map(|(call, done)| tokio::spawn(async move { Scene::new(policy).play(Fuse::at(call, done)).await }))
        .buffer_unordered(8)
        .for_each(|played| async move {
            played.unwrap();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_nothing_is_lost_and_nothing_done_twice() {
    killed_everywhere(ALLOWED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_while_people_agree_nothing_is_lost_and_nothing_done_twice() {
    killed_everywhere(APPROVED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_wakes_up_to_nothing() {
    let scene = Scene {
        world: World::gated(),
        ..Scene::new(ALLOWED)
    };
    let fuse = Fuse::default();
    let mut sleeper = scene.room(&fuse, SOON);
    sleeper.say("ann", "@otus ship api 2").await;
    scene.world.let_go(1);
    scene.world.wait_asked(2).await;
    // It sleeps on its way out of the second step.
    fuse.freeze();
    scene.world.let_go(1);
    scene.clock.jump(SignedDuration::from_secs(31));
    let heir = scene.room(&Fuse::default(), SOON);
    heir.robot().start();
    scene.world.wait_asked(3).await;
    scene.world.let_go(2);
    until(&scene.store, |operation| operation.told).await;
    fuse.thaw();
    // What it was about to do it cannot do any more, and it does not say a word.
    soon(async {
        while sleeper.robot().busy() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(*scene.world.interrupted.lock().unwrap(), [1]);
    // What it was about to write on the card it wrote when it woke up, so that the end is told once more.
    until(&scene.store, |operation| operation.told).await;
    let done = operations(&scene.store).await;
    assert_eq!((done[0].state, done[0].lease.generation), (State::Succeeded, 2));
    let generations: Vec<_> = scene
        .world
        .effects()
        .iter()
        .map(|effect| effect.generation)
        .collect();
    assert_eq!(generations, [1, 2, 2]);
    while scene.chat.take_unexpected().is_some() {}
    check(&scene.world, &scene.store, &heir).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_cannot_reach_the_store_stops_when_its_lease_is_over() {
    let scene = Scene {
        world: World::gated(),
        ..Scene::new(ALLOWED)
    };
    let fuse = Fuse::default();
    let short = Timing {
        lease: Duration::from_millis(500),
        ..SOON
    };
    let mut cut_off = scene.room(&fuse, short);
    cut_off.say("ann", "@otus ship api 2").await;
    scene.world.wait_asked(1).await;
    let at_work_on = async |most: usize| {
        soon(async {
            while cut_off.robot().busy() > most {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    };
    // The message is done with; the operation is under way.
    at_work_on(1).await;
    fuse.freeze();
    // By its own clock, without having heard of anybody else.
    at_work_on(0).await;
    assert!(scene.world.effects().is_empty());
    while scene.chat.take_unexpected().is_some() {}
}
