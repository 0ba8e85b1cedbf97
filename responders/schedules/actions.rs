//! `schedule` and `unschedule`, as operations.

use crate::{
    schedule::{self, MOST, Origin, Schedule},
    texts,
    when::{SHORTEST, When},
};
use async_trait::async_trait;
use jiff::Timestamp;
use otus::{
    ChannelId, CommandSpec, Result, Services, UserError,
    audit::Entry,
    operations::{Action, Change, Ending, Outcome, Plan, Run},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be scheduled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// When.
    pub(crate) when: When,
    /// Where its zone comes from.
    pub(crate) zone: Zone,
    /// What.
    pub(crate) line: String,
    /// Where.
    pub(crate) origin: Origin,
    /// What would become of it if it ran now, where that is not simply that it runs.
    pub(crate) foreseen: Option<String>,
}

/// Where a time zone comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Zone {
    /// It was said.
    Said,
    /// It is the person's.
    Theirs,
    /// Nobody knows the person's, so it is UTC.
    Unknown,
}

/// What is to be unscheduled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unask {
    /// Which schedule.
    pub(crate) id: String,
    /// Where it is asked.
    pub(crate) here: ChannelId,
}

/// The action that makes a schedule.
pub(crate) struct Schedules;

/// The action that ends one.
pub(crate) struct Unschedules;

/// Whether a command is one that schedules.
pub(crate) fn is_schedule(spec: &CommandSpec) -> bool {
    spec.responder == crate::NAME && [crate::SCHEDULE, crate::SCHEDULE_THAT].contains(&spec.name)
}

/// Refuses what cannot be scheduled: what is no command, schedules something itself, or comes too often.
fn check(services: &Services, ask: &Ask, now: Timestamp) -> Result<(), UserError> {
    let Some(spec) = services.command_of(&ask.line) else {
        return Err(texts::no_command(&ask.line, &[]));
    };
    if is_schedule(spec) {
        return Err(UserError::new(texts::nested(&ask.line)));
    }
    let Some(next) = ask.when.next_after(now) else {
        return Err(UserError::new(texts::past(&ask.when)));
    };
    let following = ask.when.next_after(next);
    if following.is_some_and(|following| following.as_second() - next.as_second() < SHORTEST) {
        return Err(UserError::new(texts::too_often()));
    }
    Ok(())
}

#[async_trait]
impl Action for Schedules {
    fn kind(&self) -> &'static str {
        "schedule"
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let ask: Ask = Ask::deserialize(ask)?;
        let now = services.store().now().await?;
        check(services, &ask, now)?;
        if schedule::all(services).await?.len() >= MOST {
            return Err(UserError::new(texts::too_many()).instead("schedules").into());
        }
        Ok(Plan {
            title: texts::schedule_title(&ask.line, &ask.when),
            changes: vec![Change {
                what: "schedule".into(),
                from: None,
                to: Some(ask.when.words()),
            }],
            warnings: ask.foreseen.iter().cloned().collect(),
            notes: texts::schedule_notes(&ask, now),
            details: serde_json::to_value(&ask)?,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let ask = Ask::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        let made: Schedule = run
            .step("schedule", |_| {
                let (services, operation, ask) = (services.clone(), operation.clone(), &ask);
                async move {
                    let now = services.store().now().await?;
                    let kept = schedule::all(&services).await?;
                    // An earlier process may have done it and not come to say so.
                    let mine = kept.iter().find(|kept| kept.schedule.operation == operation.id);
                    if let Some(mine) = mine {
                        return Ok(mine.schedule.clone());
                    }
                    for length in [4, 6, 8, operation.id.len()] {
                        let schedule = Schedule {
                            id: operation.id.chars().take(length).collect(),
                            operation: operation.id.clone(),
                            by: operation.by.clone(),
                            name: operation.name.clone(),
                            origin: ask.origin.clone(),
                            line: ask.line.clone(),
                            // A moment that passed since it was planned comes at once.
                            next: ask.when.next_after(now).or(ask.when.last_until(now)),
                            when: ask.when.clone(),
                            running: Vec::new(),
                            last: None,
                            missed: None,
                            created: now,
                        };
                        let entry =
                            Entry::of(&operation, now, "scheduled", texts::scheduled_record(&schedule))
                                .by(&operation.by);
                        if schedule::write(&services, &schedule, 0, &[entry]).await? {
                            return Ok(schedule);
                        }
                    }
                    anyhow::bail!("there is a schedule of each name that this one could have")
                }
            })
            .await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: texts::scheduled_record(&made),
            card: texts::scheduled(&made, &ask),
        })
    }
}

#[async_trait]
impl Action for Unschedules {
    fn kind(&self) -> &'static str {
        "unschedule"
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let ask: Unask = Unask::deserialize(ask)?;
        let found = schedule::find(services, &ask.id).await?;
        let told = found.filter(|kept| kept.schedule.origin.may_be_told_in(&ask.here));
        let Some(kept) = told else {
            return Err(UserError::new(texts::no_schedule(&ask.id))
                .instead("schedules")
                .into());
        };
        let found = kept.schedule;
        Ok(Plan {
            title: texts::unschedule_title(&found),
            changes: vec![Change {
                what: "schedule".into(),
                from: Some(found.when.words()),
                to: None,
            }],
            details: serde_json::to_value(&ask)?,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let ask = Unask::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        run.step("unschedule", |_| {
            let (services, operation, id) = (services.clone(), operation.clone(), ask.id.clone());
            async move {
                // It is gone in the end, whoever did it; a run that begins in between only costs another round.
                while let Some(kept) = schedule::find(&services, &id).await? {
                    let now = services.store().now().await?;
                    let text = texts::unscheduled_record(&operation.name, &kept.schedule);
                    let entries = [Entry::of(&operation, now, "unscheduled", text).by(&operation.by)];
                    let swapped = services
                        .store()
                        .swap(schedule::SPACE, &id, kept.revision, None, &entries);
                    if swapped.await? {
                        break;
                    }
                }
                Ok(())
            }
        })
        .await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: texts::unscheduled_note(&ask.id),
            card: texts::unscheduled(&ask.id),
        })
    }
}
