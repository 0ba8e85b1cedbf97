//! A chat room for tests: a robot, some people, no network. It reads as a chat:
//!
//! ```
//! # extern crate otus_core as otus;
//! # use otus::prelude::*;
//! # #[derive(Default)] struct Basics;
//! # #[responder] impl Basics {
//! #     /// Answers pong.
//! #     #[respond(r"^ping$", usage = "ping")]
//! #     async fn ping(&self, cx: Context) -> Result { cx.reply("pong").await }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut room = Room::with(Basics);
//! room.say("ann", "@otus ping").await;
//! room.expect_reply("pong").await;
//! # }
//! ```
//!
//! What the robot said and nobody expected fails the test when the room is dropped. Nothing waits by sleeping: an
//! expectation waits for the room to change, at most [`PATIENCE`].

mod chat;
mod fuse;
mod script;

use crate::{
    card::{File, Post},
    catalog::Catalog,
    ids::{ChannelId, MessageId, UserId},
    message::{ChannelKind, EventKey, Message, Via},
    operations::Timing,
    policy::{Policy, Roles},
    responder::{Built, Responder},
    robot::{AT_IT, Robot, RobotConfig},
    services::Resources,
    store::{MemoryStore, Store},
};
pub use chat::{RoomChat, Said, What};
use fuse::Fused;
pub use fuse::{Clock, Fuse};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long an expectation waits.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A room with a robot in it.
pub struct Room {
    robot: Robot,
    chat: Arc<RoomChat>,
    store: Arc<dyn Store>,
    channel: ChannelId,
    kind: ChannelKind,
    thread: Option<MessageId>,
}

/// A room being furnished.
pub struct RoomBuilder {
    config: RobotConfig,
    catalog: Catalog,
    roles: BTreeMap<String, Vec<String>>,
    policy: Policy,
    timing: Timing,
    resources: Resources,
    built: Vec<Built>,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    fuse: Option<(Fuse, Clock)>,
}

impl RoomBuilder {
    /// Adds a responder that was made already.
    pub fn built(mut self, built: Built) -> Self {
        self.built.push(built);
        self
    }

    /// Adds a responder.
    pub fn responder<R: Responder>(mut self, responder: R) -> Self {
        self.built.push(Built::new(responder));
        self
    }

    /// Sets services and environments, as TOML like in the configuration.
    ///
    /// # Panics
    /// When it is not.
    pub fn catalog(mut self, toml: &str) -> Self {
        self.catalog = toml::from_str(toml).unwrap_or_else(|error| panic!("the room's catalog: {error}"));
        self
    }

    /// Defines a role. A role that a command asks for and nobody defined is everybody's in a room.
    pub fn role(mut self, role: &str, members: &[&str]) -> Self {
        self.roles
            .insert(role.into(), members.iter().map(|&member| member.into()).collect());
        self
    }

    /// Sets the rules, as TOML like in the configuration's `[policy]`.
    ///
    /// # Panics
    /// When it is not.
    pub fn policy(mut self, toml: &str) -> Self {
        self.policy = toml::from_str(toml).unwrap_or_else(|error| panic!("the room's policy: {error}"));
        self
    }

