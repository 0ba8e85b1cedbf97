//! Purpose: Buildkite's webhooks.
//!
//! Either `X-Buildkite-Signature: timestamp=…,signature=…`, HMAC-SHA256 in hexadecimal over `<timestamp>.<body>`, or the
//! secret itself in `X-Buildkite-Token`, which proves nothing about the body and has no time. Where a signature came, only
//! it counts. Deliveries have no id of their own, so repeats are told by the build and its state.

use super::{
    CheckKind, CheckState, Checked, CiEvent, Hook, Read, Refusal, Request,
    fields::{Link, Sha, is_branch, json},
    proof::{fresh, from_hex, moment, same, signed},
    remote,
};
use serde::Deserialize;

const SIGNATURE: &str = "X-Buildkite-Signature";
const TOKEN: &str = "X-Buildkite-Token";

#[derive(Deserialize)]
struct Envelope {
    event: String,
}

#[derive(Deserialize)]
struct Body {
    build: Build,
    pipeline: Pipeline,
}

#[derive(Deserialize)]
struct Build {
    id: String,
    #[serde(default)]
    web_url: Link,
    state: String,
    commit: String,
    branch: String,
    tag: Option<String>,
    finished_at: Option<String>,
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
struct PullRequest {
    /// The remote the head comes from.
    repository: Option<String>,
}

#[derive(Deserialize)]
struct Pipeline {
    slug: String,
    repository: String,
}

pub(super) fn read(hook: &Hook, request: &Request<'_>) -> Read {
    match request.headers.get(SIGNATURE)? {
        Some(signature) => by_signature(hook, request, signature)?,
        None => {
            let token = request.headers.get(TOKEN)?;
            let token = token.ok_or(Refusal::HeaderMissing { name: SIGNATURE })?;
            if !same(hook.keys(), token) {
                return Err(Refusal::BadSignature);
            }
        }
    }
    let Envelope { event } = json(request.body)?;
    if !matches!(
        event.as_str(),
        "build.scheduled" | "build.running" | "build.failing" | "build.finished"
    ) {
        return Err(Refusal::ignorable(event, "nothing is done on this event"));
    }
    let body: Body = json(request.body)?;
    let build = &body.build;
    // A build that somebody runs again ends again, at another time.
    let when = build.finished_at.as_deref().unwrap_or(&build.state);
    let id = format!("{event}:{}:{when}", build.id);
    if id.len() > 200 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::Unreadable {
            why: "build: its id and time are nothing to tell repeats by".into(),
        });
    }
    let checked = checked(&event, body)?;
    Ok((id, vec![CiEvent::Checked(checked)]))
}

fn by_signature(hook: &Hook, request: &Request<'_>, header: &str) -> Result<(), Refusal> {
    let unusable = Refusal::HeaderUnusable {
        name: SIGNATURE,
        why: "it has to be timestamp=<seconds>,signature=<64 small hexadecimal digits>",
    };
    let (timestamp, signature) = header
        .strip_prefix("timestamp=")
        .and_then(|rest| rest.split_once(",signature="))
        .ok_or(unusable.clone())?;
    let signature = from_hex(signature).ok_or(unusable)?;
    let signed_at = moment(timestamp, SIGNATURE)?;
    if !signed(
        hook.keys(),
        &[timestamp.as_bytes(), b".", request.body],
        &signature,
    ) {
        return Err(Refusal::BadSignature);
    }
    fresh(signed_at, request.now)
}

fn checked(event: &str, body: Body) -> Result<Checked, Refusal> {
    let Body { build, pipeline } = body;
    // Until an agent has it, a build of a branch's end has the word HEAD here.
    let sha = Sha::parse(&build.commit)
        .and_then(Sha::real)
        .ok_or_else(|| Refusal::ignorable(event, "the build does not know its commit yet"))?;
    let repo = remote::repo(&pipeline.repository).ok_or_else(|| Refusal::Unreadable {
        why: "pipeline.repository: not a remote with a name as in `owner/name`".into(),
    })?;
    // Unless the head's remote is known to be this very repository, it is a fork's.
    let fork = build.pull_request.is_some_and(|pull| {
        let head = pull.repository.as_deref().and_then(remote::repo);
        head.as_ref() != Some(&repo)
    });
    let own = !fork && build.tag.is_none();
    Ok(Checked {
        repo: repo.0,
        sha,
        branch: Some(build.branch).filter(|name| own && is_branch(name)),
        fork,
        kind: CheckKind::Workflow,
        name: pipeline.slug,
        state: match build.state.as_str() {
            "creating" | "scheduled" | "running" | "failing" | "blocked" | "canceling" => CheckState::Pending,
            "passed" => CheckState::Success,
            "failed" => CheckState::Failure,
            // A whole build that was skipped, for a newer commit perhaps, has checked nothing.
            "canceled" | "skipped" | "not_run" => CheckState::Cancelled,
            _ => CheckState::Unknown,
        },
        url: build.web_url.0,
        image: None,
        digest: None,
    })
}
