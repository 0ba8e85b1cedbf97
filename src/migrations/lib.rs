//! Purpose: migrations of a database: found, judged, planned, run, watched and stopped. Knows no chat.
//!
//! | what | where |
//! |---|---|
//! | Files in the formats of sqlx, golang-migrate and Flyway, with their checksums | [`source`] |
//! | What a database says was applied, compared with the files | [`history`] |
//! | SQL cut into statements; what each locks and does | [`sql`] |
//! | What is to be said before a file runs, and the safe way | [`lint`] |
//! | Changes of many rows, in batches | [`backfill`] |
//! | What will be done, as a value | [`plan`] |
//! | Doing it: a machine that can be written down after each step, and what it has done to the world | [`run`] |
//! | PostgreSQL: locks, histories, sizes, blockers, progress | [`postgres`] |
//! | SQLite, for a demo | [`sqlite`] |
//! | What is to be taken away, and who has to agree | [`contract`] |
//! | Where databases are, who uses them, what we may do there | [`database`] |
//!
//! The way is forward: files that take something back are never run.

pub mod backfill;
pub mod contract;
pub mod database;
pub mod history;
pub mod lint;
pub mod plan;
pub mod postgres;
pub mod run;
pub mod source;
pub mod sql;
pub mod sqlite;
