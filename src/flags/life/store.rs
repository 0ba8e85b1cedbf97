//! Purpose: where flag sets are kept, as a trait.

use super::{Change, Edit, Kept};
use crate::definition::Definition;
use async_trait::async_trait;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Keeps flag sets. Whatever [`save`](FlagStore::save) says `true` to, is on the disk, where there is one.
#[async_trait]
pub trait FlagStore: Send + Sync + 'static {
    /// The revision of every set, by name. It is asked often, and should cost little.
    async fn revisions(&self) -> Result<BTreeMap<String, u64>, FlagStoreError>;

    /// One set.
    async fn load(&self, set: &str) -> Result<Option<Kept>, FlagStoreError>;

    /// Keeps a set and the record of its change, if what is kept is of the revision before (0: there is none): both, or
    /// nothing. Answers whether it was kept.
    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError>;

    /// The record of a set, or of one of its flags, newest first. Changes of the whole set are in both. At most so many.
    async fn history(&self, set: &str, flag: Option<&str>, limit: u32)
    -> Result<Vec<Change>, FlagStoreError>;

    /// Counts up whenever something may have been changed, by whomever: a reason to ask for the revisions. It may do so for
    /// nothing, and it may miss a change while the store cannot be reached.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Who else keeps a set; nothing where it is kept here.
    fn away(&self, _set: &str) -> Option<Away> {
        None
    }

    /// Why whoever else keeps a set could not do these, one after the other; nothing where it could, and where it is kept here. It is told
    /// from what was last read.
    fn cannot(&self, _set: &str, _edits: &[Edit]) -> Option<String> {
        None
    }

    /// Whether two definitions mean the same to whoever keeps the set. A flag that is not there is like none that is.
    fn same(&self, _set: &str, one: Option<&Definition>, other: Option<&Definition>) -> bool {
        one == other
    }
}

/// A set that is kept by somebody else, whom applications ask themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// What people call it.
    pub keeper: &'static str,
    /// Why it cannot be read at the moment.
    pub trouble: Option<String>,
    /// The sets, this one among them, in which a flag is there together: it is made, archived and restored in all of them at once.
    pub together: Vec<String>,
}

/// Why a store does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagStoreError {
    /// It cannot be read or written.
    #[error("the flags' store cannot be used: {0}")]
    Unavailable(String),
    /// What is in it cannot be understood.
    #[error("the flags' store holds something unreadable: {0}")]
    Unreadable(String),
    /// Whoever else keeps the set does not do it. Trying again does not help.
    #[error("{0}")]
    Refused(String),
}
