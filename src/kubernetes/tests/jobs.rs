//! Jobs on the emulated cluster: each way they end, and each way they are taken up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ground;

use std::collections::BTreeMap;
use std::time::Duration;

use ground::{Ground, stamp};
use jiff::Timestamp;
use otus_emulators::kubernetes::{self as emulated, Behaviour, Denial, Fault as Broken};
use otus_kubernetes::job::{
    self, Base, Cancelled, Env, Launched, Plan, Progress, Run, Settings, Stage, Verdict,
};
use otus_kubernetes::{Error, Fault, Stamp};
use serde_json::json;

type Is = fn(&Fault) -> bool;

const PATIENCE: Duration = Duration::from_secs(60);
const IMAGE: &str = "registry.test:5000/shop/web:v2";

fn plan(ground: &Ground, image: &str) -> Plan {
    Plan {
        cluster: "default".into(),
        namespace: ground.namespace.clone(),
        operation: "op-1".into(),
        step: "migrate".into(),
        image: image.into(),
        version: None,
        command: vec!["bin/migrate".into()],
        args: vec!["up".into()],
        env: BTreeMap::from([("STEP".to_owned(), Env::Value("1".into()))]),
        service_account: None,
        limits: BTreeMap::new(),
        // The emulated cluster lives fast: long enough for a machine that does not.
        deadline: Duration::from_secs(1_000_000),
        keep: Duration::from_secs(86_400),
        base: Base::Workload(Box::new(ground.workload())),
    }
}

fn signed(generation: u64) -> Stamp {
    stamp("op-1", generation, "2026-11-22T10:00:00Z".parse().unwrap())
}

fn hurried() -> Settings {
    Settings {
        grace: Duration::from_millis(100),
        patience: Duration::from_millis(200),
        ..Settings::default()
    }
}

fn follow(ground: &Ground, launched: &Launched) -> Run {
    Run::follow(ground.cluster.clone(), launched.clone(), hurried())
}

async fn until(run: &mut Run, mut like: impl FnMut(&Progress) -> bool) -> Verdict {
    let mut last = None;
    let search = async {
        loop {
            let progress = run.next().await.expect("it ended").expect("it failed");
            last = Some(progress.clone());
            if like(&progress) {
                return progress.verdict;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("it did not come to that, but to {last:?}"))
}

async fn end(ground: &Ground, launched: &Launched) -> Verdict {
    let mut run = follow(ground, launched);
    let verdict = until(&mut run, |progress| progress.verdict.is_final()).await;
    assert!(run.next().await.is_none(), "nothing follows the end");
    verdict
}

async fn start(ground: &Ground, image: &str) -> Launched {
    job::start(&ground.cluster, &plan(ground, image), &signed(1))
        .await
        .unwrap()
}

fn server(ground: &Ground) -> &emulated::Cluster {
    ground.emulated.as_ref().unwrap()
}

#[tokio::test]
async fn one_that_ends_well_is_told_with_its_log() {
    let ground = Ground::emulated_with(1).await;
    let patch = json!({"spec": {"template": {"spec": {"serviceAccountName": "web", "containers": [
        {"name": "app", "env": [{"name": "DB", "value": "db:5432"}], "envFrom": [{"secretRef": {"name": "db"}}]}]}}}});
    ground.meddle("test", patch).await;
    let launched = start(&ground, IMAGE).await;
    assert!(!launched.found);
    let mut run = follow(&ground, &launched);
    let mut stages = Vec::new();
    let verdict = until(&mut run, |progress| {
        if let Verdict::Waiting { stage, trouble } = &progress.verdict {
            assert_eq!(*trouble, None);
            stages.push(*stage);
        }
        progress.verdict.is_final()
    })
    .await;
    let Verdict::Succeeded { log, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(log.iter().any(|line| line == "done"), "{log:?}");
    assert!(
        stages
            .iter()
            .any(|stage| matches!(stage, Stage::Running { since: Some(_) })),
        "{stages:?}"
    );

    let made = server(&ground).get("job", "shop", &launched.name).unwrap();
    assert_eq!(made["spec"]["backoffLimit"], 0);
    assert_eq!(made["metadata"]["annotations"]["otus.dev/operation"], "op-1");
    let pod = &made["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"].get("app"), None, "no Service finds it");
    assert_eq!(pod["spec"]["serviceAccountName"], "web");
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["image"], IMAGE);
    assert_eq!(
        container["env"],
        json!([{"name": "DB", "value": "db:5432"}, {"name": "STEP", "value": "1"}])
    );
    assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "db"}}]));
}

