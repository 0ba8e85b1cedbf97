//! A responder that keeps failing is switched off on every replica, and people are told; whoever is needed to set things
//! right goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

use otus::{
    ChatError, RobotConfig,
    audit::AuditFilter,
    health::Health,
    prelude::*,
    store::{MemoryStore, Store},
};
use std::sync::Arc;

#[derive(Default)]
struct Shaky;

/// Fails.
#[responder]
impl Shaky {
    /// Fails.
    #[respond(r"^fail$", usage = "fail")]
    async fn fail(&self, _cx: Context) -> Result {
        Err(std::io::Error::other("it fell").into())
    }

    /// Panics.
    #[respond(r"^panic$", usage = "panic")]
    async fn panic(&self, _cx: Context) -> Result {
        panic!("it fell")
    }

    /// Hangs.
    #[respond(r"^hang$", usage = "hang", deadline = "1s")]
    async fn hang(&self, _cx: Context) -> Result {
        std::future::pending().await
    }

    /// Refuses.
    #[respond(r"^refuse$", usage = "refuse")]
    async fn refuse(&self, _cx: Context) -> Result {
        user_error!("no")
    }

    /// Finds the chat away.
    #[respond(r"^lose$", usage = "lose")]
    async fn lose(&self, _cx: Context) -> Result {
        Err(ChatError::Unreachable("gone".into()).into())
    }

    /// Stops something.
    #[respond(r"^halt$", usage = "halt", effect = "control")]
    async fn halt(&self, cx: Context) -> Result {
        cx.reply("halted").await
    }

    /// Hears.
    #[hear(r"(?i)\bboo\b")]
    async fn hears(&self, cx: Context) -> Result {
        cx.react("ghost").await
    }
}

#[derive(Default)]
struct Sound;

/// Works.
#[responder]
impl Sound {
    /// Answers.
    #[respond(r"^ring$", usage = "ring")]
    async fn ring(&self, cx: Context) -> Result {
        cx.reply("ring").await
    }
}

fn room(store: &Arc<MemoryStore>) -> Room {
    Room::builder()
        .responder(Shaky)
        .responder(Sound)
        .config(RobotConfig {
            failures: 3,
            notices: Some("C7".into()),
            ..RobotConfig::default()
        })
        .store(store.clone())
        .open()
}

/// Says something to a replica; of two rooms on one store each message has to be an event of its own.
fn tell(room: &Room, event: &str, words: &str) {
    let event = otus::EventKey::new(event);
    let said = otus::Message::said(event, "C1".into(), "1.1".into(), "ann".into(), words);
    room.robot().receive(said);
}

async fn fails(room: &mut Room, command: &str) {
    room.say("ann", &format!("@otus {command}")).await;
    if command == "hang" {
        room.expect_reaction("hourglass_flowing_sand").await;
    }
    let text = room.answer().await.plain();
    assert!(text.contains("incident `"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_switched_off_everywhere_and_told() {
    let store = Arc::new(MemoryStore::new());
    let (mut room, mut other) = (room(&store), self::room(&store));
    // Neither a refusal nor a chat that is away is the responder's fault.
    for _ in 0..5 {
        room.say("ann", "@otus refuse").await;
        room.expect_reply("no").await;
        fails(&mut room, "lose").await;
    }
    tell(&other, "other 1", "otus ring");
    other.expect_reply("ring").await;

    fails(&mut room, "fail").await;
    fails(&mut room, "hang").await;
    room.say("ann", "@otus panic").await;
    let told: Vec<_> = [
        room.next_said().await,
        room.next_said().await,
        room.next_said().await,
    ]
    .into_iter()
    .map(|said| format!("{} {:?}", said.place.channel, said.what))
    .collect();
    let notices: Vec<_> = told
        .iter()
        .filter(|told| told.contains("I switched *shaky* off"))
        .collect();
    assert_eq!(notices.len(), 2, "{told:?}");
    assert!(
        notices.iter().any(|told| told.starts_with("C1 "))
            && notices.iter().any(|told| told.starts_with("C7 "))
    );
    assert!(
        notices[0].contains("it failed 3 times within 10 min"),
        "{notices:?}"
    );

    room.say("ann", "@otus fail").await;
    let text = room.answer().await.plain();
    assert!(
        text.starts_with("⚠️ *shaky* is switched off since ")
            && text.contains(": it failed 3 times within 10 min (the last time under incident `")
            && text.ends_with("say `enable shaky`.\n[Enable]"),
        "{text}"
    );
    room.say("ann", "boo").await;
    room.expect_silence().await;
    for (says, answer) in [("halt", "halted"), ("ring", "ring")] {
        room.say("ann", &format!("@otus {says}")).await;
        room.expect_reply(answer).await;
    }

    // The other replica knows within seconds of its messages, and one that starts now knows at once.
    tokio::time::advance(std::time::Duration::from_secs(120)).await;
    for (mut replica, event) in [(other, "other 2"), (self::room(&store), "another 1")] {
        tell(&replica, event, "otus fail");
        let text = replica.answer().await.plain();
        assert!(text.contains("*shaky* is switched off"), "{text}");
    }

    Health::switch_on(room.robot().services(), "shaky", &"bob".into(), "r1")
        .await
        .unwrap()
        .unwrap();
    fails(&mut room, "fail").await;
    fails(&mut room, "fail").await;
    room.expect_silence().await;
    let events = store
        .audit(&AuditFilter {
            oldest_first: true,
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let events: Vec<_> = events
        .iter()
        .map(|recorded| (recorded.entry.event.as_str(), recorded.entry.text.as_str()))
        .filter(|(event, _)| event.ends_with("ed") && !matches!(*event, "asked" | "decided"))
        .collect();
    assert_eq!(
        events,
        [
            (
                "quarantined",
                "the responder shaky: it failed 3 times within 10 min"
            ),
            ("enabled", "the responder shaky"),
        ]
    );
}

#[tokio::test]
async fn how_it_is_going_is_counted() {
    let store = Arc::new(MemoryStore::new());
    let mut room = room(&store);
    room.say("ann", "@otus ring").await;
    room.expect_reply("ring").await;
    fails(&mut room, "fail").await;
    room.expect_silence().await;
    let reports = Health::report(room.robot().services()).await.unwrap();
    let short: Vec<_> = reports
        .iter()
        .map(|report| {
            (
                report.responder,
                report.matches,
                report.errors,
                report.succeeded.is_some(),
            )
        })
        .collect();
    assert_eq!(short, [("shaky", 1, 1, false), ("sound", 1, 0, true)]);
    assert!(
        reports
            .iter()
            .all(|report| report.p95.is_some() && report.off.is_none())
    );
}
