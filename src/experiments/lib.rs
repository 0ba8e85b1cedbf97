//! Purpose: old code and new code side by side on real traffic, compared. A library for applications; it knows no chat and
//! no robot.
//!
//! The *control* is the code that is in use; *candidates* are what may replace it. The caller gets what the control returned,
//! always: its value, its error, its panic. Whatever a candidate does is contained, timed, compared and told, and never felt.
//!
//! ```
//! use otus_experiments::Experiment;
//! use std::sync::LazyLock;
//!
//! static TOTAL: LazyLock<Experiment<u64>> = LazyLock::new(|| {
//!     Experiment::define("order-total")
//!         .percent(5.0)
//!         .clean(u64::to_string)
//!         .build()
//! });
//!
//! fn total(prices: &[u64]) -> u64 {
//!     TOTAL
//!         .control_sync(|| prices.iter().sum())
//!         .candidate("fold", || prices.iter().fold(0, |sum, price| sum + price))
//!         .run()
//! }
//! assert_eq!(total(&[3, 4]), 7);
//! ```
//!
//! | your code | begin with | candidates run |
//! |---|---|---|
//! | async | [`Experiment::control`] (feature `async`) | in tasks of tokio's, ended at their deadline |
//! | blocks, or may hang | [`Experiment::control_threaded`] | on threads, given up at their deadline |
//! | short and computing | [`Experiment::control_sync`] | in the caller's thread, may borrow |
//!
//! What is decided when: [`Definition`] has everything that holds for all calls, a trial's methods what holds for one, and
//! [`Switch`] how often it runs, at any time. Who hears of it: every [`Sink`]. For tests: [`Definition::strict`].
//!
//! The crate needs `panic = "unwind"`. Where a panic ends the process, candidates never run.
//!
//! Features, all additive: `async` (default), `metrics`, `tracing`, `wire` (the types that travel to Otus), `http`, `https` (the
//! sink that sends them).

mod breaker;
mod candidate;
mod definition;
mod experiment;
mod guard;
mod judge;
mod outcome;
mod plan;
mod pool;
mod registry;
mod report;
mod ring;
mod sampling;
mod sinks;
pub mod stats;
mod sync;
#[cfg(feature = "async")]
mod tasks;
mod threads;
#[cfg(feature = "wire")]
pub mod wire;

pub use breaker::Limits;
pub use definition::Definition;
pub use experiment::{Experiment, Keyed, Mode};
pub use outcome::{Ended, Kind, Outcome, Shed, Stage, Verdict};
pub use registry::{experiment, install, steer};
pub use report::{Context, Control, Ran, Report, Sample};
pub use sampling::{Flag, Switch, stop_all, strict_all};
pub use sinks::*;
pub use sync::SyncTrial;
#[cfg(feature = "async")]
pub use tasks::Trial;
pub use threads::ThreadTrial;
