//! Purpose: what this process knows of its hooks beside the store: whom it refused, and how asking GitHub went.

use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Whom a hook refused since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// How many requests.
    pub(crate) count: u64,
    /// Why the last one.
    pub(crate) why: String,
}

/// How GitHub was last asked for what was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// When.
    pub(crate) at: Timestamp,
    /// What could not be asked, and why.
    pub(crate) troubles: Vec<String>,
}

/// Shared by the routes, the background task and the commands of one process.
#[derive(Debug, Default)]
pub(crate) struct State {
    bell: Notify,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    refused: BTreeMap<String, Refused>,
    look: Option<Look>,
}

impl State {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Whole at every moment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something to work on.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits until there is.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    pub(crate) fn refused(&self, hook: &str, why: String) {
        let mut known = self.known();
        let refused = known.refused.entry(hook.to_owned()).or_insert(Refused {
            count: 0,
            why: String::new(),
        });
        refused.count += 1;
        refused.why = why;
    }

    pub(crate) fn refusals(&self) -> BTreeMap<String, Refused> {
        self.known().refused.clone()
    }

    pub(crate) fn looked(&self, look: Look) {
        self.known().look = Some(look);
    }

    pub(crate) fn look(&self) -> Option<Look> {
        self.known().look.clone()
    }
}
