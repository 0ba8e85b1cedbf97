//! The ReplicaSet controller: so many pods, and what it counts of them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Task, conditions, is_active, is_ready};
use crate::kubernetes::{
    behaviour::Behaviour,
    resources,
    store::State,
    value::{controller, int, items, name, namespace, owned_by, put, take, text, uid},
    write::{CONTROLLER, CONTROLLER_STATUS},
};

/// How many pods one look creates, as in the real controller.
const BURST: usize = 500;
/// How many pods the emulator holds.
const MOST_PODS: usize = 5_000;

impl State {
    pub(super) fn sync_replica_set(&mut self, ns: &str, set_name: &str) {
        let Some(set) = self.find("replicasets", ns, set_name) else {
            return;
        };
        let mut failure = None;
        if text(&set, "/metadata/deletionTimestamp").is_empty() {
            failure = self.keep_count(&set);
        }
        let pods = self.pods_of(&set);
        let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).collect();
        let ready = active.iter().filter(|pod| is_ready(pod)).count();
        let (available, next) = self.available(&set, &active);
        if let Some(next) = next {
            self.agenda
                .add(next, Task::Sync("replicasets", ns.into(), set_name.into()));
        }
        let leaving = pods
            .iter()
            .filter(|pod| !text(pod, "/metadata/deletionTimestamp").is_empty())
            .count();
        let generation = int(&set, "/metadata/generation");
        self.modify("replicasets", (ns, set_name), &CONTROLLER_STATUS, |object| {
            put(object, &["status", "replicas"], active.len());
            for (field, number) in [
                ("fullyLabeledReplicas", active.len()),
                ("readyReplicas", ready),
                ("availableReplicas", available),
            ] {
                if number == 0 {
                    take(object, &["status", field]);
                } else {
                    put(object, &["status", field], number);
                }
            }
            put(object, &["status", "terminatingReplicas"], leaving);
            put(object, &["status", "observedGeneration"], generation);
            match failure {
                Some(message) => {
                    conditions::set(
                        object,
                        conditions::new("ReplicaFailure", "True", "FailedCreate", &message),
                    );
                }
                None => drop(conditions::remove(object, "ReplicaFailure")),
            }
        });
    }

    /// The pods a controller owns.
    pub(super) fn pods_of(&self, owner: &Value) -> Vec<Arc<Value>> {
        self.all("pods", namespace(owner))
            .filter(|pod| controller(pod) == Some(uid(owner)))
            .cloned()
            .collect()
    }

    /// How many pods have been ready for long enough, and when the next will have been.
    pub(super) fn available(&self, owner: &Value, active: &[&Arc<Value>]) -> (usize, Option<Instant>) {
        #[expect(clippy::cast_precision_loss, reason = "a small number of seconds")]
        let least = self.timing.seconds(int(owner, "/spec/minReadySeconds") as f64);
        let now = Instant::now();
        let mut next = None;
        let mut count = 0;
        for pod in active.iter().filter(|pod| is_ready(pod)) {
            let Some(since) = self.runs.get(uid(pod)).and_then(|run| run.ready_since) else {
                continue;
            };
            if since + least <= now {
                count += 1;
            } else {
                next = Some(next.map_or(since + least, |at: Instant| at.min(since + least)));
            }
        }
        (count, next)
    }

    /// Creates the pods that miss and deletes those too many; says why one could not be created.
    fn keep_count(&mut self, set: &Value) -> Option<String> {
        let wished = usize::try_from(int(set, "/spec/replicas")).unwrap_or_default();
        let mut active: Vec<_> = self
            .pods_of(set)
            .into_iter()
            .filter(|pod| is_active(pod))
            .collect();
        if active.len() < wished {
            for _ in active.len()..wished.min(active.len() + BURST) {
                if let Err(message) = self.create_pod(set, "replicaset-controller") {
                    self.later("replicasets", set);
                    return Some(message);
                }
            }
        } else if active.len() > wished {
            // What serves least goes first: not scheduled, not ready, restarted, young.
            active.sort_by_key(|pod| {
                let restarts = int(pod, "/status/containerStatuses/0/restartCount");
                let version: i64 = text(pod, "/metadata/resourceVersion").parse().unwrap_or_default();
                let placed = !text(pod, "/spec/nodeName").is_empty();
                (placed, is_ready(pod), -restarts, -version)
            });
            for pod in active.iter().take(active.len() - wished) {
                self.delete_pod(set, pod, "replicaset-controller");
            }
        }
        None
    }

    pub(super) fn delete_pod(&mut self, owner: &Value, pod: &Value, component: &str) {
        // Gone already is as good.
        if self
            .delete(resources::known("pods"), namespace(pod), name(pod), &Value::Null)
            .is_ok()
        {
            let message = format!("Deleted pod: {}", name(pod));
            self.record(owner, "Normal", "SuccessfulDelete", &message, component);
        }
    }

    /// Creates a pod with a generated name from the owner's template.
    fn create_pod(&mut self, owner: &Value, component: &str) -> Result<(), String> {
        let pod_name = format!("{}-{}", name(owner), self.letters(5));
        self.create_pod_as(owner, &pod_name, component, |_| {})
    }

    /// Creates a pod of that name from the owner's template.
    pub(super) fn create_pod_as(
        &mut self,
        owner: &Value,
        pod_name: &str,
        component: &str,
        adapt: impl FnOnce(&mut Value),
    ) -> Result<(), String> {
        let template = owner.pointer("/spec/template").cloned().unwrap_or_default();
        let mut pod = json!({
            "metadata": {
                "name": pod_name,
                "generateName": format!("{}-", name(owner)),
                "namespace": namespace(owner),
                "labels": template.pointer("/metadata/labels").cloned().unwrap_or_default(),
                "ownerReferences": [owned_by(owner)],
            },
            "spec": template["spec"],
        });
        if let Some(annotations) = template.pointer("/metadata/annotations") {
            put(&mut pod, &["metadata", "annotations"], annotations.clone());
        }
        adapt(&mut pod);
        let version = text(&pod, "/metadata/labels/app.kubernetes.io~1version").to_owned();
        let quota = items(&pod, "/spec/containers").iter().find_map(|container| {
            match self.behaviours.of(text(container, "/image"), &version) {
                Behaviour::Quota { message } => Some(message),
                _ => None,
            }
        });
        let full = self.all("pods", "").count() >= MOST_PODS;
        let quota = quota.or_else(|| {
            full.then(|| format!("exceeded quota: emulator, requested: pods=1, used: pods={MOST_PODS}, limited: pods={MOST_PODS}"))
        });
        let made = match quota {
            Some(message) => Err(format!("pods \"{pod_name}\" is forbidden: {message}")),
            None => self
                .create(resources::known("pods"), pod, &CONTROLLER)
                .map_err(|error| error.message),
        };
        match made {
            Ok(_) => {
                let message = format!("Created pod: {pod_name}");
                self.record(owner, "Normal", "SuccessfulCreate", &message, component);
                Ok(())
            }
            Err(message) => {
                let told = format!("Error creating: {message}");
                self.record(owner, "Warning", "FailedCreate", &told, component);
                Err(message)
            }
        }
    }
}
