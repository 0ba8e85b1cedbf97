//! What every handler can reach: the chat, the memory, the catalog, the engines.

use crate::{
    audit::Entry,
    catalog::Catalog,
    chat::Chat,
    health::Health,
    message::Message,
    operations::{Engine, Operations},
    policy::{Policy, Roles, Verdict},
    responder::CommandSpec,
    store::Store,
};
use futures_util::future::BoxFuture;
use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use tokio_util::sync::CancellationToken;

/// Engines and other shared things, by their type. The program puts them in, responders take them out.
#[derive(Clone, Default)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    /// Puts one in; one of the same type that was there is replaced.
    pub fn insert<T: Send + Sync + 'static>(&mut self, resource: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(resource));
    }

    /// Takes one out.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0
            .get(&TypeId::of::<T>())
            .cloned()
            .and_then(|any| any.downcast().ok())
    }

    /// Takes one out, or says which one nobody put in.
    pub fn need<T: Send + Sync + 'static>(&self) -> crate::Result<Arc<T>> {
        self.get()
            .ok_or_else(|| anyhow::anyhow!("this robot has no {}", type_name::<T>()))
    }
}

/// Everything a handler, a background task or a start hook can reach. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    name: String,
    chat: Arc<dyn Chat>,
    store: Arc<dyn Store>,
    catalog: Catalog,
    roles: Roles,
    policy: Policy,
    engine: Engine,
    health: Health,
    resources: Resources,
    stop: CancellationToken,
    /// Set once, when the router is made: the router's handlers are made of responders that hold these services.
    commands: OnceLock<Vec<&'static CommandSpec>>,
    /// The robot's ear. It does not hold the robot, which holds these services.
    ear: OnceLock<Ear>,
    /// The robot's way to understand a line; like its ear.
    understanding: OnceLock<Box<dyn Understanding>>,
}

type Ear = Box<dyn Fn(Message) + Send + Sync>;

/// What the robot makes of words before anybody says them.
pub(crate) trait Understanding: Send + Sync {
    /// See [`Services::command_of`].
    fn command_of(&self, line: &str) -> Option<&'static CommandSpec>;

    /// See [`Services::near`].
    fn near<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Vec<String>>;

    /// See [`Services::verdict`].
    fn verdict<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Option<Verdict>>;

    /// See [`Services::would_run`].
    fn would_run<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, bool>;
}

impl Services {
    #[allow(
        clippy::too_many_arguments,
        reason = "made in one place, from what the builder was given"
    )]
    pub(crate) fn new(
        name: String,
        chat: Arc<dyn Chat>,
        store: Arc<dyn Store>,
        catalog: Catalog,
        roles: Roles,
        policy: Policy,
        engine: Engine,
        resources: Resources,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            chat,
            store,
            catalog,
            roles,
            policy,
            engine,
            health: Health::default(),
            resources,
            stop,
            commands: OnceLock::new(),
            ear: OnceLock::new(),
            understanding: OnceLock::new(),
        }))
    }

    pub(crate) fn set_commands(&self, commands: Vec<&'static CommandSpec>) {
        // A second robot on the same services cannot be made, so the first write is the only one.
        let _ = self.0.commands.set(commands);
    }

    pub(crate) fn set_ear(&self, ear: impl Fn(Message) + Send + Sync + 'static) {
        // As above.
        let _ = self.0.ear.set(Box::new(ear));
    }

    pub(crate) fn set_understanding(&self, understanding: impl Understanding + 'static) {
        // As above.
        let _ = self.0.understanding.set(Box::new(understanding));
    }

    /// The command that would answer a line said to the robot, whoever says it.
    pub fn command_of(&self, line: &str) -> Option<&'static CommandSpec> {
        self.0
            .understanding
            .get()
            .and_then(|understanding| understanding.command_of(line))
    }

    /// Commands like a message that nobody would answer, best first, which its author may say.
    pub async fn near(&self, message: &Message) -> Vec<String> {
        match self.0.understanding.get() {
            Some(understanding) => understanding.near(message).await,
            None => Vec::new(),
        }
    }

    /// What policy says now of a message's command, if it is one, as far as its words tell what it is about. Nothing is done and
    /// nothing recorded; what proposes an operation is decided on again when its plan is known.
    pub async fn verdict(&self, message: &Message) -> Option<Verdict> {
        match self.0.understanding.get() {
            Some(understanding) => understanding.verdict(message).await,
            None => None,
        }
    }

    /// Whether a message's command would run at once if its author said it to the robot here and now, nobody being asked: for what shows
    /// by itself what somebody may ask for. What cannot be found out is a no.
    pub async fn would_run(&self, message: &Message) -> bool {
        match self.0.understanding.get() {
            Some(understanding) => understanding.would_run(message).await,
            None => false,
        }
    }

    /// Lets the robot hear something as if the chat had brought it, and returns at once: for what was scheduled, or is said
    /// again. It is matched, decided on and answered like everything that [`Message::author`] says; its event's id must be as
    /// unique as any, since an event is worked on once.
    pub fn hear(&self, message: Message) {
        match self.0.ear.get() {
            Some(ear) => ear(message),
            None => tracing::error!(event = %message.event.id, "nobody hears this: there is no robot yet"),
        }
    }

    /// What the robot is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The way out.
    pub fn chat(&self) -> &Arc<dyn Chat> {
        &self.0.chat
    }

    /// The memory.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// What there is to operate on.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// Who has which role.
    pub fn roles(&self) -> &Roles {
        &self.0.roles
    }

    /// The rules of who may do what, where and when.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The operations: what was asked, runs and ran.
    pub fn operations(&self) -> Operations {
        Operations::new(self.clone())
    }

    /// How the responders are doing.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Adds entries to the audit trail. One that cannot be added is logged in full: what was done is done.
    pub async fn record(&self, entries: &[Entry]) {
        if let Err(error) = self.0.store.record(entries).await {
            for entry in entries {
                let entry = serde_json::to_string(entry).unwrap_or_default();
                tracing::error!(%error, entry, "an entry of the audit trail could not be written");
            }
        }
    }

    /// An engine: `services.resource::<Clusters>()?`.
    pub fn resource<T: Send + Sync + 'static>(&self) -> crate::Result<Arc<T>> {
        self.0.resources.need()
    }

    /// All engines.
    pub fn resources(&self) -> &Resources {
        &self.0.resources
    }

    /// Is cancelled when the robot is asked to stop: long work should come to a safe point and return.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Every command there is, whether or not somebody may say it.
    pub fn commands(&self) -> &[&'static CommandSpec] {
        self.0.commands.get().map(Vec::as_slice).unwrap_or_default()
    }
}
