//! Purpose: folders as sqlx reads them (`sqlx-core`, `migrate/source.rs`): files at the top level alone.

use super::{Declared, Migration, SourceError, Tree, Version, checksum::sqlx_checksum};

/// Byte one of a file that is not to be run in a transaction.
const NO_TRANSACTION: &str = "-- no-transaction";

/// Whether a name is one of sqlx'.
pub(super) fn is_one(name: &str) -> bool {
    name.split_once('_')
        .is_some_and(|(number, rest)| number.parse::<i64>().is_ok() && rest.ends_with(".sql"))
}

pub(super) fn read(tree: &Tree) -> Result<Vec<Migration>, SourceError> {
    let mut found = Vec::new();
    for (file, sql) in tree.entries() {
        if file.contains('/') {
            continue;
        }
        let Some((number, rest)) = file.split_once('_').filter(|(_, rest)| rest.ends_with(".sql")) else {
            continue;
        };
        let version: i64 = number.parse().map_err(|_| SourceError::Name {
            file: file.to_owned(),
            why: "sqlx wants a number before the first underscore, as in `0001_users.sql`".to_owned(),
        })?;
        if rest.ends_with(".down.sql") {
            continue;
        }
        let suffix = if rest.ends_with(".up.sql") {
            ".up.sql"
        } else {
            ".sql"
        };
        found.push(Migration {
            version: Some(Version::from(version)),
            // As sqlx does: every such ending goes.
            description: rest.trim_end_matches(suffix).replace('_', " "),
            file: file.to_owned(),
            sql: sql.to_owned(),
            checksum: Some(sqlx_checksum(sql)),
            declared: if sql.starts_with(NO_TRANSACTION) {
                Declared::NoTransaction
            } else {
                Declared::Transaction
            },
        });
    }
    Ok(found)
}
