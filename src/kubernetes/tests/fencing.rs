//! A worker that sleeps and wakes up late, an operation that comes late, and what is held on purpose.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ground;

use std::time::Duration;

use ground::{Ground, end, stamp, until};
use jiff::{SignedDuration, Timestamp};
use otus_emulators::kubernetes::Fault as Broken;
use otus_kubernetes::{
    Bake, Change, Error, Outcome, Rollout, Settings, Verdict, apply, claim, pause, resume,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

async fn annotations(ground: &Ground) -> Value {
    let object = ground.deployments().get("web").await.unwrap();
    json!(object.metadata.annotations)
}

/// How many rollouts there have been.
async fn revision(ground: &Ground) -> String {
    let read = ground.workload().read(&ground.cluster).await.unwrap();
    read.revision.unwrap_or_default()
}

async fn settled(ground: &Ground) {
    let settled = async {
        while !ground.workload().read(&ground.cluster).await.unwrap().settled {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.unwrap();
}

fn change(ground: &Ground, operation: &str, generation: u64, started: Timestamp, image: &str) -> Change {
    Change {
        stamp: stamp(operation, generation, started),
        ..ground.change(image)
    }
}

#[tokio::test]
async fn a_worker_that_slept_between_read_and_write_does_nothing() {
    let ground = Ground::emulated_with(2).await;
    let emulated = ground.emulated.as_ref().unwrap();
    let started = Timestamp::now();
    let old = change(&ground, "d1", 1, started, ground.images.second);
    let new = change(&ground, "d1", 2, started, ground.images.second);
    // The old worker has read, and its write is on the way.
    emulated.fault_on("PATCH", "", Broken::Hold, 1);
    let (cluster, workload) = (ground.cluster.clone(), ground.workload());
    let late = tokio::spawn(async move { apply(&cluster, &workload, &old).await });
    emulated.held(1).await;
    // The new one takes it up: it claims the object, which begins no rollout, and then makes the change.
    let before = revision(&ground).await;
    let found = claim(&ground.cluster, &ground.workload(), &new.stamp)
        .await
        .unwrap();
    assert_eq!((found.image.as_str(), found.deploy), (ground.images.first, None));
    assert_eq!(revision(&ground).await, before);
    assert_eq!(annotations(&ground).await["otus.dev/generation"], "2");
    let outcome = apply(&ground.cluster, &ground.workload(), &new).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    emulated.release();
    let error = late.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Replaced { generation: 2, .. }), "{error}");
    settled(&ground).await;
    assert_eq!(revision(&ground).await, "2", "exactly one rollout");
    assert_eq!(annotations(&ground).await["otus.dev/generation"], "2");
}

#[tokio::test]
async fn a_claim_alone_shuts_the_old_worker_out() {
    let ground = Ground::emulated_with(1).await;
    let emulated = ground.emulated.as_ref().unwrap();
    let started = Timestamp::now();
    let old = change(&ground, "d1", 1, started, ground.images.second);
    emulated.fault_on("PATCH", "", Broken::Hold, 1);
    let (cluster, workload) = (ground.cluster.clone(), ground.workload());
    let late = tokio::spawn(async move { apply(&cluster, &workload, &old).await });
    emulated.held(1).await;
    // Whoever claims and finds nothing done may say so: it stays true.
    let stamp = stamp("d1", 2, started);
    let found = claim(&ground.cluster, &ground.workload(), &stamp).await.unwrap();
    assert_eq!(found.image, ground.images.first);
    emulated.release();
    let error = late.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Replaced { generation: 2, .. }), "{error}");
    let read = ground.workload().read(&ground.cluster).await.unwrap();
    assert_eq!(read.image, ground.images.first);
}

#[tokio::test]
async fn an_older_operation_does_not_go_over_a_newer_one() {
    let ground = Ground::with(1).await;
    let now = Timestamp::now();
    let earlier = now - SignedDuration::from_secs(60);
    let newer = change(&ground, "d2", 1, now, ground.images.second);
    apply(&ground.cluster, &ground.workload(), &newer).await.unwrap();
    let mut older = change(&ground, "d1", 9, earlier, ground.images.third);
    older.force = true;
    let workload = ground.workload();
    let error = apply(&ground.cluster, &workload, &older).await.unwrap_err();
    assert!(
        matches!(&error, Error::Outdated { operation, .. } if operation == "d2"),
        "{error}"
    );
    for error in [
        claim(&ground.cluster, &workload, &older.stamp).await.unwrap_err(),
        pause(&ground.cluster, &workload, &older.stamp, ground.images.second)
            .await
            .unwrap_err(),
        resume(&ground.cluster, &workload, &older.stamp, ground.images.second)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::Outdated { .. }), "{error}");
    }
    let read = workload.read(&ground.cluster).await.unwrap();
    assert_eq!(read.image, ground.images.second);
    let last = change(&ground, "d3", 1, Timestamp::now(), ground.images.third);
    let outcome = apply(&ground.cluster, &workload, &last).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    ground.clear().await;
}

