//! What a database says was applied, compared with the files. Pure; reading and writing it is [`crate::postgres`]'.

use crate::source::{Checksum, Format, Migration, Source, Version};
use serde::{Deserialize, Serialize};

/// One row of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which; none for a repeatable one.
    pub version: Option<Version>,
    /// What its name said.
    pub description: String,
    /// What was kept of its text, if anything was.
    pub checksum: Option<Checksum>,
    /// Whether it went well.
    pub success: bool,
    /// Whether it was a file here: Flyway also keeps migrations written in Java, and marks of its own.
    pub is_file: bool,
}

/// What a database says was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// In the order they were applied.
    pub applied: Vec<Applied>,
    /// Everything up to this version counts as applied: golang-migrate keeps the last alone, Flyway a baseline.
    pub upto: Option<Version>,
    /// That version was begun and not ended: golang-migrate.
    pub dirty: bool,
}

/// Why nothing can be applied as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The text of an applied file is another one now.
    #[error(
        "{file} was changed after it was applied (checksum {was}, now {is}). Bring the old text back, and make the change in a new \
         migration"
    )]
    Changed {
        /// The file.
        file: String,
        /// What was applied.
        was: String,
        /// What is there.
        is: String,
    },
    /// An applied one is not among the files.
    #[error(
        "version {version} ({description}) was applied to the database, and there is no such file. Is this an older release than the one \
         that runs?"
    )]
    Missing {
        /// Which.
        version: String,
        /// What its name said.
        description: String,
    },
    /// A file that comes before what was applied.
    #[error(
        "{file} comes before {newest}, which is applied already. Give it a higher number, so that every database has the same order"
    )]
    OutOfOrder {
        /// The file.
        file: String,
        /// The newest that is applied.
        newest: String,
    },
    /// One that was begun by somebody and did not end well.
    #[error(
        "version {version} was begun by another tool and did not end well. See what it left behind, then mend the row in the history"
    )]
    Dirty {
        /// Which.
        version: String,
    },
}

/// Files and history side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Places in [`Source::migrations`] of those that are to be applied, in order.
    pub pending: Vec<usize>,
    /// How many files are applied.
    pub applied: usize,
    /// Why nothing can be applied, if so.
    pub refusals: Vec<Refusal>,
}

/// Compares files with a history. `out_of_order` allows a file to come before what is applied.
#[must_use]
pub fn compare(source: &Source, history: &History, out_of_order: bool) -> Compared {
    let mut compared = Compared {
        pending: Vec::new(),
        applied: 0,
        refusals: Vec::new(),
    };
    let newest = history.applied.iter().filter_map(|row| row.version.clone()).max();
    let newest = newest.max(history.upto.clone());
    if history.dirty {
        compared.refusals.push(Refusal::Dirty {
            version: history.upto.as_ref().map(ToString::to_string).unwrap_or_default(),
        });
    }
    for row in history.applied.iter().filter(|row| !row.success) {
        compared.refusals.push(Refusal::Dirty { version: label(row) });
    }
    let below = |version: &Option<Version>| match (&history.upto, version) {
        (Some(upto), Some(version)) => version <= upto,
        _ => false,
    };
    for (place, migration) in source.migrations.iter().enumerate() {
        // The last row counts: a repeatable one has many.
        let row = history.applied.iter().rev().find(|row| is_row_of(row, migration));
        match row {
            Some(row) if row.checksum == migration.checksum || row.checksum.is_none() => {
                compared.applied += 1
            }
            Some(_) if migration.version.is_none() => compared.pending.push(place),
            Some(row) => compared.refusals.push(Refusal::Changed {
                file: migration.file.clone(),
                was: row.checksum.as_ref().map(ToString::to_string).unwrap_or_default(),
                is: migration
                    .checksum
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            }),
            None if below(&migration.version) => compared.applied += 1,
            None => {
                if !out_of_order
                    && let (Some(version), Some(newest)) = (&migration.version, &newest)
                    && version < newest
                {
                    compared.refusals.push(Refusal::OutOfOrder {
                        file: migration.file.clone(),
                        newest: newest.to_string(),
                    });
                }
                compared.pending.push(place);
            }
        }
    }
    for row in history.applied.iter().filter(|row| row.is_file && row.success) {
        if !source
            .migrations
            .iter()
            .any(|migration| is_row_of(row, migration))
        {
            // A repeatable file may be taken away.
            if row.version.is_some() {
                compared.refusals.push(Refusal::Missing {
                    version: label(row),
                    description: row.description.clone(),
                });
            }
        }
    }
    if source.format == Format::GolangMigrate
        && let Some(upto) = &history.upto
        && !source
            .migrations
            .iter()
            .any(|one| one.version.as_ref() == Some(upto))
    {
        compared.refusals.push(Refusal::Missing {
            version: upto.to_string(),
            description: "the last one applied".to_owned(),
        });
    }
    compared
}

fn label(row: &Applied) -> String {
    row.version
        .as_ref()
        .map_or_else(|| row.description.clone(), ToString::to_string)
}

fn is_row_of(row: &Applied, migration: &Migration) -> bool {
    match (&row.version, &migration.version) {
        (None, None) => row.description == migration.description,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
