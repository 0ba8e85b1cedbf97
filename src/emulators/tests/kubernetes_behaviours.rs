//! How pods fare by their image, and what can be seen of it: in their status, in events, in logs.

#[path = "kubernetes/place.rs"]
mod place;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use otus_emulators::kubernetes::{Behaviour, Cluster, Options, View};
use place::SOON;
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// A cluster where `api` runs well and is then set to the image of the tag.
async fn deployed(tag: &str) -> Result<Cluster> {
    let cluster = Cluster::start(Options::default()).await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 3)
        .await?;
    cluster.set_image("shop", "api", "app", &format!("registry.test/shop/api:{tag}"))?;
    Ok(cluster)
}

/// The pods of the newest ReplicaSet.
fn new_pods(view: &View<'_>) -> Vec<Value> {
    let revision = |set: &Value| -> i64 {
        let text = set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
            .as_str()
            .unwrap_or_default();
        text.parse().unwrap_or_default()
    };
    let newest = view
        .list("rs", "shop")
        .into_iter()
        .max_by_key(revision)
        .unwrap_or_default();
    if revision(&newest) < 2 {
        return Vec::new();
    }
    let hash = &newest["metadata"]["labels"]["pod-template-hash"];
    view.list("pods", "shop")
        .into_iter()
        .filter(|pod| pod["metadata"]["labels"]["pod-template-hash"] == *hash)
        .collect()
}

