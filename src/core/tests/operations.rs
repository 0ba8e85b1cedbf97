//! Operations, told as chats: from what is said to the end of what is done, and everything that comes between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use kit::{SOON, Ship, World, events, until};
use otus::{
    MemoryStore, Store,
    operations::{State, Timing},
    prelude::*,
    room::{RoomBuilder, RoomChat},
};
use std::{sync::Arc, time::Duration};

fn furnished(world: &Arc<World>) -> RoomBuilder {
    Room::builder()
        .responder(Ship(world.clone()))
        .timing(SOON)
        .catalog("[services.api]\n[services.web]\n[environments.production]\n")
}

fn shows(what: &'static str) -> impl FnMut(&Post) -> bool {
    move |post| post.plain().contains(what)
}

#[tokio::test]
async fn what_is_allowed_runs_to_its_end_on_one_card() {
    let world = World::open();
    let mut room = furnished(&world).open();
    room.say("ann", "@otus ship api 2").await;
    let shown = room.expect_shown(shows("*api* is at 2")).await;
    let done = until(room.store(), |operation| operation.told).await;
    assert_eq!(
        shown.plain(),
        format!("✅ *api* is at 2\nasked by @ann · 0 s · `{}`", done.id)
    );
    assert_eq!(room.answer().await.key, Some(format!("operation:{}", done.id)));
    room.expect_silence().await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!(done.lease.generation, 1);
    assert_eq!(world.effects().len(), 3);
    assert_eq!(room.chat().messages().len(), 1);
    assert_eq!(
        events(room.store(), &done.id).await,
        [
            "asked",
            "decided",
            "started",
            "prepare:begun",
            "prepare:done",
            "set:begun",
            "set:done",
            "settle:begun",
            "settle:done",
            "ended"
        ]
    );
}

#[tokio::test]
async fn a_running_one_is_cancelled_at_its_next_safe_point() {
    let world = World::gated();
    let mut room = furnished(&world).open();
    room.say("ann", "@otus ship api 2").await;
    world.wait_asked(1).await;
    room.answer().await;
    room.press("bob", "Cancel").await;
    room.expect_shown(shows("Stopping at the next safe point, as @bob wants."))
        .await;
    room.next_said().await;
    world.let_go(1);
    room.expect_shown(shows("Stopped")).await;
    let done = until(room.store(), |operation| operation.told).await;
    assert_eq!(done.state, State::Cancelled);
    assert_eq!(world.effects().len(), 1);
    room.expect_silence().await;
}

#[test]
fn what_a_dead_process_left_is_taken_up_where_it_was() {
    let world = World::gated();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let chat = Arc::new(RoomChat::default());
    let short = Timing {
        lease: Duration::from_millis(600),
        ..SOON
    };
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let room = || {
        furnished(&world)
            .timing(short)
            .store(store.clone())
            .chat(chat.clone())
            .open()
    };
    let first = runtime();
    let mut dying = room();
    first.block_on(async {
        dying.say("ann", "@otus ship api 2").await;
        world.let_go(1);
        world.wait_asked(2).await;
    });
    // In the middle of its second step, and without a word.
    first.shutdown_background();
    runtime().block_on(async {
        let heir = room();
        heir.robot().start();
        world.wait_asked(3).await;
        world.let_go(2);
        let done = until(&store, |operation| operation.told).await;
        assert_eq!((done.state, done.lease.generation), (State::Succeeded, 2));
        let effects: Vec<_> = world
            .effects()
            .into_iter()
            .map(|effect| (effect.step, effect.generation))
            .collect();
        assert_eq!(effects, [("prepare", 1), ("set", 2), ("settle", 2)]);
        assert_eq!(chat.messages().len(), 1);
        assert!(
            chat.shown()[0].plain().starts_with("✅ *api* is at 2"),
            "{}",
            chat.transcript()
        );
        chat.take_unexpected().unwrap();
        let events = events(&store, &done.id).await;
        assert_eq!(events.iter().filter(|event| *event == "taken_up").count(), 1);
        assert_eq!(events.iter().filter(|event| *event == "set:begun").count(), 2);
        assert!(heir.robot().stop(Duration::from_secs(10)).await);
    });
    drop(dying);
}
