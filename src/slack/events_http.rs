//! The other way in: events, slash commands and interactions as HTTP requests from Slack, verified by their signature
//! over the raw body, answered as soon as they are safe, before any work.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use otus_core::Receipt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use slack_morphism::signature_verifier::{SlackEventSignatureVerifier, SlackEventSignatureVerifierError};
use tokio::{sync::oneshot, time::timeout};
use tower_http::limit::RequestBodyLimitLayer;

use crate::{SlackError, listener::Listener};

/// Slack's payloads are far smaller; what is larger is not read.
const MOST_BYTES: usize = 1 << 20;

/// Slack waits three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);

struct Entrance {
    verifier: SlackEventSignatureVerifier,
    listener: Arc<Listener>,
}

/// The routes Slack calls: `POST /slack/events`, `/slack/commands` and `/slack/interactions`. All three understand
/// everything, so that one address for all will do.
pub(crate) fn router(secret: &SecretString, listener: Arc<Listener>) -> Router {
    let verifier = SlackEventSignatureVerifier::new(&secret.expose_secret().to_owned().into());
    Router::new()
        .route("/slack/events", post(receive))
        .route("/slack/commands", post(receive))
        .route("/slack/interactions", post(receive))
        .layer(RequestBodyLimitLayer::new(MOST_BYTES))
        .with_state(Arc::new(Entrance { verifier, listener }))
}

async fn receive(State(entrance): State<Arc<Entrance>>, headers: HeaderMap, body: Bytes) -> Response {
    let body = match entrance.verified(&headers, &body) {
        Ok(body) => body,
        Err(error) => {
            metrics::counter!("otus_slack_http_refused_total").increment(1);
            tracing::warn!(%error, "a request to Slack's address was refused");
            return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
        }
    };
    if !entrance.listener.is_open() {
        // Slack brings it again, to another replica or to the next start.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let read = if form {
        read_form(body)
    } else {
        serde_json::from_str(body).ok().map(|value| ("events_api", value))
    };
    let Some((kind, payload)) = read else {
        metrics::counter!("otus_slack_frames_unread_total", "why" => "http body").increment(1);
        // Its words stay out of the log: a form carries the address to answer by.
        tracing::warn!(bytes = body.len(), form, "a signed request could not be read");
        return StatusCode::BAD_REQUEST.into_response();
    };
    if kind == "events_api" && payload["type"] == "url_verification" {
        return payload["challenge"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
            .into_response();
    }
    let retry = headers
        .get("x-slack-retry-num")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    let listener = Arc::clone(&entrance.listener);
    // The signature tells deliveries apart where the payload has no id of its own.
    let delivery = header_text(&headers, SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER).to_owned();
    let (given, safe) = oneshot::channel();
    let receipt = Receipt::new(move || {
        // Nobody waits any more: Slack has been answered without it.
        let _ = given.send(());
    });
    tokio::spawn(async move { listener.take(kind, &delivery, retry, &payload, receipt).await });
    match timeout(PATIENCE, safe).await {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        // Slack brings an event again, and only that; anything else it would show its user as failed.
        _ if kind == "events_api" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => StatusCode::OK.into_response(),
    }
}

impl Entrance {
    fn verified<'a>(&self, headers: &HeaderMap, body: &'a Bytes) -> Result<&'a str, SlackError> {
        let signature = header_text(headers, SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER);
        let time = header_text(headers, SlackEventSignatureVerifier::SLACK_SIGNED_TIMESTAMP);
        if signature.is_empty() || time.is_empty() {
            return Err(SlackError::Untrusted("it is not signed"));
        }
        let body = std::str::from_utf8(body).map_err(|_| SlackError::Untrusted("its body is not text"))?;
        self.verifier.verify(signature, body, time).map_err(|error| {
            SlackError::Untrusted(match error {
                SlackEventSignatureVerifierError::IncorrectOrExpiredTimestampError(_) => {
                    "its time is more than five minutes away; if Slack sent it, this machine's clock is wrong"
                }
                _ => "its signature is wrong; if Slack sent it, slack.signing_secret is",
            })
        })?;
        Ok(body)
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Slash commands are forms; interactions are forms with JSON in one field.
fn read_form(body: &str) -> Option<(&'static str, Value)> {
    let fields: Map<String, Value> = url::form_urlencoded::parse(body.as_bytes())
        .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
        .collect();
    match fields.get("payload").and_then(Value::as_str) {
        Some(payload) => Some(("interactive", serde_json::from_str(payload).ok()?)),
        None if fields.contains_key("command") => Some(("slash_commands", Value::Object(fields))),
        None => None,
    }
}
