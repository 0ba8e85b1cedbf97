//! Purpose: folders as Flyway reads them: `V<version>__<description>.sql` and `R__<description>.sql`, below any folder.

use super::{Declared, Migration, SourceError, Tree, Version, checksum::flyway_checksum};

/// Flyway's scripts that run at other times, by the beginning of their names. They would be left out without a word.
const CALLBACKS: &[&str] = &["before", "after", "create"];

/// Whether a name is one of Flyway's.
pub(super) fn is_one(name: &str) -> bool {
    let Some((head, rest)) = name.split_once("__") else {
        return false;
    };
    rest.ends_with(".sql")
        && (head == "R"
            || head
                .strip_prefix('V')
                .is_some_and(|version| version.parse::<Version>().is_ok()))
}

pub(super) fn read(tree: &Tree) -> Result<Vec<Migration>, SourceError> {
    let mut found = Vec::new();
    for (file, sql) in tree.entries() {
        let name = file.rsplit('/').next().unwrap_or(file);
        let Some(stem) = name.strip_suffix(".sql") else {
            continue;
        };
        let unsupported = |what: &str| SourceError::Unsupported {
            file: file.to_owned(),
            what: what.to_owned(),
        };
        let (version, rest) = match stem.split_once("__") {
            Some(("R", rest)) => (None, rest),
            Some((head, rest)) if head.starts_with('V') => {
                let version = head[1..].parse::<Version>().map_err(|error| SourceError::Name {
                    file: file.to_owned(),
                    why: error.to_string(),
                })?;
                (Some(version), rest)
            }
            Some((head, _)) if head.starts_with('U') => continue,
            Some((head, _)) if head.starts_with('B') => {
                return Err(unsupported(
                    "a baseline migration; run it by Flyway once, the rest can be run here",
                ));
            }
            _ if CALLBACKS.iter().any(|callback| stem.starts_with(callback)) => {
                return Err(unsupported(
                    "a callback, which is not run here; put it into a migration",
                ));
            }
            _ => {
                return Err(SourceError::Name {
                    file: file.to_owned(),
                    why: "Flyway wants `V1__name.sql` or `R__name.sql`".to_owned(),
                });
            }
        };
        if let Some(placeholder) = placeholder(sql) {
            return Err(unsupported(&format!(
                "it uses the placeholder {placeholder}, whose value only Flyway's configuration knows; write the value instead"
            )));
        }
        let declared = match tree.text(&format!("{file}.conf")).map(execute_in_transaction) {
            Some(Some(false)) => Declared::NoTransaction,
            Some(Some(true)) => Declared::Transaction,
            _ => Declared::ByStatements,
        };
        found.push(Migration {
            version,
            description: rest.replace('_', " "),
            file: file.to_owned(),
            sql: sql.to_owned(),
            checksum: Some(flyway_checksum(sql)),
            declared,
        });
    }
    Ok(found)
}

/// `${name}`, if there is one.
fn placeholder(sql: &str) -> Option<&str> {
    let from = sql.find("${")?;
    let upto = sql[from..].find('}')?;
    sql.get(from..=from + upto)
}

/// What a script's own configuration says.
fn execute_in_transaction(conf: &str) -> Option<bool> {
    conf.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "executeInTransaction").then(|| value.trim() == "true")
    })
}
