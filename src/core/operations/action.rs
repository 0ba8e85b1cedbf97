//! What a responder provides: how a request becomes a plan, and how a plan is applied.

use super::{before::Before, plan::Plan, run::Run};
use crate::{card::Card, error::Result, services::Services};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of change.
///
/// The engine calls [`Action::plan`] when it is asked and again right before it is applied; when the two differ, the
/// operation is void. It calls [`Action::apply`] in a task of its own under a lease, once, and again after a crash, perhaps
/// in another process.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// Its name in rows: `deploy`. Never changed once in use.
    fn kind(&self) -> &'static str;

    /// Whether a running one can be paused and resumed. Every one can be cancelled.
    fn pauses(&self) -> bool {
        false
    }

    /// Looks at the world as it is and says what would change. Changes nothing.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when it cannot be done: there is no such version, nothing can be reached.
    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan>;

    /// Applies the plan of `run`, or goes on where an earlier process stopped. Everything that acts on the world goes
    /// through [`Run::step`].
    ///
    /// # Errors
    /// [`Interrupted`](super::Interrupted), which [`Run`]'s methods answer when the robot stops or the lease is lost, and which
    /// belongs handed on with `?`: the operation goes on elsewhere. Anything else ends it as failed.
    async fn apply(&self, run: Run) -> Result<Ending>;

    /// The same as a part of somebody else's operation: what has to be done before a version of a service goes out.
    fn before(&self) -> Option<&dyn Before> {
        None
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// In one word.
    pub outcome: Outcome,
    /// In one sentence, for the record.
    pub note: String,
    /// For people. The engine adds who, when and the id.
    pub card: Card,
}

/// How an operation ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Succeeded,
    /// It went wrong.
    Failed,
    /// It was stopped half-way, because somebody wanted it.
    Cancelled,
    /// Something else changed the same thing in between.
    Superseded,
    /// Nobody can tell.
    Unknown,
}
