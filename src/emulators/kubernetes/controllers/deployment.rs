//! The Deployment controller, after `pkg/controller/deployment` of Kubernetes.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Task, conditions, is_active, is_paused,
    replicas::{Fence, HASH, REVISION, Sets, is_rolling, revision},
};
use crate::kubernetes::{
    resources,
    store::State,
    value::{canonical, controller, int, name, namespace, owned_by, put, text, uid},
    write::{CONTROLLER, CONTROLLER_STATUS},
};

/// Whether a deadline is set at all.
pub(super) fn has_deadline(deployment: &Value) -> bool {
    deployment
        .pointer("/spec/progressDeadlineSeconds")
        .is_some_and(|d| d.as_i64() != Some(i64::from(i32::MAX)))
}

impl State {
    pub(super) fn sync_deployment(&mut self, ns: &str, deployment_name: &str) {
        let Some(deployment) = self.find("deployments", ns, deployment_name) else {
            return;
        };
        let mut behind = self.behind.remove(uid(&deployment));
        if self.check_pause(&deployment) {
            // The controller goes on with the object it read; what it then writes to it is refused as stale.
            behind = true;
            if is_paused(&deployment) {
                return;
            }
        }
        let sets = self.sets_of(&deployment);
        if is_paused(&deployment) || is_scaling(&deployment, &sets) {
            let Some(sets) = self.revise(&deployment, sets, false, behind) else {
                return;
            };
            self.scale_sets(&deployment, &sets);
            let sets = self.sets_of(&deployment);
            if is_paused(&deployment) {
                self.clean_history(&deployment, &sets);
            } else {
                self.behind.insert(uid(&deployment).to_owned());
            }
            self.write_status(&deployment, &sets, false);
        } else if is_rolling(&deployment) {
            self.roll(&deployment, sets, behind);
        } else {
            self.recreate(&deployment, sets, behind);
        }
    }

    fn again(&mut self, deployment: &Value) {
        let task = Task::Sync(
            "deployments",
            namespace(deployment).into(),
            name(deployment).into(),
        );
        self.agenda.add(Instant::now() + self.timing.reaction / 2, task);
    }

    fn roll(&mut self, deployment: &Arc<Value>, sets: Sets, behind: bool) {
        let Some(sets) = self.revise(deployment, sets, true, behind) else {
            return;
        };
        let scaled = self.scale_new(deployment, &sets) || self.scale_old(deployment, &sets);
        let sets = self.sets_of(deployment);
        if !scaled && is_complete(deployment, deployment) {
            self.clean_history(deployment, &sets);
        }
        self.write_status(deployment, &sets, true);
    }

    fn recreate(&mut self, deployment: &Arc<Value>, sets: Sets, behind: bool) {
        let Some(sets) = self.revise(deployment, sets, false, behind) else {
            return;
        };
        let mut scaled = false;
        for old in sets.old.iter().filter(|old| int(old, "/spec/replicas") > 0) {
            scaled |= self.scale_set(deployment, old, 0);
        }
        if !scaled && !self.old_pods_run(deployment, &sets) {
            let Some(sets) = self.revise(deployment, sets, true, behind) else {
                return;
            };
            self.scale_new(deployment, &sets);
            if is_complete(deployment, deployment) {
                self.clean_history(deployment, &sets);
            }
        }
        let sets = self.sets_of(deployment);
        self.write_status(deployment, &sets, true);
    }

    fn old_pods_run(&self, deployment: &Value, sets: &Sets) -> bool {
        self.all("pods", namespace(deployment)).any(|pod| {
            let of_old = sets.old.iter().any(|old| controller(pod) == Some(uid(old)));
            of_old && (is_active(pod) || !text(pod, "/metadata/deletionTimestamp").is_empty())
        })
    }

