//! Purpose: how flags change: what is kept of a set, one change at a time, and the record of each.
//!
//! Everything here is a function of what was, what is wanted and who wants it. A change of a set raises its revision by one;
//! the [store](crate::FlagStore) takes it only while the set is still what it was made of, so that none is lost.

mod change;
mod edit;
mod memory;
mod store;

pub use change::{Change, ChangeKind};
pub use edit::{Author, Edit, EditFault};
pub use memory::MemoryFlagStore;
pub use store::{Away, FlagStore, FlagStoreError};

use crate::definition::{Definition, Document};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A flag set, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its name: that of an environment, as a rule.
    pub name: String,
    /// How often it was changed. 0 is one that is not kept yet.
    pub revision: u64,
    /// When it was last changed.
    pub changed: Timestamp,
    /// What is served.
    pub document: Document,
    /// What is served no more, by key.
    pub archived: BTreeMap<String, Archived>,
}

/// A flag that is served no more, and can be brought back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    /// What it was.
    pub definition: Definition,
    /// Who put it away.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Kept {
    /// A set that nobody has written to.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            revision: 0,
            changed: Timestamp::UNIX_EPOCH,
            document: Document::default(),
            archived: BTreeMap::new(),
        }
    }

    /// All of it but name and revision, for a store.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"changed": self.changed, "document": self.document.to_value(), "archived": self.archived})
    }

    /// What a store holds.
    ///
    /// # Errors
    /// [`FlagStoreError::Unreadable`] when it is none.
    pub fn of_body(name: &str, revision: u64, body: &Value) -> Result<Self, FlagStoreError> {
        let unreadable = |why: String| FlagStoreError::Unreadable(format!("the flag set `{name}`: {why}"));
        let read = |name: &str| body.get(name).cloned().unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            revision,
            changed: serde_json::from_value(read("changed"))
                .map_err(|error| unreadable(error.to_string()))?,
            document: Document::read(&read("document")).map_err(|faults| unreadable(faults.to_string()))?,
            archived: serde_json::from_value(read("archived"))
                .map_err(|error| unreadable(error.to_string()))?,
        })
    }
}
