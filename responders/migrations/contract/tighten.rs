//! Making a column NOT NULL that everybody agreed to: an operation that somebody else than who asks approves. It runs no file; what it does
//! is always the same, and where it is is known from the database alone, so whoever takes it up goes on.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use otus::card::{Card, Tone};
use otus::operations::{Action, Change, Ending, Interrupted, Need, Outcome, Plan, Run, Target, Wish};
use otus::{Result, Services, UserError};
use otus_migrations::contract::{At, Column, Tightened, Watch, standing, tighten};
use otus_migrations::database::Server;
use otus_migrations::run::{JournalError, Wish as Wanting};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::desk::{self, entry};
use super::last::may;
use super::look::{look, session};
use crate::place::Spot;
use crate::settings::Settings;
use crate::texts;

/// The kind of operation it is.
pub(crate) const KIND: &str = "tighten";
/// How often what is to be seen is shown.
const OFTEN: Duration = Duration::from_millis(500);

/// Making it NOT NULL.
pub(crate) struct Tighten {
    pub(crate) settings: Settings,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The contract.
    pub(crate) key: String,
    /// Where.
    pub(crate) environment: String,
}

/// What applying needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Planned {
    key: String,
    service: String,
    environment: String,
    database: String,
    column: Column,
}

#[async_trait]
impl Action for Tighten {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let wanted: Wanted = serde_json::from_value(ask.clone())?;
        let found = desk::one(services, &wanted.key).await?;
        let found = found.and_then(|(row, _)| row.object.tightens().cloned().map(|column| (row, column)));
        let Some((row, column)) = found else {
            return Err(UserError::new(texts::no_contract(&wanted.key, true)).into());
        };
        let signers = desk::asked(services, &self.settings, &row)?;
        if row.ready(&signers).is_none() {
            return Err(UserError::new(texts::not_ready(&row, &signers)).into());
        }
        let spot = Spot::named(services, &row.service, &wanted.environment)?;
        let wrong = |why: &str| UserError::new(texts::bad_database(&spot.database, why));
        let mut session = session(services, &spot.database)
            .await
            .map_err(|why| wrong(&why))?;
        let stands = standing(&mut session, &column).await;
        session.close().await;
        let stands = stands.map_err(|fault| wrong(&fault.to_string()))?;
        if let Some(why) = stands.loose.filter(|_| !stands.is_not_null()) {
            return Err(UserError::new(texts::cannot_tighten(&column, why)).into());
        }
        let planned = Planned {
            key: wanted.key,
            service: row.service.clone(),
            environment: wanted.environment.clone(),
            database: spot.database,
            column: column.clone(),
        };
        Ok(Plan {
            target: Target::new(&row.service, &wanted.environment),
            title: texts::tighten(&column, &wanted.environment),
            changes: vec![Change {
                what: column.to_string(),
                from: Some(texts::may_be_null(stands.is_not_null())),
                to: Some("NOT NULL".to_owned()),
            }],
            warnings: vec![texts::null_fails_for_good(&column)],
            notes: vec![texts::tighten_steps(&column, &self.settings)],
            details: serde_json::to_value(&planned)?,
            exclusive: true,
            needs: vec![Need {
                count: 1,
                role: self.settings.approvers.clone(),
                rule: texts::refuses_for_good(&column),
            }],
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let planned: Planned = serde_json::from_value(run.plan().details)?;
        let services = run.services();
        let settings = &self.settings;
        let column = &planned.column;
        // As with what is dropped: not anew by whoever takes it up.
        let may: Result<(), String> = run
            .step("look once more", |_| may(services, settings, &planned.key))
            .await?;
        let end = match may {
            Err(why) => Tightened::Failed(why),
            Ok(()) => run.step("tighten", |_| self.tighten(&run, &planned)).await?,
        };
        let ending = |outcome, tone, title: String, text: String| Ending {
            outcome,
            note: otus::markup::plain(&text),
            card: Card::new(tone, title).text(text),
        };
        let not = texts::not_tightened(column, &planned.environment);
        Ok(match end {
            Tightened::Done => {
                let title = texts::tightened(column, &planned.environment);
                self.is_done(services, &planned, &title).await?;
                let text = texts::write_it_down(column);
                ending(Outcome::Succeeded, Tone::Good, title, text)
            }
            Tightened::Null => {
                // How many they are is on the contract's own message then.
                if let Err(error) = look(services, settings, &planned.key).await {
                    tracing::warn!(%error, "a contract cannot be looked at");
                }
                ending(Outcome::Failed, Tone::Bad, not, texts::null_was_found(column))
            }
            Tightened::Failed(why) => ending(Outcome::Failed, Tone::Bad, not, texts::tightening_failed(&why)),
            Tightened::Stopped => ending(
                Outcome::Cancelled,
                Tone::Neutral,
                not,
                texts::tightening_stopped(),
            ),
        })
    }
}

impl Tighten {
    async fn is_done(&self, services: &Services, planned: &Planned, title: &str) -> Result<()> {
        desk::change(services, &self.settings, &planned.key, |row, _, now| {
            if row.environment == planned.environment
                && let Err(why) = row.contract.dropped()
            {
                // It is so all the same, and that is told.
                tracing::error!(%why, "a column is NOT NULL now, and its contract is not ready any more");
            }
            Ok(vec![entry(row, "contract", title.to_owned(), now)])
        })
        .await?;
        Ok(())
    }

