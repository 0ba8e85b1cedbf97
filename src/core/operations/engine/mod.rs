//! The engine: proposals, agreements, running, taking up.
//!
//! Every change is the same small loop: read the row, make the next one with a pure function of
//! [`transitions`](super::transitions), save it if nobody was quicker, else look again. Nothing about an operation is kept in
//! memory alone, so any replica can go on with it.
//!
//! The *lease* of a row says who may touch its card, and, while it runs, the world. Who changes the row of an operation
//! that nobody holds takes the lease with the same save, tells on the card how it stands, and gives it back; who finds it held
//! leaves the telling to the holder, who notices that the row has moved on. A holder that dies leaves a lease that ends,
//! and a row that is not told: the sweeper of any replica tells it.

mod agree;
mod control;
mod itself;
mod propose;
mod runner;
mod shell;
mod sweep;
mod tell;

pub use itself::{Proposal, Proposed};

use super::{action::Action, operation::Operation};
use crate::services::Services;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// How patient the engine is. The defaults are for production; tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a lease lasts, by the store's clock. It is renewed after a third of it.
    pub lease: Duration,
    /// How often a running one looks whether somebody wants something of it.
    pub poll: Duration,
    /// How often each process looks for what was left undone; a quarter more or less, at random.
    pub sweep: Duration,
    /// How often a queued one is tried.
    pub queue: Duration,
    /// How long an action may take to come to a safe point when the robot stops.
    pub rest: Duration,
    /// How long planning and deciding may take outside of a command.
    pub think: Duration,
    /// For how long after its start a process leaves alone what others left: what a process sent before it died may still be on its way.
    pub settle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            sweep: Duration::from_secs(2),
            queue: Duration::from_secs(5),
            rest: Duration::from_secs(20),
            think: Duration::from_secs(15),
            settle: Duration::from_millis(1_500),
        }
    }
}

/// What the operations of this process share.
pub struct Engine {
    actions: BTreeMap<&'static str, Arc<dyn Action>>,
    timing: Timing,
    /// What runs in this process, to wake it when something is wanted of it.
    running: Mutex<HashMap<String, Arc<Notify>>>,
    /// When each queued one was tried last.
    tried: Mutex<HashMap<String, Instant>>,
    /// What runs, and what tells.
    tasks: TaskTracker,
    sweeper: TaskTracker,
    sweeps: AtomicBool,
}

/// How many leases this process has taken.
static LEASES: AtomicU64 = AtomicU64::new(0);

/// The process, by an id made at random when it first needs one: never by what another could have, too, like the name of its pod.
fn process() -> &'static str {
    static PROCESS: OnceLock<String> = OnceLock::new();
    PROCESS.get_or_init(|| uuid::Uuid::new_v4().simple().to_string())
}

impl Engine {
    /// With what the responders can do.
    pub(crate) fn new(actions: Vec<Arc<dyn Action>>, timing: Timing) -> Self {
        Self {
            actions: actions
                .into_iter()
                .map(|action| (action.kind(), action))
                .collect(),
            timing,
            running: Mutex::default(),
            tried: Mutex::default(),
            tasks: TaskTracker::new(),
            sweeper: TaskTracker::new(),
            sweeps: AtomicBool::new(false),
        }
    }

    pub(crate) fn action(&self, kind: &str) -> Option<Arc<dyn Action>> {
        self.actions.get(kind).cloned()
    }

    /// How many operations run or are told right now in this process.
    pub(crate) fn busy(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until everything of this process has come to its safe point. The services must be stopping.
    pub(crate) async fn rest(&self) {
        self.sweeper.close();
        self.sweeper.wait().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// See [`Timing::settle`].
    pub(crate) fn settle(&self) -> Duration {
        self.timing.settle
    }

    /// A new owner for one lease: two tasks of one process are as foreign to each other as two processes.
    fn owner(&self) -> String {
        format!("{}.{}", process(), LEASES.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a lease was taken by this process.
    fn is_ours(operation: &Operation) -> bool {
        let owner = operation.lease.owner.as_deref();
        owner
            .and_then(|owner| owner.split_once('.'))
            .is_some_and(|(of, _)| of == process())
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tried(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets what runs in this process look at once whether something is wanted of it.
    fn poke(&self, id: &str) {
        if let Some(poke) = self.running().get(id) {
            poke.notify_one();
        }
    }
}

/// The operations. Made by [`Services::operations`].
#[derive(Clone)]
pub struct Operations {
    pub(super) services: Services,
}

impl Operations {
    pub(crate) fn new(services: Services) -> Self {
        Self { services }
    }

    fn engine(&self) -> &Engine {
        self.services.engine()
    }

    /// The actions that may have something to do [before](Action::before) a version of a service goes out, by their kind.
    pub fn before(&self) -> Vec<Arc<dyn Action>> {
        let all = self.engine().actions.values();
        all.filter(|action| action.before().is_some()).cloned().collect()
    }

    pub(super) fn timing(&self) -> &Timing {
        &self.engine().timing
    }
}
