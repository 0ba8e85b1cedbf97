//! Argo's Rollout, as version 1 of its controller handles a canary without a mesh: two ReplicaSets, steps of weights and pauses, and an
//! abort that goes back. Of steps there are `setWeight` and `pause`, others are passed at once; no blue-green, no analyses.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Task,
    deployment::hash,
    replicas::{Sets, revision_at},
};
use crate::kubernetes::{
    resources,
    store::State,
    timing::stamp,
    value::{canonical, controller, int, items, name, namespace, owned_by, put, take, text, truth, uid},
    write::{CONTROLLER, CONTROLLER_STATUS},
};

/// The label that ties pods to their ReplicaSet.
const HASH: &str = "rollouts-pod-template-hash";
/// The annotation that carries a revision.
const REVISION: &str = "rollout.argoproj.io/revision";

/// What one look makes of it.
struct Course {
    /// Steps done.
    index: usize,
    pauses: Vec<Value>,
    controller_pause: bool,
    stable: String,
    /// Pods that the new and the stable ReplicaSet are to have.
    sizes: (i64, i64),
    phase: &'static str,
    message: String,
}

impl State {
    pub(super) fn sync_rollout(&mut self, ns: &str, rollout_name: &str) {
        let Some(rollout) = self.find("rollouts", ns, rollout_name) else {
            return;
        };
        let template = rollout.pointer("/spec/template").cloned().unwrap_or_default();
        let current = hash(&canonical(&template));
        let paused = truth(&rollout, "/spec/paused");
        let sets = self.argo_sets(&rollout, &current);
        let sets = match &sets.new {
            None if !paused => {
                self.create_argo_set(&rollout, &sets, &current, template);
                self.argo_sets(&rollout, &current)
            }
            _ => sets,
        };
        let course = self.course(&rollout, &sets, &current);
        let stable = sets
            .all()
            .find(|set| argo_hash(set) == course.stable && course.stable != current)
            .cloned();
        let sized = [(&sets.new, course.sizes.0), (&stable, course.sizes.1)];
        for (set, size) in sized.into_iter().filter(|_| !paused) {
            if let Some(set) = set {
                self.argo_scale(set, size);
            }
        }
        let past = |set: &&Arc<Value>| argo_hash(set) != course.stable && argo_hash(set) != current;
        for set in sets.all().filter(past).filter(|_| !paused) {
            self.argo_scale(set, 0);
        }
        self.argo_status(&rollout, &sets, &current, course);
    }

    fn argo_sets(&self, rollout: &Value, current: &str) -> Sets {
        let mut all: Vec<_> = self
            .all("replicasets", namespace(rollout))
            .filter(|set| controller(set) == Some(uid(rollout)))
            .cloned()
            .collect();
        all.sort_by_key(|set| (revision_at(set, REVISION), name(set).to_owned()));
        let at = all.iter().position(|set| argo_hash(set) == current);
        let new = at.map(|at| all.remove(at));
        Sets { new, old: all }
    }

