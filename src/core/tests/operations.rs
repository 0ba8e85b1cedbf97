//! Operations, told as chats: from what is said to the end of what is done, and everything that comes between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use kit::{SOON, World, events, furnished, until};
use otus::{
    MemoryStore, Store,
    operations::{State, Timing},
    prelude::*,
    room::{Fuse, RoomBuilder, RoomChat},
};
use std::{sync::Arc, time::Duration};

fn shows(what: &'static str) -> impl FnMut(&Post) -> bool {
    move |post| post.plain().contains(what)
}

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

const APPROVED: &str = r#"
    confirm_expires = "10m"
    [[rules]]
    name = "production is approved by an SRE"
    environments = ["production"]
    approvals = 1
    approvers = "sre"
"#;

const APPROVED_BY_TWO: &str = r#"
    [[rules]]
    name = "production is approved by two"
    environments = ["production"]
    approvals = 2
    approvers = "sre"
"#;

const CONFIRMED: &str = r#"
    [[rules]]
    name = "think twice"
    environments = ["production"]
    confirm = true
"#;

fn with_sre(world: &Arc<World>, policy: &str) -> RoomBuilder {
    furnished(world, &Fuse::default())
        .role("sre", &["bob", "cid", "ann"])
        .policy(policy)
}

/// The operation of the card that was posted just now.
async fn proposed(room: &mut Room, line: &str) -> otus::operations::Operation {
    room.say("ann", line).await;
    let key = room.answer().await.key.expect("an operation's card");
    let id = key.strip_prefix("operation:").unwrap().to_owned();
    until(room.store(), |operation| {
        operation.id == id && (operation.told || operation.state.is_active())
    })
    .await
}

async fn answer_to(room: &mut Room, who: &str, line: &str) -> String {
    room.say(who, line).await;
    match room.next_said().await.what {
        otus::room::What::Post(post) => post.plain(),
        otus::room::What::Reaction(_, emoji) => format!(":{emoji}:"),
        other => panic!("{other:?}"),
    }
}

async fn state_of(room: &Room, id: &str) -> State {
    room.store().operation(id).await.unwrap().unwrap().state
}

#[tokio::test]
async fn an_approval_is_somebody_elses_with_the_role_and_begins_it() {
    let world = World::open();
    let mut room = with_sre(&world, APPROVED).open();
    let waiting = proposed(&mut room, "@otus ship api 2").await;
    let id = &waiting.id;
    assert_eq!(waiting.state, State::Approving);
    let shown = room.chat().shown()[0].plain();
    assert!(
        shown.starts_with("⚠️ Ship *api* 2\nversion: 1 → 2\nIt needs 1 approval of `sre`: "),
        "{shown}"
    );
    assert!(
        shown.contains(&format!(
            "Plan `{}`.\n[Approve] [Deny] [Cancel]\n",
            waiting.hash.short()
        )),
        "{shown}"
    );

    let own = answer_to(&mut room, "ann", &format!("@otus approve {id}")).await;
    assert_eq!(
        own,
        format!("You asked for `ship api 2` (`{id}`) yourself, so somebody else has to decide on it.")
    );
    let other = answer_to(&mut room, "eve", &format!("@otus approve {id}")).await;
    assert!(
        other.starts_with(&format!("You can't decide on `ship api 2` (`{id}`): ")),
        "{other}"
    );
    assert!(world.effects().is_empty());

    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus approve {id}")).await,
        ":ok:"
    );
    let done = until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!(done.approvals.len(), 1);
    room.expect_shown(shows("asked by @ann · approved by @bob · 0 s"))
        .await;
    assert_eq!(
        room.chat()
            .messages()
            .iter()
            .filter(|(_, post)| post.key.is_some())
            .count(),
        1
    );
    let events = events(room.store(), id).await;
    assert_eq!(
        events[..5],
        ["asked", "decided", "turned_away", "approved", "started"]
    );
    let late = answer_to(&mut room, "cid", &format!("@otus approve {id}")).await;
    assert_eq!(late, format!("`ship api 2` (`{id}`) is over: it is succeeded."));
    room.expect_silence().await;
}

#[tokio::test]
async fn one_person_counts_once_and_who_lost_the_role_not_at_all() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default())
        .role("sre", &["@oncall"])
        .policy(APPROVED_BY_TWO)
        .open();
    room.chat().group("oncall", &["bob", "cid", "dan"]);
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus approve {id}")).await,
        ":ok:"
    );
    room.expect_shown(shows("It needs 1 more approval of `sre`"))
        .await;
    let again = answer_to(&mut room, "bob", &format!("@otus approve {id}")).await;
    assert!(again.starts_with("You have approved"), "{again}");
    // Bob leaves the group before the second one agrees: one approval is left, and it is not enough.
    room.chat().group("oncall", &["cid", "dan"]);
    assert_eq!(
        answer_to(&mut room, "cid", &format!("@otus approve {id}")).await,
        ":ok:"
    );
    assert_eq!(state_of(&room, &id).await, State::Approving);
    assert!(world.effects().is_empty());
    assert_eq!(
        answer_to(&mut room, "dan", &format!("@otus approve {id}")).await,
        ":ok:"
    );
    let done = until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    assert_eq!(done.state, State::Succeeded);
    let by: Vec<_> = done
        .approvals
        .iter()
        .map(|approval| approval.by.as_str())
        .collect();
    assert_eq!(by, ["cid", "dan"]);
    room.expect_silence().await;
}

#[tokio::test]
async fn a_directory_that_is_down_approves_nothing() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default())
        .role("sre", &["@nobody-knows"])
        .policy(APPROVED)
        .open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    let answer = answer_to(&mut room, "bob", &format!("@otus approve {id}")).await;
    assert!(answer.starts_with("You can't decide on"), "{answer}");
    assert_eq!(state_of(&room, &id).await, State::Approving);
    room.expect_silence().await;
}

