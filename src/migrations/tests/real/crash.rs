//! Killed, stopped, restarted: nothing twice, nothing left out.

use super::stage::{Db, Running, eventually, fresh, patient, running};
use otus_emulators::real::RealPostgres;
use otus_migrations::run::{End, Machine, Settings, Throttle, Wish};
use sqlx::Connection as _;

/// Every row is changed once, which shows in its number.
const BACKFILL: &[(&str, &str)] = &[(
    "2_count.sql",
    "-- no-transaction\n-- otus: backfill batch=100\nUPDATE users SET n = n + 1 WHERE id % 2 = 0 OR true;\nINSERT INTO log VALUES ('after');",
)];

async fn users(db: &Db, rows: u32) {
    db.run(&format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0); INSERT INTO users SELECT generate_series(1, {rows}); CREATE \
         TABLE log (what text); ANALYZE users"
    ))
    .await;
}

async fn resume(db: &Db, files: &[(&str, &str)], machine: Machine) -> End {
    db.begin(files, Some(machine)).end().await
}

#[tokio::test]
async fn killed_in_a_file_that_is_a_transaction_it_is_run_once() {
    let db = fresh().await;
    users(&db, 10).await;
    let holder = db.hold("LOCK TABLE users").await;
    let files = [(
        "2_a.sql",
        "INSERT INTO log VALUES ('one'); UPDATE users SET n = n + 1; INSERT INTO log VALUES ('two');",
    )];
    let settings = Settings {
        lock_timeout_ms: 60_000,
        ..patient()
    };
    let run = db.begin_with(&files, None, settings);
    db.until(&running("update users"), "1").await;
    let machine = run.kill().await;
    holder.close().await.unwrap();
    assert_eq!(resume(&db, &files, machine).await, End::Done);
    assert_eq!(db.ask("SELECT string_agg(what, ',') FROM log").await, "one,two");
    assert_eq!(db.ask("SELECT sum(n) FROM users").await, "10");
}

#[tokio::test]
async fn killed_between_statements_outside_of_a_transaction_it_goes_on_at_the_statement() {
    let db = fresh().await;
    users(&db, 10).await;
    let files = [(
        "2_a.sql",
        "-- no-transaction\nINSERT INTO log VALUES ('one');\nUPDATE users SET n = n + 1;\nINSERT INTO log VALUES ('three');",
    )];
    let holder = db.hold("LOCK TABLE users").await;
    let run = db.begin(&files, None);
    let kept = run.kept.clone();
    eventually("it is at the second statement", async || kept.tries() > 0).await;
    let machine = run.kill().await;
    assert_eq!(db.ask("SELECT string_agg(what, ',') FROM log").await, "one");
    holder.close().await.unwrap();
    assert_eq!(resume(&db, &files, machine).await, End::Done);
    assert_eq!(db.ask("SELECT string_agg(what, ',') FROM log").await, "one,three");
    assert_eq!(db.ask("SELECT sum(n) FROM users").await, "10");
    assert_eq!(db.ask("SELECT count(*) FROM _otus_migration_marks").await, "0");
}

#[tokio::test]
async fn killed_while_an_index_is_built_it_is_there_in_the_end_and_valid() {
    let db = fresh().await;
    users(&db, 1000).await;
    let files = [(
        "2_i.sql",
        "-- no-transaction\nINSERT INTO log VALUES ('one');\nCREATE INDEX CONCURRENTLY i ON users (n);",
    )];
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let run = db.begin(&files, None);
    db.until(&running("create index"), "1").await;
    run.kill().await;
    // Without its journal, too: another process begins from nothing.
    let again = db.begin(&files, None);
    holder.close().await.unwrap();
    assert_eq!(again.end().await, End::Done);
    assert_eq!(
        db.ask("SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid = 'i'::regclass")
            .await,
        "true"
    );
    assert_eq!(db.ask("SELECT string_agg(what, ',') FROM log").await, "one");
}

#[tokio::test]
async fn an_invalid_index_that_a_killed_server_process_left_is_built_anew() {
    let db = fresh().await;
    users(&db, 1000).await;
    let files = [(
        "2_i.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON users (n);",
    )];
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let run = db.begin(&files, None);
    db.until(&running("create index"), "1").await;
    db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'create index%' AND pid <> pg_backend_pid()").await;
    holder.close().await.unwrap();
    // The connection is lost; it goes on by itself.
    assert_eq!(run.end().await, End::Done);
    assert_eq!(db.ask("SELECT string_agg(relname, ',') FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indrelid = 'users'::regclass AND NOT indisprimary AND indisvalid").await, "i");
}

#[tokio::test]
async fn a_unique_index_over_doubles_fails_and_leaves_no_invalid_one() {
    let db = fresh().await;
    users(&db, 10).await;
    let files = [(
        "2_i.sql",
        "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY i ON users (n);",
    )];
    let End::Failed { why, statement, .. } = db.apply(&files).await else {
        panic!("it was built");
    };
    assert!(why.contains("23505") && statement == Some(1), "{why}");
    assert_eq!(db.ask("SELECT to_regclass('i')").await, "nothing");
    db.run("UPDATE users SET n = id").await;
    assert_eq!(db.apply(&files).await, End::Done);
}

