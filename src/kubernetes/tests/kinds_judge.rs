//! The judge on StatefulSets and DaemonSets, in states as clusters show them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{DaemonSet, StatefulSet};
use otus_kubernetes::{Applied, Fault, Memory, Object, Settings, Verdict, World, judge};
use proptest::prelude::*;
use serde_json::{Value, json};

const IMAGE: &str = "r.test/shop/db:v2";

fn at(seconds: i64) -> Timestamp {
    "2026-11-22T19:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn applied() -> Applied {
    Applied {
        uid: "u1".into(),
        generation: 2,
        container: "app".into(),
        image: IMAGE.into(),
        selector: "app=db".into(),
        at: at(0),
    }
}

fn settings() -> Settings {
    Settings {
        stability: Duration::from_secs(60),
        grace: Duration::from_secs(30),
        deadline: Duration::from_secs(600),
    }
}

/// What differs from one case to the next.
#[derive(Debug, Clone, Copy)]
struct State {
    observed: i64,
    wanted: i32,
    existing: i32,
    updated: i32,
    ready: i32,
    partition: i32,
    /// The partition before Otus held it.
    before: Option<i32>,
    by_hand: bool,
}

const THROUGH: State = State {
    observed: 2,
    wanted: 3,
    existing: 3,
    updated: 3,
    ready: 3,
    partition: 0,
    before: None,
    by_hand: false,
};

fn spec(state: State, strategy: Value) -> Value {
    json!({"replicas": state.wanted, "selector": {"matchLabels": {"app": "db"}}, "serviceName": "db",
        "updateStrategy": if state.by_hand { json!({"type": "OnDelete"}) } else { strategy },
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "app", "image": IMAGE}]}}})
}

fn stateful_set(state: State) -> Object {
    let mut set = json!({
        "metadata": {"name": "db", "namespace": "shop", "uid": "u1", "generation": 2},
        "spec": spec(state, json!({"type": "RollingUpdate", "rollingUpdate": {"partition": state.partition}})),
        "status": {"observedGeneration": state.observed, "replicas": state.existing, "readyReplicas": state.ready,
            "updatedReplicas": state.updated, "currentRevision": "db-old", "updateRevision": "db-new"},
    });
    if let Some(before) = state.before {
        set["metadata"]["annotations"]["otus.dev/partition"] = before.to_string().into();
    }
    Object::from(serde_json::from_value::<StatefulSet>(set).unwrap())
}

fn daemon_set(state: State) -> Object {
    let set = json!({
        "metadata": {"name": "db", "namespace": "shop", "uid": "u1", "generation": 2},
        "spec": spec(state, json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})),
        "status": {"observedGeneration": state.observed, "desiredNumberScheduled": state.wanted,
            "currentNumberScheduled": state.existing, "updatedNumberScheduled": state.updated,
            "numberAvailable": state.ready, "numberReady": state.ready, "numberMisscheduled": 0},
    });
    Object::from(serde_json::from_value::<DaemonSet>(set).unwrap())
}

/// A pod of this revision: ready, starting, or without its image.
fn pod(name: &str, revision: &str, fares: &str) -> Value {
    let state = match fares {
        "missing" => json!({"waiting": {"reason": "ErrImagePull", "message": "r.test/shop/db: not found"}}),
        "looping" => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        _ => json!({"running": {}}),
    };
    let ready = fares == "ready";
    json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": at(1).to_string(),
            "labels": {"app": "db", "controller-revision-hash": revision},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u1"}]},
        "spec": {"containers": [{"name": "app", "image": IMAGE}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": [{"name": "app", "image": IMAGE, "imageID": "", "ready": ready,
                "restartCount": if fares == "looping" { 3 } else { 0 }, "state": state}]}})
}

fn world(object: Object, pods: &[Value]) -> World {
    let revision = |number: i64, hash: &str| {
        json!({"metadata": {"name": format!("db-{hash}"), "labels": {"controller-revision-hash": hash},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "db", "uid": "u1"}]},
            "revision": number})
    };
    let revisions = match object {
        Object::DaemonSet(_) => json!([revision(2, "db-new"), revision(1, "db-old")]),
        _ => json!([]),
    };
    World {
        workload: Some(object),
        revisions: serde_json::from_value(revisions).unwrap(),
        pods: serde_json::from_value(json!(pods)).unwrap(),
        ..World::default()
    }
}

