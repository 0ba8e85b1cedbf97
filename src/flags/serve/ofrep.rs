//! Purpose: evaluation over HTTP, as OFREP 0.3.0 has it (open-feature/protocol, `service/openapi.yaml`).
//!
//! A context need not say who it is: server-side SDKs ask for flags that are the same for everybody, as flagd lets them. The
//! ETag of a bulk answer covers what this context gets, so it changes when, and only when, that does.

use super::{
    Serving,
    access::{Access, Client},
};
use crate::{
    evaluate::{Context, ErrorCode, Evaluator},
    service::Stage,
    service::{Live, etag},
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, header},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{cell::RefCell, sync::Arc, time::Duration};

/// The largest body that is read, in bytes. A context is a few hundred.
const MOST: usize = 128 * 1024;

/// How long a client that knows of something newer waits for this replica to have it.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Another replica's clock may be ahead by so much, in seconds.
const SKEW: i64 = 60;

thread_local! {
    static EVALUATOR: RefCell<Evaluator> = RefCell::default();
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

/// What a client knows from the event stream.
#[derive(Deserialize)]
pub(super) struct Hints {
    #[serde(rename = "flagConfigEtag")]
    etag: Option<String>,
}

pub(super) async fn single(
    State(serving): State<Arc<Serving>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response<Body> {
    let client = match serving.client(&headers, &extensions) {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    let context = match read(&body) {
        Ok(context) => context,
        Err((code, why)) => {
            return json_answer(StatusCode::BAD_REQUEST, failure(Some(&key), code, &why));
        }
    };
    let live = serving.flags.set(&client.set);
    let Some((live, flag)) = live
        .as_ref()
        .and_then(|live| Some((live, live.set().flag(&key)?)))
    else {
        let why = format!("there is no flag `{key}`");
        return json_answer(
            StatusCode::NOT_FOUND,
            failure(Some(&key), ErrorCode::FlagNotFound, &why),
        );
    };
    let now = serving.flags.now();
    let mut text = String::with_capacity(256);
    let outcome = EVALUATOR.with_borrow_mut(|evaluator| evaluator.evaluate(live.set(), flag, &context, now));
    flag.write(&outcome, &mut text);
    let status = match outcome {
        crate::Outcome::Error(..) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    json_answer(status, text)
}

pub(super) async fn bulk(
    State(serving): State<Arc<Serving>>,
    Query(hints): Query<Hints>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response<Body> {
    let client = match serving.client(&headers, &extensions) {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    let context = match read(&body) {
        Ok(context) => context,
        Err((code, why)) => return json_answer(StatusCode::BAD_REQUEST, failure(None, code, &why)),
    };
    let told = hints.etag.as_deref().and_then(Stage::from_name);
    let reached = match told {
        Some(told) => serving.flags.reach(&client.set, told.revision, CATCH_UP).await,
        None => true,
    };
    let Some(live) = serving.flags.set(&client.set) else {
        // A set that nobody wrote to yet has no flags.
        return answer(&serving, client, "[]", "", &headers, reached);
    };
    let now = moment(&live, told, serving.flags.now());
    let flags = evaluate_all(&live, &context, now);
    let metadata = &live.set().document().metadata;
    let metadata = if metadata.is_empty() {
        String::new()
    } else {
        json!(metadata).to_string()
    };
    answer(&serving, client, &flags, &metadata, &headers, reached)
}

/// What a context gets of all flags, as a list in JSON.
pub(crate) fn evaluate_all(live: &Live, context: &Context, now: i64) -> String {
    let set = live.set();
    let mut text = String::with_capacity(set.flags().len() * 160 + 16);
    text.push('[');
    EVALUATOR.with_borrow_mut(|evaluator| {
        for flag in set.flags() {
            if text.len() > 1 {
                text.push(',');
            }
            flag.write(&evaluator.evaluate(set, flag, context, now), &mut text);
        }
    });
    text.push(']');
    text
}

/// The moment to evaluate for: now, or a little later when the client was told of a tick by a replica whose clock is ahead. Else it would
/// be answered from before that tick, and might never hear of it again.
fn moment(live: &Live, told: Option<Stage>, now: i64) -> i64 {
    let Some(told) = told.filter(|told| told.revision == live.kept().revision) else {
        return now;
    };
    let clock = live.set().clock();
    let mut moment = now;
    while clock.ticks(moment) < told.ticks {
        match clock.next(moment) {
            Some(next) if next - now <= SKEW => moment = next,
            _ => return now,
        }
    }
    moment
}

fn answer(
    serving: &Serving,
    client: &Client,
    flags: &str,
    metadata: &str,
    headers: &HeaderMap,
    reached: bool,
) -> Response<Body> {
    let channel = Access::channel(client, serving.flags.now());
    let metadata = if metadata.is_empty() {
        String::new()
    } else {
        format!(",\"metadata\":{metadata}")
    };
    let text = format!(
        "{{\"flags\":{flags}{metadata},\"eventStreams\":[{{\"type\":\"sse\",\"endpoint\":{{\"requestUri\":\"/ofrep/v1/events?channel={channel}\"}},\"inactivityDelaySec\":120}}]}}"
    );
    let etag = etag(text.as_bytes());
    // Who knows of something newer than this replica has is not told that nothing changed.
    if reached && matches(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        tag(&mut response, &etag);
        return response;
    }
    let mut response = json_answer(StatusCode::OK, text);
    tag(&mut response, &etag);
    response
}

/// Whether a request says that it has this already (RFC 9110, section 13.1.2; the weak comparison).
pub(super) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == etag)
}

pub(super) fn tag(response: &mut Response<Body>, etag: &str) {
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

fn read(body: &[u8]) -> Result<Context, (ErrorCode, String)> {
    if body.len() > MOST {
        return Err((
            ErrorCode::InvalidContext,
            format!("a context is not larger than {MOST} bytes"),
        ));
    }
    let asked: Asked<'_> = serde_json::from_slice(body).map_err(|error| {
        (
            ErrorCode::ParseError,
            format!("the body is no JSON object with a `context`: {error}"),
        )
    })?;
    // The official providers leave it out when there is none.
    match asked.context {
        None => Ok(Context::empty()),
        Some(context) => {
            Context::from_json(context.get()).map_err(|fault| (ErrorCode::InvalidContext, fault.to_string()))
        }
    }
}

fn failure(key: Option<&str>, code: ErrorCode, why: &str) -> String {
    let mut failure = json!({"errorCode": code.name(), "errorDetails": why});
    if let Some(key) = key {
        failure["key"] = key.into();
    }
    failure.to_string()
}

pub(super) fn json_answer(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(super) fn empty(status: StatusCode, retry_after: Option<u64>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

impl Serving {
    /// Who asks, or the refusal.
    #[expect(clippy::result_large_err, reason = "it is what is answered")]
    pub(super) fn client(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<&Client, Response<Body>> {
        match self.access.by_headers(headers) {
            Some(client) => self.admitted(client, extensions),
            None => Err(self.stranger(extensions)),
        }
    }

    #[expect(clippy::result_large_err, reason = "it is what is answered")]
    pub(super) fn admitted<'c>(
        &self,
        client: &'c Client,
        extensions: &Extensions,
    ) -> Result<&'c Client, Response<Body>> {
        match self.limits.client(&client.name, extensions) {
            Ok(()) => Ok(client),
            Err(seconds) => Err(empty(StatusCode::TOO_MANY_REQUESTS, Some(seconds))),
        }
    }

    pub(super) fn stranger(&self, extensions: &Extensions) -> Response<Body> {
        match self.limits.stranger(extensions) {
            Ok(()) => empty(StatusCode::UNAUTHORIZED, None),
            Err(seconds) => empty(StatusCode::TOO_MANY_REQUESTS, Some(seconds)),
        }
    }
}
