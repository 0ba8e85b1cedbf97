//! Every store does the same: the core's in memory, and SQLite.

/// One test for each rule and store.
macro_rules! conforms {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                crate::rules::$rule(std::sync::Arc::new(otus_core::MemoryStore::new())).await;
            })*
        }
        mod sqlite {
            use otus_store::{SqliteStore, StoreConfig};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let store = SqliteStore::open(&StoreConfig::at(folder.path().join("otus.sqlite"))).await.unwrap();
                let store = std::sync::Arc::new(store);
                crate::rules::$rule(store.clone()).await;
                store.close().await.unwrap();
            })*
        }
    };
}

conforms!(
    an_event_is_claimed_once,
    both_names_count,
    of_many_at_once_one_wins,
    a_released_event_can_be_claimed_again,
    an_advanced_event_stays_claimed,
    a_deploy_comes_back_as_it_was,
    one_deploy_runs_at_a_time,
    of_many_deploys_at_once_one_begins,
    a_deploy_is_saved_while_it_runs_and_ends_once,
    deploys_are_found,
    values_are_remembered,
    it_says_that_it_works,
);
