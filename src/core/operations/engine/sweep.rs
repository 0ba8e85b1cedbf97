//! Finding what was left undone: taking up what nobody runs, beginning what waited, ending what waited too long, telling what
//! was not told. Any number of replicas may do it at once: whatever is found is done only by whose save goes through.

use super::{Operations, agree::Begun, propose};
use crate::{
    error::{Result, UserError},
    operations::{
        operation::{Operation, OperationFilter, Saved, State},
        transitions,
    },
    policy::VerdictKind,
    services::Services,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use rand::RngExt as _;
use std::{sync::atomic::Ordering, time::Instant};
use tracing::Instrument;

/// How many are looked at in one go.
const MOST: u32 = 1_000;

impl Operations {
    /// Begins to sweep in the background, until the robot stops; a second call does nothing.
    pub(crate) fn sweep(&self) {
        if self.engine().sweeps.swap(true, Ordering::SeqCst) {
            return;
        }
        let services = self.services.clone();
        self.engine()
            .sweeper
            .spawn(sweep(services).instrument(tracing::info_span!("sweep")));
    }

    /// Looks once for what was left undone, and does it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sweep_once(&self) -> Result<()> {
        let store = self.services.store();
        let unfinished = OperationFilter {
            states: State::ALL.into_iter().filter(|state| !state.is_over()).collect(),
            limit: MOST,
            ..OperationFilter::default()
        };
        let untold = OperationFilter {
            untold: true,
            limit: MOST,
            ..OperationFilter::default()
        };
        let mut found = store.operations(&unfinished).await?;
        let untold = store.operations(&untold).await?;
        found.extend(untold.into_iter().filter(|operation| operation.state.is_over()));
        if store.is_alone() {
            // Nobody has to wait for a lease of a process that cannot be there any more.
            for operation in &mut found {
                if !super::Engine::is_ours(operation) {
                    operation.lease.until = None;
                }
            }
        }
        // Oldest first: what waited longest begins first.
        found.reverse();
        let now = self.now().await?;
        let (active, rest): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|operation| operation.state.is_active());
        for operation in &active {
            self.logged(operation, self.take_up(operation, now)).await;
        }
        let looks = rest
            .iter()
            .map(|operation| self.logged(operation, self.look_at(operation, &rest, now)));
        join_all(looks).await;
        self.engine()
            .tried()
            .retain(|id, _| rest.iter().any(|operation| operation.id == *id));
        Ok(())
    }

    async fn logged(&self, operation: &Operation, work: impl Future<Output = Result<()>>) {
        match work.await {
            Ok(()) => {}
            // It has gone another way in between.
            Err(error) if error.is::<UserError>() => {
                tracing::debug!(operation = operation.id, %error, "it has moved on");
            }
            Err(error) => {
                tracing::warn!(
                    operation = operation.id,
                    error = format!("{error:#}"),
                    "what was left undone could not be done; it is tried again"
                );
            }
        }
    }

    /// Takes up what runs and is nobody's any more.
    async fn take_up(&self, operation: &Operation, now: Timestamp) -> Result<()> {
        if self.services.stopping().is_cancelled()
            || self.engine().action(&operation.kind).is_none()
            || !transitions::is_free(operation, now)
        {
            return Ok(());
        }
        let Ok((mut next, entries)) = transitions::taken_up(operation, now) else {
            return Ok(());
        };
        let taken = self.take_now(&mut next).await?;
        if let Saved::Yes(revision) = self.save(&next, &[], &entries).await? {
            next.revision = revision;
            tracing::info!(operation = next.id, "taken up");
            self.run(next, true, None, taken);
        }
        Ok(())
    }

    async fn look_at(&self, operation: &Operation, all: &[Operation], now: Timestamp) -> Result<()> {
        if operation.state.is_waiting() && transitions::expired(operation, now).is_ok() {
            self.change(&operation.id, transitions::expired).await?;
            return Ok(());
        }
        if !transitions::is_free(operation, now) {
            return Ok(());
        }
        if !operation.told {
            return self.tell_untold(operation, now).await;
        }
        if operation.state == State::Queued {
            let newer = all.iter().find(|other| {
                other.state == State::Queued
                    && other.kind == operation.kind
                    && other.plan.target == operation.plan.target
                    && propose::is_older(operation, other)
            });
            if let Some(newer) = newer {
                return self.supersede(operation, newer).await;
            }
            return self.try_queued(operation).await;
        }
        Ok(())
    }

    /// Tells what nobody told. The lease makes it one process's to do.
    async fn tell_untold(&self, operation: &Operation, now: Timestamp) -> Result<()> {
        let mut next = operation.clone();
        self.take(&mut next, now);
        if let Saved::Yes(revision) = self.save(&next, &[], &[]).await? {
            next.revision = revision;
            self.tell_now(next).await;
        }
        Ok(())
    }

    async fn supersede(&self, older: &Operation, newer: &Operation) -> Result<()> {
        let change = |older: &Operation, now| transitions::superseded(older, newer, now);
        self.change(&older.id, change).await.map(drop)
    }

    /// Begins a queued one if its way is free. A queue waits for the world to change, so that another plan does not void it: it is
    /// planned anew, and, if that needs somebody's yes, asks for it.
    async fn try_queued(&self, operation: &Operation) -> Result<()> {
        if self.services.stopping().is_cancelled() || self.engine().action(&operation.kind).is_none() {
            return Ok(());
        }
        let every = self.engine().timing.queue;
        let recently = {
            let mut tried = self.engine().tried();
            let recently = tried.get(&operation.id).is_some_and(|at| at.elapsed() < every);
            if !recently {
                tried.insert(operation.id.clone(), Instant::now());
            }
            recently
        };
        if recently {
            return Ok(());
        }
        // Of all on the target, those that run and those of its kind that began later.
        let target = &operation.plan.target;
        let on_target = OperationFilter {
            service: target.service.clone(),
            environment: target.environment.clone(),
            limit: 50,
            ..OperationFilter::default()
        };
        let others = self.services.store().operations(&on_target).await?;
        let others: Vec<_> = others
            .into_iter()
            .filter(|other| other.id != operation.id && other.plan.target == *target)
            .collect();
        let newer = others.iter().find(|other| {
            other.kind == operation.kind && other.started.is_some() && propose::is_older(operation, other)
        });
        if let Some(newer) = newer {
            return self.supersede(operation, newer).await;
        }
        let exclusive = operation.plan.exclusive;
        if exclusive
            && others
                .iter()
                .any(|other| other.state.is_active() && other.plan.exclusive)
        {
            return Ok(());
        }
        let verdict = self.verdict_anew(operation).await;
        if matches!(verdict.kind, VerdictKind::Wait { .. }) {
            return Ok(());
        }
        let now = self.now().await?;
        if verdict.kind == VerdictKind::Refuse {
            let (next, entries) = transitions::refused(operation, verdict, now);
            return self.commit(operation, next, &entries, now).await.map(drop);
        }
        let plan = match self.plan_anew(operation).await {
            Ok(plan) => plan,
            Err(error) => match error.downcast_ref::<UserError>() {
                Some(user) => {
                    let (next, entries) = transitions::unplannable(operation, &user.text, now);
                    return self.commit(operation, next, &entries, now).await.map(drop);
                }
                None => return Err(error),
            },
        };
        let now = self.now().await?;
        let (mut next, mut entries) = if plan.hash() == operation.hash {
            (operation.clone(), Vec::new())
        } else {
            transitions::replanned(operation, plan, now)
        };
        next.verdict = verdict;
        let (next, more) = if next.plan.nothing_to_do {
            transitions::nothing_to_do(&next, now)
        } else {
            transitions::settled(&next, true, false, self.services.policy(), now)
        };
        entries.extend(more);
        if next.state.is_active() {
            return match self.begin(next, &entries).await? {
                Begun::Yes(_) | Begun::Stale | Begun::Busy(_) => Ok(()),
            };
        }
        self.commit(operation, next, &entries, now).await.map(drop)
    }
}

/// Sweeps until the robot stops. It holds the services only while it sweeps, and the engine by them.
async fn sweep(services: Services) {
    let operations = services.operations();
    let every = operations.engine().timing.sweep;
    // What an earlier process left is looked for soon.
    let mut pause = operations.engine().timing.settle;
    loop {
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = every.mul_f64(rand::rng().random_range(0.75..1.25));
        if let Err(error) = operations.sweep_once().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "what was left undone could not be looked for"
            );
        }
    }
}
