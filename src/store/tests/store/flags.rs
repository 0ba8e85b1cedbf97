//! Flags on PostgreSQL: what is changed on one replica reaches those who listen to another, also after the server was away.

use crate::servers::{fresh, postgres};
use otus_emulators::real::RealPostgres;
use otus_flags::{Author, ChangeError, Context, Definition, Edit, EditFault, Evaluator, Flags};
use otus_store::StoreConfig;
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);

async fn switch(flags: &Flags, on: bool) {
    let edit = Edit::Put {
        key: "nav".into(),
        definition: Definition::switch(on),
    };
    let author = Author {
        by: "ann".into(),
        reason: None,
        at: jiff::Timestamp::now(),
        operation: None,
    };
    flags.change("production", &edit, &author).await.unwrap();
}

fn is_on(flags: &Flags) -> Option<bool> {
    let live = flags.set("production")?;
    let set = live.set();
    let mut evaluator = Evaluator::new();
    let outcome = evaluator.evaluate(set, set.flag("nav")?, &Context::empty(), flags.now());
    outcome.variant().map(|name| name == "on")
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_one_reaches_who_listens_to_another() {
    let config = fresh().await;
    let (here, there) = (
        Arc::new(postgres(&config).await),
        Arc::new(postgres(&config).await),
    );
    let one = Flags::start(here.clone()).await.unwrap();
    let other = Flags::start(there.clone()).await.unwrap();
    switch(&one, false).await;
    until("the set is not known elsewhere", || is_on(&other) == Some(false)).await;
    let mut news = other.listen("production").unwrap();
    for on in [true, false, true] {
        news.mark_unchanged();
        switch(&one, on).await;
        tokio::time::timeout(PATIENCE, news.changed())
            .await
            .expect("nobody was told")
            .unwrap();
        assert_eq!(is_on(&other), Some(on));
    }
    // Both change the same set at once, and no change is lost.
    let both = (0..10).flat_map(|number| [(one.clone(), number * 2), (other.clone(), number * 2 + 1)]);
    let changes: Vec<_> = both
        .map(|(flags, number)| {
            tokio::spawn(async move {
                let edit = Edit::Put {
                    key: format!("flag-{number}"),
                    definition: Definition::switch(true),
                };
                let author = Author {
                    by: "ann".into(),
                    reason: None,
                    at: jiff::Timestamp::now(),
                    operation: None,
                };
                flags.change("production", &edit, &author).await.unwrap();
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap();
    }
    let count = |flags: &Flags| flags.set("production").map_or(0, |live| live.set().flags().len());
    until("a change was lost", || count(&one) == 21 && count(&other) == 21).await;
    here.close().await.unwrap();
    there.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_are_served_while_the_server_is_away_and_come_to_the_truth_afterwards() {
    let server = Arc::new(
        tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
            .await
            .unwrap(),
    );
    let config = StoreConfig {
        connections: 4,
        ..StoreConfig::on(server.url())
    };
    let (here, there) = (
        Arc::new(postgres(&config).await),
        Arc::new(postgres(&config).await),
    );
    let one = Flags::start(here.clone()).await.unwrap();
    let other = Flags::start(there.clone()).await.unwrap();
    switch(&one, true).await;
    until("the set is not known elsewhere", || is_on(&other) == Some(true)).await;
    let (away, seen) = (server.clone(), other.clone());
    tokio::task::spawn_blocking(move || {
        away.restart(|| assert_eq!(is_on(&seen), Some(true), "from memory"))
            .unwrap()
    })
    .await
    .unwrap();
    switch(&one, false).await;
    until("the change is not heard", || is_on(&other) == Some(false)).await;
    here.close().await.unwrap();
    there.close().await.unwrap();
}

#[derive(Debug, Clone)]
enum Act {
    /// A replica changes a flag.
    Switch(usize, u8, bool),
    /// Both change one at the same moment.
    Both(u8, bool),
    /// A replica starts anew.
    Restart(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2_usize, 0..3_u8, any::<bool>()).prop_map(|(replica, key, on)| Act::Switch(replica, key, on)),
        2 => (0..3_u8, any::<bool>()).prop_map(|(key, on)| Act::Both(key, on)),
        1 => (0..2_usize).prop_map(Act::Restart),
    ]
}

/// Makes a flag be on or off; the change's revision, if there was one to make.
async fn put(flags: &Flags, key: u8, on: bool) -> Option<u64> {
    let edit = Edit::Put {
        key: format!("flag-{key}"),
        definition: Definition::switch(on),
    };
    let author = Author {
        by: "ann".into(),
        reason: None,
        at: jiff::Timestamp::now(),
        operation: None,
    };
    match flags.change("production", &edit, &author).await {
        Ok(change) => Some(change.revision),
        Err(ChangeError::Edit(EditFault::Same)) => None,
        Err(error) => panic!("{error}"),
    }
}

async fn whatever_happens(acts: Vec<Act>) {
    let config = fresh().await;
    let open = async || {
        let store = Arc::new(postgres(&config).await);
        let flags = Flags::start(store.clone()).await.unwrap();
        (store, flags)
    };
    let mut replicas = [open().await, open().await];
    let (mut truth, mut made) = (BTreeMap::new(), Vec::new());
    for act in acts {
        match act {
            Act::Switch(at, key, on) => {
                made.extend(put(&replicas[at].1, key, on).await);
                truth.insert(format!("flag-{key}"), Definition::switch(on));
            }
            Act::Both(key, on) => {
                let both = tokio::join!(put(&replicas[0].1, key, on), put(&replicas[1].1, key + 3, on));
                made.extend([both.0, both.1].into_iter().flatten());
                truth.insert(format!("flag-{key}"), Definition::switch(on));
                truth.insert(format!("flag-{}", key + 3), Definition::switch(on));
            }
            Act::Restart(at) => {
                replicas[at].0.close().await.unwrap();
                replicas[at] = open().await;
            }
        }
    }
    for (_, flags) in &replicas {
        let flags_of = || {
            flags
                .set("production")
                .map(|live| live.kept().document.flags.clone())
        };
        until("a replica does not come to the truth", || {
            flags_of().unwrap_or_default() == truth
        })
        .await;
    }
    made.sort_unstable();
    let record = replicas[0].1.history("production", None, 1_000).await.unwrap();
    let kept: Vec<u64> = record.iter().rev().map(|change| change.revision).collect();
    assert_eq!(kept, made, "no change is lost, and none is made twice");
    for (store, _) in replicas {
        store.close().await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn replicas_that_change_and_start_anew_come_to_the_truth(acts in prop::collection::vec(act(), 4..16)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(whatever_happens(acts));
    }
}
