//! The part of the world that counts for a rollout: its counts, and the pods of the version wanted now.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ControllerRevision, DeploymentCondition, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::argo;
use crate::cause::{Cause, Fault};
use crate::counts::Counts;
use crate::events::last_time;
use crate::explain::{explain, is_displaced};
use crate::judge::World;
use crate::memory::Memory;
use crate::object::Object;

const REVISION: &str = "deployment.kubernetes.io/revision";
const POD_HASH: &str = "pod-template-hash";
const REVISION_HASH: &str = "controller-revision-hash";

/// The replica set of the present template of a Deployment or a Rollout.
pub(crate) fn newest<'a>(object: &Object, sets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
    if let Object::Rollout(rollout) = object {
        let (uid, hash) = (
            rollout.metadata.uid.as_deref()?,
            rollout.status.current_pod_hash.as_ref()?,
        );
        return sets.iter().find(|set| {
            let labels = set.metadata.labels.as_ref();
            owned_by(set.metadata.owner_references.as_deref(), uid)
                && labels.and_then(|all| all.get(argo::POD_HASH)) == Some(hash)
        });
    }
    let revision = object.note(REVISION)?;
    let uid = object.meta().uid.as_deref()?;
    sets.iter().find(|set| {
        let notes = set.metadata.annotations.as_ref();
        owned_by(set.metadata.owner_references.as_deref(), uid)
            && notes.and_then(|all| all.get(REVISION)) == Some(revision)
    })
}

/// The pods of the version wanted now that count: not those that leave, nor those that Kubernetes itself displaced.
pub(crate) fn fresh<'a>(object: &Object, world: &'a World) -> Vec<&'a Pod> {
    let pods: Vec<&Pod> = match object {
        Object::Deployment(_) | Object::Rollout(_) => match newest(object, &world.replica_sets) {
            Some(newest) => pods_of(newest, hash_label(object), &world.pods),
            None => Vec::new(),
        },
        _ => own(object, &world.pods)
            .filter(|pod| is_wanted(object, &world.revisions, pod))
            .collect(),
    };
    pods.into_iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none() && !is_displaced(pod))
        .collect()
}

/// The pods that a StatefulSet has still to replace, and that therefore have to be well: it waits for them.
pub(crate) fn in_the_way<'a>(object: &Object, world: &'a World) -> Vec<&'a Pod> {
    if !matches!(object, Object::StatefulSet(_)) {
        return Vec::new();
    }
    own(object, &world.pods)
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .filter(|pod| !is_wanted(object, &world.revisions, pod))
        .collect()
}

fn own<'a>(object: &Object, pods: &'a [Pod]) -> impl Iterator<Item = &'a Pod> {
    let uid = object.meta().uid.clone().unwrap_or_default();
    pods.iter()
        .filter(move |pod| owned_by(pod.metadata.owner_references.as_deref(), &uid))
}

/// Whether a pod of a StatefulSet or a DaemonSet is of the version wanted now.
fn is_wanted(object: &Object, revisions: &[ControllerRevision], pod: &Pod) -> bool {
    let label = pod
        .metadata
        .labels
        .as_ref()
        .and_then(|all| all.get(REVISION_HASH));
    let wanted = match object {
        Object::StatefulSet(set) => set
            .status
            .as_ref()
            .and_then(|status| status.update_revision.clone()),
        // Its status does not say: it is the newest of its revisions, which has the same label as its pods.
        _ => latest(object, revisions),
    };
    match wanted {
        Some(wanted) => label == Some(&wanted),
        // Nobody may read the revisions: the images tell as much as a deploy changes.
        None => same_images(object, pod),
    }
}

fn latest(object: &Object, revisions: &[ControllerRevision]) -> Option<String> {
    let uid = object.meta().uid.as_deref()?;
    let newest = revisions
        .iter()
        .filter(|revision| owned_by(revision.metadata.owner_references.as_deref(), uid))
        .max_by_key(|revision| revision.revision)?;
    newest.metadata.labels.as_ref()?.get(REVISION_HASH).cloned()
}

fn same_images(object: &Object, pod: &Pod) -> bool {
    let of_pod = pod
        .spec
        .as_ref()
        .map(|spec| spec.containers.as_slice())
        .unwrap_or_default();
    object.containers().iter().all(|wanted| {
        of_pod
            .iter()
            .any(|container| container.name == wanted.name && container.image == wanted.image)
    })
}

pub(crate) fn owned_by(owners: Option<&[OwnerReference]>, uid: &str) -> bool {
    owners.unwrap_or_default().iter().any(|owner| owner.uid == uid)
}

fn hash_label(object: &Object) -> &'static str {
    match object {
        Object::Rollout(_) => argo::POD_HASH,
        _ => POD_HASH,
    }
}

