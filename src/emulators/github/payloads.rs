//! Purpose: what a webhook says of each event, and to which hooks it goes.

use super::{
    server::Shared,
    shapes::{Shapes, user},
    webhooks::Parcel,
    world::{Commit, Deployment, DeploymentStatus, Pull, Review, Run, Status, Suite, World},
};
use serde_json::{Value, json};

/// A branch has none before it is made and after it is deleted.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000";

/// Puts an event in the way to every hook of the repository that wants it.
pub(super) fn send(shared: &Shared, world: &mut World, repository: &str, event: &str, payload: Value) {
    let hooks = world
        .repositories
        .get(repository)
        .map_or_else(Vec::new, |repo| repo.hooks.clone());
    let body = payload.to_string();
    for hook in hooks {
        if hook.events.is_empty() || hook.events.iter().any(|wanted| wanted == event) {
            let parcel = Parcel {
                repository: repository.to_owned(),
                hook: hook.id,
                url: hook.url,
                secret: hook.secret,
                guid: uuid::Uuid::new_v4().to_string(),
                event: event.to_owned(),
                body: body.clone(),
                redelivery: false,
            };
            shared.send(world, parcel);
        }
    }
}

/// The same delivery once more, under the same id.
pub(super) fn again(shared: &Shared, world: &mut World, delivery: u64) -> Option<()> {
    let old = world.deliveries.iter().find(|old| old.id == delivery)?.clone();
    let hook = world
        .repositories
        .get(&old.repository)?
        .hooks
        .iter()
        .find(|hook| hook.id == old.hook)?;
    let parcel = Parcel {
        url: hook.url.clone(),
        secret: hook.secret.clone(),
        repository: old.repository,
        hook: old.hook,
        guid: old.guid,
        event: old.event,
        body: old.body,
        redelivery: true,
    };
    shared.send(world, parcel);
    Some(())
}

pub(super) fn push(
    shapes: Shapes<'_>,
    reference: &str,
    before: Option<&str>,
    after: Option<&str>,
    commits: &[&Commit],
    forced: bool,
) -> Value {
    let head = after.and_then(|sha| shapes.repo.graph.get(sha));
    let pusher = head.map_or("otus", |commit| commit.author.as_str());
    json!({
        "ref": reference, "before": before.unwrap_or(NOTHING), "after": after.unwrap_or(NOTHING),
        "created": before.is_none(), "deleted": after.is_none(), "forced": forced, "base_ref": null,
        "compare": format!("https://github.example.com/{}/compare", shapes.repo.full_name()),
        "commits": commits.iter().map(|commit| shapes.pushed(commit)).collect::<Vec<_>>(),
        "head_commit": head.map(|commit| shapes.pushed(commit)), "repository": shapes.repository(),
        "pusher": {"name": pusher, "email": format!("{pusher}@example.com")}, "sender": user(pusher),
    })
}

pub(super) fn status(shapes: Shapes<'_>, status: &Status) -> Value {
    // Branches that contain it anywhere, as GitHub lists them, at most ten.
    let graph = &shapes.repo.graph;
    let within = shapes
        .repo
        .branches
        .iter()
        .filter(|(_, head)| graph.ancestors(head).contains(status.sha.as_str()));
    let branches = within
        .take(10)
        .map(|(name, head)| json!({"name": name, "commit": {"sha": head}, "protected": false}));
    json!({
        "id": status.id, "sha": status.sha, "name": shapes.repo.full_name(), "context": status.context,
        "state": status.state, "description": status.description,
        "target_url": format!("https://ci.example.com/{}", status.id),
        "commit": graph.get(&status.sha).map(|commit| shapes.commit(commit)),
        "branches": branches.collect::<Vec<_>>(), "created_at": status.at, "updated_at": status.at,
        "repository": shapes.repository(), "sender": user("ci"),
    })
}

fn with_action(shapes: Shapes<'_>, action: &str, key: &str, value: Value, sender: &str) -> Value {
    let mut body = json!({"action": action, "repository": shapes.repository(), "sender": user(sender)});
    body[key] = value;
    body
}

pub(super) fn check_run(shapes: Shapes<'_>, action: &str, run: &Run) -> Value {
    with_action(
        shapes,
        action,
        "check_run",
        shapes.run(run),
        "github-actions[bot]",
    )
}

pub(super) fn check_suite(shapes: Shapes<'_>, action: &str, suite: &Suite) -> Value {
    with_action(
        shapes,
        action,
        "check_suite",
        shapes.suite(suite),
        "github-actions[bot]",
    )
}

pub(super) fn workflow_run(shapes: Shapes<'_>, action: &str, suite: &Suite) -> Value {
    let mut body = with_action(
        shapes,
        action,
        "workflow_run",
        shapes.workflow_run(suite),
        "github-actions[bot]",
    );
    body["workflow"] = json!({"id": 1, "name": "CI", "path": ".github/workflows/ci.yml", "state": "active"});
    body
}

pub(super) fn pull_request(shapes: Shapes<'_>, action: &str, pull: &Pull, before: Option<&str>) -> Value {
    let mut body = with_action(
        shapes,
        action,
        "pull_request",
        shapes.whole_pull(pull),
        &pull.author,
    );
    body["number"] = json!(pull.number);
    if let Some(before) = before {
        body["before"] = json!(before);
        body["after"] = json!(pull.head_sha);
    }
    body
}

pub(super) fn review(shapes: Shapes<'_>, pull: &Pull, review: &Review) -> Value {
    let mut body = with_action(
        shapes,
        "submitted",
        "pull_request",
        shapes.pull(pull),
        &review.user,
    );
    body["review"] = shapes.review(pull.number, review);
    // The API shouts a review's state, and a webhook whispers it.
    body["review"]["state"] = json!(review.state.to_ascii_lowercase());
    body
}

pub(super) fn deployment_status(
    shapes: Shapes<'_>,
    deployment: &Deployment,
    status: &DeploymentStatus,
) -> Value {
    let told = shapes.deployment_status(deployment, status);
    let mut body = with_action(shapes, "created", "deployment_status", told, "otus");
    body["deployment"] = shapes.deployment(deployment);
    body
}
