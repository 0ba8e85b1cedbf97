//! From what somebody said to a row, a card, and perhaps a beginning.

use super::{Operations, tell};
use crate::{
    audit::Entry,
    card::Post,
    chat::MessageRef,
    context::Context,
    error::{Result, UserError},
    message::Via,
    operations::{
        action::Action,
        operation::{Draft, Operation, OperationFilter, Origin, Saved, State},
        plan::Plan,
        texts, transitions,
    },
    options::Options,
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

impl Operations {
    /// Plans what was asked, decides on it, and begins it or shows what it waits for. Answers the message of `cx` with the
    /// operation's card, whatever came of it: a refusal, too, is an operation with a card, so that `why` finds it. With `--plan`
    /// it shows the plan and stops.
    ///
    /// # Errors
    /// A [`UserError`] when it cannot be planned at all.
    pub async fn propose(&self, cx: &Context, kind: &str, ask: Value) -> Result<()> {
        self.propose_with(cx, kind, ask, cx.line(), &cx.command().id(), cx.options())
            .await
            .map(drop)
    }

    /// Proposes what an earlier operation was asked to do, as asked by who says so now.
    async fn propose_again(&self, cx: &Context, earlier: &Operation, options: &Options) -> Result<Operation> {
        let options = Options {
            reason: options.reason.clone().or(earlier.reason.clone()),
            ..options.clone()
        };
        self.propose_with(
            cx,
            &earlier.kind,
            earlier.ask.clone(),
            &earlier.line,
            &earlier.command,
            &options,
        )
        .await
    }

    async fn propose_with(
        &self,
        cx: &Context,
        kind: &str,
        ask: Value,
        line: &str,
        command: &str,
        options: &Options,
    ) -> Result<Operation> {
        let action = self.action(kind)?;
        let person = cx.person().await;
        let plan = match action.plan(&self.services, &ask).await {
            Ok(plan) => plan,
            Err(error) => {
                self.record_unplanned(cx, command, line, &person.name, &error)
                    .await;
                return Err(error);
            }
        };
        let mut operation = Operation::from(Draft {
            id: cx.id().to_owned(),
            kind: kind.to_owned(),
            command: command.to_owned(),
            line: line.to_owned(),
            ask,
            plan,
            by: cx.author().clone(),
            name: person.name,
            origin: origin(cx),
            reason: options.reason.clone(),
            asked: self.now().await?,
        });
        operation.verdict = self.verdict_anew(&operation).await;
        let now = self.now().await?;
        let (next, entries) = transitions::proposed(&operation, options, self.services.policy(), now);
        // From here on nobody may be cut off half-way: it is in the store, and has to be told.
        let (operations, cx, options) = (self.clone(), cx.clone(), options.clone());
        let created = async move {
            operations
                .create(&cx, &operation, next, entries, &options, now)
                .await
        };
        self.engine().tasks.spawn(created).await?
    }

    /// The operation that a process made of this very message before it died. Its card tells about it, whoever finds it.
    async fn begun_before(&self, cx: &Context) -> Result<Option<Operation>> {
        let found = self.services.store().operation(cx.id()).await?;
        let Some(found) = found.filter(|found| found.origin == origin(cx) && found.by == *cx.author()) else {
            return Ok(None);
        };
        tracing::info!(operation = found.id, "this message has made an operation already");
        cx.left();
        Ok(Some(found))
    }

    /// Saves the first row, answers with the card, and begins it if it may.
    async fn create(
        &self,
        cx: &Context,
        proposed: &Operation,
        mut next: Operation,
        mut entries: Vec<Entry>,
        options: &Options,
        now: Timestamp,
    ) -> Result<Operation> {
        let taken = self.take_now(&mut next).await?;
        match self.save(&next, &[], &entries).await? {
            Saved::Yes(revision) => next.revision = revision,
            Saved::Stale => {
                let begun = self.begun_before(cx).await?;
                return begun
                    .ok_or_else(|| anyhow::anyhow!("another message has made the operation {}", next.id));
            }
            Saved::Busy(other) => {
                let (instead, more) = if options.queue {
                    transitions::queued(proposed, self.services.policy(), now)
                } else {
                    transitions::blocked(proposed, &other, now)
                };
                next = instead;
                entries.retain(|entry| entry.event != "started");
                entries.extend(more);
                self.take(&mut next, now);
                match self.save(&next, &[], &entries).await? {
                    Saved::Yes(revision) => next.revision = revision,
                    other => anyhow::bail!("the operation {} could not be saved: {other:?}", next.id),
                }
            }
        }
        if next.state.is_over() {
            super::runner::count(&next);
        }
        let message = self.answer(cx, &next).await;
        if next.state.is_active() {
            self.run(next.clone(), false, message, taken);
        } else {
            match message {
                Some(message) => {
                    if let Some(moved_on) = self.told(&next, Some(message)).await? {
                        self.tell(moved_on).await;
                    }
                }
                // It is posted when the lease is over.
                None => tracing::warn!(
                    operation = next.id,
                    "the card could not be posted; it is tried again"
                ),
            }
        }
        if next.state == State::Queued || next.state.is_active() {
            self.supersede_older(&next).await?;
        }
        Ok(next)
    }

    /// Answers the message with the card.
    async fn answer(&self, cx: &Context, operation: &Operation) -> Option<MessageRef> {
        let post = Post::from(self.card(operation)).keyed(tell::key(operation));
        // The lease goes on while it is posted: longer than half of it, and there would be no time left to begin.
        let patience = self.lease() / 2;
        let answered = tokio::time::timeout(patience, cx.answer(post)).await;
        match answered.unwrap_or_else(|_| Err(anyhow::anyhow!("the chat takes too long"))) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    operation = operation.id,
                    "the card could not be posted"
                );
                None
            }
        }
    }

    /// What is queued, of the same kind on the same target, and was asked earlier, has lost its place.
    pub(super) async fn supersede_older(&self, newer: &Operation) -> Result<()> {
        let target = &newer.plan.target;
        let queued = OperationFilter {
            service: target.service.clone(),
            environment: target.environment.clone(),
            kind: Some(newer.kind.clone()),
            states: vec![State::Queued],
            ..OperationFilter::default()
        };
        for older in self.services.store().operations(&queued).await? {
            if older.id == newer.id || older.plan.target != *target || !is_older(&older, newer) {
                continue;
            }
            let change = |older: &Operation, now| transitions::superseded(older, newer, now);
            match self.change(&older.id, change).await {
                Ok(_) => {}
                // It has gone another way in between.
                Err(error) if error.is::<UserError>() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Plans anew, within bounds.
    pub(super) async fn plan_anew(&self, operation: &Operation) -> Result<Plan> {
        let action: Arc<dyn Action> = self.action(&operation.kind)?;
        let planning = action.plan(&self.services, &operation.ask);
        tokio::time::timeout(self.engine().timing.think, planning)
            .await
            .map_err(|_| anyhow::anyhow!("planning the operation {} anew takes too long", operation.id))?
    }

    /// Puts what a lock, a freeze or another operation stands in the way of into the queue; it begins by itself when the way
    /// is free, newest per target only. What was refused for such a reason is over, so it is asked for anew, as its own operation
    /// with its own card; what was only planned goes into the queue itself.
    ///
    /// # Errors
    /// A [`UserError`] when there is nothing to wait for.
    pub async fn queue(&self, cx: &Context, id: &str) -> Result<Operation> {
        let operation = self.named(id).await?;
        let options = Options {
            queue: true,
            plan: false,
            ..cx.options().clone()
        };
        match operation.state {
            State::Planned => self.apply_with(cx, &operation.id, &options).await,
            State::Refused if was_blocked(&operation) => self.propose_again(cx, &operation, &options).await,
            _ => Err(texts::nothing_to_wait_for(&operation).into()),
        }
    }

    /// What could not be planned is recorded, too.
    async fn record_unplanned(
        &self,
        cx: &Context,
        command: &str,
        line: &str,
        name: &str,
        error: &anyhow::Error,
    ) {
        let why = match error.downcast_ref::<UserError>() {
            Some(error) => error.to_string(),
            None => "it went wrong on the robot's side.".into(),
        };
        let now = match self.now().await {
            Ok(now) => now,
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "what was asked could not be recorded"
                );
                return;
            }
        };
        let entry = Entry {
            request: Some(cx.id().to_owned()),
            command: Some(command.to_owned()),
            channel: Some(cx.message().channel.clone()),
            ..Entry::new(now, "asked", texts::unplanned(name, line, &why)).by(cx.author())
        };
        self.services.record(&[entry]).await;
    }
}

/// Where a message was said.
pub(super) fn origin(cx: &Context) -> Origin {
    let message = cx.message();
    Origin {
        channel: message.channel.clone(),
        thread: cx.place().thread,
        message: message.id.clone(),
        schedule: match &message.via {
            Via::Schedule { id } => Some(id.clone()),
            Via::Said | Via::Slash | Via::Button { .. } => None,
        },
    }
}

/// Whether one was asked before another one; ids decide what the clock cannot.
pub(super) fn is_older(one: &Operation, other: &Operation) -> bool {
    (one.asked, &one.id) < (other.asked, &other.id)
}

/// Whether it was refused for something that goes away.
fn was_blocked(operation: &Operation) -> bool {
    use crate::policy::VerdictKind::{Refuse, Wait};
    match operation.verdict.kind {
        Wait { .. } => true,
        Refuse => false,
        // Policy did not refuse it: something else ran on its target.
        _ => operation.state == State::Refused,
    }
}
