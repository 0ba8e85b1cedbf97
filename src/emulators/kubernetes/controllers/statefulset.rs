//! The StatefulSet controller: numbered pods, one after the other, and the partition of an update.
//!
//! As on a real cluster, with ordered management a pod that never becomes ready holds up the mended template too,
//! until somebody deletes it.

use std::sync::Arc;

use serde_json::Value;

use super::{is_active, is_ready, revisions::REVISION_LABEL};
use crate::kubernetes::{
    store::State,
    value::{int, name, put, text},
    write::CONTROLLER_STATUS,
};

const COMPONENT: &str = "statefulset-controller";

fn ordinal(pod: &Value) -> i64 {
    name(pod)
        .rsplit('-')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(-1)
}

fn revision(pod: &Value) -> &str {
    text(pod, &format!("/metadata/labels/{REVISION_LABEL}"))
}

impl State {
    pub(super) fn sync_stateful_set(&mut self, ns: &str, set_name: &str) {
        let Some(set) = self.find("statefulsets", ns, set_name) else {
            return;
        };
        let update = self.revision_of(&set);
        let current = match text(&set, "/status/currentRevision") {
            "" => update.clone(),
            known => known.to_owned(),
        };
        self.move_ordinals(&set, &current, &update);
        let pods = self.pods_of(&set);
        let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).collect();
        let ready = active.iter().filter(|pod| is_ready(pod)).count();
        let (available, next) = self.available(&set, &active);
        if let Some(next) = next {
            self.agenda.add(
                next,
                super::Task::Sync("statefulsets", ns.into(), set_name.into()),
            );
        }
        let of = |wanted: &str| pods.iter().filter(|pod| revision(pod) == wanted).count();
        let (updated, at_current) = (of(&update), of(&current));
        let wished = usize::try_from(int(&set, "/spec/replicas")).unwrap_or_default();
        let done = updated == wished && ready == wished && pods.len() == wished;
        let generation = int(&set, "/metadata/generation");
        self.modify("statefulsets", (ns, set_name), &CONTROLLER_STATUS, |object| {
            put(object, &["status", "replicas"], pods.len());
            put(object, &["status", "readyReplicas"], ready);
            put(object, &["status", "availableReplicas"], available);
            put(object, &["status", "updatedReplicas"], updated);
            put(
                object,
                &["status", "currentReplicas"],
                if done { updated } else { at_current },
            );
            put(object, &["status", "updateRevision"], update.as_str());
            put(
                object,
                &["status", "currentRevision"],
                if done { update.as_str() } else { current.as_str() },
            );
            put(object, &["status", "collisionCount"], 0);
            put(object, &["status", "observedGeneration"], generation);
        });
    }

    /// Takes the one next step, or with parallel management all that can be taken.
    fn move_ordinals(&mut self, set: &Arc<Value>, current: &str, update: &str) {
        let ordered = text(set, "/spec/podManagementPolicy") != "Parallel";
        let wished = int(set, "/spec/replicas");
        let rolling = text(set, "/spec/updateStrategy/type") == "RollingUpdate";
        let partition = int(set, "/spec/updateStrategy/rollingUpdate/partition");
        let mut pods = self.pods_of(set);
        pods.sort_by_key(|pod| ordinal(pod));
        let mut young = false;
        for number in 0..wished {
            match pods.iter().find(|pod| ordinal(pod) == number) {
                None => {
                    let at = if rolling && number >= partition {
                        update
                    } else {
                        current
                    };
                    if !self.create_ordinal(set, number, at) || ordered {
                        return;
                    }
                    young = true;
                }
                // What has failed is made anew.
                Some(pod) if matches!(text(pod, "/status/phase"), "Failed" | "Succeeded") => {
                    self.delete_pod(set, pod, COMPONENT);
                    if ordered {
                        return;
                    }
                }
                Some(pod) if ordered && !(is_active(pod) && is_ready(pod)) => return,
                Some(_) => {}
            }
        }
        let surplus: Vec<_> = pods
            .iter()
            .filter(|pod| ordinal(pod) >= wished)
            .cloned()
            .collect();
        for pod in surplus.iter().rev() {
            if is_active(pod) {
                self.delete_pod(set, pod, COMPONENT);
            }
            if ordered {
                return;
            }
        }
        // One that has just been made is not ready, and the update waits for it with either management.
        if !rolling || young {
            return;
        }
        for pod in pods
            .iter()
            .rev()
            .filter(|pod| (partition..wished).contains(&ordinal(pod)))
        {
            if revision(pod) != update && is_active(pod) {
                self.delete_pod(set, pod, COMPONENT);
                return;
            }
            if !(is_active(pod) && is_ready(pod)) {
                return;
            }
        }
    }

    fn create_ordinal(&mut self, set: &Arc<Value>, number: i64, revision: &str) -> bool {
        let mut owner = Value::clone(set);
        put(&mut owner, &["spec", "template"], self.template_of(set, revision));
        let pod_name = format!("{}-{number}", name(set));
        // A refusal is told by an event, and tried again at a later look.
        let made = self.create_pod_as(&owner, &pod_name, COMPONENT, |pod| {
            put(pod, &["metadata", "labels", REVISION_LABEL], revision);
            put(
                pod,
                &["metadata", "labels", "statefulset.kubernetes.io/pod-name"],
                pod_name.as_str(),
            );
            put(
                pod,
                &["metadata", "labels", "apps.kubernetes.io/pod-index"],
                number.to_string(),
            );
        });
        if made.is_err() {
            self.later("statefulsets", set);
        }
        made.is_ok()
    }
}
