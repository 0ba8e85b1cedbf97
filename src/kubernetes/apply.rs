//! Changing a workload's image by server-side apply.
//!
//! The body holds what Otus answers for and nothing else: the container's image, some annotations, one label.
//! Whoever else changed the image since is found by the server itself, which then answers 409.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::annotations::{self, label_value};
use crate::argo;
use crate::client::Cluster;
use crate::config::Adopt;
use crate::error::Error;
use crate::fence::{self, Stamp};
use crate::managed::{ever_applied, image_owners, last_write};
use crate::object::Object;
use crate::workload::{Running, Workload};

/// How often to read again after the object changed between the read and the write.
pub(crate) const ATTEMPTS: usize = 4;

/// The change asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The image to run.
    pub image: String,
    /// The version as the person named it.
    pub version: String,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Which operation does it, and which of its workers.
    pub stamp: Stamp,
    /// Take the image over from whoever owns it.
    pub force: bool,
}

/// A change the cluster has accepted: what the judge compares the world with. It can be stored, and judged
/// again by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The object's identity.
    pub uid: String,
    /// The number of the wanted state this change made.
    pub generation: i64,
    /// The container that was changed.
    pub container: String,
    /// Its image.
    pub image: String,
    /// The selector of its pods.
    pub selector: String,
    /// When it was accepted.
    pub at: Timestamp,
}

/// What became of a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster accepted it, now or when this operation tried before, and the rollout begins.
    Applied {
        /// For the judge.
        applied: Applied,
        /// The image before.
        previous: String,
        /// From whom the image was taken over, when it was.
        adopted: Option<Conflict>,
    },
    /// This image is what runs: nothing was written.
    AlreadyRunning {
        /// For the judge, should the rollout not be finished.
        applied: Applied,
        /// What runs.
        running: Box<Running>,
    },
    /// Somebody else changed the image, and nobody said to take it over.
    Conflict(Conflict),
}

/// Somebody else owns what was to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The field manager, for example `kubectl-set`.
    pub manager: String,
    /// When it last wrote.
    pub since: Option<Timestamp>,
    /// The fields it owns among those to be changed.
    pub fields: Vec<String>,
    /// The image it set.
    pub image: String,
    /// True when Otus never deployed this workload before.
    pub first: bool,
}

impl Applied {
    /// What the judge needs, from what runs: for taking up a deploy whose process died after applying.
    #[must_use]
    pub fn of(running: &Running, at: Timestamp) -> Self {
        Applied {
            uid: running.uid.clone(),
            generation: running.generation,
            container: running.container.clone(),
            image: running.image.clone(),
            selector: running.selector.clone(),
            at,
        }
    }
}

/// Changes the image, and lets a rollout go on that Otus itself had paused.
///
/// # Errors
/// When the workload or its container is missing, the cluster does not answer or does not allow it, the
/// object changed under every attempt, or a newer worker or operation was there already.
pub async fn apply(cluster: &Cluster, workload: &Workload, change: &Change) -> Result<Outcome, Error> {
    let what = workload.to_string();
    for _ in 0..ATTEMPTS {
        let before = workload.get(cluster).await?;
        change.stamp.check(&what, before.meta())?;
        if before.is_by_hand() {
            return Err(Error::ByHand { what });
        }
        let running = workload.running(&before)?;
        let held = running.is_paused_by(cluster.manager());
        if running.image == change.image && !held && !running.aborted {
            let applied = Applied::of(&running, change.at);
            if running.deploy.as_deref() == Some(change.stamp.operation.as_str()) {
                // Made before, and the answer was lost.
                return Ok(Outcome::Applied {
                    applied,
                    previous: running.previous.unwrap_or(running.image),
                    adopted: None,
                });
            }
            return Ok(Outcome::AlreadyRunning {
                applied,
                running: Box::new(running),
            });
        }
        if let Object::Rollout(rollout) = &before {
            match roll(cluster, workload, rollout, &before, &running, change).await? {
                Rolled::After(after, adopted) => return done(workload, &after, running, change, adopted),
                Rolled::Conflict(conflict) => return Ok(Outcome::Conflict(conflict)),
                Rolled::Stale => continue,
            }
        }
        let body = body(workload, &running, &before, change, cluster.manager());
        let patch = async |params: PatchParams| workload.patch(cluster, &params, &Patch::Apply(&body)).await;
        let params = PatchParams::apply(&cluster.manager);
        let refusal = match patch(params.clone()).await? {
            Ok(after) => return done(workload, &after, running, change, None),
            Err(error) => error,
        };
        let Some(conflict) = conflict(&refusal, &before, &running, &cluster.manager) else {
            if is_stale(&refusal) {
                continue;
            }
            return Err(Error::from_kube(&cluster.name, &what, &refusal));
        };
        let about_image = conflict.fields.iter().any(|field| field.ends_with(".image"));
        if about_image && !may_adopt(cluster, change, &conflict) {
            return Ok(Outcome::Conflict(conflict));
        }
        match patch(params.force()).await? {
            Ok(after) => {
                return done(workload, &after, running, change, about_image.then_some(conflict));
            }
            Err(error) if is_stale(&error) => {}
            Err(error) => return Err(Error::from_kube(&cluster.name, &what, &error)),
        }
    }
    Err(Error::Busy { what })
}

