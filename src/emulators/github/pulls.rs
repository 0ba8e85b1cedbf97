//! Purpose: pull requests and their reviews, to read.

use super::{
    answers::{Answer, Failure, Page, Query, ok},
    routes::{of, within},
    server::Shared,
    world::Pull,
};
use axum::{
    extract::{Path, Query as Asked, State},
    http::Uri,
};
use std::{cmp::Reverse, sync::Arc};

type Server = State<Arc<Shared>>;

pub(super) async fn list(
    State(shared): Server,
    Path((owner, repo)): Path<(String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let state = of(&query, "state").unwrap_or("open");
        let mut all: Vec<&Pull> = repo.pulls.iter().collect();
        all.retain(|pull| state == "all" || (state == "open") == pull.open);
        all.retain(|pull| of(&query, "base").is_none_or(|base| pull.base == base));
        let by_update = of(&query, "sort") == Some("updated");
        all.sort_by_key(|pull| (if by_update { pull.updated } else { pull.created }, pull.number));
        // Without a sort the newest come first.
        let ascending = of(&query, "direction").map_or(by_update, |direction| direction == "asc");
        if !ascending {
            all.reverse();
        }
        let all = all.into_iter().map(|pull| shapes.pull(pull)).collect();
        Page::new(&shared.url, uri.path(), &query).list(all)
    })
}

pub(super) async fn one(
    State(shared): Server,
    Path((owner, repo, number)): Path<(String, String, u64)>,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        ok(&shapes.whole_pull(repo.pull(number).ok_or_else(Failure::not_found)?))
    })
}

pub(super) async fn reviews(
    State(shared): Server,
    Path((owner, repo, number)): Path<(String, String, u64)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let pull = repo.pull(number).ok_or_else(Failure::not_found)?;
        let all = pull
            .reviews
            .iter()
            .map(|review| shapes.review(number, review))
            .collect();
        Page::new(&shared.url, uri.path(), &query).list(all)
    })
}

/// The one that brought the commit in, or those open ones that have it.
pub(super) async fn of_commit(
    State(shared): Server,
    Path((owner, repo, reference)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    within(&shared, &owner, &repo, |repo, shapes| {
        let commit = repo
            .resolve(&reference)
            .ok_or_else(|| Failure::invalid(format!("No commit found for SHA: {reference}")))?;
        let brought = |pull: &&Pull| {
            let own = repo.graph.compare(&pull.base_sha, &pull.head_sha);
            pull.merged.as_ref().is_some_and(|(_, sha)| *sha == commit.sha)
                || own.is_some_and(|own| own.ahead.contains(&commit.sha))
        };
        let mut all: Vec<&Pull> = repo.pulls.iter().filter(brought).collect();
        all.sort_by_key(|pull| Reverse(pull.merged.is_some()));
        Page::new(&shared.url, uri.path(), &query)
            .list(all.into_iter().map(|pull| shapes.pull(pull)).collect())
    })
}
