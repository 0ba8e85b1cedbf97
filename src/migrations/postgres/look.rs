//! Purpose: what can be seen of a database without touching it: sizes, traffic, who is in the way, how far something is.

use super::session::{Fault, Session, fault};
use crate::{
    lint::{Catalog, Facts},
    run::Live,
    sql::{LockLevel, Name},
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgConnectOptions, postgres::PgRow};
use std::time::Duration;
use tokio::sync::watch;

/// Somebody who holds what is needed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Blocker {
    /// Its number on the server, for `pg_terminate_backend`.
    pub pid: i32,
    /// The database user.
    pub user: String,
    /// What it calls itself.
    pub application: String,
    /// `active`, `idle in transaction` …
    pub state: String,
    /// Since when its transaction is open, in seconds.
    pub seconds: u64,
    /// On which table; empty when it is not about one.
    pub table: String,
    /// Which lock it holds there.
    pub level: Option<LockLevel>,
    /// The beginning of its last statement.
    pub query: String,
}

/// How much of another's statement is shown.
const SHOWN: usize = 100;

/// How often a running statement is looked at.
const OFTEN: Duration = Duration::from_millis(250);

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Fault>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| fault(&error, false))
}

/// The server's major version.
///
/// # Errors
/// When it cannot be asked.
pub async fn server(session: &mut Session) -> Result<u32, Fault> {
    let rows = session
        .rows("SELECT current_setting('server_version_num')::int / 10000", &[])
        .await?;
    let number: i32 = match rows.first() {
        Some(row) => get(row, 0)?,
        None => 0,
    };
    Ok(number.unsigned_abs())
}

/// Sizes and traffic of the tables, views and indexes that one can see. Sizes are what the catalogue says, so that no table is opened: one that is
/// locked keeps nobody waiting here.
///
/// # Errors
/// When it cannot be asked.
pub async fn catalog(session: &mut Session) -> Result<Catalog, Fault> {
    let rows = session
        .rows(
            "SELECT n.nspname::text, c.relname::text, \
             CASE WHEN c.reltuples < 0 THEN coalesce(s.n_live_tup, 0) ELSE greatest(c.reltuples::int8, coalesce(s.n_live_tup, 0)) END, \
             (greatest(c.relpages, 0)::int8 + coalesce(t.relpages, 0)::int8) * current_setting('block_size')::int8, \
             coalesce((SELECT sum(i.relpages::int8) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid), \
             0)::int8 * current_setting('block_size')::int8, \
             ((coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0)) / age.seconds)::float8, \
             ((coalesce(s.n_tup_ins, 0) + coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0)) / age.seconds)::float8, \
             array_to_string(ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnotnull \
             OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated AND k.conkey = \
             ARRAY[a.attnum] AND pg_get_expr(k.conbin, k.conrelid) = format('(%I IS NOT NULL)', a.attname)))), E'\\x01') \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_class t ON t.oid = c.reltoastrelid \
             LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid \
             CROSS JOIN (SELECT greatest(extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time())), 60)::float8 AS \
             seconds FROM pg_stat_database WHERE datname = current_database()) age \
             WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v', 'i', 'I') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE \
             'pg_toast%'",
            &[],
        )
        .await?;
    let mut catalog = Catalog::default();
    for row in rows {
        let never_null: String = get(&row, 7)?;
        let count = |number: i64| number.max(0).unsigned_abs();
        let bytes = count(get(&row, 3)?);
        let facts = Facts {
            rows: count(get(&row, 2)?),
            bytes,
            index_bytes: count(get(&row, 4)?),
            reads_per_s: get(&row, 5)?,
            writes_per_s: get(&row, 6)?,
            never_null: never_null.split('\x01').map(str::to_owned).collect(),
        };
        let name = Name {
            schema: Some(get(&row, 0)?),
            name: get(&row, 1)?,
        };
        catalog.tables.push((name, facts));
    }
    let rows = session
        .rows("SELECT unnest(current_schemas(false))::text", &[])
        .await?;
    for row in rows {
        catalog.search_path.push(get(&row, 0)?);
    }
    Ok(catalog)
}

