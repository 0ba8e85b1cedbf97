//! A column that is to go: who uses it is found, and it can be withheld and given back.

use super::stage::{Db, fresh};
use otus_emulators::real::RealPostgres;
use otus_migrations::{
    contract::{Column, Copied, Evidence, Object, Withheld, copied, evidence},
    postgres::Session,
    sql::Name,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use std::time::Duration;

fn legacy() -> Column {
    Column {
        table: Name::plain("users"),
        column: "legacy".into(),
    }
}

/// Nobody else is at the tables here.
const LOCK: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, email text, legacy text);
    INSERT INTO users SELECT i, 'a', 'x' FROM generate_series(1, 100) i;
    CREATE INDEX users_legacy ON users (legacy);
    CREATE VIEW old AS SELECT legacy FROM users;
    CREATE PUBLICATION feed FOR TABLE users (id, legacy);
    CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(legacy) FROM users); END';
    CREATE FUNCTION reads_not() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(legacy_other) FROM users); END';
    CREATE FUNCTION body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(legacy) FROM users; END;
    ANALYZE users;
";

async fn gathered(db: &Db) -> Evidence {
    let mut session = Session::open(&db.options, "test").await.unwrap();
    let found = evidence(&mut session, &Object::Column(legacy())).await.unwrap();
    session.close().await;
    found
}

#[tokio::test]
async fn what_stands_on_a_column_is_found() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    let found = gathered(&db).await;
    let certain: Vec<&str> = found
        .dependents
        .iter()
        .filter(|one| one.certain)
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(
        certain,
        [
            "function body()",
            "index users_legacy",
            "publication feed (its column list)",
            "publication of table users in publication feed",
            "view old"
        ]
    );
    let guessed: Vec<&str> = found
        .dependents
        .iter()
        .filter(|one| !one.certain)
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(guessed, ["function reads()"]);
    assert_eq!((found.uses, found.null_share), (None, Some(0.0)));
}

pub(crate) async fn as_role(db: &Db, role: &str) -> PgConnection {
    db.options.clone().username(role).connect().await.unwrap()
}

/// How a statement ends: `ok`, or its SQLSTATE.
pub(crate) async fn tries(connection: &mut PgConnection, sql: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
    {
        Ok(_) => "ok".into(),
        Err(error) => error
            .as_database_error()
            .and_then(|said| said.code())
            .unwrap_or_default()
            .into_owned(),
    }
}

#[tokio::test]
async fn a_consumer_that_still_reads_it_is_found_by_its_statements() {
    let server = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let db = Db {
        options: server.url().parse().unwrap(),
    };
    db.run("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        .await;
    let server = tokio::task::spawn_blocking(move || {
        server.restart(|| {}).unwrap();
        server
    })
    .await
    .unwrap();
    db.run("CREATE EXTENSION pg_stat_statements; CREATE TABLE users (id bigint, email text, legacy text); CREATE ROLE etl LOGIN; CREATE ROLE app \
            LOGIN; GRANT SELECT ON users TO etl, app")
        .await;
    let (mut etl, mut app) = (as_role(&db, "etl").await, as_role(&db, "app").await);
    assert_eq!(
        tries(&mut etl, "SELECT legacy FROM users WHERE id = 5").await,
        "ok"
    );
    assert_eq!(
        tries(&mut app, "SELECT id, email FROM users WHERE id = 5").await,
        "ok"
    );
    assert_eq!(tries(&mut app, "SELECT * FROM users WHERE id = 5").await, "ok");
    let found = gathered(&db).await;
    let uses = found.uses.unwrap();
    let said: Vec<(&str, &str, bool)> = uses
        .iter()
        .filter(|one| matches!(one.role.as_str(), "etl" | "app"))
        .map(|one| (one.role.as_str(), one.statement.as_str(), one.certain))
        .collect();
    assert!(
        said.contains(&("etl", "SELECT legacy FROM users WHERE id = $1", true)),
        "{said:?}"
    );
    // It cannot be told whether this needs the column.
    assert!(
        said.contains(&("app", "SELECT * FROM users WHERE id = $1", false)),
        "{said:?}"
    );
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(found.forgotten, Some(0));
    etl.close().await.unwrap();
    app.close().await.unwrap();
    drop(server);
}

#[tokio::test]
async fn a_column_is_withheld_from_one_role_and_given_back() {
    let db = fresh().await;
    let role = format!("reports_{}", std::process::id());
    db.run(&format!(
        "{SCHEMA} CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}"
    ))
    .await;
    let mut session = Session::open(&db.options, "test").await.unwrap();
    let withheld = Withheld::plan(&mut session, &Object::Column(legacy()), &role)
        .await
        .unwrap();
    let mut reports = as_role(&db, &role).await;
    let all = [
        "SELECT legacy FROM users",
        "SELECT * FROM users",
        "SELECT id, email FROM users",
    ];
    Withheld::run(&mut session, &withheld.take(), LOCK).await.unwrap();
    let mut ends = Vec::new();
    for sql in all {
        ends.push(tries(&mut reports, sql).await);
    }
    assert_eq!(ends, ["42501", "42501", "ok"]);
    // Whoever finds it after a crash gives it back, perhaps twice.
    for _ in 0..2 {
        Withheld::run(&mut session, &withheld.give_back(), LOCK)
            .await
            .unwrap();
        for sql in all {
            assert_eq!(tries(&mut reports, sql).await, "ok");
        }
    }
    // Nothing is left of it.
    assert_eq!(
        db.ask("SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attacl IS NOT NULL")
            .await,
        "0"
    );
    // Who reads as the owner, or as everybody, cannot be kept from it.
    let refused = Withheld::plan(&mut session, &Object::Column(legacy()), "otus")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("superuser"), "{refused}");
    // Who may let others in would lose that.
    db.run(&format!("GRANT SELECT ON users TO {role} WITH GRANT OPTION"))
        .await;
    let refused = Withheld::plan(&mut session, &Object::Column(legacy()), &role)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("GRANT OPTION"), "{refused}");
    db.run(&format!(
        "REVOKE GRANT OPTION FOR SELECT ON users FROM {role}; GRANT SELECT ON users TO PUBLIC"
    ))
    .await;
    let refused = Withheld::plan(&mut session, &Object::Column(legacy()), &role)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("PUBLIC"), "{refused}");
    session.close().await;
    reports.close().await.unwrap();
    db.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

