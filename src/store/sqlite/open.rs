//! Purpose: opens the file: made when missing, refused when it is not ours, migrated when it is older.

use super::lock::{self, Owned};
use crate::{
    OpenError,
    shared::migrations::{Step, migrator, newest},
};
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// "Otus"; the first migration writes it.
const APPLICATION_ID: i64 = 1_333_032_307;

/// Every migration, oldest first. One that was released is never changed.
const MIGRATIONS: [Step; 6] = [
    (
        1,
        "claims, deploys, memories",
        include_str!("../migrations/sqlite/0001_claims_deploys_values.sql"),
    ),
    (
        2,
        "operations, audit",
        include_str!("../migrations/sqlite/0002_operations_audit.sql"),
    ),
    (
        3,
        "messages with claims",
        include_str!("../migrations/sqlite/0003_messages_with_claims.sql"),
    ),
    (
        4,
        "deliveries",
        include_str!("../migrations/sqlite/0004_deliveries.sql"),
    ),
    (
        5,
        "lists of a service",
        include_str!("../migrations/sqlite/0005_lists_of_a_service.sql"),
    ),
    (6, "flags", include_str!("../migrations/sqlite/0006_flags.sql")),
];

/// Up to this size the whole file is checked at the start; that takes milliseconds.
const CHECKED_BYTES: u64 = 16 * 1024 * 1024;

/// Readers at a time.
const READERS: u32 = 4;

/// An open file.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) owned: Owned,
    /// Commits are with the system when acknowledged.
    pub(super) quick: SqliteConnection,
    /// Commits are on the disk when acknowledged.
    pub(super) durable: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) run: i64,
}

pub(super) async fn open(path: &Path) -> Result<Opened, OpenError> {
    let path = place(path)?;
    let owned = lock::own(&path)?;
    let wrong = |error: sqlx::Error| describe(&path, &error);
    refuse_foreign(&path).await?;
    let base = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let mut durable = base
        .clone()
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .map_err(wrong)?;
    check(&path, &mut durable).await?;
    migrate(&path, &mut durable).await?;
    let run = begin_run(&mut durable).await.map_err(wrong)?;
    let quick = base
        .clone()
        .synchronous(SqliteSynchronous::Normal)
        .connect()
        .await
        .map_err(wrong)?;
    // The pragma keeps a reader from writing by mistake; a read-only handle could not open a WAL that is not there yet.
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(base.pragma("query_only", "on"));
    Ok(Opened {
        path,
        owned,
        quick,
        durable,
        readers,
        run,
    })
}

/// Opens a file only to look, beside whoever owns it.
pub(super) async fn look(path: &Path) -> Result<SqliteConnection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Unusable {
            path: path.to_owned(),
            why: "it is not there".into(),
        });
    }
    refuse_foreign(path).await?;
    // Not a read-only handle, which could not open a WAL that is not there yet.
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
        .pragma("query_only", "on")
        .connect()
        .await
        .map_err(|error| describe(path, &error))
}

/// Makes the folder, and finds the file's one true name, so that two ways to it are one lock.
fn place(path: &Path) -> Result<PathBuf, OpenError> {
    let unusable = |why: String| OpenError::Unusable {
        path: path.to_owned(),
        why,
    };
    if let Ok(real) = path.canonicalize() {
        return if real.is_dir() {
            Err(unusable("it is a folder".into()))
        } else {
            Ok(real)
        };
    }
    let name = path
        .file_name()
        .ok_or_else(|| unusable("it names no file".into()))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
    Ok(folder
        .canonicalize()
        .map_err(|error| unusable(error.to_string()))?
        .join(name))
}

/// Looks before it touches: another program's database must not even be switched to WAL.
async fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let wrong = |error: sqlx::Error| describe(path, &error);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let mut looking = options.connect().await.map_err(wrong)?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut looking)
        .await
        .map_err(wrong)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name NOT IN ('_sqlx_migrations', 'sqlite_autoindex__sqlx_migrations_1')")
            .fetch_one(&mut looking)
            .await
            .map_err(wrong)?;
    looking.close().await.map_err(wrong)?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    Ok(())
}

async fn check(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    if std::fs::metadata(path).map_or(0, |file| file.len()) > CHECKED_BYTES {
        return Ok(());
    }
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| describe(path, &error))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(OpenError::Damaged {
            path: path.to_owned(),
            why: found,
        })
    }
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    match migrator(&MIGRATIONS).run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: newest(&MIGRATIONS),
        }),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Err(describe(path, &error))
        }
        Err(error) => Err(OpenError::Unusable {
            path: path.to_owned(),
            why: error.to_string(),
        }),
    }
}

/// Notes this start, and forgets all but the last ones.
async fn begin_run(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let now = jiff::Timestamp::now().as_millisecond();
    let run: i64 = sqlx::query_scalar("INSERT INTO runs (pid, started, seen) VALUES (?, ?, ?) RETURNING id")
        .bind(i64::from(std::process::id()))
        .bind(now)
        .bind(now)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM runs WHERE id <= ?")
        .bind(run - 100)
        .execute(connection)
        .await?;
    Ok(run)
}

/// SQLite's primary result code for a damaged file, and for something that is no database.
fn is_damage(code: &str) -> bool {
    matches!(code.parse::<i64>().map(|code| code & 0xff), Ok(11 | 26))
}

fn describe(path: &Path, error: &sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match error.as_database_error() {
        Some(error) if error.code().is_some_and(|code| is_damage(&code)) => OpenError::Damaged {
            path,
            why: error.message().to_owned(),
        },
        _ => OpenError::Unusable {
            path,
            why: error.to_string(),
        },
    }
}
