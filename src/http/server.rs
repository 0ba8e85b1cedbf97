//! Purpose: the HTTP server: routes merged, bodies limited, stopped gently.

use crate::{
    metrics,
    ready::{self, Check, Source},
};
use anyhow::Context;
use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;

/// How often recorded values are taken into the histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// An HTTP server that is being put together; [`run`](Self::run) runs it.
pub struct Server {
    listener: TcpListener,
    routes: Router,
    large: Vec<(Router, usize)>,
    sources: Vec<Source>,
    metrics: Option<metrics::Handle>,
    body_limit: usize,
    drain: Duration,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server on a listener that is already bound, so that whoever bound it knows the port.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            routes: Router::new(),
            large: Vec::new(),
            sources: Vec::new(),
            metrics: None,
            body_limit: 1024 * 1024,
            drain: Duration::from_secs(10),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves these routes too.
    ///
    /// # Panics
    /// When a path is already served, or a second fallback is brought: found when the program starts.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Serves these routes too, with a limit of their own for the bodies of their requests, in bytes.
    ///
    /// # Panics
    /// As [`routes`](Self::routes).
    #[must_use]
    pub fn routes_up_to(mut self, routes: Router, bytes: usize) -> Self {
        self.large.push((routes, bytes));
        self
    }

    /// `/readyz` asks this, too. It is called for each request, at the same time as the others, and should answer within
    /// three seconds from what is known, rather than try something costly.
    #[must_use]
    pub fn readiness<F, Fut>(mut self, look: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Check>> + Send + 'static,
    {
        self.sources.push(ready::source(look));
        self
    }

    /// `/metrics` tells what this counted.
    #[must_use]
    pub fn metrics(mut self, metrics: metrics::Handle) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// No request's body is larger than this, where no route says otherwise; the default is a mebibyte.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long open requests may take after the stop; the default is ten seconds.
    #[must_use]
    pub fn drain(mut self, at_most: Duration) -> Self {
        self.drain = at_most;
        self
    }

    /// Serves until `stop`, and then until the open requests are answered or the drain's time is over.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            listener,
            routes,
            large,
            sources,
            metrics,
            body_limit,
            drain,
        } = self;
        let upkeep = metrics.clone();
        let limited = |routes: Router, bytes| {
            routes
                .layer(DefaultBodyLimit::disable())
                .layer(RequestBodyLimitLayer::new(bytes))
        };
        let app = limited(app(routes, sources.into(), metrics, stop.clone()), body_limit);
        let app = large
            .into_iter()
            .fold(app, |app, (routes, bytes)| app.merge(limited(routes, bytes)));
        // Who asks is known by its address, to whoever counts requests.
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
        let mut serving = tokio::spawn(serving.into_future());
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            tokio::select! {
                done = &mut serving => return done.context("the HTTP server failed")?.context("the HTTP server failed"),
                () = stop.cancelled() => break,
                _ = ticks.tick() => if let Some(metrics) = &upkeep { metrics.upkeep() },
            }
        }
        match tokio::time::timeout(drain, &mut serving).await {
            Ok(done) => done
                .context("the HTTP server failed")?
                .context("the HTTP server failed"),
            Err(_) => {
                serving.abort();
                tracing::warn!(?drain, "open HTTP requests were cut off at the stop");
                Ok(())
            }
        }
    }
}

fn app(
    routes: Router,
    sources: Arc<[Source]>,
    metrics: Option<metrics::Handle>,
    stop: CancellationToken,
) -> Router {
    let mut app = Router::new().route("/healthz", get(|| async { "ok\n" })).route(
        "/readyz",
        get(move || ready::report(sources.clone(), stop.clone())),
    );
    if let Some(metrics) = metrics {
        let tell = move || {
            let text = metrics.render();
            async move {
                (
                    [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
                    text,
                )
            }
        };
        app = app.route("/metrics", get(tell));
    }
    app.merge(routes)
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
}

async fn nothing_here(uri: Uri) -> Response {
    let message = format!("nothing is served at {}", uri.path());
    (
        StatusCode::NOT_FOUND,
        Json(json!({"error": "not_found", "message": message})),
    )
        .into_response()
}

async fn not_that_way(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    (
        StatusCode::METHOD_NOT_ALLOWED,
        Json(json!({"error": "method_not_allowed", "message": message})),
    )
        .into_response()
}
