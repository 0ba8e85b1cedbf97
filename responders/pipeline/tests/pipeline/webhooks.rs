//! From GitHub to whoever listens: once, whatever gets lost, comes twice or dies.

use crate::place::{Place, SECRET, settings};
use jiff::SignedDuration;
use otus::{
    room::{Clock, Fuse},
    store::DeliveryState,
};
use otus_ci::hooks::{CheckState, CiEvent};
use otus_emulators::github::Conclusion;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Where the branch was put, of each push.
fn pushes(heard: &[CiEvent]) -> Vec<String> {
    let after = heard.iter().filter_map(|event| match event {
        CiEvent::Pushed(pushed) => pushed.after.clone(),
        _ => None,
    });
    after.collect()
}

#[tokio::test]
async fn what_is_delivered_twice_is_processed_once() {
    let place = Place::new().await;
    place.send_webhooks(&["push"]);
    let replica = place.replica();
    replica.start();
    place.github.repeat_webhooks(1);
    let sha = place.api.commit("feature", "Sent twice").unwrap();
    place.github.settled().await;
    let kept = place
        .until(|kept| kept.iter().all(|kept| kept.state == DeliveryState::Processed))
        .await;
    let sent: Vec<_> = place.github.deliveries().iter().map(|sent| sent.code).collect();
    assert_eq!(sent, [202, 202]);
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].attempts, kept[0].delivery.source.as_str()),
        (1, "github")
    );
    assert_eq!(pushes(&replica.stop().await), [sha]);
}

#[tokio::test]
async fn what_was_never_delivered_is_found() {
    let place = Place::new().await;
    place.send_webhooks(&[]);
    let before = place.api.sha("main").unwrap();
    let first = place.replica();
    first.start();
    place.until_known(&before).await;
    assert_eq!(
        first.stop().await,
        [],
        "what was there before the first look was not missed"
    );

    place.github.lose_webhooks(u32::MAX);
    let sha = place.api.commit("main", "Lost").unwrap();
    place.api.check(&sha, "build", Conclusion::Success).unwrap();
    place.api.check(&sha, "lint", Conclusion::Failure).unwrap();
    place.github.settled().await;
    let mut second = place.replica();
    second.start();
    let heard = second.heard(3).await;
    let [
        CiEvent::Pushed(pushed),
        CiEvent::Checked(build),
        CiEvent::Checked(lint),
    ] = heard.as_slice()
    else {
        panic!("{heard:?}");
    };
    assert_eq!(
        (pushed.before.as_ref(), pushed.after.as_ref()),
        (Some(&before), Some(&sha))
    );
    assert_eq!((build.name.as_str(), build.state), ("build", CheckState::Success));
    assert_eq!((lint.name.as_str(), lint.state), ("lint", CheckState::Failure));
    assert_eq!(build.branch.as_deref(), Some("main"));
    place.until_known(&sha).await;
    assert_eq!(second.stop().await.len(), 3);

    let third = place.replica();
    third.start();
    let looks = || {
        let calls = place.github.calls().into_iter();
        calls.filter(|(call, _)| call.contains("/check-runs")).count()
    };
    while looks() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(third.stop().await, [], "what was found once is not found again");
    assert_eq!(place.kept().await.len(), 1);
}

#[tokio::test]
async fn what_a_webhook_told_is_not_found_again() {
    let place = Place::new().await;
    place.send_webhooks(&[]);
    let mut first = place.replica();
    first.start();
    place.until_known(&place.api.sha("main").unwrap()).await;
    let sha = place.api.commit("main", "Told").unwrap();
    place.github.settled().await;
    first.heard(1).await;
    place.until_known(&sha).await;
    place.api.check(&sha, "build", Conclusion::Success).unwrap();
    place.github.settled().await;
    place
        .until(|kept| kept.iter().all(|kept| kept.state == DeliveryState::Processed))
        .await;
    first.stop().await;
    let second = place.replica();
    second.start();
    while place
        .github
        .calls()
        .iter()
        .filter(|(call, _)| call.contains("/check-runs"))
        .count()
        < 2
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.stop().await, []);
}

