//! What CircleCI and Buildkite say.

use crate::sender::{A, NOW, Way, changed, event, expect, payload, told};
use serde_json::{Value, json};

fn circleci(file: &str, changes: &[(&str, Value)]) -> Value {
    event(
        Way::Circleci,
        "x",
        &changed(payload(&format!("circleci/{file}")), changes),
    )
}

#[test]
fn circleci_workflows_and_jobs() {
    assert_eq!(
        circleci("workflow", &[]),
        json!({
            "event": "checked", "repo": "acme/api", "sha": A, "branch": "main", "fork": false, "kind": "workflow",
            "name": "build-test", "state": "success",
            "url": "https://app.circleci.com/pipelines/github/acme/api/130/workflows/fda08377",
            "image": null, "digest": null,
        })
    );
    for (status, expected) in [
        ("failed", "failure"),
        ("error", "failure"),
        ("unauthorized", "failure"),
        ("canceled", "cancelled"),
        ("new", "unknown"),
    ] {
        expect(
            &circleci("workflow", &[("/workflow/status", json!(status))]),
            &[("state", json!(expected))],
        );
    }
    expect(
        &circleci("job", &[]),
        &[
            ("repo", json!("acme/api")),
            ("kind", json!("job")),
            ("name", json!("test")),
            ("state", json!("failure")),
            ("sha", json!(A)),
            // It is not told whose.
            ("branch", Value::Null),
        ],
    );
    let body = serde_json::to_vec(&payload("circleci/job")).unwrap();
    let delivery = Way::Circleci
        .send("x", &body, NOW)
        .read(&Way::Circleci.hook(), NOW)
        .unwrap();
    assert_eq!(delivery.id, "ci:8bd71c28-4969-3677-8940-3e3a61c46daf");
}

#[test]
fn circleci_forks_and_tags() {
    let fork = (
        "/pipeline/vcs/origin_repository_url",
        json!("https://github.com/mallory/api"),
    );
    expect(
        &circleci("workflow", &[fork]),
        &[
            ("repo", json!("acme/api")),
            ("branch", Value::Null),
            ("fork", json!(true)),
        ],
    );
    let mut tag = payload("circleci/workflow");
    tag["pipeline"]["vcs"].as_object_mut().unwrap().remove("branch");
    tag["pipeline"]["vcs"]["tag"] = json!("v1");
    expect(
        &event(Way::Circleci, "x", &tag),
        &[("branch", Value::Null), ("fork", json!(false))],
    );
    let neither = changed(payload("circleci/workflow"), &[("/pipeline/vcs", Value::Null)]);
    assert_eq!(told(Way::Circleci, "x", &neither).unwrap_err().status(), 422);
}

fn buildkite(changes: &[(&str, Value)]) -> Value {
    event(
        Way::BuildkiteSigned,
        "x",
        &changed(payload("buildkite/finished"), changes),
    )
}

#[test]
fn buildkite_builds() {
    assert_eq!(
        buildkite(&[]),
        json!({
            "event": "checked", "repo": "acme/api", "sha": A, "branch": "main", "fork": false, "kind": "workflow",
            "name": "api", "state": "success", "url": "https://buildkite.com/acme/api/builds/23",
            "image": null, "digest": null,
        })
    );
    for (state, expected) in [
        ("running", "pending"),
        ("failing", "pending"),
        ("blocked", "pending"),
        ("failed", "failure"),
        ("canceled", "cancelled"),
        ("not_run", "cancelled"),
        ("skipped", "cancelled"),
        ("new", "unknown"),
    ] {
        expect(
            &buildkite(&[("/build/state", json!(state))]),
            &[("state", json!(expected))],
        );
    }
    expect(
        &buildkite(&[("/build/tag", json!("v1"))]),
        &[("branch", Value::Null)],
    );
    let early = changed(payload("buildkite/finished"), &[("/build/commit", json!("HEAD"))]);
    assert!(
        told(Way::BuildkiteSigned, "x", &early)
            .unwrap_err()
            .is_ignorable()
    );
}

#[test]
fn buildkite_forks() {
    let pull = |remote: Value| {
        (
            "/build/pull_request",
            json!({ "id": "7", "base": "main", "repository": remote }),
        )
    };
    expect(
        &buildkite(&[pull(json!("git://github.com/acme/api.git"))]),
        &[("branch", json!("main")), ("fork", json!(false))],
    );
    for remote in [json!("git://github.com/mallory/api.git"), Value::Null, json!("")] {
        expect(
            &buildkite(&[pull(remote)]),
            &[("branch", Value::Null), ("fork", json!(true))],
        );
    }
}

#[test]
fn buildkite_tells_repeats_from_a_build_that_ran_again() {
    let id = |changes: &[(&str, Value)]| {
        let body = serde_json::to_vec(&changed(payload("buildkite/finished"), changes)).unwrap();
        let way = Way::BuildkiteSigned;
        way.send("x", &body, NOW).read(&way.hook(), NOW).unwrap().id
    };
    assert_eq!(id(&[]), id(&[]));
    assert_eq!(id(&[]).matches("f62a1b4d").count(), 1);
    assert_ne!(
        id(&[]),
        id(&[("/build/finished_at", json!("2026-11-15T13:00:00Z"))])
    );
    let running = [
        ("/event", json!("build.running")),
        ("/build/state", json!("running")),
        ("/build/finished_at", Value::Null),
    ];
    assert!(id(&running).ends_with(":running"));
}
