//! What was decided about one commit in one lane: the rule, and everything it went by. Kept in the store as it is here.

use jiff::{SignedDuration, Timestamp};
use otus::UserId;
use otus::operations::State;
use otus_ci::version::NotReady;
use serde::{Deserialize, Serialize};

/// Why a commit is not deployed, or not yet; or that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub(crate) enum Decision {
    /// It runs here.
    Here,
    /// Its operation is under way.
    Going { operation: String, state: State },
    /// What runs was built on it.
    Older { runs: String },
    /// What runs has commits that it has not, and the other way round.
    Aside { runs: String },
    /// Which commit runs is not known, so nobody can tell.
    Unknown { runs: String },
    /// CI or the registry do not let it out.
    NotReady { why: NotReady },
    /// It is green for longer than its image may take.
    ImageLate { tag: String, since: Timestamp },
    /// It, or something that was built on it, was rejected here.
    Rejected {
        version: String,
        by: UserId,
        at: Timestamp,
        why: Option<String>,
    },
    /// Somebody went back from something that has it.
    WentBack { from: String },
    /// A newer one goes instead.
    Superseded { by: String },
    /// It went out, and did not run well.
    Failed {
        operation: Option<String>,
        at: Timestamp,
    },
    /// It was tried, and people ended that.
    Ended {
        operation: String,
        state: State,
        note: String,
    },
    /// It was tried, and nothing was changed.
    Troubled {
        operation: String,
        note: String,
        /// When it is tried once more, if it is.
        again: Option<Timestamp>,
    },
    /// Somebody paused it.
    Paused {
        by: String,
        reason: String,
        since: Timestamp,
        until: Option<Timestamp>,
    },
    /// A lock or a freeze is in the way.
    Held { why: String, until: Option<Timestamp> },
    /// Policy refuses.
    Refused { why: String },
    /// Policy wants whoever asks to confirm it.
    Personal { why: String },
    /// Something else runs on the same target.
    Busy { operation: String, line: String },
    /// What a person asked for waits for the same target, and goes first.
    Queued {
        operation: String,
        line: String,
        name: String,
    },
    /// It could not be planned.
    Unplanned { why: String },
    /// Somebody who has to be asked does not answer.
    Unasked { why: String },
    /// It has not run well for long enough in the environment before.
    Baking { before: String, until: Timestamp },
    /// Something failed there meanwhile.
    Broken {
        before: String,
        version: String,
        at: Timestamp,
    },
    /// It does not run there any more.
    Gone { before: String, runs: String },
}

/// How a decision is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It stays for good.
    Over,
    /// By something the robot sees in its own memory.
    Inside,
    /// By something it has to ask others for.
    Outside,
}

impl Decision {
    /// The rule's name, as it is kept.
    pub(crate) fn rule(&self) -> String {
        let written = serde_json::to_value(self).unwrap_or_default();
        written["rule"].as_str().unwrap_or_default().to_owned()
    }

    /// How it is left.
    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Here | Self::Older { .. } | Self::Superseded { .. } => Way::Over,
            Self::Going { .. }
            | Self::Paused { .. }
            | Self::Held { .. }
            | Self::Busy { .. }
            | Self::Queued { .. } => Way::Inside,
            _ => Way::Outside,
        }
    }

    /// After how long people are to hear of it without asking, because somebody has to do something, or nothing goes out for a while.
    pub(crate) fn calls(&self) -> Option<SignedDuration> {
        const AT_ONCE: SignedDuration = SignedDuration::ZERO;
        const NO_HICCUP: SignedDuration = SignedDuration::from_mins(10);
        const NEVER_BEGAN: SignedDuration = SignedDuration::from_hours(1);
        match self {
            Self::NotReady { why } => match why {
                NotReady::WrongRevision { .. } => Some(AT_ONCE),
                // A check that is called otherwise is waited for for ever.
                NotReady::Missing(_) | NotReady::NoChecks => Some(NEVER_BEGAN),
                NotReady::Red(_) | NotReady::Pending(_) | NotReady::NoImage { .. } => None,
            },
            Self::Unplanned { .. } | Self::Unasked { .. } => Some(NO_HICCUP),
            Self::Aside { .. }
            | Self::Unknown { .. }
            | Self::ImageLate { .. }
            | Self::Rejected { .. }
            | Self::WentBack { .. }
            | Self::Paused { .. }
            | Self::Held { .. }
            | Self::Refused { .. }
            | Self::Personal { .. }
            | Self::Broken { .. } => Some(AT_ONCE),
            // What failed or was ended has its own card; the rest passes, or is nobody's to mend here.
            _ => None,
        }
    }

    /// Whether both are the same rule.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The same for as long as nothing happens: what is only told differently as time goes by is the same.
    pub(crate) fn is_still(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Held { until, .. }, Self::Held { until: then, .. }) => until == then,
            (one, other) => one == other,
        }
    }
}
