//! What came in from outside.

use super::AnyStore;
use crate::samples::at;
use jiff::Timestamp;
use otus_core::store::{Delivery, DeliveryFilter, DeliveryState, InboxSource, Kept, Settled};
use serde_json::json;

fn delivery(id: &str, source: &str, received_s: i64) -> Delivery {
    Delivery {
        id: id.into(),
        source: source.into(),
        received: at(received_s),
        body: json!({ "from": id }),
    }
}

/// What waits, by id.
async fn due(store: &AnyStore, now_s: i64) -> String {
    let due = store.undelivered(at(now_s), 0).await.unwrap();
    let ids: Vec<_> = due.into_iter().map(|kept| kept.delivery.id).collect();
    ids.join(" ")
}

async fn all(store: &AnyStore) -> Vec<Kept> {
    store.deliveries(&DeliveryFilter::default()).await.unwrap()
}

/// Takes the one that waits, as it is afterwards.
async fn take(store: &AnyStore, now_s: i64, until_s: i64) -> Kept {
    let kept = store.undelivered(at(now_s), 1).await.unwrap().remove(0);
    assert!(store.take_delivery(&kept, at(now_s), at(until_s)).await.unwrap());
    Kept {
        attempts: kept.attempts + 1,
        generation: kept.generation + 1,
        ..kept
    }
}

async fn settle(store: &AnyStore, taken: &Kept, settled: Settled, now_s: i64) -> bool {
    store
        .settle_delivery(&taken.delivery.id, taken.generation, &settled, at(now_s))
        .await
        .unwrap()
}

fn failed() -> Settled {
    Settled::Failed { reason: "no".into() }
}

pub(crate) async fn a_delivery_comes_back_as_it_was(store: AnyStore) {
    let odd = Delivery {
        received: Timestamp::new(1_700_000_000, 123_456_789).unwrap(),
        body: json!([{"é": "🦉 'quoted' \"\\"}, 1.5, null]),
        ..delivery("github:1/2=é", "github", 0)
    };
    assert!(store.deliver(&odd).await.unwrap());
    let kept = Kept {
        delivery: odd,
        state: DeliveryState::Waiting,
        attempts: 0,
        generation: 0,
        reason: None,
    };
    assert_eq!(all(&store).await, std::slice::from_ref(&kept));
    assert_eq!(
        store.undelivered(kept.delivery.received, 10).await.unwrap(),
        std::slice::from_ref(&kept)
    );
    let taken = take(&store, 1_700_000_001, 1_700_000_002).await;
    let reason = "it's \"no\"\n🦉".to_owned();
    assert!(
        settle(
            &store,
            &taken,
            Settled::Failed {
                reason: reason.clone()
            },
            1_700_000_001
        )
        .await
    );
    let ended = Kept {
        state: DeliveryState::Failed,
        reason: Some(reason),
        ..taken
    };
    assert_eq!(all(&store).await, [ended]);
}

pub(crate) async fn what_counts_is_whether_it_was_processed(store: AnyStore) {
    let first = delivery("a", "ci", 10);
    assert!(store.deliver(&first).await.unwrap());
    let again = Delivery {
        body: json!("again"),
        ..delivery("a", "ci", 11)
    };
    assert!(!store.deliver(&again).await.unwrap(), "it waits");
    let taken = take(&store, 12, 20).await;
    assert_eq!(taken.delivery, first);
    assert!(!store.deliver(&again).await.unwrap(), "it is being worked on");
    assert!(settle(&store, &taken, failed(), 13).await);
    assert!(store.deliver(&again).await.unwrap(), "it failed, and is repaired");
    let taken = take(&store, 14, 20).await;
    assert_eq!(
        (&taken.delivery, taken.attempts, taken.generation),
        (&again, 1, 3)
    );
    assert!(settle(&store, &taken, Settled::Processed, 15).await);
    assert!(!store.deliver(&again).await.unwrap(), "it is processed");
    assert_eq!(due(&store, 1_000).await, "");
}

pub(crate) async fn what_is_taken_is_nobody_else_s_until_its_time_is_over(store: AnyStore) {
    store.deliver(&delivery("a", "ci", 10)).await.unwrap();
    let read = store.undelivered(at(10), 1).await.unwrap().remove(0);
    let first = take(&store, 10, 20).await;
    assert_eq!(due(&store, 19).await, "");
    assert!(
        !store.take_delivery(&read, at(30), at(40)).await.unwrap(),
        "it moved on"
    );
    assert!(
        !store.take_delivery(&first, at(19), at(40)).await.unwrap(),
        "not yet"
    );
    assert_eq!(due(&store, 20).await, "a");
    let second = take(&store, 20, 30).await;
    assert_eq!(
        (second.attempts, second.generation),
        (2, 2),
        "who died over it counts"
    );
    for settled in [Settled::Processed, failed()] {
        assert!(!settle(&store, &first, settled, 21).await, "it is another's");
    }
    assert!(settle(&store, &second, Settled::Processed, 21).await);
    assert!(!settle(&store, &second, failed(), 22).await, "it is settled");
    assert!(!store.take_delivery(&second, at(99), at(100)).await.unwrap());
    assert_eq!(all(&store).await[0].state, DeliveryState::Processed);
}

