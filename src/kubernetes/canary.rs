//! A canary: a few pods of another image beside a Deployment, before the Deployment itself is changed.
//!
//! It is a second Deployment, `<name>-canary`, with the pod template of the first. Its pods have all labels of that template, so that
//! whatever Service selects the first one's pods selects them, too, and one more: [`annotations::CANARY_LABEL`], which is all its own
//! selector asks for. So it never selects pods of the first. The other way round the selectors do overlap, since a Deployment's cannot
//! be changed; that is safe for the controllers, which never take over what has a controller already (a ReplicaSet its Deployment, a
//! pod its ReplicaSet), and not for who only counts by labels: an autoscaler and a disruption budget of the first see these pods, too.
//!
//! Its own labels are not those of the first, so that a tool that prunes what it did not make leaves it alone. The first one owns it, not
//! as its controller: deleted, it takes its canary with it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions, PropagationPolicy};
use serde_json::{Value, json};

use crate::annotations::{self, label_value};
use crate::apply::{ATTEMPTS, Applied, is_stale};
use crate::client::Cluster;
use crate::error::Error;
use crate::fence::{Stamp, claim};
use crate::object::Object;
use crate::workload::{Kind, Running, Workload};

/// How often a deleted one is looked for until it is gone.
const POLL: Duration = Duration::from_millis(250);
/// How long one that another operation left may take to go.
const LEFT: Duration = Duration::from_secs(60);
/// So much of a name is kept in a label's value, which has 63 bytes at most, before a number that tells long names apart.
const NAME: usize = 46;

/// A canary to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// The Deployment it stands beside.
    pub workload: Workload,
    /// The image to run.
    pub image: String,
    /// The version as people say it.
    pub version: String,
    /// Who asked.
    pub by: String,
    /// How many pods.
    pub size: Size,
}

/// How many pods a canary has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many.
    Pods(i32),
    /// So many in a hundred of those the workload wants when the canary is made, at least one. Where traffic spreads over pods evenly,
    /// the canary gets a little less than that share of it, being there besides.
    Percent(i32),
}

impl Size {
    /// How many they are beside so many.
    #[must_use]
    pub fn of(self, wanted: i32) -> i32 {
        match self {
            Size::Pods(pods) => pods.max(1),
            Size::Percent(percent) => {
                let pods = (i64::from(wanted) * i64::from(percent) + 99) / 100;
                i32::try_from(pods).unwrap_or(wanted).max(1)
            }
        }
    }
}

/// What became of a canary that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It and its pods are gone, or never were.
    Gone,
    /// It is going, and its containers take their time to stop.
    Going,
}

/// The canary's own address.
#[must_use]
pub fn beside(workload: &Workload) -> Workload {
    Workload {
        kind: Kind::Deployment,
        name: format!("{}-canary", workload.name),
        ..workload.clone()
    }
}

/// The canary that stands beside a workload now, if Otus made one.
///
/// # Errors
/// When the cluster does not answer or does not allow it.
pub async fn standing(cluster: &Cluster, workload: &Workload) -> Result<Option<Running>, Error> {
    let place = beside(workload);
    match place.get_opt(cluster).await? {
        Some(object) if is_of(&object, workload) => Ok(Some(place.running(&object)?)),
        _ => Ok(None),
    }
}

/// Makes the canary, or finds the one that an earlier worker of the same operation made, and puts it into the hands of this one. One that an
/// earlier operation left is deleted first.
///
/// # Errors
/// When the workload is missing, somebody else's Deployment has the name, a newer worker or operation was there already, or the cluster
/// refuses the canary or does not answer.
pub async fn start(cluster: &Cluster, canary: &Canary, stamp: &Stamp) -> Result<Applied, Error> {
    let place = beside(&canary.workload);
    let what = place.to_string();
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), &place.namespace);
    let params = PostParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PostParams::default()
    };
    for _ in 0..ATTEMPTS {
        if let Some(found) = place.get_opt(cluster).await? {
            if !is_of(&found, &canary.workload) {
                return Err(Error::Taken { what });
            }
            stamp.check(&what, found.meta())?;
            if is_made_by(&found, stamp) && found.meta().deletion_timestamp.is_none() {
                let running = claim(cluster, &place, stamp).await?;
                return Ok(Applied::of(
                    &running,
                    found.created().unwrap_or_else(Timestamp::now),
                ));
            }
            if dispose(cluster, &place, &found, LEFT).await? == Removed::Going {
                return Err(Error::Busy { what });
            }
            continue;
        }
        let main = canary.workload.get(cluster).await?;
        let running = canary.workload.running(&main)?;
        let body = serde_json::from_value(manifest(canary, &main, &running, stamp)).map_err(|error| {
            Error::Refused {
                cluster: cluster.name.to_string(),
                code: 422,
                message: format!("{what} cannot be written down: {error}"),
            }
        })?;
        match cluster.call_raw(api.create(&params, &body)).await? {
            Ok(made) => {
                let made = Object::from(made);
                let at = made.created().unwrap_or_else(Timestamp::now);
                return Ok(Applied::of(&place.running(&made)?, at));
            }
            // Somebody made it between our look and our write, or our own first try did, whose answer got lost.
            Err(error) if is_stale(&error) => {}
            Err(error) => return Err(Error::from_kube(&cluster.name, &what, &error)),
        }
    }
    Err(Error::Busy { what })
}

