//! What is added to a command (`--plan`, `--queue`, `because …`), and what can be said of it afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{World, in_state, room};
use otus::operations::State;

#[tokio::test]
async fn a_plan_is_applied_later_or_is_void() {
    let world = World::new();
    let mut room = room(&world);
    let said = room.say("ann", "@otus ship api 1.9 to staging --plan").await;
    room.answer().await;
    room.enter_thread(Some(said));
    let planned = in_state(&room, State::Planned).await;
    room.say("bob", "@otus apply").await;
    let applied = room.answer().await.plain();
    let expected = format!("The plan `{}` is taken up. It is ", planned.hash.short());
    assert!(applied.starts_with(&expected), "{applied}");
    in_state(&room, State::Succeeded).await;

    room.enter_thread(None);
    let said = room.say("ann", "@otus ship api 2.0 to staging --plan").await;
    room.answer().await;
    room.enter_thread(Some(said));
    in_state(&room, State::Planned).await;
    world.set("api", "1.9.1");
    room.say("ann", "@otus apply").await;
    let void = room.answer().await.plain();
    assert!(void.contains("is void") && void.contains("1.9.1"), "{void}");
    room.say("ann", "@otus why?").await;
    let why = room.answer().await.plain();
    assert!(
        why.contains(" · void") && why.contains("version was 1.9 and is 1.9.1 now"),
        "{why}"
    );
    assert_eq!(world.shipped(), 1);
}

#[tokio::test]
async fn what_is_in_the_way_can_be_waited_for() {
    let world = World::new();
    let mut room = room(&world);
    room.say("ann", "@otus ship api slow to staging").await;
    room.answer().await;
    in_state(&room, State::Running).await;
    let second = room.say("bob", "@otus ship api 1.9 to staging").await;
    let busy = room.answer().await.plain();
    assert!(busy.contains("Not now") && busy.contains("[Queue it]"), "{busy}");
    room.enter_thread(Some(second));
    room.say("bob", "@otus queue").await;
    let queued = loop {
        // The operation's card comes, too.
        let answer = room.answer().await.plain();
        if answer.starts_with("It waits in the queue") {
            break in_state(&room, State::Queued).await;
        }
    };
    world.open();
    in_state(&room, State::Succeeded).await;
    let done = house::newest(&room, |one| {
        one.state == State::Succeeded && one.by.as_str() == "bob"
    })
    .await;
    assert_eq!((done.line.as_str(), done.id), (queued.line.as_str(), queued.id));
    assert_eq!(world.version("api"), "1.9");
}

#[tokio::test]
async fn what_waits_in_the_queue_is_taken_out_by_who_asked() {
    let world = World::new();
    let mut room = room(&world);
    room.say("ann", "@otus ship api slow to staging").await;
    room.answer().await;
    in_state(&room, State::Running).await;
    let second = room.say("bob", "@otus ship api 1.9 to staging --queue").await;
    room.answer().await;
    let queued = in_state(&room, State::Queued).await;
    room.enter_thread(Some(second));
    room.say("bob", "@otus cancel").await;
    room.expect_reply("Cancelled. Nothing was changed.").await;
    let cancelled = in_state(&room, State::Cancelled).await;
    assert_eq!(cancelled.id, queued.id);
    world.open();
}

#[tokio::test]
async fn again_takes_the_reason_along_or_another() {
    let mut room = room(&World::new());
    room.say("ann", "@otus ship api crash to staging because customers wait")
        .await;
    room.answer().await;
    let failed = in_state(&room, State::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("customers wait"));
    room.enter_thread(None);
    room.say("bob", &format!("@otus again {} because it is mended", failed.id))
        .await;
    room.expect_reaction("repeat").await;
    let card = room.answer().await.plain();
    assert!(card.contains("Ship *api* crash to *staging*"), "{card}");
    let second = house::newest(&room, |one| {
        one.by.as_str() == "bob" && one.state == State::Failed
    })
    .await;
    assert_ne!(second.id, failed.id);
    assert_eq!(second.reason.as_deref(), Some("it is mended"));
}