    fn create_argo_set(&mut self, rollout: &Value, sets: &Sets, hash: &str, mut template: Value) {
        put(&mut template, &["metadata", "labels", HASH], hash);
        let mut selector = rollout.pointer("/spec/selector").cloned().unwrap_or_default();
        put(&mut selector, &["matchLabels", HASH], hash);
        let next = sets
            .old
            .iter()
            .map(|set| revision_at(set, REVISION))
            .max()
            .unwrap_or_default()
            + 1;
        let set = json!({
            "metadata": {
                "name": format!("{}-{hash}", name(rollout)),
                "namespace": namespace(rollout),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owned_by(rollout)],
                "annotations": { REVISION: next.to_string() },
            },
            "spec": { "replicas": 0, "selector": selector, "template": template },
        });
        if let Err(error) = self.create(resources::known("replicasets"), set, &CONTROLLER) {
            tracing::warn!(error = %error.message, "a Rollout's ReplicaSet was refused");
        }
    }

    fn argo_scale(&mut self, set: &Value, to: i64) {
        self.modify(
            "replicasets",
            (namespace(set), name(set)),
            &CONTROLLER,
            |object| {
                put(object, &["spec", "replicas"], to);
            },
        );
    }

    /// Where it is, and where it goes.
    fn course(&mut self, rollout: &Value, sets: &Sets, current: &str) -> Course {
        let wished = wished(rollout);
        let steps = items(rollout, "/spec/strategy/canary/steps");
        let known = text(rollout, "/status/currentPodHash") == current;
        let mut course = Course {
            index: 0,
            pauses: Vec::new(),
            controller_pause: false,
            stable: text(rollout, "/status/stableRS").to_owned(),
            sizes: (wished, 0),
            phase: "Progressing",
            message: String::new(),
        };
        if known {
            course.index = usize::try_from(int(rollout, "/status/currentStepIndex")).unwrap_or_default();
            course.pauses = items(rollout, "/status/pauseConditions").to_vec();
            course.controller_pause = truth(rollout, "/status/controllerPause");
        }
        if !known {
            self.argo_pauses.remove(uid(rollout));
        }
        let available = sets.new_number("/status/availableReplicas");
        let paused = truth(rollout, "/spec/paused");
        // The first one, and whatever is stable already, go without steps.
        if course.stable.is_empty() || course.stable == current {
            course.index = steps.len();
            (course.pauses, course.controller_pause) = (Vec::new(), false);
        } else if known && truth(rollout, "/status/abort") {
            course.index = 0;
            (course.pauses, course.controller_pause) = (Vec::new(), false);
            course.sizes = (0, wished);
            course.phase = "Degraded";
            let revision = sets.new.as_ref().map(|set| revision_at(set, REVISION));
            course.message = format!(
                "RolloutAborted: Rollout aborted update to revision {}",
                revision.unwrap_or_default()
            );
            return course;
        } else {
            if known && truth(rollout, "/status/promoteFull") {
                course.index = steps.len();
                (course.pauses, course.controller_pause) = (Vec::new(), false);
            }
            while !paused && course.index < steps.len() && self.passes(rollout, sets, steps, &mut course) {
                course.index += 1;
            }
            let new = weighed(steps, course.index, wished);
            // What served goes when what comes serves.
            course.sizes = (new, (wished - new).max(wished - available).max(0));
        }
        let rest: i64 = sets.old.iter().map(|set| int(set, "/status/replicas")).sum();
        let whole = available >= wished && sets.new_number("/spec/replicas") == wished;
        if course.index == steps.len() && whole && (rest == 0 || course.stable == current) {
            course.stable = current.to_owned();
        }
        (course.phase, course.message) = match &course {
            _ if paused => ("Paused", "manually paused".to_owned()),
            course if !course.pauses.is_empty() => ("Paused", text(&course.pauses[0], "/reason").to_owned()),
            _ if sets.new_number("/status/replicas") < wished => {
                ("Progressing", "more replicas need to be updated".to_owned())
            }
            _ if available < wished => (
                "Progressing",
                "updated replicas are still becoming available".to_owned(),
            ),
            _ if rest > 0 => ("Progressing", "old replicas are pending termination".to_owned()),
            course if course.stable != current => {
                ("Progressing", "waiting for all steps to complete".to_owned())
            }
            _ => ("Healthy", String::new()),
        };
        course
    }

    /// Whether the step it is at is done.
    fn passes(&mut self, rollout: &Value, sets: &Sets, steps: &[Value], course: &mut Course) -> bool {
        let step = &steps[course.index];
        if step.get("setWeight").is_some() {
            let wished = wished(rollout);
            let new = weighed(steps, course.index, wished);
            let rest: i64 = sets.old.iter().map(|set| int(set, "/status/replicas")).sum();
            return sets.new_number("/status/availableReplicas") >= new && rest <= wished - new;
        }
        let Some(pause) = step.get("pause") else {
            return true;
        };
        if course.pauses.is_empty() && course.controller_pause {
            // Somebody promoted it.
            self.argo_pauses.remove(uid(rollout));
            course.controller_pause = false;
            return true;
        }
        if course.pauses.is_empty() {
            course.controller_pause = true;
            course.pauses = vec![json!({ "reason": "CanaryPauseStep", "startTime": stamp() })];
            if let Some(seconds) = seconds(&pause["duration"]) {
                let at = Instant::now() + self.timing.seconds(seconds);
                self.argo_pauses.insert(uid(rollout).to_owned(), at);
            }
            return false;
        }
        let until = self.argo_pauses.get(uid(rollout));
        if pause["duration"].is_null() || until.is_some_and(|until| *until > Instant::now()) {
            return false;
        }
        self.argo_pauses.remove(uid(rollout));
        (course.pauses, course.controller_pause) = (Vec::new(), false);
        true
    }

    fn argo_status(&mut self, rollout: &Value, sets: &Sets, current: &str, course: Course) {
        let generation = int(rollout, "/metadata/generation").to_string();
        let revision = sets
            .new
            .as_ref()
            .map(|set| revision_at(set, REVISION).to_string());
        let known = text(rollout, "/status/currentPodHash") == current;
        self.modify(
            "rollouts",
            (namespace(rollout), name(rollout)),
            &CONTROLLER_STATUS,
            |object| {
                if let Some(revision) = revision {
                    put(object, &["metadata", "annotations", REVISION], revision);
                }
                if !known || course.stable == current {
                    for field in ["abort", "abortedAt", "promoteFull"] {
                        take(object, &["status", field]);
                    }
                }
                put(object, &["status", "observedGeneration"], generation);
                put(object, &["status", "currentPodHash"], current);
                put(object, &["status", "stableRS"], course.stable.as_str());
                put(object, &["status", "currentStepIndex"], course.index);
                put(object, &["status", "phase"], course.phase);
                put(object, &["status", "message"], course.message.as_str());
                put(object, &["status", "replicas"], sets.sum("/status/replicas"));
                put(
                    object,
                    &["status", "updatedReplicas"],
                    sets.new_number("/status/replicas"),
                );
                put(
                    object,
                    &["status", "readyReplicas"],
                    sets.sum("/status/readyReplicas"),
                );
                put(
                    object,
                    &["status", "availableReplicas"],
                    sets.sum("/status/availableReplicas"),
                );
                put(object, &["status", "controllerPause"], course.controller_pause);
                match course.pauses.is_empty() {
                    true => drop(take(object, &["status", "pauseConditions"])),
                    false => put(object, &["status", "pauseConditions"], course.pauses),
                }
            },
        );
        // An earlier look takes the place of a later one: so the end of a pause is planned with each.
        if let Some(at) = self.argo_pauses.get(uid(rollout)).copied() {
            let task = Task::Sync("rollouts", namespace(rollout).into(), name(rollout).into());
            self.agenda.add(at, task);
        }
    }
}

fn argo_hash(set: &Value) -> &str {
    text(set, &format!("/metadata/labels/{HASH}"))
}

fn wished(rollout: &Value) -> i64 {
    rollout
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

/// How many new pods a step asks for: the share that was said last, rounded up.
fn weighed(steps: &[Value], index: usize, wished: i64) -> i64 {
    if index >= steps.len() {
        return wished;
    }
    let said = steps[..=index]
        .iter()
        .rev()
        .find_map(|step| step["setWeight"].as_i64());
    (wished * said.unwrap_or(0) + 99) / 100
}

/// A pause's length: a number of seconds, or a text as `10m`.
fn seconds(duration: &Value) -> Option<f64> {
    if let Some(number) = duration.as_f64() {
        return Some(number);
    }
    let text = duration.as_str()?;
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
    Some(match unit {
        "h" => number * 3600.0,
        "m" => number * 60.0,
        _ => number,
    })
}
