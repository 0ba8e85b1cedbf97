//! What slack-morphism's errors mean for a person, and for whether to try again. Never a word of an answer's body, which may
//! hold anything.

use std::{error::Error, time::Duration};

use slack_morphism::errors::SlackClientError;

use crate::{SlackError, error::Credential};

/// What to wait when Slack limits without saying for how long.
const UNSAID_RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) fn understand(
    host: &str,
    method: &'static str,
    credential: Credential,
    error: SlackClientError,
) -> SlackError {
    let unsure = |reason: String| SlackError::Unsure { method, reason };
    match error {
        SlackClientError::ApiError(error) => match error.code.as_str() {
            "ratelimited" | "rate_limited" => SlackError::RateLimited {
                method,
                retry_after: UNSAID_RETRY_AFTER,
            },
            // "Possible some aspect of the operation succeeded" (docs.slack.dev).
            "internal_error" | "fatal_error" => unsure(format!("Slack answered {}", error.code)),
            code => SlackError::refused(
                method,
                credential,
                code,
                error.errors.as_deref().unwrap_or_default(),
                error.http_response_body.as_deref(),
            ),
        },
        SlackClientError::RateLimitError(error) => SlackError::RateLimited {
            method,
            retry_after: error.retry_after.unwrap_or(UNSAID_RETRY_AFTER),
        },
        SlackClientError::HttpError(error) if error.status_code.is_server_error() => SlackError::Trouble {
            method,
            reason: error.status_code.to_string(),
        },
        SlackClientError::HttpError(error) => SlackError::Refused {
            method,
            code: error.status_code.to_string(),
            detail: String::new(),
        },
        SlackClientError::HttpProtocolError(error) => broken(host, method, error.cause),
        SlackClientError::SystemError(error) => broken(host, method, error.cause),
        // The parser's message may quote the answer; its kind does not.
        SlackClientError::ProtocolError(error) => unsure(format!(
            "the answer could not be read ({:?} error)",
            error.json_error.classify()
        )),
        SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            unsure("the answer ended early".to_owned())
        }
    }
}

fn broken(host: &str, method: &'static str, cause: Option<Box<dyn Error + Send + Sync>>) -> SlackError {
    let Some(cause) = cause else {
        return SlackError::Unsure {
            method,
            reason: "the connection broke".to_owned(),
        };
    };
    let never_sent = cause
        .downcast_ref::<hyper_util::client::legacy::Error>()
        .is_some_and(hyper_util::client::legacy::Error::is_connect);
    let mut deepest: &dyn Error = cause.as_ref();
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if never_sent {
        SlackError::Unreachable {
            host: host.to_owned(),
            reason: deepest.to_string(),
        }
    } else {
        SlackError::Unsure {
            method,
            reason: format!("the connection broke ({deepest})"),
        }
    }
}

/// A name for metrics: few and fixed.
pub(super) fn kind(error: &SlackError) -> &'static str {
    match error {
        SlackError::RateLimited { .. } => "rate_limited",
        SlackError::Unreachable { .. } => "unreachable",
        SlackError::Trouble { .. } => "trouble",
        SlackError::Unsure { .. } => "unsure",
        _ => "refused",
    }
}
