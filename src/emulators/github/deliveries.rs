//! Purpose: what was delivered to a hook and what was not, and asking for it again. Pages go by a cursor, not by number.

use super::{
    answers::{Answer, Failure, Query, answer, ok},
    payloads,
    routes::{key, of},
    server::Shared,
    shapes,
    world::{Delivery, World},
};
use axum::{
    extract::{Path, Query as Asked, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::sync::Arc;

type Server = State<Arc<Shared>>;

fn page(
    shared: &Shared,
    world: &World,
    uri: &Uri,
    query: &Query,
    wanted: impl Fn(&Delivery) -> bool,
) -> Answer {
    let per_page = of(query, "per_page")
        .and_then(|text| text.parse().ok())
        .unwrap_or(30usize)
        .clamp(1, 100);
    let before = of(query, "cursor")
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(u64::MAX);
    let wanted = |delivery: &&Delivery| {
        let failed = !(200..300).contains(&delivery.code);
        let status = of(query, "status").is_none_or(|status| (status == "failure") == failed);
        delivery.id < before && status && wanted(delivery)
    };
    let mut all: Vec<_> = world
        .deliveries
        .iter()
        .rev()
        .filter(wanted)
        .take(per_page + 1)
        .collect();
    let mut headers = HeaderMap::new();
    if all.len() > per_page {
        all.truncate(per_page);
        let last = all.last().map_or(0, |delivery| delivery.id);
        let next = format!(
            "<{}{}?per_page={per_page}&cursor={last}>; rel=\"next\"",
            shared.url,
            uri.path()
        );
        headers.insert(
            header::LINK,
            HeaderValue::try_from(next).map_err(|_| Failure::not_found())?,
        );
    }
    let all = all.into_iter().map(shapes::delivery).collect();
    Ok((headers, answer(StatusCode::OK, &Value::Array(all))).into_response())
}

fn has_hook(world: &World, name: &str, hook: u64) -> Result<(), Failure> {
    let repo = world.repositories.get(name).ok_or_else(Failure::not_found)?;
    repo.hooks
        .iter()
        .find(|known| known.id == hook)
        .map(drop)
        .ok_or_else(Failure::not_found)
}

pub(super) async fn list(
    State(shared): Server,
    Path((owner, repo, hook)): Path<(String, String, u64)>,
    Asked(query): Asked<Query>,
    uri: Uri,
) -> Answer {
    let (world, name) = (shared.world(), key(&owner, &repo));
    has_hook(&world, &name, hook)?;
    page(&shared, &world, &uri, &query, |delivery| {
        delivery.repository == name && delivery.hook == hook
    })
}

pub(super) async fn one(
    State(shared): Server,
    Path((owner, repo, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    let (world, name) = (shared.world(), key(&owner, &repo));
    has_hook(&world, &name, hook)?;
    let found = world
        .deliveries
        .iter()
        .find(|delivery| delivery.id == id && delivery.hook == hook);
    let found = found.ok_or_else(Failure::not_found)?;
    let mut body = shapes::delivery(found);
    let payload: Value = serde_json::from_str(&found.body).unwrap_or_default();
    body["request"] = json!({
        "headers": {"X-GitHub-Delivery": found.guid, "X-GitHub-Event": found.event}, "payload": payload,
    });
    body["response"] = json!({"headers": {}, "payload": null});
    ok(&body)
}

pub(super) async fn again(
    State(shared): Server,
    Path((owner, repo, hook, id)): Path<(String, String, u64, u64)>,
) -> Answer {
    let mut world = shared.world();
    has_hook(&world, &key(&owner, &repo), hook)?;
    payloads::again(&shared, &mut world, id).ok_or_else(Failure::not_found)?;
    Ok(answer(StatusCode::ACCEPTED, &json!({})))
}

/// All that was delivered: the emulated App has every repository's hooks for its own.
pub(super) async fn of_app(State(shared): Server, Asked(query): Asked<Query>, uri: Uri) -> Answer {
    page(&shared, &shared.world(), &uri, &query, |_| true)
}

pub(super) async fn again_of_app(State(shared): Server, Path(id): Path<u64>) -> Answer {
    payloads::again(&shared, &mut shared.world(), id).ok_or_else(Failure::not_found)?;
    Ok(answer(StatusCode::ACCEPTED, &json!({})))
}
