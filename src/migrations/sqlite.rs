//! SQLite: for a demo, and for small services.
//!
//! Each file is one transaction, which takes the database's only write lock before anything else: so two runs at once come one
//! after the other, and the second finds what the first has done. There is nothing to lint or to estimate: whoever writes waits
//! until the file is done.

use crate::{
    history::{Applied, History, compare},
    run::{Effect, FileShape, Machine, Outcome, Settings, Wish, World},
    source::{Checksum, Declared, Format, Migration, Source, Version},
};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// As `sqlx-sqlite` makes it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on \
                     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time \
                     BIGINT NOT NULL)";

/// A SQLite database that migrations in sqlx' format are run on.
#[derive(Debug)]
pub struct Sqlite {
    options: SqliteConnectOptions,
    source: Arc<Source>,
    files: Vec<usize>,
    connection: Option<SqliteConnection>,
}

/// What went wrong.
enum Fault {
    /// Another process writes.
    Busy,
    Sql(String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        // SQLITE_BUSY and SQLITE_LOCKED, in their lower eight bits: <https://www.sqlite.org/rescode.html>.
        let code = error
            .as_database_error()
            .and_then(|said| said.code()?.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Busy,
            _ => Self::Sql(error.to_string()),
        }
    }
}

impl Sqlite {
    /// A run of these files of a source, and the machine that leads it.
    #[must_use]
    pub fn new(
        options: SqliteConnectOptions,
        source: Arc<Source>,
        files: Vec<usize>,
        settings: Settings,
    ) -> (Self, Machine) {
        let options = options.busy_timeout(Duration::from_millis(settings.lock_timeout_ms));
        let migrations = files.iter().filter_map(|place| source.migrations.get(*place));
        let shapes = migrations.map(|migration| FileShape {
            file: migration.file.clone(),
            transaction: true,
            statements: Vec::new(),
        });
        let machine = Machine::new(shapes.collect(), settings);
        let world = Self {
            options,
            source,
            files,
            connection: None,
        };
        (world, machine)
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, Fault> {
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await?);
        }
        let none = || Fault::Sql("it is not open".to_owned());
        self.connection.as_mut().ok_or_else(none)
    }

    async fn check(&mut self) -> Result<Outcome, Fault> {
        let source = Arc::clone(&self.source);
        if source.format != Format::Sqlx {
            return Ok(Outcome::Refused {
                why: format!(
                    "SQLite's migrations are run in sqlx' format alone, and these are {}'s",
                    source.format
                ),
            });
        }
        if let Some(file) = source
            .migrations
            .iter()
            .find(|file| file.declared != Declared::Transaction)
        {
            return Ok(Outcome::Refused {
                why: format!(
                    "{} runs in no transaction: killed in the middle, it would be half done. Run it by hand",
                    file.file
                ),
            });
        }
        let history = read(self.connection().await?).await?;
        let compared = compare(&source, &history, false);
        Ok(match compared.refusals.first() {
            Some(refusal) => Outcome::Refused {
                why: refusal.to_string(),
            },
            None => Outcome::Checked {
                applied: self
                    .files
                    .iter()
                    .map(|place| !compared.pending.contains(place))
                    .collect(),
            },
        })
    }

    async fn file(&mut self, file: usize) -> Result<Outcome, Fault> {
        let source = Arc::clone(&self.source);
        let place = self.files.get(file);
        let Some(migration) = place.and_then(|place| source.migrations.get(*place)) else {
            return Err(Fault::Sql(
                "the plan has another number of files than the source".to_owned(),
            ));
        };
        let connection = self.connection().await?;
        run(connection, "BEGIN IMMEDIATE").await?;
        let done = apply(connection, migration).await;
        match &done {
            Ok(()) => run(connection, "COMMIT").await?,
            // The error that led here is the one to be told.
            Err(_) => drop(run(connection, "ROLLBACK").await),
        }
        done.map(|()| Outcome::Done)
    }
}

/// Reads what was applied. A database that is not there, or has no history, has nothing applied; none is made.
///
/// # Errors
/// In words, when it cannot be asked.
pub async fn read_history(options: &SqliteConnectOptions) -> Result<History, String> {
    let told = |error: sqlx::Error| error.to_string();
    if !options.get_filename().exists() {
        return Ok(History::default());
    }
    let mut connection = options.clone().read_only(true).connect().await.map_err(told)?;
    let there = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'")
        .fetch_optional(&mut connection)
        .await
        .map_err(told)?;
    let history = match there {
        Some(_) => rows(&mut connection).await.map_err(told)?,
        None => History::default(),
    };
    connection.close().await.map_err(told)?;
    Ok(history)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), Fault> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Reads what was applied; makes the table.
async fn read(connection: &mut SqliteConnection) -> Result<History, Fault> {
    run(connection, TABLE).await?;
    Ok(rows(connection).await?)
}

async fn rows(connection: &mut SqliteConnection) -> Result<History, sqlx::Error> {
    let rows =
        sqlx::query("SELECT version, description, checksum, success FROM _sqlx_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let mut history = History::default();
    for row in rows {
        let checksum: Vec<u8> = row.try_get(2)?;
        history.applied.push(Applied {
            version: Some(Version::from(row.try_get::<i64, _>(0)?)),
            description: row.try_get(1)?,
            checksum: Some(Checksum::of_bytes(&checksum)),
            success: row.try_get(3)?,
            is_file: true,
        });
    }
    Ok(history)
}

/// Runs a file and writes it down, inside of a transaction; does nothing when another run has done it meanwhile.
async fn apply(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), Fault> {
    let number = migration
        .version
        .as_ref()
        .and_then(Version::number)
        .unwrap_or_default();
    let there = sqlx::query("SELECT 1 FROM _sqlx_migrations WHERE version = $1")
        .bind(number)
        .fetch_optional(&mut *connection)
        .await?;
    if there.is_some() {
        return Ok(());
    }
    let began = Instant::now();
    run(connection, &migration.sql).await?;
    let checksum = migration
        .checksum
        .as_ref()
        .map(Checksum::bytes)
        .unwrap_or_default();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, $2, TRUE, $3, $4)",
    )
    .bind(number)
    .bind(&migration.description)
    .bind(checksum)
    .bind(i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

#[async_trait]
impl World for Sqlite {
    async fn perform(&mut self, effect: Effect, _: &mut watch::Receiver<Wish>) -> Outcome {
        let done = match effect {
            Effect::Lock => self.connection().await.map(|_| Outcome::Done),
            Effect::Check => self.check().await,
            Effect::File { file } => self.file(file).await,
            Effect::Unlock => {
                if let Some(connection) = self.connection.take() {
                    // What was committed is on the disk already.
                    let _ = connection.close().await;
                }
                Ok(Outcome::Done)
            }
            // Every file is a transaction, so the machine asks for nothing else.
            _ => Err(Fault::Sql("SQLite does not know this step".to_owned())),
        };
        match done {
            Ok(outcome) => outcome,
            Err(Fault::Busy) => Outcome::LockTimeout,
            Err(Fault::Sql(why)) => Outcome::Failed { why },
        }
    }
}
