//! Following a canary until it has passed, has failed, or somebody wants it to end. It only looks, and is done anew by whoever takes the
//! deploy up; how far it was is kept.

use std::time::Duration;

use jiff::Timestamp;
use otus::Result;
use otus::operations::{Failure, Interrupted, Standing, Wish};
use otus_kubernetes::canary::beside;
use otus_kubernetes::{Applied, Cluster, Error, Progress, Rollout, Settings, Verdict, claim};
use tokio::time::{MissedTickBehavior, interval};

use super::{Canary, Tried};
use crate::faults;
use crate::job::{Job, TRIES};
use crate::state::State;
use crate::texts;

/// How often answers for gates are looked for.
const ANSWERS: Duration = Duration::from_millis(500);

impl Job {
    pub(super) async fn follow_canary(
        &mut self,
        cluster: &Cluster,
        applied: Applied,
        canary: &Canary,
    ) -> Result<Tried> {
        let place = beside(&self.planned.workload);
        if self.run.resumed() {
            let claimed = self
                .patiently(TRIES, || claim(cluster, &place, &self.stamp))
                .await?;
            match claimed {
                // That it is gone is told by whoever looks.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(Error::Replaced { .. }) => return Err(Interrupted.into()),
                Err(error) => tracing::warn!(%error, "the canary could not be claimed"),
            }
        }
        let settings = Settings {
            stability: canary.bake,
            deadline: self.settings.deadline,
            grace: self.settings.grace,
        };
        let follow = |job: &Job, applied: Applied| {
            Rollout::follow(cluster.clone(), place.clone(), applied, settings).baking(job.kept.bake.clone())
        };
        let mut sampler = self.watch_gates(applied.at)?;
        let mut answers = interval(ANSWERS);
        answers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rollout = follow(
            self,
            Applied {
                at: self.kept.made.unwrap_or(applied.at),
                ..applied.clone()
            },
        );
        let mut last = Standing {
            now: texts::canary_begins(),
            ..Standing::default()
        };
        loop {
            if self.run.over().is_cancelled() {
                return Err(Interrupted.into());
            }
            if self.run.wish() == Wish::Cancel {
                return Ok(Tried::Cancelled);
            }
            if let Some(failed) = self.canary_gated() {
                return Ok(failed);
            }
            if let Some(pods) = self.kept.stable.filter(|_| self.is_through()) {
                return Ok(Tried::Passed(pods));
            }
            let next = tokio::select! {
                biased;
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                _ = self.run.wish_changed() => {
                    self.show_canary(&last).await;
                    continue;
                }
                sample = sampler.next(&self.kept.gates) => {
                    self.sampled(sample).await?;
                    self.show_canary(&last).await;
                    continue;
                }
                _ = answers.tick(), if self.is_asking() => {
                    self.hear_answers().await?;
                    continue;
                }
                next = rollout.next() => next,
            };
            let Progress { verdict, outage } = match next {
                Some(Ok(progress)) => progress,
                Some(Err(error)) => return Ok(lost(&error.to_string())),
                // Only a pause ends it without a verdict that is an end.
                None => return Ok(lost(texts::canary_held())),
            };
            if rollout.bake() != self.kept.bake.as_ref() {
                self.kept.bake = rollout.bake().cloned();
                self.keep().await?;
            }
            if matches!(verdict, Verdict::Available { .. } | Verdict::Stable { .. }) {
                self.bake_gates().await?;
            }
            let now = Timestamp::now();
            last.trouble = outage.as_ref().map(|outage| texts::step_outage(outage, now));
            match verdict {
                Verdict::Waiting {
                    done, total, trouble, ..
                } => {
                    last.now = texts::canary_starts(done, total);
                    let trouble = trouble.filter(|trouble| !faults::just_starts(trouble));
                    last.trouble = last
                        .trouble
                        .or_else(|| trouble.map(|cause| texts::trouble(&faults::why(&cause))));
                }
                Verdict::Paused { .. } => last.now = texts::canary_is_held(),
                Verdict::Available { pods, until } => {
                    last.now = match self.kept.stable {
                        Some(_) => texts::canary_gates(pods),
                        None => texts::canary_watched(pods, until, now),
                    };
                }
                Verdict::Stable { pods } => {
                    (self.kept.stable, self.kept.bake, self.kept.made) = (Some(pods), None, Some(now));
                    self.keep().await?;
                    if self.is_through() {
                        continue;
                    }
                    // The pods go on being watched until the gates have decided.
                    last.now = texts::canary_gates(pods);
                    rollout = follow(
                        self,
                        Applied {
                            at: now,
                            ..applied.clone()
                        },
                    );
                }
                Verdict::Failed { cause, .. } => {
                    return Ok(Tried::Failed(Failure {
                        why: texts::canary_failed(&faults::why(&cause)),
                        log: cause.log.clone(),
                        todo: faults::todo(&cause).to_owned(),
                    }));
                }
                Verdict::Superseded { .. } | Verdict::Gone => {
                    return Ok(Tried::Failed(Failure {
                        why: texts::canary_meddled(&place.name),
                        log: Vec::new(),
                        todo: String::new(),
                    }));
                }
            }
            self.show_canary(&last).await;
        }
    }

    /// The gate that decided against it.
    fn canary_gated(&self) -> Option<Tried> {
        self.kept.gates.values().find_map(|watch| {
            let failure = watch.failure()?;
            Some(Tried::Failed(Failure {
                why: texts::canary_failed(&texts::gate_failed(watch.name(), &failure, watch.answered())),
                log: Vec::new(),
                todo: texts::gate_todo().to_owned(),
            }))
        })
    }

    async fn show_canary(&self, standing: &Standing) {
        let mut standing = standing.clone();
        if standing.trouble.is_none() && self.run.wish() == Wish::Pause {
            standing.trouble = Some(texts::canary_cannot_pause());
        }
        self.show(&State::Preparing(standing)).await;
    }
}

fn lost(why: &str) -> Tried {
    Tried::Failed(Failure {
        why: texts::canary_lost(why),
        log: Vec::new(),
        todo: String::new(),
    })
}
