//! Dropping what everybody agreed to: an operation that runs the one file that says exactly that, and that somebody else than who asks
//! approves.

use async_trait::async_trait;
use otus::operations::{Action, Ending, Need, Outcome, Plan, Run, Target};
use otus::{Result, Services, UserError};
use otus_migrations::contract::Stage;
use otus_migrations::lint::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desk::{self, entry};
use super::look::look;
use crate::apply::{self, Done};
use crate::files::Origin;
use crate::migrate::{OwnCard, ending};
use crate::place::Spot;
use crate::plan::{Planned, see};
use crate::settings::Settings;
use crate::texts;

/// The kind of operation it is.
pub(crate) const KIND: &str = "contract";

/// Dropping it.
pub(crate) struct Last {
    pub(crate) settings: Settings,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The contract.
    pub(crate) key: String,
    /// Where.
    pub(crate) environment: String,
    /// The files.
    pub(crate) origin: Origin,
}

#[async_trait]
impl Action for Last {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn pauses(&self) -> bool {
        true
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let wanted: Wanted = serde_json::from_value(ask.clone())?;
        let Some((row, _)) = desk::one(services, &wanted.key).await? else {
            return Err(UserError::new(texts::no_contract(&wanted.key, true)).into());
        };
        let signers = desk::asked(services, &self.settings, &row)?;
        let Some(ready) = row.ready(&signers) else {
            return Err(UserError::new(texts::not_ready(&row, &signers)).into());
        };
        let spot = Spot::named(services, &row.service, &wanted.environment)?;
        let seen = see(services, &spot, &wanted.origin, vec![ready]).await?;
        seen.fits()?;
        if seen.additive() > 0 {
            let file = seen.plan.what.files.first().map_or("", |file| file.file.as_str());
            return Err(
                UserError::new(texts::additive_first(file, &row.service, &wanted.environment)).into(),
            );
        }
        let takes = seen.destroys(0);
        if takes != [row.contract.object.clone()] {
            let next = seen.plan.what.files.first().map(|file| file.file.as_str());
            return Err(UserError::new(texts::no_file_for(&row, next, &takes)).into());
        }
        // The linter lets it pass for this very statement alone.
        let report = seen.report(0);
        if report.is_none_or(|report| report.verdict == Verdict::Refused) {
            return Err(UserError::new(texts::other_statement(&row, report)).into());
        }
        let planned = Planned {
            contract: Some(wanted.key),
            ..seen.planned(0..1)
        };
        Ok(Plan {
            target: Target::new(&row.service, &wanted.environment),
            title: texts::drop(&row, &wanted.environment),
            changes: seen.changes(0..1),
            warnings: vec![texts::gone_for_good(&row)],
            notes: texts::now(&seen, &Default::default()),
            nothing_to_do: false,
            details: serde_json::to_value(&planned)?,
            exclusive: true,
            needs: vec![Need {
                count: 1,
                role: self.settings.approvers.clone(),
                rule: texts::takes_away(&row),
            }],
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let planned: Planned = serde_json::from_value(run.plan().details)?;
        let key = planned.contract.clone().unwrap_or_default();
        let services = run.services();
        // Whether anybody began to use it since people agreed, asked in the last moment; not anew by whoever takes it up, since it may be
        // gone by then.
        let may: Result<(), String> = run
            .step("look once more", |_| may(services, &self.settings, &key))
            .await?;
        if let Err(why) = may {
            return Ok(ending(&planned, &Done::Refused(why)));
        }
        let desk = OwnCard {
            run: run.clone(),
            title: texts::dropping(&key, &planned.environment),
        };
        let done = apply::go(&self.settings, &run, &planned, &desk).await?;
        let mut end = ending(&planned, &done);
        if end.outcome == Outcome::Succeeded {
            let text = texts::dropped(&key, &planned.environment);
            end.card.title.clone_from(&text);
            desk::change(services, &self.settings, &key, |row, _, now| {
                if row.environment == planned.environment
                    && let Err(why) = row.contract.dropped()
                {
                    // It is gone all the same, and that is told.
                    tracing::error!(%why, "something was dropped, and its contract is not ready any more");
                }
                Ok(vec![entry(row, "contract", text.clone(), now)])
            })
            .await?;
        }
        Ok(end)
    }
}

/// Whether anybody began to use it since people agreed: looks, and says why it may not go.
pub(crate) async fn may(services: &Services, settings: &Settings, key: &str) -> Result<Result<(), String>> {
    let row = match look(services, settings, key).await {
        Ok(row) => row,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let signers = desk::asked(services, settings, &row)?;
    if let Some(fault) = &row.fault {
        return Ok(Err(otus::markup::plain(&texts::cannot_look(&row, fault))));
    }
    Ok(match row.ready(&signers) {
        Some(_) => Ok(()),
        None if row.contract.stage() == Stage::Ready => Err(texts::is_withheld_now(&row)),
        None => Err(otus::markup::plain(&texts::not_ready(&row, &signers))),
    })
}
