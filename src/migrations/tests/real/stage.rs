//! A database for a test, and a run on it.

use async_trait::async_trait;
use otus_emulators::real::RealPostgres;
use otus_migrations::{
    postgres::Postgres,
    run::{End, Journal, JournalError, Machine, Settings, Wish, drive},
    source::{Source, Tree},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions,
};
use std::{
    future::Future,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

static SERVER: LazyLock<RealPostgres> = LazyLock::new(|| RealPostgres::start().unwrap());

/// A database of its own.
pub(crate) async fn fresh() -> Db {
    let url = tokio::task::spawn_blocking(|| SERVER.fresh().unwrap())
        .await
        .unwrap();
    Db {
        options: url.parse().unwrap(),
    }
}

pub(crate) struct Db {
    pub(crate) options: PgConnectOptions,
}

impl Db {
    pub(crate) async fn open(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.open().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }

    /// The answer to a question that has one, as text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut connection = self.open().await;
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT coalesce(({sql})::text, 'nothing')"
        )))
        .fetch_one(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        row.get(0)
    }

    /// Waits until the answer to a question is this.
    pub(crate) async fn until(&self, sql: &str, expected: &str) {
        eventually(sql, async || self.ask(sql).await == expected).await;
    }

    /// A session that holds what a statement takes, until it is dropped.
    pub(crate) async fn hold(&self, sql: &str) -> PgConnection {
        let mut connection = self.open().await;
        for part in ["BEGIN", sql] {
            sqlx::raw_sql(AssertSqlSafe(part.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection
    }

    pub(crate) fn begin(&self, files: &[(&str, &str)], machine: Option<Machine>) -> Running {
        self.begin_with(files, machine, patient())
    }

    /// Begins to run files that are not applied, or goes on with a machine.
    pub(crate) fn begin_with(
        &self,
        files: &[(&str, &str)],
        machine: Option<Machine>,
        settings: Settings,
    ) -> Running {
        let source = Arc::new(source(files));
        let all = (0..source.migrations.len()).collect();
        let (mut world, new) = Postgres::new(self.options.clone(), "test", source, all, settings);
        let mut machine = machine.map_or(new, Machine::resumed);
        let (wish, wishes) = watch::channel(Wish::Run);
        let kept = Kept::default();
        let journal = kept.clone();
        let live = world.live();
        let task =
            tokio::spawn(async move { drive(&mut machine, &mut world, &journal, wishes).await.unwrap() });
        Running {
            task,
            wish,
            kept,
            live,
        }
    }

    /// Runs files to their end.
    pub(crate) async fn apply(&self, files: &[(&str, &str)]) -> End {
        self.begin(files, None).end().await
    }
}

/// Quick to try again, and never giving up.
pub(crate) fn patient() -> Settings {
    Settings {
        lock_timeout_ms: 100,
        lock_tries: 10_000,
        lock_pause_ms: 50,
        poll_ms: 50,
        polls: 100_000,
        batch_pause_ms: 1,
        reconnects: 10_000,
        ..Settings::default()
    }
}

pub(crate) fn source(files: &[(&str, &str)]) -> Source {
    let tree: Tree = files.iter().copied().collect();
    Source::read(&tree, None).unwrap()
}

/// The last that was written down.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<Machine>>>);

impl Kept {
    pub(crate) fn machine(&self) -> Machine {
        // Through its text, as a store would keep it.
        let text = serde_json::to_string(&*self.0.lock().unwrap()).unwrap();
        serde_json::from_str::<Option<Machine>>(&text).unwrap().unwrap()
    }

    pub(crate) fn tries(&self) -> u32 {
        self.0.lock().unwrap().as_ref().map_or(0, Machine::tries)
    }
}

#[async_trait]
impl Journal for Kept {
    async fn save(&self, machine: &Machine) -> Result<(), JournalError> {
        *self.0.lock().unwrap() = Some(machine.clone());
        Ok(())
    }
}

pub(crate) struct Running {
    task: JoinHandle<End>,
    pub(crate) wish: watch::Sender<Wish>,
    pub(crate) kept: Kept,
    pub(crate) live: watch::Receiver<otus_migrations::run::Live>,
}

impl Running {
    pub(crate) async fn end(self) -> End {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("it should end")
            .unwrap()
    }

    /// Ends it as a killed process would: in the middle of whatever it is at, its connections gone.
    pub(crate) async fn kill(self) -> Machine {
        self.task.abort();
        let _ = self.task.await;
        self.kept.machine()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.task.is_finished()
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many sessions of runs are at a statement that begins so.
pub(crate) fn running(beginning: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'otus:test%' AND state = \
         'active' AND query ILIKE '{beginning}%'"
    )
}