#[tokio::test]
async fn one_that_fails_is_told_with_its_exit_code_and_its_log() {
    let ground = Ground::emulated_with(1).await;
    let log = "applying 0042\npanic: password=hunter2 is wrong".to_owned();
    server(&ground).behave(IMAGE, Behaviour::CrashLoop { exit_code: 3, log });
    let launched = start(&ground, IMAGE).await;
    let verdict = end(&ground, &launched).await;
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
    assert_eq!(verdict.exit().unwrap().code, 3);
    let log = verdict.cause().unwrap().log.join("\n");
    assert!(log.contains("applying 0042") && !log.contains("hunter2"), "{log}");
    assert_eq!(
        server(&ground).list("pods", "shop").len(),
        2,
        "the workload's and one of the Job's"
    );
}

#[tokio::test]
async fn what_cannot_start_is_told_at_once() {
    let ground = Ground::emulated_with(1).await;
    let cases: [(Behaviour, Is); 4] = [
        (
            Behaviour::BadImage,
            |fault| matches!(fault, Fault::ImageMissing { image, .. } if image == IMAGE),
        ),
        (
            Behaviour::BadConfig {
                message: "secret \"db\" not found".into(),
            },
            |fault| matches!(fault, Fault::ConfigMissing { message } if message.contains("db")),
        ),
        (
            Behaviour::Unschedulable {
                message: "0/3 nodes are available".into(),
            },
            |fault| matches!(fault, Fault::Unschedulable { message } if message.contains("0/3")),
        ),
        (
            Behaviour::Quota {
                message: "exceeded quota: small".into(),
            },
            |fault| matches!(fault, Fault::PodsRefused { message } if message.contains("exceeded quota: small")),
        ),
    ];
    for (behaviour, is) in cases {
        server(&ground).behave(IMAGE, behaviour);
        let launched = start(&ground, IMAGE).await;
        let verdict = end(&ground, &launched).await;
        let Verdict::CannotStart { cause } = &verdict else {
            panic!("{verdict:?}")
        };
        assert!(is(&cause.fault), "{cause:?}");
        // It would still begin as soon as somebody mends it: giving up is an act.
        let gone = job::cancel(&ground.cluster, &launched, &signed(1), PATIENCE)
            .await
            .unwrap();
        assert_eq!(gone, Cancelled::Gone);
        assert_eq!(server(&ground).list("jobs", "shop").len(), 0);
        assert_eq!(
            server(&ground).list("pods", "shop").len(),
            1,
            "its pod went with it"
        );
    }
}

#[tokio::test]
async fn a_job_that_the_cluster_refuses_is_not_made() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).deny(Denial {
        resource: "jobs".into(),
        verb: "create".into(),
        ..Denial::default()
    });
    let error = job::start(&ground.cluster, &plan(&ground, IMAGE), &signed(1))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
    let mut plan = plan(&ground, IMAGE);
    plan.base = Base::Workload(Box::new(otus_kubernetes::Workload {
        name: "nobody".into(),
        ..ground.workload()
    }));
    let error = job::start(&ground.cluster, &plan, &signed(1)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn the_deadline_ends_it() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).behave(IMAGE, Behaviour::HangingProbe);
    let mut plan = plan(&ground, IMAGE);
    plan.deadline = Duration::from_secs(20);
    let launched = job::start(&ground.cluster, &plan, &signed(1)).await.unwrap();
    let verdict = end(&ground, &launched).await;
    assert!(
        matches!(verdict, Verdict::TimedOut { stopped: true, .. }),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn one_deleted_by_hand_is_gone() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).behave(IMAGE, Behaviour::HangingProbe);
    let launched = start(&ground, IMAGE).await;
    let mut run = follow(&ground, &launched);
    until(&mut run, |progress| {
        matches!(
            &progress.verdict,
            Verdict::Waiting {
                stage: Stage::Running { .. },
                ..
            }
        )
    })
    .await;
    server(&ground).delete("job", "shop", &launched.name).unwrap();
    assert_eq!(
        until(&mut run, |progress| progress.verdict.is_final()).await,
        Verdict::Gone
    );
    // Whoever kept what was launched does not make a second one.
    let error = job::claim(&ground.cluster, &launched, &signed(2))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(end(&ground, &launched).await, Verdict::Gone);
    let gone = job::cancel(&ground.cluster, &launched, &signed(2), PATIENCE)
        .await
        .unwrap();
    assert_eq!(gone, Cancelled::Gone);
    // Another Job of the same name is another Job.
    let other = start(&ground, IMAGE).await;
    assert_ne!(other.uid, launched.uid);
    assert_eq!(end(&ground, &launched).await, Verdict::Gone);
}

