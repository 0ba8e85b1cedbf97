//! Changing an image where others have a hand in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scripted;

use otus_kubernetes::{
    Adopt, Change, Cluster, Clusters, Config, DEFAULT_CLUSTER, Error, Outcome, Stamp, Workload, apply,
};
use scripted::Scripted;
use serde_json::{Value, json};

fn deployment(image: &str, managers: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "generation": 3, "resourceVersion": "7",
            "managedFields": managers},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
    })
}

fn owner(manager: &str, operation: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "time": "2026-11-22T10:00:00Z", "fieldsV1": fields})
}

fn image_of(container: &str) -> Value {
    let key = format!("k:{{\"name\":\"{container}\"}}");
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {key: {"f:image": {}}}}}}})
}

fn conflict(manager: &str, field: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict",
        "message": "Apply failed with 1 conflict",
        "details": {"causes": [{"reason": "FieldManagerConflict", "field": field,
            "message": format!("conflict with \"{manager}\" using apps/v1")}]}})
}

const IMAGE_FIELD: &str = ".spec.template.spec.containers[name=\"web\"].image";

fn stale() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict",
        "message": "the object has been modified; please apply your changes to the latest version"})
}

fn helm() -> Value {
    json!([owner("helm", "Update", image_of("web"))])
}

fn drift() -> Value {
    json!([
        owner("otus", "Apply", json!({"f:metadata": {"f:annotations": {}}})),
        owner("kubectl-set", "Update", image_of("web")),
    ])
}

fn workload() -> Workload {
    Workload {
        cluster: "default".into(),
        namespace: "shop".into(),
        kind: Default::default(),
        name: "web".into(),
        container: None,
        service: "web".into(),
    }
}

fn change(force: bool) -> Change {
    Change {
        image: "r/web:v2".into(),
        version: "v2".into(),
        by: "ann".into(),
        at: "2026-11-22T10:00:00Z".parse().unwrap(),
        stamp: Stamp {
            operation: "d1".into(),
            generation: 1,
            started: "2026-11-22T10:00:00Z".parse().unwrap(),
        },
        force,
    }
}

async fn adopting(server: &Scripted, adopt: Adopt) -> Cluster {
    let config = Config {
        adopt,
        ..Config::default()
    };
    Clusters::at(&server.address(), config)
        .unwrap()
        .get(DEFAULT_CLUSTER)
        .await
        .unwrap()
}

/// Whether each patch was forced.
fn forced(server: &Scripted) -> Vec<bool> {
    server
        .patches()
        .iter()
        .map(|(query, _)| query.contains("force=true"))
        .collect()
}

#[tokio::test]
async fn nobody_minds() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v1", json!([])));
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    let Outcome::Applied {
        applied,
        previous,
        adopted: None,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (
            applied.image.as_str(),
            applied.selector.as_str(),
            previous.as_str()
        ),
        ("r/web:v2", "app=web", "r/web:v1")
    );
    let (query, body) = server.patches().remove(0);
    assert!(
        query.contains("fieldManager=otus") && !query.contains("force=true"),
        "{query}"
    );
    assert_eq!(
        body["metadata"]["resourceVersion"], "1",
        "the version that was read"
    );
}

#[tokio::test]
async fn the_same_image_is_not_written_again() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    assert!(matches!(outcome, Outcome::AlreadyRunning { .. }), "{outcome:?}");
    assert!(server.patches().is_empty());
}

#[tokio::test]
async fn an_object_never_deployed_before_is_taken_over_once() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v1", helm()));
    server.answer_patch(409, conflict("helm", IMAGE_FIELD));
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    let Outcome::Applied {
        adopted: Some(from), ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((from.manager.as_str(), from.first), ("helm", true));
    assert_eq!(from.since, Some("2026-11-22T10:00:00Z".parse().unwrap()));
    assert_eq!(forced(&server), [false, true]);
}

#[tokio::test]
async fn what_somebody_changed_since_is_asked_about() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:hot", drift()));
    server.answer_patch(409, conflict("kubectl-set", IMAGE_FIELD));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    let Outcome::Conflict(found) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (found.manager.as_str(), found.image.as_str(), found.first),
        ("kubectl-set", "r/web:hot", false)
    );
    server.answer_patch(409, conflict("kubectl-set", IMAGE_FIELD));
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(true)).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Applied { adopted: Some(_), .. }),
        "{outcome:?}"
    );
    assert_eq!(forced(&server), [false, false, true]);
}

#[tokio::test]
async fn the_operator_decides_about_taking_over() {
    let (server, _) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v1", helm()));
    server.answer_patch(409, conflict("helm", IMAGE_FIELD));
    let asking = adopting(&server, Adopt::Ask).await;
    let outcome = apply(&asking, &workload(), &change(false)).await.unwrap();
    assert!(matches!(outcome, Outcome::Conflict(found) if found.first));
    server.put("deployments", deployment("r/web:hot", drift()));
    server.answer_patch(409, conflict("kubectl-set", IMAGE_FIELD));
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let always = adopting(&server, Adopt::Always).await;
    let outcome = apply(&always, &workload(), &change(false)).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

#[tokio::test]
async fn notes_on_the_object_are_no_reason_to_ask() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v1", drift()));
    server.answer_patch(
        409,
        conflict(
            "kubectl-annotate",
            ".metadata.annotations.kubernetes.io/change-cause",
        ),
    );
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Applied { adopted: None, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_changed_in_between_is_read_again() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment("r/web:v1", json!([])));
    server.answer_patch(409, stale());
    server.answer_patch(200, deployment("r/web:v2", json!([])));
    let outcome = apply(&cluster, &workload(), &change(false)).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    for _ in 0..4 {
        server.answer_patch(409, stale());
    }
    let error = apply(&cluster, &workload(), &change(false)).await.unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (server, cluster) = Scripted::start().await;
    let error = apply(&cluster, &workload(), &change(false)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no deployment web in the namespace shop of the cluster default"
    );
    server.put("deployments", deployment("r/web:v1", json!([])));
    let status = |code: u16, reason: &str, message: &str| json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    server.answer_patch(
        403,
        status(
            403,
            "Forbidden",
            "deployments.apps \"web\" is forbidden: no patch",
        ),
    );
    let error = apply(&cluster, &workload(), &change(false)).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
    server.answer_patch(
        422,
        status(422, "Invalid", "admission webhook \"policy\" denied the request"),
    );
    let error = apply(&cluster, &workload(), &change(false)).await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: 422, .. }), "{error}");
    server.answer_patch(503, status(503, "ServiceUnavailable", "etcd is away"));
    let error = apply(&cluster, &workload(), &change(false)).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    let named = Workload {
        container: Some("app".into()),
        ..workload()
    };
    let error = apply(&cluster, &named, &change(false)).await.unwrap_err();
    assert!(matches!(error, Error::UnknownContainer { .. }), "{error}");
}