fn whole() -> Object {
    Object::Table(Name::plain("users"))
}

#[tokio::test]
async fn what_stands_on_a_table_is_found_and_what_goes_with_it_is_not() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    db.run(
        "CREATE TABLE orders (id bigint, users_id bigint CONSTRAINT whose REFERENCES users);
         ALTER TABLE users ADD parent bigint CONSTRAINT own REFERENCES users;
         CREATE TABLE guests () INHERITS (users);
         CREATE FUNCTION shown(users) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER touched BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE users ENABLE ROW LEVEL SECURITY;
         CREATE POLICY mine ON users USING (email = current_user);
         CREATE POLICY theirs ON orders USING (EXISTS (SELECT FROM users));",
    )
    .await;
    let mut session = Session::open(&db.options, "test").await.unwrap();
    let found = evidence(&mut session, &whole()).await.unwrap();
    session.close().await;
    let of = |certain: bool| -> Vec<&str> {
        let all = found.dependents.iter().filter(|one| one.certain == certain);
        all.map(|one| one.what.as_str()).collect()
    };
    assert_eq!(
        of(true),
        [
            "foreign key whose of orders",
            "function body()",
            "function shown(users)",
            "policy theirs of orders",
            "publication feed",
            "table guests",
            "view old"
        ]
    );
    assert_eq!(of(false), ["function reads()", "function reads_not()"]);
}

#[tokio::test]
async fn a_table_is_withheld_with_all_rights_and_they_come_back_as_they_were() {
    let db = fresh().await;
    let role = format!("loader_{}", std::process::id());
    db.run(&format!(
        "{SCHEMA} CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT ON users TO {role}; GRANT UPDATE ON users TO {role} WITH GRANT OPTION"
    ))
    .await;
    let acl = format!(
        "SELECT string_agg(privilege_type || is_grantable, ' ' ORDER BY privilege_type) FROM pg_class, aclexplode(relacl) a, pg_roles r \
         WHERE pg_class.oid = 'users'::regclass AND a.grantee = r.oid AND rolname = '{role}'"
    );
    let before = db.ask(&acl).await;
    assert_eq!(before, "INSERTfalse SELECTfalse UPDATEtrue");
    let mut session = Session::open(&db.options, "test").await.unwrap();
    let withheld = Withheld::plan(&mut session, &whole(), &role).await.unwrap();
    assert_eq!(
        withheld.words(),
        ("INSERT, SELECT, UPDATE".to_owned(), "nothing".to_owned())
    );
    let mut loader = as_role(&db, &role).await;
    let all = [
        "SELECT id FROM users",
        "INSERT INTO users VALUES (1000)",
        "UPDATE users SET email = 'b'",
    ];
    Withheld::run(&mut session, &withheld.take(), LOCK).await.unwrap();
    for sql in all {
        assert_eq!(tries(&mut loader, sql).await, "42501", "{sql}");
    }
    for _ in 0..2 {
        Withheld::run(&mut session, &withheld.give_back(), LOCK)
            .await
            .unwrap();
        assert_eq!(db.ask(&acl).await, before);
    }
    for sql in all {
        assert_eq!(tries(&mut loader, sql).await, "ok", "{sql}");
    }
    // What could not be given back as it was is not taken.
    db.run(&format!("GRANT UPDATE (legacy) ON users TO {role}")).await;
    let refused = Withheld::plan(&mut session, &whole(), &role).await.unwrap_err();
    assert!(refused.to_string().contains("single columns"), "{refused}");
    session.close().await;
    loader.close().await.unwrap();
    db.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn rows_that_are_not_copied_are_counted() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    let mut session = Session::open(&db.options, "test").await.unwrap();
    let mut look = async |new: &str| copied(&mut session, &legacy(), new).await.unwrap();
    assert_eq!(look("remark").await, Copied::NotThere);
    db.run(
        "ALTER TABLE users ADD remark text, ADD length int; UPDATE users SET remark = legacy WHERE id > 7",
    )
    .await;
    assert_eq!(look("remark").await, Copied::Without(7));
    // One that was written later, and differently.
    db.run("UPDATE users SET remark = legacy; UPDATE users SET remark = 'y' WHERE id = 50")
        .await;
    assert_eq!(look("remark").await, Copied::Without(1));
    db.run("UPDATE users SET remark = legacy, legacy = NULL WHERE id = 50; UPDATE users SET remark = NULL WHERE id = 50")
        .await;
    assert_eq!(look("remark").await, Copied::All);
    // Of another type only that there is something can be seen.
    db.run("UPDATE users SET length = 1 WHERE id > 2").await;
    assert_eq!(look("length").await, Copied::Without(2));
    db.run("INSERT INTO users (id, legacy) SELECT i, 'x' FROM generate_series(1000, 12000) i")
        .await;
    assert_eq!(look("remark").await, Copied::Many);
    session.close().await;
}
