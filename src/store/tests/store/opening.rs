//! PostgreSQL databases that can be opened, and those that cannot.

use crate::servers::{fresh, past, postgres, url};
use otus_core::Store as _;
use otus_store::{OpenError, PostgresStore, StoreConfig};

async fn refused(config: &StoreConfig) -> OpenError {
    PostgresStore::open(config).await.map(drop).unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_make_one_schema() {
    let config = fresh().await;
    let started = (0..6).map(|_| {
        let config = config.clone();
        tokio::spawn(async move { postgres(&config).await })
    });
    for store in started.collect::<Vec<_>>() {
        let store = store.await.unwrap();
        store.check().await.unwrap();
        store.close().await.unwrap();
    }
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
        .fetch_one(&mut past(&config).await)
        .await
        .unwrap();
    assert_eq!(applied, 5);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let config = fresh().await;
    postgres(&config).await.close().await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', true, '', 0)")
        .execute(&mut past(&config).await)
        .await
        .unwrap();
    let error = refused(&config).await;
    assert!(
        matches!(
            error,
            OpenError::NewerDatabase {
                found: 99,
                known: 5,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn another_programs_tables_are_left_alone() {
    let config = fresh().await;
    sqlx::query("CREATE TABLE audit (theirs TEXT)")
        .execute(&mut past(&config).await)
        .await
        .unwrap();
    let error = refused(&config).await.to_string();
    assert!(error.contains("relation \"audit\" already exists"), "{error}");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::TEXT FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    )
    .fetch_all(&mut past(&config).await)
    .await
    .unwrap();
    assert_eq!(tables, ["_sqlx_migrations", "audit"], "nothing half made");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_without_the_password() {
    let config = fresh().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!(
        "postgres://otus:hunter2@127.0.0.1:{}/otus",
        free.local_addr().unwrap().port()
    );
    drop(free);
    let missing = url(&config).replace("not-asked-for", "hunter2") + "_missing";
    for url in [closed.as_str(), missing.as_str(), "hunter2"] {
        let config = StoreConfig::on(url);
        let error = refused(&config).await;
        let text = format!("{error} {error:?} {config:?}");
        assert!(text.contains("store.url"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
