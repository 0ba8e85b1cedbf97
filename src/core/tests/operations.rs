//! Operations, told as chats: from what is said to the end of what is done, and everything that comes between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use kit::{
    SOON, World,
    chat::{CONFIRMED, answer_to, proposed, shows, state_of},
    events, furnished, until,
};
use otus::{
    MemoryStore, Message, Store,
    message::EventKey,
    operations::{State, Timing},
    prelude::*,
    room::{Fuse, RoomChat},
};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn what_is_allowed_runs_to_its_end_on_one_card() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default()).open();
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
async fn a_message_that_comes_again_after_a_death_makes_no_second_one() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default()).open();
    let message = Message::said(
        EventKey::new("E1"),
        "C1".into(),
        "1".into(),
        "ann".into(),
        "otus ship api 2",
    );
    room.robot().receive(message.clone());
    room.expect_shown(shows("*api* is at 2")).await;
    let done = until(room.store(), |operation| operation.told).await;
    room.answer().await;
    // What a store does with the claim of a process that died before its first word.
    room.store().release(&message.event).await.unwrap();
    room.robot().receive(Message {
        again: true,
        ..message
    });
    room.expect_silence().await;
    assert_eq!(room.chat().messages().len(), 1);
    assert_eq!(until(room.store(), |operation| operation.told).await, done);
    assert_eq!(world.effects().len(), 3);
}

#[tokio::test]
async fn a_running_one_is_cancelled_at_its_next_safe_point() {
    let world = World::gated();
    let mut room = furnished(&world, &Fuse::default()).open();
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
        furnished(&world, &Fuse::default())
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

#[tokio::test]
async fn what_is_refused_is_told_recorded_and_found_again() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default())
        .policy("[[rules]]\nname = \"hands off\"\ndeny = true\n")
        .open();
    let refused = proposed(&mut room, "@otus ship api 2").await;
    assert_eq!(refused.state, State::Refused);
    assert_eq!(
        room.chat().shown()[0].plain(),
        format!(
            "❌ I won't do `ship api 2` for you: hands off: nobody may.\n[Why?]\nasked by @ann · `{}`",
            refused.id
        )
    );
    assert_eq!(events(room.store(), &refused.id).await, ["asked", "decided"]);
    let what = answer_to(&mut room, "ann", &format!("@otus queue {}", refused.id)).await;
    assert!(what.contains("there is nothing to wait for"), "{what}");
    room.expect_silence().await;
}

#[tokio::test]
async fn one_at_a_time_and_the_newest_of_the_queue() {
    let world = World::gated();
    let mut room = furnished(&world, &Fuse::default()).open();
    let running = proposed(&mut room, "@otus ship api 2").await;
    world.wait_asked(1).await;
    let busy = proposed(&mut room, "@otus ship api 3").await;
    assert_eq!(busy.state, State::Refused);
    let shown = room.chat().shown()[1].plain();
    assert!(
        shown.starts_with("⚠️ Not now: ann does `ship api 2` since "),
        "{shown}"
    );
    assert!(shown.contains("\n[Queue it] [Why?]\n"), "{shown}");
    let queued = proposed(&mut room, "@otus ship api 4 --queue").await;
    assert_eq!(queued.state, State::Queued);
    // By word, on what was refused.
    room.say("bob", &format!("@otus queue {}", busy.id)).await;
    assert!(
        room.answer()
            .await
            .plain()
            .contains("In the way: another operation on *api in production*.")
    );
    room.next_said().await;
    let newest = until(room.store(), |operation| {
        operation.state == State::Queued && operation.by.as_str() == "bob"
    })
    .await;
    until(room.store(), |operation| {
        operation.id == queued.id && operation.state == State::Superseded && operation.told
    })
    .await;
    room.expect_shown(shows("bob asked for `ship api 3` since, which took its place."))
        .await;
    world.let_go(6);
    let done = until(room.store(), |operation| {
        operation.id == newest.id && operation.told && operation.state.is_over()
    })
    .await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!(state_of(&room, &running.id).await, State::Succeeded);
    assert_eq!(world.version("api"), "3");
    // The world it was planned on has moved, which a queue is for.
    assert_eq!(done.plan.changes[0].from.as_deref(), Some("2"));
    assert!(
        events(room.store(), &newest.id)
            .await
            .contains(&"planned".to_owned())
    );
    room.expect_silence().await;
}