/// A verdict in a few words.
fn said(verdict: &Verdict) -> String {
    let word = |fault: &Fault| {
        format!("{fault:?}")
            .split([' ', '{', '('])
            .next()
            .unwrap()
            .to_owned()
    };
    match verdict {
        Verdict::Waiting { done, total, why, .. } => format!("{done} of {total}, {why:?}"),
        Verdict::Available { pods, .. } => format!("available {pods}"),
        Verdict::Stable { pods } => format!("stable {pods}"),
        Verdict::Failed { cause, old, .. } => format!("failed: {}, {old} old", word(&cause.fault)),
        other => format!("{other:?}")
            .split([' ', '{'])
            .next()
            .unwrap()
            .to_lowercase(),
    }
}

/// What is said at once, and what after so many seconds more of the same.
fn looks(object: Object, pods: &[Value], later: i64) -> (String, String) {
    let (world, mut memory) = (world(object, pods), Memory::default());
    let first = judge(&applied(), &world, &mut memory, at(2), &settings());
    let last = judge(&applied(), &world, &mut memory, at(2 + later), &settings());
    (said(&first), said(&last))
}

#[test]
fn stateful_sets() {
    let ready = |count: i32, of: &str| {
        (0..count)
            .map(|n| pod(&format!("db-{n}"), of, "ready"))
            .collect::<Vec<_>>()
    };
    let with = |old: i32, more: Value| [ready(old, "db-old"), vec![more]].concat();
    let half = State {
        updated: 1,
        ready: 2,
        ..THROUGH
    };
    let cases = [
        (
            State {
                observed: 1,
                ..THROUGH
            },
            ready(3, "db-old"),
            "0 of 3, NotObserved",
            "failed: NotObserved, 3 old",
        ),
        (
            State {
                updated: 0,
                ..THROUGH
            },
            ready(3, "db-old"),
            "0 of 3, Creating { created: 0 }",
            "failed: Unknown, 3 old",
        ),
        (
            half,
            with(2, pod("db-2", "db-new", "starting")),
            "0 of 3, Starting { left: 1 }",
            "failed: NotReady, 2 old",
        ),
        (
            half,
            with(2, pod("db-2", "db-new", "missing")),
            "failed: ImageMissing, 2 old",
            "failed: ImageMissing, 2 old",
        ),
        (
            half,
            with(2, pod("db-2", "db-new", "looping")),
            "failed: Crashed, 2 old",
            "failed: Crashed, 2 old",
        ),
        // The trap: a pod of the version before is broken, and nothing is created of the new one.
        (
            State {
                updated: 0,
                ready: 2,
                ..THROUGH
            },
            with(2, pod("db-2", "db-odd", "missing")),
            "0 of 3, Starting { left: 1 }",
            "failed: InTheWay, 2 old",
        ),
        (THROUGH, ready(3, "db-new"), "available 3", "stable 3"),
        (
            State {
                partition: 2,
                updated: 1,
                ..THROUGH
            },
            ready(2, "db-old"),
            "available 1",
            "stable 1",
        ),
        (
            State {
                partition: 9,
                updated: 0,
                ..THROUGH
            },
            ready(3, "db-old"),
            "available 0",
            "stable 0",
        ),
        (
            State {
                wanted: 0,
                existing: 0,
                updated: 0,
                ready: 0,
                ..THROUGH
            },
            vec![],
            "available 0",
            "stable 0",
        ),
        (
            State {
                partition: 2,
                before: Some(0),
                updated: 1,
                ..THROUGH
            },
            ready(2, "db-old"),
            "paused",
            "paused",
        ),
        (
            State {
                partition: 2,
                before: Some(2),
                updated: 1,
                ..THROUGH
            },
            ready(2, "db-old"),
            "available 1",
            "stable 1",
        ),
        (
            State {
                by_hand: true,
                updated: 0,
                ..THROUGH
            },
            ready(3, "db-old"),
            "failed: ByHand, 3 old",
            "failed: ByHand, 3 old",
        ),
    ];
    for (number, (state, pods, first, last)) in cases.into_iter().enumerate() {
        let found = looks(stateful_set(state), &pods, 700);
        assert_eq!(
            (found.0.as_str(), found.1.as_str()),
            (first, last),
            "case {number}: {state:?}"
        );
    }
}

