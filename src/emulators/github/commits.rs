//! Purpose: commits, branches, comparisons, and the checks of a commit.

use super::{
    answers::{Answer, Failure, Page, Query, answer, ok},
    routes::{of, within},
    server::Shared,
    world::Repo,
};
use axum::{
    extract::{Path, Query as Asked, State},
    http::{StatusCode, Uri},
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::sync::Arc;

type Server = State<Arc<Shared>>;

pub(super) async fn repository(State(shared): Server, Path((owner, repo)): Path<(String, String)>) -> Answer {
    within(&shared, &owner, &repo, |_, shapes| ok(&shapes.repository()))
}

fn sha(repo: &Repo, reference: &str) -> Result<String, Failure> {
    let commit = repo.resolve(reference);
    let unknown = || Failure::invalid(format!("No commit found for SHA: {reference}"));
    commit.map(|commit| commit.sha.clone()).ok_or_else(unknown)
}

pub(super) async fn list(
    State(shared): Server,
    Path((owner, repo)): Path<(String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let from = repo
            .resolve(of(&query, "sha").unwrap_or("main"))
            .ok_or_else(Failure::not_found)?;
        let mut log = repo.graph.log(&from.sha);
        log.retain(|commit| of(&query, "path").is_none_or(|path| commit.files.contains_key(path)));
        let (page, headers) = Page::new(&shared.url, uri.path(), &query).cut(log.into_iter());
        let page = page.into_iter().map(|commit| shapes.commit(commit)).collect();
        Ok((headers, answer(StatusCode::OK, &Value::Array(page))).into_response())
    })
}

pub(super) async fn one(
    State(shared): Server,
    Path((owner, repo, reference)): Path<(String, String, String)>,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let sha = sha(repo, &reference)?;
        let commit = repo.graph.get(&sha).ok_or_else(Failure::not_found)?;
        ok(&shapes.commit(commit))
    })
}

pub(super) async fn status(
    State(shared): Server,
    Path((owner, repo, reference)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let sha = sha(repo, &reference)?;
        let all = repo.statuses_of(&sha);
        let (page, headers) = Page::new(&shared.url, uri.path(), &query).cut(all.iter());
        let page: Vec<_> = page.into_iter().map(|status| shapes.status(status)).collect();
        Ok((
            headers,
            answer(StatusCode::OK, &shapes.combined(&sha, &page, &all)),
        )
            .into_response())
    })
}

pub(super) async fn runs(
    State(shared): Server,
    Path((owner, repo, reference)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let sha = sha(repo, &reference)?;
        let mut all = repo.runs_of(&sha, of(&query, "filter") != Some("all"));
        all.retain(|run| of(&query, "check_name").is_none_or(|name| run.name == name));
        all.retain(|run| of(&query, "status").is_none_or(|status| run.status == status));
        Page::new(&shared.url, uri.path(), &query).counted("check_runs", all, |run| shapes.run(run))
    })
}

pub(super) async fn suites(
    State(shared): Server,
    Path((owner, repo, reference)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let sha = sha(repo, &reference)?;
        let all: Vec<_> = repo.suites.iter().filter(|suite| suite.sha == sha).collect();
        Page::new(&shared.url, uri.path(), &query).counted("check_suites", all, |suite| shapes.suite(suite))
    })
}

pub(super) async fn branch(
    State(shared): Server,
    Path((owner, repo, branch)): Path<(String, String, String)>,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let head = repo.branches.get(&branch).and_then(|sha| repo.graph.get(sha));
        let head = head.ok_or_else(|| Failure(StatusCode::NOT_FOUND, "Branch not found".into()))?;
        ok(&json!({
            "name": branch, "commit": shapes.commit(head), "protected": repo.required.contains_key(&branch),
        }))
    })
}

pub(super) async fn rules(
    State(shared): Server,
    Path((owner, repo, branch)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, _| {
        let required = repo.required.get(&branch).into_iter().map(|names| {
            let checks: Vec<_> = names.iter().map(|name| json!({"context": name, "integration_id": 15_368})).collect();
            json!({
                "type": "required_status_checks", "ruleset_id": 1, "ruleset_source": repo.full_name(),
                "ruleset_source_type": "Repository",
                "parameters": {"required_status_checks": checks, "strict_required_status_checks_policy": false},
            })
        });
        // A rule of another kind, without parameters, is always there.
        let all = required.chain([json!({"type": "deletion", "ruleset_id": 1})]);
        Page::new(&shared.url, uri.path(), &query).list(all.collect())
    })
}

pub(super) async fn compare(
    State(shared): Server,
    Path((owner, repo, range)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let (base, head) = range.split_once("...").ok_or_else(Failure::not_found)?;
        let commit = |reference| repo.resolve(reference).ok_or_else(Failure::not_found);
        let (base, head) = (commit(base)?, commit(head)?);
        let between = repo.graph.compare(&base.sha, &head.sha);
        let between = between.ok_or_else(|| {
            let why = format!("No common ancestor between {} and {}.", base.sha, head.sha);
            Failure(StatusCode::NOT_FOUND, why)
        })?;
        let page = Page::of(&shared.url, uri.path(), &query, 250);
        let (commits, headers) = page.cut(between.ahead.iter());
        let commits: Vec<_> = commits
            .into_iter()
            .filter_map(|sha| repo.graph.get(sha))
            .map(|commit| shapes.commit(commit))
            .collect();
        let mut body = json!({
            "status": between.status, "ahead_by": between.ahead.len(), "behind_by": between.behind,
            "total_commits": between.ahead.len(), "base_commit": shapes.commit(base), "commits": commits,
            "merge_base_commit": repo.graph.get(&between.merge_base).map(|commit| shapes.commit(commit)),
            "html_url": format!("https://github.example.com/{}/compare/{range}", repo.full_name()),
        });
        if page.first() {
            body["files"] = Value::Array(repo.changed(&between.merge_base, &head.sha));
        }
        Ok((headers, answer(StatusCode::OK, &body)).into_response())
    })
}
