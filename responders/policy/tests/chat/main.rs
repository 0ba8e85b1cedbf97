//! Locks, freezes, the broken glass and who can, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ask;
mod clock;
mod crash;
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

/// What the robot says in the end: its next message, once it is no longer under way. The id in the small print is left out.
async fn tell(room: &mut Room) -> String {
    let said = room.answer().await;
    let at = room.chat().shown().len() - 1;
    let settled = room.chat().wait(|chat| {
        let shown = chat.shown()[at].plain();
        (!shown.contains('⏳')).then_some(shown)
    });
    let settled = tokio::time::timeout(otus::room::PATIENCE, settled).await;
    let text = settled.unwrap_or_else(|_| panic!("it does not come to an end: {}", said.plain()));
    match text.rsplit_once(" · `") {
        Some((before, id)) if id.len() == 11 => before.to_owned(),
        _ => text,
    }
}
