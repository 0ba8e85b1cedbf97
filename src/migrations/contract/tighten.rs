//! Purpose: making a column NOT NULL so that nobody waits: a check that is not validated, which reads nothing; validating it, which blocks
//! neither reads nor writes; SET NOT NULL, which believes the check and reads nothing; and the check goes.
//!
//! What is next is known from the catalogue alone ([`Standing`]), so whoever takes it up goes on where it was. While the check is there NULL
//! is refused: who gives up takes it back first, however long that takes.

use super::refuse::name;
use crate::{
    contract::{Column, Loose, Standing, standing},
    postgres::{Fault, Session},
    run::{JournalError, Settings, Wish, waited},
    sql::quoted,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use std::time::Duration;
use tokio::sync::watch;

/// How long validating waits for its lock, in milliseconds. Nobody who reads or writes queues behind it, and autovacuum, which may hold the
/// table, only makes room for who has waited for `deadlock_timeout` (a second).
const VALIDATING_MS: u64 = 5_000;
/// How long a statement may take that should take a moment, in milliseconds: everybody waits meanwhile.
const MOMENT_MS: u64 = 10_000;

/// One statement of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// From now on NULL is refused.
    AddCheck,
    /// Every row is read; reads and writes go on.
    Validate,
    /// The check is believed.
    SetNotNull,
    /// It is needed no more.
    DropCheck,
}

impl Step {
    /// What our check is called.
    pub(super) fn check(column: &Column) -> String {
        name("not_null", &column.column)
    }

    /// The statement.
    #[must_use]
    pub fn sql(self, column: &Column) -> String {
        let (table, name) = (column.table.sql(), quoted(&column.column));
        let check = quoted(&Self::check(column));
        match self {
            Self::AddCheck => {
                format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID")
            }
            Self::Validate => format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check}"),
            Self::SetNotNull => format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
            Self::DropCheck => format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
        }
    }

    /// How long it waits for its lock, and how long it may take; 0: as long as it takes.
    fn times(self, settings: &Settings) -> (u64, u64) {
        match self {
            Self::Validate => (settings.lock_timeout_ms.max(VALIDATING_MS), 0),
            Self::AddCheck | Self::SetNotNull | Self::DropCheck => (settings.lock_timeout_ms, MOMENT_MS),
        }
    }
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// What is done now.
    pub step: Step,
    /// How often in a row that did not get its lock.
    pub tries: u32,
    /// Whether it is being taken back.
    pub back: bool,
    /// What keeps it from going on right now, when it is not a lock.
    pub trouble: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tightened {
    /// It is NOT NULL.
    Done,
    /// A row holds NULL. Nothing is left of it, as of those below.
    Null,
    /// It did not work.
    Failed(String),
    /// It was stopped.
    Stopped,
}

/// Who watches it.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Right before something is done: makes sure that it may.
    ///
    /// # Errors
    /// When this process must not go on; everything is left as it is, for who may.
    async fn sure(&self) -> Result<(), JournalError>;

    /// Shows where it is.
    async fn show(&self, at: &At);
}

/// Makes a column NOT NULL, or goes on with it; whatever happens, it ends with nothing left of it but that.
///
/// # Errors
/// When this process must not go on.
pub async fn tighten(
    options: &PgConnectOptions,
    column: &Column,
    settings: &Settings,
    mut wish: watch::Receiver<Wish>,
    watching: &dyn Watch,
) -> Result<Tightened, JournalError> {
    let mut climb = Climb {
        options,
        column,
        settings,
        session: None,
        tries: 0,
        giving_up: None,
        trouble: None,
        never: watch::channel(Wish::Run),
    };
    loop {
        if let Some(end) = climb.once(&mut wish, watching).await? {
            if let Some(session) = climb.session {
                session.close().await;
            }
            return Ok(end);
        }
    }
}

struct Climb<'a> {
    options: &'a PgConnectOptions,
    column: &'a Column,
    settings: &'a Settings,
    session: Option<Session>,
    tries: u32,
    /// How it ends when all is taken back.
    giving_up: Option<Tightened>,
    trouble: Option<String>,
    /// What is taken back is not stopped.
    never: (watch::Sender<Wish>, watch::Receiver<Wish>),
}

