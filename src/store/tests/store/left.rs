//! Messages outlive the process that accepted them: the next one finds those that were not done with, on every store alike.

use crate::{samples::key, servers};
use otus_core::{
    EventKey, MemoryStore, Message, Segment, Store, Via,
    chat::Hook,
    store::{Accepted, Adopted, ClaimStage, Orphan},
};
use otus_store::{StoreConfig, open};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

fn message(id: &str) -> Message {
    Message {
        content: vec![
            Segment::Me,
            Segment::Text("deploy \"api\" é🦉\n\\ $1".into()),
            Segment::User("U2".into()),
            Segment::Channel {
                id: "C2".into(),
                name: None,
            },
        ],
        thread: Some("0.5".into()),
        hook: Some(Hook::new("https://hooks.example.com/secret")),
        ..Message::said(
            key(id, Some(&format!("{id}/words"))),
            "C1".into(),
            "1.0".into(),
            "U1".into(),
            "",
        )
    }
}

/// What dead processes left, as soon as the store can tell.
async fn left(store: &dyn Store, wanted: usize) -> Vec<Orphan> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut found = store.orphans().await.unwrap();
        if found.len() == wanted {
            found.sort_by(|a, b| a.message.event.id.cmp(&b.message.event.id));
            return found;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What the first of two processes leaves.
async fn leave(store: &dyn Store) {
    for id in [
        "claimed",
        "begun",
        "done",
        "given back",
        "twice",
        "by its other event",
    ] {
        assert_eq!(store.accept(&message(id)).await.unwrap(), Accepted::First, "{id}");
        assert_eq!(store.accept(&message(id)).await.unwrap(), Accepted::Held, "{id}");
        store.hold(&message(id).event).await.unwrap();
    }
    let same_words = Message {
        event: key("claimed by another name", Some("claimed/words")),
        ..message("claimed")
    };
    assert_eq!(store.accept(&same_words).await.unwrap(), Accepted::Held);
    // Of this nothing is kept.
    assert!(store.claim(&EventKey::new("bare")).await.unwrap());
    store
        .advance(&message("begun").event, ClaimStage::Answering)
        .await
        .unwrap();
    store
        .advance(&message("done").event, ClaimStage::Answering)
        .await
        .unwrap();
    store
        .advance(&message("done").event, ClaimStage::Done)
        .await
        .unwrap();
    store.release(&message("given back").event).await.unwrap();
    assert!(store.orphans().await.unwrap().is_empty(), "their process lives");
    assert_eq!(store.adopt(&message("claimed").event).await.unwrap(), None);
}

/// What the second does with it; it leaves one of them again.
async fn take_up(store: &dyn Store) {
    let found = left(store, 4).await;
    let ids: Vec<_> = found
        .iter()
        .map(|orphan| orphan.message.event.id.as_str())
        .collect();
    assert_eq!(ids, ["begun", "by its other event", "claimed", "twice"]);
    let (orphan, told) = (&found[2], message("claimed"));
    assert_eq!(orphan.message.event, told.event);
    assert_eq!(orphan.message.content, told.content);
    assert_eq!(orphan.message.thread, told.thread);
    assert_eq!(orphan.message.via, Via::Said);
    assert_eq!(orphan.message.hook, None, "what is secret is not kept");
    let age = store.now().await.unwrap().duration_since(orphan.heard);
    assert!(age.as_mins() < 5, "{age}");

    let adopted = |stage| Some(Adopted { stage, deaths: 1 });
    let begun = store.adopt(&message("begun").event).await.unwrap();
    assert_eq!(begun, adopted(ClaimStage::Answering));
    let twice = store.adopt(&message("twice").event).await.unwrap();
    assert_eq!(twice, adopted(ClaimStage::Claimed));
    assert_eq!(store.adopt(&message("twice").event).await.unwrap(), None, "once");
    // Brought again, it is taken over as well.
    assert_eq!(store.accept(&message("claimed")).await.unwrap(), Accepted::Again);
    assert_eq!(store.adopt(&message("claimed").event).await.unwrap(), None);
    // The second of two events that tell of one message comes first: the words have somebody, whatever was left of the first.
    let other = Message {
        event: key("the other event", Some("by its other event/words")),
        ..message("by its other event")
    };
    assert_eq!(store.accept(&other).await.unwrap(), Accepted::Again);
    assert_eq!(
        store.adopt(&message("by its other event").event).await.unwrap(),
        None
    );
    store.advance(&other.event, ClaimStage::Done).await.unwrap();
    for id in ["begun", "claimed", "twice", "done", "by its other event"] {
        assert_eq!(store.accept(&message(id)).await.unwrap(), Accepted::Held, "{id}");
    }
    for id in ["begun", "claimed"] {
        store.hold(&message(id).event).await.unwrap();
        store.advance(&message(id).event, ClaimStage::Done).await.unwrap();
    }
    assert!(left(store, 0).await.is_empty());
}

/// What the third finds.
async fn count_the_dead(store: &dyn Store) {
    let found = left(store, 1).await;
    assert_eq!(found[0].message.event, message("twice").event);
    let adopted = store.adopt(&message("twice").event).await.unwrap();
    let stage = ClaimStage::Claimed;
    assert_eq!(adopted, Some(Adopted { stage, deaths: 2 }));
}

#[tokio::test]
async fn in_memory() {
    let store = MemoryStore::new();
    leave(&store).await;
    store.bereave();
    take_up(&store).await;
    store.bereave();
    count_the_dead(&store).await;
}

/// One process after the other.
async fn one_after_the_other(config: &StoreConfig) {
    let store = open(config).await.unwrap();
    leave(&*store).await;
    store.close().await.unwrap();
    let store = open(config).await.unwrap();
    take_up(&*store).await;
    store.close().await.unwrap();
    let store = open(config).await.unwrap();
    count_the_dead(&*store).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    one_after_the_other(&StoreConfig::at(folder.path().join("otus.sqlite"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_database() {
    one_after_the_other(&servers::fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_one_takes_it_up() {
    let config = servers::fresh().await;
    let dying = servers::postgres(&config).await;
    let living = [servers::postgres(&config).await, servers::postgres(&config).await].map(Arc::new);
    for number in 0..40 {
        dying.accept(&message(&format!("E{number}"))).await.unwrap();
    }
    dying.close().await.unwrap();
    let orphans = Arc::new(left(&*living[0], 40).await);
    let takers = living.map(|store| {
        let orphans = orphans.clone();
        tokio::spawn(async move {
            let mut taken = 0;
            for orphan in orphans.iter() {
                taken += usize::from(store.adopt(&orphan.message.event).await.unwrap().is_some());
            }
            taken
        })
    });
    let mut taken = 0;
    for taker in takers {
        taken += taker.await.unwrap();
    }
    assert_eq!(taken, 40);
}
