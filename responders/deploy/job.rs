//! One deploy being applied: the change. The rollout is followed in [`crate::follow`], the end recorded in [`crate::record`].
//!
//! The engine owns the task, the lease and the card. What acts on the cluster is a step of the journal and carries the stamp of
//! this worker; what only looks is done anew by whoever takes the deploy up.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use otus::Result;
use otus::operations::{Attempt, Ending, Interrupted, Run, Wish};
use otus::store::Deploy;
use otus_kubernetes::{
    Applied, Bake, Change, Cluster, Clusters, Conflict, Error, Outcome, Running, Stamp, Step,
    apply as change_image, claim,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::again::Stopped;
use crate::canary::Tried;
use crate::card::{Asking, Face};
use crate::gates::Watch;
use crate::plan::Planned;
use crate::record::row;
use crate::settings::Settings;
use crate::state::State;
use crate::texts;

/// How often something is tried while the cluster does not answer.
pub(crate) const TRIES: u32 = 3;
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// The same, for a worker that comes after another one and does not know what that one did.
const MANY_TRIES: u32 = 30;

/// What the change became: the result of the journal's step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Made {
    /// The cluster accepted it.
    Applied {
        applied: Applied,
        previous: String,
        adopted: Option<Conflict>,
    },
    /// It ran there already.
    Live {
        since: Option<Timestamp>,
        by: Option<String>,
        ready: i32,
        total: i32,
    },
    /// Something else went out meanwhile, and this would go back.
    Older { runs: String },
    /// It was rejected here meanwhile, or what GitHub would have said about it could not be asked.
    Refused(String),
    /// Somebody else set the image.
    Conflict(Conflict),
    /// Somebody cancelled it in time.
    Untouched,
}

/// What is kept for whoever takes it up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// Set while the robot holds the rollout.
    pub(crate) held: Option<Held>,
    /// When the change counts as made, after it was held.
    pub(crate) made: Option<Timestamp>,
    /// The time of watching.
    pub(crate) bake: Option<Bake>,
    /// How many pods ran it when they had been watched for long enough.
    pub(crate) stable: Option<i32>,
    /// The gates, by their keys.
    pub(crate) gates: BTreeMap<String, Watch>,
    /// The step of its own at which the rollout waited last, and that somebody let it go on from.
    pub(crate) passed: Option<Place>,
    /// How the canary ended; from then on the rest is about the service itself.
    pub(crate) canary: Option<Tried>,
}

/// A rollout that the robot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Since when.
    pub(crate) since: Timestamp,
    /// The generation of the object that did it.
    pub(crate) generation: i64,
    /// New pods that served then.
    pub(crate) done: i32,
    /// Pods wanted.
    pub(crate) total: i32,
    /// The step of its own at which it waits; it is not held else.
    #[serde(default)]
    pub(crate) place: Option<Place>,
}

/// A step of the rollout's own, at which it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Which one.
    pub(crate) at: i32,
    /// Of how many.
    pub(crate) of: i32,
    /// Since when, which tells it from the same one of another attempt.
    pub(crate) since: Option<Timestamp>,
    /// Whether an analysis could not tell.
    pub(crate) inconclusive: bool,
}

impl From<&Step> for Place {
    fn from(step: &Step) -> Self {
        Place {
            at: step.at,
            of: step.of,
            since: step.since,
            inconclusive: step.inconclusive,
        }
    }
}

impl From<&Place> for Step {
    fn from(place: &Place) -> Self {
        Step {
            at: place.at,
            of: place.of,
            since: place.since,
            inconclusive: place.inconclusive,
        }
    }
}

/// One deploy being worked on.
pub(crate) struct Job {
    pub(crate) run: Run,
    pub(crate) settings: Settings,
    pub(crate) planned: Planned,
    pub(crate) stamp: Stamp,
    pub(crate) by: String,
    pub(crate) deploy: Deploy,
    pub(crate) kept: Kept,
    pub(crate) adopted: Option<Conflict>,
    pub(crate) good: Option<String>,
    /// What was done before the change.
    pub(crate) prepared: Vec<String>,
    /// What came of the canary.
    pub(crate) tried: Option<String>,
    /// What the gates were before the change.
    pub(crate) outset: BTreeMap<String, Option<f64>>,
    pub(crate) obstacle: Option<String>,
    /// What became of a rollout that failed.
    pub(crate) back: Option<String>,
    /// Somebody let a rollout go on in the cluster that the robot held: it is not held again for the same wish.
    pub(crate) overruled: bool,
    /// When the cluster may be asked again to pause or to go on.
    pub(crate) again: Option<Instant>,
}

