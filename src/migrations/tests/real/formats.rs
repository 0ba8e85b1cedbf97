//! The histories of three tools.

use super::stage::{fresh, source};
use otus_migrations::{history::compare, postgres::read_history, run::End, source::Format};
use sqlx::{
    ConnectOptions as _, Connection as _,
    migrate::{Migrate as _, Migrator},
};

const FILES: &[(&str, &str)] = &[
    (
        "0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);\nINSERT INTO users VALUES (1, 'a;b');",
    ),
    (
        "0002_find_by_email.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
    ),
    (
        "0003_names.up.sql",
        "ALTER TABLE users ADD COLUMN name text; SET search_path TO pg_catalog;",
    ),
    ("0003_names.down.sql", "ALTER TABLE users DROP COLUMN name;"),
];

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[tokio::test]
async fn sqlx_itself_finds_everything_applied_and_nothing_to_do() {
    let db = fresh().await;
    assert_eq!(db.apply(FILES).await, End::Done);
    assert_eq!(
        db.ask("SELECT count(*) FROM pg_index WHERE indexrelid = 'users_email'::regclass AND indisvalid")
            .await,
        "1"
    );
    // What `sqlx migrate info` compares: versions and checksums of the files with those of the table.
    let folder = folder(FILES);
    let migrator = Migrator::new(folder.path()).await.unwrap();
    let mut connection = db.open().await;
    let applied = connection
        .list_applied_migrations("_sqlx_migrations")
        .await
        .unwrap();
    let theirs: Vec<_> = migrator
        .iter()
        .filter(|one| !one.migration_type.is_down_migration())
        .map(|one| (one.version, one.checksum.to_vec(), one.description.to_string()))
        .collect();
    let ours: Vec<_> = applied
        .iter()
        .map(|one| (one.version, one.checksum.to_vec()))
        .collect();
    assert_eq!(
        ours,
        theirs
            .iter()
            .map(|(version, checksum, _)| (*version, checksum.clone()))
            .collect::<Vec<_>>()
    );
    for (version, _, description) in &theirs {
        assert_eq!(
            db.ask(&format!(
                "SELECT description FROM _sqlx_migrations WHERE version = {version}"
            ))
            .await,
            *description
        );
    }
    assert_eq!(connection.dirty_version("_sqlx_migrations").await.unwrap(), None);
    // Its own run has nothing to do, and does not complain.
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    connection.close().await.unwrap();
    // And as its program says it, where that is installed (`cargo install sqlx-cli`).
    let url = db.options.to_url_lossy().to_string();
    let info = std::process::Command::new("sqlx")
        .args(["migrate", "info", "--no-dotenv", "--source"])
        .arg(folder.path())
        .args(["--database-url", &url])
        .output();
    match info {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            println!("{text}");
            assert_eq!(text.matches("/installed").count(), 3, "{text}");
            assert!(
                !text.contains("pending") && !text.contains("different checksum"),
                "{text}"
            );
        }
        Err(_) => println!("`sqlx migrate info` itself was left out: cargo install sqlx-cli"),
    }
}

#[tokio::test]
async fn what_sqlx_applied_counts_as_applied() {
    let db = fresh().await;
    let folder = folder(&FILES[..2]);
    let migrator = Migrator::new(folder.path()).await.unwrap();
    let mut connection = db.open().await;
    migrator.run_direct(None, &mut connection, false).await.unwrap();
    let files = source(FILES);
    let history = read_history(&db.options, Format::Sqlx).await.unwrap();
    assert_eq!(compare(&files, &history, false).pending, [2]);
    assert_eq!(db.apply(FILES).await, End::Done);
}

#[tokio::test]
async fn golang_migrates_table_has_the_last_version_and_is_clean() {
    let db = fresh().await;
    let files = [
        (
            "1_users.up.sql",
            "BEGIN;\nCREATE TABLE users (id bigint PRIMARY KEY);\nCOMMIT;",
        ),
        ("1_users.down.sql", "DROP TABLE users;"),
        ("2_index.up.sql", "CREATE INDEX CONCURRENTLY i ON users (id);"),
    ];
    assert_eq!(db.apply(&files).await, End::Done);
    assert_eq!(
        db.ask("SELECT string_agg(version || ' ' || dirty, ', ') FROM schema_migrations")
            .await,
        "2 false"
    );
    assert_eq!(db.apply(&files).await, End::Done);
}

