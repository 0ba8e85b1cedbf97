//! Yes and no: confirming, approving, denying, applying. What leads to a beginning looks at the world and at policy anew, and
//! saves its yes and the beginning in one: nothing is agreed to that did not begin with it.

use super::{Operations, propose};
use crate::{
    audit::Entry,
    context::Context,
    error::Result,
    ids::UserId,
    operations::{
        operation::{Approval, Operation, Saved, State},
        texts, transitions,
    },
    options::Options,
    policy::VerdictKind,
};
use jiff::Timestamp;
use std::time::Duration;

/// How often something is looked at anew because somebody else changed it.
const MOST_TRIES: u32 = 10;

/// How long the directory is asked for one person's role; then the answer is no.
const ROLES_PATIENCE: Duration = Duration::from_secs(5);

impl Operations {
    /// Who asked says yes to what waits for a confirmation.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when it is not theirs to confirm, or does not wait for that.
    pub async fn confirm(&self, cx: &Context, id: &str) -> Result<Operation> {
        let id = self.named(id).await?.id;
        for _ in 0..MOST_TRIES {
            let (operation, now) = self.free(&id).await?;
            transitions::may_confirm(&operation, cx.author(), now)
                .map_err(|refusal| texts::refusal(&refusal, &operation))?;
            let yes = vec![transitions::confirmed(&operation, now)];
            if let Some(done) = self.go(&operation, operation.clone(), yes, "confirm").await? {
                return Ok(done);
            }
        }
        anyhow::bail!("the operation {id} is changed by others all the time")
    }

