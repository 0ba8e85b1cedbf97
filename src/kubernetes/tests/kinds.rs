//! StatefulSets and DaemonSets on the emulated cluster: changed, judged, explained, held.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ground;

use std::time::Duration;

use ground::{Ground, end, until};
use otus_kubernetes::{
    Applied, Error, Fault, Found, Kind, Outcome, Rollout, Settings, Verdict, Workload, apply, claim,
    happened, pause, pods, resume,
};
use serde_json::{Value, json};

const QUICK: Settings = Settings {
    stability: Duration::from_millis(300),
    grace: Duration::from_millis(300),
    deadline: Duration::from_secs(120),
};

async fn changed(ground: &Ground, workload: &Workload, image: &str) -> Applied {
    match apply(&ground.cluster, workload, &ground.change(image))
        .await
        .unwrap()
    {
        Outcome::Applied { applied, .. } => applied,
        other => panic!("{other:?}"),
    }
}

fn follow(ground: &Ground, workload: &Workload, applied: Applied) -> Rollout {
    Rollout::follow(ground.cluster.clone(), workload.clone(), applied, QUICK)
}

async fn deploy(ground: &Ground, workload: &Workload, image: &str) -> Verdict {
    let applied = changed(ground, workload, image).await;
    end(&mut follow(ground, workload, applied)).await
}

fn images(ground: &Ground) -> Vec<String> {
    let mut pods = ground.emulated.as_ref().unwrap().list("pods", "shop");
    pods.retain(|pod| pod["metadata"]["labels"]["app"] == "db");
    pods.iter()
        .map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
        .collect()
}

fn meddle(ground: &Ground, kind: &str, manager: &str, spec: Value) {
    let server = ground.emulated.as_ref().unwrap();
    server
        .patch(manager, kind, "shop", "db", json!({ "spec": spec }))
        .unwrap();
}

fn partition(ground: &Ground) -> Value {
    let set = ground
        .emulated
        .as_ref()
        .unwrap()
        .get("sts", "shop", "db")
        .unwrap();
    set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].clone()
}

#[tokio::test]
async fn both_kinds_are_deployed_counted_and_noted() {
    let ground = Ground::emulated_with(1).await;
    for (kind, extra) in [
        (Kind::StatefulSet, json!({"replicas": 3})),
        (Kind::DaemonSet, json!({})),
    ] {
        let workload = ground.plant(kind, extra).await;
        let before = workload.read(&ground.cluster).await.unwrap();
        assert_eq!(
            (before.replicas, before.ready, before.paused),
            (3, 3, false),
            "{kind}"
        );
        let applied = changed(&ground, &workload, ground.images.second).await;
        let mut rollout = follow(&ground, &workload, applied);
        let mut most = 0;
        let verdict = until(&mut rollout, |progress| {
            match &progress.verdict {
                Verdict::Waiting {
                    done, total, trouble, ..
                } => {
                    assert_eq!(*total, 3, "{kind}");
                    let told = trouble.as_ref().map(|cause| &cause.fault);
                    assert!(matches!(told, None | Some(Fault::NotReady { .. })), "{told:?}");
                    most = most.max(*done);
                }
                Verdict::Available { pods: 3, .. } | Verdict::Stable { .. } => {}
                other => panic!("{other:?}"),
            }
            progress.verdict.is_final()
        })
        .await;
        assert_eq!(verdict, Verdict::Stable { pods: 3 }, "{kind}");
        assert!(most > 0, "{kind}: the pods were counted on the way");
        let running = workload.read(&ground.cluster).await.unwrap();
        assert!(running.settled);
        assert_eq!(running.by.as_deref(), Some("ann"));
        assert_eq!(running.previous.as_deref(), Some(ground.images.first));
        assert_eq!(images(&ground), [ground.images.second; 3]);

        let seen = pods(&ground.cluster, &workload).await.unwrap();
        assert_eq!(
            seen.iter().filter(|pod| pod.wanted && pod.ready).count(),
            3,
            "{seen:?}"
        );
        let notes = happened(&ground.cluster, &workload).await.unwrap();
        assert!(
            notes.iter().any(|note| note.object.starts_with("Pod db-")),
            "{notes:?}"
        );
        assert!(!notes.iter().any(|note| note.object.contains("web")), "{notes:?}");
        let again = apply(&ground.cluster, &workload, &ground.change(ground.images.second))
            .await
            .unwrap();
        assert!(
            matches!(again, Outcome::Applied { applied, .. } if applied.generation == running.generation)
        );
        ground
            .emulated
            .as_ref()
            .unwrap()
            .delete(&kind.to_string(), "shop", "db")
            .unwrap();
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_at_once_for_both() {
    let ground = Ground::emulated_with(1).await;
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let workload = ground
            .plant(kind, json!({"replicas": 2, "podManagementPolicy": "Parallel"}))
            .await;
        let verdict = deploy(&ground, &workload, ground.images.missing).await;
        let Verdict::Failed {
            cause,
            found: Found::Doomed,
            old,
        } = verdict
        else {
            panic!("{kind}: {verdict:?}")
        };
        assert!(
            matches!(&cause.fault, Fault::ImageMissing { image, .. } if image == ground.images.missing),
            "{cause:?}"
        );
        assert!(old > 0, "{kind}: the others serve");
        let server = ground.emulated.as_ref().unwrap();
        server.delete(&kind.to_string(), "shop", "db").unwrap();
        let verdict = end(&mut follow(
            &ground,
            &workload,
            Applied {
                uid: "another".into(),
                generation: 1,
                container: "app".into(),
                image: "x".into(),
                selector: "app=db".into(),
                at: jiff::Timestamp::now(),
            },
        ))
        .await;
        assert_eq!(verdict, Verdict::Gone);
    }
}

#[tokio::test]
async fn a_crash_is_told_with_its_log_for_both() {
    let ground = Ground::emulated_with(1).await;
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let workload = ground.plant(kind, json!({"replicas": 2})).await;
        let verdict = deploy(&ground, &workload, ground.images.crashing).await;
        let Verdict::Failed { cause, .. } = verdict else {
            panic!("{kind}: {verdict:?}")
        };
        assert!(
            matches!(&cause.fault, Fault::Crashed(exit) if exit.code == 1),
            "{cause:?}"
        );
        assert!(!cause.log.is_empty(), "{kind}");
        ground
            .emulated
            .as_ref()
            .unwrap()
            .delete(&kind.to_string(), "shop", "db")
            .unwrap();
    }
}