#[tokio::test]
async fn a_running_one_is_held_and_goes_on() {
    let world = World::gated();
    let mut room = furnished(&world, &Fuse::default()).open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    world.wait_asked(1).await;
    let not_held = answer_to(&mut room, "bob", &format!("@otus resume {id}")).await;
    assert!(not_held.ends_with("is not paused."), "{not_held}");
    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus pause {id}")).await,
        ":ok:"
    );
    world.let_go(1);
    until(room.store(), |operation| operation.state == State::Paused).await;
    let shown = room.expect_shown(shows("Paused, as @bob wants.")).await.plain();
    assert!(shown.contains("[Resume] [Cancel]"), "{shown}");
    assert_eq!(
        answer_to(&mut room, "ann", &format!("@otus resume {}", &id[..6])).await,
        ":ok:"
    );
    world.let_go(2);
    let done = until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!(world.effects().len(), 3);
    room.expect_silence().await;
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_its_secrets() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default()).open();
    for (version, says) in [
        (
            "wrong",
            "That went wrong on my side, so I stopped. The log has the details under incident",
        ),
        (
            "panic",
            "That went wrong on my side, so I stopped. The log has the details under incident",
        ),
        ("refused", "The registry has no such image."),
    ] {
        let id = proposed(&mut room, &format!("@otus ship api {version}")).await.id;
        until(room.store(), |operation| {
            operation.id == id && operation.told && operation.state == State::Failed
        })
        .await;
        let shown = room.chat().shown().pop().unwrap().plain();
        assert!(
            shown.starts_with(&format!("❌ Failed: Ship *api* {version}\n{says}")),
            "{shown}"
        );
        assert!(!shown.contains("hunter2"));
    }
    *world.unplannable.lock().unwrap() = Some("There is no such version.".into());
    assert_eq!(
        answer_to(&mut room, "ann", "@otus ship api 9").await,
        "There is no such version."
    );
    room.expect_silence().await;
}

#[tokio::test]
async fn a_robot_that_stops_leaves_its_work_to_the_next_at_once() {
    let world = World::gated();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let chat = Arc::new(RoomChat::default());
    let room = || {
        furnished(&world, &Fuse::default())
            .store(store.clone())
            .chat(chat.clone())
            .open()
    };
    let mut first = room();
    let id = proposed(&mut first, "@otus ship api 2").await.id;
    world.let_go(1);
    world.wait_asked(2).await;
    // It is let through its step while it stops: a step boundary is as far as it goes.
    let (stopped, ()) = tokio::join!(first.robot().stop(Duration::from_secs(10)), async {
        world.let_go(1);
    });
    assert!(stopped);
    let left = store.operation(&id).await.unwrap().unwrap();
    assert_eq!(left.state, State::Running);
    assert_eq!(world.effects().len(), 2);
    let shown = chat.shown()[0].plain();
    assert!(
        shown.contains("I am restarting. It goes on by itself where it stopped, in a moment."),
        "{shown}"
    );
    let second = room();
    second.robot().start();
    world.let_go(1);
    // Long before the old lease of 30 s would have been over by itself.
    let done = until(&store, |operation| operation.told).await;
    assert_eq!((done.state, done.lease.generation), (State::Succeeded, 2));
    assert_eq!(world.effects().len(), 3);
    assert!(second.robot().stop(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn in_its_thread_an_operation_needs_no_id() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default()).policy(CONFIRMED).open();
    let waiting = proposed(&mut room, "@otus ship api 2").await;
    let which = answer_to(&mut room, "ann", "@otus confirm").await;
    assert_eq!(
        which,
        "Which operation? Say its id, or say it in the operation's thread."
    );
    let unknown = answer_to(&mut room, "ann", "@otus confirm nothing").await;
    assert_eq!(unknown, "I know no operation `nothing`.");
    room.enter_thread(Some(kit::card_of(&waiting).id));
    assert_eq!(answer_to(&mut room, "ann", "@otus confirm").await, ":ok:");
    until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    room.expect_silence().await;
}

#[tokio::test]
async fn a_card_that_somebody_deleted_is_posted_again() {
    let world = World::gated();
    let mut room = furnished(&world, &Fuse::default()).open();
    let running = proposed(&mut room, "@otus ship api 2").await;
    let running = until(room.store(), |operation| {
        operation.id == running.id && operation.card.is_some()
    })
    .await;
    room.chat().delete(&kit::card_of(&running));
    world.let_go(3);
    let done = until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    assert_ne!(done.card, running.card);
    room.answer().await;
    assert_eq!(room.chat().messages().len(), 1);
    room.expect_shown(shows("*api* is at 2")).await;
    room.expect_silence().await;
}

#[tokio::test]
async fn a_chat_that_is_down_stops_nothing_and_hears_the_end_later() {
    let world = World::gated();
    let short = Timing {
        lease: Duration::from_millis(600),
        ..SOON
    };
    let mut room = furnished(&world, &Fuse::default()).timing(short).open();
    proposed(&mut room, "@otus ship api 2").await;
    world.wait_asked(1).await;
    room.chat()
        .break_with(Some(otus::ChatError::Unreachable("for a while".into())));
    world.let_go(3);
    let done = until(room.store(), |operation| operation.state.is_over()).await;
    assert_eq!(done.state, State::Succeeded);
    room.chat().break_with(None);
    until(room.store(), |operation| operation.told).await;
    room.expect_shown(shows("*api* is at 2")).await;
    room.expect_silence().await;
}

/// Ships things, too.
#[derive(Default, Clone)]
struct Rival;

#[responder]
impl Rival {
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn otus::operations::Action>> {
        vec![Arc::new(kit::Shipping(World::open(), Fuse::default()))]
    }

    /// Says that it is there.
    #[respond(r"^rival$", usage = "rival")]
    async fn rival(&self, cx: Context) -> Result {
        cx.reply("here").await
    }
}

#[tokio::test]
async fn two_actions_of_one_name_stop_the_start() {
    let faults = furnished(&World::open(), &Fuse::default())
        .responder(Rival)
        .try_open()
        .err()
        .expect("it does not start");
    assert_eq!(
        faults[0].to_string(),
        "the responder rival cannot start: another responder has an action called ship already"
    );
}
