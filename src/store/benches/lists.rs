//! How long lists take when there is much: a million deploys, operations and audit entries, on both engines. Every list that
//! somebody asks for in chat, or the robot of itself, is asked many times; p50 and p99 are shown.
//!
//! Rows are made by the database itself, so that it takes minutes and not hours. `LISTS_ROWS` makes fewer.

use jiff::Timestamp;
use otus_core::{
    MessageRef, Store,
    audit::AuditFilter,
    operations::{OperationFilter, State},
    store::{DeployFilter, DeployState},
};
use otus_emulators::real::RealPostgres;
use otus_store::{StoreConfig, open};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use std::time::{Duration, Instant};

const ASKED: usize = 500;

/// One row out of each table, made anew for each number `n` from 1. A thousand services, three environments.
const DEPLOYS: &str = "INSERT INTO deploys (id, service, environment, version, image, by, began, ended, state, details, generation) \
    SELECT 'D' || n, 'service-' || (n % 1000), CASE n % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'test' END, 'v2', \
    'registry.example.com/api:v2', 'U' || (n % 50), 1700000000000000000 + n * 1000000000, 1700000000000000000 + n * 1000000000, \
    CASE n % 20 WHEN 0 THEN 'failed' ELSE 'succeeded' END, '{}', 1 FROM numbers";
const OPERATIONS: &str = "INSERT INTO operations (id, revision, state, kind, service, environment, asked_by, channel, thread, message, \
    card_channel, card, asked, generation, told, body) \
    SELECT 'o' || n, 7, CASE n % 20 WHEN 0 THEN 'failed' ELSE 'succeeded' END, 'deploy', 'service-' || (n % 1000), \
    CASE n % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'test' END, 'U' || (n % 50), 'C' || (n % 20), \
    CASE n % 5 WHEN 0 THEN 'm' || (n - 1) END, 'm' || n, 'C' || (n % 20), 'c' || n, 1700000000000000000 + n * 1000000000, 1, 1, \
    replace($1, '@id@', 'o' || n) FROM numbers";
const AUDIT: &str = "INSERT INTO audit (number, previous, hash, at, event, actor, operation, service, environment, body) \
    SELECT n, 'p', 'h', 1700000000000000000 + n * 1000000000, CASE n % 10 WHEN 0 THEN 'approved' ELSE 'step' END, 'U' || (n % 50), \
    'o' || (n / 10), 'service-' || (n % 1000), \
    CASE n % 3 WHEN 0 THEN 'production' WHEN 1 THEN 'staging' ELSE 'test' END, \
    '{\"request\":null,\"command\":null,\"channel\":null,\"plan\":null,\"rule\":null,\"text\":\"x\",\"data\":null}' FROM numbers";

fn sample() -> String {
    let body = include_str!("operation.json");
    serde_json::to_string(&serde_json::from_str::<serde_json::Value>(body).expect("the sample is JSON"))
        .expect("JSON can be written")
}

async fn ask<T>(what: &str, list: impl AsyncFn(usize) -> T, count: impl Fn(&T) -> usize) {
    let mut took = Vec::with_capacity(ASKED);
    let mut found = 0;
    for index in 0..ASKED {
        let began = Instant::now();
        let list = list(index).await;
        took.push(began.elapsed());
        found = count(&list);
    }
    took.sort();
    let at = |percent: usize| took[ASKED * percent / 100];
    println!(
        "  {what:<44} {found:>4} rows  p50 {:>9.3?}  p99 {:>9.3?}",
        at(50),
        at(99)
    );
}

