//! Values, with and without a revision.

use super::AnyStore;
use crate::samples::{all_entries, entry};
use otus_core::{audit::AuditFilter, store::Value};
use serde_json::json;

pub(crate) async fn values_are_remembered(store: AnyStore) {
    assert_eq!(store.recall("deploy", "k").await.unwrap(), None);
    let value = json!({"a": [1, "zwei", null, 3.5], "é": "🦉 'quoted'"});
    store.remember("deploy", "k", Some(value.clone())).await.unwrap();
    assert_eq!(store.recall("deploy", "k").await.unwrap(), Some(value));
    assert_eq!(
        store.recall("graphs", "k").await.unwrap(),
        None,
        "each responder has its own"
    );
    store.remember("deploy", "k", Some(json!(null))).await.unwrap();
    assert_eq!(
        store.recall("deploy", "k").await.unwrap(),
        Some(json!(null)),
        "null is a value"
    );
    store.remember("deploy", "k", None).await.unwrap();
    assert_eq!(store.recall("deploy", "k").await.unwrap(), None);
    store.remember("deploy", "k", None).await.unwrap();
}

pub(crate) async fn a_value_is_swapped_by_its_revision(store: AnyStore) {
    let read = async |key: &str| -> Option<Value> {
        let all = store.entries("locks").await.unwrap();
        all.into_iter().find(|value| value.key == key)
    };
    let swap = async |key: &str, revision, value: Option<serde_json::Value>| {
        store
            .swap("locks", key, revision, value.as_ref(), &[entry("locked", key)])
            .await
            .unwrap()
    };
    assert!(!swap("a", 7, Some(json!(1))).await, "there is none yet");
    assert!(swap("a", 0, Some(json!(1))).await);
    assert!(!swap("a", 0, Some(json!(2))).await, "there is one");
    let first = read("a").await.unwrap();
    assert_eq!(first.value, json!(1));
    assert!(first.revision > 0);
    assert!(swap("a", first.revision, Some(json!(2))).await);
    assert!(!swap("a", first.revision, Some(json!(3))).await, "it moved on");
    assert!(!swap("a", first.revision, None).await, "it moved on");
    let second = read("a").await.unwrap();
    assert_eq!(second.value, json!(2));
    assert!(swap("a", second.revision, None).await);
    assert_eq!(read("a").await, None);
    assert!(!swap("a", second.revision, Some(json!(4))).await, "it is gone");
    assert!(swap("a", 0, None).await, "there is none, and there is to be none");
    assert!(swap("a", 0, Some(json!(5))).await);
    let third = read("a").await.unwrap();
    assert!(
        ![first.revision, second.revision].contains(&third.revision),
        "what was forgotten and is back is not what it was"
    );
    store.remember("locks", "a", Some(json!(6))).await.unwrap();
    assert!(
        !swap("a", third.revision, Some(json!(7))).await,
        "remembering is writing, too"
    );
    assert!(!swap("a", u64::MAX, None).await);
    // Only what was written is recorded.
    let texts: Vec<_> = all_entries(&*store)
        .await
        .into_iter()
        .map(|recorded| recorded.entry.text)
        .collect();
    assert_eq!(texts, ["a"; 5]);
}

pub(crate) async fn a_space_is_listed_by_key(store: AnyStore) {
    for key in ["b", "a", "C", "é", "aa", "_"] {
        store.remember("one", key, Some(json!(key))).await.unwrap();
    }
    store.remember("other", "z", Some(json!(0))).await.unwrap();
    let all = store.entries("one").await.unwrap();
    let keys: Vec<_> = all.iter().map(|value| value.key.as_str()).collect();
    assert_eq!(keys, ["C", "_", "a", "aa", "b", "é"]);
    assert!(all.iter().all(|value| value.value == json!(value.key)));
    assert!(store.entries("none").await.unwrap().is_empty());
    assert_eq!(store.recall("other", "z").await.unwrap(), Some(json!(0)));
    assert!(store.audit(&AuditFilter::default()).await.unwrap().is_empty());
}

pub(crate) async fn of_many_who_swap_at_once_one_does(store: AnyStore) {
    store.swap("locks", "a", 0, Some(&json!(0)), &[]).await.unwrap();
    for round in 0..5 {
        let revision = store.entries("locks").await.unwrap()[0].revision;
        let contenders = (0..8).map(|index| {
            let store = store.clone();
            tokio::spawn(async move {
                let value = json!([round, index]);
                store
                    .swap("locks", "a", revision, Some(&value), &[entry("locked", "a")])
                    .await
                    .unwrap()
            })
        });
        let mut won = 0;
        for contender in contenders.collect::<Vec<_>>() {
            won += usize::from(contender.await.unwrap());
        }
        assert_eq!(won, 1);
    }
    assert_eq!(all_entries(&*store).await.len(), 5);
}

pub(crate) async fn it_says_that_it_works(store: AnyStore) {
    store.check().await.unwrap();
}
