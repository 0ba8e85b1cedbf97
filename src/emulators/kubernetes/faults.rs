//! Failures a test orders.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::status::ApiError;

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The answer is this status, and nothing is done.
    Status {
        /// 401, 403, 404, 409, 410, 422, 429, 500, 503, 504 …
        code: u16,
        /// Seconds for the Retry-After header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// No answer, ever; nothing is done.
    Hang,
    /// It waits until [`Cluster::release`](super::Cluster::release) or `POST /emulator/release`, and is done then.
    Hold,
    /// The connection breaks before anything is done.
    Reset,
    /// It is done, and then the connection breaks: the caller cannot know.
    LoseAnswer,
    /// A watch is cut as soon as it has begun.
    CutWatch,
    /// A watch tells an error with this status as its first event, as the server does with 410.
    WatchError {
        /// The status, 410 or 500.
        code: u16,
    },
}

impl Fault {
    /// An answer of this status.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: None,
        }
    }

    /// 429 with Retry-After.
    #[must_use]
    pub fn too_many(retry_after: u64) -> Self {
        Self::Status {
            code: 429,
            retry_after: Some(retry_after),
        }
    }

    fn only_watches(&self) -> bool {
        matches!(self, Self::CutWatch | Self::WatchError { .. })
    }
}

#[derive(Debug)]
struct Order {
    /// Empty for any.
    method: String,
    /// What the path with its query contains.
    path: String,
    fault: Fault,
    left: u32,
}

/// What is ordered and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Faults(VecDeque<Order>);

impl Faults {
    pub(crate) fn order(&mut self, method: &str, path: &str, fault: Fault, times: u32) {
        let (method, path) = (method.to_ascii_uppercase(), path.to_owned());
        self.0.push_back(Order {
            method,
            path,
            fault,
            left: times,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault this request meets, if any; it is used up by that.
    pub(crate) fn meet(&mut self, method: &str, path: &str, is_watch: bool) -> Option<Fault> {
        let order = self.0.iter_mut().find(|order| {
            order.left > 0
                && (order.method.is_empty() || order.method == method)
                && path.contains(&order.path)
                && (is_watch || !order.fault.only_watches())
        })?;
        order.left -= 1;
        let fault = order.fault.clone();
        self.0.retain(|order| order.left > 0);
        Some(fault)
    }
}

/// The error the server would answer with this status.
pub(crate) fn error(code: u16, retry_after: Option<u64>) -> ApiError {
    let (reason, message) = match code {
        400 => (
            "BadRequest",
            "the server rejected our request for an unknown reason",
        ),
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: User \"otus\" cannot do this"),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => (
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "too old resource version: 1 (100)"),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        429 => (
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        _ => (
            "InternalError",
            "an error on the server has prevented the request from succeeding",
        ),
    };
    let mut error = ApiError::new(code, reason, message);
    error.retry_after = retry_after;
    error
}
