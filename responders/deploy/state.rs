//! How a deploy stands, as its card shows it and its row records it.

use jiff::Timestamp;
use otus::operations::{Failure, Outcome, Standing};
use otus::store::DeployState;
use otus_kubernetes::{Cause, Conflict, Found, Outage, Step, Verdict, Why};
use serde::{Deserialize, Serialize};

/// How a deploy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// The cluster is being asked for the change.
    Applying,
    /// Held before anything was changed.
    Waiting,
    /// What is to be done before the change is under way.
    Preparing(Standing),
    /// The pods are being replaced.
    Rolling {
        /// New pods that serve.
        done: i32,
        /// Pods wanted.
        total: i32,
        /// What is waited for.
        why: Why,
        /// What is not well, though it may pass.
        trouble: Option<Box<Cause>>,
        /// Set while the cluster does not answer.
        outage: Option<Box<Outage>>,
    },
    /// Somebody paused the rollout, or it waits at a step of its own.
    Paused {
        /// The field manager.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
        /// The step of its own.
        step: Option<Step>,
    },
    /// All new pods serve and are being watched.
    Watching {
        /// How many.
        pods: i32,
        /// Until when.
        until: Timestamp,
        /// Set while the cluster does not answer.
        outage: Option<Box<Outage>>,
    },
    /// All new pods serve and are well, and the gates are not passed yet.
    Gating {
        /// How many.
        pods: i32,
        /// Set while the cluster does not answer.
        outage: Option<Box<Outage>>,
    },
    /// The robot paused the rollout, because somebody wants it, or it waits at a step of its own for them.
    Held {
        /// New pods that serve.
        done: i32,
        /// Pods wanted.
        total: i32,
        /// The step of its own.
        step: Option<Step>,
    },
    /// It is out and stable.
    Live {
        /// How many pods run it.
        pods: i32,
    },
    /// It ran already.
    AlreadyLive {
        /// Since when.
        since: Option<Timestamp>,
        /// Who brought it.
        by: Option<String>,
        /// Ready pods.
        ready: i32,
        /// Pods wanted.
        total: i32,
    },
    /// It will not succeed.
    Failed {
        /// Why.
        cause: Box<Cause>,
        /// How that was found.
        found: Found,
        /// Pods of earlier versions that still serve.
        old: i32,
    },
    /// A gate stopped it.
    Gated(Gated),
    /// Another version is wanted by now.
    Superseded {
        /// Its image.
        image: String,
        /// Who deployed it with the robot.
        by: Option<String>,
        /// The field manager that set it.
        manager: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// The workload was deleted.
    Gone,
    /// Paused for so long that nobody is expected to resume it.
    LeftPaused {
        /// The field manager.
        by: Option<String>,
    },
    /// Somebody else changed the image since.
    Drifted(Conflict),
    /// The cluster did not take the change; nothing was changed.
    Refused(String),
    /// Whether the cluster took the change is not known.
    Unsure(String),
    /// How it ended is not known.
    Lost(String),
    /// Cancelled before anything was changed.
    Untouched,
    /// What is to be done before the change failed; nothing of the workload was changed.
    Unprepared(Failure),
    /// Cancelled while what is done before the change was under way; nothing of the workload was changed.
    Stopped(String),
    /// Cancelled half-way.
    Halted {
        /// What became of the rollout.
        halt: Halt,
        /// New pods that are there.
        done: i32,
        /// Pods wanted.
        total: i32,
    },
    /// Meanwhile something else went out that has commits this has not.
    Older {
        /// What runs by now, as people say it.
        runs: String,
    },
    /// An operation that was begun later has changed the workload already.
    Outdated(String),
}

/// How a gate stopped a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gated {
    /// Why, for people.
    pub(crate) why: String,
    /// What became of the rollout.
    pub(crate) halt: Halt,
    /// New pods that are there.
    pub(crate) done: i32,
    /// Pods wanted.
    pub(crate) total: i32,
}

/// What became of the rollout of a deploy that was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Halt {
    /// It is paused.
    Paused,
    /// It was told to go back to what served before.
    Aborted,
    /// Somebody else has paused it, and it stays so.
    Theirs(Option<String>),
    /// It was through: there was nothing left to pause.
    Through,
    /// Another image is wanted by now: it is not this deploy's to pause.
    Overtaken,
    /// It could not be paused, and goes on.
    Unpaused(String),
}

impl State {
    /// What a verdict means for the card.
    pub(crate) fn of(verdict: Verdict, outage: Option<Outage>) -> Self {
        let outage = outage.map(Box::new);
        match verdict {
            Verdict::Waiting {
                done,
                total,
                why,
                trouble,
            } => State::Rolling {
                done,
                total,
                why,
                trouble,
                outage,
            },
            Verdict::Paused { by, at, step } => State::Paused { by, at, step },
            Verdict::Superseded {
                image,
                by,
                manager,
                at,
            } => State::Superseded {
                image,
                by,
                manager,
                at,
            },
            Verdict::Failed { cause, found, old } => State::Failed { cause, found, old },
            Verdict::Available { pods, until } => State::Watching { pods, until, outage },
            Verdict::Stable { pods } => State::Live { pods },
            Verdict::Gone => State::Gone,
        }
    }

    /// What the row says of it.
    pub(crate) fn recorded(&self) -> DeployState {
        match self {
            State::Applying
            | State::Waiting
            | State::Preparing(_)
            | State::Rolling { .. }
            | State::Paused { .. }
            | State::Held { .. }
            | State::Gating { .. }
            | State::Watching { .. } => DeployState::Running,
            State::Live { .. } | State::AlreadyLive { .. } => DeployState::Succeeded,
            State::Failed { .. } | State::Gated(_) | State::Gone => DeployState::Failed,
            State::Superseded { .. } | State::Outdated(_) | State::Older { .. } => DeployState::Superseded,
            State::LeftPaused { .. }
            | State::Drifted(_)
            | State::Refused(_)
            | State::Unsure(_)
            | State::Lost(_)
            | State::Untouched
            | State::Unprepared(_)
            | State::Stopped(_)
            | State::Halted { .. } => DeployState::Stopped,
        }
    }

    /// How the operation ended by it.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            State::Live { .. } | State::AlreadyLive { .. } => Outcome::Succeeded,
            State::Superseded { .. } | State::Outdated(_) | State::Older { .. } => Outcome::Superseded,
            State::Untouched | State::Stopped(_) | State::Halted { .. } => Outcome::Cancelled,
            State::Failed { .. }
            | State::Gated(_)
            | State::Gone
            | State::LeftPaused { .. }
            | State::Drifted(_)
            | State::Refused(_)
            | State::Unprepared(_) => Outcome::Failed,
            State::Unsure(_)
            | State::Lost(_)
            // Under way: no deploy ends so.
            | State::Applying
            | State::Waiting
            | State::Preparing(_)
            | State::Rolling { .. }
            | State::Paused { .. }
            | State::Held { .. }
            | State::Gating { .. }
            | State::Watching { .. } => Outcome::Unknown,
        }
    }

    /// How many of the wanted pods are new, as far as it tells.
    pub(crate) fn counts(&self) -> Option<(i32, i32)> {
        match self {
            State::Rolling { done, total, .. } | State::Held { done, total, .. } => Some((*done, *total)),
            State::Watching { pods, .. } | State::Gating { pods, .. } => Some((*pods, *pods)),
            _ => None,
        }
    }
}
