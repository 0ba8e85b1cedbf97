//! GitHub's deployments: one of the commit that goes out, and one of the head of each pull request that comes with it, which is what
//! makes the page of the pull request show where it runs.
//!
//! Each carries the operation's id in its payload, and is looked for by it before it is made. GitHub takes earlier ones out of
//! environments that are not production by itself; those of production we take out, as far as we made them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use otus::operations::{Follower, Operation, State};
use otus::outbox::{Taken, Worked};
use otus::store::Deploy;
use otus::{Result, Services};
use otus_ci::github::{self, DeploymentState, DeploymentUpdate, GitHub, NewDeployment, Repository};
use serde::{Deserialize, Serialize};

use crate::{facts, texts};

/// Its name in the store, and for people.
pub(crate) const NAME: &str = "github-deployments";
/// What is live: by service and environment, the deployments that stand for it.
const LIVE: &str = "markers.live";
/// How long a row that is not there yet is waited for.
const SOON: SignedDuration = SignedDuration::from_secs(3);
/// The key in a payload by which a deployment is found again.
const OPERATION: &str = "operation";

/// Tells GitHub.
pub(crate) struct Deployments {
    pub(crate) github: Arc<GitHub>,
    /// Of at most so many pull requests.
    pub(crate) most_pulls: usize,
}

/// What is kept of a deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    /// The commits, the one that goes out first.
    commits: Vec<Target>,
    /// GitHub's numbers, by commit.
    made: BTreeMap<String, u64>,
    /// What each was last told, by GitHub's number.
    told: BTreeMap<u64, DeploymentWord>,
}

/// A commit that gets a deployment, and the pull request it is the head of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Target {
    sha: String,
    pull: Option<u64>,
}

/// As it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeploymentWord {
    InProgress,
    Success,
    Failure,
    Error,
    Inactive,
}

impl DeploymentWord {
    fn of(state: State) -> Self {
        match state {
            State::Succeeded => Self::Success,
            State::Failed | State::Cancelled => Self::Failure,
            State::Superseded => Self::Inactive,
            state if state.is_over() => Self::Error,
            _ => Self::InProgress,
        }
    }

    fn wire(self) -> DeploymentState {
        match self {
            Self::InProgress => DeploymentState::InProgress,
            Self::Success => DeploymentState::Success,
            Self::Failure => DeploymentState::Failure,
            Self::Error => DeploymentState::Error,
            Self::Inactive => DeploymentState::Inactive,
        }
    }
}

/// What stands for what is live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Live {
    operation: String,
    /// When its operation began, in nanoseconds: an older one never takes a newer one's place.
    began: i128,
    deployments: Vec<u64>,
}

#[async_trait]
impl Follower for Deployments {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, operation: &Operation) -> bool {
        facts::is_deploy(operation)
    }

    async fn tell(&self, services: &Services, operation: &Operation, item: &mut Taken) -> Result<Worked> {
        let over = operation.state.is_over();
        let Some(row) = facts::row(services, operation).await? else {
            // One that ended without a row has changed nothing.
            return Ok(if over { Worked::Over } else { Worked::Later(SOON) });
        };
        let service = services.catalog().services.get(&row.service);
        let repository = service.and_then(|service| service.repository.as_ref());
        let (Some(repository), Some(sha)) = (repository, facts::sha(&row)) else {
            return Ok(Worked::Over);
        };
        let repo: Repository = repository.parse()?;
        let mut notes: Notes = item.notes()?;
        if notes.commits.is_empty() {
            notes.commits = self.targets(&repo, sha, &row).await?;
            item.keep(&notes).await?;
        }
        self.make(services, &repo, operation, &row, &mut notes, item)
            .await?;
        self.update(services, &repo, operation, &mut notes, item).await?;
        if operation.state == State::Succeeded {
            self.replace(services, &repo, operation, &row, &notes).await?;
        }
        Ok(if over { Worked::Over } else { Worked::Done })
    }
}

