//! The DaemonSet controller: a pod on every node, replaced a few at a time.

use std::sync::Arc;

use serde_json::Value;

use super::{is_active, is_ready, revisions::REVISION_LABEL};
use crate::kubernetes::{
    store::State,
    value::{int, name, put, share, text, truth},
    write::CONTROLLER_STATUS,
};

const COMPONENT: &str = "daemonset-controller";

impl State {
    pub(super) fn sync_daemon_set(&mut self, ns: &str, set_name: &str) {
        let Some(set) = self.find("daemonsets", ns, set_name) else {
            return;
        };
        let revision = self.revision_of(&set);
        // Its pods carry the revision's hash alone.
        let revision = match revision.rsplit_once('-') {
            Some((_, hash)) => hash.to_owned(),
            None => revision,
        };
        let nodes: Vec<String> = self.all("nodes", "").map(|node| name(node).to_owned()).collect();
        self.cover(&set, &nodes, &revision);
        let pods = self.pods_of(&set);
        let active: Vec<_> = pods.iter().filter(|pod| is_active(pod)).collect();
        let ready = active.iter().filter(|pod| is_ready(pod)).count();
        let (available, next) = self.available(&set, &active);
        if let Some(next) = next {
            self.agenda
                .add(next, super::Task::Sync("daemonsets", ns.into(), set_name.into()));
        }
        let updated = active.iter().filter(|pod| has_revision(pod, &revision)).count();
        let generation = int(&set, "/metadata/generation");
        self.modify("daemonsets", (ns, set_name), &CONTROLLER_STATUS, |object| {
            put(object, &["status", "desiredNumberScheduled"], nodes.len());
            put(object, &["status", "currentNumberScheduled"], active.len());
            put(object, &["status", "numberMisscheduled"], 0);
            put(object, &["status", "numberReady"], ready);
            put(object, &["status", "numberAvailable"], available);
            put(
                object,
                &["status", "numberUnavailable"],
                nodes.len() - available.min(nodes.len()),
            );
            put(object, &["status", "updatedNumberScheduled"], updated);
            put(object, &["status", "observedGeneration"], generation);
        });
    }

    /// Creates what misses on a node, and replaces what is outdated as far as the strategy allows.
    fn cover(&mut self, set: &Arc<Value>, nodes: &[String], revision: &str) {
        let pods = self.pods_of(set);
        let of_node = |node: &str| pods.iter().find(|pod| text(pod, "/spec/nodeName") == node);
        for node in nodes {
            match of_node(node) {
                None => self.create_on(set, node, revision),
                Some(pod) if matches!(text(pod, "/status/phase"), "Failed" | "Succeeded") => {
                    self.delete_pod(set, pod, COMPONENT);
                }
                Some(_) => {}
            }
        }
        if text(set, "/spec/updateStrategy/type") != "RollingUpdate" {
            return;
        }
        let count = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
        let allowed = share(
            set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable"),
            count,
            true,
        )
        .max(1);
        let serving = |pod: &Arc<Value>| is_active(pod) && is_ready(pod);
        let missing = nodes
            .iter()
            .filter(|node| !of_node(node).is_some_and(serving))
            .count();
        let mut room = allowed - i64::try_from(missing).unwrap_or(i64::MAX);
        for pod in pods
            .iter()
            .filter(|pod| is_active(pod) && !has_revision(pod, revision))
        {
            if !is_ready(pod) {
                self.delete_pod(set, pod, COMPONENT);
            } else if room > 0 {
                room -= 1;
                self.delete_pod(set, pod, COMPONENT);
            }
        }
    }

    fn create_on(&mut self, set: &Arc<Value>, node: &str, revision: &str) {
        let pod_name = format!("{}-{}", name(set), self.letters(5));
        let made = self.create_pod_as(set, &pod_name, COMPONENT, |pod| {
            put(pod, &["metadata", "labels", REVISION_LABEL], revision);
            put(pod, &["spec", "nodeName"], node);
        });
        if made.is_err() {
            self.later("daemonsets", set);
        }
    }
}

fn has_revision(pod: &Value, revision: &str) -> bool {
    text(pod, &format!("/metadata/labels/{REVISION_LABEL}")) == revision
}

/// Whether a node takes new pods.
pub(super) fn is_open(node: &Value) -> bool {
    !truth(node, "/spec/unschedulable")
}