#[tokio::test]
async fn pods_that_may_not_be_created_are_told_for_both() {
    let ground = Ground::emulated_with(1).await;
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let workload = ground.plant(kind, json!({"replicas": 2})).await;
        let verdict = deploy(&ground, &workload, "registry.test:5000/shop/web:v6-quota").await;
        let Verdict::Failed { cause, .. } = verdict else {
            panic!("{kind}: {verdict:?}")
        };
        assert!(
            matches!(&cause.fault, Fault::PodsRefused { message } if message.contains("quota")),
            "{cause:?}"
        );
        ground
            .emulated
            .as_ref()
            .unwrap()
            .delete(&kind.to_string(), "shop", "db")
            .unwrap();
    }
}

#[tokio::test]
async fn somebody_elses_image_supersedes_both() {
    let ground = Ground::emulated_with(1).await;
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let workload = ground.plant(kind, json!({"replicas": 2})).await;
        let applied = changed(&ground, &workload, ground.images.second).await;
        let containers = json!([{"name": "app", "image": ground.images.third}]);
        let spec = json!({"template": {"spec": {"containers": containers}}});
        meddle(&ground, &kind.to_string(), "kubectl-set", spec);
        let verdict = end(&mut follow(&ground, &workload, applied)).await;
        let Verdict::Superseded { manager, image, .. } = verdict else {
            panic!("{kind}: {verdict:?}")
        };
        assert_eq!(
            (manager.as_deref(), image.as_str()),
            (Some("kubectl-set"), ground.images.third)
        );
        let outcome = apply(&ground.cluster, &workload, &ground.change(ground.images.first))
            .await
            .unwrap();
        assert!(matches!(outcome, Outcome::Conflict(conflict) if conflict.manager == "kubectl-set"));
        ground
            .emulated
            .as_ref()
            .unwrap()
            .delete(&kind.to_string(), "shop", "db")
            .unwrap();
    }
}

#[tokio::test]
async fn a_broken_pod_in_the_way_is_named_until_somebody_deletes_it() {
    let ground = Ground::emulated_with(1).await;
    let workload = ground.plant(Kind::StatefulSet, json!({"replicas": 2})).await;
    assert!(matches!(
        deploy(&ground, &workload, ground.images.missing).await,
        Verdict::Failed { .. }
    ));
    // The mended version does not get past it.
    let applied = changed(&ground, &workload, ground.images.third).await;
    let verdict = end(&mut follow(&ground, &workload, applied.clone())).await;
    let Verdict::Failed {
        cause,
        found: Found::Doomed,
        ..
    } = verdict
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(cause.pod.as_deref(), Some("db-1"));
    assert!(
        matches!(&cause.fault, Fault::InTheWay { namespace, fault }
            if namespace == "shop" && matches!(**fault, Fault::ImageMissing { .. } | Fault::PullFailing { .. })),
        "{cause:?}"
    );
    ground
        .emulated
        .as_ref()
        .unwrap()
        .delete("pod", "shop", "db-1")
        .unwrap();
    assert_eq!(
        end(&mut follow(&ground, &workload, applied)).await,
        Verdict::Stable { pods: 2 }
    );
}

