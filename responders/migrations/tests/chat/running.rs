//! Runs: seen through, held up, stopped, failed, taken up.

use jiff::SignedDuration;
use otus::operations::State;
use otus::room::{Clock, Fuse};
use otus::store::Store as _;

use otus_responder_migrations::Settings;

use super::scene::{Scene, quick, run, still, tries};

const USERS: (&str, &str) = (
    "0001_users.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
);

#[tokio::test]
async fn files_are_applied_in_order_and_the_card_says_so() {
    let mut scene = Scene::new().await;
    scene.write(&[
        USERS,
        (
            "0002_find.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
        ),
    ]);
    insta::assert_snapshot!(still(&scene.say("@otus migrate api in production").await), @"
    ⏳ Migrate *api* in *production*: 2 files on `shop`
    0001_users.sql: CREATE TABLE users (new)
    0002_find.sql: CREATE INDEX CONCURRENTLY users_email · outside of a transaction (new)
    Tried in a transaction that was rolled back: 1 file; no table would be written anew.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    insta::assert_snapshot!(still(&scene.shown("is migrated").await), @"
    ✅ *api* in *production* is migrated
    ✓ `0001_users.sql` in (time)
    ✓ `0002_find.sql` in (time)
    asked by @ann (time)
    ");
    assert_eq!(
        scene
            .ask("SELECT string_agg(version::text, ',') FROM _sqlx_migrations")
            .await,
        "1,2"
    );
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded);
    let steps = scene.store.steps(&operation.id).await.unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["migrate: 0001_users.sql", "migrate: 0002_find.sql"]);
    insta::assert_snapshot!(still(&scene.say("@otus migrate api").await), @"
    ✅ Migrate *api* in *production*: 0 files on `shop`
    There is nothing to do: it is like that already.
    asked by @ann (time)
    ");
}

#[tokio::test]
async fn who_holds_the_table_is_named_and_it_goes_on_when_they_leave() {
    let mut scene = Scene::new().await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene.write(&[("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;")]);
    let mut reader = scene.open().await;
    run(
        &mut reader,
        "SET application_name = 'report'; BEGIN; SELECT count(*) FROM users",
    )
    .await;
    scene.say("@otus migrate api").await;
    let card = scene.shown("I step back each time").await;
    assert!(
        card.contains("[Retry now] [Wait longer] [Pause] [Cancel]"),
        "{card}"
    );
    scene.press("ann", "Retry now").await;
    run(&mut reader, "COMMIT").await;
    scene.shown("`0002_name.sql` in").await;
}

#[tokio::test]
async fn it_is_held_and_goes_on_and_is_stopped() {
    let mut scene = Scene::new().await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene.write(&[
        ("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;"),
        ("0003_more.sql", "ALTER TABLE users ADD COLUMN more text;"),
    ]);
    let mut reader = scene.open().await;
    run(&mut reader, "BEGIN; SELECT count(*) FROM users").await;
    scene.say("@otus migrate api").await;
    scene.shown("I step back each time").await;
    scene.press("ann", "Pause").await;
    scene
        .operation(|operation| operation.state == State::Paused)
        .await;
    scene.press("ann", "Resume").await;
    scene
        .operation(|operation| operation.state == State::Running)
        .await;
    scene.press("ann", "Cancel").await;
    let card = scene.shown("It was stopped").await;
    assert!(card.contains("nothing is applied"), "{card}");
    run(&mut reader, "COMMIT").await;
    assert_eq!(scene.ask("SELECT count(*) FROM _sqlx_migrations").await, "1");
}

#[tokio::test]
async fn a_backfill_that_leaves_a_busy_server_alone_says_so() {
    let settings = Settings {
        busy_statements: 1,
        ..quick()
    };
    let (mut scene, server) = Scene::alone(settings).await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene
        .run("INSERT INTO users SELECT i, 'a' FROM generate_series(1, 100) i; ANALYZE users")
        .await;
    scene.write(&[(
        "0002_fill.sql",
        "-- no-transaction\n-- otus: backfill batch=10\nUPDATE users SET email = 'b' WHERE email = 'a';",
    )]);
    let mut report = scene.open().await;
    let work = tokio::spawn(async move { tries(&mut report, "SELECT pg_sleep(600)").await });
    scene.say("@otus migrate api").await;
    let card = scene.shown("The server is busy").await;
    assert!(
        card.contains("a statement of others is at work. The next batch waits until that is over."),
        "{card}"
    );
    assert_eq!(
        scene.ask("SELECT count(*) FROM users WHERE email = 'b'").await,
        "0"
    );
    scene
        .run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
        .await;
    scene.shown("`0002_fill.sql` in").await;
    assert_eq!(
        scene.ask("SELECT count(*) FROM users WHERE email = 'b'").await,
        "100"
    );
    // Cancelled.
    assert_eq!(work.await.unwrap(), "57014");
    drop(server);
}

#[tokio::test]
async fn what_fails_is_told_and_what_came_before_stays() {
    let mut scene = Scene::new().await;
    scene.write(&[
        USERS,
        ("0002_bad.sql", "ALTER TABLE nobody ADD COLUMN name text;"),
    ]);
    scene.say("@otus migrate api").await;
    insta::assert_snapshot!(still(&scene.shown("is not migrated").await), @r#"
    ❌ *api* in *production* is not migrated
    `0002_bad.sql` was not applied: relation "nobody" does not exist (SQLSTATE 42P01). 1 file before it of 2 stay applied. Mend it and try again: what is done is not done twice.
    [Try again]
    asked by @ann (time)
    "#);
    assert_eq!(scene.ask("SELECT count(*) FROM _sqlx_migrations").await, "1");
}

#[tokio::test]
async fn what_only_a_person_can_judge_needs_one() {
    let mut scene = Scene::new().await;
    scene.write(&[(
        "0001_do.sql",
        "DO $$ BEGIN EXECUTE 'CREATE TABLE made ()'; END $$;",
    )]);
    let card = scene.say("@otus migrate api").await;
    assert!(card.contains("cannot be told from its text"), "{card}");
    assert_eq!(scene.ask("SELECT to_regclass('made')").await, "nothing");
    scene.press("bob", "Approve").await;
    scene.shown("is migrated").await;
    assert_eq!(scene.ask("SELECT to_regclass('made')").await, "made");
}

#[tokio::test]
async fn a_killed_robot_is_followed_by_another_at_the_same_place() {
    let mut scene = Scene::new().await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene.write(&[
        ("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;"),
        ("0003_held.sql", "ALTER TABLE users ADD COLUMN held text;"),
    ]);
    // The first robot dies while the table is in use: after the one file, before the other.
    let mut reader = scene.open().await;
    run(&mut reader, "BEGIN; SELECT count(*) FROM users").await;
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = scene.builder().fuse(fuse.clone(), clock.clone()).open();
    first.say("ann", "@otus migrate api").await;
    scene.shown("I step back each time").await;
    fuse.burn();
    clock.jump(SignedDuration::from_secs(60));
    // Its connections go with a process; here it is only deaf, so they are ended.
    scene
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'otus:%'")
        .await;
    while scene.room.chat().take_unexpected().is_some() {}
    scene.room = scene.builder().fuse(Fuse::default(), clock).open();
    scene.room.say("ann", "@otus migrations pending web").await;
    run(&mut reader, "COMMIT").await;
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded);
    assert_eq!(operation.lease.generation, 2, "the second robot took it up");
    scene.shown("`0003_held.sql` in").await;
    assert_eq!(scene.ask("SELECT count(*) FROM _sqlx_migrations").await, "3");
    while scene.room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn sqlite_is_migrated_for_a_demo() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("shop.sqlite");
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let mut scene = Scene::on_sqlite(&url);
    scene.write(&[
        ("0001_users.sql", "CREATE TABLE users (id integer PRIMARY KEY);"),
        ("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;"),
    ]);
    let card = scene.say("@otus migrations pending api").await;
    assert!(card.contains("waits for 2 migrations"), "{card}");
    assert!(!file.exists(), "looking makes nothing");
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    let card = scene.say("@otus migrations pending api").await;
    assert!(
        card.contains("has every migration") && card.contains("2 files applied"),
        "{card}"
    );
}
