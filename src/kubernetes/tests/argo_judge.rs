//! The judge on Argo's Rollouts, in states as its controller writes them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus_kubernetes::{
    Applied, ArgoRollout, Fault, Found, Memory, Object, Settings, Step, Verdict, Why, World, judge,
};
use serde_json::{Value, json};

const IMAGE: &str = "r.test/shop/api:v2";

fn at(seconds: i64) -> Timestamp {
    "2026-11-23T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn rollout(spec: Value, status: Value) -> Object {
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "api", "namespace": "shop", "uid": "u1", "generation": 5},
        "spec": {
            "replicas": 5, "selector": {"matchLabels": {"app": "api"}},
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "10m"}}]}},
            "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "app", "image": IMAGE}]}},
        },
        "status": {
            "observedGeneration": "5", "currentPodHash": "new", "stableRS": "old", "phase": "Progressing",
            "message": "more replicas need to be updated", "currentStepIndex": 0, "replicas": 5, "updatedReplicas": 0,
            "readyReplicas": 5, "availableReplicas": 5,
        },
    });
    for (part, changes) in [("spec", spec), ("status", status)] {
        for (key, value) in changes.as_object().unwrap() {
            object[part][key] = value.clone();
        }
    }
    Object::from(serde_json::from_value::<ArgoRollout>(object).unwrap())
}

fn look(object: Object, memory: &mut Memory, now: i64) -> Verdict {
    let applied = Applied {
        uid: "u1".into(),
        generation: 5,
        container: "app".into(),
        image: IMAGE.into(),
        selector: "app=api".into(),
        at: at(0),
    };
    let settings = Settings {
        stability: Duration::from_secs(60),
        grace: Duration::from_secs(30),
        deadline: Duration::from_secs(600),
    };
    let world = World {
        workload: Some(object),
        ..World::default()
    };
    judge(&applied, &world, memory, at(now), &settings)
}

fn once(spec: Value, status: Value) -> Verdict {
    look(rollout(spec, status), &mut Memory::default(), 1)
}