/// Applies the plan of a run, or goes on with it.
pub(crate) async fn apply(settings: Settings, run: Run) -> Result<Ending> {
    let mut job = Job::new(settings, run)?;
    match AssertUnwindSafe(job.work()).catch_unwind().await {
        Ok(Ok(state)) => Ok(job.end(&state).await),
        Ok(Err(error)) if error.is::<Interrupted>() => Err(error),
        Ok(Err(error)) => {
            job.broke().await;
            Err(error)
        }
        Err(panic) => {
            job.broke().await;
            // The engine ends the operation and tells it.
            resume_unwind(panic)
        }
    }
}

impl Job {
    fn new(settings: Settings, run: Run) -> Result<Self> {
        let operation = run.operation();
        let planned: Planned = serde_json::from_value(operation.plan.details.clone())?;
        // Nothing is kept before the first time, and what an older version kept is worth no more than that.
        let kept = serde_json::from_value(operation.progress.clone()).unwrap_or_default();
        let started = operation.started.unwrap_or(operation.asked);
        Ok(Job {
            stamp: Stamp {
                operation: operation.id.clone(),
                generation: run.generation(),
                started,
            },
            by: operation.name.clone(),
            deploy: row(&operation, &planned, started),
            settings,
            planned,
            kept,
            adopted: None,
            good: None,
            prepared: Vec::new(),
            tried: None,
            outset: BTreeMap::new(),
            obstacle: None,
            back: None,
            overruled: false,
            again: None,
            run,
        })
    }

    /// From the beginning, or from wherever an earlier worker stopped, to the end.
    async fn work(&mut self) -> Result<State> {
        let clusters = self.run.services().resource::<Clusters>()?;
        let cluster = match clusters.get(&self.planned.workload.cluster).await {
            Ok(cluster) => cluster,
            Err(error) if self.run.resumed() => return Ok(State::Unsure(error.to_string())),
            Err(error) => return Ok(State::Refused(error.to_string())),
        };
        if self.run.resumed() {
            self.fence(&cluster).await?;
        }
        if let Some(state) = self.prepare(&cluster).await? {
            return Ok(state);
        }
        if let Some(state) = self.outset().await? {
            return Ok(state);
        }
        if let Some(state) = self.try_out(&cluster).await? {
            return Ok(state);
        }
        let made = self
            .run
            .step("apply", |attempt| self.make(&cluster, attempt))
            .await;
        match made {
            Ok(Made::Applied {
                applied,
                previous,
                adopted,
            }) => {
                self.deploy.previous = Some(previous);
                self.adopted = adopted;
                self.record().await;
                self.reject().await?;
                self.follow(&cluster, applied).await
            }
            Ok(Made::Live {
                since,
                by,
                ready,
                total,
            }) => Ok(State::AlreadyLive {
                since,
                by,
                ready,
                total,
            }),
            Ok(Made::Older { runs }) => Ok(State::Older { runs }),
            Ok(Made::Refused(why)) => Ok(State::Refused(why)),
            Ok(Made::Conflict(conflict)) => Ok(State::Drifted(conflict)),
            Ok(Made::Untouched) => Ok(State::Untouched),
            Err(error) => match sorted(error)? {
                Error::Outdated { operation, .. } => Ok(State::Outdated(operation)),
                error if is_unsure(&error) => Ok(State::Unsure(error.to_string())),
                error => Ok(State::Refused(error.to_string())),
            },
        }
    }

