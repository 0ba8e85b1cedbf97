//! How a deploy stands, as its card shows it and its row records it.

use jiff::Timestamp;
use otus::store::DeployState;
use otus_kubernetes::{Cause, Conflict, Found, Outage, Verdict, Why};

/// How a deploy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// The cluster is being asked for the change.
    Applying,
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
    /// Somebody paused the rollout.
    Paused {
        /// The field manager.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
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
    /// The robot is being restarted and goes on afterwards.
    Restarting,
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
    /// The robot was restarted before it changed anything.
    NotApplied,
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
            Verdict::Paused { by, at } => State::Paused { by, at },
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
            | State::Rolling { .. }
            | State::Paused { .. }
            | State::Watching { .. }
            | State::Restarting => DeployState::Running,
            State::Live { .. } | State::AlreadyLive { .. } => DeployState::Succeeded,
            State::Failed { .. } | State::Gone => DeployState::Failed,
            State::Superseded { .. } => DeployState::Superseded,
            State::LeftPaused { .. }
            | State::Drifted(_)
            | State::Refused(_)
            | State::Unsure(_)
            | State::Lost(_)
            | State::NotApplied => DeployState::Stopped,
        }
    }
}