/// Whether the image may be taken over.
fn may_adopt(cluster: &Cluster, change: &Change, conflict: &Conflict) -> bool {
    change.force
        || match cluster.adopt {
            Adopt::Always => true,
            Adopt::First => conflict.first,
            Adopt::Ask => false,
        }
}

/// What became of a change of Argo's Rollout.
enum Rolled {
    After(Box<Object>, Option<Conflict>),
    Conflict(Conflict),
    Stale,
}

/// Changes the image of Argo's Rollout. A merge patch: an apply of one container would replace them all, where the custom resource
/// does not say by what its list is merged.
async fn roll(
    cluster: &Cluster,
    workload: &Workload,
    rollout: &argo::Rollout,
    before: &Object,
    running: &Running,
    change: &Change,
) -> Result<Rolled, Error> {
    let what = workload.to_string();
    if rollout.is_borrowed() {
        return Err(Error::Borrowed { what });
    }
    let drift = argo::drift(before, running, cluster.manager());
    let drift = match drift {
        Some(conflict) if !may_adopt(cluster, change, &conflict) => return Ok(Rolled::Conflict(conflict)),
        drift => drift,
    };
    if running.aborted && running.image == change.image {
        // The same image again: without being told, it stays where it went back to.
        fence::steer(
            cluster,
            workload,
            &change.stamp,
            &change.image,
            argo::Steer::Retry,
        )
        .await?;
        return Ok(Rolled::Stale);
    }
    let mut body = body(workload, running, before, change, cluster.manager());
    body["spec"]["template"]["spec"]["containers"] =
        rollout.containers_with(&running.container, &change.image);
    let params = PatchParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PatchParams::default()
    };
    match workload.patch(cluster, &params, &Patch::Merge(&body)).await? {
        Ok(after) => Ok(Rolled::After(Box::new(after), drift)),
        Err(error) if is_stale(&error) => Ok(Rolled::Stale),
        Err(error) => Err(Error::from_kube(&cluster.name, &what, &error)),
    }
}

fn done(
    workload: &Workload,
    after: &Object,
    before: Running,
    change: &Change,
    adopted: Option<Conflict>,
) -> Result<Outcome, Error> {
    let applied = Applied::of(&workload.running(after)?, change.at);
    Ok(Outcome::Applied {
        applied,
        previous: came_from(&before, change).to_owned(),
        adopted,
    })
}

/// The image before this change, also when that has been made already and only goes on.
fn came_from<'a>(before: &'a Running, change: &Change) -> &'a str {
    let noted = before
        .previous
        .as_deref()
        .filter(|_| before.image == change.image);
    noted.unwrap_or(&before.image)
}

/// What Otus answers for, and nothing else: never replicas, which an autoscaler may own.
fn body(workload: &Workload, running: &Running, before: &Object, change: &Change, us: &str) -> Value {
    let mut template =
        json!({ "spec": { "containers": [{ "name": running.container, "image": change.image }] } });
    // A selector that holds the version must not be missed by the pods: then the label is not ours to change.
    let selected = running.selector.contains(annotations::VERSION_LABEL);
    if let Some(value) = label_value(&change.version)
        && !selected
    {
        template["metadata"] = json!({ "labels": { annotations::VERSION_LABEL: value } });
    }
    let (mut spec, notes) = match running.is_paused_by(us) || !running.paused {
        true => before.unheld(),
        false => (json!({}), json!({})),
    };
    spec["template"] = template;
    let mut body = json!({
        "apiVersion": workload.kind.api_version(),
        "kind": workload.kind.manifest(),
        "metadata": {
            "name": workload.name,
            // Whoever wrote between our read and this write makes it fail, and a worker that slept too long too.
            "resourceVersion": before.meta().resource_version,
            "annotations": {
                annotations::CHANGE_CAUSE: format!("{} deployed by {} with otus", change.version, change.by),
                annotations::DEPLOY: change.stamp.operation,
                annotations::OPERATION: change.stamp.operation,
                annotations::GENERATION: change.stamp.generation.to_string(),
                annotations::STARTED: change.stamp.started.to_string(),
                annotations::IMAGE: change.image,
                annotations::VERSION: change.version,
                annotations::BY: change.by,
                annotations::AT: change.at.to_string(),
                annotations::PREVIOUS: came_from(running, change),
            },
        },
        "spec": spec,
    });
    for (key, value) in notes.as_object().into_iter().flatten() {
        body["metadata"]["annotations"][key] = value.clone();
    }
    body
}

fn status(error: &kube::Error) -> Option<&Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}

pub(crate) fn is_stale(error: &kube::Error) -> bool {
    status(error).is_some_and(|status| status.code == 409)
}

