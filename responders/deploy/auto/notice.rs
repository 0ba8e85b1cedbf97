//! Telling in the channel that something does not go out, where people should know without asking: one message for as long as it is so,
//! edited when it is about another commit, and when it is over.

use jiff::Timestamp;
use otus::{Card, ChatError, MessageRef, Place, Post, Urgency};

use super::kept::{Notice, Now};
use super::lane::Lane;
use super::look::Hand;
use super::texts;

/// Shows what has to be shown; answers what is shown then. What the chat does not take now is tried at the next look.
pub(crate) async fn show(
    hand: &Hand,
    lane: &Lane,
    shown: Option<&Notice>,
    stands: Option<&Now>,
    now: Timestamp,
) -> Option<Notice> {
    let calls = stands.filter(|stands| {
        let after = stands.decision.calls();
        after.is_some_and(|after| now.duration_since(stands.since) >= after)
    });
    match (shown, calls) {
        (None, None) => None,
        (Some(shown), Some(now)) if shown.commit == now.commit && shown.decision.is_still(&now.decision) => {
            Some(shown.clone())
        }
        (Some(shown), None) => {
            let over = texts::over(lane, shown, stands);
            match edit(hand, &shown.message, over).await {
                // It cannot be edited, so it stays as it is.
                Ok(()) | Err(ChatError::Missing(_) | ChatError::Refused(_)) => None,
                Err(error) => {
                    tracing::warn!(%error, lane = lane.key(), "a notice could not be edited; it is tried again");
                    Some(shown.clone())
                }
            }
        }
        (shown, Some(now)) => {
            let told = tell(hand, lane, shown, now).await;
            match told {
                Ok(message) => Some(Notice {
                    message,
                    commit: now.commit.clone(),
                    decision: now.decision.clone(),
                }),
                Err(error) => {
                    tracing::warn!(%error, lane = lane.key(), "a notice could not be shown; it is tried again");
                    shown.cloned()
                }
            }
        }
    }
}

async fn edit(hand: &Hand, message: &MessageRef, card: Card) -> Result<(), ChatError> {
    hand.services
        .chat()
        .update(message, &Post::from(card), Urgency::More)
        .await
}

async fn tell(hand: &Hand, lane: &Lane, shown: Option<&Notice>, now: &Now) -> Result<MessageRef, ChatError> {
    let card = texts::notice(lane, &now.commit, &now.decision);
    if let Some(shown) = shown {
        match edit(hand, &shown.message, card.clone()).await {
            Err(ChatError::Missing(_)) => {}
            edited => return edited.map(|()| shown.message.clone()),
        }
    }
    let chat = hand.services.chat();
    let channel = hand.settings.channel(&lane.service.name).unwrap_or_default();
    let place = Place::channel(channel);
    // A process that died before it could note it may have told it.
    let key = format!(
        "autodeploy {} {} {}",
        lane.key(),
        now.commit.sha,
        now.decision.rule()
    );
    let post = Post::from(card).keyed(key.clone());
    match chat.find(&place, &key).await? {
        Some(message) => {
            chat.update(&message, &post, Urgency::More).await?;
            Ok(message)
        }
        None => chat.post(&place, &post, Urgency::Answer).await,
    }
}
