//! The chats of docs/migrations.md, said: the page is true.

use std::fmt::Write as _;
use std::time::Duration;

use otus::room::What;
use otus_responder_migrations::Settings;

use super::scene::{Scene, quick, run, still, tries};

const PAGE: &str = include_str!("../../../../docs/migrations.md");

/// A chat as it is told.
#[derive(Default)]
struct Chat {
    told: String,
}

impl Chat {
    /// Somebody says something, and the robot answers.
    async fn say(&mut self, scene: &mut Scene, who: &str, words: &str) {
        self.tell(who, words);
        let said = scene.said(&who.to_lowercase(), &format!("@otus {words}")).await;
        self.tell("otus", &said);
    }

    /// Somebody says something, and the robot nods.
    async fn nod(&mut self, scene: &mut Scene, who: &str, words: &str) {
        self.tell(who, words);
        scene
            .room
            .say(&who.to_lowercase(), &format!("@otus {words}"))
            .await;
        match scene.room.next_said().await.what {
            What::Reaction(_, emoji) => self.tell("otus", &format!(":{emoji}:")),
            other => panic!("{other:?}"),
        }
    }

    /// A card as it reads by now.
    async fn shown(&mut self, scene: &mut Scene, words: &str) {
        let card = scene.shown(words).await;
        self.tell("otus", &card);
    }

    fn tell(&mut self, who: &str, words: &str) {
        let mut who = who;
        for line in alike(words).lines() {
            let line = format!("{who:<5} {line}");
            writeln!(self.told, "{}", line.trim_end()).unwrap();
            who = "";
        }
    }

    /// It is the page's chat of this number.
    fn stands(&self, number: usize) {
        let on_page = PAGE.split("```chat\n").nth(number + 1).unwrap_or_default();
        let on_page = on_page.split("```").next().unwrap_or_default();
        assert_eq!(
            on_page, self.told,
            "chat {number} of docs/migrations.md is not so; it is\n{}",
            self.told
        );
    }
}

/// Times, ids and names of roles made alike.
fn alike(text: &str) -> String {
    let patterns = [
        (r"(etl|bi)_\d+", "$1"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-03-02 10:00 UTC"),
        (r"`[0-9a-f]{10}`", "`3f9c2ab01d`"),
        (r"Plan `[0-9a-f]{8}`", "Plan `5b1f0c3e`"),
        (r"(?m)^`public\.users` has .*\n", ""),
        (r"(?m)^Tried in a transaction .*\n", ""),
        (r"\d+ times in a row", "7 times in a row"),
        (r"process \(n\)", "process 4711"),
        (
            r"idle in transaction( for \(time\))?\)",
            "idle in transaction for 12 min)",
        ),
        (r"(`0002_name.sql`): .* for \(time\)", "$1: running for 1 s"),
        (r"legacy, for \(time\)", "legacy, for 15 min"),
        (r"\(folder\)", "db/migrations"),
        (r"\(time\)\.", "1 s."),
    ];
    let text = still(text);
    let text = text.replace("asked by @ann (time)", "asked by @ann");
    patterns
        .into_iter()
        .fold(text, |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
        .replace("(time)", "1 s")
}

fn patient() -> Settings {
    Settings {
        look: Duration::from_secs(3600),
        ..quick()
    }
}

const USERS: (&str, &str) = (
    "0001_users.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);",
);

#[tokio::test]
async fn judged_planned_and_run() {
    let mut scene = Scene::with(patient()).await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene
        .run("INSERT INTO users SELECT i, 'a' FROM generate_series(1, 20000) i; ANALYZE users")
        .await;
    scene.write(&[("0002_find.sql", "CREATE INDEX users_email ON users (email);")]);
    let mut chat = Chat::default();
    chat.say(&mut scene, "Ann", "migrate api in production").await;
    scene.write(&[(
        "0002_find.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
    )]);
    chat.say(&mut scene, "Ann", "migrate api in production").await;
    chat.shown(&mut scene, "✓ `0002_find.sql`").await;
    chat.stands(0);
}

#[tokio::test]
async fn held_up() {
    let mut scene = Scene::with(patient()).await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene.write(&[("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;")]);
    let mut reader = scene.open().await;
    for sql in [
        "SET application_name = 'report'",
        "BEGIN",
        "SELECT count(*) FROM users",
    ] {
        run(&mut reader, sql).await;
    }
    scene.say("@otus migrate api in production").await;
    let mut chat = Chat::default();
    // Who holds the table is looked at while it waits for it, which is but a tenth of a second.
    let card = scene
        .room
        .expect_shown(|post| {
            let text = post.plain();
            text.contains("times in a row")
                && text.contains("is in the way of it")
                && text.contains("Retry now")
        })
        .await;
    chat.tell("otus", &card.plain());
    chat.stands(1);
    run(&mut reader, "COMMIT").await;
    scene.shown("`0002_name.sql` in").await;
}

#[tokio::test]
async fn four_steps() {
    let mut scene = Scene::consumed(patient()).await;
    let mut warehouse = scene.consumer("warehouse").await;
    assert_eq!(tries(&mut warehouse, "SELECT legacy FROM users").await, "ok");
    let mut chat = Chat::default();
    chat.say(
        &mut scene,
        "Ann",
        "contract drop users.legacy because nobody has written it since 2024",
    )
    .await;
    scene.room.expect_reaction("memo").await;
    chat.nod(&mut scene, "Bob", "contract sign users.legacy for application")
        .await;
    chat.stands(2);
    let mut chat = Chat::default();
    assert_eq!(tries(&mut warehouse, "SELECT legacy FROM users").await, "ok");
    chat.say(&mut scene, "Dana", "contract sign users.legacy for warehouse")
        .await;
    chat.stands(3);
    let mut chat = Chat::default();
    scene.room.say("ann", "@otus contract look users.legacy").await;
    scene.room.expect_reaction("eyes").await;
    chat.nod(&mut scene, "Dana", "contract sign users.legacy for warehouse")
        .await;
    chat.nod(&mut scene, "Bill", "contract sign users.legacy for board")
        .await;
    chat.say(&mut scene, "Ann", "contract withhold users.legacy")
        .await;
    chat.shown(&mut scene, "may be dropped").await;
    chat.stands(4);
    let mut chat = Chat::default();
    scene.write(&[("0002_drop.sql", "ALTER TABLE users DROP COLUMN legacy;")]);
    scene.shown("Given back to").await;
    chat.say(&mut scene, "Ann", "contract apply users.legacy").await;
    scene.press("bob", "Approve").await;
    chat.shown(&mut scene, "is dropped in").await;
    chat.stands(5);
    // The other sentences of the page.
    let done = scene.said("ann", "@otus contracts").await;
    assert!(done.contains("No contract is under way"), "{done}");
}
