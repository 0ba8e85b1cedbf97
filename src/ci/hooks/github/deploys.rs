//! Purpose: deployments, those of others among them.

use super::{Repository, User};
use crate::hooks::{
    CiEvent, DeployState, Deployed, Refusal,
    fields::{Link, Sha, json},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Changed {
    deployment_status: Status,
    deployment: Deployment,
    repository: Repository,
}

#[derive(Deserialize)]
struct Status {
    state: String,
    creator: Option<User>,
    #[serde(default)]
    log_url: Link,
    #[serde(default)]
    target_url: Link,
}

#[derive(Deserialize)]
struct Deployment {
    id: u64,
    sha: Sha,
    environment: String,
}

pub(super) fn status(body: &[u8]) -> Result<CiEvent, Refusal> {
    let Changed {
        deployment_status: status,
        deployment,
        repository,
    } = json(body)?;
    Ok(CiEvent::Deployed(Deployed {
        repo: repository.full_name.0,
        sha: deployment.sha.real().ok_or_else(|| Refusal::Unreadable {
            why: "deployment.sha: zeros are no commit".into(),
        })?,
        environment: deployment.environment,
        number: deployment.id,
        state: match status.state.as_str() {
            "queued" | "pending" | "waiting" => DeployState::Queued,
            "in_progress" => DeployState::Running,
            "success" => DeployState::Success,
            "failure" | "error" => DeployState::Failure,
            "inactive" => DeployState::Inactive,
            _ => DeployState::Unknown,
        },
        by: status.creator.map(|user| user.login),
        url: status.log_url.0.or(status.target_url.0),
    }))
}
