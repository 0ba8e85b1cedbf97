//! Purpose: a branch moved.

use super::Project;
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
    user_username: Option<String>,
    project: Project,
}

pub(super) fn push(body: &[u8]) -> Result<CiEvent, Refusal> {
    let push: Push = json(body)?;
    let branch =
        branch(&push.reference).ok_or_else(|| Refusal::ignorable("Push Hook", "it is not about a branch"))?;
    let after = push.after.real();
    Ok(CiEvent::Pushed(Pushed {
        repo: push.project.path_with_namespace.0,
        branch: branch.to_owned(),
        before: push.before.real(),
        deleted: after.is_none(),
        after,
        forced: None,
        by: push.user_username,
    }))
}
