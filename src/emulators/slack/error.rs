//! How the Web API says no, and how the emulator tells a test that it asked for something impossible.

use serde_json::{Map, Value, json};

/// A Web API failure: HTTP 200 with `ok: false`, as Slack answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    /// `response_metadata.messages`, where Slack explains.
    pub(crate) messages: Vec<String>,
    pub(crate) extra: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            messages: Vec::new(),
            extra: Map::new(),
        }
    }

    pub(crate) fn invalid_arguments(message: impl Into<String>) -> Self {
        Self {
            messages: vec![message.into()],
            ..Self::new("invalid_arguments")
        }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::invalid_arguments(format!("[ERROR] missing required field: {field}"))
    }

    pub(crate) fn missing_scope(needed: &str, provided: &str) -> Self {
        let mut error = Self::new("missing_scope");
        error.extra.insert("needed".into(), needed.into());
        error.extra.insert("provided".into(), provided.into());
        error
    }

    /// `invalid_blocks`, with the place of each fault as a JSON pointer.
    pub(crate) fn invalid_blocks(messages: Vec<String>) -> Self {
        let mut error = Self::new("invalid_blocks");
        error.extra.insert("errors".into(), json!(messages));
        Self { messages, ..error }
    }

    pub(crate) fn into_body(self) -> Map<String, Value> {
        let mut body = self.extra;
        body.insert("ok".into(), false.into());
        body.insert("error".into(), self.code.into());
        if !self.messages.is_empty() {
            body.insert("response_metadata".into(), json!({ "messages": self.messages }));
        }
        body
    }
}

/// What a method gives: the members of its answer besides `ok`.
pub(crate) type Answer = Result<Map<String, Value>, ApiError>;

/// Turns `json!({…})` into an answer.
pub(crate) fn answer(value: Value) -> Answer {
    match value {
        Value::Object(map) => Ok(map),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

/// A test, or a person in the demo, asked the emulated Slack for something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No person has that name or id.
    #[error("nobody here is called {name:?}; known people: {known}")]
    NoSuchUser {
        /// What was asked for.
        name: String,
        /// Who there is, comma-separated.
        known: String,
    },
    /// No channel has that name or id.
    #[error("there is no channel {name:?}; known channels: {known}")]
    NoSuchChannel {
        /// What was asked for.
        name: String,
        /// What there is, comma-separated.
        known: String,
    },
    /// No message has that timestamp.
    #[error("there is no message {0}")]
    NoSuchMessage(String),
    /// The message has no such button or other element.
    #[error("message {ts} has no element {wanted:?}; it has: {known}")]
    NoSuchElement {
        /// The message (or view).
        ts: String,
        /// The label or action id asked for.
        wanted: String,
        /// The labels and action ids there are.
        known: String,
    },
    /// The person has no modal open.
    #[error("{0} has no view open")]
    NoViewOpen(String),
    /// An event that was never sent, or so long ago that it is forgotten.
    #[error("event {0:?} was never sent, or is forgotten by now")]
    NoSuchEvent(String),
    /// The person may not do that.
    #[error("{0}")]
    NotAllowed(String),
    /// The server could not be started, or a request URL not reached.
    #[error("{0}")]
    Network(String),
}
