//! A message that is edited in place while something happens.

use crate::{
    card::Card,
    chat::{Chat, ChatError, MessageRef, Urgency},
};
use std::sync::Arc;

/// A card that exists and can be edited.
#[derive(Clone)]
pub struct Live {
    chat: Arc<dyn Chat>,
    message: MessageRef,
}

impl Live {
    /// Takes hold of a message of the robot's own, perhaps one from before a restart.
    pub fn new(chat: Arc<dyn Chat>, message: MessageRef) -> Self {
        Self { chat, message }
    }

    /// Which message it is, to store it.
    pub fn message(&self) -> &MessageRef {
        &self.message
    }

    /// Shows a step on the way. Later steps may replace it unseen; a failure is only logged, since the next step or
    /// the end will show.
    pub async fn show(&self, card: Card) {
        if let Err(error) = self
            .chat
            .update(&self.message, &card.into(), Urgency::Progress)
            .await
        {
            tracing::warn!(%error, message = %self.message.id, "a progress card could not be edited");
        }
    }

    /// Shows the end. It overtakes the steps on the way and is never dropped.
    ///
    /// # Errors
    /// When the chat does not take it.
    pub async fn end(&self, card: Card) -> Result<(), ChatError> {
        self.chat
            .update(&self.message, &card.into(), Urgency::Answer)
            .await
    }
}
