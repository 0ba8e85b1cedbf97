//! Purpose: deployments and their statuses, with the two traps of making one: `auto_merge` and `required_contexts`.

use super::{
    answers::{Answer, Failure, Page, Query, answer},
    control::Repository,
    payloads,
    routes::{key, of, within},
    server::Shared,
    shapes::Shapes,
    world::{Deployment, DeploymentStatus, Repo},
};
use axum::{
    Json,
    extract::{Path, Query as Asked, State},
    http::{StatusCode, Uri},
};
use serde_json::{Value, json};
use std::sync::Arc;

type Server = State<Arc<Shared>>;

/// A deployment as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentSeen {
    /// Its number.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// Where to.
    pub environment: String,
    /// What was sent to make it.
    pub asked: Value,
    /// Its states, the first one first.
    pub states: Vec<String>,
    /// Where the last one says that it can be watched.
    pub log_url: Option<String>,
}

impl Repository {
    /// All deployments, the oldest first.
    #[must_use]
    pub fn deployments(&self) -> Vec<DeploymentSeen> {
        let world = self.shared.world();
        let repo = world.repositories.get(&self.key);
        let all = repo.into_iter().flat_map(|repo| &repo.deployments);
        all.map(|known| DeploymentSeen {
            id: known.id,
            sha: known.sha.clone(),
            environment: known.environment.clone(),
            asked: known.asked.clone(),
            states: known.statuses.iter().map(|status| status.state.clone()).collect(),
            log_url: known
                .statuses
                .last()
                .and_then(|status| status.asked["log_url"].as_str().map(str::to_owned)),
        })
        .collect()
    }
}

pub(super) async fn list(
    State(shared): Server,
    Path((owner, repo)): Path<(String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let wanted = |deployment: &&Deployment| {
            of(&query, "sha").is_none_or(|sha| deployment.sha == sha)
                && of(&query, "ref").is_none_or(|reference| deployment.reference == reference)
                && of(&query, "environment").is_none_or(|name| deployment.environment == name)
        };
        let all = repo
            .deployments
            .iter()
            .rev()
            .filter(wanted)
            .map(|deployment| shapes.deployment(deployment));
        Page::new(&shared.url, uri.path(), &query).list(all.collect())
    })
}

pub(super) async fn create(
    State(shared): Server,
    Path((owner, repo)): Path<(String, String)>,
    Json(asked): Json<Value>,
) -> Answer {
    let mut world = shared.world();
    let (id, at) = (world.id(), world.now());
    let repo = world
        .repositories
        .get_mut(&key(&owner, &repo))
        .ok_or_else(Failure::not_found)?;
    let reference = asked["ref"]
        .as_str()
        .ok_or_else(|| Failure::invalid("Invalid request. \"ref\" wasn't supplied."))?;
    let no_ref = || Failure::invalid(format!("No ref found for: {reference}"));
    let sha = repo.resolve(reference).ok_or_else(no_ref)?.sha.clone();
    if asked["auto_merge"] != false && is_behind(repo, &sha) {
        let message = format!("Auto-merged main into {reference} on deployment.");
        return Ok(answer(StatusCode::ACCEPTED, &json!({"message": message})));
    }
    let bad = |name: &str| {
        repo.statuses_of(&sha)
            .iter()
            .any(|status| status.context == name && status.state != "success")
    };
    let conflict = match asked["required_contexts"].as_array() {
        Some(names) => names
            .iter()
            .filter_map(Value::as_str)
            .any(|name| bad(name) || !repo.statuses_of(&sha).iter().any(|status| status.context == name)),
        None => repo
            .statuses_of(&sha)
            .iter()
            .any(|status| status.state != "success"),
    };
    if conflict {
        let message = format!("Conflict: Commit status checks failed for {reference}.");
        return Err(Failure(StatusCode::CONFLICT, message));
    }
    let environment = asked["environment"].as_str().unwrap_or("production").to_owned();
    let reference = reference.to_owned();
    let deployment = Deployment {
        id,
        sha,
        reference,
        asked,
        environment,
        at,
        statuses: Vec::new(),
    };
    repo.deployments.push(deployment.clone());
    Ok(answer(
        StatusCode::CREATED,
        &Shapes {
            api: &shared.url,
            repo,
        }
        .deployment(&deployment),
    ))
}

/// Whether the default branch has commits that this one was not built on.
fn is_behind(repo: &Repo, sha: &str) -> bool {
    let main = repo.branches.get("main");
    main.and_then(|main| repo.graph.compare(main, sha))
        .is_some_and(|between| between.behind > 0)
}

fn number(repo: &Repo, id: u64) -> Result<usize, Failure> {
    repo.deployments
        .iter()
        .position(|deployment| deployment.id == id)
        .ok_or_else(Failure::not_found)
}

pub(super) async fn statuses(
    State(shared): Server,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let deployment = &repo.deployments[number(repo, id)?];
        let all = deployment
            .statuses
            .iter()
            .rev()
            .map(|status| shapes.deployment_status(deployment, status));
        Page::new(&shared.url, uri.path(), &query).list(all.collect())
    })
}

pub(super) async fn tell(
    State(shared): Server,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    Json(asked): Json<Value>,
) -> Answer {
    let mut world = shared.world();
    let (status_id, at) = (world.id(), world.now());
    let name = key(&owner, &repo);
    let repo = world.repositories.get_mut(&name).ok_or_else(Failure::not_found)?;
    let number = number(repo, id)?;
    let state = asked["state"].as_str().unwrap_or_default().to_owned();
    if !matches!(
        state.as_str(),
        "error" | "failure" | "inactive" | "in_progress" | "queued" | "pending" | "success"
    ) {
        return Err(Failure::invalid("Validation Failed"));
    }
    let environment = repo.deployments[number].environment.clone();
    if state == "success" && asked["auto_inactive"] != false {
        // What was there before is not any more, but for what is transient or in production: GitHub leaves those alone.
        let is_kept = |other: &Deployment| {
            let is = |key: &str| other.asked[key].as_bool();
            let production = is("production_environment").unwrap_or(other.environment == "production");
            production || is("transient_environment") == Some(true)
        };
        let prior = repo.deployments.iter_mut().take(number);
        for other in prior.filter(|other| !is_kept(other)) {
            let alive = other
                .statuses
                .last()
                .is_some_and(|status| status.state == "success");
            if other.id != id && other.environment == environment && alive {
                let inactive = json!({"state": "inactive"});
                let (id, state) = (status_id, "inactive".to_owned());
                other.statuses.push(DeploymentStatus {
                    id,
                    state,
                    asked: inactive,
                    at,
                });
            }
        }
    }
    let status = DeploymentStatus {
        id: status_id,
        state,
        asked,
        at,
    };
    repo.deployments[number].statuses.push(status.clone());
    let shapes = Shapes {
        api: &shared.url,
        repo,
    };
    let body = shapes.deployment_status(&repo.deployments[number], &status);
    let payload = payloads::deployment_status(shapes, &repo.deployments[number], &status);
    payloads::send(&shared, &mut world, &name, "deployment_status", payload);
    Ok(answer(StatusCode::CREATED, &body))
}
