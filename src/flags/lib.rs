//! Purpose: feature flags: what a flag is, who gets what of it, how it changes, and how applications ask.

mod bucketing;
mod check;
mod definition;
mod evaluate;
mod fault;
mod files;
mod life;
#[cfg(test)]
mod model_tests;
mod ramp;
mod rules;
pub mod serve;
mod service;
pub mod unleash;
pub mod words;

pub use bucketing::Bucketing;
pub use check::check;
pub use definition::{Definition, Document, Metadata, State};
pub use evaluate::{
    Context, ContextFault, ErrorCode, Evaluator, Flag, FlagSet, Outcome, Reason, SelfTestFailure, self_test,
};
pub use fault::{Fault, Faults};
pub use files::{FileOfFlags, Files};
pub use life::{
    Archived, Author, Away, Change, ChangeKind, Edit, EditFault, FlagStore, FlagStoreError, Kept,
    MemoryFlagStore,
};
pub use ramp::{Clock, Ramp, RampFault};
pub use rules::{GiveFault, Growth, Whom};
pub use service::{ChangeError, Flags, Live, News, Now, StartError};
