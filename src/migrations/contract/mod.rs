//! Taking something away in four steps: nobody in the application uses it, nobody in the pipelines, nobody in the reports; it is
//! withheld for a while; then it goes.
//!
//! | what | where |
//! |---|---|
//! | Which gate comes next, what opens it, when it may go | [`Contract`], pure |
//! | What the database says of who uses a column | [`evidence`] |
//! | Withholding a column from a role, and giving it back | [`Withheld`], pure SQL |
//!
//! Only what is ready may be destroyed, and only by the statement that was agreed to: [`Contract::ready`] is what the linter is
//! given.

mod evidence;
mod gates;
mod withhold;

pub use evidence::{Column, Dependent, Evidence, Use, evidence};
pub use gates::{Contract, Gate, GateState, NotYet, Stage};
pub use withhold::{Withheld, WithheldError};
