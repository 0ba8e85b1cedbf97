//! Finding the operation somebody means, and wanting something of it.

use super::Operations;
use crate::{
    chat::MessageRef,
    context::Context,
    error::Result,
    message::Via,
    operations::{
        operation::{Operation, OperationFilter, Wish},
        texts, transitions,
    },
};

impl Operations {
    /// The operation somebody means: by its id or the beginning of it, or, without one, the newest of the thread the message was
    /// said in, or of the card the button stands on.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when there is none, or more than one.
    pub async fn meant(&self, cx: &Context, id: Option<&str>) -> Result<Operation> {
        if let Some(id) = id {
            return self.named(id).await;
        }
        let message = cx.message();
        let pressed = match &message.via {
            Via::Button { message } => message.clone(),
            _ => None,
        };
        let head = message.thread.clone().map(|id| MessageRef {
            channel: message.channel.clone(),
            id,
        });
        for thread in [pressed, head].into_iter().flatten() {
            let filter = OperationFilter {
                thread: Some(thread),
                limit: 1,
                ..OperationFilter::default()
            };
            if let Some(found) = self.services.store().operations(&filter).await?.pop() {
                return Ok(found);
            }
        }
        Err(texts::which().into())
    }

    /// The operation of this id, or the only one whose id begins so.
    pub(super) async fn named(&self, id: &str) -> Result<Operation> {
        let store = self.services.store();
        if let Some(found) = store.operation(id).await? {
            return Ok(found);
        }
        if id.is_empty() {
            return Err(texts::which().into());
        }
        let filter = OperationFilter {
            id_prefix: Some(id.to_owned()),
            limit: 6,
            ..OperationFilter::default()
        };
        let mut found = store.operations(&filter).await?;
        match (found.len(), found.pop()) {
            (1, Some(only)) => Ok(only),
            (0, _) | (_, None) => Err(texts::unknown(id).into()),
            (_, Some(last)) => {
                found.push(last);
                Err(texts::several(id, &found).into())
            }
        }
    }

    /// Wants a running one to stop at its next safe point, or takes back one that has not begun. Who asked may always take back
    /// what has not begun; everybody else needs the right to its command.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it is over.
    pub async fn cancel(&self, cx: &Context, id: &str) -> Result<Operation> {
        let operation = self.named(id).await?;
        let by = cx.author();
        if operation.state.is_over() {
            return Err(texts::refusal(&transitions::Refusal::Over, &operation).into());
        }
        if !(operation.state.is_waiting() && operation.by == *by) {
            self.may_touch(&operation, by, &cx.message().channel).await?;
        }
        let begun_meanwhile = !operation.state.is_active() && operation.by == *by;
        let changed = self
            .change(&operation.id, |operation, now| {
                if operation.state.is_waiting() {
                    transitions::taken_back(operation, by, now)
                } else if begun_meanwhile && operation.state.is_active() {
                    // It has begun since, and whether they may stop it was not found out.
                    Err(transitions::Refusal::Runs)
                } else {
                    transitions::wished(operation, Wish::Cancel, by, now)
                }
            })
            .await?;
        self.engine().poke(&changed.id);
        Ok(changed)
    }

    /// The operation, for who wants something of it that only its own action understands, while it is under way. Whoever may stop
    /// it may that, too.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it is over.
    pub async fn steered(&self, cx: &Context, id: &str) -> Result<Operation> {
        let operation = self.named(id).await?;
        if operation.state.is_over() {
            return Err(texts::refusal(&transitions::Refusal::Over, &operation).into());
        }
        self.may_touch(&operation, cx.author(), &cx.message().channel)
            .await?;
        Ok(operation)
    }

    /// Wants a running one to wait at its next safe point.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it does not run, or its kind cannot be held.
    pub async fn pause(&self, cx: &Context, id: &str) -> Result<Operation> {
        self.wish(cx, id, Wish::Pause).await
    }

    /// Wants a paused one to go on.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it is not paused.
    pub async fn resume(&self, cx: &Context, id: &str) -> Result<Operation> {
        self.wish(cx, id, Wish::Go).await
    }

    async fn wish(&self, cx: &Context, id: &str, wish: Wish) -> Result<Operation> {
        let operation = self.named(id).await?;
        let by = cx.author();
        let now = self.now().await?;
        transitions::wished(&operation, wish, by, now)
            .map_err(|refusal| texts::refusal(&refusal, &operation))?;
        if !self.pauses(&operation.kind) {
            return Err(texts::cannot_pause(&operation).into());
        }
        self.may_touch(&operation, by, &cx.message().channel).await?;
        let changed = self
            .change(&operation.id, |operation, now| {
                transitions::wished(operation, wish, by, now)
            })
            .await?;
        self.engine().poke(&changed.id);
        Ok(changed)
    }
}
