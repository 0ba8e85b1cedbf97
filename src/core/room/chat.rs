//! The chat of a test room: everything the robot does is kept, in order.

use crate::{
    card::{Button, File, Part, Post},
    chat::{Chat, ChatError, MessageRef, Person, Place, Urgency},
    ids::{ChannelId, MessageId, UserId},
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Something the robot did.
#[derive(Debug, Clone)]
pub struct Said {
    /// Where.
    pub place: Place,
    /// What.
    pub what: What,
}

/// The kinds of things a robot does.
#[derive(Debug, Clone)]
pub enum What {
    /// It posted.
    Post(Post),
    /// It told one person.
    Whisper(UserId, Post),
    /// It reacted.
    Reaction(MessageRef, String),
    /// It uploaded.
    File(File),
}

/// A chat in memory.
#[derive(Default)]
pub struct RoomChat {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    said: Vec<Said>,
    expected: usize,
    posts: Vec<(MessageRef, Post)>,
    edits: HashMap<MessageRef, u32>,
    deleted: Vec<MessageRef>,
    people: HashMap<UserId, Person>,
    emails: HashMap<String, UserId>,
    groups: HashMap<String, Vec<UserId>>,
    channels: HashMap<ChannelId, String>,
    broken: Option<ChatError>,
    pictures: Vec<File>,
    count: u64,
    /// How many things people said and pressed, in all rooms of this chat.
    heard: u64,
}

impl RoomChat {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next thing that somebody says.
    pub(super) fn next_heard(&self) -> u64 {
        let mut state = self.state();
        state.heard += 1;
        state.heard
    }

    /// Makes somebody known.
    pub fn introduce(&self, id: &str, person: Person) {
        self.state().people.insert(id.into(), person);
    }

    /// Gives somebody an address.
    pub fn address(&self, id: &str, email: &str) {
        self.state().emails.insert(email.into(), id.into());
    }

    /// Makes a group known.
    pub fn group(&self, handle: &str, members: &[&str]) {
        let members = members.iter().map(|&member| member.into()).collect();
        self.state().groups.insert(handle.into(), members);
    }

    /// Gives a channel a name, without `#`.
    pub fn name_channel(&self, channel: &str, name: &str) {
        self.state().channels.insert(channel.into(), name.into());
    }

    /// From here on everything fails like this, or works again.
    pub fn break_with(&self, error: Option<ChatError>) {
        self.state().broken = error;
    }

    /// What the robot's messages read now, oldest first.
    pub fn shown(&self) -> Vec<Post> {
        self.state().posts.iter().map(|(_, post)| post.clone()).collect()
    }

    /// The robot's messages and what they read now, oldest first.
    pub fn messages(&self) -> Vec<(MessageRef, Post)> {
        self.state().posts.clone()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, message: &MessageRef) {
        let mut state = self.state();
        state.posts.retain(|(known, _)| known != message);
        state.deleted.push(message.clone());
    }

    /// How often a message was edited.
    pub fn edits(&self, message: &MessageRef) -> u32 {
        self.state().edits.get(message).copied().unwrap_or(0)
    }

    /// A picture that a card shows.
    pub fn picture(&self, name: &str) -> Option<File> {
        let nth: usize = name.strip_prefix('P')?.parse().ok()?;
        self.state().pictures.get(nth).cloned()
    }

    /// The first picture that a post shows, with the words that stand with it there.
    pub fn shown_in(&self, post: &Post) -> Option<File> {
        let parts = post.card.iter().flat_map(|card| &card.parts);
        let shown = parts.clone().find_map(|part| match part {
            Part::Picture(picture) => Some(picture),
            _ => None,
        })?;
        Some(File {
            alt: Some(shown.alt.clone()),
            ..self.picture(&shown.file)?
        })
    }

    /// Everything the robot did, oldest first.
    pub fn said(&self) -> Vec<Said> {
        self.state().said.clone()
    }

    /// The newest button with this label, and the message it stands on.
    pub fn button(&self, label: &str) -> Option<(MessageRef, Button)> {
        self.state().posts.iter().rev().find_map(|(message, post)| {
            let buttons = &post.card.as_ref()?.buttons;
            Some((
                message.clone(),
                buttons.iter().find(|button| button.label == label)?.clone(),
            ))
        })
    }

    /// Takes the oldest thing nobody expected yet.
    pub fn take_unexpected(&self) -> Option<Said> {
        let mut state = self.state();
        let said = state.said.get(state.expected).cloned()?;
        state.expected += 1;
        Some(said)
    }

    /// Waits until something is there; looks again whenever the chat changes.
    pub async fn wait<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = look(self) {
                return found;
            }
            changed.await;
        }
    }

    /// Everything the robot did, to be read when a test fails.
    pub fn transcript(&self) -> String {
        let state = self.state();
        let lines = state.said.iter().map(|said| match &said.what {
            What::Post(post) => format!("otus: {}", post.plain()),
            What::Whisper(to, post) => format!("otus to {to}: {}", post.plain()),
            What::Reaction(_, emoji) => format!("otus reacts :{emoji}:"),
            What::File(file) => format!("otus uploads {} ({} bytes)", file.name, file.bytes.len()),
        });
        let shown = state
            .posts
            .iter()
            .map(|(message, post)| format!("now {}: {}", message.id, post.plain()));
        lines.chain(shown).collect::<Vec<_>>().join("\n")
    }

    fn note(&self, place: &Place, what: What) -> Result<MessageRef, ChatError> {
        let mut state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        state.count += 1;
        let id = MessageId::new(format!("9000000000.{:06}", state.count));
        let message = MessageRef {
            channel: place.channel.clone(),
            id,
        };
        if let What::Post(post) = &what {
            state.posts.push((message.clone(), post.clone()));
        }
        state.said.push(Said {
            place: place.clone(),
            what,
        });
        drop(state);
        self.changed.notify_waiters();
        Ok(message)
    }
}