#[tokio::test]
async fn who_takes_it_up_finds_the_same_and_shuts_the_other_out() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).behave(IMAGE, Behaviour::HangingProbe);
    let first = start(&ground, IMAGE).await;
    let mut run = follow(&ground, &first);
    until(&mut run, |progress| {
        matches!(
            &progress.verdict,
            Verdict::Waiting {
                stage: Stage::Running { .. },
                ..
            }
        )
    })
    .await;
    // The first dies here; what it wrote down last may be before or after the Job.
    let second = job::start(&ground.cluster, &plan(&ground, IMAGE), &signed(2))
        .await
        .unwrap();
    assert_eq!(
        (second.uid.as_str(), second.at, second.found),
        (first.uid.as_str(), first.at, true)
    );
    job::claim(&ground.cluster, &first, &signed(3)).await.unwrap();
    assert_eq!(server(&ground).list("jobs", "shop").len(), 1);
    // It was not dead after all.
    let late = [
        job::start(&ground.cluster, &plan(&ground, IMAGE), &signed(1))
            .await
            .map(drop)
            .unwrap_err(),
        job::claim(&ground.cluster, &first, &signed(2)).await.unwrap_err(),
        job::cancel(&ground.cluster, &first, &signed(1), PATIENCE)
            .await
            .map(drop)
            .unwrap_err(),
    ];
    for error in late {
        assert!(matches!(error, Error::Replaced { generation: 3, .. }), "{error}");
    }
    let gone = job::cancel(&ground.cluster, &second, &signed(3), PATIENCE)
        .await
        .unwrap();
    assert_eq!(gone, Cancelled::Gone);
    assert_eq!(
        until(&mut run, |progress| progress.verdict.is_final()).await,
        Verdict::Gone
    );
}

#[tokio::test]
async fn a_worker_that_slept_before_making_it_makes_no_second() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).fault_on("POST", "/jobs", Broken::Hold, 1);
    let (cluster, plan) = (ground.cluster.clone(), plan(&ground, IMAGE));
    let theirs = plan.clone();
    let late = tokio::spawn(async move { job::start(&cluster, &theirs, &signed(1)).await });
    server(&ground).held(1).await;
    let launched = job::start(&ground.cluster, &plan, &signed(2)).await.unwrap();
    server(&ground).release();
    let error = late.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Replaced { generation: 2, .. }), "{error}");
    assert_eq!(server(&ground).list("jobs", "shop").len(), 1);
    assert!(matches!(end(&ground, &launched).await, Verdict::Succeeded { .. }));
}

#[tokio::test]
async fn an_answer_that_got_lost_makes_no_second() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).fault_on("POST", "/jobs", Broken::LoseAnswer, 1);
    let error = job::start(&ground.cluster, &plan(&ground, IMAGE), &signed(1))
        .await
        .unwrap_err();
    assert!(error.is_passing(), "{error}");
    let launched = start(&ground, IMAGE).await;
    assert!(launched.found);
    assert!(matches!(end(&ground, &launched).await, Verdict::Succeeded { .. }));
    assert_eq!(server(&ground).list("jobs", "shop").len(), 1);
}

#[tokio::test]
async fn a_job_of_somebody_else_is_left_alone() {
    let ground = Ground::emulated_with(1).await;
    let launched = start(&ground, IMAGE).await;
    let patch = json!({"metadata": {"annotations": {"otus.dev/operation": "op-9"}}});
    server(&ground)
        .patch("somebody", "job", "shop", &launched.name, patch)
        .unwrap();
    for error in [
        job::start(&ground.cluster, &plan(&ground, IMAGE), &signed(2))
            .await
            .map(drop)
            .unwrap_err(),
        job::cancel(&ground.cluster, &launched, &signed(2), PATIENCE)
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::Taken { .. }), "{error}");
    }
    assert_eq!(server(&ground).list("jobs", "shop").len(), 1);
}

#[tokio::test]
async fn a_cut_watch_and_a_cluster_that_is_away_lose_nothing() {
    let ground = Ground::emulated_with(1).await;
    server(&ground).behave(IMAGE, Behaviour::Slow);
    let launched = start(&ground, IMAGE).await;
    let mut run = follow(&ground, &launched);
    until(&mut run, |progress| {
        matches!(progress.verdict, Verdict::Waiting { .. })
    })
    .await;
    server(&ground).fault_on("GET", "/jobs", Broken::status(503), 3);
    server(&ground).fault_on("GET", "/pods", Broken::status(503), 3);
    server(&ground).cut_watches();
    let verdict = until(&mut run, |progress| progress.verdict.is_final()).await;
    assert!(matches!(verdict, Verdict::Succeeded { .. }), "{verdict:?}");
}

#[tokio::test]
async fn it_can_be_stored_between_two_processes() {
    let ground = Ground::emulated_with(1).await;
    let plan = plan(&ground, IMAGE);
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
    let launched = start(&ground, IMAGE).await;
    let read: Launched = serde_json::from_str(&serde_json::to_string(&launched).unwrap()).unwrap();
    assert_eq!(read, launched);
    assert!(launched.at <= Timestamp::now());
    assert!(matches!(end(&ground, &read).await, Verdict::Succeeded { .. }));
}
