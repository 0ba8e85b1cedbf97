//! Who may do what, where and when: one pure function of the rules and of what is known, with a trace that says why.
//!
//! Deny beats allow. Whatever cannot be found out (a directory that does not answer, a role nobody defined, a store that is
//! gone) is a refusal with its reason.

mod calendar;
#[cfg(test)]
mod calendar_tests;
mod decide;
#[cfg(test)]
mod decide_properties;
#[cfg(test)]
mod decide_tests;
mod elevations;
mod faults;
#[cfg(test)]
mod faults_tests;
mod freezes;
mod gather;
mod holding;
#[cfg(test)]
mod holding_tests;
mod locks;
#[cfg(test)]
mod locks_model_tests;
mod matching;
mod roles;
mod rules;
mod verdict;
pub mod words;

pub use calendar::{Calendar, Window};
pub use decide::decide;
pub use elevations::{Whole, break_glass, broken, seal, told_whole, whole_again};
pub use freezes::{Freeze, FreezeFault};
pub use gather::{gather, held, verdict};
pub use holding::{Locking, Opened, lock, locks, opened, told, unlock, wait_for};
pub use locks::{ELEVATIONS, Elevation, LOCKS, Lock, LockTarget, Waiting};
pub(crate) use matching::is_named;
pub use roles::{Decision, Roles};
pub use rules::{BreakGlass, Policy, PolicyFault, Rule};
pub use verdict::{Asked, Facts, Held, Line, Mark, Verdict, VerdictKind};
