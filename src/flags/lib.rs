//! Purpose: feature flags: what a flag is, who gets what of it, how it changes, and how applications ask.

mod bucketing;
mod check;
mod definition;
mod evaluate;
mod fault;
mod ramp;

pub use bucketing::Bucketing;
pub use check::check;
pub use definition::{Definition, Document, Metadata, State};
pub use evaluate::{
    Context, ContextFault, ErrorCode, Evaluator, Flag, FlagSet, Outcome, Reason, SelfTestFailure, self_test,
};
pub use fault::{Fault, Faults};
pub use ramp::{Clock, Ramp, RampFault};
