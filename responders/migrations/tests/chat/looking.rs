//! What is said before anything runs.

use super::scene::{Scene, run, still};

const USERS: (&str, &str) = (
    "0001_users.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);",
);

#[tokio::test]
async fn what_waits_is_listed_with_what_it_does() {
    let mut scene = Scene::new().await;
    scene.write(&[
        USERS,
        ("0002_name.sql", "ALTER TABLE users ADD COLUMN name text;"),
        ("0003_drop.sql", "ALTER TABLE users DROP COLUMN legacy;"),
    ]);
    insta::assert_snapshot!(still(&scene.say("@otus migrations pending api").await), @"
    *api* in *production* waits for 3 migrations
    ✓ `0001_users.sql`: CREATE TABLE users
    ✓ `0002_name.sql`: ALTER TABLE users
    ⛔ `0003_drop.sql`: ALTER TABLE users · takes away column users.legacy: needs its contract
    Tried in a transaction that was rolled back: 2 files; no table would be written anew.
    [What is to be said against it] [What would happen]
    `(folder)` of sqlx on `shop`
    ");
    scene.say("@otus migrate api in production").await;
    scene.shown("is migrated").await;
    scene
        .run("INSERT INTO users SELECT i, 'a' FROM generate_series(1, 20000) i; ANALYZE users")
        .await;
    scene.write(&[("0002a.txt", "no migration")]);
    insta::assert_snapshot!(still(&scene.say("@otus migrations pending api in production").await), @"
    *api* in *production* waits for 1 migration
    ⛔ `0003_drop.sql`: ALTER TABLE users · locks users ACCESS EXCLUSIVE, which blocks reads, writes and changes of the schema · takes away column users.legacy: needs its contract
    `public.users` has 20,000 rows in 1 MB.
    [What is to be said against it]
    `(folder)` of sqlx on `shop`
    ");
}

#[tokio::test]
async fn who_is_in_the_way_is_named() {
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
    let plan = scene.say("@otus migrate api --plan").await;
    assert!(plan.contains("`report` of `otus` (process"), "{plan}");
    assert!(plan.contains("is in the way of `users`"), "{plan}");
}

#[tokio::test]
async fn what_would_hurt_is_refused_with_the_safe_way() {
    let mut scene = Scene::new().await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene
        .run("INSERT INTO users SELECT i, 'a' FROM generate_series(1, 20000) i; ANALYZE users")
        .await;
    scene.write(&[("0002_index.sql", "CREATE INDEX users_email ON users (email);")]);
    insta::assert_snapshot!(still(&scene.say("@otus migrate api").await), @"
    `0002_index.sql` would hurt whoever uses the database, so nothing was begun.
    ✗ `0002_index.sql`, line 1: Nobody can write users while the index is built. (`require-concurrent-index-creation`)
    The safe way: `-- in a file of its own, without a transaction: CREATE INDEX CONCURRENTLY users_email ON users (email);`
    Change the file, and merge it. `otus migrations lint <folder>` tells the same before it is merged.
    ");
    insta::assert_snapshot!(still(&scene.say("@otus migrations lint api").await), @"
    ❌ The migrations that *api* in *production* waits for, judged
    1 refused.
    `(folder)`
    ");
    let file = scene.room.answer().await.plain();
    insta::assert_snapshot!(still(&file), @"
    ❌ `0002_index.sql`: refused
    line 1, refused, `CREATE INDEX users_email`: Nobody can write users while the index is built. (`require-concurrent-index-creation`)
    Locks `users` SHARE, which blocks writes and changes of the schema, for about (time).
    -- in a file of its own, without a transaction:
    CREATE INDEX CONCURRENTLY users_email ON users (email);
    ");
}

#[tokio::test]
async fn a_changed_file_that_is_applied_is_refused() {
    let mut scene = Scene::new().await;
    scene.write(&[USERS]);
    scene.say("@otus migrate api").await;
    scene.shown("is migrated").await;
    scene.write(&[("0001_users.sql", "CREATE TABLE users (id int);")]);
    let refused = scene.say("@otus migrate api").await;
    assert!(refused.contains("do not fit together"), "{refused}");
    assert!(refused.contains("0001_users.sql"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_said() {
    let mut scene = Scene::new().await;
    let answers = [
        ("@otus migrate web", "has no migrations that I know of"),
        ("@otus migrate web", "`[services.web.before]`"),
        ("@otus migrate api in staging", "has no database in"),
        ("@otus migrations pending api at v1", "are in a folder"),
        ("@otus migrate api", "no migrations found"),
    ];
    for (said, words) in answers {
        let answer = scene.say(said).await;
        assert!(answer.contains(words), "{said}: {answer}");
    }
}

#[tokio::test]
async fn a_service_that_brings_its_migrations_along_is_told_as_such() {
    let mut scene = Scene::new().await;
    let pending = scene.say("@otus migrations pending shop").await;
    insta::assert_snapshot!(pending, @"`shop` brings its migrations along: `rails db:migrate` runs in a Job of the release's own image before each deploy, whose card shows how it goes. Which of them are not applied is known to it alone; `deploy shop --plan` says what comes with the newest version. Where they are SQL files of sqlx, golang-migrate or Flyway, `[services.shop.migrations]` has me read, judge and run them.");
    for said in [
        "@otus migrations lint shop",
        "@otus migrate shop in production",
        "@otus migrate shop --plan",
    ] {
        assert_eq!(scene.say(said).await, pending, "{said}");
    }
}
