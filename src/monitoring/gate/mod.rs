//! Purpose: a metric gate: a query and a bound that a deploy must stay within.
//!
//! [`preflight`] asks before the deploy begins, so that nobody starts on what is red already. While it bakes, the caller
//! asks with [`probe`] whenever [`Gate::next_at`] says so, and feeds what came to the [`Gate`], which decides. The gate
//! has neither a clock nor IO, and can be written to a journal and read back at any moment.
//!
//! "No data" is an outcome of its own, and never silently a pass: a service without traffic is the usual case, and
//! only its owners know what it means.
//!
//! ```
//! use jiff::{SignedDuration, Timestamp};
//! use otus_monitoring::gate::{Bound, Gate, GateConfig, Outcome, Verdict};
//!
//! let bound: Bound = "< 0.01".parse().unwrap();
//! let config = GateConfig::new("errors", r#"sum(rate(errors_total{service="{{service}}"}[{{since}}]))"#, bound);
//! let began = Timestamp::UNIX_EPOCH;
//! let mut gate = Gate::new(config, began);
//! let verdict = gate.feed(gate.next_at(), &Outcome::Fail { value: 0.2, bound });
//! assert!(matches!(verdict, Verdict::Failed { .. }));
//! ```

mod bound;
mod config;
mod fill;
mod machine;
mod outcome;
mod probe;

pub use bound::{Bound, BoundError, Comparison};
pub use config::{Baseline, GateConfig, GateConfigError, Gates, OnNoData, Reduce};
pub use fill::{FillError, Vars};
pub use machine::{Answer, Failure, Gate, Verdict};
pub use outcome::{Fault, NoData, Outcome, Unclear};
pub use probe::{Preflight, Probe, preflight, probe};
