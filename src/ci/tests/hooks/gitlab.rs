//! What GitLab says, event by event.

use crate::sender::{A, B, C, NOW, Way, ZEROS, changed, event, expect, payload, told};
use serde_json::{Value, json};

fn gitlab(name: &str, file: &str, changes: &[(&str, Value)]) -> Value {
    event(
        Way::GitlabSigned,
        name,
        &changed(payload(&format!("gitlab/{file}")), changes),
    )
}

fn pipeline(changes: &[(&str, Value)]) -> Value {
    gitlab("Pipeline Hook", "pipeline", changes)
}

fn merge(changes: &[(&str, Value)]) -> Value {
    gitlab("Merge Request Hook", "merge_request", changes)
}

#[test]
fn gitlab_push() {
    assert_eq!(
        gitlab("Push Hook", "push", &[]),
        json!({
            "event": "pushed", "repo": "shop/core/api", "branch": "main", "before": B, "after": A,
            "deleted": false, "forced": null, "by": "ann",
        })
    );
    expect(
        &gitlab("Push Hook", "push", &[("/after", json!(ZEROS))]),
        &[("deleted", json!(true)), ("after", Value::Null)],
    );
}

#[test]
fn gitlab_pipeline() {
    assert_eq!(
        pipeline(&[]),
        json!({
            "event": "checked", "repo": "shop/core/api", "sha": A, "branch": "main", "fork": false,
            "kind": "workflow", "name": "pipeline", "state": "success",
            "url": "https://gitlab.example.com/shop/core/api/-/pipelines/31", "image": null, "digest": null,
        })
    );
    let named = pipeline(&[
        ("/object_attributes/name", json!("nightly")),
        ("/object_attributes/url", json!("https://gitlab.example.com/p/1")),
    ]);
    expect(
        &named,
        &[
            ("name", json!("nightly")),
            ("url", json!("https://gitlab.example.com/p/1")),
        ],
    );
    for (status, expected) in [
        ("running", "pending"),
        ("manual", "pending"),
        ("failed", "failure"),
        ("canceled", "cancelled"),
        ("skipped", "cancelled"),
        ("new", "unknown"),
    ] {
        expect(
            &pipeline(&[("/object_attributes/status", json!(status))]),
            &[("state", json!(expected))],
        );
    }
    expect(
        &pipeline(&[("/object_attributes/tag", json!(true))]),
        &[("branch", Value::Null)],
    );
}

#[test]
fn gitlab_pipelines_of_merge_requests() {
    let source = |id: Value| {
        (
            "/merge_request",
            json!({ "iid": 16, "source_project_id": id, "target_project_id": 15 }),
        )
    };
    let event = ("/object_attributes/source", json!("merge_request_event"));
    expect(
        &pipeline(&[source(json!(15)), event.clone()]),
        &[("branch", json!("main")), ("fork", json!(false))],
    );
    // A fork's main, or a fork that is gone.
    for id in [json!(16), Value::Null] {
        expect(
            &pipeline(&[source(id), event.clone()]),
            &[("branch", Value::Null), ("fork", json!(true))],
        );
    }
    // For a merge request that is not told.
    expect(
        &pipeline(std::slice::from_ref(&event)),
        &[("branch", Value::Null)],
    );
    let reference = ("/object_attributes/ref", json!("refs/merge-requests/16/head"));
    expect(
        &pipeline(&[source(json!(15)), event, reference]),
        &[("branch", Value::Null)],
    );
}

#[test]
fn gitlab_merge_request() {
    assert_eq!(
        merge(&[]),
        json!({
            "event": "pull_changed", "repo": "shop/core/api", "number": 16, "action": "opened",
            "head": { "branch": "faster", "sha": A }, "base": { "branch": "main", "sha": null }, "fork": false,
            "merged": false, "merge_sha": null, "author": "ann", "by": "ann", "title": "Faster",
            "url": "https://gitlab.example.com/shop/core/api/-/merge_requests/16", "draft": false,
        })
    );
    let action = |action: &str| ("/object_attributes/action", json!(action));
    let merged = ("/object_attributes/state", json!("merged"));
    let made = ("/object_attributes/merge_commit_sha", json!(C));
    expect(
        &merge(&[action("merge"), merged.clone(), made]),
        &[
            ("action", json!("closed")),
            ("merged", json!(true)),
            ("merge_sha", json!(C)),
            ("author", Value::Null),
        ],
    );
    let squashed = ("/object_attributes/squash_commit_sha", json!(B));
    expect(
        &merge(&[action("merge"), merged.clone(), squashed]),
        &[("merge_sha", json!(B))],
    );
    expect(&merge(&[action("merge"), merged]), &[("merge_sha", json!(A))]);
    expect(
        &merge(&[action("close")]),
        &[("action", json!("closed")), ("merged", json!(false))],
    );
    expect(
        &merge(&[action("update"), ("/object_attributes/oldrev", json!(B))]),
        &[("action", json!("synchronized"))],
    );
    let draft = |current: bool| {
        (
            "/changes/draft",
            json!({ "previous": !current, "current": current }),
        )
    };
    expect(
        &merge(&[action("update"), draft(false)]),
        &[("action", json!("ready_for_review"))],
    );
    expect(
        &merge(&[action("update"), draft(true)]),
        &[("action", json!("converted_to_draft"))],
    );
    expect(&merge(&[action("update")]), &[("action", json!("edited"))]);
    expect(
        &merge(&[
            action("update"),
            ("/changes/reviewers", json!({ "previous": [], "current": [{}] })),
        ]),
        &[("action", json!("review_requested"))],
    );
    for fork in [json!(99), Value::Null] {
        expect(
            &merge(&[("/object_attributes/source_project_id", fork)]),
            &[("fork", json!(true))],
        );
    }
    expect(
        &merge(&[action("approved")]),
        &[
            ("event", json!("reviewed")),
            ("state", json!("approved")),
            ("by", json!("ann")),
            ("number", json!(16)),
        ],
    );
    expect(&merge(&[action("unapproval")]), &[("state", json!("dismissed"))]);
}

#[test]
fn gitlab_deployment() {
    assert_eq!(
        gitlab("Deployment Hook", "deployment", &[]),
        json!({
            "event": "deployed", "repo": "shop/core/api", "sha": A, "environment": "staging", "number": 15,
            "state": "success", "by": "ann", "url": "https://gitlab.example.com/shop/core/api/-/jobs/796",
        })
    );
    let short = changed(
        payload("gitlab/deployment"),
        &[("/commit_url", json!("https://x/-/commit/a0000000"))],
    );
    assert_eq!(
        told(Way::GitlabToken, "Deployment Hook", &short)
            .unwrap_err()
            .status(),
        422
    );
}

#[test]
fn gitlab_has_its_id_in_one_of_three_headers() {
    let body = serde_json::to_vec(&payload("gitlab/push")).unwrap();
    let sent = Way::GitlabToken.send("Push Hook", &body, NOW);
    let hook = Way::GitlabToken.hook();
    assert_eq!(sent.read(&hook, NOW).unwrap().id, "ci:f5e5f430");
    let mut older = sent.without("Idempotency-Key");
    assert_eq!(older.read(&hook, NOW).unwrap_err().status(), 400);
    older
        .headers
        .push(("X-Gitlab-Event-UUID".into(), b"13792a34".to_vec()));
    assert_eq!(older.read(&hook, NOW).unwrap().id, "ci:13792a34");
}
