//! Where migrations come from: a folder, or a tree of files in memory (an image, a repository at a commit), in the format
//! of the tool that usually runs them.
//!
//! | format | files | history |
//! |---|---|---|
//! | sqlx | `<number>_<description>.sql`, `.up.sql` | `_sqlx_migrations` |
//! | golang-migrate | `<number>_<title>.up.sql` | `schema_migrations` |
//! | Flyway | `V<version>__<description>.sql`, `R__<description>.sql` | `flyway_schema_history` |
//!
//! Files that take something back (`.down.sql`, `U…`) are never run: the way is forward.

mod checksum;
mod flyway;
mod golang;
mod sqlx;
mod tree;
mod version;

pub(crate) use checksum::hex;
pub use checksum::{Checksum, flyway_checksum, sqlx_checksum};
pub use tree::{Tree, TreeError};
pub use version::Version;

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose format files and history are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// sqlx: <https://docs.rs/sqlx/latest/sqlx/migrate/trait.MigrationSource.html>.
    Sqlx,
    /// golang-migrate: <https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md>.
    GolangMigrate,
    /// Flyway: <https://documentation.red-gate.com/flyway/flyway-concepts/migrations>.
    Flyway,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlx => "sqlx",
            Self::GolangMigrate => "golang-migrate",
            Self::Flyway => "Flyway",
        })
    }
}

/// What a format says of a file and transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// The whole file is one transaction.
    Transaction,
    /// None of it is: each statement is its own.
    NoTransaction,
    /// It depends on the statements: one transaction, unless one of them cannot run in any.
    ByStatements,
}

/// One file that brings the schema forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its place in the order; none for Flyway's repeatable ones, which run last, whenever they changed.
    pub version: Option<Version>,
    /// What its name says.
    pub description: String,
    /// Where it is in the tree.
    pub file: String,
    /// Its text.
    pub sql: String,
    /// What the format keeps of the text, if it keeps anything.
    pub checksum: Option<Checksum>,
    /// What it says of transactions.
    pub declared: Declared,
}

impl Migration {
    /// What it is called in a sentence: its version, or its description.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => version.to_string(),
            None => self.description.clone(),
        }
    }
}

/// All migrations of a tree, in the order they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The format they are in.
    pub format: Format,
    /// In the order they run.
    pub migrations: Vec<Migration>,
}

/// Why a tree cannot be read as migrations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The files cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A name says nothing this format knows.
    #[error("{file}: {why}")]
    Name {
        /// Which file.
        file: String,
        /// What is wrong with its name.
        why: String,
    },
    /// Two files claim the same place.
    #[error("{first} and {second} are both version {version}; give one of them another number")]
    Duplicate {
        /// Which place.
        version: String,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// There is nothing that says whose format it is.
    #[error(
        "no migrations found: neither sqlx (`1_name.sql`), golang-migrate (`1_name.up.sql` with `1_name.down.sql`) nor \
         Flyway (`V1__name.sql`)"
    )]
    Nothing,
    /// Files of two formats.
    #[error("{first} is named as {one} does, {second} as {other} does; say which format is meant")]
    Mixed {
        /// A file.
        first: String,
        /// Its format.
        one: Format,
        /// Another file.
        second: String,
        /// Its format.
        other: Format,
    },
    /// Something the format has and Otus does not do.
    #[error("{file}: {what}")]
    Unsupported {
        /// Which file.
        file: String,
        /// What, and what to do instead.
        what: String,
    },
}

impl Source {
    /// Reads a tree, in this format, or in the one that its names show.
    ///
    /// # Errors
    /// When a name is wrong, a version is there twice, or the format cannot be told.
    pub fn read(tree: &Tree, format: Option<Format>) -> Result<Self, SourceError> {
        let format = match format {
            Some(format) => format,
            None => detect(tree)?,
        };
        let mut migrations = match format {
            Format::Sqlx => sqlx::read(tree)?,
            Format::GolangMigrate => golang::read(tree)?,
            Format::Flyway => flyway::read(tree)?,
        };
        // Repeatable ones last, by their description.
        migrations.sort_by(|one, other| match (&one.version, &other.version) {
            (Some(one), Some(other)) => one.cmp(other),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => one.description.cmp(&other.description),
        });
        for pair in migrations.windows(2) {
            let [one, other] = pair else { continue };
            let same = match (&one.version, &other.version) {
                (None, None) => one.description == other.description,
                (one, other) => one == other,
            };
            if same {
                return Err(SourceError::Duplicate {
                    version: one.label(),
                    first: one.file.clone(),
                    second: other.file.clone(),
                });
            }
        }
        Ok(Self { format, migrations })
    }
}

/// Whose names these are. `1_name.up.sql` is both sqlx' and golang-migrate's; it counts as golang-migrate's, which knows no
/// other, unless a file without `.up` or `.down` is there, too.
fn detect(tree: &Tree) -> Result<Format, SourceError> {
    let mut flyway = None;
    let mut sqlx = None;
    let mut golang = None;
    for file in tree.files() {
        let name = file.rsplit('/').next().unwrap_or(file);
        if flyway::is_one(name) {
            flyway.get_or_insert(file);
        } else if !file.contains('/') && golang::is_one(name) {
            golang.get_or_insert(file);
        } else if !file.contains('/') && sqlx::is_one(name) {
            sqlx.get_or_insert(file);
        }
    }
    let mixed = |first: &str, one, second: &str, other| SourceError::Mixed {
        first: first.to_owned(),
        one,
        second: second.to_owned(),
        other,
    };
    match (flyway, sqlx, golang) {
        (Some(first), Some(second), _) => Err(mixed(first, Format::Flyway, second, Format::Sqlx)),
        (Some(first), None, Some(second)) => Err(mixed(first, Format::Flyway, second, Format::GolangMigrate)),
        (Some(_), None, None) => Ok(Format::Flyway),
        (None, Some(_), _) => Ok(Format::Sqlx),
        (None, None, Some(_)) => Ok(Format::GolangMigrate),
        (None, None, None) => Err(SourceError::Nothing),
    }
}

#[cfg(test)]
mod tests;