    async fn tighten(&self, run: &Run, planned: &Planned) -> Result<Tightened> {
        let spot = match Spot::named(run.services(), &planned.service, &planned.environment) {
            Ok(spot) if spot.database == planned.database => spot,
            Ok(_) => return Ok(Tightened::Failed(texts::database_moved(&planned.database))),
            Err(error) => return Ok(Tightened::Failed(error.to_string())),
        };
        let options = match spot.server(run.services()) {
            Ok(Server::Postgres(options)) => options,
            Ok(Server::Sqlite(_)) => return Ok(Tightened::Failed(texts::only_postgres())),
            Err(error) => return Ok(Tightened::Failed(error.to_string())),
        };
        let (wishes, wish) = watch::channel(Wanting::Run);
        let eyes = Eyes {
            run: run.clone(),
            at: Mutex::new(None),
        };
        let (settings, column) = (self.settings.run(), &planned.column);
        let climbing = tighten(&options, column, &settings, wish, &eyes);
        tokio::pin!(climbing);
        let mut tick = tokio::time::interval(OFTEN);
        loop {
            if run.wish() == Wish::Cancel {
                wishes.send_if_modified(|wish| std::mem::replace(wish, Wanting::Stop) != Wanting::Stop);
            }
            tokio::select! {
                biased;
                () = run.over().cancelled() => return Err(Interrupted.into()),
                end = &mut climbing => return end.map_err(|error| {
                    tracing::warn!(%error, "tightening a column is not this process's any more");
                    Interrupted.into()
                }),
                _ = run.wish_changed() => {}
                _ = tick.tick() => {
                    let at = eyes.at();
                    if let Some(at) = at {
                        let card = Card::new(Tone::Running, run.plan().title);
                        run.show(card.text(texts::tightening(column, &at))).await;
                    }
                }
            }
        }
    }
}

/// Makes sure of the lease before each effect, and remembers where it is.
struct Eyes {
    run: Run,
    at: Mutex<Option<At>>,
}

impl Eyes {
    fn at(&self) -> Option<At> {
        // Nobody panics while it is held.
        self.at.lock().map_or(None, |at| at.clone())
    }
}

#[async_trait]
impl Watch for Eyes {
    async fn sure(&self) -> Result<(), JournalError> {
        let sure = self.run.certain().await;
        sure.map_err(|error| JournalError(error.to_string()))
    }

    async fn show(&self, at: &At) {
        if let Ok(mut shown) = self.at.lock() {
            *shown = Some(at.clone());
        }
    }
}
