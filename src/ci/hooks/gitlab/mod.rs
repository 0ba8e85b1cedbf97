//! Purpose: GitLab's webhooks.
//!
//! Two ways to prove where they come from. A signing token signs id, time and body, as the Standard Webhooks
//! specification says: HMAC-SHA256 over `<id>.<timestamp>.<body>`, in base64 after `v1,`. The plain token is the secret
//! itself in a header: it proves nothing about the body, and has no time. Where a signing token is configured and a
//! signature came, only the signature counts; an operator who has moved over takes the plain token out of the
//! configuration.

mod deploys;
mod merges;
mod pipelines;
mod pushes;

use super::{
    CiEvent, Hook, Read, Refusal, Request,
    fields::Repo,
    proof::{fresh, moment, same, signed},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

const SIGNATURE: &str = "webhook-signature";
const TIMESTAMP: &str = "webhook-timestamp";
const ID: &str = "webhook-id";
const TOKEN: &str = "X-Gitlab-Token";

/// The project a delivery is about.
#[derive(Deserialize)]
struct Project {
    id: u64,
    path_with_namespace: Repo,
    web_url: Option<String>,
}

#[derive(Deserialize)]
struct User {
    username: Option<String>,
}

pub(super) fn read(hook: &Hook, request: &Request<'_>) -> Read {
    let id = match request.headers.get(SIGNATURE)? {
        Some(signatures) if !hook.signing().is_empty() => by_signature(hook, request, signatures)?,
        _ if hook.keys().is_empty() => return Err(Refusal::HeaderMissing { name: SIGNATURE }),
        _ => by_token(hook, request)?,
    };
    let event = request.headers.need("X-Gitlab-Event")?;
    Ok((id.to_owned(), vec![read_event(event, request.body)?]))
}

fn by_signature<'a>(hook: &Hook, request: &Request<'a>, signatures: &str) -> Result<&'a str, Refusal> {
    let id = request.headers.id(ID)?;
    let timestamp = request.headers.need(TIMESTAMP)?;
    let signed_at = moment(timestamp, TIMESTAMP)?;
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
    // While a token is being changed there can be several, separated by spaces; other versions are not for us. More
    // than a few would only make us compute.
    let mut found = false;
    for signature in signatures.split_ascii_whitespace().take(5) {
        let given = signature
            .strip_prefix("v1,")
            .and_then(|text| STANDARD.decode(text).ok());
        found |= given.is_some_and(|given| signed(hook.signing(), &parts, &given));
    }
    if !found {
        return Err(Refusal::BadSignature);
    }
    fresh(signed_at, request.now)?;
    Ok(id)
}

fn by_token<'a>(hook: &Hook, request: &Request<'a>) -> Result<&'a str, Refusal> {
    let token = request.headers.need(TOKEN)?;
    if !same(hook.keys(), token) {
        return Err(Refusal::BadSignature);
    }
    match request.headers.get("Idempotency-Key")? {
        Some(_) => request.headers.id("Idempotency-Key"),
        // Older ones have this one only; it is another one when the delivery is tried again.
        None => request.headers.id("X-Gitlab-Event-UUID"),
    }
}

fn read_event(event: &str, body: &[u8]) -> Result<CiEvent, Refusal> {
    match event {
        "Push Hook" => pushes::push(body),
        "Pipeline Hook" => pipelines::pipeline(body),
        "Merge Request Hook" => merges::merge(body),
        "Deployment Hook" => deploys::deployment(body),
        _ => Err(Refusal::ignorable(event, "nothing is done on this event")),
    }
}
