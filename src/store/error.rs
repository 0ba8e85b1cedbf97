//! Purpose: why a store cannot be opened, for whoever starts the program.

use std::path::PathBuf;

/// Why the file cannot be opened. In no case was anything deleted or overwritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{path:?} is in use by another Otus ({owner}). One process owns the file: stop the other one, or give this one its own store.path. Several replicas of one robot need PostgreSQL (store.url)"
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// What that process wrote about itself.
        owner: String,
    },
    /// A newer version of the program wrote it.
    #[error(
        "{path:?} was written by a newer Otus (schema {found}, this one knows {known}). Start the newer version, or restore the copy from before the update"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema's version in the file.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// It is no database, or a damaged one.
    #[error(
        "{path:?} is damaged or no SQLite database ({why}). Nothing was changed: move it away to start afresh, or restore a copy (`sqlite3 FILE .recover` saves what can be read)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        why: String,
    },
    /// A database, but not ours.
    #[error("{path:?} is the SQLite database of another program. Choose another store.path")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error(
        "{path:?} cannot be used: {why}. Check store.path, the folder's owner and permissions, and the free space"
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The system's or SQLite's words.
        why: String,
    },
    /// It is no address of a PostgreSQL database.
    #[error(
        "store.url is no address of a PostgreSQL database ({why}). It looks like postgres://user:password@host:5432/database"
    )]
    Address {
        /// What is wrong with its form.
        why: String,
    },
    /// The database cannot be reached, read or written.
    #[error(
        "{place} cannot be used: {why}. Check store.url, that the server runs, and that its user may create tables there"
    )]
    Database {
        /// Which, without its password.
        place: String,
        /// The system's or PostgreSQL's words.
        why: String,
    },
    /// A newer version of the program wrote to the database.
    #[error(
        "{place} was brought up to date by a newer Otus (schema {found}, this one knows {known}). Start the newer version"
    )]
    NewerDatabase {
        /// Which, without its password.
        place: String,
        /// The schema's version in the database.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
}
