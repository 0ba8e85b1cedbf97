//! The judge: what has become of a rollout.
//!
//! A function of what was applied, what is seen, what was seen before, and the time. It follows the order of
//! kubectl's `rollout_status.go`, and adds what that leaves out: whose change runs, pods that can never come
//! up, and a time of watching after the rollout.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::annotations;
use crate::apply::Applied;
use crate::cause::{Cause, Doom, Fault};
use crate::explain::{explain, is_displaced, restarted};
use crate::managed::{image_owners, pause_owner};
use crate::workload::containers;

const REVISION: &str = "deployment.kubernetes.io/revision";
const POD_HASH: &str = "pod-template-hash";

/// How patient the judge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long the new pods are watched after the rollout.
    pub stability: Duration,
    /// How long one doomed pod among healthy ones is tolerated.
    pub grace: Duration,
    /// How long the rollout may take as a whole, whatever the cluster thinks.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            stability: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            deadline: Duration::from_secs(15 * 60),
        }
    }
}

/// What is seen of the world.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The workload; none when it does not exist.
    pub deployment: Option<Deployment>,
    /// The replica sets that its selector finds.
    pub replica_sets: Vec<ReplicaSet>,
    /// The pods that its selector finds.
    pub pods: Vec<Pod>,
    /// Events about them.
    pub events: Vec<Event>,
}

/// What the judge remembers from one look to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// By pod: since when it is doomed, and why. A pod between two crashes looks fine for a moment.
    doomed: BTreeMap<String, (Timestamp, Cause)>,
    /// Since when Kubernetes is not allowed to create pods.
    refused: Option<Timestamp>,
    bake: Option<Bake>,
}

/// The time of watching after the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bake {
    since: Timestamp,
    /// How many pods were available when it began.
    available: i32,
    /// By pod and container: how often it had been restarted when it was first seen.
    restarts: BTreeMap<(String, String), i32>,
}

/// What has become of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Waiting {
        /// New pods that are available.
        done: i32,
        /// Pods wanted.
        total: i32,
        /// What is waited for.
        why: Why,
        /// What is not well, though it may pass.
        trouble: Option<Box<Cause>>,
    },
    /// Somebody paused it: it does not go on by itself, and no deadline runs in the cluster.
    Paused {
        /// The field manager that did.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// Another image is wanted by now.
    Superseded {
        /// The image wanted.
        image: String,
        /// Who asked for it, when it was deployed with Otus.
        by: Option<String>,
        /// The field manager that set it.
        manager: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// It will not succeed.
    Failed {
        /// Why.
        cause: Box<Cause>,
        /// How that was found.
        found: Found,
        /// Pods of earlier versions that still serve.
        old: i32,
    },
    /// All new pods are available, and are being watched.
    Available {
        /// How many they are. Zero means that nothing ran this code.
        pods: i32,
        /// Until when they are watched.
        until: Timestamp,
    },
    /// They stayed so.
    Stable {
        /// How many they are. Zero means that nothing ran this code.
        pods: i32,
    },
    /// The workload was deleted, or another one took its name.
    Gone,
}

/// What a rollout waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The controller has not seen the change yet.
    NotObserved,
    /// New pods are to be created.
    Creating {
        /// New pods that exist.
        created: i32,
    },
    /// Pods of earlier versions are to go.
    OldPods {
        /// How many are left.
        left: i32,
    },
    /// New pods are to become available.
    Starting {
        /// How many are not.
        left: i32,
    },
}

/// How a failure was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The new pods can never come up.
    Doomed,
    /// The deadline in the Deployment's spec passed.
    ProgressDeadline,
    /// Otus' own deadline passed.
    OwnDeadline,
    /// In the time of watching after the rollout.
    Watching,
}

impl Verdict {
    /// True when nothing more will come of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Verdict::Superseded { .. } | Verdict::Failed { .. } | Verdict::Stable { .. } | Verdict::Gone
        )
    }
}

