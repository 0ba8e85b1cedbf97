//! Taking something away in four steps: nobody in the application uses it, nobody in the pipelines, nobody in the reports; it is
//! withheld for a while; then it goes.
//!
//! | what | where |
//! |---|---|
//! | Which gate comes next, what opens it, when it may go | [`Contract`], pure |
//! | What can go | [`Object`]: a column, a table |
//! | What the database says of who uses it | [`evidence`] |
//! | Whether all of a column is in the one that replaces it | [`copied`] |
//! | Withholding it from a role, and giving it back | [`Withheld`], pure SQL |
//!
//! Only what is ready may be destroyed, and only by the statement that was agreed to: [`Contract::ready`] is what the linter is
//! given.

mod copied;
mod evidence;
mod gates;
mod object;
mod withhold;

pub use copied::{Copied, copied};
pub use evidence::{Dependent, Evidence, Use, evidence};
pub use gates::{Contract, Gate, GateState, NotYet, Stage};
pub use object::{Column, Object};
pub use withhold::{Withheld, WithheldError};
