//! What the robot asks of a chat system: the way out. An adapter implements [`Chat`] and hands what comes in to
//! [`Robot::receive`](crate::Robot::receive).

use crate::{
    card::{File, Post},
    form::Form,
    ids::{ChannelId, MessageId, UserId},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// A chat system, as far as the robot speaks into it.
///
/// Implementations pace themselves: they keep the order within a channel, respect the system's limits, merge edits
/// of one message that wait, and let [`Urgency::Answer`] overtake [`Urgency::Progress`].
#[async_trait]
pub trait Chat: Send + Sync + 'static {
    /// Posts a message and tells which it became.
    async fn post(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, ChatError>;

    /// Replaces a message of the robot's own.
    async fn update(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), ChatError>;

    /// Posts something only one person sees.
    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError>;

    /// Opens a form before the person whose doing `place` came from, where the chat can: by a slash command or a button, at once. `false`
    /// when it cannot; then it is [posted](crate::card::Part::Form).
    async fn form(&self, place: &Place, form: &Form) -> Result<bool, ChatError> {
        let _ = (place, form);
        Ok(false)
    }

    /// Adds a reaction, by the emoji's name without colons. One that is already there is no error.
    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError>;

    /// Uploads a file.
    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError>;

    /// Takes a picture that nobody sees until a [card](crate::card::Part::Picture) shows it; answers the chat's own name for it. None
    /// where cards have no pictures: then it can be [uploaded](Chat::upload).
    async fn keep(&self, file: File) -> Result<Option<String>, ChatError> {
        let _ = file;
        Ok(None)
    }

    /// The message of the robot's own that was posted with this [key](Post::key), if it is among the newer ones there. An error
    /// is not a no.
    async fn find(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, ChatError> {
        let _ = (place, key);
        Ok(None)
    }

    /// Where a person finds a message: an address to follow; none where the chat has no addresses.
    async fn link(&self, message: &MessageRef) -> Result<Option<String>, ChatError> {
        let _ = message;
        Ok(None)
    }

    /// The name of a channel, without `#`.
    async fn channel_name(&self, channel: &ChannelId) -> Result<String, ChatError> {
        Err(ChatError::Missing(format!("a name of the channel {channel}")))
    }

    /// What is known of a person.
    async fn person(&self, user: &UserId) -> Result<Person, ChatError>;

    /// The person with this address, as far as the chat tells.
    async fn by_email(&self, email: &str) -> Result<Option<UserId>, ChatError> {
        let _ = email;
        Ok(None)
    }

    /// Where to say something to one person alone.
    async fn direct(&self, user: &UserId) -> Result<ChannelId, ChatError> {
        Ok(ChannelId::new(user.as_str()))
    }

    /// Whether a person is in a group, named by id (`S…`) or handle (`oncall`). An error is not a no: who asks must
    /// refuse.
    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError>;
}

/// A message that exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// Where.
    pub channel: ChannelId,
    /// Which.
    pub id: MessageId,
}

/// Where to say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The channel.
    pub channel: ChannelId,
    /// The thread in it.
    pub thread: Option<MessageId>,
    /// A one-off way in that came with the question, for where the robot may not post.
    pub hook: Option<Hook>,
}

impl Place {
    /// A channel, outside of any thread.
    pub fn channel(channel: impl Into<ChannelId>) -> Self {
        Self {
            channel: channel.into(),
            thread: None,
            hook: None,
        }
    }
}

/// A secret address that lets who holds it answer (Slack's `response_url`), perhaps with what lets it open a form (a
/// `trigger_id`). Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hook {
    url: String,
    trigger: Option<String>,
}

impl Hook {
    /// Wraps the address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            trigger: None,
        }
    }

    /// The same, with what opens a form.
    #[must_use]
    pub fn with_trigger(self, trigger: impl Into<String>) -> Self {
        Self {
            trigger: Some(trigger.into()),
            ..self
        }
    }

    /// The address itself, for the adapter alone.
    pub fn expose(&self) -> &str {
        &self.url
    }

    /// What opens a form, for the adapter alone.
    pub fn trigger(&self) -> Option<&str> {
        self.trigger.as_deref()
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook(…)")
    }
}

/// How much a person waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// A step on the way, which a later one may replace unseen.
    Progress,
    /// More of an answer that has begun.
    More,
    /// What somebody waits for: a first answer, an end, a refusal.
    Answer,
}

/// A person in the chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// What to call them.
    pub name: String,
    /// Their time zone, as the IANA database names it.
    pub zone: Option<String>,
    /// Whether it is a robot.
    pub robot: bool,
}

/// Why the chat system did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChatError {
    /// It refused, and asking again will not help. The text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// It could not be reached or did not answer in time.
    #[error("the chat system cannot be reached: {0}")]
    Unreachable(String),
    /// It asked to wait longer than it is worth waiting.
    #[error("the chat system asks to wait {0:?}")]
    Busy(Duration),
    /// There is no such thing: message, channel, person.
    #[error("{0} does not exist in the chat")]
    Missing(String),
}
