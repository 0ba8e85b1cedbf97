//! Locks, freezes, the broken glass and who can, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ask;
mod clock;
mod glass;
mod locks;

use clock::Clock;
use otus::{Room, prelude::*};
use otus_responder_policy::Policies;
use std::sync::Arc;

const CATALOG: &str = "
    [environments.staging]
    [environments.production]
    after = 'staging'
    aliases = ['prod']
    [services.api]
    [services.web]
";

/// Something that can be asked about.
#[derive(Default)]
struct Ship;

#[responder]
impl Ship {
    /// Ships.
    #[respond(
        r"^ship (?<service>\S+)(?: to (?<environment>\S+))?$",
        usage = "ship <service> [to <environment>]",
        example = "ship api",
        role = "shipper",
        effect = "changes"
    )]
    async fn ship(&self, cx: Context, service: Service, environment: Option<Environment>) -> Result {
        let environment = environment.map(|environment| environment.name);
        cx.reply(format!("{} to {environment:?}", service.name)).await
    }
}

/// A room, and its memory, at two in the afternoon of a Monday.
fn room(policy: &str) -> (Room, Arc<Clock>) {
    let clock = Arc::new(Clock::at("2026-11-23T14:00:00Z"));
    let room = Room::builder()
        .responder(Policies)
        .responder(Ship)
        .catalog(CATALOG)
        .role("shipper", &["ann", "@crew"])
        .role("sre", &["bob", "cid"])
        .role("lead", &["lea"])
        .role("oncall", &["ann"])
        .role("away", &["@nowhere"])
        .policy(policy)
        .store(clock.clone())
        .open();
    room.chat().group("crew", &["dan"]);
    (room, clock)
}

/// What the robot says in the end: its next message, when it has come to rest.
async fn tell(room: &mut Room) -> String {
    let first = room.answer().await.plain();
    let shown = room.chat().shown();
    // An operation's card is edited until it is over.
    let Some(at) = shown.iter().rposition(|post| post.plain() == first) else {
        return settled(room).await;
    };
    if !first.contains('⏳') {
        return shown[at].plain();
    }
    settled(room).await
}

async fn settled(room: &mut Room) -> String {
    let settled = room
        .chat()
        .wait(|chat| chat.shown().pop().map(|post| post.plain()).filter(|shown| !shown.contains('⏳')));
    tokio::time::timeout(otus::room::PATIENCE, settled).await.unwrap()
}
