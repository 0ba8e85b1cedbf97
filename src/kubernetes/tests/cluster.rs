//! The engine on a cluster: the emulated one, or a real one named by `OTUS_TEST_KUBECONFIG`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ground;

use std::collections::{BTreeMap, BTreeSet};

use ground::{Ground, end, stamp, until};
use jiff::Timestamp;
use otus_emulators::kubernetes::{Denial, Fault as Broken};
use otus_kubernetes::{
    Applied, Change, Error, Fault, Found, Kind, Need, Outcome, Verdict, Workload, apply, check, happened,
    pods, tail,
};
use serde_json::json;

#[tokio::test]
async fn a_good_deploy_is_stable_and_noted() {
    let ground = Ground::with(3).await;
    let outcome = apply(
        &ground.cluster,
        &ground.workload(),
        &ground.change(ground.images.second),
    )
    .await
    .unwrap();
    let Outcome::Applied {
        applied,
        previous,
        adopted: Some(from),
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (previous.as_str(), from.manager.as_str(), from.first),
        (ground.images.first, "test-setup", true)
    );
    let mut rollout = ground.follow(applied);
    let mut most = 0;
    let mut available = false;
    let verdict = until(&mut rollout, |progress| {
        match progress.verdict {
            Verdict::Waiting { done, total: 3, .. } => {
                assert!(!available, "back to waiting");
                most = most.max(done);
            }
            Verdict::Available { pods: 3, .. } => available = true,
            Verdict::Stable { .. } => {}
            ref other => panic!("{other:?}"),
        }
        progress.verdict.is_final()
    })
    .await;
    assert_eq!(verdict, Verdict::Stable { pods: 3 });
    assert!(available && most > 0, "the pods were counted on the way");
    let running = ground.workload().read(&ground.cluster).await.unwrap();
    assert_eq!((running.ready, running.replicas, running.settled), (3, 3, true));
    assert_eq!(
        running.version.as_deref(),
        ground.images.second.rsplit(':').next()
    );
    assert_eq!(
        (running.deploy.as_deref(), running.by.as_deref()),
        (Some("deploy-1"), Some("ann"))
    );
    assert_eq!(running.owners[0].manager, "otus");
    let change = ground.change(ground.images.second);
    let again = apply(&ground.cluster, &ground.workload(), &change).await.unwrap();
    assert!(
        matches!(&again, Outcome::Applied { applied, previous, adopted: None }
            if applied.generation == running.generation && previous == ground.images.first),
        "the same operation finds its change made: {again:?}"
    );
    let other = Change {
        stamp: stamp("deploy-2", 1, Timestamp::now()),
        ..change
    };
    let again = apply(&ground.cluster, &ground.workload(), &other).await.unwrap();
    assert!(
        matches!(again, Outcome::AlreadyRunning { running: same, .. } if same.generation == running.generation)
    );
    ground.clear().await;
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_at_once() {
    let ground = Ground::with(2).await;
    let mut rollout = ground.follow(ground.apply(ground.images.missing).await);
    let Verdict::Failed {
        cause,
        found: Found::Doomed,
        old: 2,
    } = end(&mut rollout).await
    else {
        panic!("not failed")
    };
    assert!(
        matches!(&cause.fault, Fault::ImageMissing { image, .. } if image == ground.images.missing),
        "{cause:?}"
    );
    assert!(cause.pod.is_some());
    ground.clear().await;
}

#[tokio::test]
async fn a_crash_loop_is_told_with_its_log() {
    let ground = Ground::with(2).await;
    let mut rollout = ground.follow(ground.apply(ground.images.crashing).await);
    let Verdict::Failed {
        cause,
        found: Found::Doomed,
        old: 2,
    } = end(&mut rollout).await
    else {
        panic!("not failed")
    };
    assert!(
        matches!(&cause.fault, Fault::Crashed(exit) if exit.looping && exit.restarts > 0),
        "{cause:?}"
    );
    assert!(!cause.log.is_empty(), "{cause:?}");
    // And the way back is forward.
    let mut rollout = ground.follow(ground.apply(ground.images.third).await);
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 2 });
    ground.clear().await;
}

#[tokio::test]
async fn overtaken_and_then_asked() {
    let ground = Ground::with(2).await;
    let mut rollout = ground.follow(ground.apply(ground.images.second).await);
    until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Waiting { .. })
    })
    .await;
    ground.set_image(ground.images.third).await;
    let Verdict::Superseded {
        image,
        manager,
        by: None,
        at: Some(_),
    } = end(&mut rollout).await
    else {
        panic!("not superseded")
    };
    assert_eq!(
        (image.as_str(), manager.as_deref()),
        (ground.images.third, Some("kubectl-set"))
    );
    let change = ground.change(ground.images.first);
    let outcome = apply(&ground.cluster, &ground.workload(), &change).await.unwrap();
    let Outcome::Conflict(found) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (found.manager.as_str(), found.image.as_str(), found.first),
        ("kubectl-set", ground.images.third, false)
    );
    let forced = Change {
        force: true,
        ..change
    };
    let outcome = apply(&ground.cluster, &ground.workload(), &forced).await.unwrap();
    let Outcome::Applied { applied, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        end(&mut ground.follow(applied)).await,
        Verdict::Stable { pods: 2 }
    );
    ground.clear().await;
}