pub(crate) async fn of_many_who_take_at_once_one_does(store: AnyStore) {
    store.deliver(&delivery("a", "ci", 10)).await.unwrap();
    let kept = store.undelivered(at(10), 1).await.unwrap().remove(0);
    let takers = (0..8).map(|_| {
        let (store, kept) = (store.clone(), kept.clone());
        tokio::spawn(async move { store.take_delivery(&kept, at(10), at(20)).await.unwrap() })
    });
    let mut takings = 0;
    for taker in takers.collect::<Vec<_>>() {
        takings += u32::from(taker.await.unwrap());
    }
    assert_eq!(takings, 1);
}

pub(crate) async fn what_failed_waits_and_is_given_up_and_begun_anew(store: AnyStore) {
    store.deliver(&delivery("a", "ci", 10)).await.unwrap();
    let taken = take(&store, 10, 20).await;
    let again = Settled::Again {
        reason: "not now".into(),
        at: at(50),
    };
    assert!(settle(&store, &taken, again, 11).await);
    assert_eq!(
        (due(&store, 49).await.as_str(), due(&store, 50).await.as_str()),
        ("", "a")
    );
    assert!(
        !store.retry_delivery("a", at(12)).await.unwrap(),
        "it is not given up"
    );
    let taken = take(&store, 50, 60).await;
    assert_eq!((taken.attempts, taken.reason.as_deref()), (2, Some("not now")));
    assert!(settle(&store, &taken, failed(), 51).await);
    assert_eq!(due(&store, 1_000).await, "");
    assert!(!store.retry_delivery("b", at(60)).await.unwrap());
    assert!(store.retry_delivery("a", at(60)).await.unwrap());
    assert_eq!(due(&store, 60).await, "a");
    assert!(
        !settle(&store, &taken, Settled::Processed, 61).await,
        "it began anew"
    );
    let kept = all(&store).await.remove(0);
    assert_eq!((kept.attempts, kept.generation), (0, 3));
}

pub(crate) async fn deliveries_are_found_and_summed(store: AnyStore) {
    assert_eq!(store.inbox().await.unwrap(), []);
    for (id, source, received, settled) in [
        ("d", "github", 1, Some(Settled::Processed)),
        ("c", "github", 2, Some(failed())),
        ("b", "ci", 3, Some(failed())),
        ("a", "github", 4, None),
        ("e", "github", 4, None),
    ] {
        store.deliver(&delivery(id, source, received)).await.unwrap();
        if let Some(settled) = settled {
            let taken = take(&store, received, 100).await;
            assert!(settle(&store, &taken, settled, received).await);
        }
    }
    let ids = async |source: Option<&str>, state, limit| {
        let filter = DeliveryFilter {
            source: source.map(str::to_owned),
            state,
            limit,
        };
        let found = store.deliveries(&filter).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|kept| kept.delivery.id).collect();
        ids.join(" ")
    };
    assert_eq!(ids(None, None, 0).await, "e a b c d");
    assert_eq!(ids(None, None, 2).await, "e a");
    assert_eq!(ids(Some("github"), None, 0).await, "e a c d");
    assert_eq!(ids(None, Some(DeliveryState::Failed), 0).await, "b c");
    assert_eq!(ids(Some("github"), Some(DeliveryState::Processed), 0).await, "d");
    assert_eq!(ids(Some("nobody"), None, 0).await, "");
    assert_eq!(due(&store, 4).await, "a e", "what came first is first");
    assert_eq!(store.undelivered(at(4), 1).await.unwrap().len(), 1);
    let source = |source: &str, last, waiting, failed| InboxSource {
        source: source.into(),
        last: at(last),
        waiting,
        failed,
    };
    assert_eq!(
        store.inbox().await.unwrap(),
        [source("ci", 3, 0, 1), source("github", 4, 2, 1)]
    );
}

pub(crate) async fn what_ended_is_forgotten_and_what_waits_is_not(store: AnyStore) {
    for (id, settled) in [
        ("processed", Some(Settled::Processed)),
        ("failed", Some(failed())),
        ("waiting", None),
    ] {
        store.deliver(&delivery(id, "ci", 1)).await.unwrap();
        if let Some(settled) = settled {
            let taken = take(&store, 1, 100).await;
            assert!(settle(&store, &taken, settled, 10).await);
        }
    }
    assert!(
        !store.forget_deliveries(at(10)).await.unwrap(),
        "not before that moment"
    );
    assert_eq!(all(&store).await.len(), 3);
    assert!(store.forget_deliveries(at(11)).await.unwrap());
    assert!(!store.forget_deliveries(at(11)).await.unwrap());
    let left = all(&store).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].delivery.id, "waiting");
}
