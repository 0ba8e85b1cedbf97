//! A robot that dies while it tells: another one tells the rest, and nobody hears it twice.

use crate::CATALOG;
use jiff::{SignedDuration, Timestamp};
use otus::{
    MemoryStore, Room, Store,
    audit::AuditFilter,
    policy::{ELEVATIONS, Elevation, LOCKS, Lock, LockTarget, Waiting},
    room::{Clock, Fuse, RoomChat},
};
use otus_responder_policy::Policies;
use std::{sync::Arc, time::Duration};

fn replica(store: &Arc<MemoryStore>, chat: &Arc<RoomChat>, fuse: &Fuse, clock: &Clock) -> Room {
    Room::builder()
        .responder(Policies)
        .catalog(CATALOG)
        .role("oncall", &["ann"])
        .policy("[break_glass]\nrole = 'oncall'\nchannels = ['COPS']")
        .store(store.clone())
        .chat(chat.clone())
        .fuse(fuse.clone(), clock.clone())
        .open()
}

/// A lock whose time is over with two who wait, one that was taken away with one who waits, and an elevation that is over.
async fn things_to_tell(store: &MemoryStore) {
    let past = Timestamp::now()
        .checked_sub(SignedDuration::from_mins(1))
        .unwrap();
    let waiting = |user: &str| Waiting {
        user: user.into(),
        channel: "C1".into(),
        thread: None,
    };
    let expired = Lock {
        target: LockTarget::Service("api".into()),
        by: "ann".into(),
        name: "ann".into(),
        reason: "a test".into(),
        since: past,
        until: Some(past),
        waiting: vec![waiting("bob"), waiting("cid")],
        opened_by: None,
        telling: None,
    };
    let unlocked = Lock {
        target: LockTarget::Environment("production".into()),
        waiting: vec![waiting("dan")],
        opened_by: Some("ann".into()),
        ..expired.clone()
    };
    for lock in [expired, unlocked] {
        let value = serde_json::to_value(&lock).unwrap();
        assert!(
            store
                .swap(LOCKS, &lock.target.key(), 0, Some(&value), &[])
                .await
                .unwrap()
        );
    }
    let elevation = Elevation {
        by: "ann".into(),
        name: "ann".into(),
        channel: "C1".into(),
        reason: "a fire".into(),
        since: past,
        until: past,
        telling: None,
    };
    let value = serde_json::to_value(&elevation).unwrap();
    assert!(store.swap(ELEVATIONS, "ann", 0, Some(&value), &[]).await.unwrap());
}

async fn is_done(store: &MemoryStore) -> bool {
    store.entries(LOCKS).await.unwrap().is_empty() && store.entries(ELEVATIONS).await.unwrap().is_empty()
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_while_telling_is_followed_by_one_who_tells_the_rest() {
    let mut killed = 0;
    for call in 1..=24 {
        for done in [false, true] {
            let (store, chat) = (Arc::new(MemoryStore::new()), Arc::new(RoomChat::default()));
            things_to_tell(&store).await;
            let (fuse, clock) = (Fuse::at(call, done), Clock::default());
            let first = replica(&store, &chat, &fuse, &clock);
            first.robot().start();
            let over = async {
                while !fuse.is_burnt() && !is_done(&store).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), over).await.unwrap();
            killed += u32::from(fuse.is_burnt() && !is_done(&store).await);
            // Whoever comes next waits until the first one cannot be alive any more.
            clock.jump(SignedDuration::from_secs(61));
            let second = replica(&store, &chat, &Fuse::default(), &clock);
            second.robot().start();
            let over = async {
                while !is_done(&store).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), over).await.unwrap();
            let mut told: Vec<_> = chat
                .messages()
                .into_iter()
                .map(|(message, post)| {
                    let text = post.plain();
                    format!("{}: {}", message.channel, text.lines().next().unwrap_or_default())
                })
                .collect();
            told.sort();
            assert_eq!(
                told,
                [
                    "C1: @bob *api* is open: the time of its lock is over.",
                    "C1: @cid *api* is open: the time of its lock is over.",
                    "C1: @dan *production* is open: ann has unlocked it.",
                    "C1: ✅ The glass that ann broke is whole again: its time is over",
                    "COPS: ✅ The glass that ann broke is whole again: its time is over",
                ],
                "killed at call {call}, done: {done}"
            );
            let recorded = store.audit(&AuditFilter::default()).await.unwrap();
            let mut events: Vec<_> = recorded
                .into_iter()
                .map(|recorded| recorded.entry.event)
                .collect();
            events.sort();
            assert_eq!(events, ["glass whole", "lock expired"]);
            while chat.take_unexpected().is_some() {}
            for room in [first, second] {
                room.robot().stop(Duration::ZERO).await;
            }
        }
    }
    assert!(
        killed > 10,
        "only {killed} were killed while there was something to tell"
    );
}
