//! Purpose: what a machine asks for, done to PostgreSQL.

use super::{
    batch::Running,
    history::{Table, lock_ids},
    look,
    marks::Marks,
    session::{Fault, Session, fault},
    work::Work,
};
use crate::{
    history::compare,
    run::{Effect, Live, Machine, Outcome, Settings, Wish, World},
    source::{Migration, Source},
    sql::Analysis,
};
use async_trait::async_trait;
use sqlx::{Row as _, postgres::PgConnectOptions};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

/// A PostgreSQL database that migrations are run on.
#[derive(Debug)]
pub struct Postgres {
    options: PgConnectOptions,
    /// How others see it.
    name: String,
    source: Arc<Source>,
    /// Places in the source of the files that are run.
    files: Vec<usize>,
    pub(super) work: Vec<Work>,
    pub(super) settings: Settings,
    out_of_order: bool,
    session: Option<Session>,
    watcher: Option<JoinHandle<()>>,
    history: Option<Table>,
    pub(super) backfill: Option<Running>,
    pub(super) live: watch::Sender<Live>,
    /// Since when the file has been run.
    began: Instant,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.unwatch();
    }
}

impl Postgres {
    /// A run of these files of a source, in the name of an operation, and the machine that leads it.
    #[must_use]
    pub fn new(
        options: PgConnectOptions,
        operation: &str,
        source: Arc<Source>,
        files: Vec<usize>,
        settings: Settings,
    ) -> (Self, Machine) {
        let machine = super::machine(&source, &files, settings.clone());
        let migrations = files.iter().filter_map(|place| source.migrations.get(*place));
        let work = migrations.map(Work::of).collect();
        let world = Self {
            options,
            // PostgreSQL cuts names at 63 bytes.
            name: format!("otus:{operation}").chars().take(60).collect(),
            source,
            files,
            work,
            settings,
            out_of_order: false,
            session: None,
            watcher: None,
            history: None,
            backfill: None,
            live: watch::Sender::new(Live::default()),
            began: Instant::now(),
        };
        (world, machine)
    }

    /// Whether a file may come before what is applied.
    #[must_use]
    pub fn out_of_order(mut self, allowed: bool) -> Self {
        self.out_of_order = allowed;
        self
    }

    /// What is to be seen of the statement that runs.
    #[must_use]
    pub fn live(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    fn unwatch(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
        }
    }

    /// The session is of no use any more.
    fn leave(&mut self) {
        self.unwatch();
        self.session = None;
        self.backfill = None;
    }

    pub(super) fn session(&mut self) -> Result<&mut Session, Fault> {
        let none = || Fault::Lost("it is not connected".to_owned());
        self.session.as_mut().ok_or_else(none)
    }

    pub(super) fn migration(&self, file: usize) -> Result<&Migration, Fault> {
        let place = self.files.get(file);
        let found = place.and_then(|place| self.source.migrations.get(*place));
        found.ok_or_else(|| Fault::Sql("the plan has another number of files than the source".to_owned()))
    }

    pub(super) fn statement(&self, file: usize, statement: usize) -> Result<(String, Analysis), Fault> {
        let found = self
            .work
            .get(file)
            .and_then(|work| work.statements.get(statement));
        let found = found.map(|step| (step.sql.clone(), step.analysis.clone()));
        found.ok_or_else(|| Fault::Sql("the plan has another number of statements than the file".to_owned()))
    }

    pub(super) fn table(&self) -> Result<Table, Fault> {
        let none = || Fault::Lost("the history was not read".to_owned());
        self.history.clone().ok_or_else(none)
    }

    pub(super) fn marks(&self, file: usize) -> Result<Marks, Fault> {
        Ok(Marks::of(&self.table()?, self.migration(file)?))
    }

    async fn lock(&mut self) -> Result<Outcome, Fault> {
        if self.session.is_none() {
            let session = Session::open(&self.options, &self.name).await?;
            let watching = look::watch_session(session.options().clone(), session.pid(), self.live.clone());
            self.watcher = Some(tokio::spawn(watching));
            self.session = Some(session);
        }
        let format = self.source.format;
        let session = self.session()?;
        let rows = session
            .rows(
                "SELECT current_database()::text, coalesce(current_schema()::text, '')",
                &[],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Err(Fault::Sql("the database does not say its name".to_owned()));
        };
        let text = |column: usize| {
            row.try_get::<String, _>(column)
                .map_err(|error| fault(&error, false))
        };
        let ids = lock_ids(format, &text(0)?, &text(1)?);
        for (at, id) in ids.iter().enumerate() {
            let rows = session
                .rows(&format!("SELECT pg_try_advisory_lock({id})"), &[])
                .await?;
            let got = match rows.first() {
                Some(row) => row.try_get(0).map_err(|error| fault(&error, false))?,
                None => false,
            };
            if !got {
                for id in &ids[..at] {
                    session.run(&format!("SELECT pg_advisory_unlock({id})")).await?;
                }
                let owner = owner(session, *id).await?;
                return Ok(Outcome::Busy { owner });
            }
        }
        Ok(Outcome::Done)
    }

