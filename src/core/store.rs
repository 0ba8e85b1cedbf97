//! What the robot remembers, as a trait: event claims, deploys, and a small key-value space per responder. [`MemoryStore`]
//! keeps it in memory for tests; the real ones are elsewhere.

mod memory;

use crate::{chat::MessageRef, ids::UserId, message::EventKey};
use async_trait::async_trait;
use jiff::Timestamp;
pub use memory::MemoryStore;
use serde::{Deserialize, Serialize};

/// The robot's memory. Whatever a method returns `Ok` for is durable: it survives a `kill -9` of the process.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Claims an event, under both names of its key, so that no delivery of it is worked on twice.
    ///
    /// A claim that a *dead* process left at [`ClaimStage::Claimed`] is taken over and answers `true`: that
    /// delivery never got its answer. One at [`ClaimStage::Answering`] or later is not: what it said or did may
    /// already be out.
    async fn claim(&self, key: &EventKey) -> Result<bool, StoreError>;

    /// Moves a claim of this process on, under both names. Written before the first word or act.
    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError>;

    /// Gives a claim back, when nothing was said or done, so that a later delivery is worked on.
    async fn release(&self, key: &EventKey) -> Result<(), StoreError>;

    /// Records the beginning of a deploy, unless one of that service and environment is running.
    async fn begin_deploy(&self, deploy: &Deploy) -> Result<Begun, StoreError>;

    /// Records what changed of a running deploy: its card, its image, its details.
    async fn save_deploy(&self, deploy: &Deploy) -> Result<(), StoreError>;

    /// Records the end of a deploy: `deploy.state` and `deploy.ended` must be set. Answers whether it was still running.
    async fn end_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError>;

    /// Deploys that match, newest first.
    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError>;

    /// Reads a value of a responder's.
    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError>;

    /// Writes a value of a responder's; `None` forgets it.
    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError>;

    /// Whether it can be read and written right now.
    async fn check(&self) -> Result<(), StoreError>;
}

/// How far the work on a claimed event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimStage {
    /// Taken, nothing said or done.
    Claimed = 0,
    /// About to say or do something.
    Answering = 1,
    /// Done.
    Done = 2,
}

/// What became of beginning a deploy.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is recorded as running.
    Yes,
    /// Another one is running.
    Busy(Box<Deploy>),
}

/// One deploy of one service to one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deploy {
    /// A unique id.
    pub id: String,
    /// What.
    pub service: String,
    /// Where to.
    pub environment: String,
    /// The version as it was asked for.
    pub version: String,
    /// The image that was or will be set.
    pub image: String,
    /// The image before.
    pub previous: Option<String>,
    /// Who asked.
    pub by: UserId,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it stands.
    pub state: DeployState,
    /// The message that shows it.
    pub card: Option<MessageRef>,
    /// A sentence on its end.
    pub note: Option<String>,
    /// What the responder needs to take it up again.
    pub details: serde_json::Value,
}

/// How a deploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployState {
    /// Under way. At most one per service and environment.
    Running,
    /// Out and stable.
    Succeeded,
    /// It failed.
    Failed,
    /// Another change of the same workload came in between.
    Superseded,
    /// It was stopped, or nobody knows how it ended.
    Stopped,
}

/// Which deploys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeployFilter {
    /// Of this service.
    pub service: Option<String>,
    /// To this environment.
    pub environment: Option<String>,
    /// In this state.
    pub state: Option<DeployState>,
    /// Begun at or after this moment.
    pub since: Option<Timestamp>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// Why the memory did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read or written.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// What was read is not what was written.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}
