//! What somebody said, as an adapter hands it to the robot: tokenised, un-escaped, and free of anything
//! particular to one chat system.

use crate::{
    chat::{Hook, MessageRef, Place},
    ids::{ChannelId, MessageId, UserId},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One thing that was said, pressed or typed. What of it is secret is not serialised.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// What tells this event from all others, over all deliveries of it.
    pub event: EventKey,
    /// Where it was said.
    pub channel: ChannelId,
    /// What kind of place that is.
    pub kind: ChannelKind,
    /// The thread it was said in: the id of the thread's first message.
    pub thread: Option<MessageId>,
    /// The message itself; nothing for a slash command, which leaves none behind.
    pub id: Option<MessageId>,
    /// Who said it.
    pub author: UserId,
    /// Whether a robot said it: this one or another. Such messages are never acted on.
    pub from_robot: bool,
    /// What was said.
    pub content: Vec<Segment>,
    /// How it came.
    pub via: Via,
    /// What it said before, when this is an edit of an earlier message.
    pub edited_from: Option<Vec<Segment>>,
    /// A one-off way to answer that came with it (Slack's `response_url`).
    #[serde(skip)]
    pub hook: Option<Hook>,
    /// Whether a process that died may have answered it: its answer is looked for before it is given.
    #[serde(skip)]
    pub again: bool,
}

/// The dedupe key of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventKey {
    /// Globally unique, and the same in each delivery (Slack's `event_id`, an envelope's or a trigger's id).
    pub id: String,
    /// A second name for the same words, when the chat system tells of one message by two events (Slack sends
    /// `message` and `app_mention`): the channel and the message's id.
    pub also: Option<String>,
}

impl EventKey {
    /// A key with one name.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            also: None,
        }
    }

    /// The key of a message that was said, by an event that tells of it.
    pub fn said(event: impl Into<String>, channel: &ChannelId, message: &MessageId) -> Self {
        Self {
            id: event.into(),
            also: Some(format!("{channel}:{message}")),
        }
    }

    /// An id of what was said, short enough to be read out: the same in each delivery, whoever works on it.
    pub fn short(&self) -> String {
        let digest = Sha256::digest(self.words());
        digest[..5].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The [key](crate::card::Post::key) of the first answer to it.
    pub fn answer(&self) -> String {
        format!("answer:{}", self.words())
    }

    /// The name that both events of a message share.
    fn words(&self) -> &str {
        self.also.as_deref().unwrap_or(&self.id)
    }
}

/// The kinds of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A channel anybody can join.
    Public,
    /// A channel by invitation.
    Private,
    /// One person and the robot: everything said there is said to the robot.
    Direct,
    /// A few people and the robot.
    Group,
}

/// How a message came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Somebody wrote it.
    Said,
    /// A slash command: addressed by its nature.
    Slash,
    /// A button that carries a command: addressed by its nature.
    Button {
        /// The message the button stands on.
        message: Option<MessageRef>,
    },
    /// It was scheduled, and its time has come: addressed by its nature.
    Schedule {
        /// Which schedule.
        id: String,
    },
}

/// A piece of what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Plain words, un-escaped, line breaks as `\n`.
    Text(String),
    /// Inline code, without its back-ticks.
    Code(String),
    /// A code block, without its fences. Never a command.
    CodeBlock(String),
    /// A quotation. Never a command.
    Quote(String),
    /// The robot, mentioned.
    Me,
    /// A person, mentioned.
    User(UserId),
    /// A channel, mentioned.
    Channel {
        /// Which.
        id: ChannelId,
        /// Its name without `#`, where the chat system sent it.
        name: Option<String>,
    },
    /// A link.
    Link {
        /// Where to.
        url: String,
        /// What the person typed or saw; for a bare address the same as `url`.
        text: String,
    },
    /// A group or everybody, mentioned: `@here`, `@oncall`.
    Group {
        /// Its id or word.
        id: String,
        /// Its name without `@`, where the chat system sent it.
        name: Option<String>,
    },
}

impl Message {
    /// A message of plain words said in a public channel; a start for adapters and tests.
    pub fn said(event: EventKey, channel: ChannelId, id: MessageId, author: UserId, text: &str) -> Self {
        Self {
            event,
            channel,
            kind: ChannelKind::Public,
            thread: None,
            id: Some(id),
            author,
            from_robot: false,
            content: vec![Segment::Text(text.to_owned())],
            via: Via::Said,
            edited_from: None,
            hook: None,
            again: false,
        }
    }

    /// Where an answer goes by default: the same channel, and the same thread if it was said in one.
    pub fn place(&self) -> Place {
        Place {
            channel: self.channel.clone(),
            thread: self.thread.clone(),
            hook: self.hook.clone(),
        }
    }

    /// The thread that belongs to this message: the one it was said in, else the one that begins with it, else
    /// (it left no message behind) just its channel.
    pub fn own_thread(&self) -> Place {
        let started = match &self.via {
            Via::Button { message: Some(card) } => Some(card.id.clone()),
            _ => self.id.clone(),
        };
        Place {
            thread: self.thread.clone().or(started),
            ..self.place()
        }
    }

    /// The message as something to react to or to point at.
    pub fn reference(&self) -> Option<MessageRef> {
        self.id.clone().map(|id| MessageRef {
            channel: self.channel.clone(),
            id,
        })
    }
}