#[async_trait]
impl Chat for RoomChat {
    async fn post(&self, place: &Place, post: &Post, _: Urgency) -> Result<MessageRef, ChatError> {
        self.note(place, What::Post(post.clone()))
    }

    async fn update(&self, message: &MessageRef, post: &Post, _: Urgency) -> Result<(), ChatError> {
        let mut state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        if state.deleted.contains(message) {
            return Err(ChatError::Missing(format!("the message {}", message.id)));
        }
        match state.posts.iter_mut().find(|(known, _)| known == message) {
            Some((_, held)) => *held = post.clone(),
            // A message from before a restart: this chat did not see it posted.
            None => state.posts.push((message.clone(), post.clone())),
        }
        *state.edits.entry(message.clone()).or_default() += 1;
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    async fn find(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, ChatError> {
        let state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        let found = state
            .posts
            .iter()
            .find(|(message, post)| message.channel == place.channel && post.key.as_deref() == Some(key));
        Ok(found.map(|(message, _)| message.clone()))
    }

    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError> {
        self.note(place, What::Whisper(to.clone(), post.clone()))
            .map(drop)
    }

    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError> {
        let place = Place::channel(message.channel.clone());
        self.note(&place, What::Reaction(message.clone(), emoji.into()))
            .map(drop)
    }

    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError> {
        self.note(place, What::File(file)).map(drop)
    }

    async fn keep(&self, file: File) -> Result<Option<String>, ChatError> {
        let mut state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        state.pictures.push(file);
        Ok(Some(format!("P{}", state.pictures.len() - 1)))
    }

    async fn link(&self, message: &MessageRef) -> Result<Option<String>, ChatError> {
        Ok(Some(format!(
            "https://chat.test/{}/{}",
            message.channel, message.id
        )))
    }

    async fn channel_name(&self, channel: &ChannelId) -> Result<String, ChatError> {
        let state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        let name = state.channels.get(channel).cloned();
        name.ok_or_else(|| ChatError::Missing(format!("a name of the channel {channel}")))
    }

    async fn person(&self, user: &UserId) -> Result<Person, ChatError> {
        let state = self.state();
        let known = state.people.get(user).cloned();
        Ok(known.unwrap_or_else(|| Person {
            name: user.to_string(),
            ..Person::default()
        }))
    }

    async fn by_email(&self, email: &str) -> Result<Option<UserId>, ChatError> {
        Ok(self.state().emails.get(email).cloned())
    }

    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError> {
        let state = self.state();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        let members = state
            .groups
            .get(group)
            .ok_or_else(|| ChatError::Missing(format!("the group {group}")))?;
        Ok(members.contains(user))
    }
}
