//! A Deployment's status: its counts, and whether it makes progress.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Task, conditions,
    deployment::{has_deadline, is_complete},
    replicas::{Fence, Sets},
};
use crate::kubernetes::{
    store::State,
    value::{int, name, namespace, put, take, uid},
};

impl State {
    /// Writes the status as it follows from the ReplicaSets; with `judge`, the condition Progressing too.
    pub(super) fn write_status(&mut self, deployment: &Value, sets: &Sets, judge: bool) {
        // The controller may have written the object since it read it.
        let Some(current) = self.find("deployments", namespace(deployment), name(deployment)) else {
            return;
        };
        if int(&current, "/metadata/generation") != int(deployment, "/metadata/generation") {
            return;
        }
        let mut new = Value::clone(&current);
        count(&mut new, sets);
        if judge {
            self.judge(&current, &mut new, sets);
            let failures = sets
                .new
                .iter()
                .chain(&sets.old)
                .find_map(|set| conditions::find(set, "ReplicaFailure"));
            match failures.cloned() {
                Some(mut failure) => {
                    failure["lastUpdateTime"] = failure["lastTransitionTime"].clone();
                    conditions::set(&mut new, failure);
                }
                None => drop(conditions::remove(&mut new, "ReplicaFailure")),
            }
        }
        let status = new["status"].take();
        self.status_of(&current, |object| put(object, &["status"], status));
    }

    fn judge(&mut self, old: &Value, new: &mut Value, sets: &Sets) {
        if !has_deadline(old) {
            conditions::remove(new, "Progressing");
            return;
        }
        let reason = conditions::reason(old, "Progressing").to_owned();
        let complete = int(new, "/status/replicas") == int(new, "/status/updatedReplicas");
        if complete && reason == "NewReplicaSetAvailable" {
            return;
        }
        let who = match &sets.new {
            Some(set) => format!("ReplicaSet \"{}\"", name(set)),
            None => format!("Deployment \"{}\"", name(old)),
        };
        if is_complete(old, new) {
            let message = format!("{who} has successfully progressed.");
            conditions::set(
                new,
                conditions::new("Progressing", "True", "NewReplicaSetAvailable", &message),
            );
        } else if has_progressed(old, new) {
            let message = format!("{who} is progressing.");
            let mut condition = conditions::new("Progressing", "True", "ReplicaSetUpdated", &message);
            if let Some(was) = conditions::find(old, "Progressing").filter(|was| was["status"] == "True") {
                condition["lastTransitionTime"] = was["lastTransitionTime"].clone();
            }
            conditions::remove(new, "Progressing");
            conditions::set(new, condition);
            self.progressed(old);
        } else if !matches!(
            reason.as_str(),
            "" | "NewReplicaSetAvailable" | "ProgressDeadlineExceeded"
        ) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a deadline is a small number of seconds"
            )]
            let deadline = self
                .timing
                .seconds(int(old, "/spec/progressDeadlineSeconds") as f64);
            let now = Instant::now();
            let due = *self.progress.entry(uid(old).to_owned()).or_insert(now) + deadline;
            if due <= now {
                let message = format!("{who} has timed out progressing.");
                conditions::set(
                    new,
                    conditions::new("Progressing", "False", "ProgressDeadlineExceeded", &message),
                );
            } else {
                self.agenda.add(
                    due,
                    Task::Sync("deployments", namespace(old).into(), name(old).into()),
                );
            }
        }
        self.remind(new);
    }

    /// Comes again when the deadline would have passed.
    fn remind(&mut self, deployment: &Value) {
        let reason = conditions::reason(deployment, "Progressing");
        if matches!(reason, "" | "NewReplicaSetAvailable" | "ProgressDeadlineExceeded") {
            return;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a deadline is a small number of seconds"
        )]
        let deadline = self
            .timing
            .seconds(int(deployment, "/spec/progressDeadlineSeconds") as f64);
        let since = self
            .progress
            .get(uid(deployment))
            .copied()
            .unwrap_or_else(Instant::now);
        let task = Task::Sync(
            "deployments",
            namespace(deployment).into(),
            name(deployment).into(),
        );
        self.agenda.add(since + deadline + self.timing.reaction, task);
    }
}

fn has_progressed(old: &Value, new: &Value) -> bool {
    let number = |object: &Value, field: &str| int(object, &format!("/status/{field}"));
    let outdated = |object: &Value| number(object, "replicas") - number(object, "updatedReplicas");
    let more = |field: &str| number(new, field) > number(old, field);
    more("updatedReplicas")
        || outdated(new) < outdated(old)
        || more("readyReplicas")
        || more("availableReplicas")
}

/// The counts and the condition Available.
fn count(object: &mut Value, sets: &Sets) {
    let available = sets.sum("/status/availableReplicas");
    let wished = int(object, "/spec/replicas");
    let missing = (sets.sum("/spec/replicas") - available).max(0);
    let least = wished - Fence::of(object).unavailable;
    for (field, number) in [
        ("replicas", sets.sum("/status/replicas")),
        ("updatedReplicas", sets.new_number("/status/replicas")),
        ("readyReplicas", sets.sum("/status/readyReplicas")),
        ("availableReplicas", available),
        ("unavailableReplicas", missing),
    ] {
        // The real server leaves a zero out.
        if number == 0 {
            take(object, &["status", field]);
        } else {
            put(object, &["status", field], number);
        }
    }
    put(
        object,
        &["status", "terminatingReplicas"],
        sets.sum("/status/terminatingReplicas"),
    );
    let generation = int(object, "/metadata/generation");
    put(object, &["status", "observedGeneration"], json!(generation));
    let condition = if available >= least {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    conditions::set(
        object,
        conditions::new("Available", condition.0, condition.1, condition.2),
    );
}
