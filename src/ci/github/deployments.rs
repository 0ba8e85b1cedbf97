//! Purpose: telling GitHub of a deploy, so that commits and pull requests show where they run.
//!
//! Two defaults of GitHub are traps: `auto_merge` would merge the default branch in and make no deployment, and
//! `required_contexts` would demand every status to be green. Otus has its own gate, so both are switched off.

use super::{
    call::{Body, Who},
    client::GitHub,
    error::{Error, Result},
    pages::List,
    refusals::odd,
    repo::Repository,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MOST: usize = 300;

/// A deploy to be told of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewDeployment {
    /// What goes out: best the full sha.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where to.
    pub environment: String,
    /// A sentence for people.
    pub description: String,
    /// Whether people outside use that environment.
    pub production_environment: bool,
    /// Whether that environment will go away.
    pub transient_environment: bool,
    /// Whatever the one who tells wants to find again: the operation, the image's digest.
    pub payload: BTreeMap<String, String>,
}

/// A deploy GitHub knows of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// GitHub's number for it.
    pub id: u64,
    /// The full sha that goes out.
    pub sha: String,
    /// Where to.
    pub environment: String,
    /// What was told with it; any shape, because others make deployments too.
    #[serde(default)]
    pub payload: serde_json::Value,
}

/// How a deploy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Waiting.
    Queued,
    /// Under way.
    InProgress,
    /// It runs.
    Success,
    /// It does not run.
    Failure,
    /// The deploying itself went wrong.
    Error,
    /// Something else runs there now.
    Inactive,
}

/// A deploy's new state.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentUpdate {
    /// How it stands.
    pub state: DeploymentState,
    /// A sentence for people. GitHub takes 140 characters; the rest is cut off.
    pub description: String,
    /// Where the deploy can be watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Where what was deployed can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
    /// Whether a success makes the environment's earlier deployments inactive.
    pub auto_inactive: bool,
}

impl GitHub {
    /// Tells of a deploy. It is sent once: after an error nobody knows whether it was made, and [`deployments`] says.
    ///
    /// [`deployments`]: GitHub::deployments
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn create_deployment(&self, repo: &Repository, new: &NewDeployment) -> Result<Deployment> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            new: &'a NewDeployment,
            auto_merge: bool,
            required_contexts: [&'a str; 0],
        }
        let what = format!(
            "a deployment of {} to {} in {repo}",
            new.reference, new.environment
        );
        let mut new = new.clone();
        new.description = short(&new.description);
        let wire = Wire {
            new: &new,
            auto_merge: false,
            required_contexts: [],
        };
        let body = serde_json::to_value(&wire).map_err(|error| odd(&what, error.to_string()))?;
        let path = ["repos", repo.owner(), repo.name(), "deployments"];
        let answer = self
            .post(Who::Installation, &path, Body::Json(body), &what)
            .await?;
        if answer.status.as_u16() != 201 {
            return Err(odd(
                &what,
                format!("HTTP {} and no deployment", answer.status.as_u16()),
            ));
        }
        self.parse(&answer, &what)
    }

    /// Whether this token may tell of deploys. Nothing is made: it asks for a deployment of a commit that no repository has, which
    /// GitHub refuses for that reason only where it would have made one.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn may_tell_deployments(&self, repo: &Repository) -> Result<()> {
        let nothing = NewDeployment {
            reference: "0".repeat(40),
            environment: "otus-check".into(),
            ..NewDeployment::default()
        };
        match self.create_deployment(repo, &nothing).await {
            Ok(_) | Err(Error::Refused { status: 422, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tells how a deploy stands. It is sent once; to send it again after an error does no harm.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn update_deployment(
        &self,
        repo: &Repository,
        id: u64,
        update: &DeploymentUpdate,
    ) -> Result<()> {
        let what = format!("a status of deployment {id} in {repo}");
        let update = DeploymentUpdate {
            description: short(&update.description),
            ..update.clone()
        };
        let body = serde_json::to_value(&update).map_err(|error| odd(&what, error.to_string()))?;
        let id = id.to_string();
        let path = ["repos", repo.owner(), repo.name(), "deployments", &id, "statuses"];
        self.post(Who::Installation, &path, Body::Json(body), &what)
            .await
            .map(drop)
    }

    /// The deployments of a commit to an environment, the newest first.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn deployments(
        &self,
        repo: &Repository,
        sha: &str,
        environment: &str,
    ) -> Result<Vec<Deployment>> {
        let what = format!("deployments of {sha} to {environment} in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "deployments"];
        let open = |answer: &_, all: &mut Vec<Deployment>| {
            all.extend(self.parse::<Vec<Deployment>>(answer, &what)?);
            Ok(true)
        };
        let query = [("sha", sha), ("environment", environment)];
        Ok(self
            .pages(List::new(&path, &query, &what, MOST), open)
            .await?
            .items)
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(140) {
        None => text.to_owned(),
        Some(_) => text.chars().take(139).chain(['…']).collect(),
    }
}
