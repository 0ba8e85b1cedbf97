//! The judge of Jobs, on states as clusters show them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus_kubernetes::Fault;
use otus_kubernetes::job::{Launched, Settings, Stage, Verdict, World, judge};
use proptest::prelude::*;
use serde_json::{Value, json};

const IMAGE: &str = "r.test/shop/web@sha256:abc";

fn at(seconds: i64) -> Timestamp {
    "2026-11-22T19:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn launched() -> Launched {
    Launched {
        cluster: "default".into(),
        namespace: "shop".into(),
        name: "migrate".into(),
        uid: "u1".into(),
        at: at(0),
        deadline: Duration::from_secs(300),
        found: false,
    }
}

fn job(conditions: Value) -> Value {
    json!({"metadata": {"name": "migrate", "uid": "u1", "creationTimestamp": at(0).to_string()},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": IMAGE}]}}},
        "status": {"conditions": conditions, "startTime": at(1).to_string()}})
}

fn condition(kind: &str, reason: &str) -> Value {
    json!([{"type": kind, "status": "True", "reason": reason, "message": "the cluster's words"}])
}

fn pod(status: Value) -> Value {
    json!({"metadata": {"name": "migrate-x", "uid": "p1", "creationTimestamp": at(1).to_string(),
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": "u1"}]},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": IMAGE}]}, "status": status})
}

fn container(state: Value) -> Value {
    json!({"phase": "Pending", "containerStatuses": [
        {"name": "app", "image": IMAGE, "imageID": "", "ready": false, "restartCount": 0, "state": state}]})
}

fn waiting(reason: &str, message: &str) -> Value {
    pod(container(
        json!({"waiting": {"reason": reason, "message": message}}),
    ))
}

fn ended(code: i32) -> Value {
    let mut status = container(json!({"terminated": {"exitCode": code, "reason": "Error"}}));
    status["phase"] = "Failed".into();
    // A sidecar is stopped when the others are through, and may take that badly.
    status["initContainerStatuses"] = json!([{"name": "proxy", "image": "r", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}]);
    pod(status)
}

fn refused() -> Value {
    json!({"metadata": {"name": "e1"}, "involvedObject": {"kind": "Job", "name": "migrate", "uid": "u1"},
        "reason": "FailedCreate", "message": "Error creating: pods \"migrate-x\" is forbidden: exceeded quota",
        "firstTimestamp": at(1).to_string(), "lastTimestamp": at(8).to_string()})
}

fn world(job: Option<Value>, pods: &[Value], events: &[Value]) -> World {
    let read = |values: &[Value]| serde_json::from_value(json!(values)).unwrap();
    World {
        job: job.map(|job| serde_json::from_value(job).unwrap()),
        pods: serde_json::from_value(json!(pods)).unwrap(),
        events: read(events),
    }
}

fn judged(world: &World, seconds: i64) -> Verdict {
    judge(&launched(), world, at(seconds), &Settings::default())
}

/// A verdict in a few words.
fn said(verdict: &Verdict) -> String {
    let fault = |fault: &Fault| {
        format!("{fault:?}")
            .split([' ', '{', '('])
            .next()
            .unwrap()
            .to_owned()
    };
    match verdict {
        Verdict::Waiting { stage, trouble } => {
            let stage = format!("{stage:?}").split(' ').next().unwrap().to_lowercase();
            match trouble {
                Some(cause) => format!("{stage}, {}", fault(&cause.fault)),
                None => stage,
            }
        }
        Verdict::Succeeded { .. } => "succeeded".into(),
        Verdict::Failed { cause } => format!("failed: {}", fault(&cause.fault)),
        Verdict::CannotStart { cause } => format!("cannot start: {}", fault(&cause.fault)),
        Verdict::TimedOut { cause, stopped } => format!("timed out: {} {stopped}", fault(&cause.fault)),
        Verdict::Gone => "gone".into(),
    }
}

