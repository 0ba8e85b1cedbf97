//! Whoever changes the audit trail past the store is found out, on both engines, whatever they change.

use crate::{
    samples::{all_entries, entry, operation},
    servers::{fresh, past},
};
use otus_core::{
    Store, UserId,
    audit::{AuditFilter, ChainFault, Entry, Verifier},
};
use otus_store::{Opened, StoreConfig};
use sqlx::{Connection as _, SqliteConnection};

/// The first row's changes, each alone, and how each is undone.
const CHANGES: [(&str, &str); 9] = [
    ("at = at + 1", "at = at - 1"),
    ("event = 'denied'", "event = 'approved'"),
    ("actor = 'U2'", "actor = 'U1'"),
    ("actor = NULL", "actor = 'U1'"),
    ("operation = 'o2'", "operation = 'o1'"),
    ("service = 'web'", "service = 'api'"),
    ("environment = NULL", "environment = 'production'"),
    (
        "body = replace(body, 'ann agreed', 'ann denied')",
        "body = replace(body, 'ann denied', 'ann agreed')",
    ),
    ("hash = 'f' || substr(hash, 2)", ""),
];

async fn faults(store: &dyn Store) -> Result<(), ChainFault> {
    let mut verifier = Verifier::default();
    let filter = AuditFilter {
        oldest_first: true,
        ..AuditFilter::default()
    };
    for recorded in store.audit(&filter).await.unwrap() {
        verifier.next(&recorded)?;
    }
    verifier.end(&store.audit_tip().await.unwrap())
}

async fn is_found(store: &dyn Opened, run: impl AsyncFn(String)) {
    let approved = Entry {
        event: "approved".into(),
        ..Entry::of(
            &operation("o1", "api", "production", 1),
            jiff::Timestamp::UNIX_EPOCH,
            "",
            "ann agreed",
        )
    };
    let entries = [
        entry("asked", "first"),
        approved.by(&UserId::from("U1")),
        entry("step", "third"),
        entry("ended", "last"),
    ];
    store.record(&entries).await.unwrap();
    assert_eq!(all_entries(store).await.len(), 4);
    for (change, back) in CHANGES {
        if back.is_empty() {
            run("CREATE TABLE copy AS SELECT * FROM audit WHERE number = 2".into()).await;
        }
        run(format!("UPDATE audit SET {change} WHERE number = 2")).await;
        assert_eq!(faults(store).await, Err(ChainFault::Changed(2)), "{change}");
        let back = if back.is_empty() {
            "hash = (SELECT hash FROM copy)"
        } else {
            back
        };
        run(format!("UPDATE audit SET {back} WHERE number = 2")).await;
        assert_eq!(faults(store).await, Ok(()), "{back}");
    }
    run("DELETE FROM audit WHERE number = 2".into()).await;
    assert_eq!(
        faults(store).await,
        Err(ChainFault::Gap {
            expected: 2,
            found: 3
        })
    );
    run("INSERT INTO audit SELECT * FROM copy".into()).await;
    assert_eq!(faults(store).await, Ok(()));
    run("DELETE FROM audit WHERE number = 4".into()).await;
    assert_eq!(
        faults(store).await,
        Err(ChainFault::Short {
            expected: 4,
            found: 3
        })
    );
    run("UPDATE audit_tip SET number = 3".into()).await;
    assert_eq!(
        faults(store).await,
        Err(ChainFault::Unlinked(3)),
        "the end is marked by its hash, too"
    );
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otus.sqlite");
    let store = otus_store::open(&StoreConfig::at(&path)).await.unwrap();
    let run = async |sql: String| {
        let mut past = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut past)
            .await
            .unwrap();
        past.close().await.unwrap();
    };
    is_found(&*store, run).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn on_postgres() {
    let config = fresh().await;
    let store = otus_store::open(&config).await.unwrap();
    let run = async |sql: String| {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut past(&config).await)
            .await
            .unwrap();
    };
    is_found(&*store, run).await;
    store.close().await.unwrap();
}