#[tokio::test]
async fn a_plan_is_void_when_the_world_moved_before_it_was_approved() {
    let world = World::open();
    let mut room = with_sre(&world, APPROVED).open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    world.set("api", "1.5");
    let answer = answer_to(&mut room, "bob", &format!("@otus approve {id}")).await;
    assert_eq!(
        answer,
        format!(
            "`ship api 2` (`{id}`) is void. The world moved since it was planned: version was 1 and is 1.5 now.\n[again {id}]"
        )
    );
    assert_eq!(state_of(&room, &id).await, State::Void);
    assert!(world.effects().is_empty());
    room.expect_shown(shows("Void: Ship *api* 2")).await;
    room.expect_silence().await;
}

#[tokio::test]
async fn a_confirmation_is_the_askers_and_a_denial_an_approvers() {
    let world = World::open();
    let mut room = furnished(&world, &Fuse::default()).policy(CONFIRMED).open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    assert_eq!(state_of(&room, &id).await, State::Confirming);
    let not_theirs = answer_to(&mut room, "bob", &format!("@otus confirm {id}")).await;
    assert_eq!(
        not_theirs,
        format!("Only ann can confirm `ship api 2` (`{id}`), since they asked for it.")
    );
    assert_eq!(
        answer_to(&mut room, "ann", &format!("@otus confirm {id}")).await,
        ":ok:"
    );
    until(room.store(), |operation| {
        operation.state == State::Succeeded && operation.told
    })
    .await;
    room.expect_silence().await;

    let mut room = with_sre(&world, APPROVED).open();
    let id = proposed(&mut room, "@otus ship web 2").await.id;
    let no = answer_to(&mut room, "eve", &format!("@otus deny {id}")).await;
    assert!(no.starts_with("You can't decide on"), "{no}");
    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus deny {id}")).await,
        ":ok:"
    );
    let denied = room.expect_shown(shows("Denied: Ship *web* 2")).await.plain();
    assert!(
        denied.contains("@bob said no: not today. Nothing was done."),
        "{denied}"
    );
    assert_eq!(state_of(&room, &id).await, State::Denied);
    room.expect_silence().await;
}

#[tokio::test]
async fn who_asked_takes_back_what_has_not_begun_and_others_need_the_right() {
    let world = World::open();
    let mut room = with_sre(
        &world,
        &format!("{APPROVED}\n[[rules]]\nname = \"people who ship\"\nroles = [\"shipper\"]\n"),
    )
    .role("shipper", &["ann", "bob"])
    .open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    let no = answer_to(&mut room, "eve", &format!("@otus cancel {id}")).await;
    assert!(
        no.starts_with(&format!("You can't do that to `ship api 2` (`{id}`)")),
        "{no}"
    );
    assert_eq!(
        answer_to(&mut room, "ann", &format!("@otus cancel {id}")).await,
        ":ok:"
    );
    room.expect_shown(shows("@ann took it back before it began. Nothing was done."))
        .await;
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus cancel {id}")).await,
        ":ok:"
    );
    assert_eq!(state_of(&room, &id).await, State::Cancelled);
    room.expect_silence().await;
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
async fn a_plan_is_shown_and_applied_by_who_says_so_then() {
    let world = World::open();
    let mut room = with_sre(&world, CONFIRMED).open();
    let planned = proposed(&mut room, "@otus ship api 2 --plan").await;
    assert_eq!(planned.state, State::Planned);
    let shown = room.chat().shown()[0].plain();
    assert!(
        shown.contains("Nothing has changed yet. It may be applied, with a confirmation."),
        "{shown}"
    );
    assert!(shown.contains("[Apply] [Cancel]"), "{shown}");
    assert_eq!(
        answer_to(&mut room, "bob", &format!("@otus apply {}", planned.id)).await,
        ":ok:"
    );
    let done = until(room.store(), |operation| {
        operation.told && operation.state.is_over()
    })
    .await;
    assert_eq!((done.state, done.by.as_str()), (State::Succeeded, "bob"));
    assert_eq!(world.version("api"), "2");

    let nothing = proposed(&mut room, "@otus ship api 2 --plan").await;
    assert_eq!(nothing.state, State::Succeeded);
    room.expect_shown(shows("There is nothing to do: it is like that already."))
        .await;

    let moved = proposed(&mut room, "@otus ship api 3 --plan").await;
    world.set("api", "2.5");
    let void = answer_to(&mut room, "bob", &format!("@otus apply {}", moved.id)).await;
    assert!(
        void.contains("is void. The world moved since it was planned: version was 2 and is 2.5 now."),
        "{void}"
    );
    room.expect_silence().await;
}

#[tokio::test]
async fn what_nobody_agrees_to_expires() {
    let world = World::open();
    let policy = "approvals_expire = \"1s\"\n".to_owned()
        + APPROVED
            .trim_start()
            .trim_start_matches("confirm_expires = \"10m\"");
    let mut room = with_sre(&world, &policy).open();
    let id = proposed(&mut room, "@otus ship api 2").await.id;
    let expired = until(room.store(), |operation| {
        operation.state == State::Expired && operation.told
    })
    .await;
    assert_eq!(expired.id, id);
    let shown = room.chat().shown()[0].plain();
    assert!(
        shown.starts_with(
            "Expired: Ship *api* 2\nIt still needed 1 approval of `sre`. Nothing was done.\n[Again]"
        ),
        "{shown}"
    );
    let late = answer_to(&mut room, "bob", &format!("@otus approve {id}")).await;
    assert!(late.ends_with("is over: it is expired."), "{late}");
    assert!(world.effects().is_empty());
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
