//! `lock`, as an operation: somebody holds something still.

use crate::{length::Length, names, texts};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::{
    Context, Result, Services, UserError,
    audit::Entry,
    operations::{Action, Attempt, Change, Ending, OperationFilter, Outcome, Plan, Run, State},
    policy::{self, Lock, LockTarget, Locking},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    target: LockTarget,
    /// In seconds.
    length: Option<i64>,
    reason: String,
    by: otus::UserId,
}

/// What became of the one step.
#[derive(Debug, Serialize, Deserialize)]
enum Done {
    Locked(Lock),
    Taken(Lock),
}

/// The action.
pub(crate) struct Locks;

/// Reads what was said and proposes it.
pub(crate) async fn propose(cx: &Context, target: LockTarget, length: Option<Length>) -> Result {
    let Some(reason) = names::reason(cx) else {
        return Err(UserError::new(texts::why_lock(cx.line())).into());
    };
    let ask = Ask {
        target,
        length: length.map(|length| length.0.as_secs()),
        reason,
        by: cx.author().clone(),
    };
    cx.propose("lock", ask).await
}

#[async_trait]
impl Action for Locks {
    fn kind(&self) -> &'static str {
        "lock"
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let ask: Ask = Ask::deserialize(ask)?;
        let now = services.store().now().await?;
        let held = policy::locks(services).await?;
        let held = held.into_iter().find(|lock| lock.target == ask.target);
        if let Some(lock) = held.as_ref().filter(|lock| lock.by != ask.by) {
            return Err(texts::taken(lock, now).into());
        }
        let length = ask.length.map(SignedDuration::from_secs);
        let mut plan = Plan {
            target: ask.target.target(),
            title: texts::lock_title(&ask.target, length),
            changes: vec![Change {
                what: "lock".into(),
                from: held
                    .as_ref()
                    .map(|lock| texts::lock_until(lock.until, &lock.reason)),
                to: Some(texts::lock_for(length, &ask.reason)),
            }],
            notes: vec![texts::in_the_way_of(&ask.target)],
            details: serde_json::to_value(&ask)?,
            ..Plan::default()
        };
        let running = OperationFilter {
            states: vec![State::Running, State::Paused],
            ..OperationFilter::default()
        };
        for operation in services.store().operations(&running).await? {
            let itself = matches!(operation.kind.as_str(), "lock" | "unlock");
            if !itself && ask.target.covers(&operation.plan.target) {
                plan.notes.push(texts::goes_on(&operation));
            }
        }
        Ok(plan)
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let ask = Ask::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        let done: Done = run
            .step("lock", |attempt| {
                let (services, operation, ask) = (services.clone(), operation.clone(), &ask);
                async move {
                    let now = services.store().now().await?;
                    if attempt == Attempt::Again
                        && let Some(lock) = mine(&services, ask, &operation.by, operation.asked).await?
                    {
                        return Ok(Done::Locked(lock));
                    }
                    let length = ask.length.map(SignedDuration::from_secs);
                    let lock = Lock {
                        target: ask.target.clone(),
                        by: operation.by.clone(),
                        name: operation.name.clone(),
                        reason: ask.reason.clone(),
                        since: now,
                        until: length.and_then(|length| now.checked_add(length).ok()),
                        waiting: Vec::new(),
                        opened_by: None,
                        telling: None,
                    };
                    let entry =
                        Entry::of(&operation, now, "locked", texts::locked_record(&lock)).by(&operation.by);
                    Ok(match policy::lock(&services, &lock, &entry).await? {
                        Locking::Done(lock) => Done::Locked(lock),
                        Locking::Taken(lock) => Done::Taken(lock),
                    })
                }
            })
            .await?;
        let now = services.store().now().await?;
        Ok(match done {
            Done::Locked(lock) => Ending {
                outcome: Outcome::Succeeded,
                note: texts::locked_record(&lock),
                card: texts::locked(&lock, now),
            },
            Done::Taken(lock) => Ending {
                outcome: Outcome::Failed,
                note: texts::taken_record(&lock),
                card: texts::taken_meanwhile(&lock, now),
            },
        })
    }
}

/// The lock that an earlier process put there for the same operation.
async fn mine(services: &Services, ask: &Ask, by: &otus::UserId, asked: Timestamp) -> Result<Option<Lock>> {
    let locks = policy::locks(services).await?;
    Ok(locks.into_iter().find(|lock| {
        lock.target == ask.target && lock.by == *by && lock.reason == ask.reason && lock.since >= asked
    }))
}
