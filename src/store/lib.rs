//! Purpose: what the robot remembers, in one SQLite file.
//!
//! [`SqliteStore`] implements the core's `Store`. Who writes how:
//!
//! - **Claims** of events go through one writer task, which commits all that are waiting in one transaction
//!   (`synchronous=NORMAL`). In WAL mode such a commit is in the system's hands before it is acknowledged, so it survives
//!   `kill -9`; only a power cut can take the last moments back, and then Slack delivers again. So thousands of claims a
//!   second pass, and none waits for a disk.
//! - **Operations, the audit trail, deploys and memories** are written one by one with `synchronous=FULL`: on the disk before they are acknowledged.
//! - **Readers** have connections of their own, and in WAL mode wait for nobody.
//!
//! One process owns the file, by a lock the system takes back when the process dies, however it dies. Several replicas
//! need a store that is made for several.

mod error;
mod opened;
mod options;
mod postgres;
mod shared;
mod sqlite;

pub use error::OpenError;
pub use opened::{Opened, open};
pub use options::StoreConfig;
pub use postgres::PostgresStore;
pub use shared::Database;
pub use sqlite::SqliteStore;
