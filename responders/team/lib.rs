//! Purpose: what teams like to have around besides operations: karma, dice, polls, standups, and who is on call.
//!
//! Each is a responder of its own, so that `enabled = false` in its section leaves it out. Nothing here touches the world; what it
//! remembers are values in the store, changed by [`otus::store::amend`], so that replicas and two people at once lose nothing.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod dice;
mod karma;
mod oncall;
mod poll;
mod standup;

pub use dice::Dice;
pub use karma::Karma;
pub use oncall::{OnCall, PagerDutySettings, Settings as OnCallSettings};
pub use poll::Polls;
pub use standup::{Settings as StandupSettings, Standups};

use otus::{Card, MessageRef, Services, chat::ChatError};

/// Shows a card in a message that is there already. A message that somebody deleted is no fault: what it showed is kept all the same.
async fn show(services: &Services, message: &MessageRef, card: Card) -> otus::Result<bool> {
    let chat = services.chat();
    match chat
        .update(message, &card.into(), otus::chat::Urgency::Answer)
        .await
    {
        Ok(()) => Ok(true),
        Err(ChatError::Missing(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The value of a key of a space, as it is now.
async fn kept<T: serde::de::DeserializeOwned>(
    services: &Services,
    space: &str,
    key: &str,
) -> otus::Result<Option<(T, u64)>> {
    let all = services.store().entries(space).await?;
    let found = all.into_iter().find(|entry| entry.key == key);
    found
        .map(|entry| Ok((serde_json::from_value(entry.value)?, entry.revision)))
        .transpose()
}
