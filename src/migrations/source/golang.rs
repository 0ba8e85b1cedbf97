//! Purpose: folders as golang-migrate reads them: `{version}_{title}.up.{extension}`, with `.down.` beside.

use super::{Declared, Migration, SourceError, Tree, Version};

/// The parts of a name: number, title, direction.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (number, rest) = name.split_once('_')?;
    let stem = rest.strip_suffix(".sql")?;
    let (title, direction) = stem.rsplit_once('.')?;
    let numeric = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (numeric && matches!(direction, "up" | "down")).then_some((number, title, direction))
}

/// Whether a name is one of golang-migrate's.
pub(super) fn is_one(name: &str) -> bool {
    parts(name).is_some()
}

pub(super) fn read(tree: &Tree) -> Result<Vec<Migration>, SourceError> {
    let mut found = Vec::new();
    for (file, sql) in tree.entries() {
        if file.contains('/') {
            continue;
        }
        let Some((number, title, direction)) = parts(file) else {
            return Err(SourceError::Name {
                file: file.to_owned(),
                why: "golang-migrate passes it over; it wants `<number>_<title>.up.sql`".to_owned(),
            });
        };
        if direction == "down" {
            continue;
        }
        let version: i64 = number.parse().map_err(|_| SourceError::Name {
            file: file.to_owned(),
            why: format!("{number} is too large for golang-migrate's table"),
        })?;
        found.push(Migration {
            version: Some(Version::from(version)),
            description: title.replace('_', " "),
            file: file.to_owned(),
            sql: sql.to_owned(),
            checksum: None,
            declared: Declared::ByStatements,
        });
    }
    Ok(found)
}
