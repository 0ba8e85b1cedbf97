//! SQL as PostgreSQL reads it: cut into tokens and statements, and what each statement does.
//!
//! | what | where |
//! |---|---|
//! | Tokens: quotes, dollar quotes, nested comments | `lex` |
//! | Statements, one by one, with their place in the file | `split` |
//! | Walking over the words of one statement | `cursor` |
//! | Which lock blocks what | `lock` |
//! | What a statement does: locks, work, kind, whether it can run in a transaction | `analyse/` |
//!
//! Nothing is run on the strength of a guess: what is not known needs a person.

mod analyse;
mod cursor;
mod lex;
mod lock;
mod name;
mod split;

pub use analyse::{Analysis, Build, Hazard, Kind, Lock, Probe, Transaction, Work, analyse};
pub use lock::LockLevel;
pub use name::Name;
pub use split::{Place, SplitError, Statement, split};

pub(crate) use cursor::Cursor;
pub(crate) use lex::TokenKind;
pub(crate) use name::quoted;
