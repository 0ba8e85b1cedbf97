//! Metrics that a deploy must stay within: asked before it begins, and while it is watched.
//!
//! What decides is `otus_monitoring::gate`; here stand when it is asked, what of it is kept for whoever takes the deploy up, and how
//! people answer when there is no data.

pub(crate) mod answer;
mod outset;
mod plan;
mod sampler;
mod watch;

use otus::Result;
use otus::operations::Interrupted;
use otus_kubernetes::Cluster;
use otus_monitoring::Prometheus;
use otus_monitoring::gate::Vars;

pub(crate) use self::plan::{Checked, check};
pub(crate) use self::sampler::{Sample, Sampler};
pub(crate) use self::watch::Watch;
use crate::job::Job;
use crate::state::{Gated, State};
use crate::texts;

impl Job {
    /// Begins to ask the gates of a change that was made then, or goes on with it.
    pub(crate) fn watch_gates(&mut self, made: jiff::Timestamp) -> Result<Sampler> {
        for (key, config) in self.planned.gates.iter() {
            let before = self.outset.get(key).copied().flatten();
            let begun = || Watch::new(config.clone(), made, before);
            self.kept.gates.entry(key.clone()).or_insert_with(begun);
        }
        let prometheus = match self.kept.gates.is_empty() {
            true => None,
            false => Some(self.run.services().resource::<Prometheus>()?),
        };
        let vars = Vars {
            service: self.deploy.service.clone(),
            env: self.deploy.environment.clone(),
            version: self.deploy.version.clone(),
            since: std::time::Duration::ZERO,
        };
        Ok(Sampler::new(prometheus, vars, made))
    }

    /// The pods are all new: from now on the gates can be passed.
    pub(crate) async fn bake_gates(&mut self) -> Result<()> {
        let now = jiff::Timestamp::now();
        let mut begins = false;
        for watch in self.kept.gates.values_mut() {
            begins |= watch.bake(now);
        }
        if begins { self.keep().await } else { Ok(()) }
    }

    /// Takes in a sample.
    pub(crate) async fn sampled(&mut self, sample: Sample) -> Result<()> {
        if let Some(watch) = self.kept.gates.get_mut(&sample.gate) {
            watch.feed(sample.at, sample.outcome);
        }
        self.keep().await
    }

    /// Whether somebody has to answer for a gate.
    pub(crate) fn is_asking(&self) -> bool {
        self.kept.gates.values().any(|watch| watch.asks().is_some())
    }

    /// Whether all gates are passed.
    pub(crate) fn is_through(&self) -> bool {
        self.kept.gates.values().all(Watch::is_passed)
    }

    /// What the gates have decided: a state, when the deploy ends by it. Where old pods still serve, the rollout is paused first.
    pub(crate) async fn gated(&mut self, cluster: &Cluster, last: &State) -> Result<Option<State>> {
        if self.run.over().is_cancelled() {
            return Err(Interrupted.into());
        }
        let failed = self.kept.gates.values().find_map(|watch| {
            let failure = watch.failure()?;
            Some(texts::gate_failed(watch.name(), &failure, watch.answered()))
        });
        // Before the first look at the pods nobody could say what serves; that look is about to come.
        if let Some(why) = failed.filter(|_| *last != State::Applying) {
            let (halt, done, total) = self.stop(cluster, last).await?;
            return Ok(Some(State::Gated(Gated {
                why,
                halt,
                done,
                total,
            })));
        }
        let through = self.kept.stable.filter(|_| self.is_through());
        Ok(through.map(|pods| State::Live { pods }))
    }
}
