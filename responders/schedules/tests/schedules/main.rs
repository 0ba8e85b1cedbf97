//! What is scheduled, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;
mod running;
mod scene;
