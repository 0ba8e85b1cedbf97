//! The judge on a recording of real rollouts (see `data/README.md`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use otus_kubernetes::{Applied, Fault, Found, Memory, Settings, Verdict, Why, World, judge};
use serde_json::{Value, json};

const RECORDING: &str = include_str!("data/rollout-timeline-1.36.txt");

struct State {
    after: f64,
    deployment: Deployment,
}

/// The image that was wanted in each generation.
fn image(generation: i64) -> &'static str {
    match generation {
        1 => "r/web:v1",
        2 => "r/web:v2",
        3 => "r/web:crashing",
        4 => "r/web:v3",
        5 => "r/web:badimage",
        6 => "r/web:v4",
        7 => "r/web:v5",
        8 | 9 => "r/web:v6",
        _ => "r/web:crashing-later",
    }
}

fn start() -> Timestamp {
    "2026-11-22T19:00:00Z".parse().unwrap()
}

fn at(after: f64) -> Timestamp {
    start() + SignedDuration::from_secs_f64(after)
}

fn condition(kind: &str, text: &str) -> Option<Value> {
    let (status, reason) = text.split_once('/')?;
    Some(json!({"type": kind, "status": status, "reason": reason}))
}

/// The phases of the recording, by name.
fn phases() -> BTreeMap<&'static str, Vec<State>> {
    let mut phases: BTreeMap<&str, Vec<State>> = BTreeMap::new();
    let mut phase = "";
    for line in RECORDING.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            phase = name.trim();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(after) = words
            .first()
            .and_then(|word| word.strip_suffix('s')?.parse().ok())
        else {
            continue;
        };
        if words.get(1) != Some(&"gen") {
            continue;
        }
        let field = |name: &str| words[words.iter().position(|word| *word == name).unwrap() + 1];
        let number = |name: &str| field(name).parse::<i64>().unwrap();
        let generation = number("gen");
        let conditions: Vec<Value> = [
            ("Progressing", "Prog"),
            ("Available", "Avail"),
            ("ReplicaFailure", "RF"),
        ]
        .iter()
        .filter_map(|(kind, name)| condition(kind, field(name)))
        .collect();
        let deployment = serde_json::from_value(json!({
            "metadata": {
                "name": "web", "uid": "u1", "generation": generation,
                "annotations": {"deployment.kubernetes.io/revision": field("rev")},
                "managedFields": [{
                    "manager": "kubectl-set", "operation": "Update", "time": "2026-11-22T19:00:00Z",
                    "fieldsV1": {"f:spec": {"f:paused": {}, "f:template": {"f:spec": {"f:containers":
                        {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}},
                }],
            },
            "spec": {
                "replicas": if generation == 11 { 0 } else { 3 },
                "paused": generation == 8,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [{"name": "app", "image": image(generation)}]}},
            },
            "status": {
                "observedGeneration": number("obs"), "replicas": number("r"), "updatedReplicas": number("upd"),
                "readyReplicas": number("rdy"), "availableReplicas": number("av"), "conditions": conditions,
            },
        }))
        .unwrap();
        phases.entry(phase).or_default().push(State { after, deployment });
    }
    phases
}

fn applied(generation: i64) -> Applied {
    Applied {
        uid: "u1".into(),
        generation,
        container: "app".into(),
        image: image(generation).into(),
        selector: "app=web".into(),
        at: start(),
    }
}

fn settings() -> Settings {
    Settings {
        stability: Duration::from_secs(60),
        ..Settings::default()
    }
}

/// All verdicts of a phase, in a word or two each, without repetitions.
fn verdicts(phase: &str, generation: i64) -> Vec<String> {
    let mut memory = Memory::default();
    let mut told: Vec<String> = Vec::new();
    for state in &phases()[phase] {
        let world = World {
            workload: Some(state.deployment.clone().into()),
            ..World::default()
        };
        let verdict = judge(
            &applied(generation),
            &world,
            &mut memory,
            at(state.after),
            &settings(),
        );
        let words = match &verdict {
            Verdict::Waiting { done, total, why, .. } => match why {
                Why::NotObserved => "not observed".to_owned(),
                Why::Creating { created } => format!("{done}/{total} created {created}"),
                Why::OldPods { left } => format!("{done}/{total} old {left}"),
                Why::Starting { left } => format!("{done}/{total} starting {left}"),
                Why::Steps { at, of } => format!("{done}/{total} step {at} of {of}"),
            },
            Verdict::Paused { by, .. } => format!("paused by {}", by.as_deref().unwrap_or("?")),
            Verdict::Superseded { image, manager, .. } => {
                format!("superseded by {image} from {}", manager.as_deref().unwrap_or("?"))
            }
            Verdict::Failed { cause, found, old } => format!("failed {found:?} {:?} old {old}", cause.fault),
            Verdict::Available { pods, .. } => format!("available {pods}"),
            Verdict::Stable { pods } => format!("stable {pods}"),
            Verdict::Gone => "gone".to_owned(),
        };
        if told.last() != Some(&words) {
            told.push(words);
        }
        if verdict.is_final() {
            break;
        }
    }
    told
}

