//! Purpose: the steps of a run that change the database.

use super::{
    batch::Running,
    session::{Fault, Session, fault},
    throttle::throttle,
    world::Postgres,
};
use crate::{
    run::{Outcome, Presence, Wish},
    sql::{Probe, Transaction},
};
use sqlx::Row as _;
use tokio::sync::watch;

impl Postgres {
    pub(super) async fn file(
        &mut self,
        file: usize,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<Outcome, Fault> {
        let (table, grace) = (self.table()?, self.grace());
        let count = self.work.get(file).map_or(0, |work| work.statements.len());
        self.begin().await?;
        for statement in 0..count {
            let (sql, _) = self.statement(file, statement)?;
            self.session()?.run_long(&sql, wish, grace).await?;
        }
        let record = table.record(self.migration(file)?, self.took());
        let session = self.session()?;
        for sql in record {
            session.run(&sql).await?;
        }
        session.run("COMMIT").await?;
        // What the file set for its session.
        session.run("RESET ALL").await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn read_marks(&mut self, file: usize) -> Result<Outcome, Fault> {
        let marks = self.marks(file)?;
        let session = self.session()?;
        marks.make(session).await?;
        match marks.read(session).await? {
            Err(why) => Ok(Outcome::Refused { why }),
            Ok(found) => Ok(Outcome::Marks {
                done: found
                    .iter()
                    .filter(|mark| mark.done)
                    .map(|mark| mark.statement)
                    .collect(),
                begun: found
                    .iter()
                    .filter(|mark| !mark.done)
                    .map(|mark| mark.statement)
                    .collect(),
            }),
        }
    }

    pub(super) async fn run_statement(
        &mut self,
        file: usize,
        statement: usize,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<Outcome, Fault> {
        let (sql, analysis) = self.statement(file, statement)?;
        let (marks, grace) = (self.marks(file)?, self.grace());
        if analysis.transaction == Transaction::Never {
            // Nobody who reads or writes stands in line behind a lock that blocks neither, so it may wait for it. A detached
            // partition is locked when every query on it is done, and half detached it would be for a person.
            let waits_anyway = matches!(analysis.probe, Probe::Detached { .. });
            let blocks = !waits_anyway && analysis.locks.iter().any(|lock| lock.level.blocks_writes());
            let wait = if blocks {
                self.settings.lock_timeout_ms.max(1)
            } else {
                0
            };
            let session = self.session()?;
            session.run(&format!("SET lock_timeout = {wait}")).await?;
            session.run("SET statement_timeout = 0").await?;
            session.run_long(&sql, wish, grace).await?;
            session.run("RESET ALL").await?;
        } else {
            self.begin().await?;
            let session = self.session()?;
            session.run_long(&sql, wish, grace).await?;
            session.run(&marks.mark(statement, true)).await?;
            session.run("COMMIT").await?;
            // Settings of the file stay for its next statement, as they would for any tool; timeouts are set anew.
        }
        Ok(Outcome::Done)
    }

    pub(super) async fn batch(
        &mut self,
        file: usize,
        statement: usize,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<Outcome, Fault> {
        let marks = self.marks(file)?;
        let settings = self.settings.clone();
        let declared = self
            .work
            .get(file)
            .and_then(|work| work.statements.get(statement));
        let Some((declaration, batches)) = declared.and_then(|step| step.batches.clone()) else {
            return Err(Fault::Sql("the statement is no backfill any more".to_owned()));
        };
        let known = self
            .backfill
            .take()
            .filter(|running| running.of == (file, statement));
        let throttle = throttle(self.session()?, &settings).await?;
        self.live.send_if_modified(|live| {
            let news = live.throttle != throttle;
            live.throttle = throttle;
            news
        });
        if throttle.is_some() {
            self.backfill = known;
            return Ok(Outcome::Hold);
        }
        let session = self.session()?;
        let mut running = match known {
            Some(running) => running,
            None => {
                let mark = marks.read(session).await?.unwrap_or_default();
                let mark = mark.into_iter().find(|mark| mark.statement == statement);
                Running::begin(session, (file, statement), &declaration, &batches, mark).await?
            }
        };
        let last = running.next(session, &batches, &marks, &settings, wish).await?;
        let rows = running.mark.rows;
        let share = running.share();
        self.live.send_modify(|live| {
            live.rows = Some(rows);
            live.share = share;
        });
        self.backfill = (!last).then_some(running);
        Ok(Outcome::Batch { last })
    }

    pub(super) async fn probe(&mut self, file: usize, statement: usize) -> Result<Outcome, Fault> {
        let (_, analysis) = self.statement(file, statement)?;
        let session = self.session()?;
        let presence = match &analysis.probe {
            Probe::Index(index) => match valid(session, &index.sql()).await? {
                None => Presence::Not,
                Some(true) => Presence::Done,
                Some(false) => Presence::Half,
            },
            Probe::NoIndex(names) => {
                let mut presence = Presence::Done;
                for name in names {
                    if valid(session, &name.sql()).await?.is_some() {
                        presence = Presence::Not;
                    }
                }
                presence
            }
            Probe::Detached { parent, partition } => {
                let rows = session
                    .rows(
                        "SELECT inhdetachpending::text FROM pg_inherits WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)",
                        &[&parent.sql(), &partition.sql()],
                    )
                    .await?;
                match rows.first() {
                    None => Presence::Done,
                    Some(row) => match row
                        .try_get::<String, _>(0)
                        .map_err(|error| fault(&error, false))?
                        .as_str()
                    {
                        // Half detached: FINALIZE is for a person to say.
                        "true" => Presence::Unknown,
                        _ => Presence::Not,
                    },
                }
            }
            Probe::Repeat => Presence::Not,
            Probe::Marked | Probe::Unknown => Presence::Unknown,
        };
        Ok(Outcome::Present { presence })
    }

    pub(super) async fn clear(
        &mut self,
        file: usize,
        statement: usize,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<Outcome, Fault> {
        let (_, analysis) = self.statement(file, statement)?;
        let (marks, grace) = (self.marks(file)?, self.grace());
        let session = self.session()?;
        if let Probe::Index(index) = &analysis.probe
            && valid(session, &index.sql()).await? == Some(false)
        {
            // It waits for old transactions, as the build did; nobody waits behind it, but a stop should not take for ever.
            session
                .run(&format!("SET lock_timeout = {}", grace.as_millis().max(1)))
                .await?;
            let mut never = watch::Sender::new(Wish::Run).subscribe();
            let wish = if *wish.borrow() == Wish::Stop {
                &mut never
            } else {
                wish
            };
            session
                .run_long(
                    &format!("DROP INDEX CONCURRENTLY IF EXISTS {}", index.sql()),
                    wish,
                    grace,
                )
                .await?;
            session.run("RESET ALL").await?;
        }
        session.run(&marks.unmark(statement)).await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn record(&mut self, file: usize) -> Result<Outcome, Fault> {
        let (table, marks) = (self.table()?, self.marks(file)?);
        let record = table.record(self.migration(file)?, self.took());
        let session = self.session()?;
        session.run("RESET ALL").await?;
        session.run("BEGIN").await?;
        for sql in record {
            session.run(&sql).await?;
        }
        session.run(&marks.forget()).await?;
        session.run("COMMIT").await?;
        Ok(Outcome::Done)
    }
}

/// Whether an index is valid; nothing when there is none.
async fn valid(session: &mut Session, name: &str) -> Result<Option<bool>, Fault> {
    let rows = session
        .rows(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)",
            &[name],
        )
        .await?;
    match rows.first() {
        Some(row) => row.try_get(0).map(Some).map_err(|error| fault(&error, false)),
        None => Ok(None),
    }
}