fn whys(verdict: Verdict) -> Why {
    match verdict {
        Verdict::Waiting { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

fn fault(verdict: Verdict) -> (Fault, Found) {
    match verdict {
        Verdict::Failed { cause, found, .. } => (cause.fault, found),
        other => panic!("{other:?}"),
    }
}

fn healthy() -> Value {
    json!({"phase": "Healthy", "message": "", "stableRS": "new", "currentStepIndex": 4, "updatedReplicas": 5})
}

#[test]
fn nothing_is_believed_before_the_change_was_seen() {
    // A number as text, as newer controllers write it; older ones wrote numbers.
    for seen in [json!("4"), json!(4)] {
        let mut status = healthy();
        status["observedGeneration"] = seen;
        assert_eq!(whys(once(json!({}), status)), Why::NotObserved);
    }
    assert_eq!(
        whys(once(json!({}), json!({"observedGeneration": null}))),
        Why::NotObserved
    );
}

#[test]
fn its_steps_are_told_and_its_health_ends_it() {
    let status = json!({"currentStepIndex": 2, "updatedReplicas": 1, "replicas": 6, "availableReplicas": 6});
    assert_eq!(whys(once(json!({}), status)), Why::Steps { at: 3, of: 4 });
    // All its counts are what they should be, and its controller is not through.
    let nearly = json!({"phase": "Progressing", "currentStepIndex": 4, "updatedReplicas": 5});
    assert_eq!(whys(once(json!({}), nearly)), Why::OldPods { left: 0 });
    let mut memory = Memory::default();
    let begun = look(rollout(json!({}), healthy()), &mut memory, 1);
    assert!(matches!(begun, Verdict::Available { pods: 5, .. }), "{begun:?}");
    let ended = look(rollout(json!({}), healthy()), &mut memory, 62);
    assert_eq!(ended, Verdict::Stable { pods: 5 });
}

#[test]
fn a_pause_without_an_end_waits_for_people_and_one_with_an_end_does_not() {
    let paused = |index: i32, reason: &str| {
        json!({"phase": "Paused", "message": reason, "currentStepIndex": index, "updatedReplicas": 1,
            "controllerPause": true, "pauseConditions": [{"reason": reason, "startTime": "2026-11-23T10:00:00Z"}]})
    };
    let waits = |inconclusive: bool| {
        Some(Step {
            at: 2,
            of: 4,
            since: Some(at(0)),
            inconclusive,
        })
    };
    let step = |verdict: Verdict| match verdict {
        Verdict::Paused { by: None, step, .. } => step,
        other => panic!("{other:?}"),
    };
    assert_eq!(step(once(json!({}), paused(1, "CanaryPauseStep"))), waits(false));
    assert_eq!(
        step(once(json!({}), paused(1, "InconclusiveAnalysisRun"))),
        waits(true)
    );
    let timed = once(json!({}), paused(3, "CanaryPauseStep"));
    assert_eq!(whys(timed), Why::Steps { at: 4, of: 4 });
    let blue_green = |seconds: Value| json!({"strategy": {"blueGreen": {"autoPromotionSeconds": seconds}}});
    let waiting = step(once(blue_green(Value::Null), paused(0, "BlueGreenPause"))).unwrap();
    assert_eq!((waiting.at, waiting.of), (0, 0));
    let timed = once(blue_green(json!(30)), paused(0, "BlueGreenPause"));
    assert_eq!(whys(timed), Why::Creating { created: 1 });
    // By hand, it is paused as anything is.
    let by_hand = once(
        json!({"paused": true}),
        json!({"phase": "Paused", "message": "manually paused"}),
    );
    assert!(
        matches!(by_hand, Verdict::Paused { step: None, .. }),
        "{by_hand:?}"
    );
}

#[test]
fn what_its_controller_gave_up_has_failed() {
    let message = "RolloutAborted: Rollout aborted update to revision 2: Metric \"errors\" assessed Failed due to failed (1) > failureLimit (0)";
    let aborted = json!({"phase": "Degraded", "message": message, "abort": true});
    let told = Fault::Degraded {
        message: message.into(),
    };
    assert_eq!(fault(once(json!({}), aborted)), (told, Found::Doomed));
    let late = "ProgressDeadlineExceeded: ReplicaSet \"api-new\" has timed out progressing.";
    let status = json!({"phase": "Degraded", "message": late});
    assert_eq!(fault(once(json!({}), status)).1, Found::ProgressDeadline);
    let wrong = "InvalidSpec: The Rollout \"api\" is invalid: spec.strategy: Required value";
    let status = json!({"phase": "Degraded", "message": wrong});
    assert!(matches!(fault(once(json!({}), status)).0, Fault::Degraded { message } if message == wrong));
    // Told to begin anew, it says so for a moment still.
    let status = json!({"phase": "Degraded", "message": message, "abort": false});
    assert_eq!(whys(once(json!({}), status)), Why::Steps { at: 1, of: 4 });
    // Told to go back, it speaks for a moment still of what it did before.
    let status = json!({"phase": "Paused", "message": "CanaryPauseStep", "abort": true});
    assert!(
        matches!(fault(once(json!({}), status)).0, Fault::Degraded { message } if message == "RolloutAborted")
    );
    // An analysis after the promotion may end it while it is watched.
    let mut memory = Memory::default();
    look(rollout(json!({}), healthy()), &mut memory, 1);
    let status = json!({"phase": "Degraded", "message": message, "abort": true});
    let ended = look(rollout(json!({}), status), &mut memory, 2);
    assert!(matches!(ended, Verdict::Failed { .. }), "{ended:?}");
}

#[test]
fn a_new_pod_that_crashes_fails_it_even_while_it_waits() {
    let hash = |hash: &str| json!({"app": "api", "rollouts-pod-template-hash": hash});
    let owned = |kind: &str, uid: &str| json!([{"apiVersion": "v1", "kind": kind, "name": "x", "uid": uid, "controller": true}]);
    let set = |name: &str| {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": name, "labels": hash(name), "ownerReferences": owned("Rollout", "u1")},
            "status": {"replicas": 1, "availableReplicas": if name == "old" { 4 } else { 0 }},
        }))
        .unwrap()
    };
    let pod = |name: &str| {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": name, "labels": hash(name), "ownerReferences": owned("ReplicaSet", name)},
            "spec": {"containers": [{"name": "app", "image": IMAGE}]},
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "app", "ready": false, "restartCount": 3, "image": IMAGE, "imageID": "",
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
            }]},
        }))
        .unwrap()
    };
    let status = json!({"phase": "Paused", "currentStepIndex": 1, "updatedReplicas": 1,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-23T10:00:00Z"}]});
    let applied = Applied {
        uid: "u1".into(),
        generation: 5,
        container: "app".into(),
        image: IMAGE.into(),
        selector: "app=api".into(),
        at: at(0),
    };
    let judged = |crashes: &str| {
        let world = World {
            workload: Some(rollout(json!({}), status.clone())),
            replica_sets: vec![set("old"), set("new")],
            pods: vec![pod(crashes)],
            ..World::default()
        };
        judge(
            &applied,
            &world,
            &mut Memory::default(),
            at(1),
            &Settings::default(),
        )
    };
    assert!(matches!(fault(judged("new")).0, Fault::Crashed(_)));
    // One of those that served before is not this rollout's.
    assert!(matches!(judged("old"), Verdict::Paused { .. }));
}
