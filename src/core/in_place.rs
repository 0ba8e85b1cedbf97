//! Answering a button in the message it stands on: what the message shows is shown anew, for everybody who looks at it.
//!
//! Of two buttons that are pressed one soon after the other, the second counts, however long the first one's work takes, whichever replica
//! does it, and also when the first is taken up again after its process died. So each answer takes a number in the store before its work,
//! and is dropped when another one has taken a higher number by its end.

use crate::{
    card::Post,
    chat::{MessageRef, Urgency},
    context::Context,
    error::Result,
    message::Via,
    store::StoreError,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The space of the numbers, by message.
const SPACE: &str = "robot.in_place";
/// How long they are kept after the last button: longer than an event is taken up again.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// So many events of a message are remembered.
const EVENTS: usize = 8;
/// How often a number is taken anew when somebody else was quicker.
const TRIES: usize = 8;

/// The answers of one message.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Answers {
    newest: u64,
    /// The last events, with their numbers.
    events: Vec<(String, u64)>,
    at: Timestamp,
}

/// An answer that is being made, in the message whose button was pressed.
pub struct InPlace<'a> {
    cx: &'a Context,
    message: &'a MessageRef,
    /// None when the store could not be asked: then nobody waits for anybody.
    number: Option<u64>,
}

impl Context {
    /// The message whose button was pressed, where that is how it was said and the chat tells which.
    pub fn pressed(&self) -> Option<&MessageRef> {
        match &self.message().via {
            Via::Button { message } => message.as_ref(),
            _ => None,
        }
    }

    /// Begins to answer in the message whose button was pressed; nothing, when none was. To be called before the work is done that the
    /// answer needs.
    pub async fn in_place(&self) -> Option<InPlace<'_>> {
        let message = self.pressed()?;
        let number = self.number(message).await;
        if let Err(error) = &number {
            tracing::warn!(%error, "which of several buttons was pressed last cannot be found out");
        }
        Some(InPlace {
            cx: self,
            message,
            number: number.ok(),
        })
    }

    async fn number(&self, message: &MessageRef) -> Result<u64, StoreError> {
        let (store, event) = (self.services().store(), &self.message().event.id);
        let key = format!("{} {}", message.channel, message.id);
        for _ in 0..TRIES {
            let now = store.now().await?;
            let mut known = (Answers::default(), 0);
            for entry in store.entries(SPACE).await? {
                let read: Answers = serde_json::from_value(entry.value).unwrap_or_default();
                if entry.key == key {
                    known = (read, entry.revision);
                } else if read.at + KEPT < now {
                    // Somebody may be quicker.
                    store.swap(SPACE, &entry.key, entry.revision, None, &[]).await?;
                }
            }
            let (mut answers, revision) = known;
            if self.message().again {
                // What died before it took its number came before all that took one.
                let own = answers.events.iter().find(|(known, _)| known == event);
                match own {
                    Some((_, number)) => return Ok(*number),
                    None if answers.newest > 0 => return Ok(0),
                    None => {}
                }
            }
            answers.newest += 1;
            answers.at = now;
            answers.events.push((event.clone(), answers.newest));
            let excess = answers.events.len().saturating_sub(EVENTS);
            answers.events.drain(..excess);
            let number = answers.newest;
            let value =
                serde_json::to_value(&answers).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            if store.swap(SPACE, &key, revision, Some(&value), &[]).await? {
                return Ok(number);
            }
        }
        Err(StoreError::Unavailable(format!(
            "{key} changes faster than it can be noted"
        )))
    }

    async fn newest(&self, message: &MessageRef) -> Result<u64, StoreError> {
        let key = format!("{} {}", message.channel, message.id);
        let entries = self.services().store().entries(SPACE).await?;
        let found = entries.into_iter().find(|entry| entry.key == key);
        let read = found.and_then(|entry| serde_json::from_value::<Answers>(entry.value).ok());
        Ok(read.unwrap_or_default().newest)
    }
}

impl InPlace<'_> {
    /// Shows the answer, unless a button was pressed since whose answer counts instead. Nothing is added to it. Answers whether it is
    /// shown.
    ///
    /// # Errors
    /// When the chat does not take it, or when this message has said too much already.
    pub async fn show(&self, post: impl Into<Post>) -> Result<bool> {
        self.cx.hold().await?;
        self.cx.count()?;
        let newest = match self.number {
            // Without the store the last one to come to its end counts.
            Some(_) => self.cx.newest(self.message).await.ok(),
            None => None,
        };
        if newest > self.number {
            return Ok(false);
        }
        let chat = self.cx.services().chat();
        chat.update(self.message, &post.into(), Urgency::Answer).await?;
        Ok(true)
    }
}
