//! What the robot sets out to do by itself: with its own rights, once, and without a word about what may not begin.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

mod kit;

use kit::{
    World,
    chat::{APPROVED, CONFIRMED, shows},
    furnished, until,
};
use otus::{
    UserId,
    operations::{Proposal, Proposed, State},
    policy::{self, Lock, LockTarget, VerdictKind},
    prelude::*,
    room::Fuse,
};
use std::sync::Arc;

const ROBOT: &str = "robot:shipper";

fn proposal(id: &str, version: &str) -> Proposal {
    Proposal {
        id: id.to_owned(),
        kind: "ship".to_owned(),
        command: "ship.ship".to_owned(),
        line: format!("ship api {version}"),
        ask: serde_json::json!({ "service": "api", "version": version }),
        by: UserId::robot("shipper"),
        channel: "C1".into(),
        reason: "it is there".to_owned(),
    }
}

/// A room in which these ship.
fn room(world: &Arc<World>, shippers: &[&str], policy: &str) -> Room {
    let rule = "[[rules]]\nname = \"shippers ship\"\ncommands = [\"ship.ship\"]\nroles = [\"shipper\"]\n";
    furnished(world, &Fuse::default())
        .role("shipper", shippers)
        .role("sre", &["bob"])
        .policy(&format!("{policy}\n{rule}"))
        .open()
}

async fn propose(room: &Room, proposal: Proposal) -> Proposed {
    room.robot()
        .services()
        .operations()
        .propose_itself(proposal)
        .await
        .unwrap()
}

#[tokio::test]
async fn it_is_done_once_however_often_it_is_proposed() {
    let world = World::open();
    let mut room = room(&world, &[ROBOT], "");
    let made = propose(&room, proposal("one", "2")).await;
    assert!(matches!(made, Proposed::Made(_)), "{made:?}");
    let again = propose(&room, proposal("one", "2")).await;
    assert!(matches!(again, Proposed::Known(_)), "{again:?}");
    let done = until(room.store(), |operation| operation.told).await;
    assert_eq!((done.state, done.name.as_str()), (State::Succeeded, "shipper"));
    let card = room.expect_shown(shows("*api* is at 2")).await.plain();
    assert!(card.contains("asked by shipper"), "named, not mentioned: {card}");
    room.answer().await;
    assert_eq!(world.effects().len(), 3);
    assert!(matches!(
        propose(&room, proposal("two", "2")).await,
        Proposed::NothingToDo
    ));
    room.expect_silence().await;
}

#[tokio::test]
async fn it_has_only_the_rights_it_is_given_by_name() {
    let world = World::open();
    let mut room = room(&world, &["*"], "");
    let Proposed::Blocked(verdict) = propose(&room, proposal("one", "2")).await else {
        panic!("everybody is not the robot");
    };
    assert_eq!(verdict.kind, VerdictKind::Refuse);
    assert!(
        room.store().operation("one").await.unwrap().is_none(),
        "nothing is kept"
    );
    room.expect_silence().await;
}

#[tokio::test]
async fn a_rule_that_wants_a_confirmation_is_not_for_it() {
    let world = World::open();
    let mut room = room(&world, &[ROBOT], CONFIRMED);
    let blocked = propose(&room, proposal("one", "2")).await;
    assert!(matches!(blocked, Proposed::Blocked(_)), "{blocked:?}");
    room.expect_silence().await;
}

#[tokio::test]
async fn it_asks_for_approvals_on_its_card() {
    let world = World::open();
    let mut room = room(&world, &[ROBOT], APPROVED);
    let made = propose(&room, proposal("one", "2")).await;
    assert!(matches!(made, Proposed::Made(_)), "{made:?}");
    let card = room.answer().await.plain();
    assert!(card.contains("It needs 1 approval of `sre`"), "{card}");
    room.press("bob", "Approve").await;
    room.expect_shown(shows("*api* is at 2")).await;
    room.next_said().await;
    room.expect_silence().await;
}

#[tokio::test]
async fn what_is_in_the_way_is_told_to_who_proposes_it_alone() {
    let world = World::gated();
    let mut room = room(&world, &[ROBOT, "ann"], "");
    room.say("ann", "@otus ship api 3").await;
    room.answer().await;
    let busy = propose(&room, proposal("one", "2")).await;
    assert!(matches!(busy, Proposed::Busy(_)), "{busy:?}");
    world.let_go(3);
    room.expect_shown(shows("*api* is at 3")).await;
    until(room.store(), |operation| operation.told).await;
    let services = room.robot().services().clone();
    let now = services.store().now().await.unwrap();
    let lock = Lock {
        target: LockTarget::Service("api".into()),
        by: "eve".into(),
        name: "Eve".into(),
        reason: "a migration".into(),
        since: now,
        until: None,
        waiting: Vec::new(),
        opened_by: None,
        telling: None,
    };
    let entry = otus::audit::Entry::new(now, "locked", "locked");
    policy::lock(&services, &lock, &entry).await.unwrap();
    let Proposed::Blocked(verdict) = propose(&room, proposal("one", "2")).await else {
        panic!("it is locked");
    };
    assert!(matches!(verdict.kind, VerdictKind::Wait { .. }), "{verdict:?}");
    assert!(room.store().operation("one").await.unwrap().is_none());
    room.expect_silence().await;
}
