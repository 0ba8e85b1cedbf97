//! Running migrations so that nobody notices but those who watch.
//!
//! [`Machine`] decides, without IO and without a clock; it can be written to a [`Journal`] after each step and read back.
//! [`World`] does what it asks for; [`crate::postgres::Postgres`] is the one there is, tests have another. [`drive`] brings them
//! together.
//!
//! **No file twice, none left out.** A file in a transaction is written to the history in that transaction. In one without, each
//! statement that can be in a transaction is, together with its mark in the database; what PostgreSQL refuses there (an index
//! built concurrently) is marked as begun before, and looked for after a crash. So what was done is known from the database
//! alone, whatever became of the process, the journal or the connection.
//!
//! **One at a time.** A try-lock of the database, polled, never waited for: a waiting session would hold a snapshot, for which
//! CREATE INDEX CONCURRENTLY of the holder waits, for ever.
//!
//! **Nobody stands in line behind it.** Statements wait for a table for less than a second, then step back and try again later.

mod drive;
mod machine;
mod parts;

pub(crate) use drive::waited;
pub use drive::{Journal, JournalError, Live, NoJournal, Throttle, Wish, World, about, drive};
pub use machine::Machine;
pub use parts::{Effect, End, FileShape, Outcome, Phase, Presence, Settings, StatementShape};
