//! A backfill leaves replicas time to follow.

use super::stage::{Db, eventually, patient};
use otus_emulators::real::RealPostgres;
use otus_migrations::run::{End, Settings, Throttle};

const BACKFILL: &[(&str, &str)] = &[(
    "1_count.sql",
    "-- no-transaction\n-- otus: backfill batch=20\nUPDATE users SET n = n + 1 WHERE id > 0 OR true;",
)];

#[tokio::test]
async fn a_backfill_waits_for_a_replica_that_is_behind_and_for_none_that_is_gone() {
    // Of its own: a replica follows a whole server.
    let (server, standby) = tokio::task::spawn_blocking(|| {
        let server = RealPostgres::start().unwrap();
        let standby = server.standby().unwrap();
        (server, standby)
    })
    .await
    .unwrap();
    let of = |server: &RealPostgres| Db {
        options: server.url().parse().unwrap(),
    };
    let (db, replica) = (of(&server), of(&standby));
    db.run("CREATE TABLE users (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0); INSERT INTO users SELECT generate_series(1, 2000); ANALYZE users")
        .await;
    replica.until("SELECT to_regclass('users')", "users").await;
    replica.until("SELECT count(*) FROM users", "2000").await;
    // What is written now is received there, and shown to nobody.
    replica.run("SELECT pg_wal_replay_pause()").await;
    replica
        .until("SELECT pg_get_wal_replay_pause_state()", "paused")
        .await;
    // A replica tells how far it is when it receives something.
    let behind = "SELECT coalesce(max(extract(epoch FROM replay_lag)) > 0.2, false) FROM pg_stat_replication";
    eventually("the replica is behind", async || {
        db.run("SELECT pg_logical_emit_message(true, 'otus', 'tick')")
            .await;
        db.ask(behind).await == "true"
    })
    .await;
    let settings = Settings {
        replica_lag_ms: 200,
        ..patient()
    };
    let run = db.begin_with(BACKFILL, None, settings.clone());
    let live = run.live.clone();
    eventually("it says why it waits", async || {
        // A replica tells how far it is when it receives something.
        db.run("SELECT pg_logical_emit_message(true, 'otus', 'tick')")
            .await;
        matches!(live.borrow().throttle, Some(Throttle::Replica(behind)) if behind > 200)
    })
    .await;
    assert!(!run.is_done());
    let done = db.ask("SELECT count(*) FROM users WHERE n = 1").await;
    assert_ne!(done, "2000", "it went on to the end");
    replica.run("SELECT pg_wal_replay_resume()").await;
    eventually("it goes on", async || {
        db.run("SELECT pg_logical_emit_message(true, 'otus', 'tick')")
            .await;
        run.is_done()
    })
    .await;
    assert_eq!(run.end().await, End::Done);
    assert_eq!(live.borrow().throttle, None);
    replica
        .until(
            "SELECT min(n) || ' ' || max(n) || ' ' || count(*) FROM users",
            "1 1 2000",
        )
        .await;

    // Who keeps what is written, and replays nothing, is behind for ever.
    let (server, archive) = tokio::task::spawn_blocking(move || {
        let archive = server.archive().unwrap();
        (server, archive)
    })
    .await
    .unwrap();
    let kept = "SELECT coalesce(max(extract(epoch FROM replay_lag)) > 0.2, false) FROM pg_stat_replication WHERE replay_lsn IS NULL";
    eventually("the archive replays nothing", async || {
        db.run("SELECT pg_logical_emit_message(true, 'otus', 'tick')")
            .await;
        db.ask(kept).await == "true"
    })
    .await;
    let again = ("2_again.sql", BACKFILL[0].1);
    let end = db
        .begin_with(&[BACKFILL[0], again], None, settings.clone())
        .end()
        .await;
    assert_eq!(end, End::Done);
    tokio::task::spawn_blocking(move || drop(archive)).await.unwrap();

    // One that is away is waited for by nobody: it may never come back.
    tokio::task::spawn_blocking(move || drop(standby)).await.unwrap();
    db.until("SELECT count(*) FROM pg_stat_replication", "0").await;
    let more = ("3_more.sql", BACKFILL[0].1);
    let end = db
        .begin_with(&[BACKFILL[0], again, more], None, settings)
        .end()
        .await;
    assert_eq!(end, End::Done);
    assert_eq!(db.ask("SELECT min(n) || ' ' || max(n) FROM users").await, "3 3");
    drop(server);
}
