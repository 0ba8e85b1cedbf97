//! What is done before a version of a service goes out: seen through to its end first, and when it does not get there, nothing of the
//! service is changed.
//!
//! Whoever deploys knows no databases, and whoever migrates them knows no rollouts: they meet here. An [`Action`](super::Action)
//! that can also be done as a part of somebody else's operation says so by [`Action::before`](super::Action::before). It plans its
//! part when the whole is planned, so that people agree to both, and both are void when either moved.

use super::{operation::Need, plan::Change, run::Run};
use crate::{card::Button, error::Result, services::Services};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A version of a service on its way to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The service.
    pub service: String,
    /// Where to.
    pub environment: String,
    /// As people say it.
    pub version: String,
    /// The image.
    pub image: String,
    /// The commit it is made of, in full, where that is known.
    pub commit: Option<String>,
}

/// Something that may have to be done before a release.
#[async_trait]
pub trait Before: Send + Sync {
    /// Its name in plans and in the journal. Never changed once in use.
    fn name(&self) -> &'static str;

    /// What it would do before this release; nothing when there is nothing to do. Changes nothing.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when the release must not go out: it says why, and what to do.
    async fn plan(&self, services: &Services, release: &Release) -> Result<Option<Part>>;

    /// Does it, or goes on with it, showing how it stands, until it has ended. Cancelled, it leaves nothing running; paused, it
    /// waits at its next safe point, if it has one before its end.
    ///
    /// Everything it does to the world goes through [`Run::step`], so that whoever takes the operation up goes on with it where it
    /// was. It keeps nothing by [`Run::keep`], which is the operation's own.
    ///
    /// # Errors
    /// [`Interrupted`](super::Interrupted), handed on. What goes wrong is an end.
    async fn run(&self, run: &Run, details: &Value, desk: &dyn Desk) -> Result<Ended>;
}

/// What would be done before a release.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What will be different, as the plan lists it.
    pub changes: Vec<Change>,
    /// What somebody should think about first.
    pub warnings: Vec<String>,
    /// Good to know; not part of the plan's hash.
    pub notes: Vec<String>,
    /// Who has to agree because of it, beyond what the rules ask.
    pub needs: Vec<Need>,
    /// What doing it needs to know, and what must not have moved until then. Null: nothing is to be done, only said.
    pub details: Value,
}

/// Where it shows how it stands: on the card of the operation it is a part of.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Shows it. Later ones may replace it unseen.
    async fn show(&self, standing: Standing);
}

/// How it stands while it goes on, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub now: String,
    /// What is not well, though it may pass.
    pub trouble: Option<String>,
    /// What one can do about it, beside pausing and cancelling the whole.
    pub buttons: Vec<Button>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Well: what to say of it.
    Done(String),
    /// Badly.
    Failed(Failure),
    /// Somebody cancelled the operation before it had begun.
    NotBegun,
    /// Somebody cancelled the operation while it ran: what became of it.
    Cancelled(String),
}

/// Why it failed, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why.
    pub why: String,
    /// Its last lines, without what looks like a secret.
    pub log: Vec<String>,
    /// What to do about it.
    pub todo: String,
}