    /// Sets how patient the operations are.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Adds an engine.
    pub fn resource<T: Send + Sync + 'static>(mut self, resource: T) -> Self {
        self.resources.insert(resource);
        self
    }

    /// Sets the memory, to look into it or to share it between rooms.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Sets the chat, to share it between rooms: replicas of one robot.
    pub fn chat(mut self, chat: Arc<RoomChat>) -> Self {
        self.chat = chat;
        self
    }

    /// Puts a fuse between the robot and its chat and store, to kill or freeze it, and gives the store another clock.
    pub fn fuse(mut self, fuse: Fuse, clock: Clock) -> Self {
        self.fuse = Some((fuse, clock));
        self
    }

    /// Sets the robot's own settings.
    pub fn config(mut self, config: RobotConfig) -> Self {
        self.config = config;
        self
    }

    /// Opens the room.
    ///
    /// # Panics
    /// When the robot cannot start.
    pub fn open(self) -> Room {
        self.try_open().unwrap_or_else(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            panic!("the robot cannot start:\n{}", faults.join("\n"))
        })
    }

    /// Opens the room, or says why the robot cannot start.
    ///
    /// # Errors
    /// All that [`crate::robot::Builder::build`] found.
    pub fn try_open(mut self) -> Result<Room, Vec<crate::StartError>> {
        for role in self
            .built
            .iter()
            .flat_map(|built| built.spec.commands)
            .filter_map(|spec| spec.role)
        {
            self.roles.entry(role.into()).or_insert_with(|| vec!["*".into()]);
        }
        let builder = Robot::builder(self.config)
            .catalog(self.catalog)
            .roles(Roles(self.roles))
            .policy(self.policy)
            .timing(self.timing)
            .resources(self.resources);
        let builder = self
            .built
            .into_iter()
            .fold(builder, |builder, built| builder.responder(built));
        let robot = match self.fuse {
            None => builder.build(self.chat.clone(), self.store.clone())?,
            Some((fuse, clock)) => {
                let chat = Fused {
                    inner: self.chat.clone(),
                    fuse: fuse.clone(),
                    clock: clock.clone(),
                };
                let store = Fused {
                    inner: self.store.clone(),
                    fuse,
                    clock,
                };
                builder.build(Arc::new(chat), Arc::new(store))?
            }
        };
        let channel = ChannelId::new("C1");
        Ok(Room {
            robot,
            chat: self.chat,
            store: self.store,
            channel,
            kind: ChannelKind::Public,
            thread: None,
        })
    }
}

impl Room {
    /// A room with one responder.
    pub fn with<R: Responder>(responder: R) -> Self {
        Self::builder().responder(responder).open()
    }

    /// Begins to furnish a room.
    pub fn builder() -> RoomBuilder {
        RoomBuilder {
            config: RobotConfig::default(),
            catalog: Catalog::default(),
            roles: BTreeMap::new(),
            policy: Policy::default(),
            timing: Timing::default(),
            resources: Resources::default(),
            built: Vec::new(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            fuse: None,
        }
    }

    /// The robot.
    pub fn robot(&self) -> &Robot {
        &self.robot
    }

    /// The chat as it stands.
    pub fn chat(&self) -> &Arc<RoomChat> {
        &self.chat
    }

    /// The memory.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// From here on things are said in this channel.
    pub fn go_to(&mut self, channel: &str, kind: ChannelKind) {
        (self.channel, self.kind, self.thread) = (ChannelId::new(channel), kind, None);
    }

    /// From here on things are said in the thread of this message; `None` leaves it.
    pub fn enter_thread(&mut self, of: Option<MessageId>) {
        self.thread = of;
    }

    /// Somebody says something. `@otus` at a word's beginning mentions the robot, `@name` a person; back-ticks, fences and `> ` are
    /// what they are in a chat.
    pub async fn say(&mut self, who: &str, text: &str) -> MessageId {
        let id = self.next();
        let message = Message {
            event: EventKey::said(format!("Ev{id}"), &self.channel, &id),
            id: Some(id.clone()),
            ..self.message(who, text, String::new())
        };
        self.receive(message);
        id
    }

    /// Somebody edits what they said.
    pub async fn edit(&mut self, who: &str, id: &MessageId, before: &str, after: &str) {
        let event = self.next();
        let message = Message {
            id: Some(id.clone()),
            edited_from: Some(script::segments(before, self.robot.services().name())),
            ..self.message(who, after, format!("Ev{event}"))
        };
        self.receive(message);
    }

    /// Somebody types a slash command.
    pub async fn slash(&mut self, who: &str, command: &str) {
        let event = self.next();
        let message = self.message(who, command, format!("Ev{event}"));
        self.receive(Message {
            via: Via::Slash,
            ..message
        });
    }

    /// Somebody presses the newest button with this label.
    ///
    /// # Panics
    /// When there is none.
    pub async fn press(&mut self, who: &str, label: &str) {
        let (message, button) = self
            .chat
            .button(label)
            .unwrap_or_else(|| panic!("there is no button {label:?}\n{}", self.chat.transcript()));
        let event = self.next();
        let said = self.message(who, &button.command, format!("Ev{event}"));
        self.receive(Message {
            id: None,
            via: Via::Button {
                message: Some(message),
            },
            content: vec![crate::Segment::Text(button.command)],
            ..said
        });
    }

    /// The robot answers with exactly these words next.
    ///
    /// # Panics
    /// When it says something else, or nothing in time.
    pub async fn expect_reply(&mut self, text: &str) {
        let post = self.answer().await;
        assert_eq!(post.plain(), text, "\n{}", self.chat.transcript());
    }

    /// What the robot answers next, whatever it is: a message or a whisper.
    ///
    /// # Panics
    /// When it reacts or uploads instead, or does nothing in time.
    pub async fn answer(&mut self) -> Post {
        match self.next_said().await.what {
            What::Post(post) | What::Whisper(_, post) => post,
            other => panic!("a reply was expected, not {other:?}\n{}", self.chat.transcript()),
        }
    }

    /// The robot reacts with this emoji next.
    ///
    /// # Panics
    /// When it does not.
    pub async fn expect_reaction(&mut self, emoji: &str) {
        let said = match emoji == AT_IT {
            true => self.next_of_all().await,
            false => self.next_said().await,
        };
        match said.what {
            What::Reaction(_, given) => assert_eq!(given, emoji),
            other => panic!(
                "a reaction was expected, not {other:?}\n{}",
                self.chat.transcript()
            ),
        }
    }

    /// The file the robot uploads next, or the picture of the card that it posts next.
    ///
    /// # Panics
    /// When it does not.
    pub async fn expect_file(&mut self) -> File {
        match self.next_said().await.what {
            What::File(file) => file,
            What::Post(ref post) if let Some(file) = self.chat.shown_in(post) => file,
            other => panic!("a file was expected, not {other:?}\n{}", self.chat.transcript()),
        }
    }

    /// The next thing the robot does that nobody has expected yet. That it says by a reaction that it is at it is passed over: that
    /// depends on how slow the machine is.
    ///
    /// # Panics
    /// When it does nothing in time.
    pub async fn next_said(&mut self) -> Said {
        loop {
            let said = self.next_of_all().await;
            if !matches!(&said.what, What::Reaction(_, emoji) if emoji == AT_IT) {
                return said;
            }
        }
    }

    async fn next_of_all(&mut self) -> Said {
        let waiting = self.chat.wait(|chat| chat.take_unexpected());
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("the robot said nothing more\n{}", self.chat.transcript()))
    }

