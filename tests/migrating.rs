//! Migrations with the real program, an emulated Slack, cluster and GitHub, a real container registry, and a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod door;
mod house;
mod works;

use house::{House, SOON, words};
use otus_emulators::real::RealPostgres;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions,
};
use std::{sync::LazyLock, time::Duration};
use works::{Works, short};

static SERVER: LazyLock<RealPostgres> = LazyLock::new(|| RealPostgres::start().unwrap());

async fn fresh() -> String {
    tokio::task::spawn_blocking(|| SERVER.fresh().unwrap())
        .await
        .unwrap()
}

struct Db(PgConnectOptions);

impl Db {
    async fn open(&self) -> PgConnection {
        self.0.connect().await.unwrap()
    }

    async fn run(&self, sql: &str) -> PgConnection {
        let mut connection = self.open().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    }

    async fn ask(&self, sql: &str) -> String {
        let mut connection = self.open().await;
        let sql = AssertSqlSafe(format!("SELECT coalesce(({sql})::text, 'nothing')"));
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }

    async fn until(&self, sql: &str, expected: &str, house: &House) {
        let waiting = async {
            while self.ask(sql).await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(SOON, waiting).await.is_err() {
            panic!(
                "{sql} never came to {expected}\n{}\n{}",
                house.transcript(),
                house.log()
            );
        }
    }
}

/// A house with a database, and a folder of migrations.
async fn house(more: &str) -> (House, Db, std::path::PathBuf) {
    let url = fresh().await;
    let house = House::build(None).await;
    let folder = house.folder.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    house.configure(&format!(
        r#"
[databases.shop]
url = "{url}"
[services.web.migrations]
folder = {folder:?}
databases = {{ production = "shop" }}
[responders.migrations]
approvers = "sre"
lock_timeout = "100ms"
lock_pause = "50ms"
lock_tries = 100000
quiet_days = 0
month_end = false
withheld = "1s"
{more}
"#
    ));
    (house, Db(url.parse().unwrap()), folder)
}

fn write(folder: &std::path::Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);";

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_judged_planned_and_run_and_a_killed_program_goes_on() {
    let (mut house, db, folder) = house("").await;
    house.start().await;
    write(&folder, "0001_users.sql", USERS);
    house.say("@otus migrations pending web in production");
    house
        .shown(|text| text.contains("waits for 1 migration") && text.contains("CREATE TABLE users"))
        .await;
    house.say("@otus migrate web in production");
    house.shown(|text| text.contains("is migrated")).await;
    db.run("INSERT INTO users SELECT i, 'a' FROM generate_series(1, 20000) i; ANALYZE users")
        .await;
    write(
        &folder,
        "0002_find.sql",
        "CREATE INDEX users_email ON users (email);",
    );
    house.say("@otus migrate web in production");
    house
        .shown(|text| text.contains("so nothing was begun") && text.contains("CREATE INDEX CONCURRENTLY"))
        .await;
    write(
        &folder,
        "0002_find.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
    );
    write(
        &folder,
        "0003_fill.sql",
        "-- no-transaction\n-- otus: backfill key=id batch=100\nUPDATE users SET legacy = email WHERE legacy IS NULL;",
    );
    house.say("@otus migrate web in production --plan");
    house
        .shown(|text| {
            text.contains("CREATE INDEX CONCURRENTLY users_email") && text.contains("0003_fill.sql")
        })
        .await;
    // Somebody has an open transaction: an index that is built concurrently waits for it. The program is killed there.
    let reader = db.run("BEGIN; SELECT count(*) FROM users").await;
    let mut writer = db.run("BEGIN; UPDATE users SET email = 'b' WHERE id = 1").await;
    house.say("@otus migrate web in production");
    let building = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONC%' AND state = 'active'";
    db.until(building, "1", &house).await;
    let card = house.shown(|text| text.contains("is in the way of it")).await;
    house.kill().await;
    sqlx::raw_sql("COMMIT").execute(&mut writer).await.unwrap();
    drop((reader, writer));
    house.start().await;
    let done = house
        .shown(|text| text.contains("is migrated") && text.contains("0003_fill.sql"))
        .await;
    assert_eq!(done.ts, card.ts, "it goes on in the same message");
    assert_eq!(
        db.ask("SELECT string_agg(version::text, ',' ORDER BY version) FROM _sqlx_migrations")
            .await,
        "1,2,3"
    );
    assert_eq!(
        db.ask("SELECT string_agg(indexrelid::regclass::text || indisvalid, ',') FROM pg_index WHERE indrelid = 'users'::regclass AND NOT indisprimary")
            .await,
        "users_emailtrue"
    );
    assert_eq!(
        db.ask("SELECT count(*) FROM users WHERE legacy IS NULL").await,
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_goes_in_four_steps_and_who_still_uses_it_is_found() {
    let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let db = Db(server.url().parse().unwrap());
    db.run("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        .await;
    let server = tokio::task::spawn_blocking(move || {
        server.restart(|| {}).unwrap();
        server
    })
    .await
    .unwrap();
    db.run("CREATE EXTENSION pg_stat_statements; CREATE ROLE etl LOGIN")
        .await;
    db.run(USERS).await;
    db.run("GRANT SELECT ON users TO etl").await;
    let (mut house, _, folder) = house("look = \"1h\"").await;
    house.configure(&format!(
        r#"
[databases.big]
url = "{}"
[databases.big.consumers.warehouse]
gate = "etl"
roles = ["etl"]
owner = "sre"
"#,
        server.url()
    ));
    house.instead(
        "databases = { production = \"shop\" }",
        "databases = { production = \"big\" }",
    );
    house.start().await;
    let etl = Db(db.0.clone().username("etl"));
    etl.run("SELECT legacy FROM users").await;
    house.say("@otus contract drop users.legacy because nobody reads it");
    let card = house.shown(|text| text.contains("is to be dropped")).await;
    house
        .shown(|text| text.contains("still used. warehouse (as etl) says"))
        .await;
    let press = |button: &str| house.slack.click("bob", card.ts, button).unwrap();
    press("Sign for application");
    house
        .shown(|text| text.contains("signed by") && text.contains("for application"))
        .await;
    // It was read but once; nothing is seen of it any more.
    house
        .slack
        .say("bob", "#deploys", "@otus contract look users.legacy")
        .unwrap();
    house.shown(|text| text.contains("missing: warehouse")).await;
    press("Sign for warehouse");
    house
        .shown(|text| text.contains("for warehouse") && text.contains("Sign for reports"))
        .await;
    press("Sign for reports");
    house.shown(|text| text.contains("Withhold it for")).await;
    house.say("@otus contract withhold users.legacy");
    db.until(
        "SELECT has_column_privilege('etl', 'users', 'legacy', 'SELECT')",
        "false",
        &house,
    )
    .await;
    // The program dies while it is withheld; the next one gives it back.
    house.kill().await;
    house.start().await;
    db.until(
        "SELECT has_table_privilege('etl', 'users', 'SELECT')",
        "true",
        &house,
    )
    .await;
    house.shown(|text| text.contains("may be dropped")).await;
    write(&folder, "0001_drop.sql", "ALTER TABLE users DROP COLUMN legacy;");
    house.say("@otus contract apply users.legacy");
    let asks = house
        .shown(|text| text.contains("Drop *users.legacy*") && text.contains("Approve"))
        .await;
    house.slack.click("bob", asks.ts, "Approve").unwrap();
    db.until(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'legacy'",
        "0",
        &house,
    )
    .await;
    house
        .shown(|text| text.contains("is dropped") && text.contains("✓ Dropped"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_runs_what_adds_first_and_leaves_what_takes_away() {
    let url = fresh().await;
    let db = Db(url.parse().unwrap());
    let mut works = Works::build("", "").await;
    works.house.configure(&format!(
        r#"
[databases.shop]
url = "{url}"
[services.api.migrations]
path = "db/migrations"
databases = {{ staging = "shop" }}
"#
    ));
    works.start().await;
    let sha = works
        .api
        .commit_files(
            "main",
            "octocat",
            "Users",
            &[("db/migrations/0001_users.sql", Some(USERS))],
        )
        .unwrap();
    let image = works.push(&sha, &sha).await;
    works.green(&sha);
    works
        .house
        .say(&format!("@otus deploy api@{} to staging", short(&sha)));
    let live = works.live(&sha, "staging").await;
    assert!(words(&live).contains("✓ `0001_users.sql` in"), "{}", words(&live));
    assert_eq!(works.image("staging"), image);
    assert_eq!(db.ask("SELECT count(*) FROM _sqlx_migrations").await, "1");
    // What takes something away is left, and the version goes out; what fails keeps it from going out.
    let files = [
        (
            "db/migrations/0002_fails.sql",
            Some("ALTER TABLE nobody ADD COLUMN name text;"),
        ),
        (
            "db/migrations/0003_drop.sql",
            Some("ALTER TABLE users DROP COLUMN legacy;"),
        ),
    ];
    let sha = works
        .api
        .commit_files("main", "octocat", "Fails", &files)
        .unwrap();
    works.push(&sha, &sha).await;
    works.green(&sha);
    works.house.say("@otus migrations pending api");
    works
        .house
        .shown(|text| text.contains("by octocat") && text.contains("takes away column users.legacy"))
        .await;
    works
        .house
        .say(&format!("@otus deploy api@{} to staging", short(&sha)));
    works
        .house
        .shown(|text| {
            text.contains("was not deployed") && text.contains("relation \"nobody\" does not exist")
        })
        .await;
    assert_eq!(works.image("staging"), image, "not changed");
    let mended = [(
        "db/migrations/0002_fails.sql",
        Some("ALTER TABLE users ADD COLUMN name text;"),
    )];
    let sha = works
        .api
        .commit_files("main", "octocat", "Mended", &mended)
        .unwrap();
    works.push(&sha, &sha).await;
    works.green(&sha);
    works
        .house
        .say(&format!("@otus deploy api@{} to staging", short(&sha)));
    works.live(&sha, "staging").await;
    assert_eq!(
        db.ask("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0")
            .await,
        "id,email,legacy,name"
    );
}
