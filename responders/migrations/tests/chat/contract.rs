//! Taking a column away in four steps, with those who still use it.

use std::time::Duration;

use jiff::SignedDuration;
use otus::operations::State;
use otus::room::{Clock, Fuse, What};
use otus_responder_migrations::Settings;
use sqlx::PgConnection;

use super::scene::{FORGET, Scene, quick, still, tries};

const READS: &str = "SELECT legacy FROM users";

/// The looking is done by hand, so that a test knows when.
pub(crate) fn by_hand() -> Settings {
    Settings {
        look: Duration::from_secs(3600),
        ..quick()
    }
}

impl Scene {
    /// Begins a contract; its card.
    pub(crate) async fn begins(&mut self) -> String {
        self.room
            .say("ann", "@otus contract drop users.legacy because nobody reads it")
            .await;
        let card = self.room.answer().await.plain();
        self.room.expect_reaction("memo").await;
        card
    }

    pub(crate) async fn looks(&mut self) {
        self.room.say("ann", "@otus contract look users.legacy").await;
        self.room.expect_reaction("eyes").await;
    }

    pub(crate) async fn signs(&mut self, who: &str, consumer: &str) {
        self.room
            .say(who, &format!("@otus contract sign users.legacy for {consumer}"))
            .await;
        match self.room.next_said().await.what {
            What::Reaction(_, _) => {}
            other => panic!("{other:?}\n{}", self.room.chat().transcript()),
        }
    }

    pub(crate) async fn everybody_signs(&mut self) {
        for (who, consumer) in [("bob", "application"), ("dana", "warehouse"), ("bill", "board")] {
            self.signs(who, consumer).await;
        }
    }

    async fn ends_with(&self, connection: &mut PgConnection, expected: &str) {
        self.until_ends(connection, READS, expected).await;
    }

