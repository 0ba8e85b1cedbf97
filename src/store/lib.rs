//! Purpose: what the robot remembers, in one SQLite file, or in a PostgreSQL database that several replicas share.
//!
//! [`open`] opens what is configured. [`SqliteStore`] and [`PostgresStore`] implement the core's `Store` alike: one suite of
//! rules and one model are held against both and against the core's store in memory. The folders say how it is made:
//!
//! - `shared/`: the statements, word for word, and what rows mean. An operation is one row, changed only by the revision
//!   that was read, together with steps of its journal and entries of the audit trail. That one exclusive operation has a target
//!   is a unique index. The audit trail is a chain: whoever adds to it first changes the row that marks its end, so that
//!   one comes after the other, whoever they are; its columns and its body hold nothing twice, so that no change goes unseen.
//! - `sqlite/`: one process, one file. It owns the file by a lock the system takes back when the process dies, however it
//!   dies.
//!   - **Claims** of events go through one writer task, which commits all that are waiting in one transaction
//!     (`synchronous=NORMAL`). In WAL mode such a commit is in the system's hands before it is acknowledged, so it survives
//!     `kill -9`; only a power cut can take the last moments back, and then Slack delivers again. So thousands of claims a
//!     second pass, and none waits for a disk.
//!   - **Everything else** is written one by one with `synchronous=FULL`: on the disk before it is acknowledged.
//!   - **Readers** have connections of their own, and in WAL mode wait for nobody.
//! - `postgres/`: any number of processes.
//!   - **Who lives**: each start of the program is a run with a random number, which shows every few seconds that it lives, by
//!     the database's clock. What a dead one had only claimed is taken over by the next delivery. One that only looked dead
//!     is told so before it says anything.
//!   - **Claims** are written by one task, all that are waiting in one transaction, like on SQLite.
//!   - **Lost connections** are borne for a while. A question is asked again. A change signs its transaction with a random name,
//!     so that after a commit that was cut off it is known whether it was made. A server that hangs is an error, not a hang.
//!   - **The schema** is brought up to date under an advisory lock, so replicas may start together.

mod error;
mod opened;
mod options;
mod postgres;
mod shared;
mod sqlite;
mod trail;

pub use error::OpenError;
pub use opened::{Opened, open};
pub use options::StoreConfig;
pub use postgres::PostgresStore;
pub use shared::Database;
pub use sqlite::SqliteStore;
pub use trail::{Trail, TrailFault};
