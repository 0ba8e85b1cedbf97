//! Whose hands an object is in, so that nobody acts late.
//!
//! Whoever writes leaves its [`Stamp`] with the same request: the operation, the generation of the worker, and when the
//! operation was begun. Whoever is about to write reads that first, and the `resourceVersion` of that read is in the request. So
//! a worker that slept between the two is refused by the server, reads again, finds a newer stamp than its own, and stops.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::annotations;
use crate::apply::{ATTEMPTS, is_stale};
use crate::argo::Steer;
use crate::client::Cluster;
use crate::error::Error;
use crate::object::Object;
use crate::workload::{Kind, Running, Workload};

/// Who acts: an operation, and which of its workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The operation's id.
    pub operation: String,
    /// The generation of the worker: one more with each that takes the operation up.
    pub generation: u64,
    /// When the operation was begun: of two, the later one prevails.
    pub started: Timestamp,
}

impl Stamp {
    /// Whether somebody newer was there already.
    pub(crate) fn check(&self, what: &str, meta: &ObjectMeta) -> Result<(), Error> {
        let note = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key));
        let Some(operation) = note(annotations::OPERATION) else {
            return Ok(());
        };
        if *operation == self.operation {
            let generation = note(annotations::GENERATION).and_then(|text| text.parse().ok());
            return match generation {
                Some(generation) if generation > self.generation => Err(Error::Replaced {
                    what: what.to_owned(),
                    generation,
                }),
                _ => Ok(()),
            };
        }
        let started: Option<Timestamp> = note(annotations::STARTED).and_then(|text| text.parse().ok());
        match started {
            Some(started) if started > self.started => Err(Error::Outdated {
                what: what.to_owned(),
                operation: operation.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether it is already in the hands of this worker.
    pub(crate) fn is_on(&self, meta: &ObjectMeta) -> bool {
        self.notes().as_object().is_some_and(|notes| {
            notes.iter().all(|(key, value)| {
                let held = meta.annotations.as_ref().and_then(|all| all.get(key));
                held.map(String::as_str) == value.as_str()
            })
        })
    }

    /// As annotations.
    pub(crate) fn notes(&self) -> Value {
        json!({
            annotations::OPERATION: self.operation,
            annotations::GENERATION: self.generation.to_string(),
            annotations::STARTED: self.started.to_string(),
        })
    }
}

/// Puts the object into the hands of this worker, and changes nothing else: from here on an earlier one is refused. Answers
/// what runs.
///
/// # Errors
/// [`Error::Replaced`] or [`Error::Outdated`] when somebody newer has it, or when it cannot be read or written.
pub async fn claim(cluster: &Cluster, workload: &Workload, stamp: &Stamp) -> Result<Running, Error> {
    write(cluster, workload, stamp, |_| None).await
}

/// Pauses the rollout of this image, so that no more pods are replaced; that of a StatefulSet by its partition. Where another image
/// is wanted by now, or the rollout is paused already, or through, nothing is done. Answers what runs.
///
/// # Errors
/// As [`claim`], and [`Error::CannotPause`] for a DaemonSet.
pub async fn pause(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    image: &str,
) -> Result<Running, Error> {
    write(cluster, workload, stamp, |running| {
        (running.image == image && !running.paused).then_some(true)
    })
    .await
}

/// Lets a rollout go on that Otus paused, or that waits at a step of its own. What somebody else paused stays so. Answers what runs.
///
/// # Errors
/// As [`claim`].
pub async fn resume(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    image: &str,
) -> Result<Running, Error> {
    steer(cluster, workload, stamp, image, Steer::Promote).await?;
    write(cluster, workload, stamp, |running| {
        let ours = running.is_paused_by(cluster.manager());
        (running.image == image && ours).then_some(false)
    })
    .await
}

/// Stops a rollout that does damage: no more pods are replaced. Argo's Rollout goes back to what served before; any other is paused.
///
/// # Errors
/// As [`pause`].
pub async fn stop(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    image: &str,
) -> Result<Running, Error> {
    if workload.kind != Kind::Rollout {
        return pause(cluster, workload, stamp, image).await;
    }
    // While it is paused its controller does nothing of what it is told.
    write(cluster, workload, stamp, |running| {
        let ours = running.is_paused_by(cluster.manager());
        (running.image == image && ours).then_some(false)
    })
    .await?;
    steer(cluster, workload, stamp, image, Steer::Abort).await?;
    workload.read(cluster).await
}

/// Tells Argo's Rollout something by its status, while it wants this image.
pub(crate) async fn steer(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    image: &str,
    how: Steer,
) -> Result<(), Error> {
    if workload.kind != Kind::Rollout {
        return Ok(());
    }
    let what = workload.to_string();
    let params = PatchParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PatchParams::default()
    };
    for _ in 0..ATTEMPTS {
        // A status carries no stamp: so the object is taken into our hands before.
        if claim(cluster, workload, stamp).await?.image != image {
            return Ok(());
        }
        let object = workload.get(cluster).await?;
        stamp.check(&what, object.meta())?;
        let Object::Rollout(rollout) = &object else {
            return Ok(());
        };
        let Some(status) = how.status(rollout) else {
            return Ok(());
        };
        let body = json!({
            "metadata": { "resourceVersion": object.meta().resource_version },
            "status": status,
        });
        match workload
            .patch_status(cluster, &params, &Patch::Merge(&body))
            .await?
        {
            Ok(_) => return Ok(()),
            Err(error) if is_stale(&error) => {}
            Err(error) => return Err(Error::from_kube(&cluster.name, &what, &error)),
        }
    }
    Err(Error::Busy { what })
}

/// Writes the stamp, and what holds the rollout or lets it go on, as wanted. A merge patch, not an apply: that would have to
/// repeat all that Otus has applied before, or give it up.
async fn write(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    hold: impl Fn(&Running) -> Option<bool>,
) -> Result<Running, Error> {
    let what = workload.to_string();
    let params = PatchParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PatchParams::default()
    };
    for _ in 0..ATTEMPTS {
        let before = workload.get(cluster).await?;
        stamp.check(&what, before.meta())?;
        let running = workload.running(&before)?;
        let change = match hold(&running) {
            Some(hold) => before.hold(&what, hold)?,
            None => None,
        };
        if change.is_none() && stamp.is_on(before.meta()) {
            return Ok(running);
        }
        let mut body = json!({
            "metadata": {
                "resourceVersion": before.meta().resource_version,
                "annotations": stamp.notes(),
            },
        });
        if let Some((spec, notes)) = change {
            body["spec"] = spec;
            for (key, value) in notes.as_object().into_iter().flatten() {
                body["metadata"]["annotations"][key] = value.clone();
            }
        }
        match workload.patch(cluster, &params, &Patch::Merge(&body)).await? {
            Ok(after) => return workload.running(&after),
            Err(error) if is_stale(&error) => {}
            Err(error) => return Err(Error::from_kube(&cluster.name, &what, &error)),
        }
    }
    Err(Error::Busy { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn stamp(operation: &str, generation: u64, started: i64) -> Stamp {
        Stamp {
            operation: operation.into(),
            generation,
            started: at(started),
        }
    }

    fn stamped(stamp: &Stamp) -> ObjectMeta {
        serde_json::from_value(json!({ "annotations": stamp.notes() })).unwrap()
    }

    #[test]
    fn a_newer_worker_and_a_newer_operation_are_found() {
        let meta = stamped(&stamp("d1", 2, 100));
        assert_eq!(stamp("d1", 2, 100).check("x", &meta), Ok(()));
        assert_eq!(stamp("d1", 3, 100).check("x", &meta), Ok(()));
        let late = stamp("d1", 1, 100).check("deployment web", &meta).unwrap_err();
        assert_eq!(
            late.to_string(),
            "deployment web is in the hands of a newer worker of the same operation"
        );
        let late = stamp("d0", 9, 99).check("deployment web", &meta).unwrap_err();
        assert_eq!(
            late.to_string(),
            "deployment web was changed by the operation d1 meanwhile, which was begun later"
        );
        assert_eq!(stamp("d2", 1, 101).check("x", &meta), Ok(()));
        assert_eq!(stamp("d2", 1, 101).check("x", &ObjectMeta::default()), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Of two that know of each other, never may both go before the other.
        #[test]
        fn one_of_two_prevails(
            one in ("d[1-3]", 1..4_u64, 0..4_i64),
            other in ("d[1-3]", 1..4_u64, 0..4_i64),
        ) {
            let one = stamp(&one.0, one.1, one.2);
            let mut other = stamp(&other.0, other.1, other.2);
            if one.operation == other.operation {
                other.started = one.started;
            }
            let forth = one.check("x", &stamped(&other)).is_ok();
            let back = other.check("x", &stamped(&one)).is_ok();
            prop_assert!(forth || back);
            let alike = one == other || (one.operation != other.operation && one.started == other.started);
            prop_assert_eq!(forth && back, alike);
        }
    }
}
