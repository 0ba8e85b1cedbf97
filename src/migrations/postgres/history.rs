//! Purpose: the histories of sqlx, golang-migrate and Flyway, read and written as those tools do.

use super::session::{Fault, Session, literal};
use crate::{
    history::{Applied, History},
    source::{Checksum, Format, Migration, Version},
    sql::quoted,
};
use sqlx::{Row as _, postgres::PgRow};

/// A history that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    format: Format,
    /// With its schema, as it is written in SQL, so that a file that changes the search path does not lose it.
    pub(super) name: String,
    /// Its schema, as it is written in SQL.
    pub(super) schema: String,
}

/// Its name in each format.
fn usual(format: Format) -> &'static str {
    match format {
        Format::Sqlx => "_sqlx_migrations",
        Format::GolangMigrate => "schema_migrations",
        Format::Flyway => "flyway_schema_history",
    }
}

fn text(row: &PgRow, column: usize) -> Result<Option<String>, Fault> {
    row.try_get(column)
        .map_err(|error| super::session::fault(&error, false))
}

impl Table {
    /// Finds it, if it is there.
    pub(super) async fn find(session: &mut Session, format: Format) -> Result<Option<Self>, Fault> {
        let found = session
            .rows(
                "SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid = to_regclass($1)",
                &[usual(format)],
            )
            .await?;
        let Some(row) = found.first() else { return Ok(None) };
        let schema = text(row, 0)?.unwrap_or_default();
        Ok(Some(Self {
            format,
            name: format!("{}.{}", quoted(&schema), quoted(usual(format))),
            schema: quoted(&schema),
        }))
    }