#[tokio::test]
async fn stopped_while_an_index_is_built_it_ends_and_leaves_no_invalid_one() {
    let db = fresh().await;
    users(&db, 1000).await;
    let files = [(
        "2_i.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON users (n);",
    )];
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let run = db.begin(&files, None);
    db.until(&running("create index"), "1").await;
    run.wish.send(Wish::Stop).unwrap();
    db.until(&running("create index"), "0").await;
    holder.close().await.unwrap();
    let end = run.end().await;
    assert_eq!(end, End::Stopped { left: None });
    assert_eq!(db.ask("SELECT to_regclass('i')").await, "nothing");
    assert_eq!(db.ask("SELECT count(*) FROM _sqlx_migrations").await, "0");
    // And it can be run again.
    assert_eq!(db.apply(&files).await, End::Done);
}

#[tokio::test]
async fn what_cannot_be_cleared_after_a_stop_is_said_and_cleared_by_the_next_run() {
    let db = fresh().await;
    users(&db, 1000).await;
    let files = [(
        "2_i.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON users (n);",
    )];
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let settings = Settings {
        grace_ms: 300,
        ..patient()
    };
    let run = db.begin_with(&files, None, settings);
    db.until(&running("create index"), "1").await;
    run.wish.send(Wish::Stop).unwrap();
    let End::Stopped { left: Some(left) } = run.end().await else {
        panic!("nothing was said");
    };
    assert!(left.contains("invalid index"), "{left}");
    assert_eq!(
        db.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
            .await,
        "false"
    );
    holder.close().await.unwrap();
    assert_eq!(db.apply(&files).await, End::Done);
    assert_eq!(
        db.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
            .await,
        "true"
    );
}

async fn batches(db: &Db, run: &Running) {
    let kept = run.kept.clone();
    let _ = kept;
    eventually("some batches are done", async || {
        db.ask("SELECT to_regclass('_otus_migration_marks')").await != "nothing"
            && db
                .ask("SELECT coalesce(max(changed), 0) >= 300 FROM _otus_migration_marks")
                .await
                == "true"
    })
    .await;
}

#[tokio::test]
async fn killed_in_a_backfill_each_row_is_changed_once() {
    let db = fresh().await;
    users(&db, 3000).await;
    let slow = Settings {
        batch_ms: 1,
        batch_pause_ms: 20,
        ..patient()
    };
    let mut machine = None;
    for _ in 0..3 {
        let run = db.begin_with(BACKFILL, machine.take(), slow.clone());
        batches(&db, &run).await;
        machine = Some(run.kill().await);
    }
    let run = db.begin_with(BACKFILL, machine, patient());
    assert_eq!(run.end().await, End::Done);
    assert_eq!(
        db.ask("SELECT min(n) || ' ' || max(n) || ' ' || count(*) FROM users")
            .await,
        "1 1 3000"
    );
    assert_eq!(db.ask("SELECT count(*) FROM log").await, "1");
}

#[tokio::test]
async fn a_backfill_can_be_held_and_let_go() {
    let db = fresh().await;
    users(&db, 2000).await;
    let slow = Settings {
        batch_ms: 1,
        batch_pause_ms: 20,
        ..patient()
    };
    let run = db.begin_with(BACKFILL, None, slow);
    batches(&db, &run).await;
    run.wish.send(Wish::Pause).unwrap();
    // At most the batch that was under way is still done: two looks with a statement of its own between are the same.
    eventually("it stands still", async || {
        let one = db.ask("SELECT sum(n) FROM users").await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        db.ask("SELECT sum(n) FROM users").await == one
    })
    .await;
    assert!(!run.is_done());
    run.wish.send(Wish::Run).unwrap();
    assert_eq!(run.end().await, End::Done);
    assert_eq!(db.ask("SELECT min(n) || ' ' || max(n) FROM users").await, "1 1");
}

#[tokio::test]
async fn a_backfill_leaves_a_busy_server_alone_and_goes_on_when_it_is_not() {
    // Of its own: what other tests do counts, too.
    let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let db = Db {
        options: server.url().parse().unwrap(),
    };
    users(&db, 500).await;
    let work = |mut connection: sqlx::PgConnection| {
        tokio::spawn(async move {
            sqlx::Executor::execute(&mut connection, "SELECT pg_sleep(600)")
                .await
                .map(|_| ())
        })
    };
    // One of them is not enough.
    let alone = work(db.open().await);
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
    let two = Settings {
        busy_statements: 2,
        ..patient()
    };
    db.until(sleeping, "1").await;
    assert_eq!(db.begin_with(BACKFILL, None, two.clone()).end().await, End::Done);
    let also = work(db.open().await);
    db.until(sleeping, "2").await;
    let again =
        "-- no-transaction\n-- otus: backfill batch=100\nUPDATE users SET n = n + 1 WHERE id > 0 OR true;";
    let run = db.begin_with(&[BACKFILL[0], ("3_again.sql", again)], None, two);
    let live = run.live.clone();
    eventually(
        "it says why it waits",
        async || matches!(live.borrow().throttle, Some(Throttle::Busy(many)) if many >= 2),
    )
    .await;
    assert!(!run.is_done());
    assert_eq!(db.ask("SELECT min(n) || ' ' || max(n) FROM users").await, "1 1");
    db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
        .await;
    assert_eq!(run.end().await, End::Done);
    assert_eq!(db.ask("SELECT min(n) || ' ' || max(n) FROM users").await, "2 2");
    assert_eq!(live.borrow().throttle, None);
    for sleeper in [alone, also] {
        assert!(sleeper.await.unwrap().is_err(), "it was ended");
    }
    drop(server);
}

