//! The judge: what has become of a rollout.
//!
//! A function of what was applied, what is seen, what was seen before, and the time. It follows the order of
//! kubectl's `rollout_status.go`, and adds what that leaves out: whose change runs, pods that can never come
//! up, and a time of watching after the rollout.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::annotations;
use crate::apply::Applied;
use crate::cause::{Cause, Fault};
use crate::managed::image_owners;
use crate::memory::{Bake, Memory, is_after, plus};
use crate::object::Object;
use crate::seen::{Seen, fresh, in_the_way, is_ready, newest};
use crate::verdict::{Found, Verdict, Why};

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
    pub workload: Option<Object>,
    /// The replica sets that a Deployment's or a Rollout's selector finds.
    pub replica_sets: Vec<ReplicaSet>,
    /// The revisions that a DaemonSet's selector finds.
    pub revisions: Vec<ControllerRevision>,
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
    let Some(object) = &world.workload else {
        return Verdict::Gone;
    };
    let meta = object.meta();
    if meta.uid.as_deref() != Some(applied.uid.as_str()) {
        return Verdict::Gone;
    }
    let counts = object.counts();
    let late = is_after(now, applied.at, settings.deadline);
    let generation = object.generation();
    // An API server's cache may lag behind our own write: what it shows then is the past.
    let past = generation < applied.generation;
    if !past && let Some(superseded) = superseded(applied, object) {
        return superseded;
    }
    let observed = object.observed();
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
            total: counts.due(),
            why: Why::NotObserved,
            trouble: None,
        };
    }
    if object.is_paused() {
        let owner = object.pauser();
        let at = owner.as_ref().and_then(|owner| owner.at);
        return Verdict::Paused {
            by: owner.map(|owner| owner.manager),
            at,
            step: None,
        };
    }
    let newest = match object {
        Object::Deployment(_) | Object::Rollout(_) => newest(object, &world.replica_sets),
        _ => None,
    };
    let pods = fresh(object, world);
    let counted = match (newest, object) {
        (Some(set), _) => set
            .status
            .as_ref()
            .map(|status| status.available_replicas.unwrap_or(0)),
        (None, Object::Deployment(_) | Object::Rollout(_)) => None,
        // Whoever may not see pods sees none at all.
        (None, _) if world.pods.is_empty() => None,
        (None, _) => i32::try_from(pods.iter().filter(|pod| is_ready(pod)).count()).ok(),
    };
    let new_available = counted
        .unwrap_or(counts.available - (counts.existing - counts.updated))
        .clamp(0, counts.available.min(counts.updated).max(0));
    let old = counts.available - new_available;
    let seen = Seen {
        object,
        newest,
        pods,
        in_the_way: in_the_way(object, world),
        events: &world.events,
        counts,
    };
    memory.learn(&seen, now);
    let failed = |cause: Cause, found: Found| Verdict::Failed {
        cause: Box::new(cause),
        found,
        old,
    };

    if object.is_by_hand() && memory.bake.is_none() && !counts.hold() {
        return failed(Cause::of(Fault::ByHand), Found::Doomed);
    }
    if let Some(degraded) = object.degraded() {
        // What an analysis or a person decided is not about a pod.
        let worst = seen.worst(memory).filter(|_| !degraded.aborted);
        let found = match degraded.late {
            true => Found::ProgressDeadline,
            false => Found::Doomed,
        };
        let told = Cause::of(Fault::Degraded {
            message: degraded.message,
        });
        return failed(worst.unwrap_or(told), found);
    }
    if memory.bake.is_some() {
        return memory
            .watch(&seen, now, settings)
            .unwrap_or_else(|cause| failed(*cause, Found::Watching));
    }
    if let Some(cause) = memory.doomed(&seen, now, settings) {
        return failed(cause, Found::Doomed);
    }
    // It is watched while it waits, too: its new pods serve already.
    if let Some(step) = object.waits() {
        return Verdict::Paused {
            by: None,
            at: step.since,
            step: Some(step),
        };
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
            if counts.due() == 0 {
                Duration::ZERO
            } else {
                settings.stability
            },
        );
        return Verdict::Available {
            pods: counts.due(),
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
        done: new_available.min(counts.due()),
        total: counts.due(),
        why: missing.unwrap_or(Why::NotObserved),
        trouble: seen.worst(memory).map(Box::new),
    }
}

fn superseded(applied: &Applied, object: &Object) -> Option<Verdict> {
    let container = object
        .containers()
        .iter()
        .find(|container| container.name == applied.container);
    let image = container
        .and_then(|container| container.image.as_deref())
        .unwrap_or_default();
    if image == applied.image {
        return None;
    }
    let meta = object.meta();
    let owner = image_owners(meta, &applied.container).into_iter().next();
    let note = |key: &str| object.note(key).cloned();
    let ours = note(annotations::IMAGE).as_deref() == Some(image);
    Some(Verdict::Superseded {
        image: image.to_owned(),
        by: if ours { note(annotations::BY) } else { None },
        at: owner.as_ref().and_then(|owner| owner.at),
        manager: owner.map(|owner| owner.manager),
    })
}