#[tokio::test]
async fn paused_and_resumed() {
    let ground = Ground::with(2).await;
    ground
        .meddle("kubectl-rollout", json!({"spec": {"paused": true}}))
        .await;
    let mut rollout = ground.follow(ground.apply(ground.images.second).await);
    let verdict = until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Paused { .. })
    })
    .await;
    assert!(matches!(verdict, Verdict::Paused { by: Some(by), .. } if by == "kubectl-rollout"));
    ground
        .meddle("kubectl-rollout", json!({"spec": {"paused": false}}))
        .await;
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 2 });
    ground.clear().await;
}

#[tokio::test]
async fn nothing_runs_zero_replicas() {
    let ground = Ground::with(0).await;
    let mut rollout = ground.follow(ground.apply(ground.images.second).await);
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 0 });
    ground.clear().await;
}

#[tokio::test]
async fn names_are_checked_before_anything_is_written() {
    let ground = Ground::with(1).await;
    let change = ground.change(ground.images.second);
    let other = Workload {
        container: Some("ap".into()),
        ..ground.workload()
    };
    let error = apply(&ground.cluster, &other, &change).await.unwrap_err();
    assert!(
        matches!(&error, Error::UnknownContainer { existing, .. } if existing == &["app"]),
        "{error}"
    );
    let other = Workload {
        name: "wob".into(),
        ..ground.workload()
    };
    let error = apply(&ground.cluster, &other, &change).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let running = ground.workload().read(&ground.cluster).await.unwrap();
    assert_eq!(
        (running.image.as_str(), running.container.as_str()),
        (ground.images.first, "app")
    );
    ground.clear().await;
}

#[tokio::test]
async fn a_workload_that_goes_away() {
    let ground = Ground::with(1).await;
    let mut rollout = ground.follow(ground.apply(ground.images.second).await);
    until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Waiting { .. })
    })
    .await;
    ground
        .deployments()
        .delete("web", &Default::default())
        .await
        .unwrap();
    assert_eq!(end(&mut rollout).await, Verdict::Gone);
    ground.clear().await;
}

