//! Saying things about operations, and what comes back.

use super::{World, furnished, until};
use otus::{
    operations::{Operation, State},
    prelude::*,
    room::{Fuse, RoomBuilder, What},
};
use std::sync::Arc;

pub fn shows(what: &'static str) -> impl FnMut(&Post) -> bool {
    move |post| post.plain().contains(what)
}

pub const APPROVED: &str = r#"
    confirm_expires = "10m"
    [[rules]]
    name = "production is approved by an SRE"
    environments = ["production"]
    approvals = 1
    approvers = "sre"
"#;

pub const APPROVED_BY_TWO: &str = r#"
    [[rules]]
    name = "production is approved by two"
    environments = ["production"]
    approvals = 2
    approvers = "sre"
"#;

pub const CONFIRMED: &str = r#"
    [[rules]]
    name = "think twice"
    environments = ["production"]
    confirm = true
"#;

pub fn with_sre(world: &Arc<World>, policy: &str) -> RoomBuilder {
    furnished(world, &Fuse::default())
        .role("sre", &["bob", "cid", "ann"])
        .policy(policy)
}

/// The operation of the card that was posted just now.
pub async fn proposed(room: &mut Room, line: &str) -> Operation {
    room.say("ann", line).await;
    let key = room.answer().await.key.expect("an operation's card");
    let id = key.strip_prefix("operation:").unwrap().to_owned();
    until(room.store(), |operation| {
        operation.id == id && (operation.told || operation.state.is_active())
    })
    .await
}

pub async fn answer_to(room: &mut Room, who: &str, line: &str) -> String {
    room.say(who, line).await;
    match room.next_said().await.what {
        What::Post(post) => post.plain(),
        What::Reaction(_, emoji) => format!(":{emoji}:"),
        other => panic!("{other:?}"),
    }
}

pub async fn state_of(room: &Room, id: &str) -> State {
    room.store().operation(id).await.unwrap().unwrap().state
}
