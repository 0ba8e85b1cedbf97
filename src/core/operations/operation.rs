//! An operation: what was asked, what was planned, who agreed, how it stands.

use super::{
    action::Ending,
    plan::{Plan, PlanHash},
};
use crate::{
    chat::{MessageRef, Place},
    ids::{ChannelId, MessageId, UserId},
    policy::Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change of the world, from asked to outcome: a row of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The id of the message that asked: the same in logs, cards and the audit trail.
    pub id: String,
    /// Which [`Action`](super::Action) it is.
    pub kind: String,
    /// The command that was asked, as `responder.name`.
    pub command: String,
    /// The words that were said, for people and for `again`.
    pub line: String,
    /// What was asked, for the action.
    pub ask: Value,
    /// What was planned.
    pub plan: Plan,
    /// The plan's hash.
    pub hash: PlanHash,
    /// Who asked. Never one of who approves.
    pub by: UserId,
    /// What to call them.
    pub name: String,
    /// Where it was asked.
    pub origin: Origin,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// What policy said, with its trace.
    pub verdict: Verdict,
    /// Who has agreed so far.
    pub approvals: Vec<Approval>,
    /// When it was asked.
    pub asked: Timestamp,
    /// Until when it waits: for a confirmation, for approvals, in a queue.
    pub expires: Option<Timestamp>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it came to an end.
    pub ended: Option<Timestamp>,
    /// How it stands.
    pub state: State,
    /// The message that shows it.
    pub card: Option<MessageRef>,
    /// What somebody wants of the running operation.
    pub wish: Wish,
    /// Who wants it.
    pub wished_by: Option<UserId>,
    /// Whose it is while it runs.
    pub lease: Lease,
    /// What the action keeps for itself, to go on from.
    pub progress: Value,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Whether the card says how it stands. What is not told yet is told by whoever finds it.
    pub told: bool,
    /// How often it was saved. The store sets it.
    pub revision: u64,
}

/// What an operation begins with.
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) command: String,
    pub(crate) line: String,
    pub(crate) ask: Value,
    pub(crate) plan: Plan,
    pub(crate) by: UserId,
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) reason: Option<String>,
    pub(crate) asked: Timestamp,
}

impl From<Draft> for Operation {
    /// Planned, and nothing decided yet.
    fn from(draft: Draft) -> Self {
        Operation {
            id: draft.id,
            kind: draft.kind,
            command: draft.command,
            line: draft.line,
            ask: draft.ask,
            hash: draft.plan.hash(),
            plan: draft.plan,
            by: draft.by,
            name: draft.name,
            origin: draft.origin,
            reason: draft.reason,
            verdict: Verdict::refuse("nothing is decided yet"),
            approvals: Vec::new(),
            asked: draft.asked,
            expires: None,
            started: None,
            ended: None,
            state: State::Planned,
            card: None,
            wish: Wish::Go,
            wished_by: None,
            lease: Lease::default(),
            progress: Value::Null,
            ending: None,
            told: false,
            revision: 0,
        }
    }
}

/// Where an operation was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The channel.
    pub channel: ChannelId,
    /// The thread in it.
    pub thread: Option<MessageId>,
    /// The message that asked, if there was one.
    pub message: Option<MessageId>,
    /// The schedule that asked in the name of who made it, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
}