/// The field managers a 409 names; none when it is about the object's version.
fn conflict(error: &kube::Error, before: &Object, running: &Running, us: &str) -> Option<Conflict> {
    let status = status(error).filter(|status| status.code == 409)?;
    let causes = &status.details.as_ref()?.causes;
    let causes: Vec<_> = causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .collect();
    let meta = before.meta();
    // The one who owns the image matters most; the message reads `conflict with "kubectl-set" using apps/v1`.
    let told = causes
        .iter()
        .max_by_key(|cause| cause.field.ends_with(".image"))?;
    let manager = told
        .message
        .split('"')
        .nth(1)
        .unwrap_or("another manager")
        .to_owned();
    let of_image = image_owners(meta, &running.container);
    let since = of_image
        .iter()
        .find(|owner| owner.manager == manager)
        .and_then(|owner| owner.at);
    Some(Conflict {
        since: since.or_else(|| last_write(meta, &manager)),
        fields: causes.iter().map(|cause| cause.field.clone()).collect(),
        image: running.image.clone(),
        first: !ever_applied(meta, us),
        manager,
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;

    use super::*;

    fn deployment(selector: Value) -> Object {
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web", "uid": "u1", "generation": 3, "resourceVersion": "77"},
            "spec": {"selector": {"matchLabels": selector},
                     "template": {"spec": {"containers": [
                        {"name": "app", "image": "r/web:v1"}, {"name": "proxy", "image": "r/proxy:v9"}]}}},
        }))
        .unwrap();
        deployment.into()
    }

    fn workload(container: Option<&str>) -> Workload {
        Workload {
            cluster: "default".into(),
            namespace: "shop".into(),
            kind: Default::default(),
            name: "web".into(),
            container: container.map(str::to_owned),
            service: "shop-web".into(),
        }
    }

    fn change() -> Change {
        Change {
            image: "r/web:v2".into(),
            version: "v2".into(),
            by: "ann".into(),
            at: "2026-11-22T10:00:00Z".parse().unwrap(),
            stamp: Stamp {
                operation: "d-1".into(),
                generation: 1,
                started: "2026-11-22T10:00:00Z".parse().unwrap(),
            },
            force: false,
        }
    }

    #[test]
    fn the_body_holds_only_what_is_ours() {
        let before = deployment(json!({"app": "web"}));
        let workload = workload(Some("app"));
        let running = workload.running(&before).unwrap();
        let body = body(&workload, &running, &before, &change(), "otus");
        assert_eq!(body["metadata"]["resourceVersion"], "77");
        assert_eq!(body["metadata"]["annotations"]["otus.dev/previous"], "r/web:v1");
        assert_eq!(
            body["spec"],
            json!({"template": {
                "metadata": {"labels": {"app.kubernetes.io/version": "v2"}},
                "spec": {"containers": [{"name": "app", "image": "r/web:v2"}]},
            }})
        );
    }

    #[test]
    fn a_selected_label_is_left_alone() {
        let before = deployment(json!({"app.kubernetes.io/version": "v1"}));
        let workload = workload(Some("app"));
        let running = workload.running(&before).unwrap();
        let body = body(&workload, &running, &before, &change(), "otus");
        assert!(body["spec"]["template"].get("metadata").is_none());
    }

    #[test]
    fn a_container_must_exist() {
        let before = deployment(json!({"app": "web"}));
        let error = workload(Some("ap")).running(&before).unwrap_err().to_string();
        assert_eq!(
            error,
            "deployment web in the namespace shop of the cluster default has no container called `ap`; it has: app, proxy"
        );
        let error = workload(None).running(&before).unwrap_err();
        assert!(matches!(error, Error::WhichContainer { .. }), "{error}");
    }

    #[test]
    fn a_conflict_names_the_manager_of_the_image() {
        let before = deployment(json!({"app": "web"}));
        let running = workload(Some("app")).running(&before).unwrap();
        let mut status = Status::failure("Apply failed with 2 conflicts", "Conflict").with_code(409);
        status.details = Some(
            serde_json::from_value(json!({"causes": [
                {"reason": "FieldManagerConflict", "message": "conflict with \"helm\" using v1",
                 "field": ".metadata.annotations.kubernetes.io/change-cause"},
                {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl-set\" using apps/v1",
                 "field": ".spec.template.spec.containers[name=\"app\"].image"},
            ]}))
            .unwrap(),
        );
        let error = kube::Error::Api(status.boxed());
        let found = conflict(&error, &before, &running, "otus").unwrap();
        assert_eq!(found.manager, "kubectl-set");
        assert_eq!(found.fields.len(), 2);
        assert!(found.first);
        let stale = Status::failure("the object has been modified", "Conflict").with_code(409);
        let stale = kube::Error::Api(stale.boxed());
        assert_eq!(conflict(&stale, &before, &running, "otus"), None);
        assert!(is_stale(&stale));
    }
}
