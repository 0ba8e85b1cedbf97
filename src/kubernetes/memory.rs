//! What the judge remembers from one look to the next: who is doomed and since when, and the time of watching
//! after the rollout.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};

use crate::cause::{Cause, Doom, Fault};
use crate::explain::{explain, restarted};
use crate::judge::Settings;
use crate::seen::{Seen, is_ready, restart_counts, uid};
use crate::verdict::Verdict;

/// What the judge remembers from one look to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// By pod: since when it is doomed, and why. A pod between two crashes looks fine for a moment.
    pub(crate) doomed: BTreeMap<String, (Timestamp, Cause)>,
    /// Since when Kubernetes is not allowed to create pods.
    refused: Option<Timestamp>,
    /// The broken pod that a StatefulSet waits for, and since when.
    in_the_way: Option<(Timestamp, Cause)>,
    pub(crate) bake: Option<Bake>,
}

/// The time of watching after the rollout. It can be stored, and gone on with by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bake {
    pub(crate) since: Timestamp,
    /// How many pods were available when it began.
    pub(crate) available: i32,
    /// By pod and container: how often it had been restarted when it was first seen.
    pub(crate) restarts: BTreeMap<String, i32>,
}

impl Memory {
    /// Notes which pods are doomed, and forgets those that recovered or went.
    pub(crate) fn learn(&mut self, seen: &Seen<'_>, now: Timestamp) {
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
        let blocker = seen.in_the_way.iter().find_map(|pod| blocker(pod, seen));
        self.in_the_way = blocker.map(|cause| {
            let before = self
                .in_the_way
                .as_ref()
                .filter(|(_, before)| before.pod == cause.pod);
            (before.map_or(now, |(since, _)| *since), cause)
        });
        self.refused = seen.refusal().and(self.refused.or(Some(now)));
    }

    /// The broken pod that a StatefulSet waits for.
    pub(crate) fn blocker(&self) -> Option<&Cause> {
        self.in_the_way.as_ref().map(|(_, cause)| cause)
    }

    /// The rollout cannot succeed: every new pod is doomed, or one has been for too long.
    pub(crate) fn doomed(&self, seen: &Seen<'_>, now: Timestamp, settings: &Settings) -> Option<Cause> {
        if self
            .refused
            .is_some_and(|since| is_after(now, since, settings.grace))
        {
            return seen.worst(self);
        }
        // The controller may be about to replace it; what it waits for, it waits for much longer.
        if let Some((since, cause)) = &self.in_the_way
            && is_after(now, *since, settings.grace)
        {
            return Some(cause.clone());
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
    pub(crate) fn watch(
        &mut self,
        seen: &Seen<'_>,
        now: Timestamp,
        settings: &Settings,
    ) -> Result<Verdict, Box<Cause>> {
        let (wanted, due) = (seen.counts.wanted, seen.counts.due());
        let worst = seen.worst(self);
        let Some(bake) = &mut self.bake else {
            return Ok(Verdict::Available {
                pods: due,
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
        let unavailable = seen.lacks();
        // Somebody who scales up makes pods that are not available yet; none is lost by that.
        let available = seen.counts.available;
        if unavailable && available < bake.available.min(wanted) {
            return Err(Box::new(
                worst.unwrap_or_else(|| Cause::of(Fault::LostPods { available, wanted })),
            ));
        }
        let until = plus(
            bake.since,
            if due == 0 {
                Duration::ZERO
            } else {
                settings.stability
            },
        );
        if now >= until && !unavailable {
            return Ok(Verdict::Stable { pods: due });
        }
        Ok(Verdict::Available { pods: due, until })
    }
}

/// A pod of an earlier version that does not come up.
fn blocker(pod: &Pod, seen: &Seen<'_>) -> Option<Cause> {
    let cause = explain(pod, seen.events)?;
    if is_ready(pod) || seen.counts.hold() {
        return None;
    }
    let looping = matches!(&cause.fault, Fault::Crashed(exit) | Fault::InitFailed(exit) if exit.restarts > 0);
    let broken = looping
        || cause.fault.doom() > Doom::No
        || matches!(
            cause.fault,
            Fault::PullFailing { .. } | Fault::Unschedulable { .. }
        );
    broken.then(|| Cause {
        fault: Fault::InTheWay {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            fault: Box::new(cause.fault),
        },
        ..cause
    })
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

pub(crate) fn is_after(now: Timestamp, start: Timestamp, wait: Duration) -> bool {
    now >= plus(start, wait)
}

/// A moment later; the end of time when that lies beyond.
pub(crate) fn plus(start: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| start.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}
