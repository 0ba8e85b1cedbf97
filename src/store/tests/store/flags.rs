//! Flags on PostgreSQL: what is changed on one replica reaches those who listen to another, also after the server was away.

use crate::servers::{fresh, postgres};
use otus_emulators::real::RealPostgres;
use otus_flags::{Author, Context, Definition, Edit, Evaluator, Flags};
use otus_store::StoreConfig;
use std::{sync::Arc, time::Duration};

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
