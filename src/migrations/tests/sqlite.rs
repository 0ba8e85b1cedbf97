//! Runs on SQLite, with sqlx' own library beside.

#![allow(clippy::unwrap_used, reason = "a test may")]

use otus_migrations::{
    run::{End, NoJournal, Settings, Wish, drive},
    source::{Source, Tree},
    sqlite::Sqlite,
};
use sqlx::{ConnectOptions as _, Connection as _, migrate::Migrator, sqlite::SqliteConnectOptions};
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

const FILES: &[(&str, &str)] = &[
    (
        "1_users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1);",
    ),
    (
        "2_log.sql",
        "CREATE TABLE log (what TEXT);\nCREATE TRIGGER t AFTER INSERT ON users BEGIN INSERT INTO log VALUES (';'); END;",
    ),
];

fn options(folder: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.join("db.sqlite"))
        .create_if_missing(true)
}

async fn apply(options: &SqliteConnectOptions, files: &[(&str, &str)]) -> End {
    let tree: Tree = files.iter().copied().collect();
    let source = Arc::new(Source::read(&tree, None).unwrap());
    let all = (0..source.migrations.len()).collect();
    let settings = Settings {
        lock_timeout_ms: 100,
        lock_pause_ms: 20,
        lock_tries: 1_000,
        ..Settings::default()
    };
    let (mut world, mut machine) = Sqlite::new(options.clone(), source, all, settings);
    let (_wish, wishes) = watch::channel(Wish::Run);
    drive(&mut machine, &mut world, &NoJournal, wishes).await.unwrap()
}

#[tokio::test]
async fn sqlx_itself_finds_everything_applied() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    assert_eq!(apply(&options, FILES).await, End::Done);
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    for (name, text) in FILES {
        std::fs::write(files.join(name), text).unwrap();
    }
    let mut connection = options.connect().await.unwrap();
    let migrator = Migrator::new(files).await.unwrap();
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(users, 1);
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_apply_each_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let options = options.clone();
            tokio::spawn(async move { apply(&options, FILES).await })
        })
        .collect();
    for run in runs {
        assert_eq!(run.await.unwrap(), End::Done);
    }
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_and_a_changed_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let broken = [
        FILES[0],
        ("2_log.sql", "CREATE TABLE log (what TEXT); SELECT nonsense;"),
    ];
    assert!(matches!(apply(&options, &broken).await, End::Failed { why, .. } if why.contains("nonsense")));
    assert_eq!(apply(&options, FILES).await, End::Done);
    let changed = [("1_users.sql", "CREATE TABLE users (id TEXT)"), FILES[1]];
    assert!(
        matches!(apply(&options, &changed).await, End::Failed { why, .. } if why.contains("1_users.sql was changed"))
    );
    let alone = [FILES[0], FILES[1], ("3_v.sql", "-- no-transaction\nVACUUM")];
    assert!(matches!(apply(&options, &alone).await, End::Failed { why, .. } if why.contains("by hand")));
}
