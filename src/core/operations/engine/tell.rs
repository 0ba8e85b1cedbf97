//! Saying on the card how an operation stands.

use super::Operations;
use crate::{
    card::{Card, Post},
    chat::{ChatError, MessageRef, Urgency},
    error::Result,
    operations::{
        operation::{Operation, Saved},
        texts, transitions,
    },
};
use jiff::Timestamp;
use std::time::Duration;

/// The key an operation's card is posted with.
pub(super) fn key(operation: &Operation) -> String {
    format!("operation:{}", operation.id)
}

/// What became of writing to a card.
pub(super) enum Written {
    /// It is there, on this message.
    On(MessageRef),
    /// Not now.
    Later(ChatError),
    /// Never: the chat refuses it.
    Never(ChatError),
}

impl Operations {
    /// The card of an operation, from its row alone. What an action shows while it runs is not in the row.
    pub fn card(&self, operation: &Operation) -> Card {
        texts::card(operation, self.pauses(&operation.kind))
    }

    /// Tells in a task of its own, so that nobody who is cut off leaves a card half told, and waits for it.
    pub(super) async fn tell_now(&self, operation: Operation) {
        let operations = self.clone();
        let told = self
            .engine()
            .tasks
            .spawn(async move { operations.tell(operation).await });
        if let Err(error) = told.await {
            tracing::error!(%error, "the telling of an operation ended abruptly");
        }
    }

    /// Tells how an operation stands. Its lease is this task's, and is given back.
    pub(super) async fn tell(&self, mut operation: Operation) {
        loop {
            let post = Post::from(self.card(&operation));
            let message = match self.write(&operation, post, Urgency::Answer).await {
                Written::On(message) => Some(message),
                Written::Later(error) => {
                    // The lease stays until it is over: that is when the next one tries.
                    tracing::warn!(%error, operation = operation.id, "the card could not be written; it is tried again");
                    return;
                }
                Written::Never(error) => {
                    tracing::error!(%error, operation = operation.id, "the card cannot be written");
                    None
                }
            };
            match self.told(&operation, message).await {
                Ok(Some(moved_on)) => operation = moved_on,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        operation = operation.id,
                        "that a card is told could not be saved"
                    );
                    return;
                }
            }
        }
    }

    /// Edits the card, or posts it if there is none.
    pub(super) async fn write(&self, operation: &Operation, post: Post, urgency: Urgency) -> Written {
        // Longer than half a lease, and somebody else might be at it already.
        let patience = self.engine().timing.lease / 2;
        match tokio::time::timeout(patience, self.put(operation, post.keyed(key(operation)), urgency)).await {
            Ok(Ok(message)) => Written::On(message),
            Ok(Err(error @ (ChatError::Refused(_) | ChatError::Missing(_)))) => Written::Never(error),
            Ok(Err(error)) => Written::Later(error),
            Err(_) => Written::Later(ChatError::Busy(patience)),
        }
    }

    async fn put(
        &self,
        operation: &Operation,
        post: Post,
        urgency: Urgency,
    ) -> Result<MessageRef, ChatError> {
        let (chat, place) = (self.services.chat(), operation.origin.place());
        if let Some(card) = &operation.card {
            match chat.update(card, &post, urgency).await {
                Ok(()) => return Ok(card.clone()),
                // Somebody deleted it.
                Err(ChatError::Missing(_)) => return chat.post(&place, &post, Urgency::Answer).await,
                Err(error) => return Err(error),
            }
        }
        // Perhaps it was posted by a process that died before it could say so.
        match chat.find(&place, &key(operation)).await? {
            Some(card) => {
                chat.update(&card, &post, urgency).await?;
                Ok(card)
            }
            None => chat.post(&place, &post, Urgency::Answer).await,
        }
    }

    /// Saves that the card tells how the operation stands, and gives the lease back. Answers the row when it has moved on
    /// meanwhile and has to be told again.
    pub(super) async fn told(
        &self,
        operation: &Operation,
        message: Option<MessageRef>,
    ) -> Result<Option<Operation>> {
        let mut held = operation.clone();
        loop {
            let now = self.now().await?;
            let mut next = held.clone();
            let is_ours = held.lease.owner == operation.lease.owner;
            next.card = if is_ours {
                message.clone().or(next.card)
            } else {
                next.card.or(message.clone())
            };
            if is_ours && held.revision == operation.revision {
                next.told = true;
                next.lease.until = Some(now);
            } else {
                // It has moved on while its old state was written to the card.
                next.told = false;
            }
            let again = is_ours && !held.state.is_active() && held.revision != operation.revision;
            if again {
                next.lease.until = Some(self.lease_until(now));
            }
            if next == held {
                return Ok(again.then_some(next));
            }
            match self.save(&next, &[], &[]).await? {
                Saved::Yes(revision) => {
                    next.revision = revision;
                    return Ok(again.then_some(next));
                }
                Saved::Stale => held = self.load(&operation.id).await?,
                Saved::Busy(_) => return Ok(None),
            }
        }
    }

    /// A run that lost its lease may have written on the card since: what is over by now is told once more.
    pub(super) async fn untell(&self, id: &str) {
        loop {
            let untold = match self.load(id).await {
                Ok(row) if row.state.is_over() && row.told => Operation { told: false, ..row },
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        operation = id,
                        "its card may say something old"
                    );
                    return;
                }
            };
            match self.save(&untold, &[], &[]).await {
                Ok(Saved::Stale) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, operation = id, "its card may say something old");
                    return;
                }
            }
        }
    }

    /// Takes the lease of an operation that does not run, waiting a moment for who holds it to have told it. Whoever still holds
    /// it then hangs, and loses it.
    pub(super) async fn free(&self, id: &str) -> Result<(Operation, Timestamp)> {
        const STEP: Duration = Duration::from_millis(50);
        for _ in 0..60 {
            let (operation, now) = (self.load(id).await?, self.now().await?);
            if operation.state.is_over()
                || operation.state.is_active()
                || transitions::is_free(&operation, now)
            {
                return Ok((operation, now));
            }
            tokio::time::sleep(STEP).await;
        }
        Ok((self.load(id).await?, self.now().await?))
    }
}