#[tokio::test]
async fn flyways_table_is_as_documented() {
    let db = fresh().await;
    let files = [
        ("V1__users.sql", "CREATE TABLE users (id bigint PRIMARY KEY);"),
        ("V1_1__index.sql", "CREATE INDEX CONCURRENTLY i ON users (id);"),
        ("R__view.sql", "CREATE OR REPLACE VIEW v AS SELECT id FROM users;"),
    ];
    assert_eq!(db.apply(&files).await, End::Done);
    let rows = "SELECT string_agg(concat_ws('|', installed_rank, coalesce(version, '-'), description, type, script, success), E'\\n' \
                ORDER BY installed_rank) FROM flyway_schema_history";
    let expected =
        "1|1|users|SQL|V1__users.sql|t\n2|1.1|index|SQL|V1_1__index.sql|t\n3|-|view|SQL|R__view.sql|t";
    assert_eq!(db.ask(rows).await, expected);
    // A repeatable file that changed runs again, alone.
    let changed = [
        files[0],
        files[1],
        (
            "R__view.sql",
            "CREATE OR REPLACE VIEW v AS SELECT id, 1 AS one FROM users;",
        ),
    ];
    assert_eq!(db.apply(&changed).await, End::Done);
    assert_eq!(db.ask("SELECT count(*) FROM flyway_schema_history").await, "4");
    assert_eq!(db.apply(&changed).await, End::Done);
    assert_eq!(db.ask("SELECT count(*) FROM flyway_schema_history").await, "4");
    // What Flyway repaired away of one repeatable file says nothing of another.
    let other = (
        "R__other.sql",
        "CREATE OR REPLACE VIEW o AS SELECT id FROM users;",
    );
    let both = [changed[0], changed[1], changed[2], other];
    assert_eq!(db.apply(&both).await, End::Done);
    db.run(
        "INSERT INTO flyway_schema_history SELECT 6, NULL, description, 'DELETE', script, checksum, installed_by, installed_on, 0, true FROM \
         flyway_schema_history WHERE script = 'R__other.sql'",
    )
    .await;
    assert_eq!(db.apply(&changed).await, End::Done);
    assert_eq!(db.ask("SELECT count(*) FROM flyway_schema_history").await, "6");
    assert_eq!(db.apply(&both).await, End::Done);
    assert_eq!(db.ask("SELECT count(*) FROM flyway_schema_history").await, "7");
}

#[tokio::test]
async fn what_flyway_began_with_or_took_back_is_understood() {
    let db = fresh().await;
    let files = [
        ("V1__users.sql", "CREATE TABLE users (id bigint PRIMARY KEY);"),
        ("V2__names.sql", "ALTER TABLE users ADD COLUMN name text;"),
        ("V3__ages.sql", "ALTER TABLE users ADD COLUMN age int;"),
    ];
    assert_eq!(db.apply(&files[..1]).await, End::Done);
    // A baseline file brought it to 2; 3 was applied, and taken back by a script.
    db.run(
        "TRUNCATE flyway_schema_history; ALTER TABLE users ADD COLUMN name text; INSERT INTO flyway_schema_history VALUES \
         (1, '2', 'all', 'SQL_BASELINE', 'B2__all.sql', 1, 'x', now(), 0, true), \
         (2, '3', 'ages', 'SQL', 'V3__ages.sql', 1, 'x', now(), 0, true), \
         (3, '3', 'ages', 'UNDO_SCRIPT', 'U3__ages.sh', 1, 'x', now(), 0, true)",
    )
    .await;
    assert_eq!(db.apply(&files).await, End::Done);
    let columns = "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'users'";
    assert_eq!(db.ask(columns).await, "id,name,age");
}

#[tokio::test]
async fn changed_missing_and_late_files_are_refused_and_nothing_runs() {
    let db = fresh().await;
    assert_eq!(
        db.apply(&[("1_a.sql", "CREATE TABLE a ()"), ("5_e.sql", "CREATE TABLE e ()")])
            .await,
        End::Done
    );
    let new = ("6_f.sql", "CREATE TABLE f ()");
    let cases: [(&[(&str, &str)], &str); 3] = [
        (
            &[
                ("1_a.sql", "CREATE TABLE a (id int)"),
                ("5_e.sql", "CREATE TABLE e ()"),
                new,
            ],
            "1_a.sql was changed",
        ),
        (
            &[("1_a.sql", "CREATE TABLE a ()"), new],
            "version 5 (e) was applied",
        ),
        (
            &[
                ("1_a.sql", "CREATE TABLE a ()"),
                ("3_c.sql", "CREATE TABLE c ()"),
                ("5_e.sql", "CREATE TABLE e ()"),
                new,
            ],
            "3_c.sql comes before 5",
        ),
    ];
    for (files, expected) in cases {
        let End::Failed { why, .. } = db.apply(files).await else {
            panic!("{expected}: it ran");
        };
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(db.ask("SELECT to_regclass('f')").await, "nothing");
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_behind_and_the_next_try_goes_on() {
    let db = fresh().await;
    let broken = [
        ("1_a.sql", "CREATE TABLE a (id int)"),
        ("2_b.sql", "CREATE TABLE b (id int); SELECT 1 / 0;"),
    ];
    let End::Failed { file, why, .. } = db.apply(&broken).await else {
        panic!("it ran");
    };
    assert_eq!(file.as_deref(), Some("2_b.sql"));
    assert!(why.contains("division by zero") && why.contains("22012"), "{why}");
    assert_eq!(db.ask("SELECT to_regclass('b')").await, "nothing");
    assert_eq!(
        db.ask("SELECT string_agg(version::text, ',') FROM _sqlx_migrations")
            .await,
        "1"
    );
    // The lock is free again, in any session.
    assert_eq!(db.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").await, "0");
    assert_eq!(
        db.apply(&[broken[0], ("2_b.sql", "CREATE TABLE b (id int)")])
            .await,
        End::Done
    );
}
