//! Purpose: the primary rate limit: so many calls until it begins anew. What is answered by 304 is not counted.

use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

#[derive(Debug)]
pub(super) struct Limits {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// In seconds since 1970; 0 before the first call.
    pub(super) reset: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            limit: 5_000,
            remaining: 5_000,
            reset: 0,
        }
    }
}

impl Limits {
    /// Begins a new hour when the last one is over.
    pub(super) fn turn(&mut self, now: Timestamp) {
        if now.as_second() >= self.reset {
            self.reset = now.as_second() + 3_600;
            self.remaining = self.limit;
        }
    }

    pub(super) fn exhausted(&self) -> bool {
        self.remaining == 0
    }

    pub(super) fn count(&mut self) {
        self.remaining = self.remaining.saturating_sub(1);
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("x-ratelimit-limit", self.limit),
            ("x-ratelimit-remaining", self.remaining),
            ("x-ratelimit-used", self.limit.saturating_sub(self.remaining)),
            ("x-ratelimit-reset", u64::try_from(self.reset).unwrap_or_default()),
        ] {
            headers.insert(name, HeaderValue::from(value));
        }
        headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    }
}