/// The counts that kubectl compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    wanted: i32,
    existing: i32,
    updated: i32,
    available: i32,
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
    fn missing(self) -> Option<Why> {
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

/// Judges a rollout. `memory` is what earlier looks left; the first one begins with [`Memory::default`].
pub fn judge(
    applied: &Applied,
    world: &World,
    memory: &mut Memory,
    now: Timestamp,
    settings: &Settings,
) -> Verdict {
    let Some(deployment) = &world.deployment else {
        return Verdict::Gone;
    };
    let meta = &deployment.metadata;
    if meta.uid.as_deref() != Some(applied.uid.as_str()) {
        return Verdict::Gone;
    }
    let counts = Counts::of(deployment);
    let late = is_after(now, applied.at, settings.deadline);
    let generation = meta.generation.unwrap_or(0);
    // An API server's cache may lag behind our own write: what it shows then is the past.
    let past = generation < applied.generation;
    if !past && let Some(superseded) = superseded(applied, deployment) {
        return superseded;
    }
    let observed = deployment
        .status
        .as_ref()
        .and_then(|status| status.observed_generation)
        .unwrap_or(0);
    if past || observed < generation {
        if late && memory.bake.is_none() {
            let cause = Box::new(Cause::of(Fault::NotObserved));
            return Verdict::Failed {
                cause,
                found: Found::OwnDeadline,
                old: counts.available,
            };
        }
        return Verdict::Waiting {
            done: 0,
            total: counts.wanted,
            why: Why::NotObserved,
            trouble: None,
        };
    }
    if deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.paused)
        .unwrap_or(false)
    {
        let owner = pause_owner(meta);
        let at = owner.as_ref().and_then(|owner| owner.at);
        return Verdict::Paused {
            by: owner.map(|owner| owner.manager),
            at,
        };
    }
    let newest = newest(deployment, &world.replica_sets);
    let pods = newest.map_or_else(Vec::new, |newest| pods_of(newest, &world.pods));
    let new_available = newest
        .and_then(|set| set.status.as_ref())
        .map_or(counts.available - (counts.existing - counts.updated), |status| {
            status.available_replicas.unwrap_or(0)
        })
        .clamp(0, counts.available.min(counts.updated).max(0));
    let old = counts.available - new_available;
    let seen = Seen {
        deployment,
        newest,
        pods,
        events: &world.events,
        counts,
    };
    memory.learn(&seen, now);
    let failed = |cause: Cause, found: Found| Verdict::Failed {
        cause: Box::new(cause),
        found,
        old,
    };

    if memory.bake.is_some() {
        return memory
            .watch(&seen, now, settings)
            .unwrap_or_else(|cause| failed(*cause, Found::Watching));
    }
    if let Some(cause) = memory.doomed(&seen, now, settings) {
        return failed(cause, Found::Doomed);
    }
    let exceeded = seen
        .condition("Progressing")
        .is_some_and(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded"));
    if exceeded {
        return failed(
            seen.worst(memory).unwrap_or_else(|| Cause::of(Fault::Unknown)),
            Found::ProgressDeadline,
        );
    }
    let missing = counts.missing();
    // Nothing is to run: there is nobody to wait for.
    if missing.is_none() || counts.wanted == 0 {
        memory.bake = Some(Bake {
            since: now,
            available: counts.available,
            restarts: seen.restarts(),
        });
        let until = plus(
            now,
            if counts.wanted == 0 {
                Duration::ZERO
            } else {
                settings.stability
            },
        );
        return Verdict::Available {
            pods: counts.wanted,
            until,
        };
    }
    if late {
        return failed(
            seen.worst(memory).unwrap_or_else(|| Cause::of(Fault::Unknown)),
            Found::OwnDeadline,
        );
    }
    Verdict::Waiting {
        done: new_available.min(counts.wanted),
        total: counts.wanted,
        why: missing.unwrap_or(Why::NotObserved),
        trouble: seen.worst(memory).map(Box::new),
    }
}

fn superseded(applied: &Applied, deployment: &Deployment) -> Option<Verdict> {
    let container = containers(deployment)
        .iter()
        .find(|container| container.name == applied.container);
    let image = container
        .and_then(|container| container.image.as_deref())
        .unwrap_or_default();
    if image == applied.image {
        return None;
    }
    let meta = &deployment.metadata;
    let owner = image_owners(meta, &applied.container).into_iter().next();
    let note = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key)).cloned();
    let ours = note(annotations::IMAGE).as_deref() == Some(image);
    Some(Verdict::Superseded {
        image: image.to_owned(),
        by: if ours { note(annotations::BY) } else { None },
        at: owner.as_ref().and_then(|owner| owner.at),
        manager: owner.map(|owner| owner.manager),
    })
}

/// The replica set of the Deployment's present template.
fn newest<'a>(deployment: &Deployment, sets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
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

fn owned_by(owners: Option<&[OwnerReference]>, uid: &str) -> bool {
    owners.unwrap_or_default().iter().any(|owner| owner.uid == uid)
}

/// A replica set's pods that count: not those that leave, nor those that Kubernetes itself displaced.
fn pods_of<'a>(set: &ReplicaSet, pods: &'a [Pod]) -> Vec<&'a Pod> {
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
struct Seen<'a> {
    deployment: &'a Deployment,
    newest: Option<&'a ReplicaSet>,
    pods: Vec<&'a Pod>,
    events: &'a [Event],
    counts: Counts,
}