#[test]
fn daemon_sets() {
    let ready = |count: i32, of: &str| {
        (0..count)
            .map(|n| pod(&format!("db-{of}{n}"), of, "ready"))
            .collect::<Vec<_>>()
    };
    let with = |old: i32, more: Value| [ready(old, "db-old"), vec![more]].concat();
    let half = State {
        updated: 1,
        ready: 2,
        ..THROUGH
    };
    let cases = [
        (
            State {
                observed: 1,
                ..THROUGH
            },
            ready(3, "db-old"),
            "0 of 3, NotObserved",
            "failed: NotObserved, 3 old",
        ),
        (
            State {
                updated: 0,
                ..THROUGH
            },
            ready(3, "db-old"),
            "0 of 3, Creating { created: 0 }",
            "failed: Unknown, 3 old",
        ),
        (
            half,
            with(2, pod("db-x", "db-new", "starting")),
            "0 of 3, Creating { created: 1 }",
            "failed: NotReady, 2 old",
        ),
        (
            half,
            with(2, pod("db-x", "db-new", "missing")),
            "failed: ImageMissing, 2 old",
            "failed: ImageMissing, 2 old",
        ),
        (
            State {
                updated: 3,
                ready: 2,
                ..THROUGH
            },
            ready(2, "db-new"),
            "2 of 3, Starting { left: 1 }",
            "failed: Unknown, 0 old",
        ),
        // A broken pod of an earlier version is replaced first: it is in nobody's way.
        (
            half,
            [ready(1, "db-new"), vec![pod("db-x", "db-old", "missing")]].concat(),
            "1 of 3, Creating { created: 1 }",
            "failed: Unknown, 1 old",
        ),
        (THROUGH, ready(3, "db-new"), "available 3", "stable 3"),
        (
            State {
                wanted: 0,
                existing: 0,
                updated: 0,
                ready: 0,
                ..THROUGH
            },
            vec![],
            "available 0",
            "stable 0",
        ),
        (
            State {
                by_hand: true,
                updated: 0,
                ..THROUGH
            },
            ready(3, "db-old"),
            "failed: ByHand, 3 old",
            "failed: ByHand, 3 old",
        ),
    ];
    for (number, (state, pods, first, last)) in cases.into_iter().enumerate() {
        let found = looks(daemon_set(state), &pods, 700);
        assert_eq!(
            (found.0.as_str(), found.1.as_str()),
            (first, last),
            "case {number}: {state:?}"
        );
    }
}

#[test]
fn without_a_look_at_revisions_the_images_tell() {
    let mut world = world(
        daemon_set(State {
            updated: 1,
            ready: 2,
            ..THROUGH
        }),
        &[pod("db-x", "db-new", "missing")],
    );
    world.revisions.clear();
    let verdict = judge(&applied(), &world, &mut Memory::default(), at(2), &settings());
    assert!(said(&verdict).starts_with("failed: ImageMissing"), "{verdict:?}");
}

fn any_state() -> impl Strategy<Value = State> {
    let counts = (0..4_i32, 0..5_i32, 0..4_i32, 0..4_i32);
    let rest = (
        1..3_i64,
        0..4_i32,
        proptest::option::of(0..3_i32),
        proptest::bool::weighted(0.1),
    );
    (counts, rest).prop_map(
        |((wanted, existing, updated, ready), (observed, partition, before, by_hand))| State {
            observed,
            wanted,
            existing,
            updated,
            ready,
            partition,
            before,
            by_hand,
        },
    )
}

/// `rollout_status.go` for both kinds, written down once more.
fn kubectl_says_done(state: State, stateful: bool) -> bool {
    let seen = state.observed >= 2;
    match stateful {
        true => seen && state.ready >= state.wanted && state.updated >= state.wanted - state.partition,
        false => seen && state.updated >= state.wanted && state.ready >= state.wanted,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold(
        states in proptest::collection::vec(any_state(), 1..6),
        fares in proptest::collection::vec(("db-(old|new|odd)", "ready|starting|missing|looping"), 0..4),
        stateful in any::<bool>(),
        step in 0..200_i64,
    ) {
        let pods: Vec<Value> = fares.iter().enumerate().map(|(n, (of, fares))| pod(&format!("db-{n}"), of, fares)).collect();
        let mut memory = Memory::default();
        let mut baking = false;
        for (number, state) in (0..).zip(states) {
            let object = if stateful { stateful_set(state) } else { daemon_set(state) };
            let verdict = judge(&applied(), &world(object, &pods), &mut memory, at(number * step), &settings());
            let done = kubectl_says_done(state, stateful);
            if matches!(verdict, Verdict::Available { .. } | Verdict::Stable { .. }) && !baking {
                prop_assert!(done || (state.wanted == 0 && state.observed >= 2), "{:?} {:?}", verdict, state);
                baking = true;
            }
            if let Verdict::Waiting { done, total, .. } = verdict {
                prop_assert!((0..=total).contains(&done), "{:?}", verdict);
            }
            if let Verdict::Failed { old, .. } = &verdict {
                prop_assert!((0..=state.ready).contains(old), "{:?} {:?}", verdict, state);
            }
            let paused = matches!(verdict, Verdict::Paused { .. });
            prop_assert!(stateful || !paused);
            if verdict.is_final() {
                break;
            }
        }
    }
}
