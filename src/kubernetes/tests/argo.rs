//! Argo's Rollouts on the emulated cluster: changed, followed through their steps, promoted, aborted, begun anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ground;

use std::time::Duration;

use ground::{Ground, end, stamp, until};
use jiff::Timestamp;
use otus_kubernetes::{
    Applied, Change, Error, Fault, Kind, Outcome, Rollout, Settings, Verdict, Workload, apply, claim, pause,
    pods, resume, stop,
};
use serde_json::{Value, json};

const QUICK: Settings = Settings {
    stability: Duration::from_millis(300),
    grace: Duration::from_millis(300),
    deadline: Duration::from_secs(120),
};

/// Two weights, with a pause without an end between them, and a sidecar beside the service.
async fn planted(ground: &Ground) -> Workload {
    let steps = json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "5s"}}]);
    let spec = json!({
        "replicas": 4,
        "strategy": {"canary": {"steps": steps}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [
                {"name": "app", "image": ground.images.first, "env": [{"name": "A", "value": "1"}], "unknown": {"to": "us"}},
                {"name": "proxy", "image": "registry.test:5000/proxy:v9"},
            ]},
        },
    });
    ground.plant(Kind::Rollout, spec).await
}

fn object(ground: &Ground) -> Value {
    ground
        .emulated
        .as_ref()
        .unwrap()
        .get("rollout", "shop", "db")
        .unwrap()
}

fn images(ground: &Ground) -> Vec<String> {
    let mut pods = ground.emulated.as_ref().unwrap().list("pods", "shop");
    pods.retain(|pod| {
        pod["metadata"]["labels"]["app"] == "db" && pod["metadata"]["deletionTimestamp"].is_null()
    });
    let mut images: Vec<String> = pods
        .iter()
        .map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
        .collect();
    images.sort();
    images
}

async fn applied(ground: &Ground, workload: &Workload, change: &Change) -> Applied {
    match apply(&ground.cluster, workload, change).await.unwrap() {
        Outcome::Applied { applied, .. } => applied,
        other => panic!("{other:?}"),
    }
}

fn follow(ground: &Ground, workload: &Workload, applied: Applied) -> Rollout {
    Rollout::follow(ground.cluster.clone(), workload.clone(), applied, QUICK)
}

fn waits(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Paused { step: Some(step), .. } if (step.at, step.of) == (2, 4))
}