    /// Shuts out the worker before this one, which may only be asleep. Whatever acts later carries the stamp, too, so that a
    /// cluster that does not answer now is no reason to stop.
    async fn fence(&self, cluster: &Cluster) -> Result<()> {
        let claimed = self
            .patiently(TRIES, || claim(cluster, &self.planned.workload, &self.stamp))
            .await?;
        match claimed {
            Err(Error::Replaced { .. }) => Err(Interrupted.into()),
            Err(error) => {
                tracing::warn!(%error, operation = self.stamp.operation, "the workload could not be claimed");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Makes the change, unless it was made, or somebody wants otherwise.
    async fn make(&self, cluster: &Cluster, attempt: Attempt) -> Result<Made> {
        if attempt == Attempt::Again {
            // Begun before, perhaps done. Who asks shuts out the worker before, so that the answer stays true.
            let running = self
                .patiently(MANY_TRIES, || claim(cluster, &self.planned.workload, &self.stamp))
                .await??;
            if self.is_ours(&running) {
                return Ok(Made::Applied {
                    applied: Applied::of(&running, running.since.unwrap_or_else(Timestamp::now)),
                    previous: running.previous.unwrap_or(running.image),
                    adopted: None,
                });
            }
        }
        if !self.is_cleared().await? {
            return Ok(Made::Untouched);
        }
        if let Some(stopped) = self.stands(cluster).await? {
            return Ok(match stopped {
                Stopped::Older { runs } => Made::Older { runs },
                Stopped::Refused(why) => Made::Refused(why),
            });
        }
        self.show(&State::Applying).await;
        let change = Change {
            image: self.planned.image.clone(),
            version: self.planned.version.clone(),
            by: self.by.clone(),
            at: Timestamp::now(),
            stamp: self.stamp.clone(),
            force: self.planned.force,
        };
        let outcome = self
            .patiently(TRIES, || change_image(cluster, &self.planned.workload, &change))
            .await??;
        Ok(match outcome {
            Outcome::Applied {
                applied,
                previous,
                adopted,
            } => Made::Applied {
                applied,
                previous,
                adopted,
            },
            Outcome::AlreadyRunning { running, .. } if running.settled && !running.paused => Made::Live {
                since: running.since,
                by: running.by,
                ready: running.ready,
                total: running.replicas,
            },
            Outcome::AlreadyRunning { applied, running } => Made::Applied {
                applied,
                previous: running.image,
                adopted: None,
            },
            Outcome::Conflict(conflict) => Made::Conflict(conflict),
        })
    }

    fn is_ours(&self, running: &Running) -> bool {
        running.deploy.as_deref() == Some(self.stamp.operation.as_str())
            && running.image == self.planned.image
    }

    /// Waits before the change as long as somebody wants that. False when it is cancelled.
    pub(crate) async fn is_cleared(&self) -> Result<bool> {
        let mut held = self.run.operation().state == otus::operations::State::Paused;
        loop {
            match self.run.wish() {
                Wish::Cancel => return Ok(false),
                Wish::Go => {
                    if held {
                        self.run.held(false).await?;
                    }
                    return Ok(true);
                }
                Wish::Pause => {
                    self.show(&State::Waiting).await;
                    self.run.held(true).await?;
                    held = true;
                    tokio::select! {
                        () = self.run.over().cancelled() => return Err(Interrupted.into()),
                        _ = self.run.wish_changed() => {}
                    }
                }
            }
        }
    }

    pub(crate) async fn keep(&self) -> Result<()> {
        self.run.keep(serde_json::to_value(&self.kept)?).await
    }

    pub(crate) async fn show(&self, state: &State) {
        let (lines, asking) = (self.lines(), self.asking());
        self.run
            .show(self.face(state, &lines, asking.as_ref()).card())
            .await;
    }

    /// What was done beside the rollout, and what is measured.
    pub(crate) fn lines(&self) -> Vec<String> {
        let gates = self.kept.gates.values().map(texts::gate_line);
        let before = self.prepared.iter().chain(&self.tried).cloned();
        before.chain(gates).chain(self.back.clone()).collect()
    }

    /// What a person has to decide: one thing after the other.
    fn asking(&self) -> Option<Asking> {
        self.kept.gates.iter().find_map(|(key, watch)| {
            let (why, since) = watch.asks()?;
            Some(Asking {
                gate: key.clone(),
                question: texts::gate_asks(watch.name(), &why, since),
            })
        })
    }

    pub(crate) fn face<'a>(
        &'a self,
        state: &'a State,
        lines: &'a [String],
        asking: Option<&'a Asking>,
    ) -> Face<'a> {
        Face {
            deploy: &self.deploy,
            state,
            workload: &self.planned.workload,
            settings: &self.settings,
            adopted: self.adopted.as_ref(),
            resumed: self.run.resumed(),
            good: self.good.as_deref(),
            obstacle: self.obstacle.as_deref(),
            lines,
            asking,
            now: Timestamp::now(),
        }
    }

    /// Tries a few times while the cluster does not answer.
    pub(crate) async fn patiently<T, F>(
        &self,
        tries: u32,
        mut ask: impl FnMut() -> F + Send,
    ) -> Result<std::result::Result<T, Error>, Interrupted>
    where
        F: Future<Output = std::result::Result<T, Error>> + Send,
        T: Send,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match ask().await {
                Err(error) if error.is_passing() && attempt < tries => {
                    tracing::warn!(%error, operation = self.stamp.operation, "the cluster is asked again");
                    tokio::select! {
                        () = self.run.over().cancelled() => return Err(Interrupted),
                        () = sleep(PAUSE * attempt.min(2)) => {}
                    }
                }
                answer => return Ok(answer),
            }
        }
    }
}

/// What the cluster said, where it is that; a worker that was replaced is interrupted, and everything else is no answer.
pub(crate) fn sorted(error: anyhow::Error) -> Result<Error> {
    match error.downcast::<Error>() {
        Ok(Error::Replaced { .. }) => Err(Interrupted.into()),
        Ok(error) => Ok(error),
        Err(error) => Err(error),
    }
}

/// True when the change may have been made all the same.
pub(crate) fn is_unsure(error: &Error) -> bool {
    matches!(
        error,
        Error::TimedOut { .. } | Error::Unreachable { .. } | Error::Troubled { code: 504, .. }
    )
}
