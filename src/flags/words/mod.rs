//! Purpose: what a rule says, why somebody gets what they get, and who gets something else after a change: as data, for whoever
//! makes words of it.

mod audience;
mod describe;
mod explain;

pub use audience::{Group, Shares, audience, jump, largest_step, moved, retreats};
pub use describe::{By, Case, Condition, Description, Served, Share, Sign, describe};
pub use explain::{Explanation, Step, explain};
