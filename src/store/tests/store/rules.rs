//! What every store must do, written against the trait alone. Each function wants an empty store.

use crate::samples::{deploy, full, key};
use jiff::Timestamp;
use otus_core::{
    Store,
    store::{Begun, ClaimStage, Deploy, DeployFilter, DeployState},
};
use serde_json::json;
use std::sync::Arc;

pub(crate) type AnyStore = Arc<dyn Store>;

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

pub(crate) async fn a_deploy_comes_back_as_it_was(store: AnyStore) {
    let first = full("D1", 1_700_000_000);
    assert_eq!(store.begin_deploy(&first).await.unwrap(), Begun::Yes);
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        std::slice::from_ref(&first)
    );
    let plain = deploy("D2", "web", "production", 1_600_000_000);
    assert_eq!(store.begin_deploy(&plain).await.unwrap(), Begun::Yes);
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        [first, plain]
    );
}

pub(crate) async fn one_deploy_runs_at_a_time(store: AnyStore) {
    let first = full("D1", 1_700_000_000);
    assert_eq!(store.begin_deploy(&first).await.unwrap(), Begun::Yes);
    let second = deploy("D2", "api", "production", 1_700_000_100);
    assert_eq!(
        store.begin_deploy(&second).await.unwrap(),
        Begun::Busy(Box::new(first.clone()))
    );
    assert_eq!(
        store
            .begin_deploy(&deploy("D3", "api", "staging", 1_700_000_100))
            .await
            .unwrap(),
        Begun::Yes
    );
    assert_eq!(
        store
            .begin_deploy(&deploy("D4", "web", "production", 1_700_000_100))
            .await
            .unwrap(),
        Begun::Yes
    );
    let ended = Deploy {
        state: DeployState::Failed,
        ended: Some(Timestamp::from_second(1_700_000_050).unwrap()),
        ..first
    };
    assert!(store.end_deploy(&ended).await.unwrap());
    assert_eq!(store.begin_deploy(&second).await.unwrap(), Begun::Yes);
}

pub(crate) async fn of_many_deploys_at_once_one_begins(store: AnyStore) {
    let contenders = (0..20).map(|index| {
        let store = store.clone();
        let deploy = deploy(&format!("D{index}"), "api", "production", 1_700_000_000);
        tokio::spawn(async move { store.begin_deploy(&deploy).await.unwrap() == Begun::Yes })
    });
    let mut begun = 0;
    for contender in contenders.collect::<Vec<_>>() {
        begun += usize::from(contender.await.unwrap());
    }
    assert_eq!(begun, 1);
}

pub(crate) async fn a_deploy_is_saved_while_it_runs_and_ends_once(store: AnyStore) {
    let first = deploy("D1", "api", "production", 1_700_000_000);
    store.begin_deploy(&first).await.unwrap();
    let saved = full("D1", 1_700_000_000);
    // Saving never ends a deploy, whatever it says.
    let says_ended = Deploy {
        state: DeployState::Failed,
        ended: Some(saved.began),
        ..saved.clone()
    };
    store.save_deploy(&says_ended).await.unwrap();
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        std::slice::from_ref(&saved)
    );

    let ended = Deploy {
        state: DeployState::Succeeded,
        ended: Some(Timestamp::from_second(1_700_000_050).unwrap()),
        ..saved.clone()
    };
    assert!(store.end_deploy(&ended).await.unwrap());
    let again = Deploy {
        state: DeployState::Failed,
        note: Some("late".into()),
        ..ended.clone()
    };
    assert!(!store.end_deploy(&again).await.unwrap(), "it ended already");
    store.save_deploy(&saved).await.unwrap();
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        [ended],
        "what ended stays as it ended"
    );
    assert!(!store.end_deploy(&full("unknown", 1)).await.unwrap());
}

pub(crate) async fn deploys_are_found(store: AnyStore) {
    let states = [
        DeployState::Succeeded,
        DeployState::Failed,
        DeployState::Superseded,
        DeployState::Stopped,
    ];
    for index in 0..12i64 {
        let service = if index % 2 == 0 { "api" } else { "web" };
        let environment = if index % 3 == 0 { "staging" } else { "production" };
        let deploy = deploy(
            &format!("D{index:02}"),
            service,
            environment,
            1_700_000_000 + index / 2,
        );
        assert_eq!(store.begin_deploy(&deploy).await.unwrap(), Begun::Yes);
        if index < 10 {
            let state = states[usize::try_from(index).unwrap() % 4];
            store
                .end_deploy(&Deploy {
                    state,
                    ended: Some(deploy.began),
                    ..deploy
                })
                .await
                .unwrap();
        }
    }
    let ids = async |filter: DeployFilter| {
        let found = store.deploys(&filter).await.unwrap();
        found
            .iter()
            .map(|deploy| deploy.id.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let all = DeployFilter::default;
    assert_eq!(
        ids(all()).await,
        "D11 D10 D09 D08 D07 D06 D05 D04 D03 D02 D01 D00",
        "newest first, then by id"
    );
    assert_eq!(ids(DeployFilter { limit: 2, ..all() }).await, "D11 D10");
    assert_eq!(
        ids(DeployFilter {
            service: Some("api".into()),
            ..all()
        })
        .await,
        "D10 D08 D06 D04 D02 D00"
    );
    assert_eq!(
        ids(DeployFilter {
            environment: Some("staging".into()),
            ..all()
        })
        .await,
        "D09 D06 D03 D00"
    );
    assert_eq!(
        ids(DeployFilter {
            state: Some(DeployState::Running),
            ..all()
        })
        .await,
        "D11 D10"
    );
    assert_eq!(
        ids(DeployFilter {
            state: Some(DeployState::Failed),
            ..all()
        })
        .await,
        "D09 D05 D01"
    );
    let since = Some(Timestamp::from_second(1_700_000_004).unwrap());
    assert_eq!(ids(DeployFilter { since, ..all() }).await, "D11 D10 D09 D08");
    let narrow = DeployFilter {
        service: Some("web".into()),
        environment: Some("production".into()),
        since,
        ..all()
    };
    assert_eq!(ids(narrow).await, "D11");
    assert_eq!(
        ids(DeployFilter {
            service: Some("nobody".into()),
            ..all()
        })
        .await,
        ""
    );
    for index in 0..101 {
        let id = format!("X{index:03}");
        store
            .begin_deploy(&deploy(&id, &id, "production", 1))
            .await
            .unwrap();
    }
    assert_eq!(store.deploys(&all()).await.unwrap().len(), 100, "0 means 100");
}

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

pub(crate) async fn it_says_that_it_works(store: AnyStore) {
    store.check().await.unwrap();
}