impl Origin {
    /// Where to answer.
    pub fn place(&self) -> Place {
        Place {
            channel: self.channel.clone(),
            thread: self.thread.clone(),
            hook: None,
        }
    }
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Planned and shown; nobody asked to apply it yet.
    Planned,
    /// Waits for who asked to say yes.
    Confirming,
    /// Waits for approvals.
    Approving,
    /// Waits for a lock, a freeze or another operation to be over.
    Queued,
    /// Under way.
    Running,
    /// Under way, and held by somebody.
    Paused,
    /// Done.
    Succeeded,
    /// It went wrong.
    Failed,
    /// Somebody stopped it: before it began, or half-way.
    Cancelled,
    /// Policy said no.
    Refused,
    /// One who was asked to approve said no.
    Denied,
    /// Nobody agreed in time.
    Expired,
    /// The world moved between the plan and its use.
    Void,
    /// A newer one took its place.
    Superseded,
    /// Nobody can tell how it ended.
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Planned,
        Self::Confirming,
        Self::Approving,
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
        Self::Denied,
        Self::Expired,
        Self::Void,
        Self::Superseded,
        Self::Unknown,
    ];

    /// As it is stored and shown in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Confirming => "confirming",
            Self::Approving => "approving",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Under way: it has a lease, and its target to itself if the plan is exclusive.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Waits for somebody or something.
    pub fn is_waiting(self) -> bool {
        matches!(
            self,
            Self::Planned | Self::Confirming | Self::Approving | Self::Queued
        )
    }

    /// Over: nothing changes it any more, but that it is told.
    pub fn is_over(self) -> bool {
        !self.is_active() && !self.is_waiting()
    }
}

/// What has to be agreed before an operation may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// How many people, none of them who asked.
    pub count: u32,
    /// Of this role.
    pub role: String,
    /// The rule that asks for it.
    pub rule: String,
}

/// Somebody agreed to exactly one plan, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// To which plan.
    pub hash: PlanHash,
    /// As holder of which roles.
    pub roles: Vec<String>,
}

/// What somebody wants of a running operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// That it goes on.
    #[default]
    Go,
    /// That it waits at the next safe point.
    Pause,
    /// That it stops at the next safe point.
    Cancel,
}

/// Whose a running operation is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A process, by an id made at random when it started; nobody before the first.
    pub owner: Option<String>,
    /// The fencing generation: one more with each taking-up.
    pub generation: u64,
    /// Until when, by the store's clock.
    pub until: Option<Timestamp>,
}

/// One step of an operation in its journal: the intent is written before it is done, the result after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The operation.
    pub operation: String,
    /// Which step, from 1 in the order they were begun. The same name is the same step.
    pub number: u32,
    /// What it does.
    pub name: String,
    /// The generation that wrote it.
    pub generation: u64,
    /// When the intent was written.
    pub began: Timestamp,
    /// When the result was written; nothing while nobody knows whether it was done.
    pub ended: Option<Timestamp>,
    /// What came out.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub result: Option<Value>,
}

/// A null that is there is a result; what is not there is none yet.
fn present<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(reader).map(Some)
}

/// What became of saving an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// It is saved, with this revision.
    Yes(u64),
    /// Somebody else saved it in between: read it again.
    Stale,
    /// It would be the second exclusive one on its target; this one is under way.
    Busy(Box<Operation>),
}

/// Which operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// About this service.
    pub service: Option<String>,
    /// In this environment.
    pub environment: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In one of these states; none means any.
    pub states: Vec<State>,
    /// Asked by this person.
    pub by: Option<UserId>,
    /// Asked in, or shown at the head of, this thread: the channel and the thread's first message.
    pub thread: Option<MessageRef>,
    /// Only those that are not told.
    pub untold: bool,
    /// Whose id begins so.
    pub id_prefix: Option<String>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

impl OperationFilter {
    /// Whether an operation passes, but for the limit.
    pub fn takes(&self, operation: &Operation) -> bool {
        let target = &operation.plan.target;
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        let in_thread = |thread: &MessageRef| {
            let origin = &operation.origin;
            let card = operation.card.as_ref();
            (origin.channel == thread.channel
                && [&origin.thread, &origin.message]
                    .into_iter()
                    .any(|id| id.as_ref() == Some(&thread.id)))
                || card == Some(thread)
        };
        same(&self.service, &target.service)
            && same(&self.environment, &target.environment)
            && self.kind.as_ref().is_none_or(|kind| *kind == operation.kind)
            && (self.states.is_empty() || self.states.contains(&operation.state))
            && self.by.as_ref().is_none_or(|by| *by == operation.by)
            && self.thread.as_ref().is_none_or(in_thread)
            && (!self.untold || !operation.told)
            && self
                .id_prefix
                .as_ref()
                .is_none_or(|prefix| operation.id.starts_with(prefix.as_str()))
    }
}
