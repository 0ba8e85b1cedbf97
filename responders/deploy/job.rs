//! One deploy being applied: the change, the rollout, the end.
//!
//! The engine owns the task, the lease and the card. What acts on the cluster is a step of the journal and carries the stamp of
//! this worker; what only looks is done anew by whoever takes the deploy up.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use otus::Result;
use otus::operations::{Attempt, Ending, Interrupted, Operation, Run, Wish};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus_kubernetes::{
    Applied, Bake, Change, Cluster, Clusters, Conflict, Error, Image, Outcome, Progress, Rollout, Running,
    Stamp, Verdict, apply as change_image, claim, pause, resume,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::card::Face;
use crate::plan::Planned;
use crate::settings::Settings;
use crate::state::{Halt, State};
use crate::texts;

/// How often something is tried while the cluster does not answer.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// The same, for a worker that comes after another one and does not know what that one did.
const MANY_TRIES: u32 = 30;
/// How long to wait before the cluster is asked again to pause or to go on.
const RETRY: Duration = Duration::from_secs(2);

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
    /// Somebody else set the image.
    Conflict(Conflict),
    /// Somebody cancelled it in time.
    Untouched,
}

/// What is kept for whoever takes it up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Since when the robot holds the rollout.
    held: Option<Timestamp>,
    /// When the change counts as made, after it was held.
    made: Option<Timestamp>,
    /// The time of watching.
    bake: Option<Bake>,
}

