//! What GitHub says, event by event.

use crate::sender::{A, B, C, Way, ZEROS, changed, event, expect, payload, told};
use serde_json::{Value, json};

fn github(name: &str, changes: &[(&str, Value)]) -> Value {
    event(
        Way::Github,
        name,
        &changed(payload(&format!("github/{name}")), changes),
    )
}

#[test]
fn the_id_is_the_deliverys() {
    let body = serde_json::to_vec(&payload("github/push")).unwrap();
    let delivery = Way::Github
        .send("push", &body, 0)
        .read(&Way::Github.hook(), 0)
        .unwrap();
    assert_eq!(delivery.id, "ci:72d3162e-cc78-11e3-81ab-4c9367dc0958");
}

#[test]
fn a_push() {
    assert_eq!(
        github("push", &[]),
        json!({
            "event": "pushed", "repo": "acme/api", "branch": "main", "before": B, "after": A,
            "deleted": false, "forced": false, "by": "ann",
        })
    );
    let new = github(
        "push",
        &[
            ("/ref", json!("refs/heads/a/b")),
            ("/before", json!(ZEROS)),
            ("/forced", json!(true)),
        ],
    );
    expect(
        &new,
        &[
            ("branch", json!("a/b")),
            ("before", Value::Null),
            ("forced", json!(true)),
        ],
    );
    let gone = github("push", &[("/after", json!(ZEROS)), ("/deleted", json!(true))]);
    expect(
        &gone,
        &[
            ("after", Value::Null),
            ("deleted", json!(true)),
            ("before", json!(B)),
        ],
    );
    let tag = changed(payload("github/push"), &[("/ref", json!("refs/tags/v1"))]);
    assert!(told(Way::Github, "push", &tag).unwrap_err().is_ignorable());
}

#[test]
fn a_pull_request() {
    assert_eq!(
        github("pull_request", &[]),
        json!({
            "event": "pull_changed", "repo": "acme/api", "number": 12, "action": "opened",
            "head": { "branch": "faster", "sha": A }, "base": { "branch": "main", "sha": B }, "fork": false,
            "merged": false, "merge_sha": null, "author": "ann", "by": "bob", "title": "Faster",
            "url": "https://github.com/acme/api/pull/12", "draft": false,
        })
    );
    let merged = github(
        "pull_request",
        &[
            ("/action", json!("closed")),
            ("/pull_request/merged", json!(true)),
        ],
    );
    expect(
        &merged,
        &[
            ("action", json!("closed")),
            ("merged", json!(true)),
            ("merge_sha", json!(C)),
        ],
    );
    let closed = github("pull_request", &[("/action", json!("closed"))]);
    expect(&closed, &[("merged", json!(false)), ("merge_sha", Value::Null)]);
    for (action, expected) in [
        ("reopened", "reopened"),
        ("synchronize", "synchronized"),
        ("ready_for_review", "ready_for_review"),
        ("converted_to_draft", "converted_to_draft"),
        ("edited", "edited"),
        ("review_requested", "review_requested"),
    ] {
        expect(
            &github("pull_request", &[("/action", json!(action))]),
            &[("action", json!(expected))],
        );
    }
    for fork in [json!({ "id": 8, "full_name": "acme/api" }), Value::Null] {
        expect(
            &github("pull_request", &[("/pull_request/head/repo", fork)]),
            &[("fork", json!(true))],
        );
    }
}

#[test]
fn a_review() {
    assert_eq!(
        github("pull_request_review", &[]),
        json!({
            "event": "reviewed", "repo": "acme/api", "number": 12, "title": "Faster", "author": "ann", "by": "bob",
            "state": "approved", "sha": A, "url": "https://github.com/acme/api/pull/12#pullrequestreview-80",
        })
    );
    for (action, state, expected) in [
        ("submitted", "changes_requested", "changes_requested"),
        ("submitted", "commented", "commented"),
        ("dismissed", "dismissed", "dismissed"),
    ] {
        let told = github(
            "pull_request_review",
            &[("/action", json!(action)), ("/review/state", json!(state))],
        );
        expect(&told, &[("state", json!(expected))]);
    }
    let edited = changed(
        payload("github/pull_request_review"),
        &[("/action", json!("edited"))],
    );
    assert!(
        told(Way::Github, "pull_request_review", &edited)
            .unwrap_err()
            .is_ignorable()
    );
}

