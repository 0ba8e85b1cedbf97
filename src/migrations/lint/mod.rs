//! Judging migrations before they run: what each statement locks, what that blocks, for how long to expect, and the safe way.
//!
//! squawk's rules are the base; ours close its gaps (`rules`), say the same things with locks and rewritten SQL (`sql::analyse`),
//! and judge a file as a whole (`file`). It works without a database. With a [`Catalog`] of the one the migrations are for, a
//! rule that depends on size says nothing of a small table, and refuses a large or busy one.
//!
//! No comment in a file switches a rule off: who may override a verdict is decided where it is run.

mod catalog;
mod file;
mod finding;
mod github;
mod known;
mod rules;
mod same;
mod squawk;
mod whole;

pub use catalog::{Catalog, Facts, Size, expected};
pub use file::{FileReport, StatementReport};
pub(crate) use file::{in_transaction, unwrapped};
pub use finding::{Finding, Level, Locked, Verdict};
pub use github::annotation;
pub use rules::explain;

use crate::source::{Declared, Source};
use known::Known;
use serde::{Deserialize, Serialize};

/// What is known beside the files.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The server's major version; 15 when nobody says.
    pub server: Option<u32>,
    /// What the database says of its tables.
    pub catalog: Option<Catalog>,
    /// What may be destroyed, because everybody agreed.
    pub ready: Vec<Ready>,
}

/// Everybody agreed to destroy this object by exactly this statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The object, as the analysis of a statement says what is destroyed: `column users.legacy`.
    pub object: String,
    /// The statement, as [`statement_checksum`] gives it.
    pub checksum: String,
}

/// The SHA-256 of a statement, in hexadecimal, as an agreement names it.
#[must_use]
pub fn statement_checksum(sql: &str) -> String {
    use sha2::{Digest as _, Sha256};
    crate::source::hex(&Sha256::digest(sql.trim().as_bytes()))
}

/// What is to be said of migrations, file by file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order they run.
    pub files: Vec<FileReport>,
}

impl Report {
    /// The worst verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.files.iter().map(|file| file.verdict);
        verdicts.max().unwrap_or(Verdict::Fine)
    }

    /// All findings, in the order of the files.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| &file.findings)
    }
}

/// Judges all migrations of a source, each with what those before it are known to have done.
#[must_use]
pub fn lint(source: &Source, settings: &Settings) -> Report {
    let mut known = Known::default();
    let files = source.migrations.iter();
    Report {
        files: files
            .map(|migration| file::judge(source.format, migration, settings, &mut known))
            .collect(),
    }
}

/// Judges one text by itself, as a file of sqlx that runs in a transaction, or in none.
#[must_use]
pub fn lint_sql(sql: &str, declared: Declared, settings: &Settings) -> FileReport {
    let migration = crate::source::Migration {
        version: None,
        description: String::new(),
        file: String::new(),
        sql: sql.to_owned(),
        checksum: None,
        declared,
    };
    file::judge(
        crate::source::Format::Sqlx,
        &migration,
        settings,
        &mut Known::default(),
    )
}

#[cfg(test)]
mod tests;
