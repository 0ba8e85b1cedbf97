//! Purpose: the generic contract, for a continuous integration that has no scheme of its own, or for a line of shell.
//!
//! It is documented for those who send in `docs/ci-webhooks.md`. It is Otus' own, so it is strict: a misspelt key is
//! refused, where in a vendor's body an unknown one is new.

use super::{
    CheckKind, CheckState, Checked, CiEvent, Hook, Read, Refusal, Request,
    fields::{Link, Repo, Sha, is_branch, json},
    proof::{fresh, from_hex, moment, signed},
};
use serde::Deserialize;

const SIGNATURE: &str = "X-Signature-256";
const TIMESTAMP: &str = "X-Otus-Timestamp";
const ID: &str = "X-Otus-Id";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    repo: Repo,
    sha: Sha,
    branch: String,
    status: Status,
    url: String,
    name: String,
    image: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pending,
    Running,
    Success,
    Failure,
    Cancelled,
    Skipped,
    Neutral,
}

pub(super) fn read(hook: &Hook, request: &Request<'_>) -> Read {
    let signature = request.headers.need(SIGNATURE)?;
    let signature = signature
        .strip_prefix("sha256=")
        .and_then(from_hex)
        .ok_or(Refusal::HeaderUnusable {
            name: SIGNATURE,
            why: "it has to be sha256= and 64 small hexadecimal digits",
        })?;
    let id = request.headers.id(ID)?;
    let timestamp = request.headers.need(TIMESTAMP)?;
    let signed_at = moment(timestamp, TIMESTAMP)?;
    // Neither an id nor a moment has a dot, so the three parts can be cut in one way only.
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
    if !signed(hook.keys(), &parts, &signature) {
        return Err(Refusal::BadSignature);
    }
    fresh(signed_at, request.now)?;
    let body: Body = json(request.body)?;
    Ok((id.to_owned(), vec![CiEvent::Checked(checked(body)?)]))
}

fn checked(body: Body) -> Result<Checked, Refusal> {
    let wrong = |why: &str| Refusal::Unreadable { why: why.into() };
    if !is_branch(&body.branch) {
        return Err(wrong("branch: not a branch's name"));
    }
    if body.name.trim().is_empty() || body.name.len() > 200 || body.name.chars().any(char::is_control) {
        return Err(wrong(
            "name: a check has a name of 1 to 200 characters, in one line",
        ));
    }
    let url = Link::parse(&body.url)
        .0
        .ok_or_else(|| wrong("url: not an address that begins with https:// or http://"))?;
    if let Some(image) = &body.image
        && (image.is_empty() || image.len() > 512 || !image.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(wrong(
            "image: not an image as in `registry.example.com/shop/api:tag`",
        ));
    }
    if let Some(digest) = &body.digest
        && digest.strip_prefix("sha256:").and_then(from_hex).is_none()
    {
        return Err(wrong("digest: not sha256: and 64 small hexadecimal digits"));
    }
    if body.digest.is_some() && body.image.is_none() {
        return Err(wrong("digest: there is no image that it is the digest of"));
    }
    Ok(Checked {
        repo: body.repo.0,
        sha: body.sha.real().ok_or_else(|| wrong("sha: zeros are no commit"))?,
        branch: Some(body.branch),
        fork: false,
        kind: CheckKind::Workflow,
        name: body.name,
        state: match body.status {
            Status::Pending | Status::Running => CheckState::Pending,
            Status::Success => CheckState::Success,
            Status::Failure => CheckState::Failure,
            Status::Cancelled => CheckState::Cancelled,
            Status::Skipped => CheckState::Skipped,
            Status::Neutral => CheckState::Neutral,
        },
        url: Some(url),
        image: body.image,
        digest: body.digest,
    })
}
