//! Purpose: check runs, check suites, workflow runs and the older commit statuses.
//!
//! A fork's check can say that it ran for `main`, and mean the fork's. Only a workflow run says whose branch it is, by the
//! head repository's number, and a commit status lists branches of this repository. For the others the branch is left
//! open, unless they name the head repository as well.

use super::{HeadRepository, Repository};
use crate::hooks::{
    CheckKind, CheckState, Checked, CiEvent, Refusal,
    fields::{Link, Sha, is_branch, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Run {
    action: String,
    check_run: CheckRun,
    repository: Repository,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    head_sha: Sha,
    status: String,
    conclusion: Option<String>,
    #[serde(default)]
    html_url: Link,
}

#[derive(Deserialize)]
struct Suite {
    action: String,
    check_suite: CheckSuite,
    repository: Repository,
}

#[derive(Deserialize)]
struct CheckSuite {
    head_sha: Sha,
    head_branch: Option<String>,
    head_repository: Option<HeadRepository>,
    status: Option<String>,
    conclusion: Option<String>,
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    name: String,
}

#[derive(Deserialize)]
struct Workflow {
    workflow_run: WorkflowRun,
    repository: Repository,
}

#[derive(Deserialize)]
struct WorkflowRun {
    name: Option<String>,
    path: Option<String>,
    head_sha: Sha,
    head_branch: Option<String>,
    head_repository: Option<HeadRepository>,
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default)]
    html_url: Link,
}

#[derive(Deserialize)]
struct Status {
    sha: Sha,
    context: String,
    state: String,
    #[serde(default)]
    target_url: Link,
    #[serde(default)]
    branches: Vec<Branch>,
    repository: Repository,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
    commit: BranchCommit,
}

#[derive(Deserialize)]
struct BranchCommit {
    sha: Sha,
}

pub(super) fn run(body: &[u8]) -> Result<CiEvent, Refusal> {
    let Run {
        action,
        check_run: run,
        repository,
    } = json(body)?;
    if !matches!(action.as_str(), "created" | "completed") {
        return Err(Refusal::ignorable(
            format!("check_run.{action}"),
            "it does not change how a check stands",
        ));
    }
    Ok(CiEvent::Checked(Checked {
        repo: repository.full_name.0,
        sha: commit(run.head_sha)?,
        branch: None,
        fork: false,
        kind: CheckKind::Job,
        name: run.name,
        state: state(Some(&run.status), run.conclusion.as_deref()),
        url: run.html_url.0,
        image: None,
        digest: None,
    }))
}

pub(super) fn suite(body: &[u8]) -> Result<CiEvent, Refusal> {
    let Suite {
        action,
        check_suite: suite,
        repository,
    } = json(body)?;
    if action != "completed" {
        return Err(Refusal::ignorable(
            format!("check_suite.{action}"),
            "only a suite's end counts",
        ));
    }
    let fork = suite
        .head_repository
        .as_ref()
        .is_some_and(|head| head.id != repository.id);
    let own = suite.head_repository.is_some() && !fork;
    Ok(CiEvent::Checked(Checked {
        repo: repository.full_name.0,
        sha: commit(suite.head_sha)?,
        branch: suite.head_branch.filter(|name| own && is_branch(name)),
        fork,
        kind: CheckKind::Suite,
        name: suite.app.map_or_else(|| "check suite".into(), |app| app.name),
        state: state(suite.status.as_deref(), suite.conclusion.as_deref()),
        url: None,
        image: None,
        digest: None,
    }))
}

pub(super) fn workflow(body: &[u8]) -> Result<CiEvent, Refusal> {
    let Workflow {
        workflow_run: run,
        repository,
    } = json(body)?;
    // No head repository: it was a fork that is gone.
    let fork = run.head_repository.is_none_or(|head| head.id != repository.id);
    let name = run.name.or(run.path).unwrap_or_else(|| "workflow".into());
    Ok(CiEvent::Checked(Checked {
        repo: repository.full_name.0,
        sha: commit(run.head_sha)?,
        branch: run.head_branch.filter(|name| !fork && is_branch(name)),
        fork,
        kind: CheckKind::Workflow,
        name,
        state: state(run.status.as_deref(), run.conclusion.as_deref()),
        url: run.html_url.0,
        image: None,
        digest: None,
    }))
}

/// One event for each branch whose newest commit it is; `branches` also lists those that contain it somewhere.
pub(super) fn status(body: &[u8]) -> Result<Vec<CiEvent>, Refusal> {
    let status: Status = json(body)?;
    let heads = status
        .branches
        .into_iter()
        .filter(|branch| branch.commit.sha == status.sha);
    let mut heads: Vec<_> = heads
        .filter(|branch| is_branch(&branch.name))
        .map(|branch| Some(branch.name))
        .collect();
    if heads.is_empty() {
        heads.push(None);
    }
    let checked = Checked {
        repo: status.repository.full_name.0,
        sha: commit(status.sha)?,
        branch: None,
        fork: false,
        kind: CheckKind::Job,
        name: status.context,
        state: match status.state.as_str() {
            "pending" => CheckState::Pending,
            "success" => CheckState::Success,
            "failure" | "error" => CheckState::Failure,
            _ => CheckState::Unknown,
        },
        url: status.target_url.0,
        image: None,
        digest: None,
    };
    let on = |branch| {
        let checked = checked.clone();
        CiEvent::Checked(Checked { branch, ..checked })
    };
    Ok(heads.into_iter().map(on).collect())
}

fn commit(sha: Sha) -> Result<String, Refusal> {
    sha.real().ok_or_else(|| Refusal::Unreadable {
        why: "zeros are no commit that could be checked".into(),
    })
}

/// A conclusion counts only once it is completed.
fn state(status: Option<&str>, conclusion: Option<&str>) -> CheckState {
    match (status, conclusion) {
        (Some("completed"), Some(conclusion)) => match conclusion {
            "success" => CheckState::Success,
            "neutral" => CheckState::Neutral,
            "skipped" => CheckState::Skipped,
            "cancelled" => CheckState::Cancelled,
            "failure" | "timed_out" | "startup_failure" | "action_required" | "stale" => CheckState::Failure,
            _ => CheckState::Unknown,
        },
        (Some("queued" | "in_progress" | "waiting" | "requested" | "pending"), _) => CheckState::Pending,
        _ => CheckState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_completed_can_be_good() {
        for (status, conclusion, expected) in [
            (Some("completed"), Some("success"), CheckState::Success),
            (Some("completed"), Some("neutral"), CheckState::Neutral),
            (Some("completed"), Some("skipped"), CheckState::Skipped),
            (Some("completed"), Some("cancelled"), CheckState::Cancelled),
            (Some("completed"), Some("timed_out"), CheckState::Failure),
            (Some("completed"), Some("action_required"), CheckState::Failure),
            (Some("completed"), Some("a new word"), CheckState::Unknown),
            (Some("completed"), None, CheckState::Unknown),
            (Some("in_progress"), Some("success"), CheckState::Pending),
            (Some("queued"), None, CheckState::Pending),
            (Some("a new word"), Some("success"), CheckState::Unknown),
            (None, Some("success"), CheckState::Unknown),
            (None, None, CheckState::Unknown),
        ] {
            assert_eq!(state(status, conclusion), expected, "{status:?} {conclusion:?}");
        }
    }
}