impl Seen<'_> {
    fn condition(&self, kind: &str) -> Option<&DeploymentCondition> {
        let conditions = self.deployment.status.as_ref()?.conditions.as_deref()?;
        conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// What keeps Kubernetes from creating the new pods.
    fn refusal(&self) -> Option<Cause> {
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

    fn restarts(&self) -> BTreeMap<(String, String), i32> {
        self.pods.iter().flat_map(|pod| restart_counts(pod)).collect()
    }

    /// The most telling explanation of what is not well.
    fn worst(&self, memory: &Memory) -> Option<Cause> {
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

impl Memory {
    /// Notes which pods are doomed, and forgets those that recovered or went.
    fn learn(&mut self, seen: &Seen<'_>, now: Timestamp) {
        let known = std::mem::take(&mut self.doomed);
        for pod in &seen.pods {
            let uid = uid(pod);
            let before = known.get(&uid);
            let cause = explain(pod, seen.events).map(|cause| known_pull(cause, &known));
            match (cause, before) {
                (Some(cause), _) if cause.fault.doom() > Doom::No => {
                    let since = before.map_or(now, |(since, _)| *since);
                    self.doomed.insert(uid, (since, cause));
                }
                // Between two crashes a pod runs for a moment. Only being ready, or running for longer than it
                // takes to be doomed, clears it.
                (Some(_), Some(before)) if crashes(&before.1) && !is_ready(pod) => {
                    self.doomed.insert(uid, before.clone());
                }
                _ => {}
            }
        }
        self.refused = seen.refusal().and(self.refused.or(Some(now)));
    }

    /// The rollout cannot succeed: every new pod is doomed, or one has been for too long.
    fn doomed(&self, seen: &Seen<'_>, now: Timestamp, settings: &Settings) -> Option<Cause> {
        if self
            .refused
            .is_some_and(|since| is_after(now, since, settings.grace))
        {
            return seen.worst(self);
        }
        // Doomed at this moment: a pod that has just been started again gets its chance.
        let current = |pod: &&Pod| {
            let (since, cause) = self.doomed.get(&uid(pod))?;
            let doom = known_pull(explain(pod, seen.events)?, &self.doomed).fault.doom();
            (doom > Doom::No).then_some((*since, cause, doom))
        };
        let dooms: Vec<_> = seen.pods.iter().filter_map(current).collect();
        let surely = dooms.iter().filter(|(_, _, doom)| *doom == Doom::Sure).count();
        let between = seen
            .pods
            .iter()
            .filter(|pod| current(pod).is_none() && self.doomed.contains_key(&uid(pod)));
        let all = surely > 0 && surely + between.count() == seen.pods.len();
        let lasting = dooms
            .iter()
            .any(|(since, _, _)| is_after(now, *since, settings.grace));
        (all || lasting).then(|| seen.worst(self)).flatten()
    }

    /// Watches the new pods after the rollout. `Err` is what went wrong.
    fn watch(&mut self, seen: &Seen<'_>, now: Timestamp, settings: &Settings) -> Result<Verdict, Box<Cause>> {
        let wanted = seen.counts.wanted;
        let worst = seen.worst(self);
        let Some(bake) = &mut self.bake else {
            return Ok(Verdict::Available {
                pods: wanted,
                until: plus(now, settings.stability),
            });
        };
        for pod in &seen.pods {
            let born = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
            for (key, count) in restart_counts(pod) {
                // A pod that was there before but was not seen then: its past is not held against it.
                let fresh = if born.is_some_and(|born| born >= bake.since) {
                    0
                } else {
                    count
                };
                if count > *bake.restarts.entry(key).or_insert(fresh) {
                    let crash = restarted(pod).or(worst);
                    return Err(Box::new(crash.unwrap_or_else(|| Cause::of(Fault::Unknown))));
                }
            }
        }
        if let Some(cause) = worst.clone().filter(|cause| cause.fault.doom() == Doom::Sure) {
            return Err(Box::new(cause));
        }
        let unavailable = seen
            .condition("Available")
            .is_some_and(|condition| condition.status == "False");
        // Somebody who scales up makes pods that are not available yet; none is lost by that.
        let available = seen.counts.available;
        if unavailable && available < bake.available.min(wanted) {
            return Err(Box::new(
                worst.unwrap_or_else(|| Cause::of(Fault::LostPods { available, wanted })),
            ));
        }
        let until = plus(
            bake.since,
            if wanted == 0 {
                Duration::ZERO
            } else {
                settings.stability
            },
        );
        if now >= until && !unavailable {
            return Ok(Verdict::Stable { pods: wanted });
        }
        Ok(Verdict::Available { pods: wanted, until })
    }
}

/// While the kubelet backs off from pulling, it says less than before: what is known of the image stays known.
fn known_pull(cause: Cause, known: &BTreeMap<String, (Timestamp, Cause)>) -> Cause {
    let Fault::PullFailing { image, .. } = &cause.fault else {
        return cause;
    };
    let of_image = known
        .values()
        .map(|(_, cause)| &cause.fault)
        .find(|fault| match fault {
            Fault::ImageMissing { image: other, .. } | Fault::PullDenied { image: other, .. } => {
                other == image
            }
            _ => false,
        });
    match of_image.cloned() {
        Some(fault) => Cause { fault, ..cause },
        None => cause,
    }
}

fn crashes(cause: &Cause) -> bool {
    matches!(cause.fault, Fault::Crashed(_) | Fault::InitFailed(_))
}

fn uid(pod: &Pod) -> String {
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

fn restart_counts(pod: &Pod) -> impl Iterator<Item = ((String, String), i32)> {
    let containers = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref());
    let uid = uid(pod);
    containers
        .unwrap_or_default()
        .iter()
        .map(move |container| ((uid.clone(), container.name.clone()), container.restart_count))
}

pub(crate) fn is_after(now: Timestamp, start: Timestamp, wait: Duration) -> bool {
    now >= plus(start, wait)
}

/// A moment later; the end of time when that lies beyond.
fn plus(start: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| start.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}
