//! Making a column NOT NULL in four steps, with those who still write NULL.

use std::time::Duration;

use jiff::SignedDuration;
use otus::operations::State;
use otus::room::{Clock, Fuse};
use otus_responder_migrations::Settings;

use super::contract::{by_hand, plain};
use super::scene::{FORGET, Scene, run, tries};

const NULL: &str = "NULL in users.email";
const CHECKS: &str = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'otus%'";

impl Scene {
    /// Consumers who write.
    async fn written(settings: Settings) -> Self {
        let scene = Scene::consumed(settings).await;
        let roles: Vec<&str> = scene
            .database
            .consumers
            .values()
            .flat_map(|consumer| consumer.roles.iter().map(String::as_str))
            .collect();
        let grant = format!("GRANT INSERT, UPDATE, DELETE ON users TO {}", roles.join(", "));
        scene.run(&grant).await;
        scene
    }

    /// Begins to tighten; its card.
    async fn tightens(&mut self) -> String {
        let line = "@otus contract tighten users.email because we write to everybody";
        self.reacted(line, "memo").await
    }

    /// As far as that NULL may be forbidden.
    async fn is_ready(&mut self) {
        self.tightens().await;
        self.all_sign(NULL).await;
        self.say(&format!("@otus contract withhold {NULL}")).await;
        self.shown("may be forbidden").await;
    }

