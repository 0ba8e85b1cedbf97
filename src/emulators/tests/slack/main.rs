//! The Slack emulator on the wire, and against a model of what a workspace is.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod http;
mod interactions;
mod model;
mod sockets;
mod web_api;
mod wire;
