//! The connection breaks at the worst moment: while a change is being committed. Between the store and PostgreSQL stands a
//! go-between that cuts it there, before the server hears of the commit or before the store hears of its success.

use crate::{
    samples::{all_entries, entry, key, operation, step},
    servers::{fresh, past, postgres, url},
};
use otus_core::{
    Store as _,
    operations::{Saved, State},
    store::ClaimStage,
};
use otus_store::StoreConfig;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::{Instant, sleep},
};

const CALM: u8 = 0;
/// The next commit does not reach the server.
const BEFORE: u8 = 1;
/// The next commit reaches the server, and its answer does not come back.
const AFTER: u8 = 2;
/// The next commit does not reach the server, and the connection stays as it is.
const HUNG: u8 = 3;
/// Nothing gets through any more, and nothing is closed.
const SILENT: u8 = 4;

#[derive(Clone, Default)]
struct Between {
    mode: Arc<AtomicU8>,
    cuts: Arc<AtomicU32>,
}

impl Between {
    /// Stands between the store and a database; answers the address to use instead.
    async fn stand(&self, config: &StoreConfig) -> StoreConfig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = url(config);
        let (_, place) = address.rsplit_once('@').unwrap();
        let (server, database) = place.split_once('/').unwrap();
        let (server, between) = (server.to_owned(), self.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let between = between.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = between.forth(from_client, to_server) => {}
                        () = between.back(from_server, to_client) => {}
                    }
                });
            }
        });
        StoreConfig {
            connections: 3,
            ..StoreConfig::on(format!("postgres://otus@127.0.0.1:{port}/{database}"))
        }
    }

    async fn forth(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let said = &buffer[..count];
            let commit = said.windows(7).any(|window| window == b"COMMIT\0");
            let mode = self.mode.load(Ordering::SeqCst);
            if mode == SILENT {
                std::future::pending::<()>().await;
            }
            if commit && (mode == BEFORE || mode == HUNG) {
                self.mode.store(CALM, Ordering::SeqCst);
                self.cuts.fetch_add(1, Ordering::SeqCst);
                if mode == HUNG {
                    std::future::pending::<()>().await;
                }
                return;
            }
            if to.write_all(said).await.is_err() {
                return;
            }
            if commit && mode == AFTER {
                // The answer is thrown away by `back`, which then ends the connection.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn back(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let said = &buffer[..count];
            // The answer to a commit is the command's own name.
            if said.windows(7).any(|window| window == b"COMMIT\0")
                && self
                    .mode
                    .compare_exchange(AFTER, CALM, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
            {
                self.cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if to.write_all(said).await.is_err() {
                return;
            }
        }
    }

    fn cut_next(&self, mode: u8) {
        assert_eq!(self.mode.swap(mode, Ordering::SeqCst), CALM);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_off_is_made_once() {
    let between = Between::default();
    let direct = fresh().await;
    let config = between.stand(&direct).await;
    let store = postgres(&config).await;
    let mut mine = operation("o1", "api", "production", 1);
    mine.state = State::Running;
    for round in 0..12u32 {
        let mode = [BEFORE, AFTER][round as usize % 2];
        let note = |what: &str| entry("step", &format!("{what}{round}"));
        between.cut_next(mode);
        let saved = store
            .save(&mine, &[step("o1", round, None)], &[note("save")])
            .await
            .unwrap();
        mine.revision += 1;
        assert_eq!(saved, Saved::Yes(mine.revision), "round {round}");

        between.cut_next(mode);
        store.record(&[note("record")]).await.unwrap();

        between.cut_next(mode);
        let space = format!("s{round}");
        assert!(
            store
                .swap(&space, "k", 0, Some(&json!(round)), &[note("swap")])
                .await
                .unwrap()
        );

        between.cut_next(mode);
        let event = key(&format!("E{round}"), Some(&format!("M{round}")));
        assert!(store.claim(&event).await.unwrap(), "round {round}");
        assert!(!store.claim(&event).await.unwrap());

        store.advance(&event, ClaimStage::Answering).await.unwrap();
        store.release(&event).await.unwrap();
        assert!(store.claim(&event).await.unwrap(), "it was given back");
    }
    assert_eq!(between.cuts.load(Ordering::SeqCst), 48, "each was cut");
    assert_eq!(store.operation("o1").await.unwrap(), Some(mine));
    assert_eq!(store.steps("o1").await.unwrap().len(), 12);
    let texts: Vec<_> = all_entries(&store)
        .await
        .into_iter()
        .map(|recorded| recorded.entry.text)
        .collect();
    let expected: Vec<_> = (0..12)
        .flat_map(|round| ["save", "record", "swap"].map(|what| format!("{what}{round}")))
        .collect();
    assert_eq!(texts, expected);
    store.close().await.unwrap();
    let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM claims")
        .fetch_one(&mut past(&direct).await)
        .await
        .unwrap();
    assert_eq!(claims, 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_in_the_middle_of_a_change_does_not_stop_the_others() {
    let between = Between::default();
    let direct = fresh().await;
    let other = postgres(&direct).await;
    let hung = postgres(&between.stand(&direct).await).await;
    between.cut_next(HUNG);
    let record = tokio::spawn(async move { hung.record(&[entry("step", "hung")]).await });
    let deadline = Instant::now() + Duration::from_secs(30);
    while between.cuts.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "it never came to its commit");
        sleep(Duration::from_millis(5)).await;
    }
    // The end of the chain is locked now, until the server gives up on the one that hangs.
    other.record(&[entry("step", "other")]).await.unwrap();
    record.await.unwrap().unwrap();
    let texts: Vec<_> = all_entries(&other)
        .await
        .into_iter()
        .map(|recorded| recorded.entry.text)
        .collect();
    assert_eq!(texts, ["other", "hung"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_an_error_and_not_a_hang() {
    let between = Between::default();
    let config = between.stand(&fresh().await).await;
    let store = postgres(&config).await;
    store.check().await.unwrap();
    between.cut_next(SILENT);
    let error = store.check().await.unwrap_err().to_string();
    assert!(error.contains("PostgreSQL at 127.0.0.1:"), "{error}");
    assert!(error.contains("in time"), "{error}");
}
