//! `unlock`, as an operation: whoever made a lock takes it away, or who may go through locks, with a reason.

use crate::{names, texts};
use async_trait::async_trait;
use jiff::Timestamp;
use otus::{
    Context, Result, Services, UserError, UserId,
    audit::Entry,
    operations::{Action, Attempt, Change, Ending, Outcome, Plan, Run},
    policy::{self, Held, Lock, LockTarget},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    target: LockTarget,
    reason: Option<String>,
}

/// Which lock is meant: another one that is there by then is another plan.
#[derive(Debug, Serialize, Deserialize)]
struct Meant {
    target: LockTarget,
    owner: UserId,
    since: Timestamp,
    reason: Option<String>,
}

/// The action.
pub(crate) struct Unlocks;

/// Reads what was said and proposes it.
pub(crate) async fn propose(cx: &Context, target: LockTarget) -> Result {
    let services = cx.services();
    let now = services.store().now().await?;
    let lock = find(services, &target, now).await?;
    let reason = names::reason(cx);
    if lock.by != *cx.author() {
        if let Err(why) = may(services, cx.author()).await {
            return Err(UserError::new(texts::not_yours(&lock, now, &why)).into());
        }
        if reason.is_none() {
            return Err(UserError::new(texts::why_unlock(&lock, now, cx.line())).into());
        }
    }
    cx.propose("unlock", Ask { target, reason }).await
}

/// The lock on exactly this, or an answer that helps to find the one that is meant.
async fn find(services: &Services, target: &LockTarget, now: Timestamp) -> Result<Lock, otus::Error> {
    let locks = policy::locks(services).await?;
    match locks.iter().find(|lock| lock.target == *target) {
        Some(lock) => Ok(lock.clone()),
        None => {
            let others: Vec<_> = locks
                .iter()
                .filter(|lock| lock.target.covers(&target.target()))
                .collect();
            Err(texts::not_locked(target, &others, now).into())
        }
    }
}

/// Whether somebody may take locks of others away.
async fn may(services: &Services, user: &UserId) -> Result<(), String> {
    let now = services.store().now().await.map_err(|error| error.to_string())?;
    let broken = policy::broken(services)
        .await
        .map_err(|error| error.to_string())?;
    let rules = services.policy();
    if broken
        .iter()
        .any(|elevation| elevation.by == *user && rules.break_glass.holds(elevation, now))
    {
        return Ok(());
    }
    let Some(role) = &rules.lock_override else {
        return Err(texts::nobody_overrides());
    };
    match policy::held(services, user, role).await {
        Held::Yes(_) => Ok(()),
        Held::No => Err(texts::no_override(role)),
        Held::Unknown(why) => Err(texts::override_unknown(role, &why)),
    }
}

#[async_trait]
impl Action for Unlocks {
    fn kind(&self) -> &'static str {
        "unlock"
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let ask: Ask = Ask::deserialize(ask)?;
        let now = services.store().now().await?;
        let lock = find(services, &ask.target, now).await?;
        Ok(Plan {
            target: lock.target.target(),
            title: texts::unlock_title(&lock.target),
            changes: vec![Change {
                what: "lock".into(),
                from: Some(texts::lock_until(lock.until, &lock.reason)),
                to: None,
            }],
            notes: texts::unlock_notes(&lock, now),
            details: serde_json::to_value(Meant {
                target: lock.target,
                owner: lock.by,
                since: lock.since,
                reason: ask.reason,
            })?,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let meant = Meant::deserialize(&operation.plan.details)?;
        let services = run.services().clone();
        // Who applies it may be another than who planned it, and rights may have gone since.
        if meant.owner != operation.by {
            let refused = match may(&services, &operation.by).await {
                Err(why) => Some(why),
                Ok(()) if meant.reason.is_none() && operation.reason.is_none() => Some(texts::no_reason()),
                Ok(()) => None,
            };
            if let Some(why) = refused {
                return Ok(Ending {
                    outcome: Outcome::Failed,
                    note: texts::still_locked_record(&meant.target, &why),
                    card: texts::still_locked(&meant.target, &why),
                });
            }
        }
        let opened: Option<Lock> = run
            .step("unlock", |attempt| {
                let (services, operation, meant) = (services.clone(), operation.clone(), &meant);
                async move {
                    let now = services.store().now().await?;
                    let text = texts::unlocked_record(&operation.name, &meant.target, &meant.reason);
                    let entry = Entry::of(&operation, now, "unlocked", text).by(&operation.by);
                    let only = Some((&meant.owner, meant.since));
                    let opened =
                        policy::unlock(&services, &meant.target, only, &operation.name, &entry).await?;
                    // An earlier process may have done it and not come to say so.
                    Ok(opened.or_else(|| (attempt == Attempt::Again).then(|| gone(meant, now))))
                }
            })
            .await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: texts::unlocked_record(&operation.name, &meant.target, &meant.reason),
            card: texts::unlocked(&meant.target, opened.as_ref()),
        })
    }
}

/// What is still known of a lock that is gone.
fn gone(meant: &Meant, now: Timestamp) -> Lock {
    Lock {
        target: meant.target.clone(),
        by: meant.owner.clone(),
        name: meant.owner.to_string(),
        reason: String::new(),
        since: meant.since,
        until: Some(now),
        waiting: Vec::new(),
        opened_by: None,
        telling: None,
    }
}