fn state(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

fn events(view: &View<'_>, reason: &str) -> Vec<Value> {
    view.list("events", "shop")
        .into_iter()
        .filter(|event| event["reason"] == reason)
        .collect()
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let all = object["status"]["conditions"].as_array();
    all.into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

async fn fails_its_deadline(cluster: &Cluster) -> Result {
    cluster.patch(
        "test",
        "deployment",
        "shop",
        "api",
        json!({ "spec": { "progressDeadlineSeconds": 30 } }),
    )?;
    let exceeded = cluster.wait_until(SOON, |view| {
        let api = view.get("deployment", "shop", "api")?;
        (condition(&api, "Progressing")["reason"] == "ProgressDeadlineExceeded").then_some(api)
    });
    let api = exceeded.await?;
    // The old pods go on serving.
    assert_eq!(api["status"]["availableReplicas"], 3);
    assert_eq!(condition(&api, "Available")["status"], "True");
    Ok(())
}

#[tokio::test]
async fn a_crash_loop() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::start(Options::default()).await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 3)
        .await?;
    cluster.behave(
        "shop/api:2.0",
        Behaviour::CrashLoop {
            exit_code: 3,
            log: "first line\nno database".into(),
        },
    );
    cluster.set_image("shop", "api", "app", "registry.test/shop/api:2.0")?;
    let looping = cluster.wait_until(SOON, |view| {
        new_pods(view)
            .into_iter()
            .find(|pod| state(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff")
    });
    let pod = looping.await?;
    assert_eq!(state(&pod)["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(state(&pod)["ready"], false);
    assert!(state(&pod)["restartCount"].as_i64() >= Some(1));
    let name = pod["metadata"]["name"].as_str().ok_or("no name")?;
    let pods: Api<Pod> = Api::namespaced(place::client(&cluster)?, "shop");
    let params = LogParams {
        previous: true,
        tail_lines: Some(1),
        ..LogParams::default()
    };
    assert_eq!(pods.logs(name, &params).await?.trim(), "no database");
    let params = LogParams {
        previous: true,
        limit_bytes: Some(4),
        ..LogParams::default()
    };
    assert_eq!(pods.logs(name, &params).await?.len(), 4);
    cluster
        .wait_until(SOON, |view| {
            events(view, "BackOff")
                .into_iter()
                .find(|e| e["count"].as_i64() > Some(1))
        })
        .await?;
    fails_its_deadline(&cluster).await
}

#[tokio::test]
async fn a_missing_image() -> Result {
    let cluster = deployed("2.0-missing").await?;
    let mut seen = BTreeSet::new();
    let mut alternations = 0;
    let mut last = String::new();
    let alternated = cluster.wait_until(SOON, |view| {
        for pod in new_pods(view) {
            let waiting = &state(&pod)["state"]["waiting"];
            let reason = waiting["reason"].as_str().unwrap_or_default().to_owned();
            let found = waiting["message"]
                .as_str()
                .unwrap_or_default()
                .contains("not found");
            if reason.contains("Pull") {
                seen.insert((reason.clone(), found));
                alternations += usize::from(reason != last);
                last = reason;
            }
        }
        (alternations >= 4).then_some(())
    });
    alternated.await?;
    // Only the first of the two says what is wrong.
    assert_eq!(
        seen,
        [("ErrImagePull".into(), true), ("ImagePullBackOff".into(), false)].into()
    );
    let view = cluster.list("events", "shop");
    assert!(view.iter().any(|e| {
        e["message"]
            .as_str()
            .unwrap_or_default()
            .ends_with("api:2.0-missing: not found")
    }));
    fails_its_deadline(&cluster).await
}

#[tokio::test]
async fn a_missing_secret() -> Result {
    let cluster = deployed("badconfig").await?;
    let pod = cluster.wait_until(SOON, |view| {
        let waits = |pod: &Value| state(pod)["state"]["waiting"]["reason"] == "CreateContainerConfigError";
        new_pods(view).into_iter().find(waits)
    });
    assert_eq!(
        state(&pod.await?)["state"]["waiting"]["message"],
        "secret \"api-credentials\" not found"
    );
    Ok(())
}

#[tokio::test]
async fn no_room_on_any_node() -> Result {
    let cluster = deployed("unschedulable").await?;
    let pod = cluster.wait_until(SOON, |view| {
        new_pods(view)
            .into_iter()
            .find(|pod| condition(pod, "PodScheduled")["reason"] == "Unschedulable")
    });
    let pod = pod.await?;
    assert_eq!(pod["status"]["phase"], "Pending");
    assert_eq!(pod["spec"]["nodeName"], Value::Null);
    // The scheduler counts in a series.
    let event = cluster.wait_until(SOON, |view| {
        events(view, "FailedScheduling")
            .into_iter()
            .find(|e| e["series"]["count"].as_i64() > Some(1))
    });
    let event = event.await?;
    assert!(event["count"].is_null() && event["eventTime"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_probe_that_never_succeeds() -> Result {
    let cluster = deployed("hang").await?;
    let unhealthy = cluster.wait_until(SOON, |view| {
        events(view, "Unhealthy")
            .into_iter()
            .find(|event| event["count"].as_i64() >= Some(3))
    });
    assert!(
        unhealthy.await?["message"]
            .as_str()
            .unwrap_or_default()
            .starts_with("Readiness probe failed")
    );
    let pods = cluster.list("pods", "shop");
    let hanging = pods
        .iter()
        .find(|pod| state(pod)["ready"] == false)
        .ok_or("all are ready")?;
    assert!(state(hanging)["state"]["running"].is_object());
    assert_eq!(state(hanging)["restartCount"], 0);
    fails_its_deadline(&cluster).await
}

#[tokio::test]
async fn a_used_up_quota() -> Result {
    let cluster = deployed("quota").await?;
    let api = cluster.wait_until(SOON, |view| {
        view.get("deployment", "shop", "api")
            .filter(|api| condition(api, "ReplicaFailure")["status"] == "True")
    });
    let api = api.await?;
    let failure = condition(&api, "ReplicaFailure");
    assert_eq!(failure["reason"], "FailedCreate");
    assert!(
        failure["message"]
            .as_str()
            .unwrap_or_default()
            .contains("exceeded quota")
    );
    let told = cluster.list("events", "shop");
    let event = told
        .iter()
        .find(|event| event["reason"] == "FailedCreate")
        .ok_or("no event")?;
    assert_eq!(event["involvedObject"]["kind"], "ReplicaSet");
    // With the image mended, the failure goes.
    cluster.set_image("shop", "api", "app", "registry.test/shop/api:2.1")?;
    cluster
        .wait_until(SOON, |view| {
            let api = view.get("deployment", "shop", "api")?;
            let done = condition(&api, "Progressing")["reason"] == "NewReplicaSetAvailable"
                && api["status"]["observedGeneration"] == 3
                && api["status"]["updatedReplicas"] == 3;
            (done && condition(&api, "ReplicaFailure").is_null()).then_some(())
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn memory_that_runs_out_and_an_eviction() -> Result {
    let cluster = deployed("2.0-oom").await?;
    let pod = cluster.wait_until(SOON, |view| {
        new_pods(view)
            .into_iter()
            .find(|pod| state(pod)["lastState"]["terminated"]["reason"] == "OOMKilled")
    });
    assert_eq!(state(&pod.await?)["lastState"]["terminated"]["exitCode"], 137);

    let cluster = deployed("evicted").await?;
    let evicted = cluster.wait_until(SOON, |view| {
        new_pods(view)
            .into_iter()
            .find(|pod| pod["status"]["reason"] == "Evicted")
    });
    assert_eq!(evicted.await?["status"]["phase"], "Failed");
    // It is replaced, and the rollout ends well.
    cluster
        .wait_until(SOON, |view| {
            let api = view.get("deployment", "shop", "api")?;
            let status = &api["status"];
            (status["updatedReplicas"] == 3 && status["availableReplicas"] == 3 && status["replicas"] == 3)
                .then_some(())
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_image_by_its_digest_behaves_by_what_was_said_or_labelled() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 1)
        .await?;
    let digest = format!("sha256:{}", "ab".repeat(32));
    cluster.behave(
        &digest,
        Behaviour::BadConfig {
            message: "configmap \"flags\" not found".into(),
        },
    );
    cluster.set_image("shop", "api", "app", &format!("registry.test/shop/api@{digest}"))?;
    let stuck = |view: &View<'_>, reason: &str| {
        new_pods(view)
            .into_iter()
            .find(|pod| state(pod)["state"]["waiting"]["reason"] == reason)
    };
    cluster
        .wait_until(SOON, |view| stuck(view, "CreateContainerConfigError"))
        .await?;
    let labelled = json!({ "spec": { "template": {
        "metadata": { "labels": { "app.kubernetes.io/version": "3.0-missing" } },
        "spec": { "containers": [{ "name": "app", "image": format!("registry.test/shop/api@sha256:{}", "cd".repeat(32)) }] },
    } } });
    cluster.patch("test", "deployment", "shop", "api", labelled)?;
    cluster
        .wait_until(SOON, |view| stuck(view, "ErrImagePull"))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_broken_init_container_holds_the_others_back() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 1)
        .await?;
    let init = json!({ "spec": { "template": { "spec": { "initContainers": [
        { "name": "migrate", "image": "registry.test/shop/migrate:1-crash" },
    ] } } } });
    cluster.patch("test", "deployment", "shop", "api", init)?;
    let pod = cluster.wait_until(SOON, |view| {
        let broken = |pod: &Value| {
            pod["status"]["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        };
        new_pods(view).into_iter().find(broken)
    });
    let pod = pod.await?;
    assert_eq!(pod["status"]["phase"], "Pending");
    assert_eq!(state(&pod)["state"]["waiting"]["reason"], "PodInitializing");
    assert_eq!(condition(&pod, "Initialized")["status"], "False");
    Ok(())
}
