//! Migrations as a chat, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod image;
mod looking;
mod page;
mod running;
mod scene;
mod table;
mod tighten;
