//! A schedule as it is kept, and the space it is kept in.

use crate::when::When;
use jiff::Timestamp;
use otus::{
    ChannelId, ChannelKind, MessageId, Result, Services, StoreError, UserId, audit::Entry, chat::Place,
};
use serde::{Deserialize, Serialize};

/// The space of the store that holds them.
pub(crate) const SPACE: &str = "schedules";
/// So many there can be.
pub(crate) const MOST: usize = 200;

/// Something that is to be done at some time, or again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    /// Its short name, which people type.
    pub(crate) id: String,
    /// The operation that made it.
    pub(crate) operation: String,
    /// Who scheduled it: it runs with their rights.
    pub(crate) by: UserId,
    /// What they were called then.
    pub(crate) name: String,
    /// Where it was said, and runs.
    pub(crate) origin: Origin,
    /// What is said then.
    pub(crate) line: String,
    /// When.
    pub(crate) when: When,
    /// The next run; none after the last.
    pub(crate) next: Option<Timestamp>,
    /// Runs that were taken, and of which nobody can be sure yet that the robot heard them.
    pub(crate) running: Vec<Taken>,
    /// The last run that was taken.
    pub(crate) last: Option<Timestamp>,
    /// A run that was missed, and is not told yet.
    pub(crate) missed: Option<Missed>,
    /// Since when it is there.
    pub(crate) created: Timestamp,
}

/// A run that a robot took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// When it was due.
    pub(crate) at: Timestamp,
    /// When it was taken.
    pub(crate) since: Timestamp,
}

/// A run that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missed {
    /// When it should have been.
    pub(crate) at: Timestamp,
    /// When somebody set out to tell it.
    pub(crate) since: Timestamp,
}

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The channel.
    pub(crate) channel: ChannelId,
    /// What kind of place it is.
    pub(crate) kind: Kind,
    /// The thread.
    pub(crate) thread: Option<MessageId>,
}

/// The kinds of place, as they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A channel anybody can join.
    Public,
    /// A channel by invitation.
    Private,
    /// One person and the robot.
    Direct,
    /// A few people and the robot.
    Group,
}

impl From<ChannelKind> for Kind {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::Public => Self::Public,
            ChannelKind::Private => Self::Private,
            ChannelKind::Direct => Self::Direct,
            ChannelKind::Group => Self::Group,
        }
    }
}

impl From<Kind> for ChannelKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Public => Self::Public,
            Kind::Private => Self::Private,
            Kind::Direct => Self::Direct,
            Kind::Group => Self::Group,
        }
    }
}

impl Origin {
    /// Whether it may be spoken of in a channel: what goes on behind closed doors stays there.
    pub(crate) fn may_be_told_in(&self, channel: &ChannelId) -> bool {
        self.kind == Kind::Public || self.channel == *channel
    }

    /// As a place to post to.
    pub(crate) fn place(&self) -> Place {
        Place {
            thread: self.thread.clone(),
            ..Place::channel(self.channel.as_str())
        }
    }
}

impl Schedule {
    /// Whether nothing is left to do for it.
    pub(crate) fn is_over(&self) -> bool {
        self.next.is_none() && self.running.is_empty() && self.missed.is_none()
    }

    /// An entry of the audit trail about it.
    pub(crate) fn entry(&self, at: Timestamp, event: &str, text: String) -> Entry {
        Entry {
            channel: Some(self.origin.channel.clone()),
            ..Entry::new(at, event, text)
        }
        .data(serde_json::json!({ "schedule": self.id, "line": self.line, "by": self.by }))
    }
}

/// A schedule with the revision it was read at.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// What it is.
    pub(crate) schedule: Schedule,
    /// How often it was written.
    pub(crate) revision: u64,
}

/// All there are, the next to run first.
pub(crate) async fn all(services: &Services) -> Result<Vec<Kept>, StoreError> {
    let mut all = Vec::new();
    for value in services.store().entries(SPACE).await? {
        match serde_json::from_value(value.value) {
            Ok(schedule) => all.push(Kept {
                schedule,
                revision: value.revision,
            }),
            // One that cannot be read must not keep the others from running.
            Err(error) => tracing::error!(%error, key = value.key, "a schedule cannot be read"),
        }
    }
    all.sort_by_key(|kept| {
        (
            kept.schedule.next.unwrap_or(Timestamp::MAX),
            kept.schedule.id.clone(),
        )
    });
    Ok(all)
}

/// One of them.
pub(crate) async fn find(services: &Services, id: &str) -> Result<Option<Kept>, StoreError> {
    let all = all(services).await?;
    Ok(all.into_iter().find(|kept| kept.schedule.id == id))
}

/// Writes it, or forgets it when nothing is left to do. Answers whether nobody else did in between.
pub(crate) async fn write(
    services: &Services,
    schedule: &Schedule,
    revision: u64,
    entries: &[Entry],
) -> Result<bool> {
    let value = match schedule.is_over() {
        true => None,
        false => Some(serde_json::to_value(schedule)?),
    };
    let written = services
        .store()
        .swap(SPACE, &schedule.id, revision, value.as_ref(), entries);
    Ok(written.await?)
}
