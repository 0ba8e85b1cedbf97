//! The HTTP server, and the state behind its lock.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State as FromState},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::{Map, Value};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    args::Args,
    control,
    delivery::{Out, Timer},
    error::ApiError,
    faults::Fault,
    files_http, http_events,
    journal::{Call, What},
    methods, socket,
    state::State,
    wire::{Line, Wires},
};

/// No Web API call needs more; uploads do.
const MAX_BODY: usize = 4 << 20;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    timer: Notify,
    pub(crate) wires: Arc<Wires>,
    pub(crate) stop: CancellationToken,
    pub(crate) ping_every: Duration,
    pub(crate) base_url: String,
}

impl Shared {
    pub(crate) fn new(state: State, base_url: String, ping_every: Duration) -> Self {
        Self {
            state: Mutex::new(state),
            changed: watch::channel(0).0,
            timer: Notify::new(),
            wires: Arc::default(),
            stop: CancellationToken::new(),
            ping_every,
            base_url,
        }
    }

    /// The only way to the state. Whoever waits for a change is told, and timers and HTTP deliveries set by `act` start.
    pub(crate) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut State) -> T) -> T {
        let (result, last, timers_changed, outbox) = {
            let mut state = self.lock();
            let result = act(&mut state);
            let timers_changed = std::mem::take(&mut state.delivery.timers_changed);
            let outbox = std::mem::take(&mut state.delivery.http_outbox);
            (result, state.journal.last(), timers_changed, outbox)
        };
        self.changed.send_if_modified(|n| {
            let newer = *n < last;
            *n = last.max(*n);
            newer
        });
        if timers_changed {
            self.timer.notify_one();
        }
        for delivery in outbox {
            tokio::spawn(http_events::deliver(Arc::clone(self), delivery));
        }
        result
    }

    pub(crate) fn look<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panicking predicate of a test must not hide behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The host frames name.
    pub(crate) fn host(&self) -> String {
        "applink-emulator-1".to_owned()
    }
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/link/", get(socket::upgrade))
        .route("/upload/v1/{ticket}", post(files_http::upload))
        .route("/files-pri/{id}/{*name}", get(files_http::download))
        .route(
            "/actions/{interaction}/{secret}",
            post(super::response_url::respond),
        )
        .nest("/emulator", control::router())
        .with_state(shared)
}

/// Retries, ack deadlines and planned closes, when they are due.
pub(crate) async fn run_timers(shared: Arc<Shared>) {
    loop {
        let next = shared.with(|st| {
            let now = Instant::now();
            while let Some(timer) = st.delivery.due(now) {
                fire(st, timer);
            }
            st.delivery.next_timer()
        });
        let sleep = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            () = shared.timer.notified() => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

fn fire(st: &mut State, timer: Timer) {
    match timer {
        Timer::AckDeadline(envelope) => {
            let reason = if st.delivery.request_url.is_some() {
                "http_timeout"
            } else {
                "timeout"
            };
            st.unacked(&envelope, reason, true);
        }
        Timer::Retry {
            parcel,
            attempt,
            reason,
        } => {
            let failed = st.delivery.send(parcel, attempt, reason, &mut st.journal);
            st.failed(failed);
        }
        Timer::Refresh(id) => {
            st.delivery.disconnect(
                Some(id),
                "refresh_requested",
                "applink-emulator-1",
                Some(st.options.close_after),
            );
        }
        Timer::Close(id) => st.delivery.tell(id, Out::Close),
    }
}

/// `ANY /api/<method>`
async fn call(
    FromState(shared): FromState<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let known = methods::find(&method);
    let args = Args::read(
        &parts.method,
        &parts.headers,
        parts.uri.query(),
        &body,
        known.is_none_or(|m| m.json),
    );
    let fault = shared.with(|st| st.faults.take(&method));
    if let Some(delay) = fault.as_ref().and_then(Fault::delay) {
        tokio::time::sleep(delay).await;
    }
    let record = |args: Map<String, Value>, status: u16, error: Option<String>| {
        What::Call(Call {
            method: method.clone(),
            args,
            status,
            error,
        })
    };
    let broken = |status: u16, args: Result<Args, ApiError>| {
        let args = args.map(Args::into_map).unwrap_or_default();
        shared.with(|st| st.journal.add(record(args, status, None)));
    };
    match &fault {
        Some(Fault::Hang) => {
            broken(0, args);
            shared.stop.cancelled().await;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some(Fault::Reset) => {
            broken(0, args);
            line.0.reset();
            return std::future::pending().await;
        }
        Some(Fault::Status(status)) => {
            broken(*status, args);
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return (
                status,
                "upstream connect error or disconnect/reset before headers",
            )
                .into_response();
        }
        Some(Fault::Garbage) => {
            broken(200, args);
            return "<html>We are having trouble</html>".into_response();
        }
        _ => {}
    }
    let reply = shared.with(|st| {
        let reply = methods::run(st, &method, known, args, fault.as_ref());
        let error = reply.body.get("error").and_then(Value::as_str).map(str::to_owned);
        st.journal.add(record(
            reply.args,
            if fault == Some(Fault::LoseAnswer) {
                0
            } else {
                reply.status
            },
            error,
        ));
        (
            reply.body,
            reply.status,
            reply.retry_after,
            st.options.scopes.join(","),
        )
    });
    if fault == Some(Fault::LoseAnswer) {
        line.0.reset();
        return std::future::pending().await;
    }
    let (body, status, retry_after, scopes) = reply;
    let mut response = Response::new(Body::from(Value::Object(body).to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if let Ok(scopes) = HeaderValue::try_from(scopes) {
        headers.insert("x-oauth-scopes", scopes);
    }
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
