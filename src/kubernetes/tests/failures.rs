//! The judge and its explanations on recorded states of pods.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use otus_kubernetes::{
    Applied, Fault, Found, Memory, Object, Settings, Verdict, World, explain, is_displaced, judge,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const IMAGE: &str = "registry.test:5000/shop/web:v2";

fn at(seconds: i64) -> Timestamp {
    "2026-11-22T19:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn pod_of(hash: &str, name: &str, container: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "creationTimestamp": at(1).to_string(),
            "labels": {"app": "web", "pod-template-hash": hash},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": format!("rs-{hash}")}]},
        "spec": {"containers": [{"name": "app", "image": IMAGE,
            "resources": {"limits": {"memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "failureThreshold": 3}}]},
        "status": {"phase": "Running", "containerStatuses": [container]},
    }))
    .unwrap()
}

fn status(ready: bool, restarts: i32, state: Value, last: Value) -> Value {
    json!({"name": "app", "image": IMAGE, "imageID": "", "ready": ready, "restartCount": restarts,
        "state": state, "lastState": last})
}

fn new_pod(name: &str, container: Value) -> Pod {
    pod_of("new", name, container)
}

fn healthy(name: &str) -> Pod {
    let mut pod = new_pod(name, status(true, 0, json!({"running": {}}), json!({})));
    let condition = json!([{"type": "Ready", "status": "True"}]);
    pod.status.as_mut().unwrap().conditions = serde_json::from_value(condition).unwrap();
    pod
}

fn crash_loop(restarts: i32) -> Value {
    status(
        false,
        restarts,
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed container=app"}}),
        json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": at(3).to_string()}}),
    )
}

fn between_crashes() -> Value {
    status(
        false,
        2,
        json!({"running": {}}),
        json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
    )
}

fn waiting(reason: &str, message: &str) -> Value {
    status(
        false,
        0,
        json!({"waiting": {"reason": reason, "message": message}}),
        json!({}),
    )
}

fn event(pod: &str, reason: &str, message: &str, count: i32) -> Event {
    serde_json::from_value(json!({"metadata": {"name": format!("{pod}.{reason}.{count}")},
        "involvedObject": {"kind": "Pod", "name": pod, "uid": format!("uid-{pod}")},
        "reason": reason, "message": message, "count": count, "lastTimestamp": at(4).to_string()}))
    .unwrap()
}

fn replica_set(hash: &str, revision: &str, available: i32) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": format!("web-{hash}"), "uid": format!("rs-{hash}"),
            "labels": {"app": "web", "pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u1"}]},
        "spec": {"selector": {}},
        "status": {"replicas": available, "availableReplicas": available},
    }))
    .unwrap()
}

fn deployment(existing: i32, updated: i32, available: i32) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "uid": "u1", "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{"name": "app", "image": IMAGE}]}}},
        "status": {"observedGeneration": 2, "replicas": existing, "updatedReplicas": updated,
            "readyReplicas": available, "availableReplicas": available},
    }))
    .unwrap()
}

/// A rollout with one surge pod, as it mostly is.
fn surge(pods: Vec<Pod>) -> World {
    let updated = i32::try_from(pods.iter().filter(|pod| is_new(pod)).count()).unwrap();
    World {
        workload: Some(deployment(3 + updated, updated, 3).into()),
        revisions: Vec::new(),
        replica_sets: vec![replica_set("old", "1", 3), replica_set("new", "2", 0)],
        pods,
        events: Vec::new(),
    }
}

fn is_new(pod: &Pod) -> bool {
    pod.metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels["pod-template-hash"] == "new")
}

fn applied() -> Applied {
    Applied {
        uid: "u1".into(),
        generation: 2,
        container: "app".into(),
        image: IMAGE.into(),
        selector: "app=web".into(),
        at: at(0),
    }
}

fn look(world: &World, memory: &mut Memory, seconds: i64) -> Verdict {
    judge(&applied(), world, memory, at(seconds), &Settings::default())
}

fn fault(pod: &Pod, events: &[Event]) -> Fault {
    explain(pod, events).unwrap().fault
}

#[test]
fn a_crash_loop_fails_at_once() {
    let world = surge(vec![new_pod("web-a", crash_loop(2))]);
    let Verdict::Failed {
        cause,
        found: Found::Doomed,
        old,
    } = look(&world, &mut Memory::default(), 5)
    else {
        panic!("not failed")
    };
    assert_eq!(
        (cause.pod.as_deref(), cause.container.as_deref()),
        (Some("web-a"), Some("app"))
    );
    assert_eq!(old, 3);
    let Fault::Crashed(exit) = &cause.fault else {
        panic!("{cause:?}")
    };
    assert_eq!(
        (exit.code, exit.reason.as_str(), exit.restarts, exit.looping),
        (1, "Error", 2, true)
    );
    assert_eq!(exit.memory_limit.as_deref(), Some("256Mi"));
}