/// Who holds, right now, what these locks would wait for, and (for indexes built concurrently) the oldest transactions. Other
/// users' statements are seen by members of `pg_read_all_stats` alone.
///
/// # Errors
/// When it cannot be asked.
pub async fn blockers(session: &mut Session, wanted: &[(String, LockLevel)]) -> Result<Vec<Blocker>, Fault> {
    let rows = session
        .rows(
            "SELECT a.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), coalesce(extract(epoch \
             FROM now() - a.xact_start), 0)::float8, coalesce(a.query, ''), c.relname::text, n.nspname::text, l.mode \
             FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.pid <> \
             pg_backend_pid() AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY a.xact_start",
            &[],
        )
        .await?;
    let mut found: Vec<Blocker> = Vec::new();
    for row in rows {
        let (table, schema): (String, String) = (get(&row, 6)?, get(&row, 7)?);
        let mode: String = get(&row, 8)?;
        let full = format!("{schema}.{table}");
        let Some(held) = LockLevel::of_mode(&mode) else {
            continue;
        };
        let stands = wanted
            .iter()
            .any(|(name, level)| (*name == table || *name == full) && level.conflicts(held));
        if stands {
            let blocker = blocker(&row, full, Some(held))?;
            if !found
                .iter()
                .any(|other| other.pid == blocker.pid && other.table == blocker.table)
            {
                found.push(blocker);
            }
        }
    }
    Ok(found)
}

fn blocker(row: &PgRow, table: String, level: Option<LockLevel>) -> Result<Blocker, Fault> {
    let query: String = get(row, 5)?;
    let seconds: f64 = get(row, 4)?;
    Ok(Blocker {
        pid: get(row, 0)?,
        user: get(row, 1)?,
        application: get(row, 2)?,
        state: get(row, 3)?,
        seconds: whole(seconds),
        table,
        level,
        query: query
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(SHOWN)
            .collect(),
    })
}

fn whole(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds.max(0.0)).map_or(0, |duration| duration.as_secs())
}

/// Looks at what a session is at until nobody wants to see it any more, on a connection of its own.
pub(super) async fn watch_session(options: PgConnectOptions, pid: i32, live: watch::Sender<Live>) {
    while !live.is_closed() {
        match Session::open(&options, "otus: watch").await {
            Ok(mut session) => {
                while !live.is_closed() {
                    match look(&mut session, pid).await {
                        Ok(seen) => {
                            live.send_if_modified(|shown| {
                                let next = Live {
                                    rows: shown.rows,
                                    share: shown.share,
                                    throttle: shown.throttle,
                                    ..seen
                                };
                                let news = *shown != next;
                                *shown = next;
                                news
                            });
                        }
                        Err(error) => {
                            tracing::debug!(%error, "a running statement cannot be looked at");
                            break;
                        }
                    }
                    tokio::time::sleep(OFTEN).await;
                }
                session.close().await;
            }
            Err(error) => tracing::debug!(%error, "a running statement cannot be looked at"),
        }
        tokio::time::sleep(OFTEN).await;
    }
}

async fn look(session: &mut Session, pid: i32) -> Result<Live, Fault> {
    let mut live = Live::default();
    // One row at most: a session is at one thing. Done and total of the phase it is in, whichever it counts.
    let rows = session
        .rows(
            &format!(
                "SELECT phase, coalesce(nullif(tuples_total, 0), nullif(blocks_total, 0), lockers_total), CASE WHEN tuples_total > 0 THEN \
                 tuples_done WHEN blocks_total > 0 THEN blocks_done ELSE lockers_done END FROM pg_stat_progress_create_index WHERE pid = {pid} \
                 UNION ALL SELECT phase, heap_blks_total, heap_blks_scanned FROM pg_stat_progress_vacuum WHERE pid = {pid} \
                 UNION ALL SELECT phase, sample_blks_total, sample_blks_scanned FROM pg_stat_progress_analyze WHERE pid = {pid} \
                 UNION ALL SELECT phase, heap_blks_total, heap_blks_scanned FROM pg_stat_progress_cluster WHERE pid = {pid}"
            ),
            &[],
        )
        .await?;
    if let Some(row) = rows.first() {
        live.stage = get(row, 0)?;
        let (total, done): (Option<i64>, Option<i64>) = (get(row, 1)?, get(row, 2)?);
        #[allow(clippy::cast_precision_loss, reason = "a share for people")]
        if let (Some(total), Some(done)) = (total, done)
            && total > 0
        {
            live.done = Some(done as f64 / total as f64);
        }
    }
    let rows = session
        .rows(
            &format!(
                "SELECT a.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), \
                 coalesce(extract(epoch FROM now() - a.xact_start), 0)::float8, coalesce(a.query, '') FROM pg_stat_activity a WHERE a.pid \
                 = ANY(pg_blocking_pids({pid}))"
            ),
            &[],
        )
        .await?;
    for row in rows {
        live.blockers.push(blocker(&row, String::new(), None)?);
    }
    Ok(live)
}
