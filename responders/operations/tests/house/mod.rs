//! A house to test in: a world with versions in it, an action that ships them, people and rules.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses some of it; a test fails by panicking"
)]

use async_trait::async_trait;
use otus::{
    operations::{
        Action, Change, Ending, Interrupted, Operation, OperationFilter, Outcome, Plan, Run, State, Target,
        Wish,
    },
    prelude::*,
    room::PATIENCE,
};
use otus_responder_operations::Operations;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Semaphore;

/// What runs where, how often something was shipped, and a gate that holds what is called `slow`.
#[derive(Clone)]
pub struct World {
    versions: Arc<Mutex<BTreeMap<String, String>>>,
    shipped: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl World {
    pub fn new() -> Self {
        Self {
            versions: Arc::default(),
            shipped: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    pub fn version(&self, service: &str) -> String {
        let versions = self.versions.lock().unwrap();
        versions.get(service).cloned().unwrap_or_else(|| "1.0".into())
    }

    pub fn set(&self, service: &str, version: &str) {
        self.versions
            .lock()
            .unwrap()
            .insert(service.into(), version.into());
    }

    /// How often anything was shipped.
    pub fn shipped(&self) -> usize {
        self.shipped.load(Ordering::SeqCst)
    }

    /// Lets one of the slow ones go on.
    pub fn open(&self) {
        self.gate.add_permits(1);
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Ships versions.
#[derive(Default)]
pub struct Shipyard(pub World);

#[derive(Serialize, Deserialize)]
struct Ask {
    service: String,
    version: String,
    environment: String,
}

/// Ships versions.
#[responder]
impl Shipyard {
    /// Ships a version of a service.
    #[respond(
        r"^ship (?<service>\S+) (?<version>\S+) to (?<environment>\S+)$",
        usage = "ship <service> <version> to <environment>",
        example = "ship api 1.9 to staging",
        effect = "operation"
    )]
    async fn ship(&self, cx: Context, service: Service, version: String, environment: Environment) -> Result {
        let (service, environment) = (service.name, environment.name);
        cx.propose(
            "ship",
            Ask {
                service,
                version,
                environment,
            },
        )
        .await
    }

    /// Sweeps the yard, at once.
    #[respond(r"^sweep$", usage = "sweep", role = "sweeper", effect = "changes")]
    async fn sweep(&self, cx: Context) -> Result {
        cx.reply("swept").await
    }

    /// What it can do.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Ship(self.0.clone()))]
    }
}

struct Ship(World);

#[async_trait]
impl Action for Ship {
    fn kind(&self) -> &'static str {
        "ship"
    }

    fn pauses(&self) -> bool {
        true
    }

    async fn plan(&self, _: &Services, ask: &serde_json::Value) -> Result<Plan> {
        let ask: Ask = serde_json::from_value(ask.clone())?;
        Ok(Plan {
            target: Target::new(&ask.service, &ask.environment),
            title: format!("Ship *{}* {} to *{}*", ask.service, ask.version, ask.environment),
            changes: vec![Change {
                what: "version".into(),
                from: Some(self.0.version(&ask.service)),
                to: Some(ask.version.clone()),
            }],
            details: serde_json::to_value(&ask)?,
            exclusive: true,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let ask: Ask = serde_json::from_value(run.plan().details)?;
        if ask.version == "slow"
            && let Some(ending) = self.wait(&run).await?
        {
            return Ok(ending);
        }
        if ask.version == "crash" {
            return Ok(ending(Outcome::Failed, "the pod crashed"));
        }
        let world = self.0.clone();
        let version = ask.version.clone();
        run.step("ship it", |_| async move {
            world.set(&ask.service, &version);
            world.shipped.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await?;
        Ok(ending(Outcome::Succeeded, "it is shipped"))
    }
}

impl Ship {
    /// Waits for the gate, and does what is wished meanwhile.
    async fn wait(&self, run: &Run) -> Result<Option<Ending>> {
        let mut wish = run.wish();
        loop {
            match wish {
                Wish::Cancel => {
                    return Ok(Some(ending(
                        Outcome::Cancelled,
                        "it was stopped before it was shipped",
                    )));
                }
                Wish::Pause => {
                    run.held(true).await?;
                    wish = run.wish_changed().await;
                    if wish == Wish::Go {
                        run.held(false).await?;
                    }
                }
                Wish::Go => tokio::select! {
                    permit = self.0.gate.acquire() => {
                        permit?.forget();
                        return Ok(None);
                    }
                    changed = run.wish_changed() => wish = changed,
                    () = run.over().cancelled() => return Err(Interrupted.into()),
                },
            }
        }
    }
}

fn ending(outcome: Outcome, note: &str) -> Ending {
    let tone = match outcome {
        Outcome::Succeeded => Tone::Good,
        _ => Tone::Bad,
    };
    Ending {
        outcome,
        note: note.into(),
        card: Card::new(tone, note),
    }
}

pub const CATALOG: &str = "
    [services.api]
    [services.web]
    [environments.staging]
    [environments.production]
    after = 'staging'
    aliases = ['prod']
";

const POLICY: &str = r#"
    [[rules]]
    name = "only developers ship"
    commands = ["ship"]
    roles = ["developer"]

    [[rules]]
    name = "production is approved by two SREs"
    commands = ["ship"]
    environments = ["production"]
    approvals = 2
    approvers = "sre"

    [[rules]]
    name = "web is confirmed"
    services = ["web"]
    commands = ["ship"]
    confirm = true
"#;

/// A room with a shipyard, rules, and Ann, Bob, Eve, who are known by name.
pub fn room(world: &World) -> Room {
    let room = Room::builder()
        .responder(Shipyard(world.clone()))
        .responder(Operations)
        .catalog(CATALOG)
        .policy(POLICY)
        .role("developer", &["ann", "bob"])
        .role("sweeper", &["ann"])
        .role("sre", &["bob", "eve", "ann"])
        .open();
    for (id, name) in [("ann", "Ann"), ("bob", "Bob"), ("eve", "Eve"), ("zoe", "Zoe")] {
        room.chat().introduce(
            id,
            otus::Person {
                name: name.into(),
                ..otus::Person::default()
            },
        );
    }
    room.robot().start();
    room
}

/// The newest operation, once it is as wanted.
pub async fn newest(room: &Room, wanted: impl Fn(&Operation) -> bool) -> Operation {
    let look = async {
        loop {
            let found = room
                .store()
                .operations(&OperationFilter::default())
                .await
                .unwrap();
            if let Some(operation) = found.into_iter().next().filter(&wanted) {
                return operation;
            }
            tokio::task::yield_now().await;
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(operation) => operation,
        Err(_) => panic!("no operation came to be so\n{}", room.chat().transcript()),
    }
}

/// The newest operation, once it is in this state.
pub async fn in_state(room: &Room, state: State) -> Operation {
    newest(room, |operation| operation.state == state).await
}