    async fn until(&self, sql: &str, expected: &str) {
        let waiting = async {
            while self.ask(sql).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(otus::room::PATIENCE * 3, waiting)
            .await
            .is_err()
        {
            panic!("never {expected}: {sql}\n{}", self.room.chat().transcript());
        }
    }

    async fn not_null(&self) -> String {
        self.ask(
            "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'email'",
        )
        .await
    }
}

#[tokio::test]
async fn a_column_is_tightened_in_four_steps_and_who_writes_null_is_found() {
    let mut scene = Scene::written(by_hand()).await;
    let mut warehouse = scene.consumer("warehouse").await;
    assert_eq!(
        tries(&mut warehouse, "INSERT INTO users (id, legacy) VALUES (1, 'x')").await,
        "ok"
    );
    assert_eq!(
        tries(&mut warehouse, "UPDATE users SET email = 'a' WHERE id = 7").await,
        "ok"
    );
    insta::assert_snapshot!(plain(&scene.tightens().await), @"
    ⚠️ *NULL in users.email* is to be forbidden
    Because we write to everybody
    ✗ The application: still written. 1 row of users holds NULL in email: write a value, and fill what is there by a backfill
    ✗ Pipelines: still written. warehouse (as etl) leaves it out: `INSERT INTO users (id, legacy) VALUES ($1, $2)`
    ○ Reports: none seen since (moment); missing: board (`bi`)
    ○ Refused for a while
    ○ NOT NULL
    To know: warehouse (as etl) may write NULL: `UPDATE users SET email = $1 WHERE id = $2`.
    [Sign for application] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    let sign = |consumer: &str| format!("@otus contract sign {NULL} for {consumer}");
    let refused = scene.said("bob", &sign("application")).await;
    insta::assert_snapshot!(refused, @"`NULL in users.email` is still written, so nobody can sign it off: 1 row of users holds NULL in email: write a value, and fill what is there by a backfill");
    // The column alone is enough, where nothing else of it is to go.
    let refused = scene
        .said("bob", "@otus contract sign users.email for application")
        .await;
    assert!(refused.contains("1 row of users holds NULL"), "{refused}");
    scene
        .run(&format!("UPDATE users SET email = 'a'; {FORGET}"))
        .await;
    scene.all_sign(NULL).await;
    let card = scene.shown("[Refuse it for").await;
    insta::assert_snapshot!(plain(&card), @"
    ⏳ *NULL in users.email* is to be forbidden
    Because we write to everybody
    ✓ The application: signed by bob for application
    ✓ Pipelines: signed by dana for warehouse
    ✓ Reports: signed by bill for board
    ○ Refused for a while
    ○ NOT NULL
    [Refuse it for (time)] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    let refused = scene.say(&format!("@otus contract apply {NULL}")).await;
    assert_eq!(
        refused,
        "`NULL in users.email` is not to be forbidden yet: to be refused for a while."
    );
    scene.say(&format!("@otus contract withhold {NULL}")).await;
    let card = scene.shown("what may be written").await;
    insta::assert_snapshot!(plain(&card).lines().take(3).collect::<Vec<_>>().join("\n"), @"
    ⏳ Refuse *NULL in users.email* in *production*
    what may be written into users.email: anything → anything but NULL, for (time)
    A check refuses NULL in rows that are written; those that are there are not read. It goes by itself when the time is over, when somebody writes NULL and fails, when somebody misses it, and when this is cancelled.
    ");
    let card = scene.shown("may be forbidden").await;
    insta::assert_snapshot!(plain(&card), @"
    ✅ *NULL in users.email* may be forbidden
    Because we write to everybody
    ✓ The application: signed by bob for application
    ✓ Pipelines: signed by dana for warehouse
    ✓ Reports: signed by bill for board
    ✓ Refused for a while: nobody failed
    ○ NOT NULL
    [Make it NOT NULL] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    assert_eq!(scene.ask(CHECKS).await, "0");
    let refused = scene
        .say(&format!("@otus contract apply {NULL} in production at v1.0.0"))
        .await;
    assert!(refused.contains("it has no version"), "{refused}");
    insta::assert_snapshot!(plain(&scene.said("bob", &format!("@otus contract apply {NULL}")).await), @"
    ⚠️ Make *users.email* NOT NULL in *production*
    users.email: may be NULL → NOT NULL
    ⚠️ Whoever writes NULL into `users.email` fails from the first step on.
    In steps: `ALTER TABLE users ADD CONSTRAINT otus_not_null_email CHECK (email IS NOT NULL) NOT VALID` (a moment; no row is read); `ALTER TABLE users VALIDATE CONSTRAINT otus_not_null_email` (reads every row; blocks neither reads nor writes); `ALTER TABLE users ALTER COLUMN email SET NOT NULL` (a moment; the check is believed); `ALTER TABLE users DROP CONSTRAINT otus_not_null_email` (a moment). Each waits (time) for the table at most, steps back and tries again. A row that holds NULL ends it, and nothing is left of it then.
    It needs 1 approval of `dba`: it refuses NULL in `users.email` for good.
    It waits until (moment). Plan `(hash)`.
    [Approve] [Deny] [Cancel]
    asked by @bob (time)
    ");
    scene.room.press("bob", "Approve").await;
    let own = scene.room.answer().await.plain();
    assert!(own.contains("somebody else has to decide on it"), "{own}");
    assert_eq!(scene.not_null().await, "false");
    scene.press("ann", "Cancel").await;
    scene.say(&format!("@otus contract apply {NULL}")).await;
    scene.press("bob", "Approve").await;
    let card = scene.shown("*users.email* is NOT NULL in *production*").await;
    insta::assert_snapshot!(plain(&card), @"
    ✅ *users.email* is NOT NULL in *production*
    Write `ALTER TABLE users ALTER COLUMN email SET NOT NULL` into a migration, so that a new database has it, too; here it changes nothing any more.
    asked by @ann (time)
    ");
    scene.shown("✓ NOT NULL").await;
    assert_eq!(scene.not_null().await, "true");
    assert_eq!(scene.ask(CHECKS).await, "0");
    assert_eq!(
        tries(&mut warehouse, "INSERT INTO users (id) VALUES (2)").await,
        "23502"
    );
    assert_eq!(
        scene.say("@otus contracts").await.lines().next(),
        Some("No contract is under way")
    );
    let refused = scene
        .say("@otus contract tighten users.email because once more")
        .await;
    assert_eq!(
        refused,
        "`users.email` cannot be tightened: it is NOT NULL already."
    );
}

#[tokio::test]
async fn what_cannot_be_tightened_is_refused_at_once() {
    let mut scene = Scene::consumed(by_hand()).await;
    scene
        .run("CREATE VIEW old AS SELECT email FROM users; ALTER TABLE users ALTER legacy SET NOT NULL")
        .await;
    let mut all = Vec::new();
    for what in [
        "users.id",
        "users.legacy",
        "users.nothing",
        "nobody.email",
        "old.email",
        "users",
    ] {
        let line = format!("@otus contract tighten {what} because I want it");
        all.push(scene.say(&line).await);
    }
    all.push(scene.say("@otus contract tighten users.email").await);
    all.push(scene.say("@otus contract look NULL in users.email").await);
    insta::assert_snapshot!(all.join("\n"), @"
    `users.id` cannot be tightened: it is in the primary key, so it is NOT NULL already.
    `users.legacy` cannot be tightened: it is NOT NULL already.
    `users.nothing` cannot be tightened: there is no such column.
    `nobody.email` cannot be tightened: there is no such table.
    `old.email` cannot be tightened: it is no table: what a view, a foreign table or the like shows is kept elsewhere.
    `users` is no column: write `<table>.<column>`.
    Say why, so that those who have to agree know: `contract tighten users.email because every row has had one since 2024`.
    Nobody wants `NULL in users.email` forbidden. `contract tighten users.email because …` begins.
    ");
}

#[tokio::test]
async fn who_fails_meanwhile_ends_it_at_once_and_the_way_begins_anew() {
    let mut scene = Scene::written(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    let mut warehouse = scene.consumer("warehouse").await;
    scene.tightens().await;
    scene.all_sign(NULL).await;
    scene.say(&format!("@otus contract withhold {NULL}")).await;
    scene.until(CHECKS, "1").await;
    scene.shown("Refused for a while: until").await;
    let listed = scene.say("@otus contracts").await;
    assert!(listed.contains("refused right now"), "{listed}");
    // Others write as ever.
    assert_eq!(
        tries(&mut warehouse, "INSERT INTO users (id, email) VALUES (1, 'a')").await,
        "ok"
    );
    assert_eq!(
        tries(&mut warehouse, "INSERT INTO users (id) VALUES (2)").await,
        "23514"
    );
    scene.until(CHECKS, "0").await;
    let card = scene.shown("Given back at once").await;
    assert!(
        card.contains("warehouse (as etl_") && card.contains("tried to write NULL, and failed"),
        "{card}"
    );
    assert!(card.starts_with("⚠️"), "{card}");
    let refused = scene.say(&format!("@otus contract apply {NULL}")).await;
    assert!(
        refused.contains("is not to be forbidden yet: to be refused for a while"),
        "{refused}"
    );
    // When it succeeds, it is seen, and takes back what was signed.
    scene
        .until_ends(&mut warehouse, "INSERT INTO users (id) VALUES (2)", "ok")
        .await;
    scene
        .room
        .say("ann", &format!("@otus contract look {NULL}"))
        .await;
    scene.room.expect_reaction("eyes").await;
    let card = scene.shown("✗ Pipelines: still written").await;
    assert!(card.contains("1 row of users holds NULL in email"), "{card}");
    let refused = scene.say(&format!("@otus contract withhold {NULL}")).await;
    assert_eq!(refused, "The application of `NULL in users.email` comes first.");
}

#[tokio::test]
async fn refusing_it_steps_back_for_who_has_the_table_and_can_be_cancelled() {
    let mut scene = Scene::written(by_hand()).await;
    scene.tightens().await;
    scene.all_sign(NULL).await;
    let mut report = scene.open().await;
    run(&mut report, "BEGIN; SELECT FROM users").await;
    scene.say(&format!("@otus contract withhold {NULL}")).await;
    scene.shown("The table was in use").await;
    let mut reader = scene.open().await;
    assert_eq!(tries(&mut reader, "SELECT count(*) FROM users").await, "ok");
    scene.press("ann", "Cancel").await;
    scene.shown("It was not withheld: it was cancelled").await;
    run(&mut report, "COMMIT").await;
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Cancelled, "{:?}", operation.ending);
    assert_eq!(scene.ask(CHECKS).await, "0");
}

#[tokio::test]
async fn null_is_let_in_again_though_the_robot_was_killed() {
    let mut scene = Scene::written(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    let mut warehouse = scene.consumer("warehouse").await;
    scene.tightens().await;
    scene.all_sign(NULL).await;
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = scene.builder().fuse(fuse.clone(), clock.clone()).open();
    first.say("ann", &format!("@otus contract withhold {NULL}")).await;
    scene.until(CHECKS, "1").await;
    scene.shown("Refused for a while: until").await;
    fuse.burn();
    // Another one comes when the time is over.
    clock.jump(SignedDuration::from_secs(2 * 3600));
    while scene.room.chat().take_unexpected().is_some() {}
    scene.room = scene.builder().fuse(Fuse::default(), clock).open();
    scene.room.say("ann", "@otus contracts").await;
    scene.until(CHECKS, "0").await;
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded, "{:?}", operation.ending);
    assert_eq!(
        tries(&mut warehouse, "INSERT INTO users (id) VALUES (2)").await,
        "ok"
    );
    assert_eq!(
        scene
            .ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'otus%'")
            .await,
        "0"
    );
    while scene.room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn a_null_in_the_last_moment_keeps_it_open() {
    let mut scene = Scene::written(by_hand()).await;
    scene.is_ready().await;
    scene.run("INSERT INTO users (id) VALUES (1)").await;
    scene.say(&format!("@otus contract apply {NULL}")).await;
    scene.press("bob", "Approve").await;
    let card = scene.shown("Nothing was changed").await;
    assert!(
        card.contains("still written: 1 row of users holds NULL"),
        "{card}"
    );
    assert_eq!(scene.not_null().await, "false");
    assert_eq!(scene.ask(CHECKS).await, "0");
    scene.shown("✗ The application: still written").await;
}

#[tokio::test]
async fn the_last_step_goes_on_though_the_robot_was_killed() {
    let mut scene = Scene::written(by_hand()).await;
    scene.is_ready().await;
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = scene.builder().fuse(fuse.clone(), clock.clone()).open();
    // Once the check is there, somebody keeps it from being validated.
    let mut report = scene.open().await;
    run(&mut report, "BEGIN; SELECT FROM users").await;
    first.say("ann", &format!("@otus contract apply {NULL}")).await;
    scene.shown("Make *users.email* NOT NULL").await;
    first.press("bob", "Approve").await;
    scene.shown("NULL is being refused from now on").await;
    run(
        &mut report,
        "COMMIT; BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE",
    )
    .await;
    fuse.burn();
    clock.jump(SignedDuration::from_secs(3600));
    while scene.room.chat().take_unexpected().is_some() {}
    scene.room = scene.builder().fuse(Fuse::default(), clock).open();
    run(&mut report, "COMMIT").await;
    scene.room.say("ann", "@otus contracts").await;
    let operation = scene
        .operation(|operation| operation.kind == "tighten" && operation.state.is_over())
        .await;
    assert_eq!(operation.state, State::Succeeded, "{:?}", operation.ending);
    assert_eq!(scene.not_null().await, "true");
    assert_eq!(scene.ask(CHECKS).await, "0");
    while scene.room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn who_misses_it_has_null_let_in_at_once() {
    let mut scene = Scene::written(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    scene.tightens().await;
    scene.all_sign(NULL).await;
    scene.say(&format!("@otus contract withhold {NULL}")).await;
    scene.until(CHECKS, "1").await;
    scene.shown("Refused for a while: until").await;
    scene.press("dana", "We miss it").await;
    scene.until(CHECKS, "0").await;
    scene.shown("Given back at once: dana missed it").await;
    scene
        .room
        .say("ann", &format!("@otus contract abandon {NULL}"))
        .await;
    scene.room.expect_reaction("ok_hand").await;
    scene.shown("*NULL in users.email* stays").await;
}

#[tokio::test]
async fn a_check_that_somebody_took_away_proves_nothing() {
    let mut scene = Scene::written(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    scene.tightens().await;
    scene.all_sign(NULL).await;
    scene.say(&format!("@otus contract withhold {NULL}")).await;
    scene.until(CHECKS, "1").await;
    scene
        .run("ALTER TABLE users DROP CONSTRAINT otus_refuse_null_email")
        .await;
    let card = scene.shown("Given back at once").await;
    assert!(card.contains("somebody took the check away"), "{card}");
    let listed = scene.say("@otus contracts").await;
    assert!(listed.contains("to be refused for a while"), "{listed}");
}