#[tokio::test]
async fn rights_are_asked_for() {
    let ground = Ground::with(0).await;
    let needs = BTreeMap::from([(
        ground.namespace.clone(),
        BTreeSet::from([Need::Workload(Kind::Deployment)]),
    )]);
    let report = check(&ground.cluster, &needs).await.unwrap();
    assert!(report.version.starts_with('v'), "{report:?}");
    if let Some(emulated) = &ground.emulated {
        assert_eq!(report.missing, []);
        emulated.deny(Denial {
            resource: "pods/log".into(),
            ..Denial::default()
        });
        emulated.deny(Denial {
            resource: "deployments".into(),
            verb: "patch".into(),
            ..Denial::default()
        });
        let report = check(&ground.cluster, &needs).await.unwrap();
        let missing: Vec<_> = report
            .missing
            .iter()
            .map(|missing| (missing.verb.as_str(), missing.resource.as_str()))
            .collect();
        assert_eq!(missing, [("patch", "deployments"), ("get", "pods/log")]);
        assert_eq!(report.lacking(), ["shop"]);
        let error = apply(&ground.cluster, &ground.workload(), &ground.change("r/x:1"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Forbidden { .. }), "{error}");
    }
    ground.clear().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_found_again() {
    let ground = Ground::emulated_with(1).await;
    let applied = ground.apply(ground.images.second).await;
    assert_eq!(
        end(&mut ground.follow(applied)).await,
        Verdict::Stable { pods: 1 }
    );
    let emulated = ground.emulated.as_ref().unwrap();
    emulated.fault_on("PATCH", "", Broken::LoseAnswer, 1);
    let change = Change {
        stamp: stamp("deploy-2", 1, Timestamp::now()),
        ..ground.change(ground.images.third)
    };
    let error = apply(&ground.cluster, &ground.workload(), &change)
        .await
        .unwrap_err();
    assert!(error.is_passing(), "{error}");
    let outcome = apply(&ground.cluster, &ground.workload(), &change).await.unwrap();
    let Outcome::Applied { previous, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(previous, ground.images.second);
    let running = ground.workload().read(&ground.cluster).await.unwrap();
    assert_eq!(running.deploy.as_deref(), Some("deploy-2"));
}

#[tokio::test]
async fn a_cluster_that_breaks_in_the_middle() {
    let ground = Ground::emulated_with(4).await;
    let emulated = ground.emulated.as_ref().unwrap();
    let mut rollout = ground.follow(ground.apply(ground.images.second).await);
    let mut seen = 0;
    let verdict = until(&mut rollout, |progress| {
        seen += 1;
        match seen {
            1 => emulated.cut_watches(),
            2 => emulated.compact(),
            3 => {
                emulated.fault_on("GET", "", Broken::status(503), 3);
                emulated.cut_watches();
            }
            _ => {}
        }
        progress.verdict.is_final()
    })
    .await;
    assert_eq!(verdict, Verdict::Stable { pods: 4 });
}

/// What is found at the end of a rollout of an image with this word in its tag.
async fn ends_with(word: &str, deadline: i64) -> Verdict {
    let ground = Ground::emulated_with(2).await;
    ground
        .meddle(
            "test-setup",
            json!({"spec": {"progressDeadlineSeconds": deadline}}),
        )
        .await;
    let mut rollout = ground.follow(
        ground
            .apply(&format!("registry.test:5000/shop/web:v9-{word}"))
            .await,
    );
    end(&mut rollout).await
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart() {
    let fault = async |word: &str, deadline: i64| match ends_with(word, deadline).await {
        Verdict::Failed { cause, found, .. } => (cause.fault, found),
        other => panic!("{word}: {other:?}"),
    };
    let (found, _) = fault("oom", 600).await;
    assert!(
        matches!(&found, Fault::Crashed(exit) if exit.out_of_memory()),
        "{found:?}"
    );
    let (found, _) = fault("badconfig", 600).await;
    assert!(
        matches!(&found, Fault::ConfigMissing { message } if message.contains("api-credentials")),
        "{found:?}"
    );
    // A second lasts a fiftieth of one in here.
    let (found, when) = fault("unschedulable", 50).await;
    assert!(
        matches!(&found, Fault::Unschedulable { message } if message.contains("Insufficient cpu")),
        "{found:?}"
    );
    assert_eq!(when, Found::ProgressDeadline);
    let (found, when) = fault("hang", 50).await;
    assert!(matches!(&found, Fault::NotReady { .. }), "{found:?}");
    assert_eq!(when, Found::ProgressDeadline);
    let (found, _) = fault("quota", 50).await;
    assert!(
        matches!(&found, Fault::PodsRefused { message } if message.contains("exceeded quota")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_crash_after_the_rollout_is_seen() {
    let ground = Ground::emulated_with(2).await;
    let applied = ground.apply("registry.test:5000/shop/web:v9-crashlater").await;
    let Verdict::Failed { cause, .. } = end(&mut ground.follow(applied)).await else {
        panic!("not failed")
    };
    assert!(matches!(&cause.fault, Fault::Crashed(_)), "{cause:?}");
}

#[tokio::test]
async fn an_evicted_pod_fails_nothing() {
    assert_eq!(ends_with("evicted", 600).await, Verdict::Stable { pods: 2 });
}

#[tokio::test]
async fn taken_up_by_another_process() {
    let ground = Ground::emulated_with(2).await;
    ground.apply(ground.images.second).await;
    // All that the next process has is what runs, and what it remembers of the deploy.
    let running = ground.workload().read(&ground.cluster).await.unwrap();
    assert_eq!(running.last_deploy.as_deref(), Some("deploy-1"));
    let applied = Applied::of(&running, jiff::Timestamp::now());
    let stored = serde_json::to_string(&applied).unwrap();
    let verdict = end(&mut ground.follow(serde_json::from_str(&stored).unwrap())).await;
    assert_eq!(verdict, Verdict::Stable { pods: 2 });
}

#[tokio::test]
async fn pods_their_logs_and_what_happened() {
    let ground = Ground::with(2).await;
    let workload = ground.workload();
    let before = pods(&ground.cluster, &workload).await.unwrap();
    assert_eq!(before.len(), 2);
    assert!(before.iter().all(|pod| pod.wanted && pod.ready), "{before:?}");
    let log = tail(&ground.cluster, &workload, &before[0].name, "app", false).await;
    assert!(log.unwrap().is_some(), "it runs, so there is a log");
    let log = tail(&ground.cluster, &workload, &before[0].name, "app", true).await;
    assert_eq!(log.unwrap(), None, "it was never started again");
    let mut rollout = ground.follow(ground.apply(ground.images.missing).await);
    let failed = end(&mut rollout).await;
    assert!(matches!(failed, Verdict::Failed { .. }), "{failed:?}");
    let after = pods(&ground.cluster, &workload).await.unwrap();
    assert!(
        after[0].wanted && !after[0].ready,
        "the wanted one first: {after:?}"
    );
    assert!(after[1..].iter().all(|pod| !pod.wanted && pod.ready), "{after:?}");
    let log = tail(&ground.cluster, &workload, &after[0].name, "app", false).await;
    assert_eq!(log.unwrap(), None, "it has not started");
    let notes = happened(&ground.cluster, &workload).await.unwrap();
    assert!(
        notes.is_sorted_by_key(|note| note.at),
        "the newest last: {notes:?}"
    );
    for (kind, reason) in [
        ("Deployment ", "ScalingReplicaSet"),
        ("ReplicaSet ", "SuccessfulCreate"),
        ("Pod ", "Failed"),
    ] {
        assert!(
            notes
                .iter()
                .any(|note| note.object.starts_with(kind) && note.reason == reason),
            "{kind}{reason}: {notes:?}"
        );
    }
    let elsewhere = Workload {
        name: "nobody".into(),
        ..workload
    };
    let error = pods(&ground.cluster, &elsewhere).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    ground.clear().await;
}
