//! Withholding what is to go for a while, by rights alone: an operation, so that whoever takes it up gives it back.
//!
//! What is taken, and how it is given back, is in the plan, which is kept before anything is done. It does not end before everything is
//! given back, however long the database is away.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::card::{Card, Tone};
use otus::operations::{Action, Change, Ending, Interrupted, Outcome, Plan, Run, Target, Wish};
use otus::{Result, Services, UserError};
use otus_migrations::contract::{Gate, GateState, Held, Stage, Withheld, WithheldError};
use otus_migrations::database::Databases;
use otus_migrations::postgres::{Fault, Session};
use otus_migrations::run::about;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desk::{self, entry};
use super::look::{look, session};
use super::record;
use super::record::Row;
use crate::settings::Settings;
use crate::texts;

/// The kind of operation it is.
pub(crate) const KIND: &str = "withhold";
/// How often it looks whether somebody misses it, and how long it waits before it tries again to give it back.
const OFTEN: Duration = Duration::from_millis(500);

/// Withholding it.
pub(crate) struct Withhold {
    pub(crate) settings: Settings,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The contract.
    pub(crate) key: String,
}

/// What applying needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Planned {
    key: String,
    database: String,
    from: Vec<Withheld>,
    for_ms: u64,
}

/// Who can be kept from it, and why others cannot.
#[derive(Default)]
struct Reach {
    can: Vec<Withheld>,
    cannot: Vec<String>,
}

async fn reach(services: &Services, row: &Row) -> Result<Reach> {
    let wrong = |why: &str| UserError::new(texts::bad_database(&row.database, why));
    let config = desk::config(services, row)?;
    let mut session = session(services, &row.database)
        .await
        .map_err(|why| wrong(&why))?;
    let mut reach = Reach::default();
    if let Some(column) = row.object.tightens() {
        let found = Withheld::plan_nulls(&mut session, column).await;
        session.close().await;
        match found {
            Ok(withheld) => reach.can.push(withheld),
            Err(error @ WithheldError::Cannot { .. }) => reach.cannot.push(error.to_string()),
            Err(WithheldError::Fault(fault)) => return Err(wrong(&fault.to_string()).into()),
        }
        return Ok(reach);
    }
    for role in config.consumers.values().flat_map(|consumer| &consumer.roles) {
        match Withheld::plan(&mut session, &row.object, role).await {
            Ok(withheld) => reach.can.push(withheld),
            Err(error @ WithheldError::Cannot { .. }) => reach.cannot.push(error.to_string()),
            Err(WithheldError::Fault(fault)) => return Err(wrong(&fault.to_string()).into()),
        }
    }
    session.close().await;
    Ok(reach)
}

/// Whether it can be withheld from anybody at all.
pub(crate) async fn can(services: &Services, row: &Row) -> Result<bool> {
    Ok(!reach(services, row).await?.can.is_empty())
}

/// Why it is not withheld, or given back, yet.
#[derive(PartialEq)]
enum Taking {
    /// Somebody else is at the table.
    Locked,
    /// It does not work.
    Wrong(String),
}

impl From<Fault> for Taking {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Locked => Taking::Locked,
            fault => Taking::Wrong(fault.to_string()),
        }
    }
}

impl Taking {
    fn words(self) -> String {
        match self {
            Taking::Locked => Fault::Locked.to_string(),
            Taking::Wrong(why) => why,
        }
    }
}

/// Why it is not withheld any longer.
enum Over {
    Time,
    Missed(Vec<String>),
    Cancelled,
}

#[async_trait]
impl Action for Withhold {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let wanted: Wanted = serde_json::from_value(ask.clone())?;
        let Some((row, _)) = desk::one(services, &wanted.key).await? else {
            return Err(UserError::new(texts::no_contract(&wanted.key, true)).into());
        };
        if row.contract.stage() != Stage::At(Gate::Brownout) || row.withheld.is_some() {
            return Err(UserError::new(texts::not_to_be_withheld(&row)).into());
        }
        if row.object.tightens().is_some() {
            // Whoever changes anything of a row that holds NULL would fail, so there must be none.
            let row = look(services, &self.settings, &wanted.key).await?;
            if let Some(fault) = &row.fault {
                return Err(UserError::new(texts::cannot_look(&row, fault)).into());
            }
            if row.contract.stage() != Stage::At(Gate::Brownout) {
                return Err(UserError::new(texts::not_to_be_withheld(&row)).into());
            }
        }
        let reach = reach(services, &row).await?;
        if reach.can.is_empty() {
            return Err(UserError::new(texts::nobody_to_withhold_from(&row, &reach.cannot)).into());
        }
        let changes = reach.can.iter().map(|withheld| {
            let (now, then) = withheld.words();
            Change {
                what: texts::rights_of(withheld),
                from: Some(now),
                to: Some(texts::for_a_while(&then, self.settings.withheld)),
            }
        });
        let changes = changes.collect();
        let planned = Planned {
            key: wanted.key,
            database: row.database.clone(),
            for_ms: u64::try_from(self.settings.withheld.as_millis()).unwrap_or(u64::MAX),
            from: reach.can,
        };
        Ok(Plan {
            target: Target::new(&row.service, &row.environment),
            title: texts::withhold(&row),
            changes,
            warnings: reach.cannot,
            notes: vec![texts::withhold_note(
                &row.object,
                planned.from.iter().any(Withheld::sees),
            )],
            details: serde_json::to_value(&planned)?,
            exclusive: true,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let planned: Planned = serde_json::from_value(run.plan().details)?;
        let job = Job {
            settings: &self.settings,
            run: &run,
            planned: &planned,
        };
        job.work().await
    }
}

struct Job<'a> {
    settings: &'a Settings,
    run: &'a Run,
    planned: &'a Planned,
}

