//! Every store does the same: the core's in memory, SQLite and PostgreSQL.

/// One test for each rule and store.
macro_rules! conforms {
    ($($group:ident::$rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                crate::rules::$group::$rule(std::sync::Arc::new(otus_core::MemoryStore::new())).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let config = otus_store::StoreConfig::at(folder.path().join("otus.sqlite"));
                let store = otus_store::open(&config).await.unwrap();
                crate::rules::$group::$rule(store.clone()).await;
                store.close().await.unwrap();
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let store = otus_store::open(&crate::servers::fresh().await).await.unwrap();
                crate::rules::$group::$rule(store.clone()).await;
                store.close().await.unwrap();
            })*
        }
    };
}

conforms!(
    claims::an_event_is_claimed_once,
    claims::both_names_count,
    claims::of_many_at_once_one_wins,
    claims::a_released_event_can_be_claimed_again,
    claims::an_advanced_event_stays_claimed,
    operations::an_operation_comes_back_as_it_was,
    operations::who_read_an_old_revision_changes_nothing,
    operations::one_exclusive_operation_has_a_target,
    operations::steps_are_kept_in_order,
    operations::of_many_who_save_at_once_one_does,
    operations::of_many_who_begin_at_once_one_does,
    operations::operations_are_found,
    audit::an_entry_comes_back_as_it_was,
    audit::no_number_loses_a_digit,
    audit::entries_are_found,
    audit::many_who_record_at_once_make_one_chain,
    deploys::a_deploy_comes_back_as_it_was,
    deploys::a_deploy_is_written_over_unless_a_higher_generation_was_there,
    deploys::deploys_are_found,
    inbox::a_delivery_comes_back_as_it_was,
    inbox::what_counts_is_whether_it_was_processed,
    inbox::what_is_taken_is_nobody_else_s_until_its_time_is_over,
    inbox::of_many_who_take_at_once_one_does,
    inbox::what_failed_waits_and_is_given_up_and_begun_anew,
    inbox::deliveries_are_found_and_summed,
    inbox::what_ended_is_forgotten_and_what_waits_is_not,
    outbox::of_many_who_work_at_once_one_works_on_each,
    values::values_are_remembered,
    values::a_value_is_swapped_by_its_revision,
    values::a_space_is_listed_by_key,
    values::of_many_who_swap_at_once_one_does,
    values::it_says_that_it_works,
);

/// The same for flags, whose store in memory is the engine's.
macro_rules! flags_conform {
    ($($rule:ident),* $(,)?) => {
        mod flags {
            mod memory {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    crate::rules::flags::$rule(std::sync::Arc::new(otus_flags::MemoryFlagStore::new())).await;
                })*
            }
            mod sqlite {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let folder = tempfile::tempdir().unwrap();
                    let config = otus_store::StoreConfig::at(folder.path().join("otus.sqlite"));
                    let store = otus_store::open(&config).await.unwrap();
                    crate::rules::flags::$rule(store.clone().flags()).await;
                    store.close().await.unwrap();
                })*
            }
            mod postgres {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let store = otus_store::open(&crate::servers::fresh().await).await.unwrap();
                    crate::rules::flags::$rule(store.clone().flags()).await;
                    store.close().await.unwrap();
                })*
            }
        }
    };
}

flags_conform!(
    a_set_comes_back_as_it_was,
    who_read_an_old_set_changes_nothing,
    changes_are_found_newest_first,
    of_many_who_change_at_once_one_does,
    a_change_is_heard,
);
