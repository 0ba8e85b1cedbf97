//! How many events can be claimed in a second, each acknowledged only when it is durable: one after the other, and 256 at a
//! time as under load. The second over the first is what committing together is worth. And how long a start waits for the
//! store.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otus_core::{EventKey, Store as _};
use otus_store::{SqliteStore, StoreConfig};
use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::runtime::Runtime;

const AT_ONCE: u64 = 256;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Two names each, as Slack's messages have.
fn fresh() -> EventKey {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    EventKey {
        id: format!("Ev{id:010}"),
        also: Some(format!("C024BE91L/17000{id:010}.0001")),
    }
}

fn claims(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = StoreConfig::at(folder.path().join("otus.sqlite"));
    let store = runtime
        .block_on(SqliteStore::open(&config))
        .expect("a new file opens");
    let mut group = criterion.benchmark_group("claim");
    group.sample_size(20);
    group.throughput(Throughput::Elements(1));
    group.bench_function("one_by_one", |bench| {
        bench.iter(|| {
            runtime
                .block_on(store.claim(&fresh()))
                .map(black_box)
                .expect("a claim is written")
        });
    });
    group.throughput(Throughput::Elements(AT_ONCE));
    group.bench_function("256_at_once", |bench| {
        bench.iter(|| {
            let keys: Vec<_> = (0..AT_ONCE).map(|_| fresh()).collect();
            let all = futures_util::future::join_all(keys.iter().map(|key| store.claim(key)));
            black_box(runtime.block_on(all));
        });
    });
    group.finish();
    runtime.block_on(store.close()).expect("the file closes");
}

/// What a start costs, and the stop that gives the file back.
fn open(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = StoreConfig::at(folder.path().join("otus.sqlite"));
    let mut group = criterion.benchmark_group("open");
    group.sample_size(20);
    group.bench_function("and_close", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                let store = SqliteStore::open(&config).await.expect("the file opens");
                store.close().await.expect("the file closes");
            });
        });
    });
    group.finish();
}

criterion_group!(benches, claims, open);
criterion_main!(benches);
