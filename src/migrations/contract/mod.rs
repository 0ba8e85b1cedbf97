//! Taking something away in four steps: nobody in the application uses it, nobody in the pipelines, nobody in the reports; it is
//! withheld for a while; then it goes.
//!
//! | what | where |
//! |---|---|
//! | Which gate comes next, what opens it, when it may go | [`Contract`], pure |
//! | What can go | [`Object`]: a column, a table, NULL in a column |
//! | What the database says of who uses it | [`evidence`] |
//! | Whether all of a column is in the one that replaces it | [`copied`] |
//! | Which rows hold NULL, and how a column stands on its way to NOT NULL | [`nulls`], [`Standing`] |
//! | Which statements may write NULL | `writers`, by their words |
//! | Withholding it from a role, or NULL from all writers, and giving it back | [`Withheld`], SQL |
//! | Making a column NOT NULL, so that nobody waits | [`tighten`] |
//!
//! Only what is ready may be destroyed, and only by the statement that was agreed to: [`Contract::ready`] is what the linter is
//! given.

mod copied;
mod evidence;
mod gates;
mod nulls;
mod object;
mod refuse;
mod tighten;
mod withhold;
mod writers;

pub use copied::{Copied, copied};
pub use evidence::{Dependent, Evidence, Use, evidence};
pub use gates::{Contract, Gate, GateState, NotYet, Stage};
pub use nulls::{Loose, Nulls, Standing, nulls, standing};
pub use object::{Column, Object};
pub use refuse::Held;
pub use tighten::{At, Step, Tightened, Watch, tighten};
pub use withhold::{Withheld, WithheldError};