/// One deploy being worked on.
struct Job {
    run: Run,
    settings: Settings,
    planned: Planned,
    stamp: Stamp,
    by: String,
    deploy: Deploy,
    kept: Kept,
    adopted: Option<Conflict>,
    good: Option<String>,
    obstacle: Option<String>,
    /// When the cluster may be asked again to pause or to go on.
    again: Option<Instant>,
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
            obstacle: None,
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
    async fn is_cleared(&self) -> Result<bool> {
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

    /// Watches the rollout to its end, doing what somebody wants meanwhile.
    async fn follow(&mut self, cluster: &Cluster, applied: Applied) -> Result<State> {
        let applied = Applied {
            at: self.kept.made.unwrap_or(applied.at),
            ..applied
        };
        let workload = self.planned.workload.clone();
        let mut rollout = Rollout::follow(cluster.clone(), workload, applied, self.settings.into())
            .baking(self.kept.bake.clone());
        if let Some(since) = self.kept.held {
            rollout.hold(since);
        }
        let mut last = State::Applying;
        loop {
            let wish = self.run.wish();
            if wish == Wish::Cancel {
                return self.halt(cluster, &last).await;
            }
            self.heed(wish, cluster, &mut rollout, &mut last).await?;
            let next = tokio::select! {
                biased;
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                _ = self.run.wish_changed() => {
                    self.again = None;
                    continue;
                }
                next = rollout.next() => next,
            };
            let Some(progress) = next else {
                // Only a pause of somebody else's ends a rollout without a verdict that is an end.
                let by = match last {
                    State::Paused { by, .. } => by,
                    _ => None,
                };
                return Ok(State::LeftPaused { by });
            };
            let Progress { verdict, outage } = match progress {
                Ok(progress) => progress,
                Err(error) => return Ok(State::Lost(error.to_string())),
            };
            if rollout.bake() != self.kept.bake.as_ref() {
                self.kept.bake = rollout.bake().cloned();
                self.keep().await?;
            }
            let state = match verdict {
                Verdict::Paused { .. } if self.kept.held.is_some() => {
                    let (done, total) = last.counts().unwrap_or_default();
                    State::Held { done, total }
                }
                verdict => State::of(verdict, outage),
            };
            if state.recorded() != DeployState::Running {
                return Ok(state);
            }
            self.show(&state).await;
            last = state;
        }
    }

    /// Pauses the rollout or lets it go on, as somebody wants it. What does not work is tried again later.
    async fn heed(
        &mut self,
        wish: Wish,
        cluster: &Cluster,
        rollout: &mut Rollout,
        last: &mut State,
    ) -> Result<()> {
        let is_held = self.kept.held.is_some();
        // Paused by a worker before this one that could not say so any more.
        let left = matches!(&*last, State::Paused { by, .. } if by.as_deref() == Some(cluster.manager()));
        let holds = match wish {
            Wish::Pause if !is_held => true,
            Wish::Go if is_held || left => false,
            _ => {
                self.obstacle = None;
                return Ok(());
            }
        };
        if self.again.is_some_and(|again| Instant::now() < again) {
            return Ok(());
        }
        let (workload, image) = (&self.planned.workload, &self.planned.image);
        let done = match holds {
            true => pause(cluster, workload, &self.stamp, image).await,
            false => resume(cluster, workload, &self.stamp, image).await,
        };
        let running = match done {
            Ok(running) => running,
            Err(Error::Replaced { .. }) => return Err(Interrupted.into()),
            Err(error) => {
                self.again = Some(Instant::now() + RETRY);
                self.obstacle = Some(texts::obstacle(&error.to_string()));
                self.show(last).await;
                return Ok(());
            }
        };
        self.obstacle = None;
        if holds && running.paused {
            let now = Timestamp::now();
            self.kept.held = Some(now);
            rollout.hold(now);
            let (done, total) = last.counts().unwrap_or((0, running.replicas));
            *last = State::Held { done, total };
        } else if !holds {
            self.kept.held = None;
            self.kept.made = Some(rollout.let_go());
            if left {
                *last = State::Applying;
            }
        } else {
            // Another image is wanted by now: that is about to be told.
            return Ok(());
        }
        self.keep().await?;
        self.run.held(holds).await?;
        if holds {
            self.show(last).await;
        }
        Ok(())
    }

    /// Stops half-way: no more pods are replaced.
    async fn halt(&mut self, cluster: &Cluster, last: &State) -> Result<State> {
        let halted: Result<(Halt, i32, i32)> = self
            .run
            .step("halt", |_| async {
                let stop = || async {
                    let workload = &self.planned.workload;
                    let running = workload.read(cluster).await?;
                    if running.image != self.planned.image {
                        return Ok((Halt::Overtaken, running));
                    }
                    if running.settled {
                        return Ok((Halt::Through, running));
                    }
                    let running = pause(cluster, workload, &self.stamp, &self.planned.image).await?;
                    let halt = match running.paused {
                        true => Halt::Paused,
                        false => Halt::Overtaken,
                    };
                    Ok((halt, running))
                };
                let (halt, running) = self.patiently(TRIES, stop).await??;
                let (done, total) = match (&halt, last.counts()) {
                    (Halt::Paused, Some(counts)) => counts,
                    _ => (running.updated, running.replicas),
                };
                Ok((halt, done, total))
            })
            .await;
        let (halt, done, total) = match halted {
            Ok(halted) => halted,
            Err(error) => {
                let error = sorted(error)?;
                let (done, total) = last.counts().unwrap_or_default();
                (Halt::Unpaused(error.to_string()), done, total)
            }
        };
        Ok(State::Halted { halt, done, total })
    }

    /// Tries a few times while the cluster does not answer.
    async fn patiently<T, F>(
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

    async fn keep(&self) -> Result<()> {
        self.run.keep(serde_json::to_value(&self.kept)?).await
    }

    async fn show(&self, state: &State) {
        self.run.show(self.face(state).card()).await;
    }

    fn face<'a>(&'a self, state: &'a State) -> Face<'a> {
        Face {
            deploy: &self.deploy,
            state,
            workload: &self.planned.workload,
            settings: &self.settings,
            adopted: self.adopted.as_ref(),
            resumed: self.run.resumed(),
            good: self.good.as_deref(),
            obstacle: self.obstacle.as_deref(),
            now: Timestamp::now(),
        }
    }

    /// Records how it ended, and says it.
    async fn end(&mut self, state: &State) -> Ending {
        self.obstacle = None;
        if matches!(state, State::Failed { .. } | State::Halted { .. }) {
            self.good = self.last_good().await;
        }
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = state.recorded();
        let (note, card) = (self.face(state).note(), self.face(state).card());
        self.deploy.note = Some(note.clone());
        self.record().await;
        tracing::info!(
            deploy = self.deploy.id,
            service = self.deploy.service,
            state = ?self.deploy.state,
            "a deploy ended"
        );
        Ending {
            outcome: state.outcome(),
            note,
            card,
        }
    }

    /// Records that nobody knows how it ended.
    async fn broke(&mut self) {
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = DeployState::Stopped;
        self.record().await;
    }

    /// Writes the row, which is the history of releases. Without it the operation itself still tells.
    async fn record(&mut self) {
        self.deploy.card = self.run.operation().card;
        for attempt in 1..=TRIES {
            match self.run.services().store().record_deploy(&self.deploy).await {
                Ok(_) => return,
                Err(error) if attempt == TRIES => {
                    tracing::error!(%error, deploy = self.deploy.id, "a deploy could not be recorded");
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// The newest version that was deployed well here, if it may be deployed again.
    async fn last_good(&self) -> Option<String> {
        let deploy = &self.deploy;
        let services = self.run.services();
        let filter = DeployFilter {
            service: Some(deploy.service.clone()),
            environment: Some(deploy.environment.clone()),
            ..DeployFilter::default()
        };
        let history = services.store().deploys(&filter).await.unwrap_or_default();
        let service = services.catalog().service(&deploy.service);
        let known = service
            .map(|service| service.versions.clone())
            .unwrap_or_default();
        let allowed =
            |version: &String| *version != deploy.version && (known.is_empty() || known.contains(version));
        let good = history
            .iter()
            .filter(|other| other.state == DeployState::Succeeded);
        let recorded = good.map(|other| other.version.clone()).find(allowed);
        recorded.or_else(|| {
            let previous = deploy.previous.as_deref()?;
            let bad = history
                .iter()
                .any(|other| other.image == previous && other.state == DeployState::Failed);
            let version = previous.parse::<Image>().ok()?.version()?.to_string();
            (!bad && allowed(&version)).then_some(version)
        })
    }
}

/// The row of a deploy that has just begun.
fn row(operation: &Operation, planned: &Planned, began: Timestamp) -> Deploy {
    let target = operation.plan.target.clone();
    Deploy {
        id: operation.id.clone(),
        service: target.service.unwrap_or_default(),
        environment: target.environment.unwrap_or_default(),
        version: planned.version.clone(),
        image: planned.image.clone(),
        previous: Some(planned.previous.clone()),
        by: operation.by.clone(),
        began,
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: serde_json::json!({ "workload": planned.workload }),
        generation: operation.lease.generation,
    }
}

/// What the cluster said, where it is that; a worker that was replaced is interrupted, and everything else is no answer.
fn sorted(error: anyhow::Error) -> Result<Error> {
    match error.downcast::<Error>() {
        Ok(Error::Replaced { .. }) => Err(Interrupted.into()),
        Ok(error) => Ok(error),
        Err(error) => Err(error),
    }
}

/// True when the change may have been made all the same.
fn is_unsure(error: &Error) -> bool {
    matches!(
        error,
        Error::TimedOut { .. } | Error::Unreachable { .. } | Error::Troubled { code: 504, .. }
    )
}
