//! Purpose: whether all that is in a column is in the one that replaces it. A column of another name or type is added, written beside the
//! old one and filled by a backfill; only then may the old one go.

use crate::{
    contract::Column,
    postgres::{Fault, Session, fault},
    sql::quoted,
};
use sqlx::Row as _;

/// So many rows are counted, no more.
const MOST: u64 = 10_000;
/// For so long at most: longer than a look may take, shorter than what anybody would notice of a plain read.
const LONGEST: &str = "SET statement_timeout = '30s'";

/// How far copying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// Every row.
    All,
    /// So many rows are not, or [`Copied::Many`].
    Without(u64),
    /// More than ten thousand are not.
    Many,
    /// There is no such column yet.
    NotThere,
    /// The table is too large to be read in half a minute.
    Unknown,
}

/// Looks which rows of a column are not in another column of its table: those that differ, where both are of one type, else those where
/// the new one is null and the old one is not. Changes nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn copied(session: &mut Session, old: &Column, new: &str) -> Result<Copied, Fault> {
    let table = old.table.sql();
    let wrong = |error: sqlx::Error| fault(&error, false);
    let types = session
        .rows(
            "SELECT o.atttypid = n.atttypid FROM pg_attribute o JOIN pg_attribute n ON n.attrelid = o.attrelid AND n.attname = $3 AND NOT \
             n.attisdropped WHERE o.attrelid = to_regclass($1) AND o.attname = $2",
            &[&table, &old.column, new],
        )
        .await?;
    let Some(row) = types.first() else {
        return Ok(Copied::NotThere);
    };
    let (from, to) = (quoted(&old.column), quoted(new));
    // As text, since not every type can be compared.
    let lacks = match row.try_get::<bool, _>(0).map_err(wrong)? {
        true => format!("{from}::text IS DISTINCT FROM {to}::text"),
        false => format!("{from} IS NOT NULL AND {to} IS NULL"),
    };
    session.run(LONGEST).await?;
    // The comment keeps it from counting as a use of the column.
    let counted = session
        .rows(
            &format!(
                "/* otus: contract */ SELECT count(*)::int8 FROM (SELECT FROM {table} WHERE {lacks} LIMIT {}) lacking",
                MOST + 1
            ),
            &[],
        )
        .await;
    let counted = match counted {
        Ok(rows) => rows,
        Err(Fault::Sql(why)) if why.contains("57014") => return Ok(Copied::Unknown),
        Err(Fault::Stopped) => return Ok(Copied::Unknown),
        Err(fault) => return Err(fault),
    };
    let Some(row) = counted.first() else {
        return Ok(Copied::Unknown);
    };
    let count: i64 = row.try_get(0).map_err(wrong)?;
    Ok(match count.unsigned_abs() {
        0 => Copied::All,
        many if many > MOST => Copied::Many,
        some => Copied::Without(some),
    })
}
