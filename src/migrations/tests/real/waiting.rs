//! Locks: nobody stands in line behind a migration, and only one runs.

use super::stage::{eventually, fresh, patient, running};
use otus_migrations::run::{End, Settings};
use sqlx::{Connection as _, Executor as _, migrate::Migrate as _};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_reader_behind_a_waiting_change_gets_through_while_the_table_is_still_held() {
    let db = fresh().await;
    db.run("CREATE TABLE users (id bigint PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 100)")
        .await;
    let holder = db.hold("SELECT count(*) FROM users").await;
    let run = db.begin(&[("1_a.sql", "ALTER TABLE users ADD COLUMN a text")], None);
    let kept = run.kept.clone();
    eventually("it tried and stepped back", async || kept.tries() >= 2).await;
    // The holder does not end before this does: behind a change that waits for ever they would never be answered.
    let mut reader = db.open().await;
    let (mut reads, mut longest) = (0, Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(60);
    while reads < 20 || kept.tries() < 10 {
        let began = Instant::now();
        assert!(began < deadline, "{reads} reads beside {} tries", kept.tries());
        sqlx::query("SELECT count(*) FROM users WHERE id = 5")
            .fetch_one(&mut reader)
            .await
            .unwrap();
        longest = longest.max(began.elapsed());
        reads += 1;
    }
    assert!(!run.is_done());
    println!(
        "{reads} reads beside {} tries of at most 100 ms each: the longest took {longest:?}",
        kept.tries()
    );
    holder.close().await.unwrap();
    assert_eq!(run.end().await, End::Done);
    assert_eq!(
        db.ask(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'a'"
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn it_gives_up_with_the_reason_and_has_changed_nothing() {
    let db = fresh().await;
    db.run("CREATE TABLE users (id bigint)").await;
    let holder = db.hold("SELECT * FROM users").await;
    let settings = Settings {
        lock_tries: 3,
        ..patient()
    };
    let files = [(
        "1_a.sql",
        "CREATE TABLE other (); ALTER TABLE users ADD COLUMN a text",
    )];
    let End::Failed { why, .. } = db.begin_with(&files, None, settings).end().await else {
        panic!("it ran");
    };
    assert!(why.contains("each of the 3 times"), "{why}");
    assert_eq!(db.ask("SELECT to_regclass('other')").await, "nothing");
    holder.close().await.unwrap();
}

#[tokio::test]
async fn who_is_in_the_way_is_seen_while_it_waits() {
    let db = fresh().await;
    db.run("CREATE TABLE users (id bigint)").await;
    let mut holder = db.hold("SELECT * FROM users").await;
    holder
        .execute("SET application_name = 'the-report'")
        .await
        .unwrap();
    let run = db.begin(&[("1_a.sql", "ALTER TABLE users ADD COLUMN a text")], None);
    let live = run.live.clone();
    eventually("the blocker is seen", async || {
        live.borrow()
            .blockers
            .iter()
            .any(|blocker| blocker.application == "the-report" && blocker.state == "idle in transaction")
    })
    .await;
    holder.close().await.unwrap();
    assert_eq!(run.end().await, End::Done);
}

#[tokio::test]
async fn two_replicas_at_once_build_an_index_and_neither_deadlocks() {
    let db = fresh().await;
    db.run("CREATE TABLE users (id bigint); INSERT INTO users SELECT generate_series(1, 1000)")
        .await;
    // Something keeps the build from ending before the second has begun to poll.
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let files = [
        (
            "1_i.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON users (id);",
        ),
        ("2_b.sql", "CREATE TABLE b ()"),
    ];
    let one = db.begin(&files, None);
    db.until(&running("create index"), "1").await;
    let two = db.begin(&files, None);
    let kept = two.kept.clone();
    eventually("the second polls", async || kept.tries() >= 2).await;
    holder.close().await.unwrap();
    assert_eq!((one.end().await, two.end().await), (End::Done, End::Done));
    assert_eq!(db.ask("SELECT count(*) FROM _sqlx_migrations").await, "2");
    assert_eq!(
        db.ask("SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid = 'i'::regclass")
            .await,
        "true"
    );
}

#[tokio::test]
async fn sqlx_own_lock_keeps_it_out_until_it_is_given_back() {
    let db = fresh().await;
    let mut theirs = db.open().await;
    theirs.lock().await.unwrap();
    let run = db.begin(&[("1_a.sql", "CREATE TABLE a ()")], None);
    let kept = run.kept.clone();
    eventually("it polls", async || kept.tries() >= 3).await;
    assert_eq!(db.ask("SELECT to_regclass('a')").await, "nothing");
    theirs.unlock().await.unwrap();
    assert_eq!(run.end().await, End::Done);
    theirs.close().await.unwrap();
}

#[tokio::test]
async fn a_build_may_wait_for_old_transactions_longer_than_a_change_waits_for_its_lock() {
    let db = fresh().await;
    db.run("CREATE TABLE users (id bigint)").await;
    let holder = db.hold("LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
    let run = db.begin(
        &[(
            "1_i.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON users (id);",
        )],
        None,
    );
    let live = run.live.clone();
    eventually("it waits, and says at what", async || {
        live.borrow()
            .stage
            .as_deref()
            .is_some_and(|stage| stage.starts_with("waiting for"))
    })
    .await;
    // Writes go on meanwhile.
    db.run("INSERT INTO users VALUES (1)").await;
    holder.close().await.unwrap();
    assert_eq!(run.end().await, End::Done);
}