#[test]
fn a_crash_loop_of_old_pods_is_not_ours() {
    let mut world = surge(vec![new_pod(
        "web-a",
        status(false, 0, json!({"running": {}}), json!({})),
    )]);
    for name in ["web-x", "web-y", "web-z"] {
        world.pods.push(pod_of("old", name, crash_loop(9)));
    }
    let mut memory = Memory::default();
    for seconds in [5, 60, 600] {
        assert!(matches!(
            look(&world, &mut memory, seconds),
            Verdict::Waiting { .. }
        ));
    }
}

#[test]
fn between_two_crashes_it_is_still_doomed() {
    let mut memory = Memory::default();
    let pods = |second| vec![new_pod("web-a", crash_loop(2)), new_pod("web-b", second)];
    // One pod crashes, the other has only just started.
    let starting = status(false, 0, json!({"running": {}}), json!({}));
    assert!(matches!(
        look(&surge(pods(starting.clone())), &mut memory, 5),
        Verdict::Waiting { .. }
    ));
    // Then the other one crashes too, while the first runs for a moment.
    let world = surge(vec![
        new_pod("web-a", between_crashes()),
        new_pod("web-b", crash_loop(2)),
    ]);
    let Verdict::Failed { cause, .. } = look(&world, &mut memory, 9) else {
        panic!("not failed")
    };
    assert_eq!(cause.pods, 2);
}

#[test]
fn one_doomed_pod_among_healthy_ones_has_a_grace_time() {
    let mut memory = Memory::default();
    let world = surge(vec![healthy("web-a"), new_pod("web-b", crash_loop(2))]);
    assert!(matches!(
        look(&world, &mut memory, 5),
        Verdict::Waiting { trouble: Some(_), .. }
    ));
    assert!(matches!(look(&world, &mut memory, 34), Verdict::Waiting { .. }));
    assert!(matches!(
        look(&world, &mut memory, 35),
        Verdict::Failed {
            found: Found::Doomed,
            ..
        }
    ));
}

#[test]
fn a_pod_that_recovers_is_forgiven() {
    let mut memory = Memory::default();
    look(
        &surge(vec![healthy("web-a"), new_pod("web-b", crash_loop(2))]),
        &mut memory,
        5,
    );
    look(&surge(vec![healthy("web-a"), healthy("web-b")]), &mut memory, 20);
    let world = surge(vec![healthy("web-a"), new_pod("web-b", crash_loop(3))]);
    assert!(matches!(look(&world, &mut memory, 40), Verdict::Waiting { .. }));
}

#[test]
fn an_image_that_is_not_there_stays_so_while_the_kubelet_backs_off() {
    let text = format!(
        "failed to pull and unpack image \"{IMAGE}\": failed to resolve reference \"{IMAGE}\": {IMAGE}: not found"
    );
    let pod = new_pod("web-a", waiting("ErrImagePull", &text));
    assert!(matches!(fault(&pod, &[]), Fault::ImageMissing { .. }));
    let back_off = format!("Back-off pulling image \"{IMAGE}\"");
    let pod = new_pod("web-a", waiting("ImagePullBackOff", &back_off));
    assert!(matches!(fault(&pod, &[]), Fault::PullFailing { .. }));
    let events = [event(
        "web-a",
        "Failed",
        &format!("Failed to pull image \"{IMAGE}\": {text}"),
        2,
    )];
    assert!(matches!(fault(&pod, &events), Fault::ImageMissing { .. }));
    let mut world = surge(vec![pod]);
    world.events = events.to_vec();
    assert!(matches!(
        look(&world, &mut Memory::default(), 5),
        Verdict::Failed {
            found: Found::Doomed,
            ..
        }
    ));
}

#[test]
fn pulls_are_told_apart() {
    let of = |message: &str| fault(&new_pod("web-a", waiting("ErrImagePull", message)), &[]);
    assert!(matches!(of("401 Unauthorized"), Fault::PullDenied { .. }));
    assert!(matches!(
        of("pull access denied, repository does not exist or may require authorization"),
        Fault::PullDenied { .. }
    ));
    assert!(matches!(of("manifest unknown"), Fault::ImageMissing { .. }));
    assert!(matches!(
        of("dial tcp: lookup registry.test: no such host"),
        Fault::PullFailing { .. }
    ));
    // An image may be called anything.
    assert!(matches!(
        of(&format!("{IMAGE}: i/o timeout")),
        Fault::PullFailing { .. }
    ));
}

