//! Purpose: the store on PostgreSQL: one database, any number of replicas.

mod claims;
mod listen;
mod lost;
mod open;
mod runs;
mod work;

use crate::{
    OpenError, StoreConfig,
    shared::{
        Arg, Database, Engine, Failure, Row, Select, Session as _, Write, Written, claims::Wanted, session,
        timestamp,
    },
};
use async_trait::async_trait;
use claims::{Adopt, Claims};
use jiff::Timestamp;
use otus_core::{
    EventKey, StoreError,
    store::{Accepted, Adopted, ClaimStage},
};
use runs::Pulse;
use sqlx::PgConnection;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use work::{Change, Link};

session!(PgConnection, sqlx::postgres::PgRow, int: "INT8", text: "TEXT");

/// A connection only to look.
pub(crate) async fn look(config: &StoreConfig) -> Result<PgConnection, OpenError> {
    open::look(config).await
}

/// How long a look whether the database works may take.
const CHECK: Duration = Duration::from_secs(4);

/// What the robot remembers, in a PostgreSQL database that any number of replicas share.
pub type PostgresStore = Database<Postgres>;

/// The database, as this process sees it.
pub struct Postgres {
    link: Link,
    run: i64,
    pulse: Arc<Pulse>,
    claims: Claims,
    claiming: Mutex<Option<JoinHandle<()>>>,
    stopped: CancellationToken,
    alive: Mutex<Option<JoinHandle<()>>>,
    pruning: JoinHandle<()>,
    keep_claims: Duration,
    flag_changes: watch::Sender<u64>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Postgres")
            .field("place", &self.link.place)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the database, and brings its schema up to date. Replicas that start together wait for one another.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with it, without its password. Nothing is ever deleted.
    pub async fn open(config: &StoreConfig) -> Result<Self, OpenError> {
        let link = open::open(config).await?;
        let run = runs::begin(&link).await?;
        let pulse = Arc::new(Pulse::default());
        let stopped = CancellationToken::new();
        let alive = tokio::spawn(runs::stay(link.clone(), run, pulse.clone(), stopped.clone()));
        let (claims, claiming) = claims::start(link.clone(), run);
        let keep_claims = config.keep_claims();
        let flag_changes = watch::channel(0).0;
        let listening = listen::listen(link.pool.clone(), flag_changes.clone(), stopped.clone());
        let listening = tokio::spawn(listening);
        let pruning = tokio::spawn(runs::prune_regularly(link.clone(), keep_claims));
        Ok(Database(Postgres {
            link,
            run,
            pulse,
            claims,
            claiming: Mutex::new(Some(claiming)),
            stopped,
            alive: Mutex::new(Some(alive)),
            pruning,
            keep_claims,
            flag_changes,
            listening: Mutex::new(Some(listening)),
        }))
    }

    /// Forgets claims that are older than configured, in small batches, and says how many. Done by itself every ten minutes.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        runs::prune(&self.0.link, self.0.keep_claims).await
    }

    /// Writes what is still waiting, and closes all connections. Whoever asks later is told that it is closed.
    ///
    /// # Errors
    /// When the last writing fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stopped.cancel();
        self.pruning.abort();
    }
}

#[async_trait]
impl Change for Write<'_> {
    type Answer = Written;

    async fn perform(&self, connection: &mut PgConnection) -> Result<(Written, bool), Failure> {
        let written = Write::perform(self, connection).await?;
        if let (Write::Flags(changed), Written::Yes) = (self, written) {
            // Heard when, and only when, it is committed.
            let tell = Select::new(
                "SELECT pg_notify($1, $2)",
                [listen::FLAGS.into(), Arg::from(&changed.set)],
            );
            connection.run(&tell).await?;
        }
        Ok((written, written == Written::Yes))
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn select(&self, question: &Select) -> Result<Vec<Row>, StoreError> {
        self.link.run(question).await
    }

    async fn write(&self, change: &Write<'_>) -> Result<Written, StoreError> {
        self.link.change(change).await
    }

    async fn accept(&self, wanted: Wanted) -> Result<Accepted, StoreError> {
        self.claims.accept(wanted).await
    }

    async fn orphans(&self) -> Result<Vec<String>, StoreError> {
        if !self.pulse.is_steady() {
            return Ok(Vec::new());
        }
        let mut rows = self.link.run(&runs::left(self.run)).await?;
        rows.iter_mut().map(Row::text).collect()
    }

    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        self.link.change(&Adopt { run: self.run, key }).await
    }

    async fn hold(&self, key: &EventKey) -> Result<(), StoreError> {
        if self.pulse.is_strong() {
            return Ok(());
        }
        self.claims.advance(key, ClaimStage::Claimed).await
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.claims.advance(key, stage).await
    }

    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.claims.release(key).await
    }

    fn is_alone(&self) -> bool {
        false
    }

    fn flag_changes(&self) -> watch::Receiver<u64> {
        self.flag_changes.subscribe()
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let clock = Select::new(
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) * 1000",
            [],
        );
        let row = self.link.run(&clock).await?.into_iter().next();
        let nothing = || StoreError::Unreadable("the database's clock says nothing".into());
        timestamp(row.ok_or_else(nothing)?.int()?)
    }

    /// One try, without patience: whoever asks wants to know how it is now.
    async fn check(&self) -> Result<(), StoreError> {
        let seen = async {
            let mut connection = self.link.pool.acquire().await?;
            connection.run(&runs::seen(self.run)).await
        };
        match tokio::time::timeout(CHECK, seen).await {
            Ok(seen) => seen.map(drop).map_err(|error| self.link.unavailable(&error)),
            Err(_) => Err(self.link.silent()),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.pruning.abort();
        if let Some(claiming) = self.claiming.lock().await.take() {
            self.claims.stop();
            claiming
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        self.stopped.cancel();
        if let Some(mut listening) = self.listening.lock().await.take()
            && tokio::time::timeout(CHECK, &mut listening).await.is_err()
        {
            listening.abort();
        }
        if let Some(mut alive) = self.alive.lock().await.take()
            && tokio::time::timeout(CHECK, &mut alive).await.is_err()
        {
            alive.abort();
        }
        if !self.link.pool.is_closed() {
            // So that the next start need not wait until this run looks dead.
            if let Err(error) = runs::end(&self.link, self.run).await {
                tracing::warn!(%error, "this run could not be ended in the store; it will be seen as dead in a while");
            }
            self.link.pool.close().await;
        }
        Ok(())
    }
}
