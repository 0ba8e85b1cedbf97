//! A step that is a Kubernetes Job with the new image, in a pod like the workload's own.

use std::time::Duration;

use jiff::Timestamp;
use otus::Result;
use otus::operations::{Attempt, Ended, Failure, Interrupted, Standing, Wish};
use otus_kubernetes::job::{self, Cancelled, Launched, Plan, Progress, Run, Verdict};
use otus_kubernetes::{Cluster, Error};
use serde::{Deserialize, Serialize};

use super::Before;
use crate::faults;
use crate::job::{Job, TRIES, is_unsure, sorted};
use crate::state::State;
use crate::texts;

/// The names of its steps in the journal.
const BEGIN: &str = "before: begin";
const END: &str = "before: end";
/// How long a Job that is given up may take to stop before that is told instead.
const STOPPING: Duration = Duration::from_secs(20);

/// A command run in a Job beside the workload.
pub(super) struct Beside {
    line: String,
    deadline: Duration,
    plan: Plan,
}

/// How it ended, and whether the Job may still do something.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    ended: Ended,
    lingers: bool,
}

impl Found {
    fn over(ended: Ended) -> Self {
        Found {
            ended,
            lingers: false,
        }
    }

    fn lingering(ended: Ended) -> Self {
        Found { ended, lingers: true }
    }
}

impl Beside {
    pub(super) fn new(before: &Before, plan: Plan) -> Self {
        Beside {
            line: before.line(),
            deadline: before.deadline,
            plan,
        }
    }

    /// Makes the Job, or finds it. None when somebody cancelled the deploy before there was one.
    async fn begin(&self, deploy: &Job, cluster: &Cluster, attempt: Attempt) -> Result<Option<Launched>> {
        if !deploy.is_cleared().await? {
            if attempt == Attempt::First {
                return Ok(None);
            }
            let found = deploy.patiently(TRIES, || job::find(cluster, &self.plan, &deploy.stamp));
            return Ok(found.await??);
        }
        deploy
            .show(&self.standing(&texts::step_begins(&self.what()), None))
            .await;
        // What does not exist yet carries no stamp that could keep an older worker from making it.
        deploy.run.certain().await?;
        let made = deploy.patiently(TRIES, || job::start(cluster, &self.plan, &deploy.stamp));
        Ok(Some(made.await??))
    }

    /// Follows the Job to its end, or until somebody cancels the deploy.
    async fn follow(&self, deploy: &Job, cluster: &Cluster, launched: &Launched) -> Result<Found> {
        let stamp = &deploy.stamp;
        let claimed = deploy
            .patiently(TRIES, || job::claim(cluster, launched, stamp))
            .await?;
        match claimed {
            // That it is gone is told by whoever looks.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(Error::Replaced { .. }) => return Err(Interrupted.into()),
            Err(error) => {
                tracing::warn!(%error, job = launched.name, "the job could not be claimed");
            }
        }
        let settings = job::Settings {
            grace: deploy.settings.grace.min(job::Settings::default().grace),
            ..job::Settings::default()
        };
        let mut following = Run::follow(cluster.clone(), launched.clone(), settings);
        loop {
            if deploy.run.wish() == Wish::Cancel {
                return Ok(Found::lingering(Ended::Cancelled(String::new())));
            }
            let next = tokio::select! {
                biased;
                () = deploy.run.over().cancelled() => return Err(Interrupted.into()),
                _ = deploy.run.wish_changed() => continue,
                next = following.next() => next,
            };
            let Progress { verdict, outage } = match next {
                Some(Ok(progress)) => progress,
                Some(Err(error)) => return Ok(Found::over(self.lost(launched, &error.to_string()))),
                None => return Ok(Found::over(self.lost(launched, texts::no_verdict()))),
            };
            if let Verdict::Waiting { stage, trouble } = &verdict {
                let now = Timestamp::now();
                let line = texts::step_stands(&self.what(), *stage, now);
                let trouble = match &outage {
                    Some(outage) => Some(texts::step_outage(outage, now)),
                    None => trouble.as_ref().map(|cause| texts::trouble(&faults::why(cause))),
                };
                let paused = deploy.run.wish() == Wish::Pause;
                let trouble = trouble.or_else(|| paused.then(texts::step_cannot_pause));
                deploy.show(&self.standing(&line, trouble)).await;
                continue;
            }
            return Ok(self.judged(launched, verdict));
        }
    }

    fn standing(&self, now: &str, trouble: Option<String>) -> State {
        State::Preparing(Standing {
            now: now.to_owned(),
            trouble,
            buttons: Vec::new(),
        })
    }