    /// Writes the condition of a pause or a resume; says whether it did.
    fn check_pause(&mut self, deployment: &Value) -> bool {
        if !has_deadline(deployment)
            || conditions::reason(deployment, "Progressing") == "ProgressDeadlineExceeded"
        {
            return false;
        }
        let known = conditions::reason(deployment, "Progressing") == "DeploymentPaused";
        let condition = match (is_paused(deployment), known) {
            (true, false) => conditions::new(
                "Progressing",
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused",
            ),
            (false, true) => conditions::new(
                "Progressing",
                "Unknown",
                "DeploymentResumed",
                "Deployment is resumed",
            ),
            _ => return false,
        };
        self.progressed(deployment);
        self.status_of(deployment, |object| {
            conditions::set(object, condition);
        });
        self.again(deployment);
        true
    }

    pub(super) fn progressed(&mut self, deployment: &Value) {
        self.progress.insert(uid(deployment).to_owned(), Instant::now());
    }

    /// Writes something to the Deployment's status.
    pub(super) fn status_of(&mut self, deployment: &Value, change: impl FnOnce(&mut Value)) {
        self.modify(
            "deployments",
            (namespace(deployment), name(deployment)),
            &CONTROLLER_STATUS,
            change,
        );
    }

    /// Finds or creates the ReplicaSet of the current template and settles the revisions. Nothing, if that took a
    /// write to the Deployment, after which the controller comes again.
    fn revise(&mut self, deployment: &Arc<Value>, sets: Sets, create: bool, behind: bool) -> Option<Sets> {
        let next = sets.old.iter().map(|set| revision(set)).max().unwrap_or_default() + 1;
        let Some(set) = &sets.new else {
            if !create {
                return Some(sets);
            }
            let set = self.create_set(deployment, &sets, next)?;
            let message = format!("Created new replica set \"{}\"", name(&set));
            if !behind {
                self.progressed(deployment);
                self.status_of(deployment, |object| {
                    put(object, &["metadata", "annotations", REVISION], next.to_string());
                    if has_deadline(object) {
                        conditions::set(
                            object,
                            conditions::new("Progressing", "True", "NewReplicaSetCreated", &message),
                        );
                    }
                });
            }
            self.again(deployment);
            return None;
        };
        let mut wanted = Value::clone(set);
        annotate(&mut wanted, deployment);
        if revision(set) < next {
            put(
                &mut wanted,
                &["metadata", "annotations", REVISION],
                next.to_string(),
            );
        }
        let seconds = int(deployment, "/spec/minReadySeconds");
        if int(set, "/spec/minReadySeconds") != seconds {
            put(&mut wanted, &["spec", "minReadySeconds"], seconds);
        }
        if wanted != **set {
            self.modify(
                "replicasets",
                (namespace(set), name(set)),
                &CONTROLLER,
                |object| {
                    put(
                        object,
                        &["metadata", "annotations"],
                        wanted["metadata"]["annotations"].clone(),
                    );
                    if let Some(seconds) = wanted.pointer("/spec/minReadySeconds") {
                        put(object, &["spec", "minReadySeconds"], seconds.clone());
                    }
                },
            );
            self.again(deployment);
            return None;
        }
        let found = has_deadline(deployment) && conditions::find(deployment, "Progressing").is_none();
        if revision(deployment) != revision(set) || found {
            let message = format!("Found new replica set \"{}\"", name(set));
            let text = revision(set).to_string();
            self.progressed(deployment);
            self.status_of(deployment, |object| {
                put(object, &["metadata", "annotations", REVISION], text);
                if found {
                    conditions::set(
                        object,
                        conditions::new("Progressing", "True", "FoundNewReplicaSet", &message),
                    );
                }
            });
            self.again(deployment);
            return None;
        }
        Some(sets)
    }

