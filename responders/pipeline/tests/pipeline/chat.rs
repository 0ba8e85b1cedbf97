//! What people read about webhooks.

use crate::place::{SECRET, alone, built, settings};
use jiff::{SignedDuration, Timestamp};
use otus::{
    MemoryStore, Room, Store,
    store::{Delivery, DeliveryFilter, Settled},
    web::Request,
};
use serde_json::json;
use std::sync::Arc;

async fn keep(store: &dyn Store, id: &str, minutes_ago: i64, settled: Option<Settled>) {
    let now = store.now().await.unwrap();
    let delivery = Delivery {
        id: id.into(),
        source: id.split(':').next().unwrap().into(),
        received: now - SignedDuration::from_mins(minutes_ago),
        body: json!([]),
    };
    assert!(store.deliver(&delivery).await.unwrap());
    if let Some(settled) = settled {
        let due = store.undelivered(now, 100).await.unwrap();
        let kept = due.into_iter().find(|kept| kept.delivery.id == id).unwrap();
        assert!(store.take_delivery(&kept, now, Timestamp::MAX).await.unwrap());
        assert!(store.settle_delivery(id, 1, &settled, now).await.unwrap());
    }
}

fn failed(why: &str) -> Option<Settled> {
    Some(Settled::Failed { reason: why.into() })
}

async fn says(room: &mut Room, line: &str) -> String {
    room.say("ann", &format!("@otus {line}")).await;
    room.answer().await.plain()
}

#[tokio::test]
async fn without_hooks_it_says_how_to_have_some() {
    let mut room = alone(&serde_json::from_value(json!({})).unwrap()).open();
    room.robot().start();
    insta::assert_snapshot!(says(&mut room, "hooks").await, @"
    There are no webhooks
    Whoever runs me can add one below `[responders.pipeline.hooks.<name>]` in my configuration.
    ");
    let answer = room
        .robot()
        .serve(Request::new("POST", "/hooks/github", "{}"))
        .await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn hooks_that_do_well_are_listed() {
    let store = Arc::new(MemoryStore::new());
    let mut room = alone(&settings(json!({}))).store(store.clone()).open();
    keep(&*store, "github:1", 125, Some(Settled::Processed)).await;
    keep(&*store, "github:2", 3, None).await;
    insta::assert_snapshot!(says(&mut room, "hooks").await, @"
    ✅ Webhooks are doing well
    *builds* at `/hooks/ci/builds`: nothing came in the last 7 days
    *github* at `/hooks/github`: last 3 min ago · 1 waiting
    ");
    insta::assert_snapshot!(says(&mut room, "hooks failed").await, @"✅ Every webhook was processed, or waits to be");
}

#[tokio::test]
async fn what_failed_was_refused_or_is_no_longer_configured_is_told() {
    let store = Arc::new(MemoryStore::new());
    let mut room = alone(&settings(json!({}))).store(store.clone()).open();
    keep(&*store, "github:1", 3, failed("releases: there is no room")).await;
    keep(
        &*store,
        "old:1",
        60 * 50,
        failed("releases: it does not listen any more"),
    )
    .await;
    keep(&*store, "reconciled:1", 7, Some(Settled::Processed)).await;
    for _ in 0..2 {
        let forged = Request::new("POST", "/hooks/github", "{}")
            .header("X-GitHub-Event", "push")
            .header("X-GitHub-Delivery", "3")
            .header("X-Hub-Signature-256", format!("sha256={}", "0".repeat(64)));
        assert_eq!(room.robot().serve(forged).await.status, 401);
    }
    insta::assert_snapshot!(says(&mut room, "hooks").await, @"
    ❌ 2 webhooks could not be processed
    *builds* at `/hooks/ci/builds`: nothing came in the last 7 days
    *github* at `/hooks/github`: last 3 min ago · 1 failed
    refused twice since I started; the last time: the signature does not match the body; the sender's secret and the configured one may differ
    *found without a webhook*: last 7 min ago
    *old*, which is not configured any more: last 2 d ago · 1 failed
    [What failed]
    ");
    insta::assert_snapshot!(says(&mut room, "hooks failed").await, @"
    ❌ 2 webhooks could not be processed
    `github:1` came 3 min ago, tried once
    releases: there is no room
    `old:1` came 2 d ago, tried once
    releases: it does not listen any more
    They are kept for 7 days. Try one again with: hook retry <id>
    ");
}

#[tokio::test]
async fn what_failed_is_tried_again_by_who_may() {
    let store = Arc::new(MemoryStore::new());
    let mut room = alone(&settings(json!({})))
        .role("deployer", &["ann"])
        .store(store.clone())
        .open();
    keep(&*store, "github:1", 3, failed("no")).await;
    room.say("bob", "@otus hook retry github:1").await;
    let refused = room.answer().await.plain();
    assert!(refused.contains("deployer"), "{refused}");
    assert_eq!(store.inbox().await.unwrap()[0].failed, 1);
    insta::assert_snapshot!(says(&mut room, "hook retry github:2").await, @"
    No webhook `github:2` is among those that failed: it is processed, waits, or is forgotten. `hooks failed` lists those that failed.
    [hooks failed]
    ");
    insta::assert_snapshot!(says(&mut room, "hook retry github:1").await, @"`github:1` is processed once more.");
    assert_eq!(store.inbox().await.unwrap()[0].waiting, 1);
    room.robot().start();
    while store.inbox().await.unwrap()[0].waiting > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.inbox().await.unwrap()[0].failed, 0);
}

#[tokio::test]
async fn what_ended_more_than_a_week_ago_is_forgotten() {
    let store = Arc::new(MemoryStore::new());
    let long_ago = store.now().await.unwrap() - SignedDuration::from_hours(7 * 24 + 1);
    for (id, settled) in [("github:1", true), ("github:2", false)] {
        let delivery = Delivery {
            id: id.into(),
            source: "github".into(),
            received: long_ago,
            body: json!([]),
        };
        store.deliver(&delivery).await.unwrap();
        let kept = store.undelivered(long_ago, 1).await.unwrap().remove(0);
        let until = if settled { long_ago } else { Timestamp::MAX };
        assert!(store.take_delivery(&kept, long_ago, until).await.unwrap());
        let processed = Settled::Processed;
        assert!(!settled || store.settle_delivery(id, 1, &processed, long_ago).await.unwrap());
    }
    keep(&*store, "github:3", 0, failed("no")).await;
    let room = alone(&settings(json!({}))).store(store.clone()).open();
    room.robot().start();
    let ids = async || {
        let kept = store.deliveries(&DeliveryFilter::default()).await.unwrap();
        let ids: Vec<_> = kept.into_iter().map(|kept| kept.delivery.id).collect();
        ids.join(" ")
    };
    while ids().await.contains("github:1") {
        tokio::task::yield_now().await;
    }
    assert_eq!(ids().await, "github:3 github:2", "what waits is not forgotten");
}

#[test]
fn a_hook_that_would_not_be_safe_stops_the_start() {
    assert!(built(json!({ "hooks": { "github": { "scheme": "github", "secrets": [SECRET] } } })).is_ok());
    let fault = built(json!({ "hooks": { "github": { "scheme": "github", "secrets": ["short"] } } }));
    let fault = fault.err().unwrap();
    assert!(fault.starts_with("hooks.github cannot be used:"), "{fault}");
    assert!(!fault.contains("short\""), "{fault}");
}
