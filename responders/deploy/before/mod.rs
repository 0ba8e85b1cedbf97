//! What is done before the change: run to its end first, and when it does not get there, nothing is changed.
//!
//! [`Step`] is what such a thing is to a deploy; [`job`] is the one there is: a Kubernetes Job.

mod config;
mod job;

use async_trait::async_trait;
use otus::operations::Change;
use otus::{Result, Service, UserError};
use otus_kubernetes::{Cluster, Image, Running};
use serde::{Deserialize, Serialize};

pub use self::config::{Before, Variable};
use crate::job::Job;
use crate::plan::Planned;
use crate::state::State;
use crate::texts;

/// Something to be done before the change.
///
/// Everything it does to the world goes through [`Run::step`](otus::operations::Run::step), so that whoever takes the deploy
/// up goes on with it where it was.
#[async_trait]
pub(crate) trait Step: Send + Sync {
    /// What it does, in few words, marked up.
    fn what(&self) -> String;

    /// Does it, or goes on with it, showing how it stands, until it has ended. Cancelled, it leaves nothing running.
    async fn run(&self, deploy: &Job, cluster: &Cluster) -> Result<Ended>;
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// Well: what to say of it.
    Done(String),
    /// Badly.
    Failed(Failure),
    /// Somebody cancelled the deploy before it had begun.
    NotBegun,
    /// Somebody cancelled the deploy while it ran: what became of it.
    Cancelled(String),
}

/// Why it failed, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Why.
    pub(crate) why: String,
    /// Its last lines, without what looks like a secret.
    pub(crate) log: Vec<String>,
    /// What to do about it.
    pub(crate) todo: String,
}

/// How it stands while it goes on, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How far it is.
    pub(crate) now: String,
    /// What is not well, though it may pass.
    pub(crate) trouble: Option<String>,
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
pub(crate) fn first(planned: &Planned, changes: Vec<Change>) -> Vec<Change> {
    let before = planned.before.as_ref().map(|before| Change {
        what: "runs first".into(),
        from: None,
        to: Some(texts::runs_first(&before.line())),
    });
    before.into_iter().chain(changes).collect()
}

impl Job {
    /// What the plan wants done before the change.
    fn before(&self) -> Option<Box<dyn Step>> {
        let before = self.planned.before.as_ref()?;
        let plan = before.job(&self.planned, &self.stamp);
        Some(Box::new(job::Beside::new(before, plan)))
    }

    /// Does what is to be done before the change, or goes on with it. A state, when the deploy ends here.
    pub(crate) async fn prepare(&mut self, cluster: &Cluster) -> Result<Option<State>> {
        let Some(step) = self.before() else {
            return Ok(None);
        };
        let state = match step.run(self, cluster).await? {
            Ended::Done(line) => {
                self.prepared = Some(line);
                return Ok(None);
            }
            Ended::Failed(failure) => State::Unprepared(failure),
            Ended::NotBegun => State::Untouched,
            Ended::Cancelled(what) => State::Stopped(texts::stopped_before(&what)),
        };
        Ok(Some(state))
    }
}
