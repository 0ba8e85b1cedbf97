//! `kill -9` in the middle of the work, on both engines: nothing that was acknowledged is lost, nothing is half done, and the
//! next start is not blocked.

use crate::{
    samples::{all_entries, entry, operation, step},
    servers::{fresh, past, url},
};
use otus_core::{
    EventKey,
    operations::{OperationFilter, Saved, State},
    store::ClaimStage,
};
use otus_store::{OpenError, Opened, SqliteStore, StoreConfig};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

/// Tell the child which store is its.
const FILE: &str = "OTUS_TEST_KILL_FILE";
const URL: &str = "OTUS_TEST_KILL_URL";

/// The child: claims, advances and saves until it is killed, and tells each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the other tests, as a process to kill"]
async fn child() {
    let config = match (std::env::var_os(FILE), std::env::var(URL)) {
        (Some(path), _) => StoreConfig::at(path),
        (None, Ok(url)) => StoreConfig::on(url),
        (None, Err(_)) => return,
    };
    let store = otus_store::open(&config).await.unwrap();
    let workers = (0..16u32).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = operation(&format!("o{worker}"), &format!("s{worker}"), "production", 1);
            mine.state = State::Running;
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
                if index % 4 == 0 {
                    let number = u32::try_from(mine.revision).unwrap() + 1;
                    let steps = [step(&mine.id, number, Some(json!(number)))];
                    let entries = [entry("step", &mine.id), entry("step", &mine.id)];
                    let saved = store.save(&mine, &steps, &entries).await.unwrap();
                    mine.revision += 1;
                    assert_eq!(saved, Saved::Yes(mine.revision));
                    tell("saved", &format!("{worker}-{}", mine.revision));
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

/// What a killed child had told.
struct Told(Vec<String>);

impl Told {
    fn of(&self, what: &str) -> BTreeSet<String> {
        let told = self
            .0
            .iter()
            .filter_map(|line| line.strip_prefix('@')?.strip_prefix(what)?.strip_prefix(' '));
        told.map(str::to_owned).collect()
    }
}

/// Runs the child until it has told so much, looks at it, and kills it.
async fn killed_after(count: usize, variable: &str, value: &str, look: impl AsyncFnOnce(u32)) -> Told {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .env_remove(FILE)
        .env_remove(URL)
        .env(variable, value)
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
    look(child.id()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // What it told before it died.
    told.extend(lines.filter(|line| line.starts_with('@')));
    assert!(told.len() >= count, "the child died by itself");
    Told(told)
}

/// Compares what was told with what is there. The child is known to be dead.
async fn nothing_is_lost(store: &dyn Opened, told: &Told) {
    for id in told.of("answering") {
        for name in [id.clone(), format!("also-{id}")] {
            let again = store.claim(&EventKey::new(name)).await.unwrap();
            assert!(!again, "{id} would be answered twice");
        }
    }
    let answering = told.of("answering");
    let only_claimed: Vec<String> = told
        .of("claimed")
        .into_iter()
        .filter(|id| !answering.contains(id) && number(id) % 2 == 1)
        .collect();
    assert!(!only_claimed.is_empty());
    for id in only_claimed {
        let event = EventKey {
            also: Some(format!("also-{id}")),
            id,
        };
        assert!(store.claim(&event).await.unwrap(), "it would never be answered");
    }
    let mut saved: BTreeMap<String, u64> = BTreeMap::new();
    for id in told.of("saved") {
        let (worker, _) = id.split_once('-').unwrap();
        let newest = saved.entry(format!("o{worker}")).or_default();
        *newest = (*newest).max(number(&id));
    }
    assert!(!saved.is_empty());
    let entries = all_entries(store).await;
    for operation in store.operations(&OperationFilter::default()).await.unwrap() {
        let id = &operation.id;
        let told = saved.remove(id).unwrap_or_default();
        assert!(operation.revision >= told, "a save of {id} is lost");
        assert!(
            operation.revision <= told + 1,
            "{id} was saved more often than asked"
        );
        let steps = store.steps(id).await.unwrap();
        assert_eq!(u64::try_from(steps.len()).unwrap(), operation.revision);
        let of = entries.iter().filter(|recorded| recorded.entry.text == *id);
        assert_eq!(u64::try_from(of.count()).unwrap(), 2 * operation.revision);
    }
    assert_eq!(saved, BTreeMap::new(), "an operation is lost");
}

fn number(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let path = folder.path().join(format!("{round}.sqlite"));
        let config = StoreConfig::at(&path);
        let owned = async |id: u32| match SqliteStore::open(&config).await.map(drop) {
            Err(OpenError::InUse { owner, .. }) => {
                assert!(owner.contains(&format!("process {id}")), "{owner}");
            }
            other => panic!("the child owns the file, but: {other:?}"),
        };
        let told = killed_after(300 * round, FILE, path.to_str().unwrap(), owned).await;
        let store = otus_store::open(&config)
            .await
            .expect("a dead owner does not block the start");
        nothing_is_lost(&*store, &told).await;
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_on_postgres() {
    for round in 1..=3 {
        let config = fresh().await;
        let told = killed_after(300 * round, URL, &url(&config), async |_| {}).await;
        // Instead of waiting until it looks dead.
        sqlx::query("UPDATE runs SET seen = seen - 60000")
            .execute(&mut past(&config).await)
            .await
            .unwrap();
        let store = otus_store::open(&config).await.unwrap();
        nothing_is_lost(&*store, &told).await;
        store.close().await.unwrap();
    }
}