impl Job<'_> {
    async fn work(&self) -> Result<Ending> {
        let taken: Result<Timestamp, String> = self.run.step("withhold", |_| self.take()).await?;
        let until = match taken {
            Ok(until) => until,
            Err(why) => {
                // Whatever was taken before it went wrong is given back.
                self.run.step("give back", |_| self.give_back()).await?;
                let text = texts::not_withheld_because(&why);
                self.note(|row, _| row.withheld = None, &text).await?;
                return Ok(match self.run.wish() {
                    Wish::Cancel => self.ending(Outcome::Cancelled, Tone::Neutral, &text),
                    _ => self.ending(Outcome::Failed, Tone::Bad, &text),
                });
            }
        };
        let operation = self.run.operation().id;
        let text = texts::is_withheld(&self.names(), until);
        self.run
            .step("tell", |_| async {
                self.note(|row, _| row.withheld = Some((operation.clone(), until)), &text)
                    .await
                    .map(|_| ())
            })
            .await?;
        let over = self.wait(until).await?;
        self.run.step("give back", |_| self.give_back()).await?;
        match over {
            Over::Time => {
                let text = texts::endured(&self.names());
                let row = self
                    .note(
                        |row, now| {
                            // Somebody may have used it elsewhere meanwhile, or missed it in the last moment.
                            let missed = matches!(row.contract.gate(Gate::Brownout), GateState::InUse { .. });
                            if row.withheld.take().is_some()
                                && !missed
                                && let Err(why) = row.endured(now)
                            {
                                tracing::info!(%why, "a contract went back while it was withheld");
                            }
                        },
                        &text,
                    )
                    .await?;
                let stands = row.is_some_and(|row| row.contract.stage() == Stage::Ready);
                Ok(match stands {
                    true => self.ending(Outcome::Succeeded, Tone::Good, &text),
                    false => self.ending(Outcome::Failed, Tone::Warning, &texts::given_back_in_use()),
                })
            }
            Over::Missed(what) => {
                let text = texts::given_back_missed(&what);
                self.note(|row, _| row.withheld = None, &text).await?;
                Ok(self.ending(Outcome::Failed, Tone::Warning, &text))
            }
            Over::Cancelled => {
                let text = texts::given_back_cancelled();
                self.note(|row, _| row.withheld = None, &text).await?;
                Ok(self.ending(Outcome::Cancelled, Tone::Neutral, &text))
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let all = self.planned.from.iter();
        all.map(|one| one.role.clone().unwrap_or_else(texts::whoever_writes))
            .collect()
    }

    /// Withholds it from everybody, or says why not. Doing it twice is doing it once. Who does not get a lock in time steps back, and
    /// tries again.
    async fn take(&self) -> Result<Result<Timestamp, String>> {
        let mut tries = 0;
        loop {
            self.run.certain().await?;
            let why = match self.try_take().await {
                Ok(()) => break,
                Err(Taking::Locked) if self.run.wish() == Wish::Cancel => {
                    return Ok(Err(texts::was_cancelled()));
                }
                Err(Taking::Locked) if tries < self.settings.lock_tries => {
                    tries += 1;
                    self.run
                        .show(Card::new(Tone::Running, self.run.plan().title).text(texts::in_use(tries)))
                        .await;
                    tokio::select! {
                        () = self.run.over().cancelled() => return Err(Interrupted.into()),
                        _ = self.run.wish_changed() => {}
                        () = tokio::time::sleep(about(self.settings.lock_pause)) => {}
                    }
                    continue;
                }
                Err(why) => why.words(),
            };
            return Ok(Err(why));
        }
        let now = self.run.services().store().now().await?;
        let span = SignedDuration::from_millis(i64::try_from(self.planned.for_ms).unwrap_or(i64::MAX));
        Ok(Ok(now.checked_add(span).unwrap_or(now)))
    }

    async fn try_take(&self) -> Result<(), Taking> {
        let mut session = session(self.run.services(), &self.planned.database)
            .await
            .map_err(Taking::Wrong)?;
        let mut taken = Ok(());
        for withheld in &self.planned.from {
            taken = Withheld::run(&mut session, &withheld.take(), self.settings.lock_timeout).await;
            if taken.is_err() {
                break;
            }
        }
        session.close().await;
        taken.map_err(Taking::from)
    }

    /// Gives it back to everybody, and does not end before that.
    async fn give_back(&self) -> Result<()> {
        let mut tries = 0;
        loop {
            self.run.certain().await?;
            let Err(why) = self.try_give_back().await else {
                return Ok(());
            };
            tries += 1;
            // That somebody is at the table now and then is as usual.
            if why != Taking::Locked || tries > 3 {
                let why = why.words();
                tracing::error!(why, "what was withheld cannot be given back yet");
                let statements: Vec<String> =
                    self.planned.from.iter().flat_map(Withheld::give_back).collect();
                let card = Card::new(Tone::Bad, self.run.plan().title)
                    .text(texts::not_given_back(&why))
                    .code(statements.join(";\n"));
                self.run.show(card).await;
            }
            tokio::select! {
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                () = tokio::time::sleep(about(OFTEN)) => {}
            }
        }
    }

    async fn try_give_back(&self) -> Result<(), Taking> {
        let mut session = session(self.run.services(), &self.planned.database)
            .await
            .map_err(Taking::Wrong)?;
        let mut given = Ok(());
        for withheld in &self.planned.from {
            if let Err(fault) = withheld.restore(&mut session, self.settings.lock_timeout).await {
                given = Err(fault.into());
            }
        }
        session.close().await;
        given
    }

    /// Waits until it is over.
    async fn wait(&self, until: Timestamp) -> Result<Over> {
        let mut eyes = None;
        let over = self.wait_with(until, &mut eyes).await;
        if let Some(session) = eyes {
            session.close().await;
        }
        over
    }

    async fn wait_with(&self, until: Timestamp, eyes: &mut Option<Session>) -> Result<Over> {
        loop {
            if self.run.wish() == Wish::Cancel {
                return Ok(Over::Cancelled);
            }
            let services = self.run.services();
            let seen = self.failed(eyes).await;
            if let Ok(Some(why)) = &seen {
                self.note(|row, now| row.missed(why, now), why).await?;
                return Ok(Over::Missed(vec![why.clone()]));
            }
            // Who cannot ask goes on by the clock: it must not stay withheld because the store is away.
            if let Ok(Some((row, _))) = desk::one(services, &self.planned.key).await
                && let GateState::InUse { what, .. } = row.contract.gate(Gate::Brownout)
            {
                return Ok(Over::Missed(what.clone()));
            }
            let now = services.store().now().await.unwrap_or_else(|_| Timestamp::now());
            // That nobody failed is only known when the database said so.
            if now >= until && seen.is_ok() {
                return Ok(Over::Time);
            }
            let card = Card::new(Tone::Running, self.run.plan().title)
                .text(texts::withheld_until(&self.names(), until))
                .button(texts::missed_button(&self.planned.key));
            self.run.show(card).await;
            let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            tokio::select! {
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                _ = self.run.wish_changed() => {}
                () = tokio::time::sleep(if left.is_zero() { OFTEN } else { OFTEN.min(left) }) => {}
            }
        }
    }

    /// Whether somebody failed because of it, as far as that is seen: what is said of it.
    async fn failed(&self, eyes: &mut Option<Session>) -> Result<Option<String>, String> {
        for withheld in &self.planned.from {
            if withheld.object.tightens().is_none() {
                continue;
            }
            if eyes.is_none() {
                *eyes = Some(session(self.run.services(), &self.planned.database).await?);
            }
            let Some(session) = eyes else { continue };
            match withheld.look(session).await {
                Ok(Held::Quiet) => {}
                Ok(Held::Gone) => return Ok(Some(texts::taken_away())),
                Ok(Held::Refused(role)) => {
                    let config = self.run.services().resource::<Databases>();
                    let config = config
                        .ok()
                        .and_then(|all| all.config(&self.planned.database).cloned().ok());
                    let consumer = role
                        .as_deref()
                        .zip(config)
                        .and_then(|(role, config)| record::gate_of(&config, role).1);
                    return Ok(Some(texts::was_refused(role.as_deref(), consumer.as_deref())));
                }
                Err(fault) => {
                    *eyes = None;
                    return Err(fault.to_string());
                }
            }
        }
        Ok(None)
    }

    /// Writes to the contract; nothing when it is gone.
    async fn note(
        &self,
        change: impl Fn(&mut Row, Timestamp) + Send + Sync,
        text: &str,
    ) -> Result<Option<Row>> {
        let services = self.run.services();
        if desk::one(services, &self.planned.key).await?.is_none() {
            return Ok(None);
        }
        let noted = desk::change(services, self.settings, &self.planned.key, |row, _, now| {
            change(row, now);
            Ok(vec![entry(row, "contract", text.to_owned(), now)])
        });
        noted.await.map(Some)
    }

    fn ending(&self, outcome: Outcome, tone: Tone, text: &str) -> Ending {
        Ending {
            outcome,
            note: otus::markup::plain(text),
            card: Card::new(tone, self.run.plan().title).text(text),
        }
    }
}
