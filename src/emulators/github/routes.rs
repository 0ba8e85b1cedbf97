//! Purpose: which address is answered by whom, and what they share.

use super::{
    answers::{Answer, Failure, Query},
    app, commits, deliveries, deployments, files, pulls,
    server::Shared,
    shapes::Shapes,
    world::Repo,
};
use axum::{
    Router,
    routing::{get, post},
};
use std::sync::Arc;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/app/installations/{id}/access_tokens", post(app::token))
        .route("/repos/{owner}/{repo}", get(commits::repository))
        .route("/repos/{owner}/{repo}/commits", get(commits::list))
        .route("/repos/{owner}/{repo}/commits/{reference}", get(commits::one))
        .route(
            "/repos/{owner}/{repo}/commits/{reference}/status",
            get(commits::status),
        )
        .route(
            "/repos/{owner}/{repo}/commits/{reference}/check-runs",
            get(commits::runs),
        )
        .route(
            "/repos/{owner}/{repo}/commits/{reference}/check-suites",
            get(commits::suites),
        )
        .route(
            "/repos/{owner}/{repo}/commits/{reference}/pulls",
            get(pulls::of_commit),
        )
        .route("/repos/{owner}/{repo}/contents", get(files::root))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(files::contents))
        .route("/repos/{owner}/{repo}/git/blobs/{sha}", get(files::blob))
        .route("/repos/{owner}/{repo}/branches/{*branch}", get(commits::branch))
        .route(
            "/repos/{owner}/{repo}/rules/branches/{*branch}",
            get(commits::rules),
        )
        .route("/repos/{owner}/{repo}/compare/{*range}", get(commits::compare))
        .route("/repos/{owner}/{repo}/pulls", get(pulls::list))
        .route("/repos/{owner}/{repo}/pulls/{number}", get(pulls::one))
        .route(
            "/repos/{owner}/{repo}/pulls/{number}/reviews",
            get(pulls::reviews),
        )
        .route(
            "/repos/{owner}/{repo}/deployments",
            get(deployments::list).post(deployments::create),
        )
        .route(
            "/repos/{owner}/{repo}/deployments/{id}/statuses",
            get(deployments::statuses).post(deployments::tell),
        )
        .route(
            "/repos/{owner}/{repo}/hooks/{hook}/deliveries",
            get(deliveries::list),
        )
        .route(
            "/repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}",
            get(deliveries::one),
        )
        .route(
            "/repos/{owner}/{repo}/hooks/{hook}/deliveries/{id}/attempts",
            post(deliveries::again),
        )
        .route("/search/code", get(files::search))
        .route("/app/hook/deliveries", get(deliveries::of_app))
        .route(
            "/app/hook/deliveries/{id}/attempts",
            post(deliveries::again_of_app),
        )
}

/// Does something with a repository, or answers 404.
pub(super) fn within(
    shared: &Shared,
    owner: &str,
    repo: &str,
    ask: impl FnOnce(&Repo, Shapes<'_>) -> Answer,
) -> Answer {
    let world = shared.world();
    let repo = world
        .repositories
        .get(&key(owner, repo))
        .ok_or_else(Failure::not_found)?;
    ask(
        repo,
        Shapes {
            api: &shared.url,
            repo,
        },
    )
}

/// GitHub's names are the same in any case.
pub(super) fn key(owner: &str, repo: &str) -> String {
    format!("{owner}/{repo}").to_ascii_lowercase()
}

pub(super) fn of<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}
