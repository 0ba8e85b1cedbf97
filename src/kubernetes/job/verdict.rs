//! What can become of a Job.

use std::time::Duration;

use jiff::Timestamp;

use crate::cause::{Cause, Exit, Fault};

/// What has become of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Waiting {
        /// How far it is.
        stage: Stage,
        /// What keeps it from starting, though that may pass.
        trouble: Option<Box<Cause>>,
    },
    /// It ended well.
    Succeeded {
        /// How long it ran, as the cluster counts.
        took: Option<Duration>,
        /// Its last lines, without what looks like a secret. Filled in by whoever follows it.
        log: Vec<String>,
    },
    /// It ran, and ended badly.
    Failed {
        /// Why; the container's exit and its last lines are in it.
        cause: Box<Cause>,
    },
    /// It cannot begin to run, and will not by waiting. The Job is still there and would start as soon as somebody mends
    /// what is wrong: whoever gives it up [cancels](super::cancel) it.
    CannotStart {
        /// Why.
        cause: Box<Cause>,
    },
    /// It did not end in its time.
    TimedOut {
        /// What was not well with it, if anything; else the last lines say where it was.
        cause: Box<Cause>,
        /// True when the cluster stopped it. Otherwise it may still run: whoever gives it up [cancels](super::cancel) it.
        stopped: bool,
    },
    /// Somebody deleted it: nobody knows how far it came.
    Gone,
}

/// How far a Job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Somebody, for example a queue, keeps it from beginning.
    Suspended,
    /// Its pod is to be created.
    Creating,
    /// Its pod is there, and its container is to be started.
    Starting,
    /// It runs.
    Running {
        /// Since when.
        since: Option<Timestamp>,
    },
    /// Its container has ended; the cluster is to say so.
    Ending,
}

impl Verdict {
    /// True when nothing more will come of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Verdict::Waiting { .. })
    }

    /// What went wrong.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Verdict::Waiting { trouble, .. } => trouble.as_deref(),
            Verdict::Failed { cause } | Verdict::CannotStart { cause } | Verdict::TimedOut { cause, .. } => {
                Some(cause)
            }
            Verdict::Succeeded { .. } | Verdict::Gone => None,
        }
    }

    /// How its container ended, when it ended badly.
    #[must_use]
    pub fn exit(&self) -> Option<&Exit> {
        match &self.cause()?.fault {
            Fault::Crashed(exit) | Fault::InitFailed(exit) => Some(exit),
            _ => None,
        }
    }
}