#[test]
fn checks() {
    assert_eq!(
        github("workflow_run", &[]),
        json!({
            "event": "checked", "repo": "acme/api", "sha": A, "branch": "main", "fork": false, "kind": "workflow",
            "name": "CI", "state": "success", "url": "https://github.com/acme/api/actions/runs/30",
            "image": null, "digest": null,
        })
    );
    expect(
        &github("check_run", &[]),
        &[
            ("kind", json!("job")),
            ("name", json!("test (stable)")),
            ("state", json!("success")),
            ("branch", Value::Null),
        ],
    );
    expect(
        &github(
            "check_run",
            &[
                ("/check_run/status", json!("in_progress")),
                ("/action", json!("created")),
            ],
        ),
        &[("state", json!("pending"))],
    );
    expect(
        &github("check_suite", &[]),
        &[
            ("kind", json!("suite")),
            ("name", json!("GitHub Actions")),
            ("state", json!("failure")),
            ("branch", Value::Null),
        ],
    );
    for (event, action) in [("check_run", "rerequested"), ("check_suite", "requested")] {
        let body = changed(payload(&format!("github/{event}")), &[("/action", json!(action))]);
        assert!(
            told(Way::Github, event, &body).unwrap_err().is_ignorable(),
            "{event}"
        );
    }
}

/// A fork calls its branch `main`, and its run is green.
#[test]
fn a_forks_main_is_not_ours() {
    let fork = json!({ "id": 8, "full_name": "mallory/api", "fork": true });
    for head in [fork.clone(), Value::Null] {
        let told = github("workflow_run", &[("/workflow_run/head_repository", head)]);
        expect(
            &told,
            &[("branch", Value::Null), ("fork", json!(true)), ("sha", json!(A))],
        );
    }
    // By the same name, after one was renamed or deleted: the number tells them apart.
    let same_name = json!({ "id": 8, "full_name": "acme/api" });
    let told = github("workflow_run", &[("/workflow_run/head_repository", same_name)]);
    expect(&told, &[("branch", Value::Null), ("fork", json!(true))]);
    expect(
        &github("check_suite", &[("/check_suite/head_repository", fork)]),
        &[("branch", Value::Null), ("fork", json!(true))],
    );
    expect(
        &github(
            "check_suite",
            &[("/check_suite/head_repository", json!({ "id": 7 }))],
        ),
        &[("branch", json!("main")), ("fork", json!(false))],
    );
}

#[test]
fn a_commit_status() {
    expect(
        &github("status", &[]),
        &[
            ("kind", json!("job")),
            ("name", json!("ci/build")),
            ("branch", json!("main")),
            ("url", json!("https://ci.example.com/61")),
            ("state", json!("success")),
        ],
    );
    for (state, expected) in [
        ("pending", "pending"),
        ("failure", "failure"),
        ("error", "failure"),
        ("new", "unknown"),
    ] {
        expect(
            &github("status", &[("/state", json!(state))]),
            &[("state", json!(expected))],
        );
    }
    // A commit that is on no branch of this repository: a fork's.
    expect(
        &github("status", &[("/branches", json!([]))]),
        &[("branch", Value::Null)],
    );
    // The newest of two branches at once.
    let head = |name: &str| json!({ "name": name, "commit": { "sha": A } });
    let both = changed(
        payload("github/status"),
        &[("/branches", json!([head("main"), head("release")]))],
    );
    let events = serde_json::to_value(told(Way::Github, "status", &both).unwrap()).unwrap();
    assert_eq!(
        (&events[0]["branch"], &events[1]["branch"]),
        (&json!("main"), &json!("release"))
    );
}

#[test]
fn a_deployment() {
    assert_eq!(
        github("deployment_status", &[]),
        json!({
            "event": "deployed", "repo": "acme/api", "sha": A, "environment": "production", "number": 40,
            "state": "success", "by": "otus[bot]", "url": "https://ci.example.com/deploys/50",
        })
    );
    for (state, expected) in [
        ("queued", "queued"),
        ("in_progress", "running"),
        ("error", "failure"),
        ("inactive", "inactive"),
        ("new", "unknown"),
    ] {
        let told = github("deployment_status", &[("/deployment_status/state", json!(state))]);
        expect(&told, &[("state", json!(expected))]);
    }
}

#[test]
fn what_could_mislead_is_refused_or_left_out() {
    for (event, pointer, wrong) in [
        ("push", "/after", json!("a/../../b")),
        ("push", "/repository/full_name", json!("acme/../evil")),
        ("workflow_run", "/workflow_run/head_sha", json!("abc")),
        ("workflow_run", "/workflow_run/head_sha", json!(ZEROS)),
    ] {
        let body = changed(payload(&format!("github/{event}")), &[(pointer, wrong)]);
        let refusal = told(Way::Github, event, &body).unwrap_err();
        assert_eq!(refusal.status(), 422, "{refusal}");
    }
    let told = github(
        "workflow_run",
        &[("/workflow_run/html_url", json!("javascript:alert(1)"))],
    );
    expect(&told, &[("url", Value::Null)]);
}