#[test]
fn a_pull_that_may_recover_is_waited_for() {
    let world = surge(vec![new_pod("web-a", waiting("ErrImagePull", "i/o timeout"))]);
    let mut memory = Memory::default();
    assert!(matches!(look(&world, &mut memory, 5), Verdict::Waiting { .. }));
    let Verdict::Waiting {
        trouble: Some(cause), ..
    } = look(&world, &mut memory, 300)
    else {
        panic!("not waiting")
    };
    assert!(matches!(cause.fault, Fault::PullFailing { .. }));
    // Denied is likely to stay so.
    let world = surge(vec![new_pod("web-a", waiting("ErrImagePull", "403 Forbidden"))]);
    let mut memory = Memory::default();
    assert!(matches!(look(&world, &mut memory, 5), Verdict::Waiting { .. }));
    assert!(matches!(look(&world, &mut memory, 36), Verdict::Failed { .. }));
}

#[test]
fn missing_configuration() {
    let pod = new_pod(
        "web-a",
        waiting("CreateContainerConfigError", "secret \"db\" not found"),
    );
    assert_eq!(
        fault(&pod, &[]),
        Fault::ConfigMissing {
            message: "secret \"db\" not found".into()
        }
    );
    assert!(matches!(
        look(&surge(vec![pod]), &mut Memory::default(), 5),
        Verdict::Failed { .. }
    ));
    let pod = new_pod(
        "web-a",
        waiting("CreateContainerConfigError", "failed to sync secret cache"),
    );
    assert!(matches!(
        look(&surge(vec![pod]), &mut Memory::default(), 5),
        Verdict::Waiting { .. }
    ));
}

#[test]
fn out_of_memory() {
    let last = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let state = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let pod = new_pod("web-a", status(false, 4, state, last));
    let Fault::Crashed(exit) = fault(&pod, &[]) else {
        panic!("no crash")
    };
    assert!(exit.out_of_memory());
    assert_eq!(
        (exit.signal, exit.memory_limit.as_deref()),
        (Some(9), Some("256Mi"))
    );
}