#[test]
fn what_is_seen_and_what_is_said() {
    let plain = || Some(job(json!([])));
    let deleted = |mut job: Value| {
        job["metadata"]["deletionTimestamp"] = at(5).to_string().into();
        Some(job)
    };
    let other = |mut job: Value| {
        job["metadata"]["uid"] = "u2".into();
        Some(job)
    };
    let unplaced = pod(
        json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/3 nodes", "lastTransitionTime": at(10).to_string()}]}),
    );
    let evicted = pod(json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}));
    let stranger = {
        let mut pod = ended(1);
        pod["metadata"]["ownerReferences"][0]["uid"] = "u7".into();
        pod
    };
    let complete = || job(condition("Complete", "CompletionsReached"));
    let failed = || job(condition("Failed", "BackoffLimitExceeded"));
    let late = || job(condition("Failed", "DeadlineExceeded"));
    let missing = || waiting("ErrImagePull", "r.test/shop/web@sha256:abc: not found");
    let denied = || waiting("ErrImagePull", "401 Unauthorized");
    let away = || waiting("ErrImagePull", "i/o timeout");
    let suspended = {
        let mut job = job(json!([]));
        job["spec"]["suspend"] = true.into();
        Some(job)
    };
    let cases = [
        (2, None, vec![], vec![], "gone"),
        (2, other(job(json!([]))), vec![], vec![], "gone"),
        (2, deleted(job(json!([]))), vec![], vec![], "gone"),
        (2, deleted(complete()), vec![], vec![], "succeeded"),
        (2, plain(), vec![], vec![], "creating"),
        (2, suspended, vec![], vec![], "suspended"),
        (
            2,
            plain(),
            vec![waiting("ContainerCreating", "")],
            vec![],
            "starting",
        ),
        (
            2,
            plain(),
            vec![pod(container(json!({"running": {}})))],
            vec![],
            "running",
        ),
        (2, plain(), vec![ended(3)], vec![], "ending"),
        (2, Some(complete()), vec![], vec![], "succeeded"),
        (9_999, Some(complete()), vec![missing()], vec![], "succeeded"),
        (2, Some(failed()), vec![ended(3)], vec![], "failed: Crashed"),
        (2, Some(failed()), vec![evicted], vec![], "failed: Displaced"),
        (2, Some(failed()), vec![], vec![], "failed: JobFailed"),
        (2, Some(failed()), vec![stranger], vec![], "failed: JobFailed"),
        (2, Some(late()), vec![], vec![], "timed out: Unknown true"),
        (
            2,
            Some(late()),
            vec![missing()],
            vec![],
            "timed out: ImageMissing true",
        ),
        (2, plain(), vec![missing()], vec![], "cannot start: ImageMissing"),
        (
            2,
            plain(),
            vec![waiting("InvalidImageName", "no")],
            vec![],
            "cannot start: ImageInvalid",
        ),
        (
            2,
            plain(),
            vec![waiting("CreateContainerConfigError", "secret \"db\" not found")],
            vec![],
            "cannot start: ConfigMissing",
        ),
        (
            2,
            plain(),
            vec![waiting(
                "CreateContainerConfigError",
                "failed to sync secret cache",
            )],
            vec![],
            "starting, ConfigMissing",
        ),
        (2, plain(), vec![denied()], vec![], "starting, PullDenied"),
        (16, plain(), vec![denied()], vec![], "cannot start: PullDenied"),
        (60, plain(), vec![away()], vec![], "starting, PullFailing"),
        (121, plain(), vec![away()], vec![], "cannot start: PullFailing"),
        (
            60,
            plain(),
            vec![unplaced.clone()],
            vec![],
            "starting, Unschedulable",
        ),
        (
            129,
            plain(),
            vec![unplaced.clone()],
            vec![],
            "starting, Unschedulable",
        ),
        (
            130,
            plain(),
            vec![unplaced],
            vec![],
            "cannot start: Unschedulable",
        ),
        (2, plain(), vec![], vec![refused()], "creating, PodsRefused"),
        (16, plain(), vec![], vec![refused()], "cannot start: PodsRefused"),
        (
            16,
            plain(),
            vec![pod(container(json!({"running": {}})))],
            vec![refused()],
            "running",
        ),
        (
            359,
            plain(),
            vec![pod(container(json!({"running": {}})))],
            vec![],
            "running",
        ),
        (
            360,
            plain(),
            vec![pod(container(json!({"running": {}})))],
            vec![],
            "timed out: Unknown false",
        ),
    ];
    for (number, (seconds, job, pods, events, expected)) in cases.into_iter().enumerate() {
        let verdict = judged(&world(job, &pods, &events), seconds);
        assert_eq!(said(&verdict), expected, "case {number}: {verdict:?}");
    }
}

