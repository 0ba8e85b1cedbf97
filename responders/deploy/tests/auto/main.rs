//! What goes out by itself, as it reads in the chat: an emulated GitHub and cluster, and images on a shelf.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chat;
mod killed;
mod model;
mod page;
mod promotion;
#[path = "../scene/mod.rs"]
mod scene;
mod shelf;
mod world;
