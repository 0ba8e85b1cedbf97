//! Following a rollout to its end, and doing what somebody wants of it meanwhile: hold it, let it go on, stop it.

use std::time::Duration;

use jiff::Timestamp;
use otus::Result;
use otus::operations::{Interrupted, Wish};
use otus::store::DeployState;
use otus_kubernetes::{
    Applied, Cluster, Error, Kind, Progress, Rollout, Running, Step, Verdict, Why, pause, resume, stop,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::job::{Held, Job, Place, TRIES, sorted};
use crate::state::{Halt, State};
use crate::texts;

/// How often answers for gates are looked for.
const ANSWERS: Duration = Duration::from_millis(500);
/// How long to wait before the cluster is asked again to pause or to go on.
const RETRY: Duration = Duration::from_secs(2);

impl Job {
    /// Watches the rollout to its end, doing what somebody wants meanwhile.
    pub(crate) async fn follow(&mut self, cluster: &Cluster, applied: Applied) -> Result<State> {
        let mut sampler = self.watch_gates(applied.at)?;
        let applied = Applied {
            at: self.kept.made.unwrap_or(applied.at),
            ..applied
        };
        let mut answers = interval(ANSWERS);
        answers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let follow = |job: &Job, applied: Applied| {
            let workload = job.planned.workload.clone();
            Rollout::follow(cluster.clone(), workload, applied, (&job.settings).into())
                .baking(job.kept.bake.clone())
        };
        let mut rollout = follow(self, applied.clone());
        let mut last = State::Applying;
        if let Some(held) = &self.kept.held {
            rollout.hold(held.since, held.generation);
            last = held.state();
        }
        loop {
            let wish = self.run.wish();
            if wish == Wish::Cancel {
                return self.halt(cluster, &last).await;
            }
            if let Some(state) = self.gated(cluster, &last).await? {
                return Ok(state);
            }
            self.heed(wish, cluster, &mut rollout, &mut last).await?;
            let next = tokio::select! {
                biased;
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                _ = self.run.wish_changed() => {
                    (self.again, self.overruled) = (None, false);
                    continue;
                }
                sample = sampler.next(&self.kept.gates) => {
                    self.sampled(sample).await?;
                    self.show(&last).await;
                    continue;
                }
                _ = answers.tick(), if self.is_asking() => {
                    self.hear_answers().await?;
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
                    let step = self.kept.held.as_ref().and_then(Held::step);
                    State::Held { done, total, step }
                }
                Verdict::Paused { step: Some(step), .. } if self.kept.passed == Some(Place::from(&step)) => {
                    // It was let go on, and its controller has not looked yet.
                    let (done, total) = last.counts().unwrap_or_default();
                    State::of(going_on(done, total, &step), outage)
                }
                Verdict::Paused { step: Some(step), .. } if outage.is_none() => {
                    // People say whether it goes on: as if they had paused it.
                    self.overruled = false;
                    self.run.pause_itself(&texts::waits_at(&step)).await?;
                    let (done, total) = last.counts().unwrap_or_default();
                    last = State::of(going_on(done, total, &step), None);
                    continue;
                }
                verdict => {
                    let waits = self.kept.held.as_ref().is_some_and(|held| held.place.is_some());
                    let ends = waits && matches!(verdict, Verdict::Failed { .. });
                    if self.kept.held.is_some() && outage.is_none() && goes_on(&verdict) && !ends {
                        self.overrule(&mut rollout).await?;
                    }
                    State::of(verdict, outage)
                }
            };
            if matches!(state, State::Watching { .. } | State::Live { .. }) {
                self.bake_gates().await?;
            }
            let state = match state {
                // Nothing runs it, so nothing can be measured.
                State::Live { pods } if pods > 0 && !self.is_through() => {
                    // The pods go on being watched, as after the rollout, until the gates have decided.
                    let now = Timestamp::now();
                    (self.kept.stable, self.kept.bake, self.kept.made) = (Some(pods), None, Some(now));
                    self.keep().await?;
                    rollout = follow(
                        self,
                        Applied {
                            at: now,
                            ..applied.clone()
                        },
                    );
                    State::Gating { pods, outage: None }
                }
                State::Watching { pods, outage, .. } if self.kept.stable.is_some() => {
                    State::Gating { pods, outage }
                }
                state => state,
            };
            if let State::Failed { .. } = state
                && self.planned.workload.kind == Kind::Rollout
            {
                let (halt, done, total) = self.stop(cluster, &last).await?;
                self.back = Some(texts::halt(&halt, done, total));
            }
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
            Wish::Pause if self.overruled => return Ok(()),
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
            false => self.let_on(cluster).await,
        };
        let running = match done {
            Ok(running) => running,
            Err(Error::Replaced { .. }) => return Err(Interrupted.into()),
            Err(Error::CannotPause { .. }) => {
                // Nor later: so it goes on, and is not asked again.
                self.overruled = true;
                self.obstacle = Some(texts::cannot_pause(workload.kind));
                self.show(last).await;
                return Ok(());
            }
            Err(error) => {
                self.again = Some(Instant::now() + RETRY);
                self.obstacle = Some(texts::obstacle(&error.to_string()));
                self.show(last).await;
                return Ok(());
            }
        };
        self.obstacle = None;
        if holds && running.paused {
            let since = Timestamp::now();
            let (done, total) = last.counts().unwrap_or((0, running.replicas));
            rollout.hold(since, running.generation);
            let held = Held {
                since,
                generation: running.generation,
                done,
                total,
                place: running.waits.as_ref().map(Place::from),
            };
            *last = held.state();
            self.kept.held = Some(held);
        } else if !holds {
            self.kept.passed = self.kept.held.take().and_then(|held| held.place);
            self.kept.made = Some(rollout.let_go(running.generation));
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

    /// Lets it go on from where it is held, and from nowhere else: it may have come to another step since.
    async fn let_on(&self, cluster: &Cluster) -> std::result::Result<Running, Error> {
        let (workload, image) = (&self.planned.workload, &self.planned.image);
        if let Some(place) = self.kept.held.as_ref().and_then(|held| held.place.as_ref()) {
            let running = workload.read(cluster).await?;
            if running.waits.as_ref().map(Place::from).as_ref() != Some(place) {
                return Ok(running);
            }
        }
        resume(cluster, workload, &self.stamp, image).await
    }

    /// Somebody let the rollout go on in the cluster that the robot held: so it does.
    async fn overrule(&mut self, rollout: &mut Rollout) -> Result<()> {
        self.overruled = true;
        self.obstacle = Some(texts::overruled());
        self.kept.held = None;
        self.kept.made = Some(rollout.let_go(0));
        self.keep().await?;
        self.run.held(false).await
    }

    /// Stops half-way, because somebody wants it.
    async fn halt(&mut self, cluster: &Cluster, last: &State) -> Result<State> {
        let (halt, done, total) = self.stop(cluster, last).await?;
        Ok(State::Halted { halt, done, total })
    }

    /// Stops half-way: no more pods are replaced. Answers what became of the rollout, how many pods are new, of how many.
    pub(crate) async fn stop(&mut self, cluster: &Cluster, last: &State) -> Result<(Halt, i32, i32)> {
        let halted: Result<(Halt, i32, i32)> = self
            .run
            .step("halt", |_| async {
                let attempt = || async {
                    let workload = &self.planned.workload;
                    let running = workload.read(cluster).await?;
                    if running.image != self.planned.image {
                        return Ok((Halt::Overtaken, running));
                    }
                    if running.settled {
                        return Ok((Halt::Through, running));
                    }
                    let running = stop(cluster, workload, &self.stamp, &self.planned.image).await?;
                    let halt = match running.paused {
                        _ if running.aborted => Halt::Aborted,
                        true if running.is_paused_by(cluster.manager()) => Halt::Paused,
                        true => Halt::Theirs(running.paused_by.clone()),
                        false => Halt::Overtaken,
                    };
                    Ok((halt, running))
                };
                let (halt, running) = self.patiently(TRIES, attempt).await??;
                let (done, total) = match (&halt, last.counts()) {
                    (Halt::Paused | Halt::Aborted | Halt::Theirs(_), Some(counts)) => counts,
                    _ => (running.updated, running.replicas),
                };
                Ok((halt, done, total))
            })
            .await;
        match halted {
            Ok(halted) => Ok(halted),
            Err(error) => {
                let error = sorted(error)?;
                let (done, total) = last.counts().unwrap_or_default();
                Ok((Halt::Unpaused(error.to_string()), done, total))
            }
        }
    }
}

impl Held {
    fn step(&self) -> Option<Step> {
        self.place.as_ref().map(Step::from)
    }

    fn state(&self) -> State {
        State::Held {
            done: self.done,
            total: self.total,
            step: self.step(),
        }
    }
}

/// A rollout that goes on from a step of its own.
fn going_on(done: i32, total: i32, step: &Step) -> Verdict {
    Verdict::Waiting {
        done,
        total,
        why: Why::Steps {
            at: step.at,
            of: step.of,
        },
        trouble: None,
    }
}

/// Whether it shows that a rollout is not paused in the cluster.
fn goes_on(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Waiting { why, .. } => *why != Why::NotObserved,
        Verdict::Available { .. } | Verdict::Stable { .. } | Verdict::Failed { .. } => true,
        Verdict::Paused { .. } | Verdict::Superseded { .. } | Verdict::Gone => false,
    }
}
