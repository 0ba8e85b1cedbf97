//! Runs on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod contract;
mod crash;
mod formats;
mod locks;
mod planning;
mod replica;
mod stage;
mod tighten;
mod waiting;
