//! Purpose: what a rule says, why somebody gets what they get, and who gets something else after a change: as data, for whoever
//! makes words of it.

mod audience;
mod describe;
mod explain;

pub use audience::{Group, Shares, audience, largest_step, moved};
pub use describe::{By, Case, Condition, Description, Served, Share, Sign, describe};
pub use explain::{Explanation, Step, explain};
