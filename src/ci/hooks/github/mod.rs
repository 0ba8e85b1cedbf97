//! Purpose: GitHub's webhooks.
//!
//! The signature is HMAC-SHA256 over the raw body, in `X-Hub-Signature-256`; the older SHA-1 one is refused. Neither the
//! delivery's id nor a time is signed, so a recorded delivery can be sent again under another id: what acts on it has to
//! be idempotent by repository and commit. GitHub does not retry by itself; a redelivery that somebody asks for has the
//! same id.

mod checks;
mod deploys;
mod pulls;
mod pushes;

use super::{
    CiEvent, Hook, Read, Refusal, Request,
    fields::Repo,
    proof::{from_hex, signed},
};
use serde::Deserialize;

const SIGNATURE: &str = "X-Hub-Signature-256";

/// The repository a delivery is about.
#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: Repo,
}

/// Only its number counts: names change, and a fork's can be the same.
#[derive(Deserialize)]
struct HeadRepository {
    id: u64,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

pub(super) fn read(hook: &Hook, request: &Request<'_>) -> Read {
    let headers = request.headers;
    let Some(signature) = headers.get(SIGNATURE)? else {
        return Err(match headers.get("X-Hub-Signature")? {
            Some(_) => Refusal::Sha1Only,
            None => Refusal::HeaderMissing { name: SIGNATURE },
        });
    };
    if signature.starts_with("sha1=") {
        return Err(Refusal::Sha1Only);
    }
    let signature = signature
        .strip_prefix("sha256=")
        .and_then(from_hex)
        .ok_or(Refusal::HeaderUnusable {
            name: SIGNATURE,
            why: "it has to be sha256= and 64 small hexadecimal digits",
        })?;
    if !signed(hook.keys(), &[request.body], &signature) {
        return Err(Refusal::BadSignature);
    }
    let id = headers.id("X-GitHub-Delivery")?;
    let event = headers.need("X-GitHub-Event")?;
    if headers
        .get("Content-Type")?
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    {
        return Err(Refusal::Unreadable {
            why: "it is a form; set the webhook's content type to application/json".into(),
        });
    }
    let events = events(event, request.body)?;
    Ok((id.to_owned(), events))
}

fn events(event: &str, body: &[u8]) -> Result<Vec<CiEvent>, Refusal> {
    let one = |event: CiEvent| vec![event];
    match event {
        "push" => pushes::push(body).map(one),
        "pull_request" => pulls::pull(body).map(one),
        "pull_request_review" => pulls::review(body).map(one),
        "check_run" => checks::run(body).map(one),
        "check_suite" => checks::suite(body).map(one),
        "workflow_run" => checks::workflow(body).map(one),
        "status" => checks::status(body),
        "deployment_status" => deploys::status(body).map(one),
        _ => Err(Refusal::ignorable(event, "nothing is done on this event")),
    }
}
