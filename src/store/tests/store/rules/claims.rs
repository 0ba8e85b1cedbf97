//! Claims of events.

use super::AnyStore;
use crate::samples::key;
use otus_core::store::ClaimStage;

pub(crate) async fn an_event_is_claimed_once(store: AnyStore) {
    assert!(store.claim(&key("E1", None)).await.unwrap());
    assert!(!store.claim(&key("E1", None)).await.unwrap());
    assert!(store.claim(&key("E2", None)).await.unwrap());
    // A name is a name, whatever is in it.
    for odd in [
        "",
        "'; DROP TABLE claims; --",
        "e1",
        "É🦉",
        "[\"E1\"]",
        "%",
        "a\\b\"c",
    ] {
        assert!(store.claim(&key(odd, None)).await.unwrap(), "{odd}");
        assert!(!store.claim(&key(odd, None)).await.unwrap(), "{odd}");
    }
}

pub(crate) async fn both_names_count(store: AnyStore) {
    assert!(store.claim(&key("E1", Some("C1/1.0"))).await.unwrap());
    assert!(
        !store.claim(&key("E2", Some("C1/1.0"))).await.unwrap(),
        "the same words under another event"
    );
    assert!(
        store.claim(&key("E2", None)).await.unwrap(),
        "a refused claim leaves nothing behind"
    );
    assert!(!store.claim(&key("E3", Some("E2"))).await.unwrap());
    assert!(
        store.claim(&key("E4", Some("E4"))).await.unwrap(),
        "one name twice"
    );
}

pub(crate) async fn of_many_at_once_one_wins(store: AnyStore) {
    let contenders = (0..200).map(|index| {
        let (store, event) = (store.clone(), index % 10);
        let key = key(&format!("E{event}"), Some(&format!("M{event}")));
        tokio::spawn(async move { store.claim(&key).await.unwrap() })
    });
    let mut won = 0;
    for contender in contenders.collect::<Vec<_>>() {
        won += usize::from(contender.await.unwrap());
    }
    assert_eq!(won, 10);
}

pub(crate) async fn a_released_event_can_be_claimed_again(store: AnyStore) {
    let event = key("E1", Some("M1"));
    assert!(store.claim(&event).await.unwrap());
    store.release(&event).await.unwrap();
    assert!(store.claim(&key("E9", Some("M1"))).await.unwrap());
    assert!(store.claim(&key("E1", None)).await.unwrap());
    store.release(&key("never claimed", None)).await.unwrap();
    store
        .advance(&key("never claimed", None), ClaimStage::Done)
        .await
        .unwrap();
    assert!(
        store.claim(&key("never claimed", None)).await.unwrap(),
        "advancing claims nothing"
    );
}

pub(crate) async fn an_advanced_event_stays_claimed(store: AnyStore) {
    let event = key("E1", Some("M1"));
    assert!(store.claim(&event).await.unwrap());
    for stage in [ClaimStage::Answering, ClaimStage::Done, ClaimStage::Claimed] {
        store.advance(&event, stage).await.unwrap();
        assert!(!store.claim(&event).await.unwrap());
    }
}