#[tokio::test]
async fn it_goes_through_its_steps_and_waits_where_it_should() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let change = ground.change(ground.images.second);
    let mut rollout = follow(&ground, &workload, applied(&ground, &workload, &change).await);
    until(&mut rollout, |progress| waits(&progress.verdict)).await;
    let (first, second) = (ground.images.first, ground.images.second);
    assert_eq!(images(&ground), [first, first, first, second]);
    // What stood beside the image stands, also what Otus cannot read.
    let containers = &object(&ground)["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["unknown"], json!({"to": "us"}));
    assert_eq!(containers[0]["env"][0]["value"], "1");
    assert_eq!(containers[1]["image"], "registry.test:5000/proxy:v9");
    let seen = pods(&ground.cluster, &workload).await.unwrap();
    assert_eq!(seen.iter().filter(|pod| pod.wanted).count(), 1);
    let running = workload.read(&ground.cluster).await.unwrap();
    assert!(running.paused && running.waits.is_some() && !running.settled);
    // It waits already: nothing more is to be held.
    pause(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    assert_eq!(object(&ground)["spec"]["paused"], Value::Null);
    resume(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 4 });
    assert_eq!(images(&ground), [second; 4]);
    let running = workload.read(&ground.cluster).await.unwrap();
    assert!(running.settled && !running.paused);
    assert_eq!(running.version.as_deref(), Some("v2"));
    assert_eq!(running.previous.as_deref(), Some(first));
    match apply(&ground.cluster, &workload, &change).await.unwrap() {
        Outcome::Applied { previous, .. } => {
            assert_eq!(previous, first, "the answer got lost, and is given again")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn held_on_purpose_it_stays_until_it_is_let_go() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let change = ground.change(ground.images.second);
    let mut rollout = follow(&ground, &workload, applied(&ground, &workload, &change).await);
    let held = pause(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    assert!(held.is_paused_by("otus"));
    rollout.hold(Timestamp::now(), held.generation);
    until(&mut rollout, |progress| {
        matches!(&progress.verdict, Verdict::Paused { by: Some(by), step: None, .. } if by == "otus")
    })
    .await;
    let running = resume(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    rollout.let_go(running.generation);
    until(&mut rollout, |progress| waits(&progress.verdict)).await;
}

#[tokio::test]
async fn what_crashes_is_led_back_and_the_next_deploy_goes_on() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let good = ground.change(ground.images.second);
    let mut rollout = follow(&ground, &workload, applied(&ground, &workload, &good).await);
    until(&mut rollout, |progress| waits(&progress.verdict)).await;
    resume(&ground.cluster, &workload, &good.stamp, &good.image)
        .await
        .unwrap();
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 4 });
    let change = Change {
        stamp: stamp("deploy-2", 1, Timestamp::now()),
        ..ground.change(ground.images.crashing)
    };
    let mut rollout = follow(&ground, &workload, applied(&ground, &workload, &change).await);
    let failed = end(&mut rollout).await;
    assert!(
        matches!(&failed, Verdict::Failed { cause, old, .. } if *old >= 3 && matches!(cause.fault, Fault::Crashed(_))),
        "{failed:?}"
    );
    for _ in 0..2 {
        let after = stop(&ground.cluster, &workload, &change.stamp, &change.image)
            .await
            .unwrap();
        assert!(after.aborted && !after.settled);
    }
    let back = async {
        while images(&ground) != [ground.images.second; 4] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), back).await.unwrap();
    // The same again begins anew, and is not taken for what it was.
    let again = Change {
        stamp: stamp("deploy-3", 1, Timestamp::now()),
        ..change.clone()
    };
    let outcome = apply(&ground.cluster, &workload, &again).await.unwrap();
    let Outcome::AlreadyRunning { applied: anew, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let failed = end(&mut follow(&ground, &workload, anew)).await;
    assert!(
        matches!(&failed, Verdict::Failed { cause, .. } if matches!(cause.fault, Fault::Crashed(_))),
        "{failed:?}"
    );
    stop(&ground.cluster, &workload, &again.stamp, &again.image)
        .await
        .unwrap();
    // What served before is stable: it needs no steps.
    let forward = Change {
        stamp: stamp("deploy-4", 1, Timestamp::now()),
        ..ground.change(ground.images.second)
    };
    let anew = applied(&ground, &workload, &forward).await;
    assert_eq!(
        end(&mut follow(&ground, &workload, anew)).await,
        Verdict::Stable { pods: 4 }
    );
}

#[tokio::test]
async fn whoever_sleeps_steers_nothing_any_more() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let change = ground.change(ground.images.second);
    let mut rollout = follow(&ground, &workload, applied(&ground, &workload, &change).await);
    until(&mut rollout, |progress| waits(&progress.verdict)).await;
    let newer = stamp("deploy-1", 2, change.stamp.started);
    claim(&ground.cluster, &workload, &newer).await.unwrap();
    for late in [
        resume(&ground.cluster, &workload, &change.stamp, &change.image).await,
        stop(&ground.cluster, &workload, &change.stamp, &change.image).await,
    ] {
        assert!(
            matches!(late, Err(Error::Replaced { generation: 2, .. })),
            "{late:?}"
        );
    }
    assert!(waits(&until(&mut rollout, |_| true).await) && object(&ground)["status"]["abort"].is_null());
}

#[tokio::test]
async fn what_somebody_else_set_is_not_overwritten_silently() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let change = ground.change(ground.images.second);
    applied(&ground, &workload, &change).await;
    let mut containers = object(&ground)["spec"]["template"]["spec"]["containers"].clone();
    containers[0]["image"] = json!(ground.images.third);
    let server = ground.emulated.as_ref().unwrap();
    let by_hand = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    server
        .patch("kubectl-argo-rollouts", "rollout", "shop", "db", by_hand)
        .unwrap();
    let next = Change {
        stamp: stamp("deploy-2", 1, Timestamp::now()),
        ..ground.change(ground.images.first)
    };
    match apply(&ground.cluster, &workload, &next).await.unwrap() {
        Outcome::Conflict(conflict) => {
            assert_eq!(conflict.manager, "kubectl-argo-rollouts");
            assert_eq!(conflict.image, ground.images.third);
            assert!(!conflict.first);
        }
        other => panic!("{other:?}"),
    }
    let forced = Change { force: true, ..next };
    let outcome = apply(&ground.cluster, &workload, &forced).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Applied { adopted: Some(_), .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn one_without_a_template_of_its_own_is_refused() {
    let ground = Ground::emulated_with(1).await;
    let workload = planted(&ground).await;
    let server = ground.emulated.as_ref().unwrap();
    let borrowed =
        json!({"spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    server.patch("helm", "rollout", "shop", "db", borrowed).unwrap();
    let refused = apply(&ground.cluster, &workload, &ground.change(ground.images.second)).await;
    assert!(matches!(refused, Err(Error::Borrowed { .. })), "{refused:?}");
}