#[tokio::test]
async fn a_partition_of_others_is_how_far_it_goes() {
    let ground = Ground::emulated_with(1).await;
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    let workload = ground
        .plant(
            Kind::StatefulSet,
            json!({"replicas": 3, "updateStrategy": strategy}),
        )
        .await;
    assert_eq!(
        deploy(&ground, &workload, ground.images.second).await,
        Verdict::Stable { pods: 1 }
    );
    let (old, new) = (ground.images.first, ground.images.second);
    assert_eq!(images(&ground), [old, old, new]);
    let running = workload.read(&ground.cluster).await.unwrap();
    assert!(running.settled && !running.paused);
}

#[tokio::test]
async fn a_stateful_set_is_held_by_its_partition() {
    let ground = Ground::emulated_with(1).await;
    let workload = ground.plant(Kind::StatefulSet, json!({"replicas": 3})).await;
    let change = ground.change(ground.images.second);
    let (cluster, stamp) = (&ground.cluster, &change.stamp);
    let applied = changed(&ground, &workload, &change.image).await;
    let mut rollout = follow(&ground, &workload, applied.clone());
    until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Waiting { done: 1, .. })
    })
    .await;
    let held = pause(cluster, &workload, stamp, &change.image).await.unwrap();
    assert!(
        held.is_paused_by("otus") && held.image == change.image,
        "{held:?}"
    );
    let from = partition(&ground).as_i64().unwrap();
    assert!((1..=2).contains(&from), "{from}");
    rollout.hold(jiff::Timestamp::now(), held.generation);
    let verdict = until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Paused { .. })
    })
    .await;
    assert!(matches!(verdict, Verdict::Paused { by: Some(by), .. } if by == "otus"));
    // Twice is once; a claim changes nothing of it.
    let twice = pause(cluster, &workload, stamp, &change.image).await.unwrap();
    assert_eq!((twice.generation, twice.paused), (held.generation, true));
    assert!(claim(cluster, &workload, stamp).await.unwrap().paused);
    let running = resume(cluster, &workload, stamp, &change.image).await.unwrap();
    assert!(!running.paused);
    assert_eq!(partition(&ground), 0);
    rollout.let_go(running.generation);
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 3 });
    // Where all are through there is nothing to hold.
    let through = pause(cluster, &workload, stamp, &change.image).await.unwrap();
    assert!(!through.paused);
}

#[tokio::test]
async fn the_next_deploy_lets_go_what_otus_held() {
    let ground = Ground::emulated_with(1).await;
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    let workload = ground
        .plant(
            Kind::StatefulSet,
            json!({"replicas": 3, "updateStrategy": strategy}),
        )
        .await;
    let change = ground.change(ground.images.second);
    changed(&ground, &workload, &change.image).await;
    let held = pause(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    assert!(held.paused, "{held:?}");
    assert_eq!(partition(&ground), 3, "none had been replaced");
    for image in [ground.images.third, ground.images.second] {
        assert_eq!(
            deploy(&ground, &workload, image).await,
            Verdict::Stable { pods: 2 }
        );
        assert_eq!(
            partition(&ground),
            1,
            "what others wanted is kept, also by the deploy after that"
        );
    }
}

#[tokio::test]
async fn a_daemon_set_cannot_be_held_and_says_so() {
    let ground = Ground::emulated_with(1).await;
    let workload = ground.plant(Kind::DaemonSet, json!({})).await;
    let change = ground.change(ground.images.second);
    changed(&ground, &workload, &change.image).await;
    let error = pause(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::CannotPause { .. }), "{error}");
    let running = resume(&ground.cluster, &workload, &change.stamp, &change.image)
        .await
        .unwrap();
    assert!(!running.paused);
}

#[tokio::test]
async fn what_is_replaced_by_hand_is_refused() {
    let ground = Ground::emulated_with(1).await;
    for kind in [Kind::StatefulSet, Kind::DaemonSet] {
        let workload = ground.plant(kind, json!({"replicas": 2})).await;
        let applied = changed(&ground, &workload, ground.images.second).await;
        meddle(
            &ground,
            &kind.to_string(),
            "test",
            json!({"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}),
        );
        let verdict = end(&mut follow(&ground, &workload, applied)).await;
        assert!(
            matches!(&verdict, Verdict::Failed { cause, .. } if cause.fault == Fault::ByHand),
            "{kind}: {verdict:?}"
        );
        let error = apply(&ground.cluster, &workload, &ground.change(ground.images.third))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ByHand { .. }), "{error}");
        ground
            .emulated
            .as_ref()
            .unwrap()
            .delete(&kind.to_string(), "shop", "db")
            .unwrap();
    }
}