    /// Somebody else agrees. The last one needed begins it, after policy and plan were looked at anew, and the roles of those who
    /// agreed before.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it does not wait for that.
    pub async fn approve(&self, cx: &Context, id: &str) -> Result<Operation> {
        let id = self.named(id).await?.id;
        for _ in 0..MOST_TRIES {
            let (operation, now) = self.free(&id).await?;
            transitions::may_approve(&operation, cx.author(), now)
                .map_err(|refusal| texts::refusal(&refusal, &operation))?;
            let roles = match self.roles_for(&operation, cx.author()).await {
                Ok(roles) => roles,
                Err(why) => return Err(self.may_not_decide(cx, &operation, &why, now).await),
            };
            let approval = Approval {
                by: cx.author().clone(),
                at: now,
                hash: operation.hash.clone(),
                roles,
            };
            let others = self.still_held(&operation).await;
            let (next, entries) = transitions::approved(&operation, others, approval, now)
                .map_err(|refusal| texts::refusal(&refusal, &operation))?;
            let done = if transitions::is_met(&next, &next.approvals) {
                self.go(&operation, next, entries, "approve").await?
            } else {
                self.commit(&operation, next, &entries, now).await?
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
        anyhow::bail!("the operation {id} is changed by others all the time")
    }

    /// Somebody who may approve says no.
    ///
    /// # Errors
    /// As [`Operations::approve`].
    pub async fn deny(&self, cx: &Context, id: &str, reason: Option<&str>) -> Result<Operation> {
        let operation = self.named(id).await?;
        let now = self.now().await?;
        let by = cx.author();
        transitions::denied(&operation, by, reason, now)
            .map_err(|refusal| texts::refusal(&refusal, &operation))?;
        if let Err(why) = self.roles_for(&operation, by).await {
            return Err(self.may_not_decide(cx, &operation, &why, now).await);
        }
        self.change(&operation.id, |operation, now| {
            transitions::denied(operation, by, reason, now)
        })
        .await
    }

    /// Applies what was only planned, as asked by who says so now. Who applies a plan has seen it, so that a confirmation is not
    /// asked for once more.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when policy says no or the world moved.
    pub async fn apply(&self, cx: &Context, id: &str) -> Result<Operation> {
        let id = self.named(id).await?.id;
        self.apply_with(cx, &id, cx.options()).await
    }

    pub(super) async fn apply_with(&self, cx: &Context, id: &str, options: &Options) -> Result<Operation> {
        let name = cx.person().await.name;
        for _ in 0..MOST_TRIES {
            let (operation, now) = self.free(id).await?;
            transitions::may_apply(&operation, now)
                .map_err(|refusal| texts::refusal(&refusal, &operation))?;
            let plan = self.plan_anew(&operation).await?;
            if plan.hash() != operation.hash {
                let (next, entries) = transitions::voided(&operation, &plan, now);
                match self.commit(&operation, next, &entries, now).await? {
                    Some(void) => return Err(texts::is_void(&void).into()),
                    None => continue,
                }
            }
            let mut next = operation.clone();
            next.by = cx.author().clone();
            next.name.clone_from(&name);
            next.origin = propose::origin(cx);
            next.reason = options.reason.clone().or(next.reason);
            next.verdict = self.verdict_anew(&next).await;
            match &next.verdict.kind {
                VerdictKind::Refuse => {
                    return Err(texts::may_not_touch(&operation, &next.verdict.rule).into());
                }
                VerdictKind::Wait { .. } if !options.queue => {
                    let why = format!("{}.", next.verdict.rule);
                    return Err(texts::not_yet(&operation, &why, "apply")
                        .instead(format!("queue {}", operation.id))
                        .into());
                }
                _ => {}
            }
            let now = self.now().await?;
            let applied =
                Entry::of(&next, now, "applied", format!("{name} wants it applied.")).by(cx.author());
            let (settled, mut entries) =
                transitions::settled(&next, options.queue, true, self.services.policy(), now);
            entries.insert(0, applied);
            if !settled.state.is_active() {
                let Some(done) = self.commit(&operation, settled, &entries, now).await? else {
                    continue;
                };
                if done.state == State::Queued {
                    self.supersede_older(&done).await?;
                }
                return Ok(done);
            }
            match self.begin(settled, &entries).await? {
                Begun::Yes(running) => return Ok(*running),
                Begun::Stale => {}
                Begun::Busy(_) if options.queue => {
                    let (queued, more) = transitions::queued(&next, self.services.policy(), now);
                    entries.retain(|entry| entry.event != "started");
                    entries.extend(more);
                    if let Some(done) = self.commit(&operation, queued, &entries, now).await? {
                        self.supersede_older(&done).await?;
                        return Ok(done);
                    }
                }
                Begun::Busy(other) => {
                    let why = texts::is_busy(&operation.plan.target, &other);
                    return Err(texts::not_yet(&operation, &why, "apply")
                        .instead(format!("queue {}", operation.id))
                        .into());
                }
            }
        }
        anyhow::bail!("the operation {id} is changed by others all the time")
    }

    /// Everything is agreed: looks at plan and policy anew, and begins. Nothing when somebody changed it in between.
    async fn go(
        &self,
        before: &Operation,
        agreed: Operation,
        mut entries: Vec<Entry>,
        command: &str,
    ) -> Result<Option<Operation>> {
        let plan = self.plan_anew(before).await?;
        let now = self.now().await?;
        if plan.hash() != before.hash {
            let (next, more) = transitions::voided(&agreed, &plan, now);
            entries.extend(more);
            return match self.commit(before, next, &entries, now).await? {
                Some(void) => Err(texts::is_void(&void).into()),
                None => Ok(None),
            };
        }
        let verdict = self.verdict_anew(&agreed).await;
        let now = self.now().await?;
        let mut next = agreed.clone();
        next.verdict = verdict.clone();
        match &verdict.kind {
            VerdictKind::Refuse => {
                let (next, more) = transitions::refused(&agreed, verdict, now);
                entries.extend(more);
                return self.commit(before, next, &entries, now).await;
            }
            VerdictKind::Wait { .. } => {
                let why = format!("{}.", verdict.rule);
                return Err(texts::not_yet(before, &why, command).into());
            }
            // The rules may ask for more by now than what was agreed to: then that is what it waits for.
            VerdictKind::Approve { .. } if !transitions::is_met(&next, &next.approvals) => {
                let (settled, more) = transitions::settled(&next, false, true, self.services.policy(), now);
                entries.extend(more);
                return self.commit(before, settled, &entries, now).await;
            }
            VerdictKind::Allow | VerdictKind::Confirm | VerdictKind::Approve { .. } => {}
        }
        let (running, entries) = transitions::begun(&next, entries, now);
        match self.begin(running, &entries).await? {
            Begun::Yes(running) => Ok(Some(*running)),
            Begun::Stale => Ok(None),
            Begun::Busy(other) => {
                let why = texts::is_busy(&before.plan.target, &other);
                Err(texts::not_yet(before, &why, command).into())
            }
        }
    }

    /// Saves a row that begins, with its lease, and runs it.
    pub(super) async fn begin(&self, mut running: Operation, entries: &[Entry]) -> Result<Begun> {
        let taken = self.take_now(&mut running).await?;
        match self.save(&running, &[], entries).await? {
            Saved::Yes(revision) => running.revision = revision,
            Saved::Stale => return Ok(Begun::Stale),
            Saved::Busy(other) => return Ok(Begun::Busy(other)),
        }
        self.run(running.clone(), false, None, taken);
        self.supersede_older(&running).await?;
        Ok(Begun::Yes(Box::new(running)))
    }

    /// Which of the roles that are asked for somebody has, found out anew; why not, if none.
    async fn roles_for(&self, operation: &Operation, user: &UserId) -> Result<Vec<String>, String> {
        let chat = self.services.chat();
        let (mut roles, mut why) = (Vec::new(), None);
        for need in transitions::needs(operation) {
            if roles.contains(&need.role) {
                continue;
            }
            let decide = self.services.roles().has(chat.as_ref(), user, &need.role);
            match tokio::time::timeout(ROLES_PATIENCE, decide).await {
                Ok(decision) if decision.allowed => roles.push(need.role.clone()),
                Ok(decision) => why = Some(decision.rule),
                Err(_) => why = Some("whether you may could not be found out in time".into()),
            }
        }
        if roles.is_empty() {
            return Err(why.unwrap_or_else(|| "it asks for nobody's approval".into()));
        }
        Ok(roles)
    }

    /// The approvals so far whose givers still have the roles they gave them with.
    async fn still_held(&self, operation: &Operation) -> Vec<Approval> {
        let mut held = Vec::new();
        for approval in &operation.approvals {
            if let Ok(mut roles) = self.roles_for(operation, &approval.by).await {
                roles.retain(|role| approval.roles.contains(role));
                held.push(Approval {
                    roles,
                    ..approval.clone()
                });
            }
        }
        held
    }

    /// They may not decide on it; that they tried is recorded.
    async fn may_not_decide(
        &self,
        cx: &Context,
        operation: &Operation,
        why: &str,
        now: Timestamp,
    ) -> anyhow::Error {
        let text = "Somebody who may not wanted to decide on it.";
        let entry = Entry::of(operation, now, "turned_away", text)
            .by(cx.author())
            .rule(why);
        self.services.record(&[entry]).await;
        texts::may_not_decide(operation, why).into()
    }
}

/// What became of beginning.
pub(super) enum Begun {
    /// It runs.
    Yes(Box<Operation>),
    /// Somebody else changed it in between.
    Stale,
    /// This one runs on its target.
    Busy(Box<Operation>),
}
