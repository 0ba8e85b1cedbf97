//! Agreeing, holding and stopping, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{World, in_state, room};
use otus::{operations::State, prelude::*};

/// Ann asks for production, which two others have to approve; answers the operation.
async fn asked(room: &mut Room, words: &str) -> otus::operations::Operation {
    let said = room.say("ann", &format!("@otus {words}")).await;
    room.answer().await;
    room.enter_thread(Some(said));
    in_state(room, State::Approving).await
}

#[tokio::test]
async fn two_others_approve_and_it_is_done_once() {
    let world = World::new();
    let mut room = room(&world);
    asked(&mut room, "ship api 1.9 to production").await;
    room.say("bob", "@otus approve").await;
    room.expect_reply("Approved: 1 of 2 by `sre`. It waits for who else has to agree.")
        .await;
    room.say("bob", "@otus approve").await;
    let twice = room.answer().await.plain();
    assert!(twice.starts_with("You have approved"), "{twice}");
    room.say("eve", "@otus approve").await;
    let last = room.answer().await.plain();
    assert!(last.starts_with("Approved. It is "), "{last}");
    in_state(&room, State::Succeeded).await;
    assert_eq!((world.shipped(), world.version("api").as_str()), (1, "1.9"));
    room.say("eve", "@otus approve").await;
    let late = room.answer().await.plain();
    assert!(late.contains("is over: it is succeeded"), "{late}");
    assert_eq!(world.shipped(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_press_at_once_and_it_is_done_once() {
    let world = World::new();
    let mut room = room(&world);
    asked(&mut room, "ship api 1.9 to production").await;
    for who in ["bob", "eve", "bob", "eve", "ann"] {
        room.press(who, "Approve").await;
    }
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(room.answer().await.plain());
    }
    let said = |words: &str| answers.iter().filter(|answer| answer.contains(words)).count();
    assert_eq!(
        (said("Approved"), said("Approved. It is ")),
        (2, 1),
        "{answers:?}"
    );
    assert_eq!(said("@ann: `approve"), 0, "{answers:?}");
    let done = in_state(&room, State::Succeeded).await;
    let by: Vec<_> = done
        .approvals
        .iter()
        .map(|approval| approval.by.as_str())
        .collect();
    assert!(
        by.contains(&"bob") && by.contains(&"eve") && by.len() == 2,
        "{by:?}"
    );
    assert_eq!(world.shipped(), 1);
}

#[tokio::test]
async fn nobody_approves_their_own_and_only_the_role_may() {
    let world = World::new();
    let mut room = room(&world);
    let operation = asked(&mut room, "ship api 1.9 to production").await;
    room.say("ann", "@otus approve").await;
    let own = room.answer().await.plain();
    assert!(own.contains("somebody else has to decide on it"), "{own}");
    room.say("zoe", &format!("@otus approve {}", operation.id)).await;
    let stranger = room.answer().await.plain();
    assert!(stranger.starts_with("You can't decide on"), "{stranger}");
    assert!(in_state(&room, State::Approving).await.approvals.is_empty());
    assert_eq!(world.shipped(), 0);
}

#[tokio::test]
async fn a_button_has_the_rights_of_who_presses_it_and_answers_in_the_card_s_thread() {
    let world = World::new();
    let mut room = room(&world);
    let operation = asked(&mut room, "ship api 1.9 to production").await;
    room.enter_thread(None);
    let card = operation.card.clone().unwrap();
    room.press("ann", "Approve").await;
    let own = room.answer().await.plain();
    assert!(own.contains("somebody else has to decide on it"), "{own}");
    room.press("bob", "Approve").await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, Some(card.id));
    let otus::room::What::Post(post) = said.what else {
        panic!("a message was expected")
    };
    assert_eq!(
        post.plain(),
        format!(
            "@bob: `approve {}`\nApproved: 1 of 2 by `sre`. It waits for who else has to agree.",
            operation.id
        )
    );
}

#[tokio::test]
async fn a_no_ends_it_with_its_reason() {
    let world = World::new();
    let mut room = room(&world);
    let operation = asked(&mut room, "ship api 1.9 to production").await;
    room.say("eve", "@otus deny because the migration is not out")
        .await;
    room.expect_reply("Denied because the migration is not out. Nothing was changed; Ann can ask again.")
        .await;
    in_state(&room, State::Denied).await;
    room.enter_thread(None);
    room.say("ann", &format!("@otus why {}", operation.id)).await;
    let why = room.answer().await.plain();
    assert!(why.contains("Ship *api* 1.9 to *production* · denied"), "{why}");
    assert!(why.contains("the migration is not out"), "{why}");
    assert_eq!(world.shipped(), 0);
}

#[tokio::test]
async fn only_who_asked_confirms() {
    let world = World::new();
    let mut room = room(&world);
    let said = room.say("ann", "@otus ship web 1.9 to staging").await;
    room.answer().await;
    room.enter_thread(Some(said));
    in_state(&room, State::Confirming).await;
    room.say("bob", "@otus confirm").await;
    let other = room.answer().await.plain();
    assert!(other.starts_with("Only Ann can confirm"), "{other}");
    room.say("ann", "@otus confirm").await;
    let own = room.answer().await.plain();
    assert!(own.starts_with("Confirmed. It is "), "{own}");
    in_state(&room, State::Succeeded).await;
    assert_eq!(world.shipped(), 1);
}

#[tokio::test]
async fn what_runs_is_held_goes_on_and_is_stopped() {
    let world = World::new();
    let mut room = room(&world);
    let said = room.say("ann", "@otus ship api slow to staging").await;
    room.answer().await;
    room.enter_thread(Some(said));
    in_state(&room, State::Running).await;
    room.say("bob", "@otus pause").await;
    let held = room.answer().await.plain();
    assert!(held.starts_with("It is held"), "{held}");
    in_state(&room, State::Paused).await;
    room.say("bob", "@otus resume").await;
    room.expect_reply("It goes on.").await;
    in_state(&room, State::Running).await;
    room.say("ann", "@otus cancel").await;
    room.expect_reply("It stops at the next safe point; its card tells when.")
        .await;
    in_state(&room, State::Cancelled).await;
    room.say("ann", "@otus resume").await;
    let over = room.answer().await.plain();
    assert!(over.contains("is over: it is cancelled"), "{over}");
    assert_eq!(world.shipped(), 0);
}

#[tokio::test]
async fn without_an_operation_one_is_asked_which() {
    let mut room = room(&World::new());
    for word in [
        "approve", "deny", "confirm", "apply", "queue", "cancel", "pause", "resume", "why", "again",
    ] {
        room.say("ann", &format!("@otus {word}")).await;
        room.expect_reply("Which operation? Say its id, or say it in the operation's thread.")
            .await;
        room.say("ann", &format!("@otus {word} 0123abcd")).await;
        room.expect_reply("I know no operation `0123abcd`.").await;
    }
}

#[tokio::test]
async fn again_says_it_as_who_says_so() {
    let world = World::new();
    let mut room = room(&world);
    let said = room.say("ann", "@otus ship api crash to staging").await;
    room.answer().await;
    in_state(&room, State::Failed).await;
    room.enter_thread(Some(said));
    room.say("zoe", "@otus again").await;
    room.expect_reaction("repeat").await;
    let refused = room.answer().await.plain();
    assert!(refused.contains("only developers ship"), "{refused}");
}
