//! A column that is to be NOT NULL: rows that hold NULL are counted, NULL is refused for a while, and then for good, whatever happens in
//! between.

use super::contract::{as_role, tries};
use super::stage::{Db, eventually, fresh, patient};
use async_trait::async_trait;
use otus_migrations::{
    contract::{At, Column, Held, Loose, Nulls, Step, Tightened, Watch, Withheld, nulls, standing, tighten},
    postgres::{Fault, Session},
    run::{JournalError, Settings, Wish},
};
use sqlx::Connection as _;
use std::{sync::Mutex, time::Duration};
use tokio::sync::watch;

const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, email text, name text);
    INSERT INTO users SELECT i, 'a', 'x' FROM generate_series(1, 100) i;
    ANALYZE users;
";
const LOCK: Duration = Duration::from_secs(5);

fn email() -> Column {
    Column::read("users.email").unwrap()
}

async fn session(db: &Db) -> Session {
    Session::open(&db.options, "test").await.unwrap()
}

/// Nothing of ours is left.
async fn is_clean(db: &Db) {
    let left = db
        .ask(
            "SELECT (SELECT count(*) FROM pg_constraint WHERE conname LIKE 'otus%') + (SELECT count(*) FROM pg_class WHERE relname LIKE \
             'otus%')",
        )
        .await;
    assert_eq!(left, "0");
}

async fn not_null(db: &Db, table: &str) -> String {
    db.ask(&format!(
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = 'email'"
    ))
    .await
}

#[tokio::test]
async fn rows_that_hold_null_are_counted_and_estimated_where_that_takes_too_long() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    let mut session = session(&db).await;
    let look = async |session: &mut Session, longest| nulls(session, &email(), longest).await.unwrap();
    assert_eq!(look(&mut session, LOCK * 6).await, Nulls::None);
    db.run("UPDATE users SET email = NULL WHERE id <= 25; ANALYZE users")
        .await;
    assert_eq!(look(&mut session, LOCK * 6).await, Nulls::Rows(25));
    // Somebody has the table, so that counting takes as long as it may.
    let holder = db.hold("LOCK TABLE users").await;
    let estimated = look(&mut session, Duration::from_millis(100)).await;
    let Nulls::Estimated {
        share,
        rows: Some(25),
    } = estimated
    else {
        panic!("{estimated:?}");
    };
    assert!((share - 0.25).abs() < 0.001, "{share}");
    drop(holder);
    db.run("CREATE TABLE guests (email text)").await;
    let guests = Column::read("guests.email").unwrap();
    let holder = db.hold("LOCK TABLE guests").await;
    let unknown = nulls(&mut session, &guests, Duration::from_millis(100)).await;
    assert_eq!(unknown.unwrap(), Nulls::Unknown);
    drop(holder);
    db.run("INSERT INTO users SELECT i FROM generate_series(1000, 12000) i")
        .await;
    assert_eq!(look(&mut session, LOCK * 6).await, Nulls::Many);
    db.run("DELETE FROM users WHERE email IS NULL; ALTER TABLE users ALTER email SET NOT NULL")
        .await;
    assert_eq!(look(&mut session, LOCK * 6).await, Nulls::Never);
    session.close().await;
}

#[tokio::test]
async fn a_policy_that_hides_rows_hides_no_null() {
    let db = fresh().await;
    let role = format!("owner_{}", std::process::id());
    db.run(&format!(
        "{SCHEMA} CREATE ROLE {role} LOGIN; ALTER TABLE users OWNER TO {role}; INSERT INTO users VALUES (1000);
         ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE users FORCE ROW LEVEL SECURITY;
         CREATE POLICY mine ON users USING (email IS NOT NULL)"
    ))
    .await;
    let mut session = Session::open(&db.options.clone().username(&role), "test")
        .await
        .unwrap();
    assert_eq!(
        nulls(&mut session, &email(), LOCK * 6).await.unwrap(),
        Nulls::Unknown
    );
    session.close().await;
    db.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn what_cannot_be_made_not_null_is_told() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    db.run(
        "CREATE VIEW old AS SELECT email FROM users; CREATE TABLE orders (id bigint PRIMARY KEY, users_id bigint NOT NULL)",
    )
    .await;
    let mut session = session(&db).await;
    for (column, expected) in [
        ("users.email", None),
        ("public.users.email", None),
        ("nowhere.users.email", Some(Loose::NoTable)),
        ("nobody.email", Some(Loose::NoTable)),
        ("users.e-mail", Some(Loose::NoColumn)),
        ("users.ctid", Some(Loose::NoColumn)),
        ("old.email", Some(Loose::NotATable)),
        ("orders.id", Some(Loose::Primary)),
        ("orders.users_id", Some(Loose::Already)),
    ] {
        let column = Column::read(column).unwrap();
        let stands = standing(&mut session, &column).await.unwrap();
        assert_eq!(stands.loose, expected, "{column}");
        let planned = Withheld::plan_nulls(&mut session, &column).await;
        assert_eq!(planned.is_ok(), expected.is_none(), "{column}: {planned:?}");
    }
    session.close().await;
}

