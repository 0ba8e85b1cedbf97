//! Changing things: plan, approve, apply.
//!
//! Whatever changes the world is an *operation*. A responder says what can be done as an [`Action`]: how a request becomes
//! a [`Plan`], and how a plan is applied. Everything else is the engine's: whether it may be done, who has to agree, that it
//! is done once, that it goes on after a `kill -9`, that its card tells the truth, and that the record says who did what.
//!
//! ```text
//! asked ─ plan ─ policy ┬─ refused
//!                       ├─ confirming ┐
//!                       ├─ approving ─┤   (the same plan, by its hash; void when the world moved)
//!                       ├─ queued ────┤
//!                       └─────────────┴─ running ⇄ paused ─ succeeded | failed | cancelled | …
//! ```
//!
//! An operation is one row, and changes only by [`Store::save`](crate::Store::save), which wants to know the revision that was
//! read: of two who change it at once, one finds that it has to look again. While it runs, a lease says whose it is; each
//! taking-up raises its generation, and whoever finds a higher one than its own stops.

pub mod action;
pub mod before;
mod engine;
pub mod follow;
pub mod operation;
pub mod plan;
pub mod run;
#[cfg(test)]
mod tests;
mod texts;
mod transitions;

pub use action::{Action, Ending, Outcome};
pub use before::{Before, Desk, Ended, Failure, Part, Release, Standing};
pub use engine::{Engine, Operations, Proposal, Proposed, Timing};
pub use follow::Follower;
pub use operation::{Approval, Lease, Need, Operation, OperationFilter, Origin, Saved, State, Step, Wish};
pub use plan::{Change, Plan, PlanHash, Target};
pub use run::{Attempt, Interrupted, Run};
