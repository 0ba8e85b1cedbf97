//! Agreeing to operations, told as chats: who may say yes and no, when, and to what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use kit::{
    World,
    chat::{APPROVED, APPROVED_BY_TWO, CONFIRMED, answer_to, proposed, shows, state_of, with_sre},
    events, furnished, until,
};
use otus::{operations::State, room::Fuse};

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
            .filter(|(_, post)| post.key == Some(format!("operation:{id}")))
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
