//! The judge: what has become of a rollout.
//!
//! A function of what was applied, what is seen, what was seen before, and the time. It follows the order of
//! kubectl's `rollout_status.go`, and adds what that leaves out: whose change runs, pods that can never come
//! up, and a time of watching after the rollout.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::annotations;
use crate::apply::Applied;
use crate::cause::{Cause, Fault};
use crate::managed::{image_owners, pause_owner};
use crate::memory::{Bake, Memory, is_after, plus};
use crate::seen::{Counts, Seen, newest, pods_of};
use crate::verdict::{Found, Verdict, Why};
use crate::workload::containers;

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
