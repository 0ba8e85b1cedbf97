//! PostgreSQL crashes and comes back, again and again, in the middle of the work of two replicas: nothing that was acknowledged
//! is lost, nothing is done twice, and nobody is told of a failure.

use crate::{
    samples::{all_entries, entry, key, operation, step},
    servers::postgres,
};
use otus_core::{
    Store as _, StoreError,
    operations::{Saved, State},
};
use otus_emulators::real::RealPostgres;
use otus_store::StoreConfig;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const RESTARTS: u64 = 4;

/// So much has to be done between two restarts.
const BETWEEN: u64 = 150;

/// Waits until somebody has done so much, and says so if nobody does.
async fn reach(done: &AtomicU64, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while done.load(Ordering::Relaxed) < wanted {
        assert!(Instant::now() < deadline, "the work does not go on");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_is_doubled() {
    let server = Arc::new(
        tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
            .await
            .unwrap(),
    );
    let config = StoreConfig::on(server.url());
    let stores = [
        Arc::new(postgres(&config).await),
        Arc::new(postgres(&config).await),
    ];
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));

    // Each saves an operation of its own, over and over.
    let savers = (0..6usize).map(|saver| {
        let (store, over, done) = (stores[saver % 2].clone(), over.clone(), done.clone());
        tokio::spawn(async move {
            let mut mine = operation(&format!("o{saver}"), &format!("s{saver}"), "production", 1);
            mine.state = State::Running;
            while !over.load(Ordering::Relaxed) {
                let number = u32::try_from(mine.revision).unwrap();
                let saved = store
                    .save(
                        &mine,
                        &[step(&mine.id, number, Some(json!(number)))],
                        &[entry("step", &mine.id)],
                    )
                    .await
                    .unwrap();
                assert_eq!(saved, Saved::Yes(mine.revision + 1));
                mine.revision += 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
            (mine.id, mine.revision)
        })
    });
    let savers: Vec<_> = savers.collect();
    // All want the next value of one counter.
    let counters = (0..2usize).map(|counter| {
        let (store, over) = (stores[counter].clone(), over.clone());
        tokio::spawn(async move {
            let mut won = 0u64;
            while !over.load(Ordering::Relaxed) {
                let held = store.entries("counters").await.unwrap().into_iter().next();
                let revision = held.as_ref().map_or(0, |held| held.revision);
                let count = held.map_or(0, |held| held.value.as_u64().unwrap());
                won += u64::from(
                    store
                        .swap(
                            "counters",
                            "one",
                            revision,
                            Some(&json!(count + 1)),
                            &[entry("counted", "one")],
                        )
                        .await
                        .unwrap(),
                );
            }
            won
        })
    });
    let counters: Vec<_> = counters.collect();
    // Both replicas hear of every event.
    let claimers = (0..4usize).map(|claimer| {
        let (store, over) = (stores[claimer % 2].clone(), over.clone());
        tokio::spawn(async move {
            let mut taken = Vec::new();
            for event in 0u32.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{}-{event}", claimer / 2);
                if store
                    .claim(&key(&format!("E{id}"), Some(&format!("M{id}"))))
                    .await
                    .unwrap()
                {
                    taken.push(id);
                }
            }
            taken
        })
    });
    let claimers: Vec<_> = claimers.collect();

    for restart in 1..=RESTARTS {
        reach(&done, restart * BETWEEN).await;
        let server = server.clone();
        tokio::task::spawn_blocking(move || {
            // Away for a while, so that everybody notices.
            server
                .restart(|| std::thread::sleep(Duration::from_millis(300)))
                .unwrap();
        })
        .await
        .unwrap();
    }
    reach(&done, (RESTARTS + 1) * BETWEEN).await;
    over.store(true, Ordering::Relaxed);

    let mut revisions = BTreeMap::new();
    for saver in savers {
        let (id, revision) = saver.await.unwrap();
        revisions.insert(id, revision);
    }
    let mut counted = 0;
    for counter in counters {
        counted += counter.await.unwrap();
    }
    let mut taken: Vec<Vec<String>> = Vec::new();
    for claimer in claimers {
        taken.push(claimer.await.unwrap());
    }

    let all = all_entries(&*stores[0]).await;
    let entries = |text: &str| {
        let of = all.iter().filter(|recorded| recorded.entry.text == text);
        u64::try_from(of.count()).unwrap()
    };
    for (id, revision) in &revisions {
        let held = stores[1].operation(id).await.unwrap().unwrap();
        assert_eq!(held.revision, *revision, "{id}");
        assert_eq!(entries(id), *revision, "{id}");
        let steps = u64::try_from(stores[1].steps(id).await.unwrap().len()).unwrap();
        assert_eq!(steps, *revision, "{id}");
    }
    assert_eq!(
        stores[0].recall("counters", "one").await.unwrap(),
        Some(json!(counted))
    );
    assert_eq!(entries("one"), counted);
    let mut ids: Vec<_> = taken.concat();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an event was taken twice");
    for lane in 0..2 {
        // Whoever was slower saw fewer events, but all of those have somebody.
        let last = |taken: &[String]| taken.iter().filter_map(|id| number(id)).max();
        let of: Vec<_> = ids
            .iter()
            .filter(|id| id.starts_with(&format!("{lane}-")))
            .filter_map(|id| number(id))
            .collect();
        let all = of.len();
        assert_eq!(
            last(
                &ids.iter()
                    .filter(|id| id.starts_with(&format!("{lane}-")))
                    .cloned()
                    .collect::<Vec<_>>()
            ),
            u32::try_from(all).ok().and_then(|all| all.checked_sub(1)),
            "an event has nobody"
        );
    }
    for store in stores {
        store.close().await.unwrap();
    }
}

fn number(id: &str) -> Option<u32> {
    id.rsplit('-').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_stays_away_is_an_error_in_plain_words() {
    let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let store = postgres(&StoreConfig::on(server.url())).await;
    store.remember("r", "k", Some(json!(1))).await.unwrap();
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
    let key = key("E1", None);
    let (check, read, written, claimed) = tokio::join!(
        store.check(),
        store.recall("r", "k"),
        store.remember("r", "k", None),
        store.claim(&key),
    );
    for error in [
        check.unwrap_err(),
        read.map(drop).unwrap_err(),
        written.unwrap_err(),
        claimed.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        let error = error.to_string();
        assert!(error.contains("PostgreSQL at 127.0.0.1:"), "{error}");
        assert!(!error.contains("not-asked-for"), "{error}");
    }
}
