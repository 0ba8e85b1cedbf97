//! What is said of a statement.

use crate::sql::{LockLevel, Place, Work};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// There is a better way; it hurts nobody.
    Advice,
    /// It can hurt; whoever runs it should know.
    Warning,
    /// What it does cannot be told from its text: a person has to look.
    Person,
    /// It hurts, and there is another way.
    Refused,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Person => "needs a person",
            Self::Refused => "refused",
        })
    }
}

/// What is to be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is to be said against it.
    Fine,
    /// It can run; whoever runs it should have read the warnings.
    Warned,
    /// A person has to look, and agree.
    Person,
    /// It does not run.
    Refused,
}

impl Verdict {
    /// What follows from findings of these levels.
    #[must_use]
    pub fn of(levels: impl IntoIterator<Item = Level>) -> Self {
        let worst = levels.into_iter().max();
        match worst {
            None | Some(Level::Advice) => Self::Fine,
            Some(Level::Warning) => Self::Warned,
            Some(Level::Person) => Self::Person,
            Some(Level::Refused) => Self::Refused,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fine => "fine",
            Self::Warned => "can hurt",
            Self::Person => "needs a person",
            Self::Refused => "refused",
        })
    }
}

/// A lock, and how long it is to be expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// The table.
    pub table: String,
    /// How strong.
    pub level: LockLevel,
    /// What it keeps waiting, as people say it.
    pub blocks: String,
    /// What is done under it.
    pub work: Work,
    /// For how long, in milliseconds; none when nothing is known about the table.
    pub expected_ms: Option<u64>,
}

/// Something that is to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name: squawk's where squawk has the rule.
    pub rule: String,
    /// How bad.
    pub level: Level,
    /// The file.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// The statement it is about, by its first words; empty when it is about the file.
    pub statement: String,
    /// What, and why.
    pub message: String,
    /// What the statement locks.
    pub locks: Vec<Locked>,
    /// The safe way, as SQL with remarks.
    pub safe: Option<String>,
}
