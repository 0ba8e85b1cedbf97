//! Purpose: GitHub's JSON: the same shapes in answers and in webhooks. Only what a client may rely on is there.

use super::world::{Commit, Delivery, Deployment, DeploymentStatus, Pull, Repo, Review, Run, Status, Suite};
use serde_json::{Value, json};

/// Writes the JSON of one repository's things; the addresses in it begin with the API's.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) api: &'a str,
    pub(super) repo: &'a Repo,
}

impl Shapes<'_> {
    fn url(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.api, self.repo.full_name())
    }

    pub(super) fn html(&self, rest: &str) -> String {
        format!("https://github.example.com/{}{rest}", self.repo.full_name())
    }

    pub(super) fn repository(&self) -> Value {
        json!({
            "id": self.repo.id, "name": self.repo.name, "full_name": self.repo.full_name(), "private": false,
            "owner": user(&self.repo.owner), "html_url": self.html(""), "url": self.url(""), "fork": false,
            "default_branch": "main",
        })
    }

    pub(super) fn commit(&self, commit: &Commit) -> Value {
        let person = json!({
            "name": commit.author, "email": format!("{}@example.com", commit.author), "date": commit.at,
        });
        let parents = commit
            .parents
            .iter()
            .map(|sha| json!({"sha": sha, "url": self.url(&format!("/commits/{sha}"))}));
        json!({
            "sha": commit.sha, "url": self.url(&format!("/commits/{}", commit.sha)),
            "html_url": self.html(&format!("/commit/{}", commit.sha)),
            "commit": {"author": person, "committer": person, "message": commit.message, "comment_count": 0},
            "author": user(&commit.author), "committer": user(&commit.author),
            "parents": parents.collect::<Vec<_>>(),
        })
    }

    /// A commit as a push tells it.
    pub(super) fn pushed(&self, commit: &Commit) -> Value {
        let person = json!({"name": commit.author, "email": format!("{}@example.com", commit.author), "username": commit.author});
        json!({
            "id": commit.sha, "tree_id": commit.sha, "distinct": true, "message": commit.message, "timestamp": commit.at,
            "url": self.html(&format!("/commit/{}", commit.sha)), "author": person, "committer": person,
            "added": [], "removed": [], "modified": [],
        })
    }

    pub(super) fn status(&self, status: &Status) -> Value {
        json!({
            "id": status.id, "state": status.state, "context": status.context, "description": status.description,
            "target_url": format!("https://ci.example.com/{}", status.id), "created_at": status.at,
            "updated_at": status.at, "url": self.url(&format!("/statuses/{}", status.sha)), "avatar_url": null,
        })
    }

    pub(super) fn combined(&self, sha: &str, page: &[Value], all: &[&Status]) -> Value {
        let state = if all
            .iter()
            .any(|status| matches!(status.state, "failure" | "error"))
        {
            "failure"
        } else if all.is_empty() || all.iter().any(|status| status.state == "pending") {
            "pending"
        } else {
            "success"
        };
        json!({
            "state": state, "statuses": page, "sha": sha, "total_count": all.len(), "repository": self.repository(),
            "commit_url": self.url(&format!("/commits/{sha}")), "url": self.url(&format!("/commits/{sha}/status")),
        })
    }

    pub(super) fn run(&self, run: &Run) -> Value {
        let suite = self.repo.suites.iter().find(|suite| suite.id == run.suite);
        json!({
            "id": run.id, "name": run.name, "head_sha": run.sha, "external_id": "", "status": run.status,
            "conclusion": run.conclusion, "started_at": run.started, "completed_at": run.completed,
            "url": self.url(&format!("/check-runs/{}", run.id)), "html_url": self.html(&format!("/runs/{}", run.id)),
            "details_url": format!("https://ci.example.com/runs/{}", run.id),
            "output": {"title": null, "summary": null, "text": null, "annotations_count": 0},
            "check_suite": suite.map(|suite| self.suite(suite)), "app": app(), "pull_requests": [],
        })
    }

    pub(super) fn suite(&self, suite: &Suite) -> Value {
        let (status, conclusion) = self.repo.suite_state(suite);
        json!({
            "id": suite.id, "head_branch": suite.branch, "head_sha": suite.sha, "status": status,
            "conclusion": conclusion, "url": self.url(&format!("/check-suites/{}", suite.id)), "app": app(),
            "created_at": suite.at, "updated_at": suite.at, "pull_requests": [],
            "head_commit": self.repo.graph.get(&suite.sha).map(|commit| self.pushed(commit)),
        })
    }

    pub(super) fn workflow_run(&self, suite: &Suite) -> Value {
        let (status, conclusion) = self.repo.suite_state(suite);
        json!({
            "id": suite.id, "name": "CI", "path": ".github/workflows/ci.yml", "event": "push", "workflow_id": 1,
            "head_branch": suite.branch, "head_sha": suite.sha, "status": status, "conclusion": conclusion,
            "run_number": 1, "run_attempt": 1, "check_suite_id": suite.id, "pull_requests": [],
            "html_url": self.html(&format!("/actions/runs/{}", suite.id)), "created_at": suite.at,
            "updated_at": suite.at, "repository": self.repository(), "head_repository": self.repository(),
            "head_commit": self.repo.graph.get(&suite.sha).map(|commit| self.pushed(commit)),
        })
    }

    pub(super) fn pull(&self, pull: &Pull) -> Value {
        let end = |branch: &str, sha: &str| {
            json!({
                "label": format!("{}:{branch}", self.repo.owner), "ref": branch, "sha": sha,
                "user": user(&self.repo.owner), "repo": self.repository(),
            })
        };
        let merged_at = pull.merged.as_ref().and(pull.closed);
        json!({
            "id": pull.id, "number": pull.number, "title": pull.title, "body": null, "user": user(&pull.author),
            "state": if pull.open { "open" } else { "closed" }, "draft": pull.draft, "locked": false,
            "url": self.url(&format!("/pulls/{}", pull.number)), "html_url": self.html(&format!("/pull/{}", pull.number)),
            "created_at": pull.created, "updated_at": pull.updated, "closed_at": pull.closed, "merged_at": merged_at,
            "merge_commit_sha": pull.merged.as_ref().map(|(_, sha)| sha), "labels": [], "requested_reviewers": [],
            "head": end(&pull.head, &pull.head_sha), "base": end(&pull.base, &pull.base_sha),
        })
    }

    /// With what only the answer about one pull request has.
    pub(super) fn whole_pull(&self, pull: &Pull) -> Value {
        let mut value = self.pull(pull);
        value["merged"] = json!(pull.merged.is_some());
        value["merged_by"] = json!(pull.merged.as_ref().map(|(who, _)| user(who)));
        value["mergeable"] = json!(pull.open.then_some(true));
        value["mergeable_state"] = json!(if pull.open { "clean" } else { "unknown" });
        let between = self.repo.graph.compare(&pull.base_sha, &pull.head_sha);
        value["commits"] = json!(between.map_or(0, |between| between.ahead.len()));
        value
    }

    pub(super) fn review(&self, number: u64, review: &Review) -> Value {
        json!({
            "id": review.id, "user": user(&review.user), "state": review.state, "body": "", "commit_id": review.sha,
            "submitted_at": review.at, "html_url": self.html(&format!("/pull/{number}#pullrequestreview-{}", review.id)),
        })
    }

    pub(super) fn deployment(&self, deployment: &Deployment) -> Value {
        let asked = |key: &str| deployment.asked.get(key).cloned().unwrap_or_default();
        json!({
            "id": deployment.id, "sha": deployment.sha, "ref": deployment.reference, "task": "deploy",
            "environment": deployment.environment, "original_environment": deployment.environment,
            "payload": asked("payload"), "description": asked("description"), "creator": user("otus"),
            "production_environment": asked("production_environment"),
            "transient_environment": asked("transient_environment"),
            "created_at": deployment.at, "updated_at": deployment.at,
            "url": self.url(&format!("/deployments/{}", deployment.id)),
            "statuses_url": self.url(&format!("/deployments/{}/statuses", deployment.id)),
        })
    }

    pub(super) fn deployment_status(&self, deployment: &Deployment, status: &DeploymentStatus) -> Value {
        let text = |key: &str| {
            status
                .asked
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        json!({
            "id": status.id, "state": status.state, "creator": user("otus"), "description": text("description"),
            "environment": deployment.environment, "target_url": text("log_url"), "log_url": text("log_url"),
            "environment_url": text("environment_url"), "created_at": status.at, "updated_at": status.at,
            "deployment_url": self.url(&format!("/deployments/{}", deployment.id)),
            "url": self.url(&format!("/deployments/{}/statuses/{}", deployment.id, status.id)),
        })
    }
}

pub(super) fn delivery(delivery: &Delivery) -> Value {
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    json!({
        "id": delivery.id, "guid": delivery.guid, "delivered_at": delivery.at, "redelivery": delivery.redelivery,
        "duration": 0.1, "status": delivery.status, "status_code": delivery.code, "event": delivery.event,
        "action": body.get("action"), "installation_id": null, "throttled_at": null,
        "repository_id": body.pointer("/repository/id"),
    })
}

pub(super) fn user(login: &str) -> Value {
    json!({"login": login, "id": number_of(login), "type": "User", "url": format!("https://github.example.com/{login}")})
}

fn app() -> Value {
    json!({"id": 15_368, "slug": "github-actions", "name": "GitHub Actions", "owner": user("github")})
}

/// The same login has the same number.
fn number_of(login: &str) -> u32 {
    login.bytes().fold(7u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    }) % 1_000_000
}