/// A replica set's pods, which have the same hash in this label.
fn pods_of<'a>(set: &ReplicaSet, label: &str, pods: &'a [Pod]) -> Vec<&'a Pod> {
    let hash = |labels: Option<&BTreeMap<String, String>>| labels.and_then(|all| all.get(label)).cloned();
    let wanted = hash(set.metadata.labels.as_ref());
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    pods.iter()
        .filter(|pod| {
            let same = wanted.is_some() && hash(pod.metadata.labels.as_ref()) == wanted;
            let owners = pod.metadata.owner_references.as_deref();
            same && (owners.unwrap_or_default().is_empty() || owned_by(owners, uid))
        })
        .collect()
}

/// The part of the world that counts.
pub(crate) struct Seen<'a> {
    pub(crate) object: &'a Object,
    /// A Deployment's or a Rollout's.
    pub(crate) newest: Option<&'a ReplicaSet>,
    /// Those of the version wanted now.
    pub(crate) pods: Vec<&'a Pod>,
    /// Earlier ones that a StatefulSet waits for.
    pub(crate) in_the_way: Vec<&'a Pod>,
    pub(crate) events: &'a [Event],
    pub(crate) counts: Counts,
}

impl Seen<'_> {
    pub(crate) fn condition(&self, kind: &str) -> Option<&DeploymentCondition> {
        let Object::Deployment(deployment) = self.object else {
            return None;
        };
        let conditions = deployment.status.as_ref()?.conditions.as_deref()?;
        conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// What keeps Kubernetes from creating the new pods.
    pub(crate) fn refusal(&self) -> Option<Cause> {
        if !matches!(self.object, Object::Deployment(_) | Object::Rollout(_)) {
            return self.told_refusal();
        }
        let message = match self.newest {
            Some(set) => {
                let conditions = set.status.as_ref()?.conditions.as_deref()?;
                let condition = conditions
                    .iter()
                    .find(|c| c.type_ == "ReplicaFailure" && c.status == "True")?;
                condition.message.clone()
            }
            None => self
                .condition("ReplicaFailure")
                .filter(|c| c.status == "True")?
                .message
                .clone(),
        };
        Some(Cause::of(Fault::PodsRefused {
            message: message.unwrap_or_default(),
        }))
    }

    /// A StatefulSet and a DaemonSet have no condition for it: only their events tell.
    fn told_refusal(&self) -> Option<Cause> {
        if self.counts.existing >= self.counts.wanted {
            return None;
        }
        let uid = self.object.meta().uid.as_deref();
        let last = |reason: &str| {
            self.events
                .iter()
                .filter(|event| event.involved_object.uid.as_deref() == uid)
                .filter(|event| event.reason.as_deref() == Some(reason))
                .max_by_key(|event| last_time(event))
        };
        let failed = last("FailedCreate")?;
        let made = last("SuccessfulCreate").and_then(last_time);
        (last_time(failed) > made).then(|| {
            Cause::of(Fault::PodsRefused {
                message: failed.message.clone().unwrap_or_default(),
            })
        })
    }

    /// Whether pods that should serve do not.
    pub(crate) fn lacks(&self) -> bool {
        match self.object {
            Object::Deployment(_) => self
                .condition("Available")
                .is_some_and(|condition| condition.status == "False"),
            _ => self.counts.available < self.counts.wanted,
        }
    }

    pub(crate) fn restarts(&self) -> BTreeMap<String, i32> {
        self.pods.iter().flat_map(|pod| restart_counts(pod)).collect()
    }

    /// The most telling explanation of what is not well.
    pub(crate) fn worst(&self, memory: &Memory) -> Option<Cause> {
        let explained = self.pods.iter().filter_map(|pod| {
            let now = explain(pod, self.events);
            let before = memory.doomed.get(&uid(pod)).map(|(_, cause)| cause.clone());
            [now, before]
                .into_iter()
                .flatten()
                .max_by_key(|cause| cause.fault.rank())
        });
        let blocker = memory.blocker().cloned();
        let all: Vec<Cause> = explained.chain(self.refusal()).chain(blocker).collect();
        let worst = all.iter().max_by_key(|cause| cause.fault.rank())?;
        let alike = all
            .iter()
            .filter(|cause| cause.fault.rank() == worst.fault.rank())
            .count();
        let pods = if worst.pod.is_some() { alike } else { 0 };
        Some(Cause {
            pods,
            ..worst.clone()
        })
    }
}

pub(crate) fn uid(pod: &Pod) -> String {
    pod.metadata
        .uid
        .clone()
        .or_else(|| pod.metadata.name.clone())
        .unwrap_or_default()
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    conditions
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// By the pod's identity and the container's name, with a `/` between, which neither can hold.
pub(crate) fn restart_counts(pod: &Pod) -> impl Iterator<Item = (String, i32)> {
    let containers = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref());
    let uid = uid(pod);
    containers
        .unwrap_or_default()
        .iter()
        .map(move |container| (format!("{uid}/{}", container.name), container.restart_count))
}