#[test]
fn the_recording_is_read_whole() {
    let phases = phases();
    assert_eq!(phases.len(), 10, "{:?}", phases.keys());
    let lines = RECORDING.lines().filter(|line| line.contains("s gen ")).count();
    assert_eq!(phases.values().map(Vec::len).sum::<usize>(), lines);
}

#[test]
fn a_first_rollout() {
    insta::assert_snapshot!(verdicts("initial", 1).join("\n"), @"
    0/3 starting 3
    1/3 starting 2
    2/3 starting 1
    available 3
    ");
}

#[test]
fn a_good_rollout_is_not_done_before_it_began() {
    insta::assert_snapshot!(verdicts("good2", 2).join("\n"), @"
    not observed
    0/3 created 0
    0/3 created 1
    1/3 created 1
    1/3 created 2
    2/3 created 2
    2/3 old 1
    3/3 old 1
    available 3
    ");
}

#[test]
fn a_crash_loop_ends_at_the_deadline_when_no_pods_are_seen() {
    insta::assert_snapshot!(verdicts("crashloop", 3).join("\n"), @"
    not observed
    0/3 created 0
    0/3 created 1
    failed ProgressDeadline Unknown old 3
    ");
}

#[test]
fn the_failure_before_is_not_ours() {
    let told = verdicts("move forward good3", 4);
    assert_eq!(told.first().unwrap(), "not observed");
    assert_eq!(told.last().unwrap(), "available 3");
    assert!(!told.iter().any(|words| words.starts_with("failed")), "{told:?}");
}

#[test]
fn a_bad_image() {
    assert_eq!(
        verdicts("badimage", 5).last().unwrap(),
        "failed ProgressDeadline Unknown old 3"
    );
}

#[test]
fn of_two_quick_patches_the_first_is_superseded() {
    let told = verdicts("two quick patches", 6);
    assert_eq!(told.last().unwrap(), "superseded by r/web:v5 from kubectl-set");
    let told = verdicts("two quick patches", 7);
    assert_eq!(told.last().unwrap(), "available 3");
    assert!(
        !told.iter().any(|words| words.starts_with("superseded")),
        "{told:?}"
    );
}

#[test]
fn paused_and_resumed() {
    assert_eq!(verdicts("paused", 8), ["not observed", "paused by kubectl-set"]);
    let told = verdicts("resume", 8);
    assert_eq!(told.first().unwrap(), "not observed");
    assert_eq!(told.last().unwrap(), "available 3");
}

#[test]
fn a_crash_after_ready_fails_while_it_is_watched() {
    let told = verdicts("crashlater", 10);
    assert_eq!(told[told.len() - 2], "available 3");
    assert_eq!(
        told[told.len() - 1],
        "failed Watching LostPods { available: 2, wanted: 3 } old 0"
    );
}

#[test]
fn zero_replicas_are_said() {
    assert_eq!(verdicts("zero", 11), ["not observed", "available 0", "stable 0"]);
}

#[test]
fn a_quiet_time_is_stable() {
    let phases = phases();
    let mut memory = Memory::default();
    let last = phases["good2"].last().unwrap();
    let world = World {
        workload: Some(last.deployment.clone().into()),
        ..World::default()
    };
    let mut look = |after| judge(&applied(2), &world, &mut memory, at(after), &settings());
    assert_eq!(
        look(10.0),
        Verdict::Available {
            pods: 3,
            until: at(70.0)
        }
    );
    assert_eq!(
        look(69.9),
        Verdict::Available {
            pods: 3,
            until: at(70.0)
        }
    );
    assert_eq!(look(70.0), Verdict::Stable { pods: 3 });
}

#[test]
fn an_own_deadline_ends_a_controller_that_does_not_look() {
    let phases = phases();
    let first = &phases["good2"][0];
    let world = World {
        workload: Some(first.deployment.clone().into()),
        ..World::default()
    };
    let verdict = judge(
        &applied(2),
        &world,
        &mut Memory::default(),
        at(1000.0),
        &settings(),
    );
    let Verdict::Failed {
        cause,
        found: Found::OwnDeadline,
        ..
    } = verdict
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(cause.fault, Fault::NotObserved);
}

#[test]
fn another_object_of_the_same_name_is_not_ours() {
    let phases = phases();
    let last = phases["good2"].last().unwrap();
    let world = World {
        workload: Some(last.deployment.clone().into()),
        ..World::default()
    };
    let other = Applied {
        uid: "u2".into(),
        ..applied(2)
    };
    assert_eq!(
        judge(&other, &world, &mut Memory::default(), at(20.0), &settings()),
        Verdict::Gone
    );
    assert_eq!(
        judge(
            &applied(2),
            &World::default(),
            &mut Memory::default(),
            at(20.0),
            &settings()
        ),
        Verdict::Gone
    );
}

#[test]
fn a_lagging_cache_shows_the_past_not_another_deploy() {
    let phases = phases();
    let before = &phases["initial"].last().unwrap().deployment;
    let world = World {
        workload: Some(before.clone().into()),
        ..World::default()
    };
    let verdict = judge(&applied(2), &world, &mut Memory::default(), at(1.0), &settings());
    assert!(
        matches!(
            verdict,
            Verdict::Waiting {
                why: Why::NotObserved,
                ..
            }
        ),
        "{verdict:?}"
    );
}