    /// What an end means for the deploy.
    fn judged(&self, launched: &Launched, verdict: Verdict) -> Found {
        let exit = verdict.exit().map(faults::ended);
        let failed = |why: String, cause: &otus_kubernetes::Cause| {
            Ended::Failed(Failure {
                why,
                log: cause.log.clone(),
                todo: faults::todo(cause).to_owned(),
            })
        };
        match verdict {
            Verdict::Succeeded { took, .. } => Found::over(Ended::Done(texts::step_done(&self.what(), took))),
            Verdict::Failed { cause } => {
                let why = match exit.filter(|_| !is_out_of_memory(&cause)) {
                    Some(how) => texts::step_failed(&self.what(), &how),
                    None => texts::step_failed_because(&self.what(), &faults::why(&cause)),
                };
                Found::over(failed(why, &cause))
            }
            Verdict::CannotStart { cause } => {
                let why = texts::step_cannot_start(&self.what(), &faults::why(&cause));
                // It would begin as soon as somebody mends what is wrong, when nobody expects it any more.
                Found::lingering(failed(why, &cause))
            }
            Verdict::TimedOut { cause, stopped } => {
                let ended = failed(texts::step_timed_out(&self.what(), self.deadline), &cause);
                Found {
                    ended,
                    lingers: !stopped,
                }
            }
            Verdict::Gone => Found::over(Ended::Failed(Failure {
                why: texts::step_gone(&self.what(), &launched.name),
                log: Vec::new(),
                todo: texts::step_look_yourself().to_owned(),
            })),
            // Not an end: nothing that is followed to its end comes here.
            Verdict::Waiting { .. } => Found::lingering(self.lost(launched, texts::no_verdict())),
        }
    }

    fn lost(&self, launched: &Launched, error: &str) -> Ended {
        Ended::Failed(Failure {
            why: texts::step_lost(&self.what(), error),
            log: Vec::new(),
            todo: texts::step_find(&launched.name, &launched.namespace),
        })
    }

    /// Deletes a Job that is given up, and says what became of it.
    async fn clear(&self, deploy: &Job, cluster: &Cluster, launched: &Launched) -> Result<Option<String>> {
        let stamp = &deploy.stamp;
        let cancelled = deploy
            .patiently(TRIES, || job::cancel(cluster, launched, stamp, STOPPING))
            .await?;
        match cancelled {
            Ok(Cancelled::Gone) => Ok(None),
            Ok(Cancelled::Going) => Ok(Some(texts::step_going(&launched.name, &launched.namespace))),
            Err(Error::Replaced { .. }) => Err(Interrupted.into()),
            Err(error) => Ok(Some(texts::step_stays(
                &launched.name,
                &launched.namespace,
                &error.to_string(),
            ))),
        }
    }
}

impl Beside {
    /// What it does, in few words, marked up.
    fn what(&self) -> String {
        texts::command_line(&self.line)
    }

    /// Does it, or goes on with it, showing how it stands, until it has ended. Cancelled, it leaves nothing running.
    pub(super) async fn run(&self, deploy: &Job, cluster: &Cluster) -> Result<Ended> {
        let begun = deploy
            .run
            .step(BEGIN, |attempt| self.begin(deploy, cluster, attempt))
            .await;
        let launched = match begun {
            Ok(Some(launched)) => launched,
            Ok(None) => return Ok(Ended::NotBegun),
            Err(error) => {
                let error = sorted(error)?;
                let todo = match is_unsure(&error) {
                    true => texts::step_find(&self.plan.name(), &self.plan.namespace),
                    false => String::new(),
                };
                return Ok(Ended::Failed(Failure {
                    why: texts::step_not_made(&self.what(), &error.to_string()),
                    log: Vec::new(),
                    todo,
                }));
            }
        };
        let found = deploy
            .run
            .step(END, |_| self.follow(deploy, cluster, &launched))
            .await?;
        if !found.lingers {
            return Ok(found.ended);
        }
        let left = self.clear(deploy, cluster, &launched).await?;
        Ok(match found.ended {
            Ended::Cancelled(_) => Ended::Cancelled(texts::step_cancelled(&self.what(), left)),
            Ended::Failed(failure) => Ended::Failed(Failure {
                todo: [Some(failure.todo), left]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "),
                ..failure
            }),
            other => other,
        })
    }
}

fn is_out_of_memory(cause: &otus_kubernetes::Cause) -> bool {
    matches!(&cause.fault, otus_kubernetes::Fault::Crashed(exit) if exit.out_of_memory())
}
