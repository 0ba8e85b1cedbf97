//! What every handler can reach: the chat, the memory, the catalog, the engines.

use crate::{catalog::Catalog, chat::Chat, policy::Roles, responder::CommandSpec, store::Store};
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
    resources: Resources,
    stop: CancellationToken,
    /// Set once, when the router is made: the router's handlers are made of responders that hold these services.
    commands: OnceLock<Vec<&'static CommandSpec>>,
}

impl Services {
    pub(crate) fn new(
        name: String,
        chat: Arc<dyn Chat>,
        store: Arc<dyn Store>,
        catalog: Catalog,
        roles: Roles,
        resources: Resources,
        stop: CancellationToken,
    ) -> Self {
        let commands = OnceLock::new();
        Self(Arc::new(Inner {
            name,
            chat,
            store,
            catalog,
            roles,
            resources,
            stop,
            commands,
        }))
    }

    pub(crate) fn set_commands(&self, commands: Vec<&'static CommandSpec>) {
        // A second robot on the same services cannot be made, so the first write is the only one.
        let _ = self.0.commands.set(commands);
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
