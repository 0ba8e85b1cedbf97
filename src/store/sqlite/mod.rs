//! Purpose: the store on SQLite: one file, one process.

mod lock;
mod open;
mod short;
mod writer;

use crate::{
    OpenError, StoreConfig,
    shared::{Database, Engine, Failure, Row, Select, Session as _, Write, Written, claims::Wanted, session},
};
use async_trait::async_trait;
use jiff::Timestamp;
use lock::Owned;
use otus_core::{
    EventKey, StoreError,
    store::{Accepted, Adopted, ClaimStage},
};
use sqlx::{Connection as _, SqliteConnection, SqlitePool};
use std::{fmt, path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard, watch},
    task::JoinHandle,
};
use writer::Writer;

/// How often old claims are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

session!(SqliteConnection, sqlx::sqlite::SqliteRow, int: "INTEGER", text: "TEXT");

/// What the robot remembers, in one SQLite file that this process owns.
pub type SqliteStore = Database<Sqlite>;

/// The file.
pub struct Sqlite {
    path: std::path::PathBuf,
    run: i64,
    writer: Writer,
    writing: Mutex<Option<JoinHandle<()>>>,
    pruning: JoinHandle<()>,
    durable: Mutex<Option<SqliteConnection>>,
    /// SQLite has one writer at a time. Waiting here is fair and wakes at once; SQLite's own waiting sleeps and retries.
    turn: Arc<Mutex<()>>,
    readers: SqlitePool,
    keep_claims: Duration,
    flag_changes: watch::Sender<u64>,
    // The last field: the file is given up when nothing here can write any more.
    owned: Mutex<Option<Arc<Owned>>>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Sqlite")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file, makes it (and its folder) when it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] says who else has it, or what is wrong with it. Nothing is ever deleted.
    pub async fn open(config: &StoreConfig) -> Result<Self, OpenError> {
        let opened = open::open(&config.path).await?;
        let owned = Arc::new(opened.owned);
        let turn = Arc::new(Mutex::new(()));
        let (writer, writing) = writer::start(opened.quick, opened.run, turn.clone(), owned.clone());
        let keep_claims = config.keep_claims();
        let pruning = tokio::spawn(prune_regularly(writer.clone(), keep_claims));
        Ok(Database(Sqlite {
            path: opened.path,
            run: opened.run,
            writer,
            writing: Mutex::new(Some(writing)),
            pruning,
            durable: Mutex::new(Some(opened.durable)),
            turn,
            readers: opened.readers,
            keep_claims,
            flag_changes: watch::channel(0).0,
            owned: Mutex::new(Some(owned)),
        }))
    }

    /// Forgets claims that are older than configured, in small batches, and says how many. Done by itself every ten minutes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        self.0.writer.prune(self.0.keep_claims).await
    }

    /// Writes what is still waiting, closes the file and gives it up. Whoever asks later is told that it is closed.
    ///
    /// # Errors
    /// When the last writing fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// A connection only to look, beside whoever owns the file.
pub(crate) async fn look(path: &Path) -> Result<SqliteConnection, OpenError> {
    open::look(path).await
}

impl Sqlite {
    /// A turn to write with the connection whose commits are on the disk.
    async fn durable(&self) -> Result<Durable<'_>, StoreError> {
        let turn = self.turn.lock().await;
        let connection = self.durable.lock().await;
        let connection = MutexGuard::try_map(connection, Option::as_mut)
            .map_err(|_| StoreError::Unavailable("it is closed".into()))?;
        Ok(Durable {
            connection,
            _turn: turn,
        })
    }
}

/// The durable connection, for as long as it is this caller's turn.
struct Durable<'a> {
    connection: MappedMutexGuard<'a, SqliteConnection>,
    _turn: MutexGuard<'a, ()>,
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.pruning.abort();
    }
}

async fn prune_regularly(writer: Writer, keep: Duration) {
    let mut ticks = tokio::time::interval(PRUNE_EVERY);
    loop {
        ticks.tick().await;
        match writer.prune(keep).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "forgot old claims"),
            Err(error) => tracing::warn!(%error, "old claims cannot be forgotten; will try again"),
        }
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn select(&self, question: &Select) -> Result<Vec<Row>, StoreError> {
        let mut reader = self.readers.acquire().await.map_err(unavailable)?;
        reader.rows(question).await.map_err(unavailable)
    }

    async fn write(&self, change: &Write<'_>) -> Result<Written, StoreError> {
        let mut durable = self.durable().await?;
        // Immediate, so that nobody writes between a look and an act.
        let mut transaction = durable
            .connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(unavailable)?;
        let written = change.perform(&mut *transaction).await;
        match written {
            Ok(Written::Yes) => {
                transaction.commit().await.map_err(unavailable)?;
                if matches!(change, Write::Flags(_)) {
                    self.flag_changes.send_modify(|count| *count += 1);
                }
            }
            _ => transaction.rollback().await.map_err(unavailable)?,
        }
        written.map_err(|failure| match failure {
            Failure::Sql(error) => unavailable(error),
            Failure::Store(error) => error,
        })
    }

    async fn accept(&self, wanted: Wanted) -> Result<Accepted, StoreError> {
        self.writer.accept(wanted).await
    }

    async fn orphans(&self) -> Result<Vec<String>, StoreError> {
        let left = Select::new(
            "SELECT body FROM claims WHERE body IS NOT NULL AND stage < 2 AND run <> $1",
            [self.run.into()],
        );
        let mut rows = self.select(&left).await?;
        rows.iter_mut().map(Row::text).collect()
    }

    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        self.writer.adopt(key).await
    }

    /// Nobody else is there who could take it.
    async fn hold(&self, _: &EventKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.writer.advance(key, stage).await
    }

    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.writer.release(key).await
    }

    /// The file is this process's by a lock of the system.
    fn is_alone(&self) -> bool {
        true
    }

    /// Nobody else can change them.
    fn flag_changes(&self) -> watch::Receiver<u64> {
        self.flag_changes.subscribe()
    }

    /// The system's: nobody but this process uses the file.
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::now())
    }

    async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM runs LIMIT 1")
            .execute(&self.readers)
            .await
            .map_err(unavailable)?;
        self.writer.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.pruning.abort();
        if let Some(writing) = self.writing.lock().await.take() {
            self.writer.stop().await?;
            writing
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        self.readers.close().await;
        if let Some(connection) = self.durable.lock().await.take() {
            connection.close().await.map_err(unavailable)?;
        }
        self.owned.lock().await.take();
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
