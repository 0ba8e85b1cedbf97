//! Whatever is done to a Deployment, in whatever order: what must hold, holds at every moment, and it comes to rest.
//!
//! Time is paused, so a case takes no longer than its work.

use std::{collections::HashMap, time::Duration};

use otus_emulators::kubernetes::{Cluster, Options, View};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What people do.
#[derive(Clone, Debug)]
enum Deed {
    Image(&'static str),
    Scale(u8),
    Pause(bool),
    Annotate(u8),
    Surge(&'static str, &'static str),
    Strategy(bool),
    Limit(u8),
    DeletePod(u8),
    Wait(u16),
}

fn deed() -> impl Strategy<Value = Deed> {
    let images = [
        "r.test/api:1",
        "r.test/api:2",
        "r.test/api:3",
        "r.test/api:4-crash",
        "r.test/api:5-missing",
        "r.test/api:6-hang",
        "r.test/api:7-crashlater",
        "r.test/api:8-quota",
        "r.test/api:9-evicted",
        "r.test/api:10-unschedulable",
        "r.test/api:11-slow",
    ];
    prop_oneof![
        5 => prop::sample::select(images.to_vec()).prop_map(Deed::Image),
        3 => (0_u8..7).prop_map(Deed::Scale),
        1 => any::<bool>().prop_map(Deed::Pause),
        1 => any::<u8>().prop_map(Deed::Annotate),
        1 => prop::sample::select(vec![("0", "1"), ("1", "0"), ("100%", "0"), ("50%", "50%"), ("25%", "25%"), ("0", "0%")])
            .prop_map(|(surge, unavailable)| Deed::Surge(surge, unavailable)),
        1 => any::<bool>().prop_map(Deed::Strategy),
        1 => (0_u8..3).prop_map(Deed::Limit),
        2 => any::<u8>().prop_map(Deed::DeletePod),
        6 => (0_u16..400).prop_map(Deed::Wait),
    ]
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

fn count(text: &str) -> Value {
    text.parse::<u32>().map_or_else(|_| json!(text), |n| json!(n))
}

async fn act(cluster: &Cluster, deed: &Deed) {
    let spec = |spec: Value| {
        let patched = cluster.patch("test", "deployment", "shop", "api", json!({ "spec": spec }));
        patched.expect("a valid patch is taken");
    };
    match deed {
        Deed::Image(image) => {
            spec(json!({ "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } }))
        }
        Deed::Scale(replicas) => spec(json!({ "replicas": replicas })),
        Deed::Pause(paused) => spec(json!({ "paused": paused })),
        Deed::Limit(limit) => spec(json!({ "revisionHistoryLimit": limit })),
        Deed::Surge(surge, unavailable) => spec(json!({ "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": { "maxSurge": count(surge), "maxUnavailable": count(unavailable) },
        } })),
        Deed::Strategy(true) => spec(json!({ "strategy": { "type": "Recreate", "rollingUpdate": null } })),
        Deed::Strategy(false) => spec(json!({ "strategy": { "type": "RollingUpdate" } })),
        Deed::Annotate(note) => {
            let note = json!({ "metadata": { "annotations": { "note": note.to_string() } } });
            cluster
                .patch("test", "deployment", "shop", "api", note)
                .expect("a valid patch is taken");
        }
        Deed::DeletePod(which) => {
            let pods = cluster.list("pods", "shop");
            if let Some(pod) = pods.get(usize::from(*which) % pods.len().max(1)) {
                // It can be going already.
                let _ = cluster.delete(
                    "pod",
                    "shop",
                    pod["metadata"]["name"].as_str().unwrap_or_default(),
                );
            }
        }
        Deed::Wait(milliseconds) => tokio::time::sleep(Duration::from_millis(u64::from(*milliseconds))).await,
    }
}

/// What every version of the Deployment must be to the one before.
fn check_history(history: &[Value]) -> Result<(), String> {
    let mut last: Option<&Value> = None;
    for now in history {
        let at = |object: &Value, field: &str| number(object, &format!("/status/{field}"));
        let version = |object: &Value| -> u64 {
            object["metadata"]["resourceVersion"]
                .as_str()
                .and_then(|v| v.parse().ok())
                .unwrap_or_default()
        };
        for field in [
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "terminatingReplicas",
            "unavailableReplicas",
        ] {
            if at(now, field) < 0 {
                return Err(format!("{field} is negative: {}", now["status"]));
            }
        }
        if at(now, "updatedReplicas") > at(now, "replicas")
            || at(now, "readyReplicas") > at(now, "replicas")
            || at(now, "availableReplicas") > at(now, "readyReplicas")
        {
            return Err(format!("the counts do not fit: {}", now["status"]));
        }
        if at(now, "observedGeneration") > number(now, "/metadata/generation") {
            return Err(format!("observed what is not yet: {now}"));
        }
        if let Some(before) = last {
            let generation = |object: &Value| number(object, "/metadata/generation");
            let step = generation(now) - generation(before);
            if step != i64::from(now["spec"] != before["spec"]) {
                return Err(format!(
                    "the generation moved by {step}, specs {} and {}",
                    before["spec"], now["spec"]
                ));
            }
            if version(now) <= version(before)
                || at(now, "observedGeneration") < at(before, "observedGeneration")
            {
                return Err(format!("back in time: {now}"));
            }
        }
        last = Some(now);
    }
    Ok(())
}

/// What must hold of all objects together.
fn check_objects(view: &View<'_>) -> Result<(), String> {
    let sets = view.list("rs", "shop");
    let by_uid: HashMap<_, _> = sets
        .iter()
        .map(|set| (set["metadata"]["uid"].to_string(), set))
        .collect();
    let mut revisions: Vec<_> = Vec::new();
    for set in &sets {
        revisions.push(set["metadata"]["annotations"]["deployment.kubernetes.io/revision"].to_string());
        if number(set, "/spec/replicas") < 0 {
            return Err(format!("a negative size: {set}"));
        }
    }
    let all = revisions.len();
    revisions.sort();
    revisions.dedup();
    if revisions.len() != all {
        return Err(format!("two ReplicaSets of one revision: {revisions:?}"));
    }
    for pod in view.list("pods", "shop") {
        let owner = &pod["metadata"]["ownerReferences"][0];
        // What is over may outlive its owner for the moment until it is collected.
        let leaving = pod["metadata"]["deletionTimestamp"].is_string() || pod["status"]["phase"] == "Failed";
        let Some(set) = by_uid.get(&owner["uid"].to_string()) else {
            if leaving {
                continue;
            }
            return Err(format!("a pod whose ReplicaSet is gone: {}", pod["metadata"]));
        };
        if pod["spec"]["containers"][0]["image"] != set["spec"]["template"]["spec"]["containers"][0]["image"]
        {
            return Err(format!("a pod that is not of its template: {pod}"));
        }
    }
    Ok(())
}

async fn run(deeds: Vec<Deed>) -> Result<(), String> {
    let cluster = Cluster::start(Options::default())
        .await
        .map_err(|error| error.to_string())?;
    cluster
        .deployment("shop", "api", "r.test/api:1", 3)
        .await
        .map_err(|error| error.to_string())?;
    for deed in &deeds {
        act(&cluster, deed).await;
        cluster
            .wait_until(Duration::from_secs(1), |view| Some(check_objects(view)))
            .await
            .map_err(|e| e.to_string())??;
    }
    // At last a good image, and no obstacles: it must come to rest.
    act(&cluster, &Deed::Pause(false)).await;
    act(&cluster, &Deed::Scale(2)).await;
    act(&cluster, &Deed::Image("r.test/api:final")).await;
    let mut broken = Ok(());
    let rest = cluster.wait_until(Duration::from_secs(600), |view| {
        broken = broken.clone().and(check_objects(view));
        let api = view.get("deploy", "shop", "api")?;
        let status = |field: &str| number(&api, &format!("/status/{field}"));
        let rested = status("observedGeneration") == number(&api, "/metadata/generation")
            && [
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
            ]
            .iter()
            .all(|f| status(f) == 2)
            && status("terminatingReplicas") == 0
            && api["status"]["conditions"]
                .to_string()
                .contains("NewReplicaSetAvailable")
            && view
                .list("pods", "shop")
                .iter()
                .filter(|pod| pod["status"]["phase"] == "Running")
                .count()
                == 2;
        rested.then_some(())
    });
    rest.await.map_err(|waited| waited.to_string())?;
    broken?;
    check_history(&cluster.history("deployment", "shop", "api"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_must_hold_holds(deeds in prop::collection::vec(deed(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(deeds)).map_err(TestCaseError::fail)?;
    }
}