    /// Tries a statement again and again until it ends so.
    pub(crate) async fn until_ends(&self, connection: &mut PgConnection, sql: &str, expected: &str) {
        let waiting = async {
            // What fails leaves no trace in the statistics, and what succeeds ends the waiting.
            while tries(connection, sql).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(otus::room::PATIENCE * 3, waiting)
            .await
            .is_err()
        {
            panic!("never {expected}\n{}", self.room.chat().transcript());
        }
    }
}

pub(crate) fn plain(card: &str) -> String {
    let text = regex::Regex::new(r"(etl|bi)_\d+")
        .unwrap()
        .replace_all(card, "$1")
        .into_owned();
    let text = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
        .unwrap()
        .replace_all(&text, "(moment)")
        .into_owned();
    // How large a table without rows is depends on when somebody looked.
    let text = regex::Regex::new(r"(?m)^`public\.users` has .*\n")
        .unwrap()
        .replace_all(&text, "")
        .into_owned();
    // What the hash is of is said above it.
    let text = regex::Regex::new(r"Plan `\w+`")
        .unwrap()
        .replace_all(&text, "Plan `(hash)`")
        .into_owned();
    still(&text)
}

#[tokio::test]
async fn a_column_goes_in_four_steps_and_who_still_uses_it_is_found() {
    let mut scene = Scene::consumed(by_hand()).await;
    let mut warehouse = scene.consumer("warehouse").await;
    assert_eq!(tries(&mut warehouse, READS).await, "ok");
    insta::assert_snapshot!(plain(&scene.begins().await), @"
    ⚠️ *users.legacy* is to be dropped
    Because nobody reads it
    ○ The application: no use seen since (moment); missing: application (`dba`)
    ✗ Pipelines: still used. warehouse (as etl) says `SELECT legacy FROM users`
    ○ Reports: no use seen since (moment); missing: board (`bi`)
    ○ Withheld for a while
    ○ Dropped
    [Sign for application] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    // In their order, each by who answers for it.
    let refused = scene
        .said("dana", "@otus contract sign users.legacy for warehouse")
        .await;
    assert_eq!(refused, "The application of `users.legacy` comes first.");
    let refused = scene
        .said("ann", "@otus contract sign users.legacy for application")
        .await;
    assert!(refused.contains("Only who has the role `dba`"), "{refused}");
    scene.signs("bob", "application").await;
    assert_eq!(tries(&mut warehouse, READS).await, "ok");
    let refused = scene
        .said("dana", "@otus contract sign users.legacy for warehouse")
        .await;
    assert!(
        refused.contains("is still used") && refused.contains(READS),
        "{refused}"
    );
    // The warehouse is changed; nothing is seen of it any more.
    scene.looks().await;
    scene.signs("dana", "warehouse").await;
    scene.signs("bill", "board").await;
    insta::assert_snapshot!(plain(&scene.shown("[Withhold it for").await), @"
    ⏳ *users.legacy* is to be dropped
    Because nobody reads it
    ✓ The application: signed by bob for application
    ✓ Pipelines: signed by dana for warehouse
    ✓ Reports: signed by bill for board
    ○ Withheld for a while
    ○ Dropped
    [Withhold it for (time)] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    let refused = scene.say("@otus contract apply users.legacy").await;
    assert!(
        refused.contains("is not to be dropped yet: to be withheld"),
        "{refused}"
    );
    // Nobody misses it.
    scene.say("@otus contract withhold users.legacy").await;
    let card = scene.shown("may be dropped").await;
    insta::assert_snapshot!(plain(&card), @"
    ✅ *users.legacy* may be dropped
    Because nobody reads it
    ✓ The application: signed by bob for application
    ✓ Pipelines: signed by dana for warehouse
    ✓ Reports: signed by bill for board
    ✓ Withheld for a while: nobody missed it
    ○ Dropped
    Its file says exactly `ALTER TABLE users DROP COLUMN legacy`, alone.
    [Drop it] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    assert_eq!(tries(&mut warehouse, "SELECT id FROM users").await, "ok");
    // The file says exactly that, and nothing else.
    let refused = scene.say("@otus contract apply users.legacy").await;
    assert!(
        refused.contains("says only `ALTER TABLE users DROP COLUMN legacy`"),
        "{refused}"
    );
    scene.write(&[("0002_drop.sql", "ALTER TABLE users DROP COLUMN legacy CASCADE;")]);
    let refused = scene.say("@otus contract apply users.legacy").await;
    assert!(
        refused.contains("not say exactly what was agreed to") || refused.contains("nothing else"),
        "{refused}"
    );
    scene.write(&[("0002_drop.sql", "ALTER TABLE users DROP COLUMN legacy;")]);
    let refused = scene.say("@otus migrate api").await;
    assert!(refused.contains("That goes in four steps"), "{refused}");
    // Somebody else than who asks agrees to the end.
    insta::assert_snapshot!(plain(&scene.said("bob", "@otus contract apply users.legacy").await), @"
    ⚠️ Drop *users.legacy* in *production*
    0002_drop.sql: ALTER TABLE users · locks users ACCESS EXCLUSIVE, which blocks reads, writes and changes of the schema (new)
    ⚠️ What is in `users.legacy` is gone for good; only a backup has it.
    It needs 1 approval of `dba`: it takes away `users.legacy` for good.
    It waits until (moment). Plan `(hash)`.
    [Approve] [Deny] [Cancel]
    asked by @bob (time)
    ");
    scene.room.press("bob", "Approve").await;
    let own = scene.room.answer().await.plain();
    assert!(own.contains("somebody else has to decide on it"), "{own}");
    assert_eq!(
        scene
            .ask(
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'legacy'"
            )
            .await,
        "1"
    );
    scene.press("ann", "Cancel").await;
    scene.say("@otus contract apply users.legacy").await;
    scene.press("bob", "Approve").await;
    scene.shown("*users.legacy* is dropped in *production*").await;
    scene.shown("✓ Dropped").await;
    assert_eq!(
        scene
            .ask(
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'legacy'"
            )
            .await,
        "0"
    );
    assert_eq!(
        scene.say("@otus contracts").await.lines().next(),
        Some("No contract is under way")
    );
}

/// The last card of a contract.
fn signs_all(what: &str) -> [(&'static str, String); 3] {
    [("bob", "application"), ("dana", "warehouse"), ("bill", "board")]
        .map(|(who, consumer)| (who, format!("@otus contract sign {what} for {consumer}")))
}

impl Scene {
    pub(crate) async fn all_sign(&mut self, what: &str) {
        for (who, line) in signs_all(what) {
            self.room.say(who, &line).await;
            match self.room.next_said().await.what {
                What::Reaction(_, _) => {}
                other => panic!("{other:?}\n{}", self.room.chat().transcript()),
            }
        }
    }

    pub(crate) async fn reacted(&mut self, line: &str, emoji: &str) -> String {
        self.room.say("ann", line).await;
        let card = self.room.answer().await.plain();
        self.room.expect_reaction(emoji).await;
        card
    }
}

#[tokio::test]
async fn a_table_goes_the_same_way() {
    let mut scene = Scene::consumed(by_hand()).await;
    let mut warehouse = scene.consumer("warehouse").await;
    scene.ask("SELECT 1 FROM (SELECT 1) one").await;
    let refused = scene.say("@otus contract drop table because it is old").await;
    assert!(refused.contains("`table` is no column and no table"), "{refused}");
    scene
        .reacted(
            "@otus contract drop table users because customers has it all",
            "memo",
        )
        .await;
    scene.all_sign("table users").await;
    scene.say("@otus contract withhold table users").await;
    let card = scene.shown("what etl").await;
    insta::assert_snapshot!(plain(&card).lines().take(4).collect::<Vec<_>>().join("\n"), @"
    ⏳ Withhold *table users* in *production*
    what bi may do with users: SELECT → nothing, for (time)
    what etl may do with users: SELECT → nothing, for (time)
    Only rights change. They are given back by themselves when the time is over, when somebody misses it, and when this is cancelled.
    ");
    scene.shown("*table users* may be dropped").await;
    assert_eq!(tries(&mut warehouse, "SELECT id FROM users").await, "ok");
    // It was used meanwhile, which is seen before it goes.
    scene.write(&[("0002_drop.sql", "DROP TABLE users;")]);
    scene.say("@otus contract apply table users").await;
    scene.press("bob", "Approve").await;
    let card = scene.shown("is not to be dropped yet").await;
    assert!(card.contains("still used: warehouse"), "{card}");
    assert_eq!(
        scene
            .ask("SELECT count(*) FROM pg_class WHERE relname = 'users'")
            .await,
        "1"
    );
}

#[tokio::test]
async fn a_column_is_replaced_when_everything_is_copied() {
    let mut scene = Scene::consumed(by_hand()).await;
    let refused = scene
        .say("@otus contract replace users.legacy by orders.remark because of its name")
        .await;
    assert!(refused.contains("is not in `users`"), "{refused}");
    let line = "@otus contract rename users.legacy to remark because of its name";
    let card = scene.reacted(line, "memo").await;
    insta::assert_snapshot!(plain(&card), @"
    ⚠️ *users.legacy* is to be replaced by *remark*
    Because of its name
    ✗ The application: still used. users.remark is not there yet: add it by a migration, and write both
    ○ Pipelines: no use seen since (moment); missing: warehouse (`data`)
    ○ Reports: no use seen since (moment); missing: board (`bi`)
    ○ Withheld for a while
    ○ Dropped
    [Sign for application] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    let refused = scene
        .said("bob", "@otus contract sign users.legacy for application")
        .await;
    assert!(refused.contains("is not there yet"), "{refused}");
    scene
        .run("ALTER TABLE users ADD remark text; INSERT INTO users (id, legacy) VALUES (1, 'a')")
        .await;
    let refused = scene
        .said("bob", "@otus contract sign users.legacy for application")
        .await;
    assert!(
        refused.contains("1 row of users does not have it in remark"),
        "{refused}"
    );
    scene
        .run(&format!("UPDATE users SET remark = legacy; {FORGET}"))
        .await;
    scene.all_sign("users.legacy").await;
    scene.shown("✓ Reports: signed by bill for board").await;
}

#[tokio::test]
async fn who_misses_it_gets_it_back_at_once_and_the_way_begins_anew() {
    let mut scene = Scene::consumed(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    let mut warehouse = scene.consumer("warehouse").await;
    scene.begins().await;
    scene.everybody_signs().await;
    scene.say("@otus contract withhold users.legacy").await;
    scene.ends_with(&mut warehouse, "42501").await;
    scene.shown("Withheld for a while: until").await;
    scene.press("dana", "We miss it").await;
    scene.ends_with(&mut warehouse, "ok").await;
    let card = scene.shown("Given back at once: dana missed it").await;
    assert!(card.starts_with("⚠️"), "{card}");
    // That it was read again is seen, and takes back what was signed.
    scene.looks().await;
    let card = scene.shown("✗ Pipelines: still used").await;
    assert!(card.contains("✓ The application: signed by bob"), "{card}");
    let listed = scene.say("@otus contracts").await;
    assert!(listed.contains("still used: warehouse"), "{listed}");
}

#[tokio::test]
async fn what_is_withheld_is_given_back_though_the_robot_was_killed() {
    let mut scene = Scene::consumed(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    let mut warehouse = scene.consumer("warehouse").await;
    scene.begins().await;
    scene.everybody_signs().await;
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = scene.builder().fuse(fuse.clone(), clock.clone()).open();
    first.say("ann", "@otus contract withhold users.legacy").await;
    scene.ends_with(&mut warehouse, "42501").await;
    scene.shown("Withheld for a while: until").await;
    fuse.burn();
    // Another one comes when the time is over.
    clock.jump(SignedDuration::from_secs(2 * 3600));
    while scene.room.chat().take_unexpected().is_some() {}
    scene.room = scene.builder().fuse(Fuse::default(), clock).open();
    scene.room.say("ann", "@otus contracts").await;
    scene.ends_with(&mut warehouse, "ok").await;
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded, "{:?}", operation.ending);
    while scene.room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn what_can_be_withheld_from_nobody_needs_somebody_who_answers_for_it() {
    // No consumer has a role.
    let mut scene = Scene::with(by_hand()).await;
    scene.write(&[(
        "0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);",
    )]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    let card = scene.begins().await;
    assert!(card.contains("pg_stat_statements is not there"), "{card}");
    for consumer in ["application", "pipelines", "reports"] {
        scene.signs("bob", consumer).await;
    }
    let refused = scene.say("@otus contract withhold users.legacy").await;
    assert!(refused.contains("can be withheld from nobody"), "{refused}");
    let sign = "@otus contract sign users.legacy for withholding";
    let refused = scene.said("bob", sign).await;
    assert!(refused.contains("says why"), "{refused}");
    scene
        .room
        .say("bob", &format!("{sign} because all share one role"))
        .await;
    scene.room.expect_reaction("ok_hand").await;
    scene
        .shown("bob answers for it, because all share one role")
        .await;
}

#[tokio::test]
async fn who_holds_it_up_is_reminded_once_a_week() {
    let mut scene = Scene::consumed(Settings {
        look: Duration::from_millis(50),
        ..quick()
    })
    .await;
    scene.begins().await;
    scene.signs("bob", "application").await;
    let clock = Clock::default();
    let second = scene.builder().fuse(Fuse::default(), clock.clone()).open();
    clock.jump(SignedDuration::from_hours(8 * 24));
    second.robot().start();
    let reminded = scene.room.answer().await.plain();
    assert_eq!(
        reminded,
        "@dana: *users.legacy* still waits: `data` to sign for warehouse. `contract abandon users.legacy` gives it up."
    );
    drop(second);
}

#[tokio::test]
async fn who_holds_up_a_table_or_a_new_name_is_reminded_too() {
    for (line, what, waits) in [
        (
            "contract drop table users because it is old",
            "table users",
            "`dba` to sign for application",
        ),
        (
            "contract replace users.legacy by remark because of its name",
            "users.legacy",
            "users.remark is not there yet",
        ),
        (
            "contract tighten users.email because we write to everybody",
            "NULL in users.email",
            "`dba` to sign for application",
        ),
    ] {
        let mut scene = Scene::consumed(Settings {
            look: Duration::from_millis(50),
            ..quick()
        })
        .await;
        scene.reacted(&format!("@otus {line}"), "memo").await;
        let clock = Clock::default();
        let second = scene.builder().fuse(Fuse::default(), clock.clone()).open();
        clock.jump(SignedDuration::from_hours(8 * 24));
        second.robot().start();
        let reminded = scene.room.answer().await.plain();
        assert!(
            reminded.starts_with(&format!("@bob: *{what}* still waits: ")),
            "{reminded}"
        );
        assert!(reminded.contains(waits), "{reminded}");
        assert!(
            reminded.ends_with(&format!("`contract abandon {what}` gives it up.")),
            "{reminded}"
        );
        drop(second);
    }
}