#[tokio::test]
async fn what_is_held_waits_for_no_deadline_and_goes_on() {
    let ground = Ground::with(2).await;
    let change = ground.change(ground.images.second);
    let outcome = apply(&ground.cluster, &ground.workload(), &change).await.unwrap();
    let Outcome::Applied { applied, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let workload = ground.workload();
    let settings = Settings {
        stability: Duration::from_millis(200),
        deadline: Duration::from_secs(30),
        ..Settings::default()
    };
    let mut rollout = Rollout::follow(ground.cluster.clone(), workload.clone(), applied, settings);
    let running = pause(&ground.cluster, &workload, &change.stamp, ground.images.second)
        .await
        .unwrap();
    assert!(running.is_paused_by(ground.cluster.manager()), "{running:?}");
    // It was held for longer than the whole rollout may take, as far as the clock tells.
    rollout.hold(
        Timestamp::now() - SignedDuration::from_secs(3600),
        running.generation,
    );
    let verdict = until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Paused { .. })
    })
    .await;
    assert!(matches!(verdict, Verdict::Paused { by: Some(by), .. } if by == "otus"));
    let running = resume(&ground.cluster, &workload, &change.stamp, ground.images.second)
        .await
        .unwrap();
    assert!(!running.paused);
    rollout.let_go(running.generation);
    assert_eq!(end(&mut rollout).await, Verdict::Stable { pods: 2 });
    ground.clear().await;
}

#[tokio::test]
async fn what_somebody_else_paused_or_changed_is_left_alone() {
    let ground = Ground::with(1).await;
    let workload = ground.workload();
    let change = ground.change(ground.images.second);
    apply(&ground.cluster, &workload, &change).await.unwrap();
    ground
        .meddle("kubectl-rollout", json!({"spec": {"paused": true}}))
        .await;
    for running in [
        pause(&ground.cluster, &workload, &change.stamp, ground.images.second)
            .await
            .unwrap(),
        resume(&ground.cluster, &workload, &change.stamp, ground.images.second)
            .await
            .unwrap(),
    ] {
        assert!(running.is_paused_by("kubectl-rollout"), "{running:?}");
    }
    ground
        .meddle("kubectl-rollout", json!({"spec": {"paused": null}}))
        .await;
    ground.set_image(ground.images.third).await;
    let running = pause(&ground.cluster, &workload, &change.stamp, ground.images.second)
        .await
        .unwrap();
    assert_eq!(
        (running.paused, running.image.as_str()),
        (false, ground.images.third)
    );
    ground.clear().await;
}

#[tokio::test]
async fn the_next_deploy_lets_go_on_what_otus_paused() {
    let ground = Ground::with(2).await;
    let workload = ground.workload();
    let first = ground.change(ground.images.second);
    apply(&ground.cluster, &workload, &first).await.unwrap();
    pause(&ground.cluster, &workload, &first.stamp, ground.images.second)
        .await
        .unwrap();
    // The same again goes on where it stopped …
    let again = change(&ground, "deploy-2", 1, Timestamp::now(), ground.images.second);
    let outcome = apply(&ground.cluster, &workload, &again).await.unwrap();
    let Outcome::Applied {
        applied,
        previous,
        adopted: None,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(previous, ground.images.first);
    assert_eq!(
        end(&mut ground.follow(applied)).await,
        Verdict::Stable { pods: 2 }
    );
    // … and so does another version.
    pause(&ground.cluster, &workload, &again.stamp, ground.images.second)
        .await
        .unwrap();
    let other = change(&ground, "deploy-3", 1, Timestamp::now(), ground.images.third);
    let outcome = apply(&ground.cluster, &workload, &other).await.unwrap();
    let Outcome::Applied { applied, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        end(&mut ground.follow(applied)).await,
        Verdict::Stable { pods: 2 }
    );
    // What somebody else paused stays so.
    ground
        .meddle("kubectl-rollout", json!({"spec": {"paused": true}}))
        .await;
    let last = change(&ground, "deploy-4", 1, Timestamp::now(), ground.images.first);
    apply(&ground.cluster, &workload, &last).await.unwrap();
    let read = workload.read(&ground.cluster).await.unwrap();
    assert!(read.is_paused_by("kubectl-rollout"), "{read:?}");
    ground.clear().await;
}

#[tokio::test]
async fn watching_goes_on_from_when_it_began() {
    let ground = Ground::with(1).await;
    let applied = ground.apply(ground.images.second).await;
    let mut rollout = ground.follow(applied.clone());
    let begun = until(&mut rollout, |progress| {
        matches!(progress.verdict, Verdict::Available { .. })
    })
    .await;
    let bake: Bake = serde_json::from_value(json!(rollout.bake().unwrap())).unwrap();
    drop(rollout);
    let mut taken_up = ground.follow(applied).baking(Some(bake));
    let mut seen = Vec::new();
    let verdict = until(&mut taken_up, |progress| {
        seen.push(progress.verdict.clone());
        progress.verdict.is_final()
    })
    .await;
    assert_eq!(verdict, Verdict::Stable { pods: 1 });
    let until = |verdict: &Verdict| match verdict {
        Verdict::Available { until, .. } => Some(*until),
        _ => None,
    };
    assert!(seen.iter().filter_map(until).all(|at| Some(at) == until(&begun)));
    ground.clear().await;
}