#[tokio::test]
async fn who_dies_between_keeping_and_processing_leaves_it_to_the_next() {
    let place = Place::new().await;
    place.send_webhooks(&["push"]);
    // It answers, and is killed before it begins to work.
    let first = place.replica();
    let sha = place.api.commit("feature", "Kept").unwrap();
    place.github.settled().await;
    assert_eq!(place.github.deliveries()[0].code, 202);
    assert_eq!(place.kept().await[0].state, DeliveryState::Waiting);
    drop(first);
    let mut second = place.replica();
    second.start();
    assert_eq!(pushes(&second.heard(1).await), [sha]);
    place
        .until(|kept| kept[0].state == DeliveryState::Processed)
        .await;
}

#[tokio::test]
async fn who_dies_over_one_leaves_it_to_the_next_when_its_time_is_over() {
    let place = Place::new().await;
    place.send_webhooks(&["push"]);
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = place.mortal(&fuse, &clock);
    first.start();
    let sha = place.api.commit("feature", "Taken").unwrap();
    place.github.settled().await;
    assert_eq!(pushes(&first.heard(1).await), [sha.as_str()]);
    fuse.burn();
    let now = place.store.now().await.unwrap();
    assert!(
        place.store.undelivered(now, 10).await.unwrap().is_empty(),
        "it is the first's"
    );
    clock.jump(SignedDuration::from_mins(4));
    let mut second = place.later(&clock);
    second.start();
    assert_eq!(pushes(&second.heard(1).await), [sha.as_str()]);
    let kept = place
        .until(|kept| kept[0].state == DeliveryState::Processed)
        .await;
    assert_eq!(kept[0].attempts, 2);
}

#[tokio::test]
async fn what_cannot_be_processed_is_tried_again_and_given_up_and_sent_again() {
    let place = Place::new().await;
    place.send_webhooks(&["push"]);
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let settings = settings(json!({ "attempts": 3, "pause": "0s" }));
    let mut replica = place.replica_with(&settings, move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0..3 => Err("there is no room"),
        _ => Ok(()),
    });
    replica.start();
    let sha = place.api.commit("feature", "Hard to take").unwrap();
    place.github.settled().await;
    let kept = place.until(|kept| kept[0].state == DeliveryState::Failed).await;
    assert_eq!(kept[0].attempts, 3);
    assert_eq!(kept[0].reason.as_deref(), Some("listener: there is no room"));
    assert_eq!(failures.load(Ordering::SeqCst), 3);
    // The button on GitHub's page: the same id once more.
    place.github.redeliver(place.github.deliveries()[0].id).unwrap();
    place.github.settled().await;
    let kept = place
        .until(|kept| kept[0].state == DeliveryState::Processed)
        .await;
    assert_eq!((kept.len(), kept[0].attempts), (1, 1));
    assert_eq!(pushes(&replica.heard(4).await), vec![sha; 4]);
}

#[tokio::test]
async fn nobody_else_gets_in() {
    let place = Place::new().await;
    let replica = place.replica();
    replica.start();
    let url = format!("{}/hooks/github", place.url);
    place
        .api
        .hook(&url, "another secret altogether", &["push"])
        .unwrap();
    place.api.commit("feature", "Forged").unwrap();
    let elsewhere = format!("{}/hooks/ci/nobody", place.url);
    place.api.hook(&elsewhere, SECRET, &["push"]).unwrap();
    place.api.commit("feature", "To nobody").unwrap();
    place.github.settled().await;
    let codes: Vec<_> = place.github.deliveries().iter().map(|sent| sent.code).collect();
    assert_eq!(codes, [401, 401, 404]);
    assert_eq!(place.kept().await, []);
    assert_eq!(replica.stop().await, []);
}
