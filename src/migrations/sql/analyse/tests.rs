use super::*;
use crate::sql::split;

fn of(sql: &str) -> Analysis {
    analyse(&split(sql).unwrap().remove(0))
}

/// `table: LEVEL work`, one a lock.
fn locks(sql: &str) -> String {
    let locks = of(sql).locks;
    let said = locks
        .iter()
        .map(|lock| format!("{}: {} {:?}", lock.table, lock.level, lock.work));
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn locks_are_those_of_the_manual() {
    let cases = [
        (
            "alter table only s.t add column a int",
            "s.t: ACCESS EXCLUSIVE Moment",
        ),
        (
            "alter table t add column a uuid default gen_random_uuid()",
            "t: ACCESS EXCLUSIVE Rewrite",
        ),
        (
            "alter table t validate constraint c",
            "t: SHARE UPDATE EXCLUSIVE Scan",
        ),
        (
            "alter table t add foreign key (a, b) references \"U\" not valid",
            "t: SHARE ROW EXCLUSIVE Moment, U: SHARE ROW EXCLUSIVE Moment",
        ),
        ("create index on t (a)", "t: SHARE Build"),
        (
            "create unique index concurrently i on t using gin (a)",
            "t: SHARE UPDATE EXCLUSIVE Build",
        ),
        (
            "alter table t alter column a set statistics 5",
            "t: SHARE UPDATE EXCLUSIVE Moment",
        ),
        (
            "alter table t set (fillfactor = 70)",
            "t: SHARE UPDATE EXCLUSIVE Moment",
        ),
        (
            "create trigger g before insert on s.t execute function f()",
            "s.t: SHARE ROW EXCLUSIVE Moment",
        ),
        ("update t set a = 1 where b", "t: ROW EXCLUSIVE Rows"),
        ("insert into t (a) values (1)", "t: ROW EXCLUSIVE Moment"),
        ("vacuum (full, verbose) t", "t: ACCESS EXCLUSIVE Rewrite"),
        ("vacuum analyze t", "t: SHARE UPDATE EXCLUSIVE Scan"),
        ("reindex table concurrently t", "t: SHARE UPDATE EXCLUSIVE Build"),
        ("refresh materialized view concurrently v", "v: EXCLUSIVE Rows"),
        (
            "truncate only a, b cascade",
            "a: ACCESS EXCLUSIVE Moment, b: ACCESS EXCLUSIVE Moment",
        ),
        (
            "create table t (a int references u)",
            "u: SHARE ROW EXCLUSIVE Moment",
        ),
        (
            "alter table p attach partition q default",
            "p: SHARE UPDATE EXCLUSIVE Moment, q: ACCESS EXCLUSIVE Scan",
        ),
        ("select 1", ""),
    ];
    for (sql, expected) in cases {
        assert_eq!(locks(sql), expected, "{sql}");
    }
}

#[test]
fn kinds_are_told_apart() {
    let cases = [
        ("alter table t add a int", Kind::Additive),
        ("alter table t drop a", Kind::Destructive),
        ("delete from t where a", Kind::Destructive),
        ("update t set a = 1", Kind::Backfill),
        ("vacuum", Kind::Neutral),
        ("do $$ begin end $$", Kind::Person),
        ("frobnicate t", Kind::Person),
        ("select pg_sleep(1)", Kind::Person),
        ("alter table t frobnicate", Kind::Person),
    ];
    for (sql, expected) in cases {
        assert_eq!(of(sql).kind(), expected, "{sql}");
    }
}

#[test]
fn what_no_transaction_takes_is_known_with_its_probe() {
    let cases = [
        (
            "create index concurrently i on s.t (a)",
            Probe::Index(Name {
                schema: Some("s".into()),
                name: "i".into(),
            }),
        ),
        (
            "drop index concurrently a, s.b",
            Probe::NoIndex(vec![
                Name::plain("a"),
                Name {
                    schema: Some("s".into()),
                    name: "b".into(),
                },
            ]),
        ),
        ("vacuum t", Probe::Repeat),
        ("create database d", Probe::Unknown),
        (
            "alter table p detach partition q concurrently",
            Probe::Detached {
                parent: Name::plain("p"),
                partition: Name::plain("q"),
            },
        ),
    ];
    for (sql, expected) in cases {
        let analysis = of(sql);
        assert_eq!(
            (analysis.transaction, analysis.probe),
            (Transaction::Never, expected),
            "{sql}"
        );
    }
    assert_eq!(of("alter table t add a int").probe, Probe::Marked);
    assert_eq!(of("begin").transaction, Transaction::Control);
}

#[test]
fn titles_are_short_and_name_the_object() {
    let cases = [
        ("alter table if exists s.t add a int", "ALTER TABLE IF EXISTS s.t"),
        (
            "create unique index concurrently i on t (a)",
            "CREATE UNIQUE INDEX CONCURRENTLY i",
        ),
        ("update \"T\" set a = 1", "UPDATE \"T\""),
        ("do $$ begin end $$", "DO"),
    ];
    for (sql, expected) in cases {
        assert_eq!(of(sql).title, expected, "{sql}");
    }
}

#[test]
fn the_safe_way_is_written_out() {
    let safe = |sql: &str| of(sql).hazards.remove(0).safe.unwrap();
    insta::assert_snapshot!(safe("create unique index i on app.users (email)"), @r#"
    -- in a file of its own, without a transaction:
    create unique index CONCURRENTLY i on app.users (email);
    "#);
    insta::assert_snapshot!(safe("alter table users add constraint fk foreign key (team_id) references teams (id) on delete cascade"), @r#"
    ALTER TABLE users ADD CONSTRAINT fk foreign key (team_id) references teams (id) on delete cascade NOT VALID;
    -- in a file of its own:
    ALTER TABLE users VALIDATE CONSTRAINT fk;
    "#);
    insta::assert_snapshot!(safe("alter table users alter column email set not null"), @r#"
    ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;
    -- in a file of its own:
    ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;
    -- in another, which uses the check and reads nothing:
    ALTER TABLE users ALTER COLUMN email SET NOT NULL;
    ALTER TABLE users DROP CONSTRAINT users_email_not_null;
    "#);
    insta::assert_snapshot!(safe("alter table users add column token uuid not null default gen_random_uuid()"), @r#"
    ALTER TABLE users ADD COLUMN token uuid;
    ALTER TABLE users ALTER COLUMN token SET DEFAULT …;
    -- in a file of its own, declared as a backfill:
    UPDATE users SET token = … WHERE token IS NULL;
    "#);
    insta::assert_snapshot!(safe("alter table \"Order\" add unique (a, b)"), @r#"
    -- in a file of its own, without a transaction:
    CREATE UNIQUE INDEX CONCURRENTLY "Order_key" ON "Order" (a, b);
    -- then:
    ALTER TABLE "Order" ADD CONSTRAINT "Order_key" UNIQUE USING INDEX "Order_key";
    "#);
}
