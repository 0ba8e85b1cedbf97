//! A conversation and what was said in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{message::Message, ts::Ts};

/// What kind of conversation a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Anyone may join.
    Public,
    /// By invitation.
    Private,
    /// Two people.
    Im,
    /// A few people.
    Mpim,
}

/// A conversation.
#[derive(Debug)]
pub struct Channel {
    /// `C…` or `D…`
    pub id: String,
    /// Without the `#`; empty for a direct message.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// Ids of who is in it.
    pub members: BTreeSet<String>,
    /// Nobody may post any more.
    pub is_archived: bool,
    /// Topic.
    pub topic: String,
    /// When it was made, in seconds since the epoch.
    pub created: u64,
    /// Every message, replies and ephemeral ones too.
    pub(crate) messages: BTreeMap<Ts, Message>,
    /// The messages of the channel itself: not ephemeral, and no replies unless broadcast.
    pub(crate) top: BTreeSet<Ts>,
    /// Replies by the message they answer.
    pub(crate) threads: HashMap<Ts, BTreeSet<Ts>>,
    /// What was deleted, in the order of deletion.
    pub(crate) deleted: Vec<Message>,
}

impl Channel {
    pub(crate) fn new(id: String, name: &str, kind: Kind, created: u64) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind,
            members: BTreeSet::new(),
            is_archived: false,
            topic: String::new(),
            created,
            messages: BTreeMap::new(),
            top: BTreeSet::new(),
            threads: HashMap::new(),
            deleted: Vec::new(),
        }
    }

    /// Every message, oldest first: replies in threads and ephemeral ones too.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }

    /// How many messages there are, replies and ephemeral ones counted.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing was ever said, or all of it deleted.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What answers the message, oldest first.
    pub fn replies(&self, thread: Ts) -> impl Iterator<Item = &Message> {
        self.threads
            .get(&thread)
            .into_iter()
            .flatten()
            .filter_map(|ts| self.messages.get(ts))
    }

    /// What was deleted, in the order of deletion.
    pub fn deleted(&self) -> &[Message] {
        &self.deleted
    }

    /// `channel`, `group`, `im` or `mpim`, as events name it.
    pub fn channel_type(&self) -> &'static str {
        match self.kind {
            Kind::Public => "channel",
            Kind::Private => "group",
            Kind::Im => "im",
            Kind::Mpim => "mpim",
        }
    }

    pub(crate) fn insert(&mut self, message: Message) {
        let ts = message.ts;
        if message.ephemeral_to.is_none() {
            match message.thread_ts.filter(|parent| *parent != ts) {
                Some(parent) => {
                    self.threads.entry(parent).or_default().insert(ts);
                    if message.broadcast {
                        self.top.insert(ts);
                    }
                }
                None => {
                    self.top.insert(ts);
                }
            }
        }
        self.messages.insert(ts, message);
    }

    pub(crate) fn remove(&mut self, ts: Ts) -> Option<Message> {
        let message = self.messages.remove(&ts)?;
        self.top.remove(&ts);
        if let Some(parent) = message.thread_ts
            && let Some(replies) = self.threads.get_mut(&parent)
        {
            replies.remove(&ts);
        }
        self.deleted.push(message.clone());
        Some(message)
    }
}