    /// Waits until some message of the robot's reads so, however often it is edited until then; answers its words.
    ///
    /// # Panics
    /// When none does in time.
    pub async fn expect_shown(&mut self, mut what: impl FnMut(&Post) -> bool) -> Post {
        let waiting = self
            .chat
            .wait(|chat| chat.shown().into_iter().find(|post| what(post)));
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("no message came to read so\n{}", self.chat.transcript()))
    }

    /// Everything said so far has been worked on, and nothing was said in return that was not expected.
    ///
    /// # Panics
    /// When something was, or the robot does not come to rest in time.
    pub async fn expect_silence(&mut self) {
        let rest = async {
            while self.robot.busy() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let rested = tokio::time::timeout(PATIENCE, rest).await;
        assert!(
            rested.is_ok(),
            "the robot does not come to rest\n{}",
            self.chat.transcript()
        );
        if let Some(said) = self.chat.take_unexpected() {
            panic!("silence was expected, not {said:?}\n{}", self.chat.transcript());
        }
    }

    /// The robot hears something; from the first time on it also looks for operations that were left undone.
    fn receive(&self, message: Message) {
        self.robot.services().operations().sweep();
        self.robot.receive(message);
    }

    fn message(&self, who: &str, text: &str, event: String) -> Message {
        Message {
            event: EventKey::new(event),
            channel: self.channel.clone(),
            kind: self.kind,
            thread: self.thread.clone(),
            id: None,
            author: UserId::new(who),
            from_robot: false,
            content: script::segments(text, self.robot.services().name()),
            via: Via::Said,
            edited_from: None,
            hook: None,
            again: false,
        }
    }

    fn next(&self) -> MessageId {
        let count = self.chat.next_heard();
        MessageId::new(format!("{}.{count:06}", 1_700_000_000 + count))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Some(said) = self.chat.take_unexpected()
        {
            panic!(
                "the robot said something nobody expected: {said:?}\n{}",
                self.chat.transcript()
            );
        }
    }
}
