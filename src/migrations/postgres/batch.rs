//! Purpose: the next batch of a backfill, in one transaction with the mark of how far it came.

use super::{
    marks::{Mark, Marks},
    session::{Fault, Session, fault, literal},
};
use crate::{
    backfill::{Batches, Declaration, Pace},
    run::{Settings, Wish},
    sql::quoted,
};
use sqlx::Row as _;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A backfill under way.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// Of which file and statement.
    pub(super) of: (usize, usize),
    key: String,
    /// The key's type, as it is written in SQL.
    of_type: String,
    pub(super) mark: Mark,
    pace: Pace,
    /// The smallest key, where keys are numbers.
    first: Option<f64>,
}

impl Running {
    /// Finds the key, and where it left off.
    pub(super) async fn begin(
        session: &mut Session,
        of: (usize, usize),
        declaration: &Declaration,
        batches: &Batches,
        mark: Option<Mark>,
    ) -> Result<Self, Fault> {
        let (key, of_type) = key(session, declaration, batches).await?;
        let mut mark = mark.unwrap_or(Mark {
            statement: of.1,
            done: false,
            cursor: None,
            upto: None,
            rows: 0,
        });
        if mark.upto.is_none() {
            // Rows that come later are written by what knows the new column.
            let sql = format!(
                // In two steps: a column as text would be ordered as text.
                "SELECT k::text FROM (SELECT {k} AS k FROM {} ORDER BY 1 DESC LIMIT 1) AS last",
                batches.table.sql(),
                k = quoted(&key)
            );
            let rows = session.rows(&sql, &[]).await?;
            mark.upto = match rows.first() {
                Some(row) => row.try_get(0).map_err(|error| fault(&error, false))?,
                None => None,
            };
        }
        let sql = format!(
            "SELECT k::text FROM (SELECT {k} AS k FROM {} ORDER BY 1 LIMIT 1) AS first",
            batches.table.sql(),
            k = quoted(&key)
        );
        let rows = session.rows(&sql, &[]).await?;
        let first: Option<String> = match rows.first() {
            Some(row) => row.try_get(0).map_err(|error| fault(&error, false))?,
            None => None,
        };
        Ok(Self {
            first: first.and_then(|first| first.parse().ok()),
            of,
            key,
            of_type,
            mark,
            pace: Pace::new(declaration.batch),
        })
    }

    /// How much of the keys is behind it.
    pub(super) fn share(&self) -> Option<f64> {
        let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
        let (first, end, at) = (self.first?, number(&self.mark.upto)?, number(&self.mark.cursor)?);
        (end > first).then(|| ((at - first) / (end - first)).clamp(0.0, 1.0))
    }

    fn literal(&self, text: &str) -> String {
        format!("{}::{}", literal(text), self.of_type)
    }

    /// Does the next batch; whether it was the last.
    pub(super) async fn next(
        &mut self,
        session: &mut Session,
        batches: &Batches,
        marks: &Marks,
        settings: &Settings,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<bool, Fault> {
        let began = Instant::now();
        let Some(end) = self.mark.upto.clone() else {
            // The table is empty.
            return self.finish(session, marks).await;
        };
        let k = quoted(&self.key);
        let beyond = match &self.mark.cursor {
            Some(cursor) => format!("{k} > {} AND ", self.literal(cursor)),
            None => String::new(),
        };
        let sql = format!(
            "SELECT k::text FROM (SELECT {k} AS k FROM {} WHERE {beyond}{k} <= {} ORDER BY {k} LIMIT {}) AS batch ORDER BY batch.k DESC \
             LIMIT 1",
            batches.table.sql(),
            self.literal(&end),
            self.pace.rows,
        );
        let rows = session.rows(&sql, &[]).await?;
        let upto: Option<String> = match rows.first() {
            Some(row) => row.try_get(0).map_err(|error| fault(&error, false))?,
            None => None,
        };
        let Some(upto) = upto else {
            return self.finish(session, marks).await;
        };
        let cursor = self.mark.cursor.as_deref().map(|cursor| self.literal(cursor));
        let sql = batches.sql(&self.key, cursor.as_deref(), &self.literal(&upto));
        session.run("BEGIN").await?;
        session
            .run(&format!(
                "SET LOCAL lock_timeout = {}",
                settings.lock_timeout_ms.max(1_000)
            ))
            .await?;
        let changed = session
            .run_long(&sql, wish, Duration::from_millis(settings.grace_ms))
            .await?;
        let next = Mark {
            cursor: Some(upto),
            rows: self.mark.rows + changed,
            ..self.mark.clone()
        };
        session.run(&marks.batch(&next)).await?;
        session.run("COMMIT").await?;
        self.mark = next;
        self.pace = self
            .pace
            .after(began.elapsed(), Duration::from_millis(settings.batch_ms.max(1)));
        Ok(false)
    }

    async fn finish(&mut self, session: &mut Session, marks: &Marks) -> Result<bool, Fault> {
        self.mark.done = true;
        session.run(&marks.batch(&self.mark)).await?;
        Ok(true)
    }
}

/// The column whose ranges are the batches, and its type.
async fn key(
    session: &mut Session,
    declaration: &Declaration,
    batches: &Batches,
) -> Result<(String, String), Fault> {
    let table = batches.table.sql();
    // Only a unique index without a condition on a column that is never null gives ranges that leave nothing out.
    let rows = session
        .rows(
            "SELECT a.attname::text, format_type(a.atttypid, NULL), i.indisprimary FROM pg_index i JOIN pg_attribute a ON a.attrelid = \
             i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indpred IS \
             NULL AND i.indnkeyatts = 1 AND a.attnotnull ORDER BY i.indisprimary DESC",
            &[&table],
        )
        .await?;
    for row in &rows {
        let name: String = row.try_get(0).map_err(|error| fault(&error, false))?;
        let of_type: String = row.try_get(1).map_err(|error| fault(&error, false))?;
        let primary: bool = row.try_get(2).map_err(|error| fault(&error, false))?;
        if declaration.key.as_ref().map_or(primary, |key| *key == name) {
            return Ok((name, of_type));
        }
    }
    Err(Fault::Sql(match &declaration.key {
        Some(key) => format!(
            "{key} cannot be the key of the batches: it needs a unique index of its own on {table}, and NOT NULL"
        ),
        None => format!(
            "{table} has no primary key of one column; name another with `-- otus: backfill key=<column>`"
        ),
    }))
}
