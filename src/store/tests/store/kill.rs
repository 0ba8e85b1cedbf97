//! `kill -9` in the middle of the work: nothing that was acknowledged is lost, and the next start is not blocked.

use crate::samples;
use otus_core::{
    EventKey, Store as _,
    store::{Begun, ClaimStage, DeployFilter},
};
use otus_store::{OpenError, SqliteStore, StoreConfig};
use sqlx::Connection as _;
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// Tells the child which file is its.
const FILE: &str = "OTUS_TEST_KILL_FILE";

/// The child: claims, advances and begins deploys until it is killed, and tells each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the other test, as a process to kill"]
async fn child() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let store = Arc::new(SqliteStore::open(&StoreConfig::at(path)).await.unwrap());
    let workers = (0..16u32).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            for index in 0u32.. {
                let id = format!("{worker}-{index}");
                let event = EventKey {
                    id: id.clone(),
                    also: Some(format!("also-{id}")),
                };
                assert!(store.claim(&event).await.unwrap());
                tell("claimed", &id);
                if index % 2 == 0 {
                    store.advance(&event, ClaimStage::Answering).await.unwrap();
                    tell("answering", &id);
                }
                if index % 8 == 0 {
                    let deploy = samples::deploy(&format!("D{id}"), &id, "production", 1_700_000_000);
                    assert_eq!(store.begin_deploy(&deploy).await.unwrap(), Begun::Yes);
                    tell("deploy", &id);
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// One write, so that a kill leaves a whole line or none.
fn tell(what: &str, id: &str) {
    std::io::stdout()
        .write_all(format!("\n@{what} {id}\n").as_bytes())
        .unwrap();
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otus.sqlite");
    let mut last = 0;
    for round in 1..=3 {
        let told = killed_after(&path.with_extension(format!("{round}.sqlite")), 300 * round).await;
        assert!(told > last, "each round works longer than the one before");
        last = told;
    }
}

/// Runs the child until it has told so much, kills it, and compares. Answers how much it told.
async fn killed_after(path: &Path, count: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .env(FILE, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut told: Vec<String> = lines
        .by_ref()
        .filter(|line| line.starts_with('@'))
        .take(count)
        .collect();
    let refused = SqliteStore::open(&StoreConfig::at(path)).await.map(drop);
    let by_child = format!("process {}", child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    match refused {
        Err(OpenError::InUse { owner, .. }) => assert!(owner.contains(&by_child), "{owner}"),
        other => panic!("the child owns the file, but: {other:?}"),
    }
    // What it told before it died.
    told.extend(lines.filter(|line| line.starts_with('@')));
    assert!(told.len() >= count, "the child died by itself");
    let of = |what: &str| -> BTreeSet<String> {
        let told = told
            .iter()
            .filter_map(|line| line.strip_prefix('@')?.strip_prefix(what)?.strip_prefix(' '));
        told.map(str::to_owned).collect()
    };

    let started = Instant::now();
    let store = SqliteStore::open(&StoreConfig::at(path))
        .await
        .expect("a dead owner does not block the start");
    assert!(started.elapsed() < Duration::from_secs(30));
    let mut raw = sqlx::SqliteConnection::connect(path.to_str().unwrap())
        .await
        .unwrap();
    let rows: Vec<String> = sqlx::query_scalar("SELECT name FROM claims")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    let rows: BTreeSet<String> = rows.into_iter().collect();
    for id in of("claimed") {
        assert!(
            rows.contains(&id) && rows.contains(&format!("also-{id}")),
            "the claim of {id} is lost"
        );
    }
    for id in of("answering") {
        assert!(
            !store.claim(&EventKey::new(&id)).await.unwrap(),
            "{id} would be answered twice"
        );
        assert!(
            !store.claim(&EventKey::new(format!("also-{id}"))).await.unwrap(),
            "{id} would be answered twice"
        );
    }
    let only_claimed: Vec<String> = of("claimed")
        .difference(&of("answering"))
        .filter(|id| odd(id))
        .cloned()
        .collect();
    assert!(!only_claimed.is_empty());
    for id in only_claimed {
        assert!(
            store.claim(&EventKey::new(&id)).await.unwrap(),
            "{id} would never be answered"
        );
    }
    let filter = DeployFilter {
        limit: 100_000,
        ..DeployFilter::default()
    };
    let deploys: BTreeSet<String> = store
        .deploys(&filter)
        .await
        .unwrap()
        .into_iter()
        .map(|deploy| deploy.service)
        .collect();
    assert!(of("deploy").is_subset(&deploys), "a deploy is lost");
    store.close().await.unwrap();
    told.len()
}

/// Whether the child never advances it.
fn odd(id: &str) -> bool {
    id.rsplit('-')
        .next()
        .is_some_and(|index| index.parse::<u32>().unwrap() % 2 == 1)
}
