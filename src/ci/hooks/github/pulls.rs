//! Purpose: pull requests and their reviews.

use super::{HeadRepository, Repository, User};
use crate::hooks::{
    CiEvent, PullAction, PullChanged, PullEnd, Refusal, ReviewState, Reviewed,
    fields::{Link, Sha, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Changed {
    action: String,
    pull_request: Pull,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    title: String,
    #[serde(default)]
    html_url: Link,
    user: Option<User>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    merged: bool,
    merge_commit_sha: Option<Sha>,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: Sha,
    repo: Option<HeadRepository>,
}

impl From<End> for PullEnd {
    fn from(end: End) -> Self {
        Self {
            branch: end.branch,
            sha: end.sha.real(),
        }
    }
}

pub(super) fn pull(body: &[u8]) -> Result<CiEvent, Refusal> {
    let changed: Changed = json(body)?;
    let action = match changed.action.as_str() {
        "opened" => PullAction::Opened,
        "reopened" => PullAction::Reopened,
        "synchronize" => PullAction::Synchronized,
        "ready_for_review" => PullAction::ReadyForReview,
        "converted_to_draft" => PullAction::ConvertedToDraft,
        "edited" => PullAction::Edited,
        "review_requested" => PullAction::ReviewRequested,
        "closed" => PullAction::Closed,
        other => {
            return Err(Refusal::ignorable(
                format!("pull_request.{other}"),
                "nothing is done on this action",
            ));
        }
    };
    let pull = changed.pull_request;
    let fork = pull
        .head
        .repo
        .as_ref()
        .is_none_or(|head| head.id != changed.repository.id);
    Ok(CiEvent::PullChanged(PullChanged {
        repo: changed.repository.full_name.0,
        number: pull.number,
        action,
        fork,
        head: pull.head.into(),
        base: pull.base.into(),
        merged: pull.merged,
        // Before the merge this is a commit that GitHub made to try it, and that no branch has.
        merge_sha: pull.merge_commit_sha.and_then(Sha::real).filter(|_| pull.merged),
        author: pull.user.map(|user| user.login),
        by: changed.sender.map(|user| user.login),
        title: pull.title,
        url: pull.html_url.0,
        draft: pull.draft,
    }))
}

#[derive(Deserialize)]
struct ReviewDone {
    action: String,
    review: Review,
    pull_request: ReviewedPull,
    repository: Repository,
}

#[derive(Deserialize)]
struct Review {
    user: Option<User>,
    state: String,
    commit_id: Option<Sha>,
    #[serde(default)]
    html_url: Link,
}

#[derive(Deserialize)]
struct ReviewedPull {
    number: u64,
    title: String,
    user: Option<User>,
}

pub(super) fn review(body: &[u8]) -> Result<CiEvent, Refusal> {
    let ReviewDone {
        action,
        review,
        pull_request: pull,
        repository,
    } = json(body)?;
    let state = match (action.as_str(), review.state.as_str()) {
        ("dismissed", _) => ReviewState::Dismissed,
        ("submitted", "approved") => ReviewState::Approved,
        ("submitted", "changes_requested") => ReviewState::ChangesRequested,
        ("submitted", "commented") => ReviewState::Commented,
        (other, _) => {
            return Err(Refusal::ignorable(
                format!("pull_request_review.{other}"),
                "it does not change what a review says",
            ));
        }
    };
    Ok(CiEvent::Reviewed(Reviewed {
        repo: repository.full_name.0,
        number: pull.number,
        title: pull.title,
        author: pull.user.map(|user| user.login),
        by: review.user.map(|user| user.login),
        state,
        sha: review.commit_id.and_then(Sha::real),
        url: review.html_url.0,
    }))
}
