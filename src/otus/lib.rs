//! Otus: a ChatOps robot for Slack. This crate is the program, and the facade for whoever writes responders:
//! `use otus::prelude::*;`.
//!
//! A binary with responders of its own is
//!
//! ```no_run
//! // Your responders are here, or in crates that are linked: `use my_responders as _;`
//! fn main() -> std::process::ExitCode {
//!     otus::main()
//! }
//! ```
//!
//! and has everything `otus` has: `run`, `demo`, `check`, `config`, `audit`, `emulate`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod check;
mod cli;
pub mod config;
mod demo;
mod emulate;
mod flags;
mod hooks;
mod init;
mod logs;
mod manifest;
mod migrations;
mod new;
mod reload;
pub mod run;
mod seat;
mod traces;
mod trail;

pub use cli::main;
pub use otus_core::*;

// Linking a responder in is enough to have it.
use otus_responder_alerts as _;
use otus_responder_basics as _;
use otus_responder_deploy as _;
use otus_responder_executables as _;
use otus_responder_experiments as _;
use otus_responder_flags as _;
use otus_responder_graphs as _;
use otus_responder_markers as _;
use otus_responder_migrations as _;
use otus_responder_operations as _;
use otus_responder_pipeline as _;
use otus_responder_policy as _;
use otus_responder_pulls as _;
use otus_responder_releases as _;
use otus_responder_schedules as _;
use otus_responder_team as _;
