//! Purpose: what one statement does, read off its words. Pure; nothing is asked of a database.
//!
//! Locks are those of the manual's page on explicit locking and of the page of each command; what a command does under them is
//! from `src/backend/commands/tablecmds.c` and the notes of `ALTER TABLE`.

mod alter;
mod alter_column;
mod alter_table;
mod column;
mod constraint;
mod create;
mod data;
mod remove;
mod session;
mod title;
mod volatile;

use super::{cursor::Cursor, lock::LockLevel, name::Name, split::Statement};
use crate::lint::Level;
use serde::{Deserialize, Serialize};

/// How long a lock is held, in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The catalogue alone: milliseconds, whatever the size.
    Moment,
    /// The whole table is read.
    Scan,
    /// An index is built from the whole table.
    Build,
    /// Rows are changed, one by one.
    Rows,
    /// The whole table is written anew, with its indexes.
    Rewrite,
}

/// A lock that a statement takes, on a table that may be there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The table (or view, or index).
    pub table: Name,
    /// How strong.
    pub level: LockLevel,
    /// What is done under it.
    pub work: Work,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It adds something; what runs already does not notice.
    Additive,
    /// It takes something away, or changes it, under what runs already.
    Destructive,
    /// It changes rows.
    Backfill,
    /// Neither: session settings, VACUUM, ANALYZE.
    Neutral,
    /// Nobody but a person can tell what it does.
    Person,
}

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// It can be in one.
    Any,
    /// PostgreSQL refuses it in one.
    Never,
    /// It begins or ends one.
    Control,
}

/// How to find out, after a crash, whether a statement that is in no transaction was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// It is marked in its own transaction, so that nothing has to be found out.
    Marked,
    /// The index is there and valid; an invalid one is cleared away first.
    Index(Name),
    /// The indexes are gone.
    NoIndex(Vec<Name>),
    /// The partition is detached.
    Detached {
        /// The partitioned table.
        parent: Name,
        /// What was its partition.
        partition: Name,
    },
    /// Doing it twice is doing it once.
    Repeat,
    /// It cannot be found out; a person has to look.
    Unknown,
}

/// An index that is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its name, if it was given one.
    pub index: Option<Name>,
    /// On which table.
    pub table: Name,
    /// Whether writes go on meanwhile.
    pub concurrently: bool,
}

/// Something about a statement that somebody should know before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hazard {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad, when nothing is known about the table.
    pub level: Level,
    /// What, and why.
    pub message: String,
    /// The safe way, as SQL with remarks.
    pub safe: Option<String>,
    /// The table whose size and traffic decide how bad it is; none when they make no difference.
    pub scales: Option<Name>,
}

/// What one statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Its first words, for lists: `ALTER TABLE users`.
    pub title: String,
    /// Whether it adds something.
    pub additive: bool,
    /// What it takes away: `column users.legacy`.
    pub destroys: Vec<String>,
    /// Whose rows it changes.
    pub rows: Option<Name>,
    /// Why only a person can tell.
    pub person: Option<String>,
    /// How it stands to transactions.
    pub transaction: Transaction,
    /// The locks it takes on what is there.
    pub locks: Vec<Lock>,
    /// The tables it makes.
    pub creates: Vec<Name>,
    /// The index it builds.
    pub build: Option<Build>,
    /// How a crash over it is mended.
    pub probe: Probe,
    /// What somebody should know.
    pub hazards: Vec<Hazard>,
    /// Rules of squawk that do not hold here, because more is known than it looks at.
    pub overrules: Vec<&'static str>,
    /// Checks that a column is not null, by their constraint: (table, constraint, column).
    pub not_null_checks: Vec<(Name, String, String)>,
    /// Constraints it validates: (table, constraint).
    pub validates: Vec<(Name, String)>,
    /// Columns it makes NOT NULL: (table, column).
    pub sets_not_null: Vec<(Name, String)>,
}

impl Analysis {
    fn new(title: String) -> Self {
        Self {
            title,
            additive: false,
            destroys: Vec::new(),
            rows: None,
            person: None,
            transaction: Transaction::Any,
            locks: Vec::new(),
            creates: Vec::new(),
            build: None,
            probe: Probe::Marked,
            hazards: Vec::new(),
            overrules: Vec::new(),
            not_null_checks: Vec::new(),
            validates: Vec::new(),
            sets_not_null: Vec::new(),
        }
    }

    /// What kind of change it is; the one that needs the most care, if it is several.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.person.is_some() {
            Kind::Person
        } else if !self.destroys.is_empty() {
            Kind::Destructive
        } else if self.rows.is_some() {
            Kind::Backfill
        } else if self.additive {
            Kind::Additive
        } else {
            Kind::Neutral
        }
    }

    fn lock(&mut self, table: &Name, level: LockLevel, work: Work) {
        self.locks.push(Lock {
            table: table.clone(),
            level,
            work,
        });
    }

    fn never(&mut self, probe: Probe) {
        self.transaction = Transaction::Never;
        self.probe = probe;
    }

    fn hazard(&mut self, rule: &'static str, level: Level, message: impl Into<String>) -> &mut Hazard {
        self.hazards.push(Hazard {
            rule,
            level,
            message: message.into(),
            safe: None,
            scales: None,
        });
        let last = self.hazards.len() - 1;
        &mut self.hazards[last]
    }

    fn destroys(&mut self, what: String) {
        self.destroys.push(what);
    }

    fn person(&mut self, rule: &'static str, why: &str) {
        self.person.get_or_insert_with(|| why.to_owned());
        self.hazard(rule, Level::Person, why);
    }
}

impl Hazard {
    fn safe(&mut self, sql: impl Into<String>) -> &mut Self {
        self.safe = Some(sql.into());
        self
    }

    fn scales(&mut self, table: &Name) -> &mut Self {
        self.scales = Some(table.clone());
        self
    }
}

/// What a statement does.
#[must_use]
pub fn analyse(statement: &Statement) -> Analysis {
    let mut at = Cursor::new(&statement.sql);
    let mut what = Analysis::new(title::title(&at));
    let text = statement.sql.as_str();
    let first = at.peek(0);
    match first.as_str() {
        "alter" => {
            at.skip();
            if at.eat("table") || at.eat("foreign table") {
                alter_table::table(&mut what, &mut at);
            } else {
                alter::object(&mut what, &mut at);
            }
        }
        "create" => {
            at.skip();
            create::object(&mut what, &mut at, text);
        }
        "drop" => {
            at.skip();
            remove::object(&mut what, &mut at);
        }
        "truncate" => {
            at.skip();
            remove::truncate(&mut what, &mut at);
        }
        "update" | "delete" | "insert" | "merge" | "copy" | "select" | "with" | "values" | "table" => {
            data::rows(&mut what, &mut at, text);
        }
        _ => session::other(&mut what, &mut at),
    }
    what
}

#[cfg(test)]
mod tests;