#[tokio::test]
async fn null_is_refused_for_a_while_and_who_failed_is_known() {
    let db = fresh().await;
    let role = format!("loader-{}", std::process::id());
    db.run(&format!(
        "{SCHEMA} CREATE ROLE \"{role}\" LOGIN; GRANT SELECT, INSERT, UPDATE ON users TO \"{role}\""
    ))
    .await;
    let mut session = session(&db).await;
    let withheld = Withheld::plan_nulls(&mut session, &email()).await.unwrap();
    assert!(withheld.sees());
    assert_eq!(
        withheld.words(),
        ("anything".to_owned(), "anything but NULL".to_owned())
    );
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Gone);
    let mut loader = as_role(&db, &role).await;
    // Kept as text, and taken twice, as by whoever takes it up.
    let withheld: Withheld = serde_json::from_str(&serde_json::to_string(&withheld).unwrap()).unwrap();
    for _ in 0..2 {
        Withheld::run(&mut session, &withheld.take(), LOCK).await.unwrap();
    }
    assert_eq!(
        tries(&mut loader, "INSERT INTO users VALUES (1000, 'b')").await,
        "ok"
    );
    assert_eq!(
        tries(&mut loader, "UPDATE users SET name = 'y' WHERE id = 1").await,
        "ok"
    );
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Quiet);
    // Though its transaction is rolled back.
    assert_eq!(
        tries(&mut loader, "UPDATE users SET email = NULL WHERE id = 1").await,
        "23514"
    );
    assert_eq!(
        withheld.look(&mut session).await.unwrap(),
        Held::Refused(Some(role.clone()))
    );
    for _ in 0..2 {
        Withheld::run(&mut session, &withheld.give_back(), LOCK)
            .await
            .unwrap();
        is_clean(&db).await;
    }
    assert_eq!(tries(&mut loader, "INSERT INTO users VALUES (1001)").await, "ok");
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Gone);
    // With its table goes what there is to give back.
    Withheld::run(&mut session, &withheld.take(), LOCK).await.unwrap();
    db.run("DROP TABLE users CASCADE").await;
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Gone);
    Withheld::run(&mut session, &withheld.give_back(), LOCK)
        .await
        .unwrap();
    is_clean(&db).await;
    session.close().await;
    loader.close().await.unwrap();
    db.run(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""))
        .await;
}

