//! Several stores on one PostgreSQL database, as several replicas have it: one chain, one winner, and the dead are replaced.

use crate::{
    samples::{all_entries, entry, key, operation, step},
    servers::{fresh, past, postgres},
};
use otus_core::{
    EventKey, Store as _, StoreError,
    operations::{Operation, Saved, State},
    store::ClaimStage,
};
use otus_store::PostgresStore;
use serde_json::json;
use std::sync::Arc;

async fn pair() -> (otus_store::StoreConfig, [Arc<PostgresStore>; 2]) {
    let config = fresh().await;
    let stores = [
        Arc::new(postgres(&config).await),
        Arc::new(postgres(&config).await),
    ];
    (config, stores)
}

/// Makes every run of now look as if its process had died long ago.
async fn all_die(config: &otus_store::StoreConfig) {
    sqlx::query("UPDATE runs SET seen = seen - 60000")
        .execute(&mut past(config).await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_make_one_chain() {
    let (_, [one, two]) = pair().await;
    let writers = (0..4).map(|writer| {
        let store = [&one, &two][writer % 2].clone();
        tokio::spawn(async move {
            for index in 0..200 {
                let entry = entry("step", &format!("{writer}/{index}"));
                store.record(&[entry]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = all_entries(&*one).await;
    assert_eq!(all.len(), 800);
    for writer in 0..4 {
        let of: Vec<u32> = all
            .iter()
            .filter_map(|recorded| {
                recorded
                    .entry
                    .text
                    .strip_prefix(&format!("{writer}/"))?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(of, (0..200).collect::<Vec<_>>(), "each in its order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_change_the_same_one_wins() {
    let (_, stores) = pair().await;
    let mut held = operation("o1", "api", "production", 1);
    for round in 0..30u32 {
        held.state = if round % 2 == 0 {
            State::Running
        } else {
            State::Paused
        };
        let contenders = (0..6).map(|index| {
            let (store, mine) = (stores[index % 2].clone(), held.clone());
            tokio::spawn(async move {
                store
                    .save(&mine, &[step("o1", round, None)], &[entry("step", "x")])
                    .await
                    .unwrap()
            })
        });
        let mut won = 0;
        for contender in contenders.collect::<Vec<_>>() {
            match contender.await.unwrap() {
                Saved::Yes(revision) => {
                    held.revision = revision;
                    won += 1;
                }
                Saved::Stale => {}
                Saved::Busy(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
    }
    assert_eq!(held.revision, 30);
    assert_eq!(all_entries(&*stores[0]).await.len(), 30);
    // The target is taken, whoever asks.
    let begin = |index: usize| {
        let store = stores[index % 2].clone();
        let other = Operation {
            state: State::Running,
            ..operation(&format!("p{index}"), "api", "production", 1)
        };
        tokio::spawn(async move { store.save(&other, &[], &[]).await.unwrap() })
    };
    for asked in (0..6).map(begin).collect::<Vec<_>>() {
        assert!(matches!(asked.await.unwrap(), Saved::Busy(busy) if busy.id == "o1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_has_one_who_answers() {
    let (_, stores) = pair().await;
    let contenders = (0..400).map(|index: usize| {
        let (store, event) = (stores[index % 2].clone(), index / 4);
        // Slack tells of a message by two events, and each of them more than once.
        let key = key(&format!("E{event}/{}", index / 2 % 2), Some(&format!("M{event}")));
        tokio::spawn(async move { (event, store.claim(&key).await.unwrap()) })
    });
    let mut won = vec![0; 100];
    for contender in contenders.collect::<Vec<_>>() {
        let (event, taken) = contender.await.unwrap();
        won[event] += usize::from(taken);
    }
    assert_eq!(won, [1; 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_one_only_claimed_is_taken_over_once() {
    let (config, [one, two]) = pair().await;
    let third = postgres(&config).await;
    let [claimed, answering, released] = ["claimed", "answering", "released"].map(|id| EventKey {
        id: id.into(),
        also: Some(format!("{id}/2")),
    });
    for event in [&claimed, &answering, &released] {
        assert!(one.claim(event).await.unwrap());
    }
    one.advance(&answering, ClaimStage::Answering).await.unwrap();
    assert!(!two.claim(&claimed).await.unwrap(), "its owner lives");
    two.release(&released).await.unwrap();
    assert!(
        !two.claim(&released).await.unwrap(),
        "it was not this one's to give back"
    );
    one.release(&released).await.unwrap();
    assert!(two.claim(&released).await.unwrap());

    all_die(&config).await;
    // These two show that they live; the first does not.
    two.check().await.unwrap();
    third.check().await.unwrap();
    let (left, right) = tokio::join!(two.claim(&claimed), third.claim(&claimed));
    assert_ne!(left.unwrap(), right.unwrap(), "one of them takes it over");
    assert!(
        !two.claim(&answering).await.unwrap(),
        "it may be answered already"
    );
    // The first was not dead after all: it must not answer what another does.
    assert!(matches!(
        one.advance(&claimed, ClaimStage::Answering).await,
        Err(StoreError::Taken)
    ));
    one.advance(&answering, ClaimStage::Done).await.unwrap();
    one.release(&claimed).await.unwrap();
    one.check().await.unwrap();
    assert!(
        !one.claim(&claimed).await.unwrap(),
        "it was not this one's to give back"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_one_leaves_nothing_behind() {
    let (_, [one, two]) = pair().await;
    assert!(one.claim(&EventKey::new("E1")).await.unwrap());
    assert!(!two.claim(&EventKey::new("E1")).await.unwrap());
    one.close().await.unwrap();
    one.close().await.unwrap();
    assert!(two.claim(&EventKey::new("E1")).await.unwrap(), "at once");
    for error in [
        one.claim(&EventKey::new("E2")).await.map(drop).unwrap_err(),
        one.remember("r", "k", None).await.unwrap_err(),
        one.recall("r", "k").await.map(drop).unwrap_err(),
        one.check().await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "the store cannot be used: it is closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_have_one_clock_and_one_memory() {
    let (_, [one, two]) = pair().await;
    let times = [
        one.now().await.unwrap(),
        two.now().await.unwrap(),
        one.now().await.unwrap(),
    ];
    assert!(times.is_sorted(), "{times:?}");
    one.remember("r", "k", Some(json!("v"))).await.unwrap();
    assert_eq!(two.recall("r", "k").await.unwrap(), Some(json!("v")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_claims_are_forgotten_and_young_ones_kept() {
    let (config, [one, _]) = pair().await;
    let old = (0..1_300).map(|index| EventKey::new(format!("old{index}")));
    let old: Vec<_> = old.collect();
    let taken = futures_util::future::join_all(old.iter().map(|event| one.claim(event))).await;
    assert!(taken.into_iter().all(Result::unwrap));
    sqlx::query("UPDATE claims SET at = at - 86400001")
        .execute(&mut past(&config).await)
        .await
        .unwrap();
    assert!(one.claim(&EventKey::new("young")).await.unwrap());
    assert_eq!(one.prune().await.unwrap(), 1_300);
    assert_eq!(one.prune().await.unwrap(), 0);
    assert!(!one.claim(&EventKey::new("young")).await.unwrap());
    assert!(one.claim(&old[7]).await.unwrap());
}
