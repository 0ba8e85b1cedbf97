//! Purpose: merge requests, and the approvals that come as a change of one.

use super::{Project, User};
use crate::hooks::{
    CiEvent, PullAction, PullChanged, PullEnd, Refusal, ReviewState, Reviewed,
    fields::{Link, Sha, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Merge {
    user: Option<User>,
    project: Project,
    object_attributes: Attributes,
    #[serde(default)]
    changes: Changes,
}

#[derive(Deserialize)]
struct Attributes {
    iid: u64,
    title: String,
    action: Option<String>,
    state: String,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    last_commit: Option<Commit>,
    merge_commit_sha: Option<Sha>,
    squash_commit_sha: Option<Sha>,
    #[serde(default)]
    url: Link,
    draft: Option<bool>,
    work_in_progress: Option<bool>,
    oldrev: Option<String>,
}

#[derive(Deserialize)]
struct Commit {
    id: Sha,
}

#[derive(Deserialize, Default)]
struct Changes {
    draft: Option<Change>,
    reviewers: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Change {
    current: bool,
}

pub(super) fn merge(body: &[u8]) -> Result<CiEvent, Refusal> {
    let merge: Merge = json(body)?;
    let by = merge.user.and_then(|user| user.username);
    let attributes = merge.object_attributes;
    let repo = merge.project.path_with_namespace.0;
    let sha = attributes.last_commit.and_then(|commit| commit.id.real());
    let action = match attributes.action.as_deref().unwrap_or_default() {
        "open" => PullAction::Opened,
        "reopen" => PullAction::Reopened,
        "close" | "merge" => PullAction::Closed,
        // The old commit is there only when the commits changed.
        "update" if attributes.oldrev.is_some() => PullAction::Synchronized,
        "update" => match (merge.changes.draft, merge.changes.reviewers) {
            (Some(Change { current: true }), _) => PullAction::ConvertedToDraft,
            (Some(Change { current: false }), _) => PullAction::ReadyForReview,
            (None, Some(_)) => PullAction::ReviewRequested,
            (None, None) => PullAction::Edited,
        },
        // `approval` is one of several that are needed, `approved` the last of them: it comes instead, not as well.
        approval @ ("approved" | "approval" | "unapproved" | "unapproval") => {
            return Ok(CiEvent::Reviewed(Reviewed {
                repo,
                number: attributes.iid,
                title: attributes.title,
                author: None,
                by,
                state: if approval.starts_with("un") {
                    ReviewState::Dismissed
                } else {
                    ReviewState::Approved
                },
                sha,
                url: attributes.url.0,
            }));
        }
        other => {
            return Err(Refusal::ignorable(
                format!("Merge Request Hook, {other}"),
                "nothing is done on this action",
            ));
        }
    };
    let merged = attributes.state == "merged";
    let merge_sha = attributes
        .merge_commit_sha
        .or(attributes.squash_commit_sha)
        .and_then(Sha::real)
        // Fast-forward: the branch's own newest commit went over.
        .or_else(|| sha.clone())
        .filter(|_| merged);
    Ok(CiEvent::PullChanged(PullChanged {
        repo,
        number: attributes.iid,
        action,
        head: PullEnd {
            branch: attributes.source_branch,
            sha,
        },
        base: PullEnd {
            branch: attributes.target_branch,
            sha: None,
        },
        fork: attributes.source_project_id != Some(attributes.target_project_id),
        merged,
        merge_sha,
        author: by.clone().filter(|_| action == PullAction::Opened),
        by,
        title: attributes.title,
        url: attributes.url.0,
        draft: attributes.draft.or(attributes.work_in_progress).unwrap_or(false),
    }))
}