/// Deletes the canary of this operation, its pods first, and waits so long for them to be gone. What is not this operation's stays.
///
/// # Errors
/// When a newer worker has it, or the cluster refuses or does not answer.
pub async fn remove(
    cluster: &Cluster,
    workload: &Workload,
    stamp: &Stamp,
    patience: Duration,
) -> Result<Removed, Error> {
    let place = beside(workload);
    match place.get_opt(cluster).await? {
        Some(found) if is_of(&found, workload) && is_made_by(&found, stamp) => {
            stamp.check(&place.to_string(), found.meta())?;
            dispose(cluster, &place, &found, patience).await
        }
        _ => Ok(Removed::Gone),
    }
}

fn is_of(object: &Object, workload: &Workload) -> bool {
    object.note(annotations::CANARY_OF) == Some(&workload.name)
}

fn is_made_by(object: &Object, stamp: &Stamp) -> bool {
    object.note(annotations::OPERATION) == Some(&stamp.operation)
}

/// Deletes exactly the object that was seen, as it was seen, and waits for it to go.
async fn dispose(
    cluster: &Cluster,
    place: &Workload,
    seen: &Object,
    patience: Duration,
) -> Result<Removed, Error> {
    let what = place.to_string();
    let uid = seen.meta().uid.clone();
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), &place.namespace);
    let mut version = seen.meta().resource_version.clone();
    for attempt in 1..=ATTEMPTS {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: uid.clone(),
                // Whoever claimed it between our look and this makes it fail.
                resource_version: version.clone(),
            }),
            ..DeleteParams::default()
        };
        match cluster.call_raw(api.delete(&place.name, &params)).await? {
            Ok(_) => break,
            // Its status changes all the time; only another hand on it is a reason to leave it alone.
            Err(error) if is_stale(&error) && attempt < ATTEMPTS => match place.get_opt(cluster).await? {
                Some(now) if now.meta().uid == uid && stamps(&now) == stamps(seen) => {
                    version = now.meta().resource_version.clone();
                }
                Some(now) if now.meta().uid == uid => return Err(Error::Busy { what }),
                _ => return Ok(Removed::Gone),
            },
            Err(error) if is_stale(&error) => return Err(Error::Busy { what }),
            Err(error) => match Error::from_kube(&cluster.name, &what, &error) {
                Error::NotFound { .. } => return Ok(Removed::Gone),
                error => return Err(error),
            },
        }
    }
    let gone = async {
        while let Some(now) = place.get_opt(cluster).await? {
            if now.meta().uid != uid {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(Removed::Gone)
    };
    tokio::time::timeout(patience, gone)
        .await
        .unwrap_or(Ok(Removed::Going))
}

fn stamps(object: &Object) -> [Option<&String>; 2] {
    [annotations::OPERATION, annotations::GENERATION].map(|key| object.note(key))
}

/// The value of the canary's label: the name, if it fits, else its beginning and a number made of all of it.
fn mark(name: &str) -> String {
    let value = label_value(name).filter(|value| value == name);
    value.unwrap_or_else(|| {
        // FNV-1a, 64 bits: it tells names apart, and is no secret.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let start: String = name.chars().take(NAME).collect();
        label_value(&format!("{start}-{hash:016x}")).unwrap_or_else(|| format!("{hash:016x}"))
    })
}

fn manifest(canary: &Canary, main: &Object, running: &Running, stamp: &Stamp) -> Value {
    let name = &canary.workload.name;
    let mut template = serde_json::to_value(main.template()).unwrap_or_default();
    let mark = mark(name);
    template["metadata"]["labels"][annotations::CANARY_LABEL] = json!(mark);
    // As the deploy itself does, so that metrics tell the canary's pods by the same label.
    if let Some(value) = label_value(&canary.version)
        && !running.selector.contains(annotations::VERSION_LABEL)
    {
        template["metadata"]["labels"][annotations::VERSION_LABEL] = json!(value);
    }
    let containers = template["spec"]["containers"].as_array_mut();
    for container in containers.into_iter().flatten() {
        if container["name"] == running.container.as_str() {
            container["image"] = json!(canary.image);
        }
    }
    let mut spec = json!({
        "replicas": canary.size.of(running.replicas),
        "selector": { "matchLabels": { annotations::CANARY_LABEL: mark } },
        "template": template,
    });
    if let Object::Deployment(main) = main
        && let Some(of) = &main.spec
    {
        let kept = [
            ("minReadySeconds", of.min_ready_seconds),
            ("progressDeadlineSeconds", of.progress_deadline_seconds),
        ];
        for (key, value) in kept {
            if let Some(value) = value {
                spec[key] = json!(value);
            }
        }
    }
    let mut notes = stamp.notes();
    let about = [
        (annotations::CANARY_OF, name),
        (annotations::DEPLOY, &stamp.operation),
        (annotations::IMAGE, &canary.image),
        (annotations::VERSION, &canary.version),
        (annotations::BY, &canary.by),
    ];
    for (key, value) in about {
        notes[key] = json!(value);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": format!("{name}-canary"),
            "namespace": canary.workload.namespace,
            "labels": {
                annotations::CANARY_LABEL: mark,
                annotations::MANAGED_BY_LABEL: "otus",
            },
            "annotations": notes,
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": canary.workload.kind.manifest(),
                "name": name,
                "uid": running.uid,
            }],
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Two canaries in one namespace never select each other's pods.
        #[test]
        fn the_mark_is_a_label_and_tells_names_apart(
            one in "[a-z0-9]([a-z0-9.-]{0,120}[a-z0-9])?",
            other in "[a-z0-9]([a-z0-9.-]{0,120}[a-z0-9])?",
        ) {
            let marked = mark(&one);
            prop_assert_eq!(label_value(&marked), Some(marked.clone()));
            prop_assert_eq!(marked == mark(&other), one == other);
            let long = "x".repeat(100);
            prop_assert_ne!(mark(&format!("{long}{one}")), mark(&format!("{long}{one}0")));
        }
    }

    #[test]
    fn sizes() {
        let of = |size: Size| [0, 1, 3, 10, 101].map(|wanted| size.of(wanted));
        assert_eq!(of(Size::Pods(2)), [2; 5]);
        assert_eq!(of(Size::Percent(10)), [1, 1, 1, 1, 11]);
        assert_eq!(of(Size::Percent(50)), [1, 1, 2, 5, 51]);
    }

    #[test]
    fn its_selector_asks_for_what_only_its_own_pods_have() {
        let main: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web", "uid": "u1", "labels": {"argocd.argoproj.io/instance": "shop"}},
            "spec": {
                "replicas": 8, "minReadySeconds": 7, "progressDeadlineSeconds": 99,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web", "tier": "front"}},
                    "spec": {"containers": [
                        {"name": "app", "image": "r/web:v1", "ports": [{"containerPort": 80}]},
                        {"name": "proxy", "image": "r/proxy:v9"}]},
                },
            },
        }))
        .unwrap();
        let main = Object::from(main);
        let workload = Workload {
            cluster: "default".into(),
            namespace: "shop".into(),
            kind: Kind::Deployment,
            name: "web".into(),
            container: Some("app".into()),
            service: "web".into(),
        };
        let running = workload.running(&main).unwrap();
        let canary = Canary {
            workload,
            image: "r/web@sha256:2".into(),
            version: "v2".into(),
            by: "ann".into(),
            size: Size::Percent(20),
        };
        let stamp = Stamp {
            operation: "d1".into(),
            generation: 3,
            started: Timestamp::UNIX_EPOCH,
        };
        let made = manifest(&canary, &main, &running, &stamp);
        insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap());
    }
}
