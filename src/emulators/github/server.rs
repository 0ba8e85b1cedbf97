//! Purpose: what every call goes through: faults, who may, the rate limit, then its handler, `ETag` and 304.

use super::{
    answers::{Failure, answer, etag},
    app,
    faults::Fault,
    routes,
    webhooks::Parcel,
    world::{Delivery, World},
};
use crate::slack::wire::{Line, Wires};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The state behind its lock, and who is waiting for what.
#[derive(Debug)]
pub(super) struct Shared {
    world: Mutex<World>,
    /// Where it is reached, without a slash at the end.
    pub(super) url: String,
    pub(super) parcels: Notify,
    /// How many webhooks are not yet delivered or recorded as failed.
    pub(super) under_way: watch::Sender<usize>,
    pub(super) wires: Arc<Wires>,
}

impl Shared {
    pub(super) fn new(url: String) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::default(),
            url,
            parcels: Notify::new(),
            under_way: watch::Sender::new(0),
            wires: Arc::default(),
        })
    }

    /// A panic of one test's closure must not take the others' GitHub down.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn send(&self, world: &mut World, parcel: Parcel) {
        world.parcels.push_back(parcel);
        self.under_way.send_modify(|count| *count += 1);
        self.parcels.notify_one();
    }

    /// The next webhook, whether it is to be lost, and how many times it is to be sent.
    pub(super) fn next_parcel(&self) -> Option<(Parcel, bool, u32)> {
        let mut world = self.world();
        if world.orders.hold {
            return None;
        }
        let parcel = world.parcels.pop_front()?;
        let lost = world.orders.lose > 0;
        let again = !lost && world.orders.repeat > 0;
        world.orders.lose -= u32::from(lost);
        world.orders.repeat -= u32::from(again);
        Some((parcel, lost, 1 + u32::from(again)))
    }

    pub(super) fn record(&self, delivery: impl FnOnce(u64, Timestamp) -> Delivery) {
        let mut world = self.world();
        let (id, now) = (world.id(), world.now());
        world.deliveries.push(delivery(id, now));
    }

    pub(super) fn delivered(&self) {
        self.under_way
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    routes::router()
        .fallback(|| async { Failure::not_found() })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), every_call))
        .with_state(shared)
}

async fn every_call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
    next: Next,
) -> Response {
    let address = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let call = format!("{} {address}", request.method());
    let fault = shared.world().faults.take(&call);
    match &fault {
        Some(Fault::Slow(how_long)) => tokio::time::sleep(*how_long).await,
        Some(Fault::Drop) => return broken(&shared, &line, call).await,
        _ => {}
    }
    let response = match fault.as_ref().and_then(instead) {
        Some(response) => response,
        None => served(&shared, request, next).await,
    };
    if fault == Some(Fault::LoseAnswer) {
        return broken(&shared, &line, call).await;
    }
    shared.world().calls.push((call, response.status().as_u16()));
    response
}

/// Closes the connection without an answer.
async fn broken(shared: &Shared, line: &Line, call: String) -> Response {
    shared.world().calls.push((call, 0));
    line.0.reset();
    std::future::pending().await
}

/// What is answered in place of what was asked for.
fn instead(fault: &Fault) -> Option<Response> {
    let told = |status: u16, message: &str| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer(
            status,
            &json!({"message": message, "documentation_url": "https://docs.github.com/rest"}),
        )
    };
    match fault {
        Fault::Status(status) => Some(told(*status, "An ordered failure")),
        Fault::SecondaryLimit(after) => {
            let mut response = told(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
            if let Some(seconds) = after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(response)
        }
        Fault::Garbage => Some(axum::response::Html("<html>Please log in</html>").into_response()),
        Fault::Redirect(status, to) => {
            let mut response = told(*status, "Moved");
            if let Ok(to) = HeaderValue::try_from(to) {
                response.headers_mut().insert(header::LOCATION, to);
            }
            Some(response)
        }
        Fault::Drop | Fault::LoseAnswer | Fault::Slow(_) => None,
    }
}

async fn served(shared: &Arc<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let credentials = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credentials = credentials.unwrap_or_default().to_owned();
    let wanted = request.headers().get(header::IF_NONE_MATCH).cloned();
    let reads = request.method() == Method::GET;
    {
        let mut world = shared.world();
        if let Err(failure) = app::authorised(&world, &path, &credentials) {
            return failure.into_response();
        }
        let now = world.now();
        world.limits.turn(now);
        if world.limits.exhausted() {
            let message = "API rate limit exceeded for the emulated user.";
            let mut response = Failure(StatusCode::FORBIDDEN, message.into()).into_response();
            world.limits.write(response.headers_mut());
            return response;
        }
    }
    let response = next.run(request).await;
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut unchanged = false;
    if reads && parts.status == StatusCode::OK {
        let tag = etag(&body);
        unchanged = wanted.is_some_and(|wanted| wanted == tag.as_str());
        if let Ok(tag) = HeaderValue::try_from(tag) {
            parts.headers.insert(header::ETAG, tag);
        }
    }
    let mut world = shared.world();
    if !unchanged {
        world.limits.count();
    }
    world.limits.write(&mut parts.headers);
    parts.headers.insert(
        "x-github-media-type",
        HeaderValue::from_static("github.v3; format=json"),
    );
    if unchanged {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}
