//! Purpose: deployments, those of others among them.

use super::{Project, User};
use crate::hooks::{
    CiEvent, DeployState, Deployed, Refusal,
    fields::{Link, Sha, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Deployment {
    status: String,
    deployment_id: u64,
    environment: String,
    #[serde(default)]
    deployable_url: Link,
    commit_url: String,
    user: Option<User>,
    project: Project,
}

pub(super) fn deployment(body: &[u8]) -> Result<CiEvent, Refusal> {
    let deployment: Deployment = json(body)?;
    // The commit in full is only in its address; beside it there are just its first digits.
    let sha = deployment.commit_url.rsplit('/').next().and_then(Sha::parse);
    Ok(CiEvent::Deployed(Deployed {
        repo: deployment.project.path_with_namespace.0,
        sha: sha.and_then(Sha::real).ok_or_else(|| Refusal::Unreadable {
            why: "commit_url: it does not end in a commit".into(),
        })?,
        environment: deployment.environment,
        number: deployment.deployment_id,
        state: match deployment.status.as_str() {
            "created" | "blocked" => DeployState::Queued,
            "running" => DeployState::Running,
            "success" => DeployState::Success,
            "failed" => DeployState::Failure,
            "canceled" => DeployState::Cancelled,
            _ => DeployState::Unknown,
        },
        by: deployment.user.and_then(|user| user.username),
        url: deployment.deployable_url.0,
    }))
}
