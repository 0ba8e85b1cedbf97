//! The part of the world that counts for a rollout: its counts, its newest replica set, that one's pods.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::cause::{Cause, Fault};
use crate::explain::{explain, is_displaced};
use crate::memory::Memory;
use crate::verdict::Why;

const REVISION: &str = "deployment.kubernetes.io/revision";
const POD_HASH: &str = "pod-template-hash";

/// The counts that kubectl compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) wanted: i32,
    pub(crate) existing: i32,
    pub(crate) updated: i32,
    pub(crate) available: i32,
}

impl Counts {
    pub(crate) fn of(deployment: &Deployment) -> Self {
        let status = deployment.status.as_ref();
        let count = |field: Option<i32>| field.unwrap_or(0).max(0);
        Counts {
            wanted: deployment
                .spec
                .as_ref()
                .and_then(|spec| spec.replicas)
                .unwrap_or(1)
                .max(0),
            existing: count(status.and_then(|status| status.replicas)),
            updated: count(status.and_then(|status| status.updated_replicas)),
            available: count(status.and_then(|status| status.available_replicas)),
        }
    }

    /// What is still missing, in kubectl's order.
    pub(crate) fn missing(self) -> Option<Why> {
        if self.updated < self.wanted {
            Some(Why::Creating {
                created: self.updated,
            })
        } else if self.existing > self.updated {
            Some(Why::OldPods {
                left: self.existing - self.updated,
            })
        } else if self.available < self.updated {
            Some(Why::Starting {
                left: self.updated - self.available,
            })
        } else {
            None
        }
    }

    pub(crate) fn hold(self) -> bool {
        self.missing().is_none()
    }
}

/// The replica set of the Deployment's present template.
pub(crate) fn newest<'a>(deployment: &Deployment, sets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
    let revision = deployment.metadata.annotations.as_ref()?.get(REVISION)?;
    let uid = deployment.metadata.uid.as_deref()?;
    sets.iter().find(|set| {
        owned_by(set.metadata.owner_references.as_deref(), uid)
            && set
                .metadata
                .annotations
                .as_ref()
                .and_then(|all| all.get(REVISION))
                == Some(revision)
    })
}

pub(crate) fn owned_by(owners: Option<&[OwnerReference]>, uid: &str) -> bool {
    owners.unwrap_or_default().iter().any(|owner| owner.uid == uid)
}

/// A replica set's pods that count: not those that leave, nor those that Kubernetes itself displaced.
pub(crate) fn pods_of<'a>(set: &ReplicaSet, pods: &'a [Pod]) -> Vec<&'a Pod> {
    let hash = |labels: Option<&BTreeMap<String, String>>| labels.and_then(|all| all.get(POD_HASH)).cloned();
    let wanted = hash(set.metadata.labels.as_ref());
    let uid = set.metadata.uid.as_deref().unwrap_or_default();
    pods.iter()
        .filter(|pod| {
            let same = wanted.is_some() && hash(pod.metadata.labels.as_ref()) == wanted;
            let owners = pod.metadata.owner_references.as_deref();
            same && (owners.unwrap_or_default().is_empty() || owned_by(owners, uid))
        })
        .filter(|pod| pod.metadata.deletion_timestamp.is_none() && !is_displaced(pod))
        .collect()
}

/// The part of the world that counts.
pub(crate) struct Seen<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) newest: Option<&'a ReplicaSet>,
    pub(crate) pods: Vec<&'a Pod>,
    pub(crate) events: &'a [Event],
    pub(crate) counts: Counts,
}

impl Seen<'_> {
    pub(crate) fn condition(&self, kind: &str) -> Option<&DeploymentCondition> {
        let conditions = self.deployment.status.as_ref()?.conditions.as_deref()?;
        conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// What keeps Kubernetes from creating the new pods.
    pub(crate) fn refusal(&self) -> Option<Cause> {
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
        let all: Vec<Cause> = explained.chain(self.refusal()).collect();
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
