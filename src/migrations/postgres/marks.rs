//! Purpose: marks of what is done of a file that is in no transaction, kept in the database that it is done to, so that mark and
//! deed are one.

use super::{
    history::Table,
    session::{Fault, Session, literal},
};
use crate::source::Migration;
use sqlx::Row as _;

/// The table of marks. It is empty but while a file is half done.
pub(super) const NAME: &str = "_otus_migration_marks";

/// What is marked of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) statement: usize,
    pub(super) done: bool,
    /// How far a backfill came: the last key, as text.
    pub(super) cursor: Option<String>,
    /// Where it ends: the largest key when it began.
    pub(super) upto: Option<String>,
    /// Rows that it changed.
    pub(super) rows: u64,
}

/// Where the marks of a file are.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    table: String,
    file: String,
    checksum: String,
}

impl Marks {
    /// Of a file.
    pub(super) fn of(history: &Table, migration: &Migration) -> Self {
        Self {
            table: format!("{}.{NAME}", history.schema),
            file: literal(&migration.file),
            checksum: literal(&crate::lint::statement_checksum(&migration.sql)),
        }
    }

    /// Makes the table.
    pub(super) async fn make(&self, session: &mut Session) -> Result<(), Fault> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (file text NOT NULL, statement int NOT NULL, checksum text NOT NULL, done boolean NOT NULL, \
             cursor text, upto text, changed bigint NOT NULL DEFAULT 0, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (file, \
             statement))",
            self.table
        );
        session.run(&sql).await.map(drop)
    }

    /// What is marked; a reason when the file was changed since.
    pub(super) async fn read(&self, session: &mut Session) -> Result<Result<Vec<Mark>, String>, Fault> {
        let sql = format!(
            "SELECT statement::int8, done, cursor, upto, changed, checksum = {} FROM {} WHERE file = {} ORDER BY statement",
            self.checksum, self.table, self.file
        );
        let mut marks = Vec::new();
        for row in session.rows(&sql, &[]).await? {
            let wrong = |error: sqlx::Error| super::session::fault(&error, false);
            let same: bool = row.try_get(5).map_err(wrong)?;
            if !same {
                return Ok(Err("the file was changed after a part of it was done. Bring the old text back, run it to its end, and make \
                     the change in a new migration"
                    .to_owned()));
            }
            let statement: i64 = row.try_get(0).map_err(wrong)?;
            let changed: i64 = row.try_get(4).map_err(wrong)?;
            marks.push(Mark {
                statement: usize::try_from(statement).unwrap_or_default(),
                done: row.try_get(1).map_err(wrong)?,
                cursor: row.try_get(2).map_err(wrong)?,
                upto: row.try_get(3).map_err(wrong)?,
                rows: changed.unsigned_abs(),
            });
        }
        Ok(Ok(marks))
    }

    /// The statement that marks one.
    pub(super) fn mark(&self, statement: usize, done: bool) -> String {
        format!(
            "INSERT INTO {t} AS m (file, statement, checksum, done) VALUES ({}, {statement}, {}, {done}) ON CONFLICT (file, statement) DO \
             UPDATE SET done = excluded.done, at = now()",
            self.file,
            self.checksum,
            t = self.table,
        )
    }

    /// The statement that marks how far a backfill came.
    pub(super) fn batch(&self, mark: &Mark) -> String {
        let text = |text: &Option<String>| text.as_deref().map_or("NULL".to_owned(), literal);
        format!(
            "INSERT INTO {t} AS m (file, statement, checksum, done, cursor, upto, changed) VALUES ({}, {}, {}, {}, {}, {}, {}) ON CONFLICT \
             (file, statement) DO UPDATE SET done = excluded.done, cursor = excluded.cursor, upto = excluded.upto, changed = \
             excluded.changed, at = now()",
            self.file,
            mark.statement,
            self.checksum,
            mark.done,
            text(&mark.cursor),
            text(&mark.upto),
            mark.rows,
            t = self.table,
        )
    }

    /// The statement that takes back the mark of one.
    pub(super) fn unmark(&self, statement: usize) -> String {
        format!(
            "DELETE FROM {} WHERE file = {} AND statement = {statement}",
            self.table, self.file
        )
    }

    /// The statement that forgets the file.
    pub(super) fn forget(&self) -> String {
        format!("DELETE FROM {} WHERE file = {}", self.table, self.file)
    }
}
