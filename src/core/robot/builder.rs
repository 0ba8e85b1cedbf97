//! Putting a robot together; every fault is found before it starts.

use super::{Answers, Hook, Inner, Robot, mind::Mind};
use crate::{
    address::Names,
    catalog::Catalog,
    chat::Chat,
    error::StartError,
    isolation::Gates,
    operations::{Action, Engine, Timing},
    policy::{Policy, Roles},
    responder::{Built, Handler, Registration, Setup},
    router::Router,
    secrets::Guarded,
    services::{Resources, Services},
    store::Store,
    suggest,
    web::Route,
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicBool},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The robot's own settings: `[robot]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RobotConfig {
    /// What it is called.
    pub name: String,
    /// Other names it listens to, at the beginning of a message: `o!`.
    pub aliases: Vec<String>,
    /// Short words for commands: `ship = "deploy"` makes `ship api` mean `deploy api`.
    pub commands: BTreeMap<String, String>,
    /// How long a handler may take, unless its command says otherwise.
    pub deadline: SignedDuration,
    /// How many runs of one command go on at once.
    pub running: usize,
    /// How many more of one command wait for their turn before the next is turned away.
    pub waiting: usize,
    /// How many things one message may be answered with.
    pub most_said: u32,
    /// How many failures of one responder within `failures_within` switch it off; 0 never does.
    pub failures: u32,
    /// In how long.
    pub failures_within: SignedDuration,
    /// For how long after its start a process leaves alone what others left: what one sent before it died may still be on its way.
    pub settle: SignedDuration,
    /// The id of a channel (`C…`) where it is told, beside the one where it failed.
    pub notices: Option<String>,
}

impl Default for RobotConfig {
    fn default() -> Self {
        Self {
            name: "otus".into(),
            aliases: Vec::new(),
            commands: BTreeMap::new(),
            deadline: SignedDuration::from_secs(60),
            running: 16,
            waiting: 10_000,
            most_said: 25,
            failures: 5,
            failures_within: SignedDuration::from_mins(10),
            settle: SignedDuration::from_millis(1_500),
            notices: None,
        }
    }
}

/// A robot being put together.
pub struct Builder {
    config: RobotConfig,
    catalog: Catalog,
    roles: Roles,
    policy: Policy,
    timing: Option<Timing>,
    resources: Resources,
    built: Vec<Built>,
    faults: Vec<StartError>,
}

impl Builder {
    pub(super) fn new(config: RobotConfig) -> Self {
        Self {
            config,
            catalog: Catalog::default(),
            roles: Roles::default(),
            policy: Policy::default(),
            timing: None,
            resources: Resources::default(),
            built: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Sets what there is to operate on.
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = catalog;
        self
    }

    /// Sets who has which role.
    pub fn roles(mut self, roles: Roles) -> Self {
        self.roles = roles;
        self
    }

    /// Sets the rules of who may do what, where and when.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how patient the operations are.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = Some(timing);
        self
    }