impl Deployments {
    /// The commit that goes out, then the heads of the pull requests that come with it.
    async fn targets(&self, repo: &Repository, sha: &str, row: &Deploy) -> Result<Vec<Target>> {
        let mut all = vec![Target {
            sha: sha.to_owned(),
            pull: None,
        }];
        for number in facts::pulls(row).into_iter().take(self.most_pulls) {
            let pull = match self.github.pull(repo, number).await {
                Ok(pull) => pull,
                Err(github::Error::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            if pull.merged_at.is_some() && all.iter().all(|target| target.sha != pull.head_sha) {
                all.push(Target {
                    sha: pull.head_sha,
                    pull: Some(number),
                });
            }
        }
        Ok(all)
    }

    /// Makes what is not made yet.
    async fn make(
        &self,
        services: &Services,
        repo: &Repository,
        operation: &Operation,
        row: &Deploy,
        notes: &mut Notes,
        item: &mut Taken,
    ) -> Result {
        let catalog = services.catalog();
        let environment = facts::place(catalog, &row.service, &row.environment);
        let production = facts::is_last(catalog, &row.environment);
        for target in notes.commits.clone() {
            if notes.made.contains_key(&target.sha) {
                continue;
            }
            let known = self.github.deployments(repo, &target.sha, &environment).await?;
            let ours = known
                .into_iter()
                .find(|known| known.payload[OPERATION] == operation.id);
            let id = match ours {
                Some(ours) => Some(ours.id),
                None => {
                    let mut payload = BTreeMap::from([
                        (OPERATION.to_owned(), operation.id.clone()),
                        ("service".to_owned(), row.service.clone()),
                    ]);
                    payload.extend(facts::digest(row).map(|digest| ("digest".to_owned(), digest)));
                    let new = NewDeployment {
                        reference: target.sha.clone(),
                        environment: environment.clone(),
                        description: texts::deployment(row, target.pull),
                        production_environment: production,
                        transient_environment: false,
                        payload,
                    };
                    match self.github.create_deployment(repo, &new).await {
                        Ok(made) => Some(made.id),
                        // The head of a pull request from a fork may be gone with it; the others are told all the same.
                        Err(github::Error::Refused { status: 422, .. }) if target.pull.is_some() => None,
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            match id {
                Some(id) => drop(notes.made.insert(target.sha, id)),
                None => notes.commits.retain(|other| *other != target),
            }
            item.keep(notes).await?;
        }
        Ok(())
    }

    /// Tells each how the deploy stands, where that is not told yet.
    async fn update(
        &self,
        services: &Services,
        repo: &Repository,
        operation: &Operation,
        notes: &mut Notes,
        item: &mut Taken,
    ) -> Result {
        let word = DeploymentWord::of(operation.state);
        let log_url = match &operation.card {
            Some(card) => services.chat().link(card).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the link to a deploy's card is not known");
                None
            }),
            None => None,
        };
        for (index, target) in notes.commits.clone().into_iter().enumerate() {
            let Some(id) = notes.made.get(&target.sha).copied() else {
                continue;
            };
            if notes.told.get(&id) == Some(&word) {
                continue;
            }
            let update = DeploymentUpdate {
                state: word.wire(),
                description: texts::standing(operation),
                log_url: log_url.clone(),
                environment_url: None,
                // Only the first, which is the oldest of them: the others would take it out again.
                auto_inactive: index == 0,
            };
            self.github.update_deployment(repo, id, &update).await?;
            notes.told.insert(id, word);
            item.keep(notes).await?;
        }
        Ok(())
    }

    /// What was live here before is so no more.
    async fn replace(
        &self,
        services: &Services,
        repo: &Repository,
        operation: &Operation,
        row: &Deploy,
        notes: &Notes,
    ) -> Result {
        let store = services.store();
        let key = format!("{}/{}", row.service, row.environment);
        let found = store.entries(LIVE).await?;
        let found = found.into_iter().find(|known| known.key == key);
        let revision = found.as_ref().map_or(0, |known| known.revision);
        let before: Live = found
            .and_then(|known| serde_json::from_value(known.value).ok())
            .unwrap_or_default();
        let next = Live {
            operation: operation.id.clone(),
            began: row.began.as_nanosecond(),
            deployments: notes.made.values().copied().collect(),
        };
        if before.operation == next.operation {
            return Ok(());
        }
        let (older, newer) = if before.began > next.began {
            (&next, None)
        } else {
            (&before, Some(&next))
        };
        // Elsewhere GitHub has done it, when it was told of the success.
        let ours = facts::is_last(services.catalog(), &row.environment);
        for id in older.deployments.iter().filter(|_| ours) {
            let update = DeploymentUpdate {
                state: DeploymentState::Inactive,
                description: texts::replaced(row),
                log_url: None,
                environment_url: None,
                auto_inactive: false,
            };
            match self.github.update_deployment(repo, *id, &update).await {
                // Somebody deleted it.
                Ok(()) | Err(github::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(newer) = newer {
            let value = serde_json::to_value(newer)?;
            if !store.swap(LIVE, &key, revision, Some(&value), &[]).await? {
                anyhow::bail!("another deploy of {key} was told of meanwhile");
            }
        }
        Ok(())
    }
}
