//! Purpose: what a version turned out to be.

use super::{ready::NotReady, template::SHORT};
use crate::github::Commit;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A version: one commit and one image, that stays the same for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The commit's full sha.
    pub sha: String,
    /// Its first 7 digits.
    pub short: String,
    /// The tag in git, when somebody named one.
    pub tag: Option<String>,
    /// What runs: `registry.example.com/team/api@sha256:…`.
    pub image: String,
    /// Who wrote the commit.
    pub author: String,
    /// The first line of its message.
    pub message: String,
    /// When it was committed.
    pub committed_at: Option<Timestamp>,
}

impl Resolved {
    pub(super) fn of(commit: &Commit, tag: Option<&str>, repository: &str, digest: &str) -> Self {
        Self {
            sha: commit.sha.clone(),
            short: short(&commit.sha),
            tag: tag.map(str::to_owned),
            image: format!("{repository}@{digest}"),
            author: commit.author.clone(),
            message: commit.subject().to_owned(),
            committed_at: commit.committed_at,
        }
    }

    /// What people call it: the tag they named, or the short sha.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag.as_deref().unwrap_or(&self.short)
    }

    /// The digest alone, `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.image.split_once('@').map_or("", |(_, digest)| digest)
    }
}

/// A version, and what is worth knowing about how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The version.
    pub version: Resolved,
    /// For the latest green: newer commits of the branch that may not go out, the newest first.
    pub skipped: Vec<Skipped>,
    /// Set when the image does not say which commit it was built from.
    pub unlabelled: bool,
    /// The branch it should be on and is not, if so.
    pub off_branch: Option<String>,
}

/// A commit that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its full sha.
    pub sha: String,
    /// The first line of its message.
    pub message: String,
    /// Why.
    pub why: NotReady,
}

impl Skipped {
    /// The first 7 digits of its sha.
    #[must_use]
    pub fn short(&self) -> String {
        short(&self.sha)
    }
}

pub(super) fn short(sha: &str) -> String {
    sha.get(..SHORT).unwrap_or(sha).to_owned()
}
