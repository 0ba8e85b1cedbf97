//! Purpose: from a commit to what can be deployed: its checks, its image, and what a continuous integration says about it.
//!
//! An engine that knows no chat.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod feed;
pub mod github;
pub mod hooks;
pub mod registry;
pub mod version;

pub use feed::{Feed, Heard, Subscription, Unheard};