#[tokio::test]
async fn who_may_make_nothing_in_the_schema_refuses_it_all_the_same() {
    let db = fresh().await;
    let role = format!("tables_{}", std::process::id());
    db.run(&format!(
        "{SCHEMA} CREATE ROLE {role} LOGIN; ALTER TABLE users OWNER TO {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    ))
    .await;
    let mut session = Session::open(&db.options.clone().username(&role), "test")
        .await
        .unwrap();
    let withheld = Withheld::plan_nulls(&mut session, &email()).await.unwrap();
    assert!(!withheld.sees());
    Withheld::run(&mut session, &withheld.take(), LOCK).await.unwrap();
    let mut other = db.open().await;
    assert_eq!(
        tries(&mut other, "INSERT INTO users VALUES (1000)").await,
        "23514"
    );
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Quiet);
    Withheld::run(&mut session, &withheld.give_back(), LOCK)
        .await
        .unwrap();
    is_clean(&db).await;
    session.close().await;
    db.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn refusing_it_waits_for_the_table_no_longer_than_that() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    let mut session = session(&db).await;
    let withheld = Withheld::plan_nulls(&mut session, &email()).await.unwrap();
    let reader = db.hold("SELECT FROM users").await;
    let short = Duration::from_millis(100);
    let taken = Withheld::run(&mut session, &withheld.take(), short).await;
    assert_eq!(taken, Err(Fault::Locked));
    is_clean(&db).await;
    drop(reader);
    eventually("taken", async || {
        let mut session = Session::open(&db.options, "test").await.unwrap();
        let taken = Withheld::run(&mut session, &withheld.take(), short).await;
        session.close().await;
        taken.is_ok()
    })
    .await;
    let reader = db.hold("SELECT FROM users").await;
    let given = withheld.restore(&mut session, short).await;
    assert_eq!(given, Err(Fault::Locked));
    assert_eq!(withheld.look(&mut session).await.unwrap(), Held::Quiet);
    drop(reader);
    eventually("given back", async || {
        let mut session = Session::open(&db.options, "test").await.unwrap();
        let given = withheld.restore(&mut session, short).await;
        session.close().await;
        given.is_ok()
    })
    .await;
    // Where there is nothing to give back, nobody is waited for.
    let reader = db.hold("SELECT FROM users").await;
    assert_eq!(withheld.restore(&mut session, short).await, Ok(()));
    is_clean(&db).await;
    drop(reader);
    session.close().await;
}

/// Sees what is done, and dies before the step of this number.
#[derive(Default)]
struct Seen {
    steps: Mutex<Vec<(Step, bool)>>,
    dies: Option<usize>,
    /// Stops it at this step.
    stops: Option<(Step, watch::Sender<Wish>)>,
}

impl Seen {
    fn steps(&self) -> Vec<(Step, bool)> {
        let mut steps = self.steps.lock().unwrap().clone();
        steps.dedup();
        steps
    }
}

#[async_trait]
impl Watch for Seen {
    async fn sure(&self) -> Result<(), JournalError> {
        match self.dies == Some(self.steps().len()) {
            true => Err(JournalError("killed".into())),
            false => Ok(()),
        }
    }

    async fn show(&self, at: &At) {
        self.steps.lock().unwrap().push((at.step, at.back));
        if let Some((step, wish)) = &self.stops
            && *step == at.step
        {
            wish.send_replace(Wish::Stop);
        }
    }
}

async fn tightened(db: &Db, seen: &Seen, settings: &Settings) -> Result<Tightened, JournalError> {
    let (wish, wishes) = watch::channel(Wish::Run);
    let column = email();
    let going = tighten(&db.options, &column, settings, wishes, seen);
    let end = tokio::time::timeout(super::stage::PATIENCE, going).await;
    drop(wish);
    end.expect("it should end")
}

#[tokio::test]
async fn a_column_is_not_null_in_four_steps_and_nothing_is_left() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    let seen = Seen::default();
    assert_eq!(tightened(&db, &seen, &patient()).await, Ok(Tightened::Done));
    let steps = [Step::AddCheck, Step::Validate, Step::SetNotNull, Step::DropCheck];
    assert_eq!(seen.steps(), steps.map(|step| (step, false)));
    assert_eq!(not_null(&db, "users").await, "true");
    is_clean(&db).await;
    // Once more is nothing.
    let seen = Seen::default();
    assert_eq!(tightened(&db, &seen, &patient()).await, Ok(Tightened::Done));
    assert_eq!(seen.steps(), []);
    let mut writer = db.open().await;
    assert_eq!(
        tries(&mut writer, "INSERT INTO users VALUES (1000)").await,
        "23502"
    );
}

#[tokio::test]
async fn somebody_elses_proof_is_believed_and_stays() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    db.run("ALTER TABLE users ADD CONSTRAINT theirs CHECK (email IS NOT NULL)")
        .await;
    let seen = Seen::default();
    assert_eq!(tightened(&db, &seen, &patient()).await, Ok(Tightened::Done));
    assert_eq!(seen.steps(), [(Step::SetNotNull, false)]);
    assert_eq!(not_null(&db, "users").await, "true");
    assert_eq!(
        db.ask("SELECT count(*) FROM pg_constraint WHERE conname = 'theirs'")
            .await,
        "1"
    );
}

