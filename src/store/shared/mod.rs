//! Purpose: everything about the store that is the same on every database: the statements, word for word, what they are given,
//! how rows become what the robot remembers, and the [`Store`](otus_core::Store) itself.
//!
//! A statement is a text with `$1`, `$2` … and arguments that are integers or texts; a row is integers and texts, too. Times
//! are integers and JSON is text. So one text runs unchanged on SQLite and PostgreSQL, and a database has only to know how
//! to run one ([`Session`]) and how to do several as one ([`Engine`]).

pub(crate) mod audit;
pub(crate) mod claims;
pub(crate) mod deploys;
mod engine;
pub(crate) mod flags;
pub(crate) mod inbox;
pub(crate) mod memories;
pub(crate) mod migrations;
pub(crate) mod operations;
mod session;
mod store;
mod write;

pub(crate) use engine::Engine;
pub(crate) use session::session;
pub(crate) use session::{Arg, Cell, Session, kept, nanoseconds, timestamp};
pub(crate) use session::{Row, Select};
pub use store::Database;
pub(crate) use write::Failure;
pub(crate) use write::{Write, Written};
