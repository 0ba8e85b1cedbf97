//! A canary: a few pods of the new version, watched before the service itself is changed. When they are not well, or a gate is not passed,
//! they go, and nothing else was changed.

mod config;
mod follow;

use std::time::Duration;

use otus::operations::{Attempt, Change, Failure, Interrupted, Standing};
use otus::{Environment, Result, Service, UserError};
use otus_kubernetes::canary::{self as engine, Removed};
use otus_kubernetes::{Applied, Cluster, Error, Image, Kind, Running, Workload};
use serde::{Deserialize, Serialize};

pub use self::config::Canary;
use crate::job::{Job, TRIES, is_unsure, sorted};
use crate::plan::Planned;
use crate::state::State;
use crate::texts;

/// The names of its steps in the journal.
const BEGIN: &str = "canary: begin";
const END: &str = "canary: end";
/// How long its pods may take to stop before that is told instead.
const STOPPING: Duration = Duration::from_secs(45);

/// How it ended: kept until its pods are gone, and the deploy ends or goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tried {
    /// So many pods stayed well, and all gates are passed.
    Passed(i32),
    /// It did not do well.
    Failed(Failure),
    /// Somebody cancelled the deploy.
    Cancelled,
}

/// Whether a canary goes first where a service is deployed, for whoever checks what is allowed there.
#[must_use]
pub fn has_canary(service: &Service, environment: &Environment) -> bool {
    matches!(read(service, environment), Ok(Some(_)))
}

/// The section, where it is meant for this environment.
fn read(service: &Service, environment: &Environment) -> Result<Option<Canary>> {
    let Some(section) = service.canary.clone() else {
        return Ok(None);
    };
    // What cannot be read is found when the configuration is; this is for whoever made the catalog otherwise.
    let canary: Canary = serde_json::from_value(section.into())
        .map_err(|error| UserError::new(texts::bad_canary(&service.name, &error.to_string())))?;
    let here = canary.environments.is_empty() || canary.environments.contains(&environment.name);
    Ok(here.then_some(canary))
}

/// What the configuration wants tried out first. Nothing, where the image is wanted already, or no pod is.
pub(crate) fn wanted(
    service: &Service,
    environment: &Environment,
    workload: &Workload,
    running: &Running,
    image: &Image,
) -> Result<Option<Canary>> {
    let canary = read(service, environment)?;
    let canary = canary.filter(|_| running.image != image.to_string() && running.replicas > 0);
    if canary.is_some() && workload.kind != Kind::Deployment {
        return Err(UserError::new(texts::no_canary_of(&service.name, workload.kind)).into());
    }
    Ok(canary)
}

/// The changes, with the canary before them.
pub(crate) fn first(planned: &Planned, changes: Vec<Change>) -> Vec<Change> {
    let canary = planned.canary.as_ref().map(|canary| Change {
        what: "canary".into(),
        from: None,
        to: Some(texts::canary_planned(canary)),
    });
    canary.into_iter().chain(changes).collect()
}

/// What people should know of it before it begins: who counts its pods, too, and what another deploy left.
pub(crate) async fn notes(cluster: &Cluster, planned: &Planned) -> Vec<String> {
    if planned.canary.is_none() {
        return Vec::new();
    }
    let mut notes = vec![texts::canary_counts(&planned.workload.name)];
    match engine::standing(cluster, &planned.workload).await {
        Ok(Some(left)) => notes.push(texts::canary_left(&engine::beside(&planned.workload).name, &left)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "what a canary left cannot be looked for"),
    }
    notes
}

impl Job {
    /// Tries the new version out on a few pods, or goes on with that. A state, when the deploy ends here.
    pub(crate) async fn try_out(&mut self, cluster: &Cluster) -> Result<Option<State>> {
        let Some(canary) = self.planned.canary.clone() else {
            return Ok(None);
        };
        let begun = self
            .run
            .step(BEGIN, |attempt| self.begin_canary(cluster, &canary, attempt))
            .await;
        let applied = match begun {
            Ok(Some(applied)) => applied,
            Ok(None) => return Ok(Some(State::Untouched)),
            Err(error) => return self.not_begun(sorted(error)?).map(Some),
        };
        let tried = match self.kept.canary.clone() {
            Some(tried) => tried,
            None => {
                let tried = self.follow_canary(cluster, applied, &canary).await?;
                // What was kept was about the canary; the service itself begins anew.
                self.kept = crate::job::Kept {
                    canary: Some(tried.clone()),
                    ..Default::default()
                };
                self.keep().await?;
                tried
            }
        };
        let left: Option<String> = self.run.step(END, |_| self.clear_canary(cluster)).await?;
        Ok(match tried {
            Tried::Passed(pods) => {
                let line = texts::canary_passed(pods, canary.bake);
                self.tried = Some(
                    [Some(line), left]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(". "),
                );
                None
            }
            Tried::Failed(failure) => {
                let gone = left.unwrap_or_else(|| texts::canary_gone().to_owned());
                Some(State::Unprepared(Failure {
                    todo: format!("{gone} {}", failure.todo),
                    ..failure
                }))
            }
            Tried::Cancelled => Some(State::Stopped(texts::canary_cancelled(left))),
        })
    }

    /// Makes the canary, or finds it. None when somebody cancelled the deploy before there was one.
    async fn begin_canary(
        &self,
        cluster: &Cluster,
        canary: &Canary,
        attempt: Attempt,
    ) -> Result<Option<Applied>> {
        if !self.is_cleared().await? {
            if attempt == Attempt::Again {
                self.clear_canary(cluster).await?;
            }
            return Ok(None);
        }
        self.show(&State::Preparing(Standing {
            now: texts::canary_begins(),
            ..Standing::default()
        }))
        .await;
        // What does not exist yet carries no stamp that could keep an older worker from making it.
        self.run.certain().await?;
        let wanted = engine::Canary {
            workload: self.planned.workload.clone(),
            image: self.planned.image.clone(),
            version: self.planned.version.clone(),
            by: self.by.clone(),
            size: canary.size,
        };
        let made = self.patiently(TRIES, || engine::start(cluster, &wanted, &self.stamp));
        Ok(Some(made.await??))
    }

    /// There is none, or nobody knows.
    fn not_begun(&self, error: Error) -> Result<State> {
        if let Error::Outdated { operation, .. } = error {
            return Ok(State::Outdated(operation));
        }
        let place = engine::beside(&self.planned.workload);
        Ok(State::Unprepared(Failure {
            why: texts::canary_not_made(&error.to_string()),
            log: Vec::new(),
            todo: match is_unsure(&error) {
                true => texts::canary_find(&place.name, &place.namespace),
                false => String::new(),
            },
        }))
    }

    /// Deletes the canary. Answers what is left of it, in words, if anything is.
    async fn clear_canary(&self, cluster: &Cluster) -> Result<Option<String>> {
        let place = engine::beside(&self.planned.workload);
        let removed = self
            .patiently(TRIES, || {
                engine::remove(cluster, &self.planned.workload, &self.stamp, STOPPING)
            })
            .await?;
        match removed {
            Ok(Removed::Gone) => Ok(None),
            Ok(Removed::Going) => Ok(Some(texts::canary_going(&place.name, &place.namespace))),
            Err(Error::Replaced { .. }) => Err(Interrupted.into()),
            Err(error) => Ok(Some(texts::canary_stays(
                &place.name,
                &place.namespace,
                &error.to_string(),
            ))),
        }
    }
}
