//! Purpose: what a continuous integration says, in one shape for all of them.

use serde::{Deserialize, Serialize};

/// Something happened to a repository, a commit or a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CiEvent {
    /// A branch moved.
    Pushed(Pushed),
    /// A check of a commit began or ended.
    Checked(Checked),
    /// A pull request changed.
    PullChanged(PullChanged),
    /// Somebody reviewed a pull request.
    Reviewed(Reviewed),
    /// Somebody deployed a commit.
    Deployed(Deployed),
}

/// A branch moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// `owner/name`, for GitLab perhaps with groups between.
    pub repo: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where it was; `None` if it is new.
    pub before: Option<String>,
    /// Where it is; `None` if it was deleted.
    pub after: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Whether it lost commits. `None` when the sender does not say.
    pub forced: Option<bool>,
    /// Who pushed, by the sender's name for them.
    pub by: Option<String>,
}

/// A check of a commit began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// `owner/name`.
    pub repo: String,
    /// The commit, in full.
    pub sha: String,
    /// The branch of *this* repository it ran for. `None` if it ran for a tag or for a fork, or if the sender leaves
    /// open whose branch it is: a fork may call its own `main`.
    pub branch: Option<String>,
    /// Whether it is known to have run for a fork.
    pub fork: bool,
    /// What kind of thing bears the name.
    pub kind: CheckKind,
    /// The check's name.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// Where a person can look at it: always `http` or `https`.
    pub url: Option<String>,
    /// The image it built, with or without a tag.
    pub image: Option<String>,
    /// The digest of that image, `sha256:…`.
    pub digest: Option<String>,
}

/// What kind of thing a check is: a job and the workflow around it may have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckKind {
    /// One job: a check run, a commit status.
    Job,
    /// All that ran together: a workflow, pipeline or build.
    Workflow,
    /// All check runs of one app.
    Suite,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckState {
    /// It has not ended: queued, running, or waiting for somebody.
    Pending,
    /// It is good.
    Success,
    /// It ended, and says neither.
    Neutral,
    /// It was not needed.
    Skipped,
    /// It is bad, or could not be run.
    Failure,
    /// Somebody stopped it.
    Cancelled,
    /// A word that is not known here. Not good.
    Unknown,
}

impl CheckState {
    /// Whether it stands in nobody's way: success, neutral or skipped.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Success | Self::Neutral | Self::Skipped)
    }

    /// Whether it will not change by itself any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Unknown)
    }
}

/// A pull request (GitLab: merge request) changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullChanged {
    /// The repository it wants to go into, `owner/name`.
    pub repo: String,
    /// Its number.
    pub number: u64,
    /// What was done.
    pub action: PullAction,
    /// Where it comes from.
    pub head: PullEnd,
    /// Where it goes to. GitLab does not say at which commit that is.
    pub base: PullEnd,
    /// Whether it comes from another repository. When that is unknown, because the other one is gone, it does.
    pub fork: bool,
    /// Whether it was merged.
    pub merged: bool,
    /// The commit it became on the base branch; only once it was merged.
    pub merge_sha: Option<String>,
    /// Who wrote it. GitLab says so only when it is opened.
    pub author: Option<String>,
    /// Who did this.
    pub by: Option<String>,
    /// Its title.
    pub title: String,
    /// Where a person can look at it.
    pub url: Option<String>,
    /// Whether it is not meant to be merged yet.
    pub draft: bool,
}

/// One end of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullEnd {
    /// The branch; the head's may be a fork's.
    pub branch: String,
    /// The commit.
    pub sha: Option<String>,
}

/// What was done to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PullAction {
    /// It is new.
    Opened,
    /// It is open again.
    Reopened,
    /// Its commits changed.
    Synchronized,
    /// It is a draft no more.
    ReadyForReview,
    /// It became a draft.
    ConvertedToDraft,
    /// Its title, text or base changed.
    Edited,
    /// Somebody was asked for a review.
    ReviewRequested,
    /// It is closed; [`PullChanged::merged`] says how.
    Closed,
}

/// Somebody reviewed a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// `owner/name`.
    pub repo: String,
    /// The pull request's number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Who wrote the pull request, if the sender says so.
    pub author: Option<String>,
    /// Who reviewed.
    pub by: Option<String>,
    /// What they say.
    pub state: ReviewState,
    /// The commit they looked at.
    pub sha: Option<String>,
    /// Where a person can look at it.
    pub url: Option<String>,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReviewState {
    /// Yes.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
    /// An earlier review counts no more.
    Dismissed,
}

/// Somebody deployed a commit, perhaps somebody else than Otus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// `owner/name`.
    pub repo: String,
    /// The commit.
    pub sha: String,
    /// Where to.
    pub environment: String,
    /// The sender's number of the deployment.
    pub number: u64,
    /// How it stands.
    pub state: DeployState,
    /// Who did it.
    pub by: Option<String>,
    /// Where a person can look at it.
    pub url: Option<String>,
}

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeployState {
    /// It has not begun.
    Queued,
    /// It is being done.
    Running,
    /// It is there.
    Success,
    /// It is not.
    Failure,
    /// Somebody stopped it.
    Cancelled,
    /// Another one took its place.
    Inactive,
    /// A word that is not known here.
    Unknown,
}