    /// Finds it, or makes it as the tool would.
    pub(super) async fn make(session: &mut Session, format: Format) -> Result<Self, Fault> {
        if let Some(found) = Self::find(session, format).await? {
            return Ok(found);
        }
        let name = usual(format);
        let statements: &[&str] = match format {
            Format::Sqlx => &[
                "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                 installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
                 execution_time BIGINT NOT NULL)",
            ],
            Format::GolangMigrate => &[
                "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty \
                 boolean NOT NULL)",
            ],
            Format::Flyway => &[
                "CREATE TABLE IF NOT EXISTS flyway_schema_history (installed_rank INT NOT NULL, version VARCHAR(50), description \
                 VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INTEGER, installed_by \
                 VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(), execution_time INTEGER NOT NULL, success \
                 BOOLEAN NOT NULL, CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank))",
                "CREATE INDEX IF NOT EXISTS flyway_schema_history_s_idx ON flyway_schema_history (success)",
            ],
        };
        for statement in statements {
            session.run(statement).await?;
        }
        let found = Self::find(session, format).await?;
        found.ok_or_else(|| {
            Fault::Sql(format!(
                "{name} was made and cannot be found: is search_path set for this user?"
            ))
        })
    }

    /// What it says was applied.
    pub(super) async fn read(&self, session: &mut Session) -> Result<History, Fault> {
        let name = &self.name;
        match self.format {
            Format::Sqlx => {
                let sql = format!(
                    "SELECT version::text, description, encode(checksum, 'hex'), success::text FROM {name} ORDER BY version"
                );
                let mut history = History::default();
                for row in session.rows(&sql, &[]).await? {
                    history.applied.push(Applied {
                        version: version(text(&row, 0)?)?,
                        description: text(&row, 1)?.unwrap_or_default(),
                        checksum: text(&row, 2)?.map(Checksum::Sha384),
                        success: text(&row, 3)?.as_deref() == Some("true"),
                        is_file: true,
                    });
                }
                Ok(history)
            }
            Format::GolangMigrate => {
                let sql =
                    format!("SELECT version::text, dirty::text FROM {name} ORDER BY version DESC LIMIT 1");
                let rows = session.rows(&sql, &[]).await?;
                let Some(row) = rows.first() else {
                    return Ok(History::default());
                };
                Ok(History {
                    upto: version(text(row, 0)?)?,
                    dirty: text(row, 1)?.as_deref() == Some("true"),
                    ..History::default()
                })
            }
            Format::Flyway => {
                let sql = format!(
                    "SELECT version, description, checksum::text, success::text, type FROM {name} ORDER BY installed_rank"
                );
                let mut history = History::default();
                for row in session.rows(&sql, &[]).await? {
                    let kind = text(&row, 4)?.unwrap_or_default();
                    let of = version(text(&row, 0)?)?;
                    let description = text(&row, 1)?.unwrap_or_default();
                    match kind.as_str() {
                        // Also `SQL_BASELINE` and its like, whose file holds all there was up to there.
                        _ if kind.ends_with("BASELINE") => history.upto = of,
                        // It keeps rows and takes them back by another. Repeatable ones have no version, and are told by what they are called.
                        _ if kind == "DELETE" || kind.starts_with("UNDO_") => history.applied.retain(|row| {
                            row.version != of || (of.is_none() && row.description != description)
                        }),
                        "SCHEMA" => {}
                        _ => history.applied.push(Applied {
                            version: of,
                            description,
                            checksum: text(&row, 2)?
                                .and_then(|sum| sum.parse().ok())
                                .map(Checksum::Crc32),
                            success: text(&row, 3)?.as_deref() == Some("true"),
                            is_file: kind == "SQL",
                        }),
                    }
                }
                Ok(history)
            }
        }
    }

    /// The statements that write a migration down, to be run in its transaction. `ms` is how long it took.
    pub(super) fn record(&self, migration: &Migration, ms: u64) -> Vec<String> {
        let name = &self.name;
        let number = migration
            .version
            .as_ref()
            .and_then(Version::number)
            .unwrap_or_default();
        match self.format {
            Format::Sqlx => {
                let checksum = match &migration.checksum {
                    Some(Checksum::Sha384(hex)) => hex.clone(),
                    _ => String::new(),
                };
                vec![format!(
                    "INSERT INTO {name} (version, description, success, checksum, execution_time) VALUES ({number}, {}, TRUE, \
                     decode('{checksum}', 'hex'), {})",
                    literal(&migration.description),
                    ms.saturating_mul(1_000_000).min(i64::MAX.unsigned_abs()),
                )]
            }
            Format::GolangMigrate => vec![
                format!("DELETE FROM {name}"),
                format!("INSERT INTO {name} (version, dirty) VALUES ({number}, false)"),
            ],
            Format::Flyway => {
                let checksum = match &migration.checksum {
                    Some(Checksum::Crc32(number)) => number.to_string(),
                    _ => "NULL".to_owned(),
                };
                let version = migration
                    .version
                    .as_ref()
                    .map_or("NULL".to_owned(), |version| literal(&version.to_string()));
                vec![format!(
                    "INSERT INTO {name} (installed_rank, version, description, type, script, checksum, installed_by, execution_time, \
                     success) SELECT coalesce(max(installed_rank), 0) + 1, {version}, {}, 'SQL', {}, {checksum}, current_user, {}, TRUE \
                     FROM {name}",
                    literal(&migration.description),
                    literal(&migration.file),
                    ms.min(u64::from(i32::MAX.unsigned_abs())),
                )]
            }
        }
    }
}

fn version(text: Option<String>) -> Result<Option<Version>, Fault> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Some(Version::from(number)));
    }
    match text.parse() {
        Ok(version) => Ok(Some(version)),
        Err(error) => Err(Fault::Sql(format!(
            "the history has the version `{text}`: {error}"
        ))),
    }
}

/// The advisory locks that keep others out, the tool's own among them.
///
/// sqlx: `0x3d32ad9e` times the CRC-32 of the database's name. golang-migrate: the CRC-32 of schema, table and database, with
/// zeros between, times 1486364155, in 32 bits.
pub(super) fn lock_ids(format: Format, database: &str, schema: &str) -> Vec<i64> {
    let crc = |text: &str| crc32fast::hash(text.as_bytes());
    let mut ids = vec![0x3d32_ad9e_i64.wrapping_mul(i64::from(crc(database)))];
    if format == Format::GolangMigrate {
        let text = format!("{schema}\0{}\0{database}", usual(format));
        ids.push(i64::from(crc(&text).wrapping_mul(1_486_364_155)));
    }
    ids
}
