//! Purpose: the record of a change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change of one flag set. Such records are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Which set.
    pub set: String,
    /// Its revision from then on.
    pub revision: u64,
    /// When, by the clock of who made it.
    pub at: Timestamp,
    /// Who wanted it.
    pub by: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operation it was a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What was done.
    pub kind: ChangeKind,
    /// To which flag. Nothing for the whole set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// What it was: flagd's definition of the flag, or the whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What is done to a flag or a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A flag that was not there.
    Created,
    /// A flag that was.
    Changed,
    /// A flag was put away.
    Archived,
    /// It was brought back.
    Restored,
    /// The whole set was replaced.
    Imported,
    /// A shared rule was written.
    Rule,
}