    /// Sets the engines; before the responders that ask for them.
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = resources;
        self
    }

    /// Adds a responder that is made already.
    pub fn responder(mut self, built: Built) -> Self {
        self.built.push(built);
        self
    }

    /// Adds every responder linked into the program, but those whose section says `enabled = false`, each with its section
    /// of `[responders]`.
    pub fn registered(mut self, mut sections: serde_json::Map<String, serde_json::Value>) -> Self {
        let all = Registration::all();
        for registration in &all {
            let mut section = sections
                .remove(registration.spec.name)
                .unwrap_or_else(|| serde_json::json!({}));
            let enabled = section
                .as_object_mut()
                .and_then(|section| section.remove("enabled"));
            match enabled {
                Some(serde_json::Value::Bool(false)) => continue,
                None | Some(serde_json::Value::Bool(true)) => {}
                Some(other) => self.faults.push(StartError::Config {
                    section: format!("responders.{}", registration.spec.name),
                    key: Some("enabled".into()),
                    message: format!("true or false is expected, not {other}"),
                }),
            }
            let setup = Setup {
                section,
                resources: &self.resources,
                catalog: &self.catalog,
            };
            match (registration.build)(&setup) {
                Ok(built) => self.built.push(built),
                Err(fault) => self.faults.push(fault),
            }
        }
        for name in sections.keys() {
            let known: Vec<_> = all.iter().map(|registration| registration.spec.name).collect();
            let near = suggest::nearest(name, known.iter().copied(), 1);
            let hint = near
                .first()
                .map(|near| format!(" (did you mean {near}?)"))
                .unwrap_or_default();
            self.faults.push(StartError::NoResponder {
                name: name.clone(),
                known: known.join(", ") + &hint,
            });
        }
        self
    }

    /// Makes the robot.
    ///
    /// # Errors
    /// All faults: responders that cannot be made, commands that overlap, roles nobody defined, a catalog that contradicts itself.
    pub fn build(mut self, chat: Arc<dyn Chat>, store: Arc<dyn Store>) -> Result<Robot, Vec<StartError>> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.extend(self.catalog.faults().into_iter().map(|(key, message)| {
            let (section, key) = key.rsplit_once('.').unwrap_or((&key, ""));
            StartError::Config {
                section: section.into(),
                key: Some(key.into()),
                message,
            }
        }));
        let mut handlers: Vec<Handler> = Vec::new();
        let mut hooks: Vec<(&'static str, Hook)> = Vec::new();
        let mut actions: Vec<Arc<dyn Action>> = Vec::new();
        let mut routes: Vec<Route> = Vec::new();
        let mut choosers = BTreeMap::new();
        for built in self.built {
            // What one registration holds may go by names of its own.
            for handler in &built.handlers {
                choosers.insert(handler.spec.responder, built.choices.clone());
            }
            handlers.extend(built.handlers);
            for action in built.actions {
                // The rows of one would be taken up by the other.
                if actions.iter().any(|known| known.kind() == action.kind()) {
                    faults.push(StartError::Missing {
                        responder: built.spec.name.into(),
                        message: format!("another responder has an action called {} already", action.kind()),
                    });
                }
                actions.push(action);
            }
            for route in built.routes {
                if let Some(message) = route.fault(&routes) {
                    faults.push(StartError::Missing {
                        responder: built.spec.name.into(),
                        message,
                    });
                }
                routes.push(route);
            }
            hooks.push((built.spec.name, built.start));
        }
        for spec in handlers.iter().map(|handler| handler.spec) {
            if let Some(role) = spec.role.filter(|role| !self.roles.0.contains_key(*role)) {
                faults.push(StartError::NoRole {
                    command: spec.id(),
                    role: role.into(),
                });
            }
        }
        let commands: Vec<_> = handlers.iter().map(|handler| handler.spec).collect();
        let policy = self.policy.faults(&self.roles, &self.catalog, &commands);
        faults.extend(policy.into_iter().map(|fault| {
            // A fault of a rule as a whole has no key below it.
            let (section, key) = match fault.key.rsplit_once('.') {
                Some((section, key)) if key.parse::<usize>().is_err() => {
                    (section.to_owned(), Some(key.into()))
                }
                _ => (fault.key, None),
            };
            StartError::Config {
                section,
                key,
                message: fault.message,
            }
        }));
        let config = self.config;
        let ids = handlers.iter().map(super::gate);
        let gates = Gates::new(ids, config.running, config.waiting);
        let mut specs: Vec<_> = handlers.iter().map(|handler| handler.spec).collect();
        specs.sort_by_key(|spec| (spec.responder, spec.usage, spec.name));
        let router = match Router::new(handlers) {
            Ok(router) if faults.is_empty() => router,
            Ok(_) => return Err(faults),
            Err(fault) => {
                faults.push(fault);
                return Err(faults);
            }
        };
        let stop = CancellationToken::new();
        let timing = self.timing.unwrap_or_else(|| Timing {
            settle: config.settle.unsigned_abs(),
            ..Timing::default()
        });
        let services = Services::new(
            config.name.clone(),
            Arc::new(Guarded::new(chat)),
            store,
            self.catalog,
            self.roles,
            self.policy,
            Engine::new(actions, timing),
            self.resources,
            stop.clone(),
        );
        services.set_commands(specs);
        let robot = Robot(Arc::new(Inner {
            router,
            names: Names::new(&config.name, &config.aliases),
            command_aliases: config.commands,
            gates,
            services,
            answers: Mutex::new(Answers::default()),
            tasks: TaskTracker::new(),
            stop,
            deadline: config.deadline.unsigned_abs(),
            most_said: config.most_said,
            failures: (config.failures, config.failures_within.unsigned_abs()),
            notices: config.notices,
            hooks: Mutex::new(hooks),
            routes,
            choosers,
            started: AtomicBool::new(false),
            born: tokio::time::Instant::now(),
        }));
        let ear = Arc::downgrade(&robot.0);
        robot.services().set_ear(move |message| match ear.upgrade() {
            Some(robot) => Robot(robot).receive(message),
            None => tracing::warn!(event = %message.event.id, "nobody hears this: the robot is gone"),
        });
        let mind = Mind(Arc::downgrade(&robot.0));
        robot.services().set_understanding(mind);
        Ok(robot)
    }
}