    fn create_set(&mut self, deployment: &Value, sets: &Sets, revision: i64) -> Option<Arc<Value>> {
        let mut template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        let hash = hash(&canonical(&template));
        put(&mut template, &["metadata", "labels", HASH], hash.as_str());
        let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
        put(&mut selector, &["matchLabels", HASH], hash.as_str());
        let replicas = new_count(deployment, sets, 0);
        let mut set = json!({
            "metadata": {
                "name": format!("{}-{hash}", name(deployment)),
                "namespace": namespace(deployment),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owned_by(deployment)],
                "annotations": { REVISION: revision.to_string() },
            },
            "spec": { "replicas": replicas, "selector": selector, "template": template },
        });
        let seconds = int(deployment, "/spec/minReadySeconds");
        if seconds > 0 {
            put(&mut set, &["spec", "minReadySeconds"], seconds);
        }
        annotate(&mut set, deployment);
        sized(&mut set, deployment);
        match self.create(resources::known("replicasets"), set, &CONTROLLER) {
            Ok(set) => {
                if replicas > 0 {
                    let message = format!("Scaled up replica set {} from 0 to {replicas}", name(&set));
                    self.record(
                        deployment,
                        "Normal",
                        "ScalingReplicaSet",
                        &message,
                        "deployment-controller",
                    );
                }
                Some(set)
            }
            Err(error) => {
                let message = format!("Failed to create new replica set: {}", error.message);
                self.record(
                    deployment,
                    "Warning",
                    "ReplicaSetCreateError",
                    &message,
                    "deployment-controller",
                );
                None
            }
        }
    }
}

/// How many pods the new ReplicaSet may have now.
pub(super) fn new_count(deployment: &Value, sets: &Sets, has: i64) -> i64 {
    let wished = int(deployment, "/spec/replicas");
    if !is_rolling(deployment) {
        return wished;
    }
    let room = wished + Fence::of(deployment).surge - sets.sum("/spec/replicas");
    if room <= 0 {
        has
    } else {
        has + room.min(wished - has)
    }
}

/// Whether the number of replicas was changed since the ReplicaSets were sized.
fn is_scaling(deployment: &Value, sets: &Sets) -> bool {
    sets.all()
        .filter(|set| int(set, "/spec/replicas") > 0)
        .any(|set| {
            let sized =
                crate::kubernetes::value::annotation(set, "deployment.kubernetes.io/desired-replicas");
            sized
                .and_then(|text| text.parse::<i64>().ok())
                .is_some_and(|n| n != int(deployment, "/spec/replicas"))
        })
}

/// Whether `status`, an object with a status, says that the Deployment is rolled out.
pub(super) fn is_complete(deployment: &Value, status: &Value) -> bool {
    let wished = int(deployment, "/spec/replicas");
    int(status, "/status/updatedReplicas") == wished
        && int(status, "/status/replicas") == wished
        && int(status, "/status/availableReplicas") == wished
        && int(status, "/status/observedGeneration") >= int(deployment, "/metadata/generation")
}

/// Copies the Deployment's annotations to its ReplicaSet, but those that are about one of them.
fn annotate(set: &mut Value, deployment: &Value) {
    const OWN: [&str; 6] = [
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    ];
    let annotations = deployment
        .pointer("/metadata/annotations")
        .and_then(Value::as_object);
    for (key, value) in annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
    {
        put(set, &["metadata", "annotations", key], value.clone());
    }
}

/// Writes down for which size the ReplicaSet was sized.
pub(super) fn sized(set: &mut Value, deployment: &Value) {
    let wished = int(deployment, "/spec/replicas");
    let most = wished + Fence::of(deployment).surge;
    put(
        set,
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/desired-replicas",
        ],
        wished.to_string(),
    );
    put(
        set,
        &["metadata", "annotations", "deployment.kubernetes.io/max-replicas"],
        most.to_string(),
    );
}

/// A hash as ReplicaSet names have it: FNV-1a, in letters that make no words.
pub(super) fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    hash.to_string()
        .bytes()
        .map(|digit| LETTERS[digit as usize % LETTERS.len()] as char)
        .collect()
}
