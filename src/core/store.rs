//! What the robot remembers, as a trait: event claims, operations with their journal, the audit trail, deploys, and small
//! key-value spaces. [`MemoryStore`] keeps it in memory for tests; the real ones are elsewhere.

mod amend;
mod inbox;
mod memory;

use crate::{
    audit::{AuditFilter, Entry, Recorded, Tip},
    chat::MessageRef,
    ids::UserId,
    message::{EventKey, Message},
    operations::{Operation, OperationFilter, Saved, Step},
};
pub use amend::{Amended, amend};
use async_trait::async_trait;
pub use inbox::{Delivery, DeliveryFilter, DeliveryState, InboxSource, Kept, Settled};
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

    /// Claims a message's event as [`Store::claim`] does, and keeps the message with the claim until it is
    /// [`ClaimStage::Done`], so that it is not lost with this process.
    async fn accept(&self, message: &Message) -> Result<Accepted, StoreError>;

    /// What dead processes accepted and did not come to the end of.
    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError>;

    /// Takes an [orphan](Store::orphans)'s claim over, at whatever stage it is; nothing when it is no orphan any more, or when
    /// somebody has the same words by another event. One process gets it.
    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError>;

    /// Makes sure that a claim is still this process's.
    ///
    /// [`StoreError::Taken`] when another process took it over, because this one looked dead: nothing may be said or done then.
    async fn hold(&self, key: &EventKey) -> Result<(), StoreError>;

    /// Moves a claim of this process on, under both names. Written before an act, and after the last word.
    ///
    /// [`StoreError::Taken`] as from [`Store::hold`].
    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError>;

    /// Gives a claim back, when nothing was said or done, so that a later delivery is worked on.
    async fn release(&self, key: &EventKey) -> Result<(), StoreError>;

    /// Whether no other process can be using it, so that what another one holds is nobody's: that process is gone.
    fn is_alone(&self) -> bool {
        false
    }

    /// The store's clock. Leases, expiries and schedules go by it, so that replicas need not agree on the time.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Saves an operation together with steps of its journal and entries of the audit trail: all of it, or nothing.
    ///
    /// `operation.revision` is the revision that was read; 0 makes a new row. It is [`Saved::Stale`] when the row has another
    /// one (or, for 0, exists). A row that would be the second one [active](crate::operations::State::is_active) with an
    /// exclusive plan on the same target is [`Saved::Busy`] with the other.
    ///
    /// A step of the same operation and number is replaced.
    async fn save(
        &self,
        operation: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError>;

    /// One operation.
    async fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError>;

    /// Operations that match, newest first.
    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, StoreError>;

    /// The journal of an operation, in order.
    async fn steps(&self, operation: &str) -> Result<Vec<Step>, StoreError>;

    /// Adds entries to the audit trail.
    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError>;

    /// Entries of the audit trail.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError>;

    /// Where the audit trail ends.
    async fn audit_tip(&self) -> Result<Tip, StoreError>;

    /// Records a deploy, or what changed of it since: the row of its id is replaced, unless a higher generation wrote it.
    /// Answers whether it was written.
    async fn record_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError>;

    /// Deploys that match, newest first.
    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError>;

    /// Keeps what came in from outside, to be worked on. `true` when it is to be worked on now: it is new, or was given up before
    /// and begins anew. `false` when it waits or is processed already.
    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError>;

    /// What waits, is due, and is nobody's at this moment; what came first is first.
    async fn undelivered(&self, now: Timestamp, limit: u32) -> Result<Vec<Kept>, StoreError>;

    /// Takes one of them until a moment, for whoever asks first: [`Kept::generation`] and [`Kept::attempts`] are one more
    /// afterwards. `false` when another was quicker.
    async fn take_delivery(&self, kept: &Kept, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Says what became of one that was taken, by the generation of the taking. `false`, and nothing is written, when
    /// another took it since, or it waits no longer.
    async fn settle_delivery(
        &self,
        id: &str,
        generation: u64,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Lets one that was given up be worked on again. `false` when there is none of this id that was given up.
    async fn retry_delivery(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Deliveries that match, newest first.
    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Kept>, StoreError>;

    /// How each source is doing, by name.
    async fn inbox(&self) -> Result<Vec<InboxSource>, StoreError>;

    /// Forgets some of what was processed or given up before this moment; what waits is never forgotten. `false` when there
    /// was none.
    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError>;

    /// All values of a space, by key.
    async fn entries(&self, space: &str) -> Result<Vec<Value>, StoreError>;

    /// Writes a value if its revision is still the one that was read (0: there is none yet), with entries of the audit trail:
    /// all of it, or nothing. `None` forgets it. Answers whether it was written.
    async fn swap(
        &self,
        space: &str,
        key: &str,
        revision: u64,
        value: Option<&serde_json::Value>,
        entries: &[Entry],
    ) -> Result<bool, StoreError>;

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
    /// About to do something that cannot be begun anew.
    Answering = 1,
    /// Done: whoever has to know knows.
    Done = 2,
}

/// What came of [accepting](Store::accept) a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is this process's, and nobody had it before.
    First,
    /// It is this process's; another had it, and died. It may have answered, but has not done anything.
    Again,
    /// Somebody has it.
    Held,
}

/// A message that a dead process accepted.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// What was said.
    pub message: Message,
    /// When it was accepted, by the clock of whoever did.
    pub heard: Timestamp,
}

/// How far a dead process had come with what is taken over from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Its stage.
    pub stage: ClaimStage,
    /// How many processes died over it so far.
    pub deaths: u32,
}

/// A value of a space, as it was when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its key.
    pub key: String,
    /// What it is.
    pub value: serde_json::Value,
    /// How often it was written, for [`Store::swap`].
    pub revision: u64,
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
    /// Whatever else belongs to it.
    pub details: serde_json::Value,
    /// The generation of the operation's lease that wrote it.
    pub generation: u64,
}

/// How a deploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployState {
    /// Under way.
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
    /// Begun before this moment: for the next page.
    pub before: Option<Timestamp>,
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
    /// Another process has taken the claim over.
    #[error("another process has taken this event over")]
    Taken,
}
