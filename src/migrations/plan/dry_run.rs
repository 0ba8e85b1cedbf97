//! Purpose: trying what is harmless, in a transaction that is rolled back.
//!
//! Harmless is what changes the catalogue alone and waits for nobody longer than a tenth of a second. The locks that were really
//! taken come out, and tables that would be written anew, by their file number.

use crate::{
    lint::{FileReport, Report, Verdict},
    postgres::{Fault, Session},
    source::Migration,
    sql::{Kind, LockLevel, Work, split},
};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

/// What came of trying it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// The files that were tried.
    pub tried: Vec<String>,
    /// The file from which on nothing was tried, and why.
    pub stopped_at: Option<(String, String)>,
    /// The locks that were taken on tables.
    pub locks: Vec<(String, LockLevel)>,
    /// Tables that would be written anew.
    pub rewritten: Vec<String>,
}

/// Why a file is not tried, if it is not.
fn harm(report: &FileReport) -> Option<&'static str> {
    let all = |harmless: fn(&crate::lint::StatementReport) -> bool| report.statements.iter().all(harmless);
    if !report.transaction {
        Some("it runs outside of a transaction")
    } else if report.verdict > Verdict::Warned {
        Some("it is not to run as it is")
    } else if !all(|statement| matches!(statement.kind, Kind::Additive | Kind::Neutral)) {
        Some("it does more than add to the schema")
    } else if !all(|statement| {
        let light =
            |lock: &crate::lint::Locked| lock.work == Work::Moment && lock.level != LockLevel::RowExclusive;
        statement.locks.iter().all(light)
    }) {
        Some("it reads or changes rows")
    } else {
        None
    }
}

pub(super) async fn try_out(
    session: &mut Session,
    files: &[&Migration],
    report: &Report,
) -> Result<DryRun, Fault> {
    let mut done = DryRun::default();
    session.run("BEGIN").await?;
    session.run("SET LOCAL lock_timeout = '100ms'").await?;
    session.run("SET LOCAL statement_timeout = '2s'").await?;
    let before = numbers(session).await?;
    'files: for (migration, report) in files.iter().zip(&report.files) {
        if let Some(why) = harm(report) {
            done.stopped_at = Some((migration.file.clone(), why.to_owned()));
            break;
        }
        for statement in split(&migration.sql).unwrap_or_default() {
            match session.run(&statement.sql).await {
                Ok(_) => {}
                Err(fault @ Fault::Lost(_)) => return Err(fault),
                Err(fault) => {
                    done.stopped_at = Some((migration.file.clone(), format!("{}: {fault}", statement.place)));
                    // The transaction is broken; what was seen before is what there is.
                    session.run("ROLLBACK").await?;
                    break 'files;
                }
            }
        }
        done.tried.push(migration.file.clone());
        done.locks = locks(session).await?;
        let after = numbers(session).await?;
        done.rewritten = before
            .iter()
            .filter(|(table, number)| after.iter().any(|(other, new)| other == table && new != number))
            .map(|(table, _)| table.clone())
            .collect();
    }
    // A warning, when it was rolled back before.
    session.run("ROLLBACK").await?;
    session.run("RESET ALL").await?;
    Ok(done)
}

fn text(row: &sqlx::postgres::PgRow, column: usize) -> Result<String, Fault> {
    row.try_get(column).map_err(|error| Fault::Sql(error.to_string()))
}

async fn numbers(session: &mut Session) -> Result<Vec<(String, String)>, Fault> {
    let rows = session
        .rows(
            "SELECT c.oid::regclass::text, c.relfilenode::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE \
             c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((text(row, 0)?, text(row, 1)?)))
        .collect()
}

async fn locks(session: &mut Session) -> Result<Vec<(String, LockLevel)>, Fault> {
    let rows = session
        .rows(
            "SELECT DISTINCT c.oid::regclass::text, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON \
             n.oid = c.relnamespace WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'p', 'm', 'v') AND n.nspname NOT \
             IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%' ORDER BY 1, 2",
            &[],
        )
        .await?;
    let mut found = Vec::new();
    for row in rows {
        if let Some(level) = LockLevel::of_mode(&text(&row, 1)?) {
            found.push((text(&row, 0)?, level));
        }
    }
    Ok(found)
}