impl Climb<'_> {
    /// Looks, and does what is next; or says how it ended.
    async fn once(
        &mut self,
        wish: &mut watch::Receiver<Wish>,
        watching: &dyn Watch,
    ) -> Result<Option<Tightened>, JournalError> {
        let stands = match self.stands().await {
            Ok(stands) => stands,
            Err(fault) => {
                self.session = None;
                self.give_up_if_wanted(wish);
                self.step_back(&fault, None, (wish, true), watching).await;
                return Ok(None);
            }
        };
        if stands.is_not_null() {
            // There is no way back, and no need for one.
            self.giving_up = None;
        } else {
            self.give_up_if_wanted(wish);
            match stands.loose {
                // With the table, or the column, went all that was ours.
                Some(why @ (Loose::NoTable | Loose::NoColumn | Loose::NotATable)) => {
                    let failed = Tightened::Failed(why.to_string());
                    return Ok(Some(self.giving_up.take().unwrap_or(failed)));
                }
                Some(why) => self.give_up(Tightened::Failed(why.to_string())),
                None => {}
            }
        }
        let step = match self.giving_up {
            Some(_) => stands.back(),
            None => stands.next(),
        };
        let Some(step) = step else {
            return Ok(Some(self.giving_up.take().unwrap_or(Tightened::Done)));
        };
        watching.sure().await?;
        watching.show(&self.at(step)).await;
        // From here on only forward.
        let stops = !stands.is_not_null();
        match self.run(step, (wish, stops)).await {
            Ok(()) => {
                self.tries = 0;
                self.trouble = None;
            }
            Err(Fault::Stopped) => self.give_up(Tightened::Stopped),
            // check_violation.
            Err(Fault::Sql(why)) if step == Step::Validate && why.contains("23514") => {
                self.give_up(Tightened::Null);
            }
            Err(Fault::Sql(why)) if self.giving_up.is_none() && stops => {
                self.give_up(Tightened::Failed(why));
            }
            Err(fault) => {
                if let Fault::Lost(_) = fault {
                    self.session = None;
                }
                if fault == Fault::Locked {
                    self.tries += 1;
                    if self.tries >= self.settings.lock_tries && stops {
                        self.give_up(Tightened::Failed(format!(
                            "the table was in use {} times in a row",
                            self.tries
                        )));
                    }
                }
                self.step_back(&fault, Some(step), (wish, stops), watching).await;
            }
        }
        Ok(None)
    }

    fn at(&self, step: Step) -> At {
        At {
            step,
            tries: self.tries,
            back: self.giving_up.is_some(),
            trouble: self.trouble.clone(),
        }
    }

    /// The first reason is the one.
    fn give_up(&mut self, end: Tightened) {
        if self.giving_up.is_none() {
            self.giving_up = Some(end);
            self.tries = 0;
        }
    }

    fn give_up_if_wanted(&mut self, wish: &watch::Receiver<Wish>) {
        if *wish.borrow() == Wish::Stop {
            self.give_up(Tightened::Stopped);
        }
    }

    async fn stands(&mut self) -> Result<Standing, Fault> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::open(self.options, "otus: contract").await?),
        };
        standing(session, self.column).await
    }

    async fn run(
        &mut self,
        step: Step,
        (wish, stops): (&mut watch::Receiver<Wish>, bool),
    ) -> Result<(), Fault> {
        let Some(session) = &mut self.session else {
            return Err(Fault::Lost("the connection is gone".to_owned()));
        };
        let (lock, most) = step.times(self.settings);
        session
            .run(&format!(
                "SET lock_timeout = '{lock}ms'; SET statement_timeout = '{most}ms'"
            ))
            .await?;
        let wish = match (&self.giving_up, stops) {
            (None, true) => wish,
            _ => &mut self.never.1,
        };
        let grace = Duration::from_millis(self.settings.grace_ms);
        session.run_long(&step.sql(self.column), wish, grace).await?;
        Ok(())
    }

    async fn step_back(
        &mut self,
        fault: &Fault,
        step: Option<Step>,
        (wish, stops): (&mut watch::Receiver<Wish>, bool),
        watching: &dyn Watch,
    ) {
        self.trouble = (*fault != Fault::Locked).then(|| fault.to_string());
        if let Some(trouble) = &self.trouble {
            tracing::warn!(trouble, column = %self.column, "a column cannot be tightened yet");
        }
        watching.show(&self.at(step.unwrap_or(Step::AddCheck))).await;
        let wish = match (&self.giving_up, stops) {
            (None, true) => wish,
            _ => &mut self.never.1,
        };
        waited(self.settings.lock_pause_ms.max(1), wish).await;
    }
}
