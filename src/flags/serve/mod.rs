//! Purpose: flags over HTTP, for any OpenFeature SDK and any flagd.
//!
//! | path | answers |
//! |---|---|
//! | `POST /ofrep/v1/evaluate/flags/{key}` | what a context gets of one flag (OFREP 0.3) |
//! | `POST /ofrep/v1/evaluate/flags` | what it gets of all, with an ETag, and where to listen for changes |
//! | `GET /ofrep/v1/events` | the changes, as server-sent events (OFREP's ADR-0008) |
//! | `GET /flags/{set}.json` | the document itself, with an ETag, for flagd's HTTP sync |
//!
//! A client is told by its token, and gets the one set that this token is for. What nobody configured is served to nobody.

mod access;
mod config;
mod limit;
mod ofrep;
mod stream;
mod sync;

pub use config::{ClientConfig, ConfigFault, FlagsConfig, SetConfig, read_seed};
#[cfg(test)]
pub(crate) use ofrep::evaluate_all;

use crate::service::Flags;
use access::Access;
use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    routing::{get, post},
};
use limit::Limits;
use std::{sync::Arc, time::Duration};
use stream::Streams;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it may do.
const CORS_AGE: Duration = Duration::from_secs(7_200);

/// What every request is answered from.
struct Serving {
    flags: Arc<Flags>,
    access: Access,
    limits: Limits,
    streams: Streams,
}

/// The routes, for the program's server. Streams end at `stop`. Addresses are told apart where the server gives them
/// (`ConnectInfo<SocketAddr>`); where it does not, a client's limit is one for all who use its token.
pub fn routes(flags: Arc<Flags>, config: &FlagsConfig, stop: CancellationToken) -> Router {
    let serving = Arc::new(Serving {
        flags,
        access: Access::new(&config.clients),
        limits: Limits::new(config.requests_per_second),
        streams: Streams::new(
            config.streams,
            Duration::from_secs(config.heartbeat_seconds.max(1).into()),
            stop,
        ),
    });
    let evaluation = Router::new()
        .route(
            "/ofrep/v1/evaluate/flags/{key}",
            post(ofrep::single).options(preflight),
        )
        .route("/ofrep/v1/evaluate/flags", post(ofrep::bulk).options(preflight))
        .route("/ofrep/v1/events", get(stream::events).options(preflight))
        .layer(cors(&config.origins));
    evaluation
        .route("/flags/{file}", get(sync::document))
        .with_state(serving)
}

/// A browser that asks what it may is answered by the layer around this. It is a route of its own, since a server that has an answer for
/// methods that are not allowed would put that in the layer's place.
async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Which pages may ask. What an origin may not be is left out; a star means all.
fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(CORS_AGE)
}
