//! What is done before the change: run to its end first, and when it does not get there, nothing is changed.
//!
//! Two kinds of things: the parts of others ([`otus::operations::Before`]), which know nothing of deploys, and a Kubernetes Job of
//! this crate's own ([`job`]), which needs the workload's cluster and the deploy's stamp. Both end alike.

mod config;
mod job;

use async_trait::async_trait;
use otus::operations::{Change, Desk, Ended, Need, Part, Release, Standing};
use otus::{Environment, Result, Service, Services, UserError};
use otus_kubernetes::{Cluster, Image, Running};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::config::{Before, Variable};
use crate::job::Job;
use crate::plan::Planned;
use crate::state::State;
use crate::texts;

/// Somebody else's part, planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Whose: [`otus::operations::Before::name`].
    pub(crate) name: String,
    /// What doing it needs to know.
    pub(crate) details: Value,
}

/// All parts of others, planned.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// What is kept for applying.
    pub(crate) prepared: Vec<Prepared>,
    /// What will be different.
    pub(crate) changes: Vec<Change>,
    /// What to think about first.
    pub(crate) warnings: Vec<String>,
    /// Good to know.
    pub(crate) notes: Vec<String>,
    /// Who has to agree because of it.
    pub(crate) needs: Vec<Need>,
}

/// Asks everybody who may have something to do first. Nobody, where the image is wanted already: then it was done, or came too late.
pub(crate) async fn parts(
    services: &Services,
    (service, environment): (&Service, &Environment),
    (version, commit): (&str, Option<&str>),
    running: &Running,
    image: &Image,
) -> Result<Parts> {
    let mut all = Parts::default();
    if running.image == image.to_string() {
        return Ok(all);
    }
    let release = Release {
        service: service.name.clone(),
        environment: environment.name.clone(),
        version: version.to_owned(),
        image: image.to_string(),
        commit: commit.map(str::to_owned),
    };
    for action in services.operations().before() {
        let Some(before) = action.before() else { continue };
        let Some(part) = before.plan(services, &release).await? else {
            continue;
        };
        let Part {
            changes,
            warnings,
            notes,
            needs,
            details,
        } = part;
        all.changes.extend(changes);
        all.warnings.extend(warnings);
        all.notes.extend(notes);
        all.needs.extend(needs);
        if !details.is_null() {
            all.prepared.push(Prepared {
                name: before.name().to_owned(),
                details,
            });
        }
    }
    Ok(all)
}

/// What the configuration wants run before the change. Nothing, where the image is wanted already: then it ran, or came too late.
pub(crate) fn wanted(service: &Service, running: &Running, image: &Image) -> Result<Option<Before>> {
    let section = service
        .before
        .clone()
        .filter(|_| running.image != image.to_string());
    let Some(section) = section else {
        return Ok(None);
    };
    // What cannot be read is found when the configuration is; this is for whoever made the catalog otherwise.
    let read = serde_json::from_value(section.into());
    let read = read.map_err(|error| UserError::new(texts::bad_before(&service.name, &error.to_string())));
    Ok(Some(read?))
}

/// The changes, with what is run first before them.
pub(crate) fn first(planned: &Planned, parts: Vec<Change>, changes: Vec<Change>) -> Vec<Change> {
    let before = planned.before.as_ref().map(|before| Change {
        what: "runs first".into(),
        from: None,
        to: Some(texts::runs_first(&before.line())),
    });
    parts.into_iter().chain(before).chain(changes).collect()
}

#[async_trait]
impl Desk for Job {
    async fn show(&self, standing: Standing) {
        Job::show(self, &State::Preparing(standing)).await;
    }
}

impl Job {
    /// Does what is to be done before the change, or goes on with it. A state, when the deploy ends here.
    pub(crate) async fn prepare(&mut self, cluster: &Cluster) -> Result<Option<State>> {
        for prepared in self.planned.prepared.clone() {
            if let Some(state) = self.part(&prepared).await? {
                return Ok(Some(state));
            }
        }
        let Some(before) = &self.planned.before else {
            return Ok(None);
        };
        let plan = before.job(&self.planned, &self.stamp);
        let ended = job::Beside::new(before, plan).run(self, cluster).await?;
        Ok(self.after(ended))
    }

    /// Somebody else's part.
    async fn part(&mut self, prepared: &Prepared) -> Result<Option<State>> {
        let actions = self.run.services().operations().before();
        let found = actions
            .iter()
            .filter_map(|action| action.before())
            .find(|before| before.name() == prepared.name);
        let Some(before) = found else {
            // Whoever planned it had it; this process was configured otherwise.
            return Ok(Some(State::Refused(texts::part_is_gone(&prepared.name))));
        };
        let ended = before.run(&self.run, &prepared.details, &*self).await?;
        Ok(self.after(ended))
    }

    fn after(&mut self, ended: Ended) -> Option<State> {
        Some(match ended {
            Ended::Done(line) => {
                self.prepared.push(line);
                return None;
            }
            Ended::Failed(failure) => State::Unprepared(failure),
            Ended::NotBegun => State::Untouched,
            Ended::Cancelled(what) => State::Stopped(texts::stopped_before(&what)),
        })
    }
}
