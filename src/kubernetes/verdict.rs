//! What can become of a rollout.

use jiff::Timestamp;

use crate::argo::Step;
use crate::cause::Cause;

/// What has become of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Waiting {
        /// New pods that are available.
        done: i32,
        /// Pods wanted.
        total: i32,
        /// What is waited for.
        why: Why,
        /// What is not well, though it may pass.
        trouble: Option<Box<Cause>>,
    },
    /// Somebody paused it: it does not go on by itself, and no deadline runs in the cluster.
    Paused {
        /// The field manager that did.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
        /// The step of its own at which it waits, where nobody paused it.
        step: Option<Step>,
    },
    /// Another image is wanted by now.
    Superseded {
        /// The image wanted.
        image: String,
        /// Who asked for it, when it was deployed with Otus.
        by: Option<String>,
        /// The field manager that set it.
        manager: Option<String>,
        /// When.
        at: Option<Timestamp>,
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
    /// All new pods are available, and are being watched.
    Available {
        /// How many they are. Zero means that nothing ran this code.
        pods: i32,
        /// Until when they are watched.
        until: Timestamp,
    },
    /// They stayed so.
    Stable {
        /// How many they are. Zero means that nothing ran this code.
        pods: i32,
    },
    /// The workload was deleted, or another one took its name.
    Gone,
}

/// What a rollout waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The controller has not seen the change yet.
    NotObserved,
    /// New pods are to be created.
    Creating {
        /// New pods that exist.
        created: i32,
    },
    /// Pods of earlier versions are to go.
    OldPods {
        /// How many are left.
        left: i32,
    },
    /// The rollout goes on in steps of its own.
    Steps {
        /// Which one it is at, from 1.
        at: i32,
        /// Of how many.
        of: i32,
    },
    /// New pods are to become available.
    Starting {
        /// How many are not.
        left: i32,
    },
}

/// How a failure was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The new pods can never come up.
    Doomed,
    /// The deadline in the Deployment's spec passed.
    ProgressDeadline,
    /// Otus' own deadline passed.
    OwnDeadline,
    /// In the time of watching after the rollout.
    Watching,
}

impl Verdict {
    /// True when nothing more will come of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Verdict::Superseded { .. } | Verdict::Failed { .. } | Verdict::Stable { .. } | Verdict::Gone
        )
    }
}
