//! Purpose: a branch moved.

use super::Repository;
use crate::hooks::{
    CiEvent, Pushed, Refusal,
    fields::{Sha, branch, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    before: Sha,
    after: Sha,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    repository: Repository,
    pusher: Option<Pusher>,
}

#[derive(Deserialize)]
struct Pusher {
    name: String,
}

pub(super) fn push(body: &[u8]) -> Result<CiEvent, Refusal> {
    let push: Push = json(body)?;
    let branch =
        branch(&push.reference).ok_or_else(|| Refusal::ignorable("push", "it is not about a branch"))?;
    let after = push.after.real();
    Ok(CiEvent::Pushed(Pushed {
        repo: push.repository.full_name.0,
        branch: branch.to_owned(),
        before: push.before.real(),
        deleted: push.deleted || after.is_none(),
        after: after.filter(|_| !push.deleted),
        forced: Some(push.forced),
        by: push.pusher.map(|pusher| pusher.name),
    }))
}
