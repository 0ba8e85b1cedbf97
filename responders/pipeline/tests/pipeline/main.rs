//! Webhooks as GitHub sends them, over HTTP; and what people read about them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod place;
mod webhooks;
