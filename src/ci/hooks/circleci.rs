//! Purpose: CircleCI's webhooks.
//!
//! `circleci-signature` is a list of signatures by version, separated by commas; `v1` is HMAC-SHA256 over the body, in
//! hexadecimal. The id to tell repeats by is in the body, so it is signed. There is no time to check: a delivery that
//! failed is sent again much later, as it was.

use super::{
    CheckKind, CheckState, Checked, CiEvent, Hook, Read, Refusal, Request,
    fields::{Link, Repo, Sha, is_branch, json},
    proof::{from_hex, signed},
    remote,
};
use serde::Deserialize;

const SIGNATURE: &str = "circleci-signature";

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    event: String,
}

#[derive(Deserialize)]
struct Completed {
    project: Project,
    workflow: Workflow,
    job: Option<Job>,
    pipeline: Pipeline,
}

#[derive(Deserialize)]
struct Project {
    slug: String,
}

#[derive(Deserialize)]
struct Workflow {
    name: String,
    status: Option<String>,
    #[serde(default)]
    url: Link,
}

#[derive(Deserialize)]
struct Job {
    name: String,
    status: String,
}

#[derive(Deserialize)]
struct Pipeline {
    vcs: Option<Vcs>,
    trigger_parameters: Option<Parameters>,
}

/// Of pipelines that GitHub (by OAuth) or Bitbucket triggered.
#[derive(Deserialize)]
struct Vcs {
    origin_repository_url: String,
    target_repository_url: String,
    revision: Sha,
    branch: Option<String>,
}

/// Of all others.
#[derive(Deserialize)]
struct Parameters {
    git: Option<Git>,
}

#[derive(Deserialize)]
struct Git {
    checkout_sha: Sha,
    repo_owner: String,
    repo_name: String,
}

pub(super) fn read(hook: &Hook, request: &Request<'_>) -> Read {
    let signature = request.headers.need(SIGNATURE)?;
    let signature = signature
        .split(',')
        .find_map(|one| one.trim().strip_prefix("v1="))
        .and_then(from_hex)
        .ok_or(Refusal::HeaderUnusable {
            name: SIGNATURE,
            why: "it has no v1= with 64 small hexadecimal digits",
        })?;
    if !signed(hook.keys(), &[request.body], &signature) {
        return Err(Refusal::BadSignature);
    }
    let Envelope { id, event } = json(request.body)?;
    // What is in the header is not signed; what is in the body is.
    if !matches!(event.as_str(), "workflow-completed" | "job-completed") {
        return Err(Refusal::ignorable(event, "nothing is done on this event"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.is_empty() || id.len() > 128 || !id.bytes().all(plain) {
        return Err(Refusal::Unreadable {
            why: "id: not an id to tell repeats by".into(),
        });
    }
    let checked = checked(json(request.body)?)?;
    Ok((id, vec![CiEvent::Checked(checked)]))
}

fn checked(body: Completed) -> Result<Checked, Refusal> {
    let wrong = |why: &str| Refusal::Unreadable { why: why.into() };
    let (repo, sha, branch, fork) = match (body.pipeline.vcs, body.pipeline.trigger_parameters) {
        (Some(vcs), _) => {
            // They differ for a pull request from a fork, and only then.
            let fork = vcs.origin_repository_url != vcs.target_repository_url;
            let repo = remote::repo(&vcs.target_repository_url).or_else(|| by_slug(&body.project.slug));
            let branch = vcs.branch.filter(|name| !fork && is_branch(name));
            (repo, vcs.revision, branch, fork)
        }
        // It is not told whose branch it is, so it is left open.
        (None, Some(Parameters { git: Some(git) })) => {
            let repo = Repo::parse(&format!("{}/{}", git.repo_owner, git.repo_name));
            (repo, git.checkout_sha, None, false)
        }
        _ => return Err(wrong("pipeline: neither vcs nor trigger_parameters.git is there")),
    };
    let (kind, name, status) = match body.job {
        Some(job) => (CheckKind::Job, job.name, Some(job.status)),
        None => (CheckKind::Workflow, body.workflow.name, body.workflow.status),
    };
    Ok(Checked {
        repo: repo
            .ok_or_else(|| wrong("pipeline: the repository has no name as in `owner/name`"))?
            .0,
        sha: sha.real().ok_or_else(|| wrong("pipeline: zeros are no commit"))?,
        branch,
        fork,
        kind,
        name,
        state: match status.as_deref() {
            Some("success") => CheckState::Success,
            Some("failed" | "error" | "unauthorized") => CheckState::Failure,
            Some("canceled") => CheckState::Cancelled,
            _ => CheckState::Unknown,
        },
        url: body.workflow.url.0,
        image: None,
        digest: None,
    })
}

/// `gh/owner/name`; the other kind has ids in it and no names.
fn by_slug(slug: &str) -> Option<Repo> {
    let (provider, repo) = slug.split_once('/')?;
    matches!(provider, "gh" | "github" | "bb" | "bitbucket")
        .then(|| Repo::parse(repo))
        .flatten()
}
