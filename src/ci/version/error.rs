//! Purpose: why there is no version, told apart: what is refused by a rule, and what could not be asked.

use super::{
    ready::{NotReady, State},
    resolved::Skipped,
};
use crate::{github, registry};

/// What this module's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no version.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule says no, or there is no such commit.
    #[error("{0}")]
    Refused(Refusal),
    /// GitHub could not be asked.
    #[error(transparent)]
    GitHub(#[from] github::Error),
    /// The registry could not be asked.
    #[error(transparent)]
    Registry(#[from] registry::Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is refused, with everything a text for people needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No branch, tag or commit is called so.
    #[error("{repository} has no branch, tag or commit `{said}`")]
    Unknown {
        /// What was said.
        said: String,
        /// The repository.
        repository: String,
    },
    /// The commit may not go out.
    #[error("{} may not go out: {why}", super::resolved::short(.sha))]
    NotReady {
        /// Its full sha.
        sha: String,
        /// The first line of its message.
        message: String,
        /// Why.
        why: NotReady,
        /// How each check that counts stands, by name.
        states: Vec<State>,
    },
    /// None of the newest commits may go out.
    #[error("none of the newest {} commits of {branch} may go out", .skipped.len())]
    NothingGreen {
        /// The branch.
        branch: String,
        /// All that were looked at, the newest first.
        skipped: Vec<Skipped>,
    },
    /// Nothing tells which commit an image was built from.
    #[error("nothing tells which commit {image} was built from")]
    NoCommit {
        /// The image.
        image: String,
    },
}
