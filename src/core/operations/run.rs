//! What an action holds while it applies a plan.

use super::{
    operation::{Operation, Wish},
    plan::Plan,
};
use crate::{card::Card, error::Result, services::Services};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    future::Future,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The robot stops, or the operation is another process's now. Handed on with `?`: whoever comes next goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted: this process does not go on with the operation")]
pub struct Interrupted;

/// Whether a step is begun for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has tried it.
    First,
    /// An earlier process wrote that it would, and perhaps did: look before acting.
    Again,
}

/// One operation under way in this process, with its lease. Cheap to clone.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

struct Inner {
    services: Services,
    /// As it was saved last.
    operation: Mutex<Operation>,
    resumed: bool,
    wish: watch::Receiver<Wish>,
    /// The robot stops, or the lease is lost.
    over: CancellationToken,
}

impl Run {
    /// Everything that can be reached.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The operation, as it was saved last.
    pub fn operation(&self) -> Operation {
        self.0
            .operation
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The plan to apply.
    pub fn plan(&self) -> Plan {
        self.operation().plan
    }

    /// The generation of the lease: it goes into the outside world where it can, so that an older worker cannot act late.
    pub fn generation(&self) -> u64 {
        self.operation().lease.generation
    }

    /// True when an earlier process began it.
    pub fn resumed(&self) -> bool {
        self.0.resumed
    }

    /// Does one step of the journal: writes the intent, does it, writes the result. A step of this name whose result is
    /// there already is not done again: its result is answered.
    ///
    /// # Errors
    /// [`Interrupted`] when the lease is lost or the store cannot be written before the step; otherwise what `act` answers, in
    /// which case the step counts as not done.
    pub async fn step<T, F>(&self, name: &str, act: impl FnOnce(Attempt) -> F + Send) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        F: Future<Output = Result<T>> + Send,
    {
        let _ = (name, act);
        anyhow::bail!("not there yet")
    }

    /// Shows how it stands. The engine adds the buttons to stop or hold it, and the small print. Later ones may replace it
    /// unseen.
    pub async fn show(&self, card: Card) {
        let _ = card;
    }

    /// Keeps something for whoever takes it up: [`Operation::progress`].
    ///
    /// # Errors
    /// [`Interrupted`] when it cannot be written.
    pub async fn keep(&self, progress: Value) -> Result<()> {
        let _ = progress;
        anyhow::bail!("not there yet")
    }

    /// Says that it is held, or goes on: [`State::Paused`](super::State::Paused) or [`State::Running`](super::State::Running).
    ///
    /// # Errors
    /// [`Interrupted`] when it cannot be written.
    pub async fn held(&self, paused: bool) -> Result<()> {
        let _ = paused;
        anyhow::bail!("not there yet")
    }

    /// What is wanted of it right now.
    pub fn wish(&self) -> Wish {
        *self.0.wish.borrow()
    }

    /// Waits until something else is wanted of it than now.
    pub async fn wish_changed(&self) -> Wish {
        let mut wish = self.0.wish.clone();
        let now = self.wish();
        match wish.wait_for(|wish| *wish != now).await {
            Ok(wish) => *wish,
            // Nobody can want anything any more: the process stops.
            Err(_) => std::future::pending().await,
        }
    }

    /// Is cancelled when this process must not go on: the robot stops, or the operation is another's.
    pub fn over(&self) -> &CancellationToken {
        &self.0.over
    }

    /// Makes sure, with the store, that the lease is still this process's. Called right before something that cannot be fenced
    /// otherwise.
    ///
    /// # Errors
    /// [`Interrupted`] when it is not, or when that cannot be found out.
    pub async fn certain(&self) -> Result<()> {
        Err(Interrupted.into())
    }
}