#[tokio::test]
async fn partitions_are_tightened_with_their_table() {
    let db = fresh().await;
    db.run(
        "CREATE TABLE users (id bigint, email text) PARTITION BY RANGE (id);
         CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (1) TO (100);
         INSERT INTO users SELECT i, 'a' FROM generate_series(1, 50) i",
    )
    .await;
    assert_eq!(
        tightened(&db, &Seen::default(), &patient()).await,
        Ok(Tightened::Done)
    );
    assert_eq!(not_null(&db, "users").await, "true");
    assert_eq!(not_null(&db, "users_1").await, "true");
    is_clean(&db).await;
}

#[tokio::test]
async fn a_row_with_null_ends_it_and_takes_it_back() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    db.run("INSERT INTO users VALUES (1000)").await;
    let seen = Seen::default();
    assert_eq!(tightened(&db, &seen, &patient()).await, Ok(Tightened::Null));
    assert_eq!(
        seen.steps(),
        [
            (Step::AddCheck, false),
            (Step::Validate, false),
            (Step::DropCheck, true)
        ]
    );
    assert_eq!(not_null(&db, "users").await, "false");
    is_clean(&db).await;
}

#[tokio::test]
async fn killed_before_any_step_somebody_else_goes_on() {
    for dies in 0..4 {
        let db = fresh().await;
        db.run(SCHEMA).await;
        let seen = Seen {
            dies: Some(dies),
            ..Seen::default()
        };
        assert!(tightened(&db, &seen, &patient()).await.is_err(), "{dies}");
        let second = Seen::default();
        assert_eq!(tightened(&db, &second, &patient()).await, Ok(Tightened::Done));
        // What was done is not done again.
        assert_eq!(seen.steps().len() + second.steps().len(), 4, "{dies}");
        assert_eq!(not_null(&db, "users").await, "true");
        is_clean(&db).await;
    }
    // The same where it was being taken back.
    let db = fresh().await;
    db.run(SCHEMA).await;
    db.run("INSERT INTO users VALUES (1000)").await;
    let seen = Seen {
        dies: Some(2),
        ..Seen::default()
    };
    assert!(tightened(&db, &seen, &patient()).await.is_err());
    assert_eq!(
        tightened(&db, &Seen::default(), &patient()).await,
        Ok(Tightened::Null)
    );
    is_clean(&db).await;
}

#[tokio::test]
async fn stopped_at_any_step_nothing_is_left_or_all_is_done() {
    for (step, expected, ends) in [
        (Step::AddCheck, Tightened::Stopped, "false"),
        (Step::Validate, Tightened::Stopped, "false"),
        // Too late.
        (Step::DropCheck, Tightened::Done, "true"),
    ] {
        let db = fresh().await;
        db.run(SCHEMA).await;
        let (wish, wishes) = watch::channel(Wish::Run);
        let seen = Seen {
            stops: Some((step, wish)),
            ..Seen::default()
        };
        let (settings, column) = (patient(), email());
        let end = tighten(&db.options, &column, &settings, wishes, &seen).await;
        assert_eq!(end, Ok(expected), "{step:?}");
        assert_eq!(not_null(&db, "users").await, ends, "{step:?}");
        is_clean(&db).await;
    }
}

#[tokio::test]
async fn who_reads_is_never_kept_waiting_for_longer_than_the_lock_timeout() {
    let db = fresh().await;
    db.run(SCHEMA).await;
    // A report that has the table, and readers who come behind it.
    let mut report = db.hold("SELECT FROM users").await;
    let seen = Seen::default();
    let few = Settings {
        lock_timeout_ms: 300,
        lock_tries: 3,
        lock_pause_ms: 10,
        ..patient()
    };
    // As long as the report has not ended, who waited for it would never come to an end.
    let reading = async {
        let mut reader = db.open().await;
        for _ in 0..50 {
            assert_eq!(tries(&mut reader, "SELECT count(*) FROM users").await, "ok");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (end, ()) = tokio::join!(tightened(&db, &seen, &few), reading);
    assert!(matches!(end, Ok(Tightened::Failed(why)) if why.contains("3 times")));
    assert_eq!(tries(&mut report, "COMMIT").await, "ok");
    is_clean(&db).await;
    assert_eq!(
        tightened(&db, &Seen::default(), &patient()).await,
        Ok(Tightened::Done)
    );
}