async fn lists(store: &dyn Store, rows: u32) {
    let service = |index: usize| Some(format!("service-{}", index * 7 % 1000));
    let since = Timestamp::from_second(1_700_000_000 + i64::from(rows) / 2).expect("a time");
    let deploys = async |filter: DeployFilter| store.deploys(&filter).await.expect("deploys are listed");
    let any = DeployFilter::default;
    ask("the newest deploys", async |_| deploys(any()).await, Vec::len).await;
    let of = async |index| {
        deploys(DeployFilter {
            service: service(index),
            environment: Some("production".into()),
            ..any()
        })
        .await
    };
    ask("deploys of a service to production", of, Vec::len).await;
    let page = async |index| {
        deploys(DeployFilter {
            service: service(index),
            before: Some(since),
            limit: 10,
            ..any()
        })
        .await
    };
    ask("a page of a service's older deploys", page, Vec::len).await;
    let last = async |index| {
        deploys(DeployFilter {
            service: service(index),
            environment: Some("production".into()),
            limit: 1,
            ..any()
        })
        .await
    };
    ask("the last deploy of a service to production", last, Vec::len).await;
    let month = async |_| {
        deploys(DeployFilter {
            environment: Some("production".into()),
            since: Timestamp::from_second(1_700_000_000 + i64::from(rows) - 5_000).ok(),
            limit: 5_000,
            ..any()
        })
        .await
    };
    ask("5,000 seconds of production, for statistics", month, Vec::len).await;
    let failed = async |_| {
        deploys(DeployFilter {
            state: Some(DeployState::Failed),
            since: Some(since),
            ..any()
        })
        .await
    };
    ask("failed deploys since", failed, Vec::len).await;
    let running = async |_| {
        deploys(DeployFilter {
            state: Some(DeployState::Running),
            ..any()
        })
        .await
    };
    ask("running deploys", running, Vec::len).await;

    let operations = async |filter| store.operations(&filter).await.expect("operations are listed");
    let any = OperationFilter::default;
    ask(
        "the newest operations",
        async |_| operations(any()).await,
        Vec::len,
    )
    .await;
    let of = async |index| {
        operations(OperationFilter {
            service: service(index),
            limit: 10,
            ..any()
        })
        .await
    };
    ask("operations on a service", of, Vec::len).await;
    let active = async |_| {
        operations(OperationFilter {
            states: vec![State::Running, State::Paused, State::Queued],
            ..any()
        })
        .await
    };
    ask("operations under way", active, Vec::len).await;
    let untold = async |_| {
        operations(OperationFilter {
            untold: true,
            ..any()
        })
        .await
    };
    ask("operations not told", untold, Vec::len).await;
    let thread = async |index: usize| {
        let number = index * 1_999 % rows as usize;
        operations(OperationFilter {
            thread: Some(MessageRef {
                channel: format!("C{}", number % 20).into(),
                id: format!("m{number}").into(),
            }),
            limit: 1,
            ..any()
        })
        .await
    };
    ask("the operation of a thread", thread, Vec::len).await;
    let prefix = async |index: usize| {
        operations(OperationFilter {
            id_prefix: Some(format!("o{}", 100_000 + index)),
            ..any()
        })
        .await
    };
    ask("operations by the start of their id", prefix, Vec::len).await;

    let audit = async |filter| store.audit(&filter).await.expect("entries are listed");
    let any = AuditFilter::default;
    ask("the newest entries", async |_| audit(any()).await, Vec::len).await;
    let of = async |index| {
        audit(AuditFilter {
            service: service(index),
            since: Some(since),
            ..any()
        })
        .await
    };
    ask("entries of a service since", of, Vec::len).await;
    let by = async |index| {
        audit(AuditFilter {
            actor: Some(format!("U{}", index % 50).into()),
            since: Some(since),
            ..any()
        })
        .await
    };
    ask("entries by a person since", by, Vec::len).await;
    let of = async |index| {
        audit(AuditFilter {
            operation: Some(format!("o{}", index * 17)),
            oldest_first: true,
            ..any()
        })
        .await
    };
    ask("entries of an operation", of, Vec::len).await;
    let recent = async |_| {
        audit(AuditFilter {
            since: Timestamp::from_second(1_700_000_000 + i64::from(rows) - 50).ok(),
            ..any()
        })
        .await
    };
    ask("entries of the last minute", recent, Vec::len).await;
    let page = async |index: usize| {
        audit(AuditFilter {
            after: u64::try_from(index * 1_000).ok(),
            oldest_first: true,
            limit: 1_000,
            ..any()
        })
        .await
    };
    ask("a page of a thousand, for the verifier", page, Vec::len).await;
}

async fn measure() {
    let rows: u32 = std::env::var("LISTS_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(1_000_000);
    let body = sample();

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("otus.sqlite");
    let store = open(&StoreConfig::at(&path)).await.expect("a new file opens");
    let began = Instant::now();
    let mut past = SqliteConnection::connect(path.to_str().expect("the path is a text"))
        .await
        .expect("the file opens");
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) "
    );
    for fill in [DEPLOYS, OPERATIONS, AUDIT] {
        let mut query = sqlx::query(AssertSqlSafe(format!("{numbers}{fill}")));
        if fill.contains("$1") {
            query = query.bind(&body);
        }
        query.execute(&mut past).await.expect("rows are made");
    }
    past.close().await.expect("the file closes");
    println!("SQLite, {rows} rows of each (made in {:.0?})", began.elapsed());
    lists(&*store, rows).await;
    store.close().await.expect("the file closes");
    drop(folder);

    let server = RealPostgres::start().expect("PostgreSQL starts");
    let url = server.fresh().expect("a database is made");
    let store = open(&StoreConfig::on(&url)).await.expect("a new database opens");
    let began = Instant::now();
    let mut past = PgConnection::connect(&url).await.expect("the database opens");
    let numbers =
        format!("(SELECT CAST(generate_series AS BIGINT) AS n FROM generate_series(1, {rows})) AS numbers");
    for fill in [DEPLOYS, OPERATIONS, AUDIT] {
        let fill = fill.replace("FROM numbers", &format!("FROM {numbers}"));
        let mut query = sqlx::query(AssertSqlSafe(fill.replace("$1", "CAST($1 AS TEXT)")));
        if fill.contains("$1") {
            query = query.bind(&body);
        }
        query.execute(&mut past).await.expect("rows are made");
    }
    sqlx::query("VACUUM ANALYZE")
        .execute(&mut past)
        .await
        .expect("it is analysed");
    println!(
        "PostgreSQL, {rows} rows of each (made in {:.0?})",
        began.elapsed()
    );
    lists(&*store, rows).await;
    store.close().await.expect("the database closes");
}

fn main() {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(3_600), measure())
                .await
                .expect("it takes minutes");
        });
}