#[test]
fn the_exit_is_that_of_the_container_that_did_the_work() {
    let verdict = judged(
        &world(
            Some(job(condition("Failed", "BackoffLimitExceeded"))),
            &[ended(3)],
            &[],
        ),
        9,
    );
    assert_eq!(verdict.exit().unwrap().code, 3);
    let cause = verdict.cause().unwrap();
    assert_eq!(
        (cause.pod.as_deref(), cause.container.as_deref()),
        (Some("migrate-x"), Some("app"))
    );
}

#[test]
fn the_time_it_took_is_the_clusters() {
    let mut done = job(condition("Complete", "CompletionsReached"));
    done["status"]["completionTime"] = at(43).to_string().into();
    let Verdict::Succeeded { took, .. } = judged(&world(Some(done), &[], &[]), 50) else {
        panic!()
    };
    assert_eq!(took, Some(Duration::from_secs(42)));
}

fn any_job() -> impl Strategy<Value = Option<Value>> {
    let conditions = prop_oneof![
        3 => Just(json!([])),
        1 => Just(condition("Complete", "CompletionsReached")),
        1 => Just(condition("Failed", "BackoffLimitExceeded")),
        1 => Just(condition("Failed", "DeadlineExceeded")),
        1 => Just(condition("FailureTarget", "BackoffLimitExceeded")),
    ];
    proptest::option::weighted(
        0.9,
        (conditions, any::<bool>(), any::<bool>()).prop_map(|(conditions, leaving, suspended)| {
            let mut job = job(conditions);
            if leaving {
                job["metadata"]["deletionTimestamp"] = at(5).to_string().into();
            }
            job["spec"]["suspend"] = suspended.into();
            job
        }),
    )
}

fn any_pod() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(pod(json!({"phase": "Pending"}))),
        Just(pod(container(json!({"running": {}})))),
        (0..3_i32).prop_map(ended),
        (
            "ErrImagePull|ImagePullBackOff|CreateContainerConfigError|CrashLoopBackOff|Odd",
            "not found|401|timeout|"
        )
            .prop_map(|(reason, message)| waiting(&reason, &message)),
        Just(pod(json!({"phase": "Failed", "reason": "Evicted"}))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_seen(
        job in any_job(),
        pods in proptest::collection::vec(any_pod(), 0..3),
        event in proptest::option::of(Just(refused())),
        seconds in 0..1_000_i64,
        later in 0..1_000_i64,
    ) {
        let events: Vec<Value> = event.into_iter().collect();
        let world = world(job.clone(), &pods, &events);
        let verdict = judged(&world, seconds);
        // It is a function: who takes it up judges the same.
        prop_assert_eq!(&judged(&world, seconds), &verdict);
        let says = |kind: &str| job.as_ref().is_some_and(|job| job["status"]["conditions"][0]["type"] == kind);
        // Success is what the cluster says, and nothing else.
        prop_assert_eq!(matches!(verdict, Verdict::Succeeded { .. }), says("Complete"));
        prop_assert_eq!(matches!(verdict, Verdict::Failed { .. } | Verdict::TimedOut { stopped: true, .. }), says("Failed"));
        prop_assert!(job.is_some() || verdict == Verdict::Gone);
        // What is over stays over while nothing else is seen, and nothing waits for ever.
        if verdict.is_final() {
            prop_assert!(judged(&world, seconds + later).is_final());
        }
        prop_assert!(judged(&world, 300 + 60 + later).is_final());
        let runs = matches!(verdict, Verdict::Waiting { stage: Stage::Running { .. }, .. });
        prop_assert!(!runs || seconds < 360);
    }
}
