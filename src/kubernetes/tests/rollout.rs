//! Following a rollout on a server that has bad days.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scripted;

use std::time::Duration;

use jiff::Timestamp;
use otus_kubernetes::{Applied, Cluster, Error, Fault, Progress, Rollout, Settings, Verdict, Workload};
use scripted::Scripted;
use serde_json::{Value, json};

const IMAGE: &str = "r/web:v2";

fn deployment(observed: i64, existing: i32, updated: i32, available: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{"name": "app", "image": IMAGE}]}}},
        "status": {"observedGeneration": observed, "replicas": existing, "updatedReplicas": updated,
            "readyReplicas": available, "availableReplicas": available},
    })
}

fn replica_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-new", "namespace": "shop", "uid": "rs-new", "labels": {"app": "web", "pod-template-hash": "new"},
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1"}]},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    })
}

fn pod(name: &str, status: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {"app": "web", "pod-template-hash": "new"}},
        "spec": {"containers": [{"name": "app", "image": IMAGE}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    })
}

fn crashing() -> Value {
    json!({"name": "app", "image": IMAGE, "imageID": "", "ready": false, "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}}})
}

fn follow(cluster: Cluster) -> Rollout {
    let workload = Workload {
        cluster: "default".into(),
        namespace: "shop".into(),
        kind: Default::default(),
        name: "web".into(),
        container: None,
        service: "web".into(),
    };
    let applied = Applied {
        uid: "u1".into(),
        generation: 2,
        container: "app".into(),
        image: IMAGE.into(),
        selector: "app=web".into(),
        at: Timestamp::now(),
    };
    let settings = Settings {
        stability: Duration::from_millis(1500),
        ..Settings::default()
    };
    Rollout::follow(cluster, workload, applied, settings)
}

/// The next progress that is like this.
async fn until(rollout: &mut Rollout, mut like: impl FnMut(&Progress) -> bool) -> Progress {
    let search = async {
        loop {
            let progress = rollout
                .next()
                .await
                .expect("the rollout ended")
                .expect("the rollout failed");
            if like(&progress) {
                return progress;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), search)
        .await
        .expect("it did not come to that")
}

fn is_waiting(progress: &Progress, wanted: i32) -> bool {
    progress.outage.is_none() && matches!(progress.verdict, Verdict::Waiting { done, .. } if done == wanted)
}

fn is_stable(progress: &Progress) -> bool {
    progress.verdict == Verdict::Stable { pods: 2 }
}

#[tokio::test]
async fn a_rollout_whose_watches_break_and_expire() {
    let (server, cluster) = Scripted::start().await;
    server.put("replicasets", replica_set());
    server.put("deployments", deployment(1, 2, 2, 2));
    let mut rollout = follow(cluster);
    until(&mut rollout, |progress| is_waiting(progress, 0)).await;
    server.cut();
    server.put("deployments", deployment(2, 3, 1, 2));
    until(&mut rollout, |progress| {
        matches!(
            progress.verdict,
            Verdict::Waiting {
                why: otus_kubernetes::Why::Creating { created: 1 },
                ..
            }
        )
    })
    .await;
    server.forget();
    server.put("deployments", deployment(2, 3, 2, 3));
    until(&mut rollout, |progress| {
        matches!(
            progress.verdict,
            Verdict::Waiting {
                why: otus_kubernetes::Why::OldPods { left: 1 },
                ..
            }
        )
    })
    .await;
    server.put("deployments", deployment(2, 2, 2, 2));
    until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Available { pods: 2, .. })
    })
    .await;
    until(&mut rollout, is_stable).await;
    assert!(rollout.next().await.is_none());
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while() {
    let (server, cluster) = Scripted::start().await;
    server.put("replicasets", replica_set());
    server.put("deployments", deployment(2, 3, 1, 2));
    let mut rollout = follow(cluster);
    until(&mut rollout, |progress| progress.outage.is_none()).await;
    server.fail(Some(503), &[]);
    let progress = until(&mut rollout, |progress| progress.outage.is_some()).await;
    assert!(matches!(
        progress.outage.unwrap().error,
        Error::Troubled { code: 503, .. }
    ));
    // Done while nobody could see it.
    server.put("deployments", deployment(2, 2, 2, 2));
    server.fail(None, &[]);
    let progress = until(&mut rollout, |progress| progress.outage.is_none()).await;
    assert!(
        matches!(progress.verdict, Verdict::Available { .. }),
        "{progress:?}"
    );
    until(&mut rollout, is_stable).await;
}

#[tokio::test]
async fn a_crash_brings_its_last_words() {
    let (server, cluster) = Scripted::start().await;
    server.put("replicasets", replica_set());
    server.put("deployments", deployment(2, 3, 1, 2));
    server.put("pods", pod("web-1", crashing()));
    server.write_log("web-1", true, "starting\nfatal: password=hunter2 is wrong\n");
    server.write_log("web-1", false, "starting\n");
    let mut rollout = follow(cluster);
    let progress = until(&mut rollout, |progress| progress.verdict.is_final()).await;
    let Verdict::Failed { cause, old, .. } = progress.verdict else {
        panic!("{progress:?}")
    };
    assert!(matches!(&cause.fault, Fault::Crashed(exit) if exit.code == 7));
    assert_eq!(cause.log, ["starting", "fatal: password=[redacted] is wrong"]);
    assert_eq!(old, 2);
    assert!(rollout.next().await.is_none());
}

#[tokio::test]
async fn what_may_not_be_seen() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment(2, 2, 2, 2));
    // Without the pods the counts still tell.
    server.fail(Some(403), &["pods", "replicasets", "events"]);
    let mut rollout = follow(cluster.clone());
    until(&mut rollout, is_stable).await;
    server.fail(Some(403), &["deployments"]);
    let mut rollout = follow(cluster);
    let failed = tokio::time::timeout(Duration::from_secs(20), rollout.next())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(failed, Err(Error::Forbidden { .. })), "{failed:?}");
    assert!(rollout.next().await.is_none());
}

#[tokio::test]
async fn a_workload_that_is_deleted() {
    let (server, cluster) = Scripted::start().await;
    server.put("deployments", deployment(2, 3, 1, 2));
    let mut rollout = follow(cluster);
    until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Waiting { .. })
    })
    .await;
    server.delete("deployments", "web");
    until(&mut rollout, |progress| progress.verdict == Verdict::Gone).await;
}

#[tokio::test]
async fn watching_is_not_asking_all_the_time() {
    let (server, cluster) = Scripted::start().await;
    server.put("replicasets", replica_set());
    server.put("deployments", deployment(2, 2, 2, 2));
    let mut rollout = follow(cluster);
    until(&mut rollout, is_stable).await;
    // One list to begin each watch, and one more of two kinds before the end is believed.
    assert_eq!(server.asked(), (5, 3));
}
