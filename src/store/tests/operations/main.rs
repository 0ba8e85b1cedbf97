//! Operations on every store, by two replicas at once, held against a simple model of what they should do: people propose,
//! agree, deny, hold, stop and lock; replicas die; the clock jumps over expiries, leases and a freeze.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

#[path = "../../../core/tests/kit/mod.rs"]
mod kit;
mod model;
#[path = "../store/servers.rs"]
#[allow(dead_code, reason = "the other tests of the store use the rest")]
mod servers;
mod stage;

use model::{Command, commands};
use otus::{MemoryStore, Store};
use proptest::{prelude::*, test_runner::TestRunner};
use stage::Stage;
use std::{future::Future, sync::Arc};

/// Plays so many random stories, each on new stores: one for each replica, over the same data.
fn play<F>(cases: u32, stores: impl Fn() -> F)
where
    F: Future<Output = ([Arc<dyn Store>; 2], Box<dyn std::any::Any>)>,
{
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_time: 90_000,
        ..ProptestConfig::default()
    };
    let story = |commands: Vec<Command>| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (stores, keep) = stores().await;
            let mut stage = Stage::new(stores);
            for command in commands {
                stage.play(&command).await;
            }
            stage.end().await;
            drop(keep);
        });
        // What died in the story would hang for ever.
        runtime.shutdown_background();
        Ok(())
    };
    TestRunner::new(config).run(&commands(), story).unwrap();
}

#[test]
fn in_memory_it_does_as_the_model() {
    play(64, || async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        ([store.clone(), store], Box::new(()) as Box<dyn std::any::Any>)
    });
}

#[test]
fn on_sqlite_it_does_as_the_model() {
    play(16, || async {
        let folder = tempfile::tempdir().unwrap();
        let config = otus_store::StoreConfig::at(folder.path().join("otus.sqlite"));
        let store: Arc<dyn Store> = Arc::new(otus_store::SqliteStore::open(&config).await.unwrap());
        ([store.clone(), store], Box::new(folder) as Box<dyn std::any::Any>)
    });
}

#[test]
fn on_postgres_it_does_as_the_model() {
    play(8, || async {
        let config = servers::fresh().await;
        let one: Arc<dyn Store> = Arc::new(servers::postgres(&config).await);
        let other: Arc<dyn Store> = Arc::new(servers::postgres(&config).await);
        ([one, other], Box::new(()) as Box<dyn std::any::Any>)
    });
}