#[test]
fn an_init_container_comes_first() {
    let mut pod = new_pod("web-a", waiting("PodInitializing", ""));
    let init = json!([{"name": "migrate", "image": "r/m:1", "imageID": "", "ready": false, "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}]);
    pod.status.as_mut().unwrap().init_container_statuses = serde_json::from_value(init).unwrap();
    let cause = explain(&pod, &[]).unwrap();
    assert_eq!(cause.container.as_deref(), Some("migrate"));
    assert!(matches!(cause.fault, Fault::InitFailed(exit) if exit.code == 2));
}

#[test]
fn unschedulable_is_waited_for_and_said() {
    let mut pod = new_pod("web-a", json!(status(false, 0, json!({}), json!({}))));
    let pending = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/5 nodes are available: 5 Insufficient cpu."}]});
    pod.status = Some(serde_json::from_value(pending).unwrap());
    let world = surge(vec![pod]);
    let mut memory = Memory::default();
    let Verdict::Waiting {
        trouble: Some(cause), ..
    } = look(&world, &mut memory, 120)
    else {
        panic!("not waiting")
    };
    assert_eq!(
        cause.fault,
        Fault::Unschedulable {
            message: "0/5 nodes are available: 5 Insufficient cpu.".into()
        }
    );
    let Verdict::Failed {
        cause,
        found: Found::OwnDeadline,
        ..
    } = look(&world, &mut memory, 900)
    else {
        panic!("not failed")
    };
    assert!(matches!(cause.fault, Fault::Unschedulable { .. }));
}

#[test]
fn a_failing_probe_is_never_a_reason_to_give_up_early() {
    let pod = new_pod("web-a", status(false, 0, json!({"running": {}}), json!({})));
    let mut world = surge(vec![pod]);
    world.events = vec![event(
        "web-a",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        12,
    )];
    let mut memory = Memory::default();
    assert!(matches!(look(&world, &mut memory, 800), Verdict::Waiting { .. }));
    let Verdict::Failed { cause, .. } = look(&world, &mut memory, 900) else {
        panic!("not failed")
    };
    assert_eq!(
        cause.fault,
        Fault::NotReady {
            probe: Some("GET :8080/healthz".into()),
            message: Some("Readiness probe failed: HTTP probe failed with statuscode: 503".into()),
            failures: 12,
            threshold: 3,
        }
    );
}

#[test]
fn a_quota_refuses_pods() {
    let mut world = surge(vec![]);
    let text = "pods \"web-a\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3";
    let conditions =
        json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": text}]);
    world.replica_sets[1].status.as_mut().unwrap().conditions = serde_json::from_value(conditions).unwrap();
    let mut memory = Memory::default();
    assert!(matches!(
        look(&world, &mut memory, 5),
        Verdict::Waiting { trouble: Some(_), .. }
    ));
    let Verdict::Failed { cause, .. } = look(&world, &mut memory, 36) else {
        panic!("not failed")
    };
    assert_eq!(cause.fault, Fault::PodsRefused { message: text.into() });
}

#[test]
fn an_evicted_pod_is_replaced_and_not_blamed() {
    let mut pod = new_pod("web-a", crash_loop(1));
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"});
    pod.status = Some(serde_json::from_value(evicted).unwrap());
    assert!(is_displaced(&pod));
    assert!(matches!(
        look(&surge(vec![pod]), &mut Memory::default(), 60),
        Verdict::Waiting { .. }
    ));
}

fn settled(pods: Vec<Pod>) -> World {
    World {
        workload: Some(deployment(3, 3, 3).into()),
        revisions: Vec::new(),
        replica_sets: vec![replica_set("old", "1", 0), replica_set("new", "2", 3)],
        pods,
        events: Vec::new(),
    }
}

#[test]
fn a_restart_after_the_rollout_fails_even_if_the_pod_is_ready_again() {
    let mut memory = Memory::default();
    let quiet = settled(vec![healthy("web-a"), healthy("web-b"), healthy("web-c")]);
    assert!(matches!(
        look(&quiet, &mut memory, 10),
        Verdict::Available { pods: 3, .. }
    ));
    let mut restarted = quiet.clone();
    let container = status(
        true,
        1,
        json!({"running": {}}),
        json!({"terminated": {"exitCode": 3, "reason": "Error"}}),
    );
    restarted.pods[1].status.as_mut().unwrap().container_statuses =
        serde_json::from_value(json!([container])).unwrap();
    let Verdict::Failed {
        cause,
        found: Found::Watching,
        old: 0,
    } = look(&restarted, &mut memory, 30)
    else {
        panic!("not failed")
    };
    assert_eq!(cause.pod.as_deref(), Some("web-b"));
    assert!(matches!(cause.fault, Fault::Crashed(exit) if exit.code == 3));
}

#[test]
fn restarts_from_before_are_not_held_against_it() {
    let mut memory = Memory::default();
    let mut world = settled(vec![healthy("web-a"), healthy("web-b"), healthy("web-c")]);
    let container = status(
        true,
        2,
        json!({"running": {}}),
        json!({"terminated": {"exitCode": 3, "reason": "Error"}}),
    );
    world.pods[0].status.as_mut().unwrap().container_statuses =
        serde_json::from_value(json!([container])).unwrap();
    assert!(matches!(look(&world, &mut memory, 10), Verdict::Available { .. }));
    assert!(matches!(
        look(&world, &mut memory, 70),
        Verdict::Stable { pods: 3 }
    ));
}

#[test]
fn scaling_up_while_it_is_watched_loses_nothing() {
    let mut memory = Memory::default();
    let world = settled(vec![healthy("web-a"), healthy("web-b"), healthy("web-c")]);
    look(&world, &mut memory, 10);
    let mut more = world.clone();
    let mut bigger = deployment(10, 10, 3);
    bigger.spec.as_mut().unwrap().replicas = Some(10);
    let conditions =
        json!([{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}]);
    bigger.status.as_mut().unwrap().conditions = serde_json::from_value(conditions).unwrap();
    more.workload = Some(bigger.into());
    assert!(matches!(look(&more, &mut memory, 30), Verdict::Available { .. }));
    assert!(
        matches!(look(&more, &mut memory, 80), Verdict::Available { .. }),
        "not stable while pods are missing"
    );
}

fn any_container() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(crash_loop(2)),
        Just(between_crashes()),
        Just(status(true, 0, json!({"running": {}}), json!({}))),
        Just(status(false, 0, json!({"running": {}}), json!({}))),
        Just(status(false, 0, json!({}), json!({}))),
        Just(status(
            false,
            1,
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            json!({})
        )),
        ("[A-Za-z]{0,20}", "\\PC{0,40}").prop_map(|(reason, message)| waiting(&reason, &message)),
        "(ErrImagePull|ImagePullBackOff|CreateContainerConfigError|RunContainerError|InvalidImageName)"
            .prop_map(|reason| waiting(&reason, "not found")),
    ]
}

prop_compose! {
    fn any_world()(
        new in proptest::collection::vec(any_container(), 0..4),
        old in proptest::collection::vec(any_container(), 0..4),
        (wanted, existing, updated, available) in (-1..5i32, -1..8i32, -1..5i32, -1..8i32),
        generation in 0..5i64,
        observed in 0..5i64,
        paused in any::<bool>(),
        exceeded in any::<bool>(),
        same in any::<bool>(),
        revision in "[23]",
    ) -> World {
        let mut deployment = deployment(existing, updated, available);
        let spec = deployment.spec.as_mut().unwrap();
        spec.replicas = Some(wanted);
        spec.paused = Some(paused);
        if !same {
            spec.template.spec.as_mut().unwrap().containers[0].image = Some("other".into());
        }
        deployment.metadata.generation = Some(generation);
        deployment.metadata.annotations.as_mut().unwrap()
            .insert("deployment.kubernetes.io/revision".into(), revision);
        let status = deployment.status.as_mut().unwrap();
        status.observed_generation = Some(observed);
        let reason = if exceeded { "ProgressDeadlineExceeded" } else { "NewReplicaSetAvailable" };
        status.conditions = serde_json::from_value(json!([{"type": "Progressing", "status": "True", "reason": reason}])).unwrap();
        let name = |kind: &str, at: usize| format!("{kind}-{at}");
        let new = new.into_iter().enumerate().map(|(at, container)| pod_of("new", &name("new", at), container));
        let old = old.into_iter().enumerate().map(|(at, container)| pod_of("old", &name("old", at), container));
        World {
            workload: Some(deployment.into()),
            revisions: Vec::new(),
            replica_sets: vec![replica_set("old", "1", 1), replica_set("new", "2", 1)],
            pods: new.chain(old).collect(),
            events: vec![event("new-0", "Failed", "not found", 1)],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order, the judge keeps to its rules.
    #[test]
    fn the_rules_hold(worlds in proptest::collection::vec(any_world(), 1..8), step in 0..120i64) {
        let mut memory = Memory::default();
        for (number, world) in (0..).zip(&worlds) {
            let verdict = look(world, &mut memory, number * step);
            let Some(Object::Deployment(deployment)) = &world.workload else { unreachable!() };
            let generation = deployment.metadata.generation.unwrap();
            let observed = deployment.status.as_ref().unwrap().observed_generation.unwrap();
            let image = &deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap().containers[0].image;
            let other = image.as_deref() != Some(IMAGE);
            if generation >= 2 {
                prop_assert_eq!(other, matches!(verdict, Verdict::Superseded { .. }), "{:?}", &verdict);
            }
            if generation > observed || generation < 2 {
                let early = matches!(verdict, Verdict::Available { .. } | Verdict::Stable { .. } | Verdict::Paused { .. });
                prop_assert!(!early, "{:?}", &verdict);
            }
            if let Verdict::Waiting { done, total, .. } = verdict {
                prop_assert!(0 <= done && done <= total, "{} of {}", done, total);
            }
            if let Verdict::Failed { cause, old, .. } = &verdict {
                prop_assert!(*old >= 0);
                prop_assert!(!cause.pod.as_deref().is_some_and(|pod| pod.starts_with("old")), "{:?}", cause);
            }
        }
    }

    /// What old pods do never fails a rollout.
    #[test]
    fn old_pods_change_nothing(world in any_world(), old in proptest::collection::vec(any_container(), 0..4)) {
        let judged = |pods: Vec<Pod>| {
            let world = World { pods, ..world.clone() };
            look(&world, &mut Memory::default(), 10)
        };
        let new: Vec<Pod> = world.pods.iter().filter(|pod| is_new(pod)).cloned().collect();
        let more = old.into_iter().enumerate().map(|(at, container)| pod_of("old", &format!("old-{at}"), container));
        prop_assert_eq!(judged(new.clone()), judged(new.into_iter().chain(more).collect()));
    }

    /// A quiet time is counted from the moment everything was there.
    #[test]
    fn stable_only_after_the_stability_time(stability in 0..300u64, steps in proptest::collection::vec(1..40i64, 1..20)) {
        let settings = Settings { stability: Duration::from_secs(stability), ..Settings::default() };
        let world = settled(vec![healthy("web-a"), healthy("web-b"), healthy("web-c")]);
        let (mut memory, mut now) = (Memory::default(), 0);
        for (number, step) in steps.into_iter().enumerate() {
            let verdict = judge(&applied(), &world, &mut memory, at(now), &settings);
            let due = number > 0 && u64::try_from(now).unwrap() >= stability;
            prop_assert_eq!(due, matches!(verdict, Verdict::Stable { pods: 3 }), "{:?} at {}", verdict, now);
            now += step;
        }
    }
}
