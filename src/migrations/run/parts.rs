//! Purpose: what a machine knows, asks for, and is told.

use serde::{Deserialize, Serialize};

/// How patient a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a statement waits for a table, in milliseconds: as long as everybody else may have to wait behind it.
    pub lock_timeout_ms: u64,
    /// How often it tries to get its locks.
    pub lock_tries: u32,
    /// How long it steps back between, in milliseconds, give or take half.
    pub lock_pause_ms: u64,
    /// How long a statement may take in a transaction, in milliseconds; others wait behind its locks. None: for ever.
    pub statement_timeout_ms: Option<u64>,
    /// How often the try-lock is tried, in milliseconds.
    pub poll_ms: u64,
    /// How long to wait for another run to end, in polls.
    pub polls: u32,
    /// How long a batch of a backfill should take, in milliseconds.
    pub batch_ms: u64,
    /// How long to pause between batches, in milliseconds.
    pub batch_pause_ms: u64,
    /// A replica that is this far behind keeps a backfill waiting, in milliseconds.
    pub replica_lag_ms: u64,
    /// So many statements of others, at work on the server at one time, keep a backfill waiting. 0: however many.
    pub busy_statements: u32,
    /// How often a lost connection is made again, in a row.
    pub reconnects: u32,
    /// How long a stopped statement has to end before its session is ended, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock_timeout_ms: 500,
            lock_tries: 30,
            lock_pause_ms: 2_000,
            statement_timeout_ms: Some(60_000),
            poll_ms: 1_000,
            polls: 3_600,
            batch_ms: 250,
            batch_pause_ms: 50,
            replica_lag_ms: 5_000,
            busy_statements: 32,
            reconnects: 60,
            grace_ms: 10_000,
        }
    }
}

/// What the machine has to know of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementShape {
    /// It can be in a transaction, together with its mark.
    Marked,
    /// It cannot; the database shows whether it was done.
    Alone,
    /// It cannot, and nobody can tell: a crash over it needs a person.
    Blind,
    /// It is done in batches.
    Batches,
}

/// What the machine has to know of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileShape {
    /// The file.
    pub file: String,
    /// Whether it runs in one transaction.
    pub transaction: bool,
    /// Its statements.
    pub statements: Vec<StatementShape>,
}

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It needs the lock of the database.
    Lock,
    /// It has to see what is applied.
    Check,
    /// It runs a file in one transaction.
    File,
    /// It has to see which statements of the file are marked.
    Marks,
    /// It is about to note that a statement is begun.
    Begin,
    /// It runs a statement.
    Statement,
    /// It notes that a statement is done.
    Mark,
    /// It looks whether a statement that was begun was done.
    Probe,
    /// It takes away what a statement left half done.
    Clear,
    /// It writes the file to the history.
    Record,
    /// It gives the lock back.
    Unlock,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Connect if need be, and try to get the lock.
    Lock,
    /// Read the history, and compare it with the plan. [`Outcome::Checked`].
    Check,
    /// Run a file and write it to the history, in one transaction.
    File {
        /// Which.
        file: usize,
    },
    /// Read the marks of a file. [`Outcome::Marks`].
    Marks {
        /// Which.
        file: usize,
    },
    /// Note that a statement is begun.
    Begin {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Run a statement: with its mark in one transaction, or alone, as its shape says.
    Statement {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Run the next batch of a statement, with the mark of how far it came, in one transaction. [`Outcome::Batch`].
    Batch {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Note that a statement is done.
    Mark {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Look whether a statement was done. [`Outcome::Present`].
    Probe {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Take away what a statement left half done, and its note.
    Clear {
        /// Of which file.
        file: usize,
        /// Which.
        statement: usize,
    },
    /// Write a file to the history and forget its marks, in one transaction.
    Record {
        /// Which.
        file: usize,
    },
    /// Give the lock back.
    Unlock,
    /// Wait about so long.
    Wait {
        /// In milliseconds; the world may add or take up to half, so that two do not keep meeting.
        ms: u64,
    },
}

/// Whether a statement was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It was.
    Done,
    /// Half: an invalid index.
    Half,
    /// It was not.
    Not,
    /// Nobody can tell.
    Unknown,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// Somebody else has the lock.
    Busy {
        /// Who, as far as the database says.
        owner: String,
    },
    /// Which files are applied, of those that are to run, in their order.
    Checked {
        /// For each file.
        applied: Vec<bool>,
    },
    /// The world is not as it was planned; a reason for people.
    Refused {
        /// Why.
        why: String,
    },
    /// The marks of a file.
    Marks {
        /// Statements that are done.
        done: Vec<usize>,
        /// Statements that were begun and are not known to be done.
        begun: Vec<usize>,
    },
    /// Whether a statement was done.
    Present {
        /// What the database shows.
        presence: Presence,
    },
    /// A batch is done.
    Batch {
        /// Whether it was the last.
        last: bool,
    },
    /// Not yet: a replica is behind, the server is busy, or somebody wants it to wait.
    Hold,
    /// It did not get a lock in time, and changed nothing.
    LockTimeout,
    /// The connection is gone; whether it was done is not known.
    Lost {
        /// What was said.
        why: String,
    },
    /// It went wrong, and changed nothing (but an index that is left invalid).
    Failed {
        /// What the database said.
        why: String,
    },
    /// Somebody stopped it; it changed nothing (but an index that is left invalid).
    Stopped,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// Every file is applied.
    Done,
    /// A statement went wrong, or the world is not as it was planned.
    Failed {
        /// In which file, if in one.
        file: Option<String>,
        /// Which statement of it, counted from 1, if one.
        statement: Option<usize>,
        /// Why.
        why: String,
    },
    /// Somebody stopped it.
    Stopped {
        /// What was left behind, if something was.
        left: Option<String>,
    },
}
