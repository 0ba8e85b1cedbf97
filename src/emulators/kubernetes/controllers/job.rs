//! The Job controller: pods that end, counted until there are enough successes or too many failures.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Task, conditions, is_active};
use crate::kubernetes::{
    resources,
    store::State,
    timing::stamp,
    value::{int, name, namespace, put, text, truth, uid},
    write::CONTROLLER_STATUS,
};

const COMPONENT: &str = "job-controller";

/// Gives a new Job its selector, and its pods the labels it selects.
pub(crate) fn claim(job: &mut Value) {
    if truth(job, "/spec/manualSelector") {
        return;
    }
    let (job_name, job_uid) = (name(job).to_owned(), uid(job).to_owned());
    put(
        job,
        &[
            "spec",
            "selector",
            "matchLabels",
            "batch.kubernetes.io/controller-uid",
        ],
        job_uid.as_str(),
    );
    for (label, value) in [
        ("batch.kubernetes.io/controller-uid", &job_uid),
        ("batch.kubernetes.io/job-name", &job_name),
        ("controller-uid", &job_uid),
        ("job-name", &job_name),
    ] {
        put(
            job,
            &["spec", "template", "metadata", "labels", label],
            value.as_str(),
        );
    }
}

fn is_over(job: &Value) -> bool {
    ["Complete", "Failed"]
        .iter()
        .any(|kind| conditions::find(job, kind).is_some_and(|c| c["status"] == "True"))
}

impl State {
    pub(super) fn sync_job(&mut self, ns: &str, job_name: &str) {
        let Some(job) = self.find("jobs", ns, job_name) else {
            return;
        };
        if is_over(&job) {
            return self.expire(&job);
        }
        let pods = self.pods_of(&job);
        let phase = |wanted: &str| {
            pods.iter()
                .filter(|pod| text(pod, "/status/phase") == wanted)
                .count()
        };
        let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).cloned().collect();
        let restarts: i64 = active
            .iter()
            .map(|pod| int(pod, "/status/containerStatuses/0/restartCount"))
            .sum();
        let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let started = *self
            .progress
            .entry(uid(&job).to_owned())
            .or_insert_with(Instant::now);
        let deadline = job.pointer("/spec/activeDeadlineSeconds").and_then(Value::as_i64);
        #[expect(clippy::cast_precision_loss, reason = "a small number of seconds")]
        let deadline = deadline.map(|seconds| started + self.timing.seconds(seconds as f64));
        let wished = int(&job, "/spec/completions");
        let outcome = if number(succeeded) >= wished {
            Some((
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ))
        } else if number(failed) + restarts > int(&job, "/spec/backoffLimit") {
            Some((
                "Failed",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            ))
        } else if deadline.is_some_and(|at| at <= Instant::now()) {
            Some((
                "Failed",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            ))
        } else {
            None
        };
        if let Some(at) = deadline.filter(|_| outcome.is_none()) {
            self.agenda
                .add(at, Task::Sync("jobs", ns.into(), job_name.into()));
        }
        let suspended = truth(&job, "/spec/suspend");
        let mut running = active.len();
        if outcome.is_some() || suspended {
            for pod in &active {
                self.delete_pod(&job, pod, COMPONENT);
            }
            running = 0;
        } else {
            let missing = (wished - number(succeeded)).min(int(&job, "/spec/parallelism")) - number(running);
            if missing > 0 && self.may_retry(&job, failed) {
                for _ in 0..missing {
                    let pod_name = format!("{}-{}", name(&job), self.letters(5));
                    if self.create_pod_as(&job, &pod_name, COMPONENT, |_| {}).is_err() {
                        self.later("jobs", &job);
                        break;
                    }
                    running += 1;
                }
            }
        }
        self.modify("jobs", (ns, job_name), &CONTROLLER_STATUS, |object| {
            for (field, count) in [("active", running), ("succeeded", succeeded), ("failed", failed)] {
                if count == 0 {
                    crate::kubernetes::value::take(object, &["status", field]);
                } else {
                    put(object, &["status", field], count);
                }
            }
            put(object, &["status", "ready"], 0);
            put(object, &["status", "terminating"], 0);
            if text(object, "/status/startTime").is_empty() && !suspended {
                put(object, &["status", "startTime"], stamp());
            }
            let Some((kind, reason, message)) = outcome else {
                return;
            };
            let before = if kind == "Complete" {
                "SuccessCriteriaMet"
            } else {
                "FailureTarget"
            };
            for kind in [before, kind] {
                let mut condition = conditions::new(kind, "True", reason, message);
                condition["lastProbeTime"] = json!(stamp());
                if let Some(map) = condition.as_object_mut() {
                    map.remove("lastUpdateTime");
                }
                conditions::set(object, condition);
            }
            if kind == "Complete" {
                put(object, &["status", "completionTime"], stamp());
            }
        });
        match outcome {
            Some(("Complete", ..)) => self.record(&job, "Normal", "Completed", "Job completed", COMPONENT),
            Some((_, reason, message)) => self.record(&job, "Warning", reason, message, COMPONENT),
            None => {}
        }
    }

    /// After a failure the next pod waits: 10 s, doubling.
    fn may_retry(&mut self, job: &Arc<Value>, failed: usize) -> bool {
        let key = format!("{} failures", uid(job));
        let doublings = i32::try_from(failed.saturating_sub(1))
            .unwrap_or(i32::MAX)
            .min(10);
        let wait = if failed == 0 {
            Duration::ZERO
        } else {
            self.timing.seconds(10.0 * 2_f64.powi(doublings))
        };
        let since = *self
            .progress
            .entry(format!("{key} {failed}"))
            .or_insert_with(Instant::now);
        if since + wait <= Instant::now() {
            return true;
        }
        self.agenda.add(
            since + wait,
            Task::Sync("jobs", namespace(job).into(), name(job).into()),
        );
        false
    }

    /// A finished Job goes when its time is over.
    fn expire(&mut self, job: &Arc<Value>) {
        let Some(seconds) = job
            .pointer("/spec/ttlSecondsAfterFinished")
            .and_then(Value::as_i64)
        else {
            return;
        };
        let since = *self
            .progress
            .entry(format!("{} over", uid(job)))
            .or_insert_with(Instant::now);
        #[expect(clippy::cast_precision_loss, reason = "a small number of seconds")]
        let at = since + self.timing.seconds(seconds as f64);
        if at <= Instant::now() {
            self.remove(resources::known("jobs"), job);
        } else {
            self.agenda
                .add(at, Task::Sync("jobs", namespace(job).into(), name(job).into()));
        }
    }
}