#[tokio::test]
async fn a_database_that_is_restarted_in_the_middle_is_waited_for() {
    let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let db = Db {
        options: server.url().parse().unwrap(),
    };
    users(&db, 3000).await;
    let slow = Settings {
        batch_ms: 1,
        batch_pause_ms: 10,
        ..patient()
    };
    let run = db.begin_with(BACKFILL, None, slow);
    batches(&db, &run).await;
    let server = tokio::task::spawn_blocking(move || {
        server.restart(|| {}).unwrap();
        server
    })
    .await
    .unwrap();
    assert_eq!(run.end().await, End::Done);
    assert_eq!(
        db.ask("SELECT min(n) || ' ' || max(n) || ' ' || count(*) FROM users")
            .await,
        "1 1 3000"
    );
    drop(server);
}

#[tokio::test]
async fn a_file_changed_half_way_is_refused() {
    let db = fresh().await;
    users(&db, 3000).await;
    let slow = Settings {
        batch_ms: 1,
        batch_pause_ms: 20,
        ..patient()
    };
    let run = db.begin_with(BACKFILL, None, slow);
    batches(&db, &run).await;
    run.kill().await;
    let other = [(
        "2_count.sql",
        "-- no-transaction\n-- otus: backfill\nUPDATE users SET n = n + 5;",
    )];
    let End::Failed { why, .. } = db.apply(&other).await else {
        panic!("it ran");
    };
    assert!(why.contains("changed after a part of it was done"), "{why}");
}

#[tokio::test]
async fn killed_while_an_index_is_dropped_or_a_partition_detached_it_is_gone_in_the_end() {
    let cases = [
        (
            "CREATE INDEX i ON users (n)",
            "DROP INDEX CONCURRENTLY i",
            "users",
            "SELECT to_regclass('i')",
        ),
        (
            "CREATE TABLE events (id int) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF events FOR VALUES IN (1)",
            "ALTER TABLE events DETACH PARTITION one CONCURRENTLY",
            "events",
            "SELECT string_agg(inhrelid::text, ',') FROM pg_inherits WHERE inhparent = 'events'::regclass",
        ),
    ];
    for (before, statement, table, question) in cases {
        let db = fresh().await;
        users(&db, 10).await;
        db.run(before).await;
        let text = format!("-- no-transaction\n{statement};\nINSERT INTO log VALUES ('after');");
        let files = [("2_i.sql", text.as_str())];
        let holder = db.hold(&format!("SELECT * FROM {table}")).await;
        let run = db.begin(&files, None);
        db.until(&running(statement), "1").await;
        let machine = run.kill().await;
        // What the server does to its end, whoever has gone, is found done.
        let again = db.begin(&files, Some(machine));
        holder.close().await.unwrap();
        assert_eq!(again.end().await, End::Done, "{statement}");
        assert_eq!(db.ask(question).await, "nothing", "{statement}");
        assert_eq!(db.ask("SELECT count(*) FROM log").await, "1", "{statement}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_leaves_no_invalid_index_and_with_room_it_is_built() {
    let db = fresh().await;
    users(&db, 200_000).await;
    // A quota on the files that sorting the keys needs ends it in the middle, as a full disk would.
    let name = db.options.get_database().unwrap().to_owned();
    db.run(&format!(
        "ALTER DATABASE {name} SET maintenance_work_mem = '1MB'; ALTER DATABASE {name} SET max_parallel_maintenance_workers = 0; \
         ALTER DATABASE {name} SET temp_file_limit = '64kB'"
    ))
    .await;
    let files = [(
        "1_find.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY users_n ON users (n);",
    )];
    match db.apply(&files).await {
        End::Failed { why, .. } => assert!(why.contains("53400"), "{why}"),
        other => panic!("{other:?}"),
    }
    let indexes = "SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND NOT indisprimary";
    assert_eq!(db.ask(indexes).await, "0");
    db.run(&format!("ALTER DATABASE {name} RESET temp_file_limit"))
        .await;
    assert_eq!(db.apply(&files).await, End::Done);
    assert_eq!(db.ask(indexes).await, "1");
}