    async fn check(&mut self) -> Result<Outcome, Fault> {
        let format = self.source.format;
        let (source, files, out_of_order) = (Arc::clone(&self.source), self.files.clone(), self.out_of_order);
        let session = self.session()?;
        let table = Table::make(session, format).await?;
        let history = table.read(session).await?;
        self.history = Some(table);
        let compared = compare(&source, &history, out_of_order);
        if let Some(refusal) = compared.refusals.first() {
            return Ok(Outcome::Refused {
                why: refusal.to_string(),
            });
        }
        self.began = Instant::now();
        let applied = files.iter().map(|place| !compared.pending.contains(place));
        Ok(Outcome::Checked {
            applied: applied.collect(),
        })
    }

    pub(super) fn took(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn grace(&self) -> Duration {
        Duration::from_millis(self.settings.grace_ms)
    }

    /// Begins a transaction in which nothing waits long.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        let lock = self.settings.lock_timeout_ms.max(1);
        let statement = self.settings.statement_timeout_ms.unwrap_or(0);
        let session = self.session()?;
        session.run("BEGIN").await?;
        session.run(&format!("SET LOCAL lock_timeout = {lock}")).await?;
        session
            .run(&format!("SET LOCAL statement_timeout = {statement}"))
            .await?;
        Ok(())
    }

    /// Runs what may be left open to its end, and says what came of it.
    async fn after(&mut self, done: Result<Outcome, Fault>) -> Outcome {
        let fault = match done {
            Ok(outcome) => return outcome,
            Err(fault) => fault,
        };
        // A backfill's own copy of its mark may be ahead of what was committed.
        self.backfill = None;
        if !matches!(fault, Fault::Lost(_))
            && let Some(session) = &mut self.session
        {
            let tidied = async {
                // A warning, when there is no transaction.
                session.run("ROLLBACK").await?;
                session.run("RESET ALL").await
            };
            if tidied.await.is_err() {
                self.leave();
                if fault == Fault::Stopped {
                    return Outcome::Stopped;
                }
                return Outcome::Lost {
                    why: "the session is gone".to_owned(),
                };
            }
        }
        match fault {
            Fault::Locked => Outcome::LockTimeout,
            Fault::Stopped => Outcome::Stopped,
            Fault::Sql(why) => Outcome::Failed { why },
            Fault::Lost(why) => {
                self.leave();
                Outcome::Lost { why }
            }
        }
    }
}

/// Who has an advisory lock.
async fn owner(session: &mut Session, id: i64) -> Result<String, Fault> {
    let (high, low) = ((id >> 32) & 0xffff_ffff, id & 0xffff_ffff);
    let rows = session
        .rows(
            &format!(
                "SELECT format('%s (%s, process %s)', nullif(a.application_name, ''), a.usename, a.pid) FROM pg_locks l JOIN \
                 pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.classid::int8 = {high} AND \
                 l.objid::int8 = {low} LIMIT 1"
            ),
            &[],
        )
        .await?;
    let name: Option<String> = match rows.first() {
        Some(row) => row.try_get(0).map_err(|error| fault(&error, false))?,
        None => None,
    };
    Ok(name.unwrap_or_else(|| "somebody who has just gone".to_owned()))
}

#[async_trait]
impl World for Postgres {
    async fn perform(&mut self, effect: Effect, wish: &mut watch::Receiver<Wish>) -> Outcome {
        let done = match effect {
            Effect::Lock => self.lock().await,
            Effect::Check => self.check().await,
            Effect::File { file } => self.file(file, wish).await,
            Effect::Marks { file } => self.read_marks(file).await,
            Effect::Begin { file, statement } => match self.marks(file) {
                Ok(marks) => match self.session() {
                    Ok(session) => session
                        .run(&marks.mark(statement, false))
                        .await
                        .map(|_| Outcome::Done),
                    Err(fault) => Err(fault),
                },
                Err(fault) => Err(fault),
            },
            Effect::Statement { file, statement } => self.run_statement(file, statement, wish).await,
            Effect::Batch { file, statement } => self.batch(file, statement, wish).await,
            Effect::Mark { file, statement } => match self.marks(file) {
                Ok(marks) => match self.session() {
                    Ok(session) => session
                        .run(&marks.mark(statement, true))
                        .await
                        .map(|_| Outcome::Done),
                    Err(fault) => Err(fault),
                },
                Err(fault) => Err(fault),
            },
            Effect::Probe { file, statement } => self.probe(file, statement).await,
            Effect::Clear { file, statement } => self.clear(file, statement, wish).await,
            Effect::Record { file } => self.record(file).await,
            Effect::Unlock => {
                self.unwatch();
                if let Some(session) = self.session.take() {
                    session.close().await;
                }
                return Outcome::Done;
            }
            Effect::Wait { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                return Outcome::Done;
            }
        };
        self.after(done).await
    }
}
