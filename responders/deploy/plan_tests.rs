//! What is said before a deploy.

use jiff::Timestamp;
use otus_kubernetes::{Running, Workload};

use crate::plan::Planned;
use crate::texts;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn running() -> Running {
    Running {
        container: "app".into(),
        image: "r.test/shop/api:v1".into(),
        version: Some("v1".into()),
        deploy: Some("d0".into()),
        last_deploy: Some("d0".into()),
        by: Some("ann".into()),
        since: Some(at("2026-11-22T09:00:00Z")),
        replicas: 3,
        ready: 3,
        updated: 3,
        settled: true,
        paused: false,
        waits: None,
        aborted: false,
        paused_by: None,
        previous: None,
        revision: None,
        uid: "u1".into(),
        generation: 1,
        selector: String::new(),
        owners: Vec::new(),
    }
}

fn planned(image: &str) -> Planned {
    Planned {
        workload: Workload {
            cluster: "default".into(),
            namespace: "shop".into(),
            kind: Default::default(),
            name: "api".into(),
            container: None,
            service: "api".into(),
        },
        uid: "u1".into(),
        version: image.rsplit(':').next().unwrap().into(),
        image: image.into(),
        previous: "r.test/shop/api:v1".into(),
        goes_on: false,
        force: false,
        before: None,
        prepared: Vec::new(),
        canary: None,
        gates: Default::default(),
        commit: None,
    }
}

fn warned(running: &Running, planned: &Planned, failed: Option<Timestamp>) -> String {
    let warnings = texts::warnings(running, planned, failed);
    otus::markup::plain(&warnings.join("\n"))
}

#[test]
fn what_stays_so_is_a_warning() {
    let next = planned("r.test/shop/api:v2");
    assert_eq!(warned(&running(), &next, None), "");
    let drifted = Running {
        image: "r.test/shop/api:hot".into(),
        deploy: None,
        by: Some("kubectl-set".into()),
        ..running()
    };
    insta::assert_snapshot!(warned(&drifted, &next, None), @"`kubectl-set` set `hot` after my last deploy, and this would undo that.");
    let never = Running {
        last_deploy: None,
        ..drifted
    };
    assert_eq!(
        warned(&never, &next, None),
        "",
        "the first deploy undoes nothing of anybody's"
    );
    let paused = Running {
        paused: true,
        paused_by: Some("kubectl-rollout".into()),
        replicas: 0,
        ..running()
    };
    let failed = Some(at("2026-11-21T08:00:00Z"));
    insta::assert_snapshot!(warned(&paused, &next, failed), @"
    The rollout is paused by `kubectl-rollout`: the new version starts when somebody lets it go on.
    0 replicas are wanted: no pod would run this version.
    `v2` failed here the last time, 2026-11-21 08:00 UTC.
    ");
    let ours = Planned {
        goes_on: true,
        ..next
    };
    assert!(
        !warned(&paused, &ours, None).contains("paused"),
        "it goes on by this deploy"
    );
}

#[test]
fn what_may_change_from_moment_to_moment_is_a_note() {
    let noted = |running: &Running, image: &str| texts::notes(running, &planned(image)).join("\n");
    let next = "r.test/shop/api:v2";
    assert_eq!(noted(&running(), next), "3 of 3 pods ready.");
    let unwell = Running {
        ready: 1,
        settled: false,
        ..running()
    };
    assert_eq!(noted(&unwell, next), "⚠️ Only 1 of 3 pods ready.");
    // A pod that flaps voids nothing.
    assert_eq!(
        warned(&unwell, &planned(next), None),
        warned(&running(), &planned(next), None)
    );
    assert_eq!(
        noted(&unwell, "r.test/shop/api:v1"),
        "⚠️ Only 1 of 3 pods ready.\nThis image is wanted already; I would follow its rollout."
    );
    let there = otus::markup::plain(&noted(&running(), "r.test/shop/api:v1"));
    insta::assert_snapshot!(there, @"It runs there since 2026-11-22 09:00 UTC, brought by `ann`: 3 of 3 pods ready. Nothing was changed.");
}

#[test]
fn images_are_short_where_nothing_else_differs() {
    let of = |from: &str, to: &str| texts::from_to(from, to);
    assert_eq!(
        of("r.test/api:v1", "r.test/api:v2"),
        ("`v1`".into(), "`v2`".into())
    );
    assert_eq!(
        of("r.test/api:v1", "other.test/api:v2"),
        ("`r.test/api:v1`".into(), "`other.test/api:v2`".into())
    );
}
