//! Around the pure transitions: reading, saving by revision, looking again.

use super::Operations;
use crate::{
    audit::Entry,
    error::Result,
    ids::{ChannelId, UserId},
    operations::{
        action::Action,
        operation::{Operation, Saved, Step},
        texts,
        transitions::{self, Moved},
    },
    policy::{self, Asked, Verdict, VerdictKind},
    store::StoreError,
};
use jiff::{SignedDuration, Timestamp};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often a change is tried anew because somebody else was quicker.
const MOST_TRIES: u32 = 40;

/// How long finding out whether somebody may is waited for; then the answer is no.
const POLICY_PATIENCE: Duration = Duration::from_secs(10);

impl Operations {
    pub(super) async fn now(&self) -> Result<Timestamp> {
        Ok(self.services.store().now().await?)
    }

    pub(super) fn action(&self, kind: &str) -> Result<Arc<dyn Action>> {
        self.engine()
            .action(kind)
            .ok_or_else(|| anyhow::anyhow!("no responder of this robot has the action {kind}"))
    }

    pub(super) fn pauses(&self, kind: &str) -> bool {
        self.engine().action(kind).is_some_and(|action| action.pauses())
    }

    /// The operation of exactly this id.
    pub(super) async fn load(&self, id: &str) -> Result<Operation> {
        let found = self.services.store().operation(id).await?;
        found.ok_or_else(|| texts::unknown(id).into())
    }

    /// Until when a lease lasts that is taken now.
    pub(crate) fn lease_until(&self, now: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.engine().timing.lease).unwrap_or(SignedDuration::MAX);
        now.checked_add(lease).unwrap_or(Timestamp::MAX)
    }

    /// Puts a new lease into a row that is about to be saved. One that runs has got its new generation already.
    pub(super) fn take(&self, next: &mut Operation, now: Timestamp) {
        next.lease.owner = Some(self.engine().owner());
        next.lease.until = Some(self.lease_until(now));
    }

    /// The same as of this moment, for one that is about to run. Answers when that was, by this process's clock: the lease lasts
    /// at least so long from there.
    pub(super) async fn take_now(&self, next: &mut Operation) -> Result<Instant> {
        let taken = Instant::now();
        let now = self.now().await?;
        self.take(next, now);
        Ok(taken)
    }

    /// Saves. An error that leaves open whether it was saved is cleared up by looking.
    pub(super) async fn save(
        &self,
        next: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError> {
        let store = self.services.store();
        match store.save(next, steps, entries).await {
            Err(error) => {
                let saved = Operation {
                    revision: next.revision + 1,
                    ..next.clone()
                };
                match store.operation(&next.id).await {
                    Ok(Some(found)) if found == saved => Ok(Saved::Yes(saved.revision)),
                    _ => Err(error),
                }
            }
            saved => saved,
        }
    }

    /// Reads, changes by a pure function, saves, and tells if nobody else holds the card; again when somebody was quicker.
    pub(super) async fn change(
        &self,
        id: &str,
        change: impl Fn(&Operation, Timestamp) -> Moved + Send,
    ) -> Result<Operation> {
        for _ in 0..MOST_TRIES {
            let operation = self.load(id).await?;
            let now = self.now().await?;
            let (next, entries) =
                change(&operation, now).map_err(|refusal| texts::refusal(&refusal, &operation))?;
            if next == operation {
                return Ok(operation);
            }
            if let Some(saved) = self.commit(&operation, next, &entries, now).await? {
                return Ok(saved);
            }
        }
        anyhow::bail!("the operation {id} is changed by others all the time")
    }

    /// Saves what came of a row that does not run, and tells it. Nothing when somebody was quicker.
    pub(super) async fn commit(
        &self,
        before: &Operation,
        mut next: Operation,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Option<Operation>> {
        let held = !before.state.is_active() && transitions::is_free(before, now);
        if held {
            self.take(&mut next, now);
        }
        match self.save(&next, &[], entries).await? {
            Saved::Yes(revision) => {
                next.revision = revision;
                if next.state.is_over() && !before.state.is_over() {
                    super::runner::count(&next);
                }
                if held {
                    self.tell_now(next.clone()).await;
                }
                Ok(Some(next))
            }
            Saved::Stale => Ok(None),
            Saved::Busy(_) => anyhow::bail!("an operation that does not run cannot be in another one's way"),
        }
    }

    /// What is asked of policy about an operation, for somebody somewhere.
    pub(super) fn asked(
        &self,
        operation: &Operation,
        user: &UserId,
        channel: &ChannelId,
        reason: Option<String>,
    ) -> Result<Asked, Verdict> {
        let command = &operation.command;
        let spec = self.services.commands().iter().find(|spec| spec.id() == *command);
        match spec {
            Some(spec) => Ok(Asked {
                command: command.clone(),
                role: spec.role.map(Into::into),
                target: operation.plan.target.clone(),
                user: user.clone(),
                channel: channel.clone(),
                reason,
            }),
            None => Err(Verdict::refuse(format!(
                "the command {command} is not there any more, so nobody can tell who may say it"
            ))),
        }
    }

    /// What policy says of it now, for who asked.
    pub(super) async fn verdict_anew(&self, operation: &Operation) -> Verdict {
        let asked = self.asked(
            operation,
            &operation.by,
            &operation.origin.channel,
            operation.reason.clone(),
        );
        match asked {
            Ok(asked) => self
                .verdict(&asked)
                .await
                .with_needs(&operation.plan.needs, self.services.policy()),
            Err(verdict) => verdict,
        }
    }

    /// What policy says; no, when it takes too long.
    pub(super) async fn verdict(&self, asked: &Asked) -> Verdict {
        match tokio::time::timeout(POLICY_PATIENCE, policy::verdict(&self.services, asked)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::refuse("whether you may could not be found out in time"),
        }
    }

    /// Whether somebody has the right to the command of an operation, whatever stands in its way right now: who stops or holds
    /// something does not change the world by it, so that locks and reasons do not matter.
    pub(super) async fn may_touch(
        &self,
        operation: &Operation,
        user: &UserId,
        channel: &ChannelId,
    ) -> Result<()> {
        let reason = Some("to stop or hold it".to_owned());
        let verdict = match self.asked(operation, user, channel, reason) {
            Ok(asked) => self.verdict(&asked).await,
            Err(verdict) => verdict,
        };
        if verdict.kind == VerdictKind::Refuse {
            return Err(texts::may_not_touch(operation, &verdict.rule).into());
        }
        Ok(())
    }
}
