//! What a plan says of a real database.

use super::stage::{fresh, source};
use otus_migrations::{
    database::rights,
    lint::Verdict,
    plan::{Ask, plan},
    sql::{LockLevel, Work},
};
use sqlx::{Connection as _, Executor as _};

#[tokio::test]
async fn a_plan_says_what_will_be_done_how_large_it_is_and_who_is_in_the_way() {
    let db = fresh().await;
    db.run(
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL); INSERT INTO users SELECT i, repeat('x', 100) FROM \
         generate_series(1, 50000) i; CREATE TABLE small (id bigint); ANALYZE",
    )
    .await;
    let mut holder = db.hold("SELECT * FROM users LIMIT 1").await;
    holder
        .execute("SET application_name = 'the-report'")
        .await
        .unwrap();
    let files = source(&[
        ("1_a.sql", "ALTER TABLE small ADD COLUMN a text;"),
        ("2_b.sql", "CREATE INDEX small_a ON small (a);"),
        ("3_c.sql", "CREATE INDEX users_email ON users (email);"),
        ("4_d.sql", "ALTER TABLE users ALTER COLUMN email SET NOT NULL;"),
        ("5_e.sql", "ALTER TABLE users ADD COLUMN e text;"),
    ]);
    let ask = Ask {
        dry_run: true,
        ..Ask::default()
    };
    let planned = plan(&db.options, &files, &ask).await.unwrap();
    let verdicts: Vec<Verdict> = planned.what.files.iter().map(|file| file.verdict).collect();
    // An index on a small table is nothing; that email is never null is known already.
    assert_eq!(
        verdicts,
        [
            Verdict::Fine,
            Verdict::Fine,
            Verdict::Refused,
            Verdict::Fine,
            Verdict::Fine
        ]
    );
    assert_eq!(planned.verdict(), Verdict::Refused);
    let refused = planned.findings()[0];
    assert_eq!(refused.rule, "require-concurrent-index-creation");
    assert_eq!(
        (refused.locks[0].level, refused.locks[0].work),
        (LockLevel::Share, Work::Build)
    );
    assert!(refused.locks[0].expected_ms.is_some_and(|ms| ms > 5));
    let (_, facts) = planned
        .now
        .tables
        .iter()
        .find(|(name, _)| name == "public.users")
        .unwrap();
    assert!(facts.rows == 50_000 && facts.bytes > 5_000_000, "{facts:?}");
    let blocker = planned
        .now
        .blockers
        .iter()
        .find(|one| one.application == "the-report")
        .unwrap();
    assert_eq!(
        (blocker.table.as_str(), blocker.level),
        ("public.users", Some(LockLevel::AccessShare))
    );
    let tried = planned.now.dry_run.clone().unwrap();
    assert_eq!(tried.tried, ["1_a.sql"]);
    assert_eq!(tried.locks, [("small".to_owned(), LockLevel::AccessExclusive)]);
    assert_eq!(tried.stopped_at.unwrap().0, "2_b.sql");
    // Nothing is left of it, and a second look is the same.
    assert_eq!(
        db.ask("SELECT count(*) FROM information_schema.columns WHERE table_name = 'small'")
            .await,
        "1"
    );
    holder.close().await.unwrap();
    let again = plan(&db.options, &files, &ask).await.unwrap();
    assert_eq!(again.what, planned.what);
    assert!(again.now.blockers.is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert_eq!(
        serde_json::from_str::<otus_migrations::plan::Plan>(&text).unwrap(),
        planned
    );
}

#[tokio::test]
async fn an_empty_database_takes_anything_and_what_is_there_is_known_by_its_kind() {
    let db = fresh().await;
    let files = [
        ("1_a.sql", "CREATE TABLE a (id bigint)"),
        ("2_b.sql", "CREATE INDEX a_id ON a (id)"),
    ];
    let first = plan(&db.options, &source(&files), &Ask::default()).await.unwrap();
    assert_eq!(first.verdict(), Verdict::Fine);
    assert_eq!(first.what.files.len(), 2);
    assert_eq!(db.apply(&files).await, otus_migrations::run::End::Done);
    db.run("INSERT INTO a SELECT generate_series(1, 50000); CREATE VIEW v AS SELECT id FROM a; ANALYZE")
        .await;
    for (statement, expected) in [
        ("DROP INDEX a_id", "require-concurrent-index-deletion"),
        ("REINDEX INDEX a_id", "require-concurrent-reindex"),
        ("DROP VIEW v", "ban-drop-view"),
    ] {
        let more = [files[0], files[1], ("3_c.sql", statement)];
        let planned = plan(&db.options, &source(&more), &Ask::default()).await.unwrap();
        let rules: Vec<&str> = planned
            .findings()
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect();
        assert!(rules.contains(&expected), "{statement}: {rules:?}");
        assert_eq!(planned.verdict(), Verdict::Refused);
        assert_eq!((planned.what.applied, planned.what.files.len()), (2, 1));
    }
}

#[tokio::test]
async fn what_right_is_missing_is_said_with_the_statement_that_gives_it() {
    let db = fresh().await;
    let role = format!("migrator_{}", std::process::id());
    db.run(&format!(
        "CREATE ROLE {role} LOGIN; CREATE TABLE users (id bigint); REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    ))
    .await;
    let options = db.options.clone().username(&role);
    let found = rights(&options).await.unwrap();
    assert_eq!(
        found.missing,
        [
            format!("it may not make tables, and so no history: GRANT CREATE ON SCHEMA public TO {role}"),
            format!("it may not alter users, which others own: GRANT otus TO {role}"),
        ]
    );
    assert_eq!(found.remarks.len(), 2, "{:?}", found.remarks);
    db.run(&format!(
        "GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE users OWNER TO {role}"
    ))
    .await;
    assert_eq!(rights(&options).await.unwrap().missing, Vec::<String>::new());
    db.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
