//! Purpose: bringing machine, world and journal together.

use super::{
    machine::Machine,
    parts::{Effect, End, Outcome},
};
use async_trait::async_trait;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::watch;

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// That it goes on.
    #[default]
    Run,
    /// The same, and, each time this number becomes another, that it tries at once to get what it waits for, with all its patience anew.
    Retry(u32),
    /// That it waits before the next statement, or the next batch.
    Pause,
    /// That it stops.
    Stop,
}

/// What is to be seen of a statement while it runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// What PostgreSQL says it is at: `building index: scanning table`.
    pub stage: Option<String>,
    /// How much of it is done, from 0 to 1.
    pub done: Option<f64>,
    /// Rows that a backfill changed so far.
    pub rows: Option<u64>,
    /// The share of a backfill's keys that is behind it, from 0 to 1, where keys are numbers.
    pub share: Option<f64>,
    /// Why a backfill waits before its next batch, if it does.
    pub throttle: Option<Throttle>,
    /// Who keeps it waiting.
    pub blockers: Vec<crate::postgres::Blocker>,
}

/// Why a backfill leaves the server alone for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// A replica is so far behind, in milliseconds.
    Replica(u64),
    /// So many statements of others are at work.
    Busy(u32),
}

/// The journal cannot be written: this process does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct JournalError(pub String);

/// Where a run is written down before each step.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be written, or the run is another process's by now: nothing is done then.
    async fn save(&self, machine: &Machine) -> Result<(), JournalError>;
}

/// No journal: what was done is known from the database.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

#[async_trait]
impl Journal for NoJournal {
    async fn save(&self, _: &Machine) -> Result<(), JournalError> {
        Ok(())
    }
}

/// What does what a machine asks for.
#[async_trait]
pub trait World: Send {
    /// Does it. When the wish becomes [`Wish::Stop`] meanwhile, what runs is stopped.
    async fn perform(&mut self, effect: Effect, wish: &mut watch::Receiver<Wish>) -> Outcome;
}

/// Runs a machine to its end. Dropping it at any moment is a crash, no more.
///
/// # Errors
/// When the journal cannot be written.
pub async fn drive(
    machine: &mut Machine,
    world: &mut dyn World,
    journal: &dyn Journal,
    mut wish: watch::Receiver<Wish>,
) -> Result<End, JournalError> {
    let mut retried = 0;
    loop {
        let wanted = *wish.borrow_and_update();
        match wanted {
            Wish::Stop => machine.stop(),
            Wish::Pause if pauses(machine) => {
                if wish.changed().await.is_err() {
                    // Nobody can want anything any more.
                    std::future::pending::<()>().await;
                }
                continue;
            }
            Wish::Retry(number) if number != retried => {
                retried = number;
                machine.retry();
            }
            Wish::Pause | Wish::Run | Wish::Retry(_) => {}
        }
        let Some(effect) = machine.effect() else {
            // A machine without an effect has ended.
            return Ok(machine.end().cloned().unwrap_or(End::Done));
        };
        journal.save(machine).await?;
        let outcome = match effect {
            Effect::Wait { ms } => waited(ms, &mut wish).await,
            effect => world.perform(effect, &mut wish).await,
        };
        tracing::debug!(?effect, ?outcome, "a step of a migration");
        machine.feed(outcome);
    }
}

/// Whether it is about to begin something that can wait.
fn pauses(machine: &Machine) -> bool {
    matches!(
        machine.effect(),
        Some(Effect::File { .. } | Effect::Begin { .. } | Effect::Statement { .. } | Effect::Batch { .. })
    ) && machine.end().is_none()
}

/// About so long, give or take half: who steps back from the same table at the same time does not come back at the same time.
#[must_use]
pub fn about(pause: Duration) -> Duration {
    let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2);
    Duration::from_millis(rand::rng().random_range(ms / 2..=ms.saturating_add(ms / 2)))
}

/// Steps back for about so long, unless somebody wants something else.
pub(crate) async fn waited(ms: u64, wish: &mut watch::Receiver<Wish>) -> Outcome {
    let until = tokio::time::Instant::now() + about(Duration::from_millis(ms));
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Outcome::Done,
            changed = wish.changed() => match changed {
                Ok(()) if *wish.borrow() == Wish::Stop => return Outcome::Stopped,
                Ok(()) if matches!(*wish.borrow(), Wish::Retry(_)) => return Outcome::Done,
                Ok(()) => {}
                Err(_) => {
                    tokio::time::sleep_until(until).await;
                    return Outcome::Done;
                }
            }
        }
    }
}
