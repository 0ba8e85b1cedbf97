//! Purpose: opens the store that is configured, whichever it is.

use crate::{OpenError, PostgresStore, SqliteStore, StoreConfig};
use async_trait::async_trait;
use otus_core::{Store, StoreError};
use otus_flags::FlagStore;
use std::sync::Arc;

/// An open store. It can be handed on as an `Arc<dyn Store>`.
#[async_trait]
pub trait Opened: Store {
    /// Writes what is still waiting, and lets go of the database. Whoever asks later is told that it is closed.
    ///
    /// # Errors
    /// When the last writing fails.
    async fn close(&self) -> Result<(), StoreError>;

    /// The flags in it.
    fn flags(self: Arc<Self>) -> Arc<dyn FlagStore>;
}

/// Opens the store that is configured (PostgreSQL if there is a `url`, else the SQLite file), made and brought up to date
/// where needed.
///
/// # Errors
/// [`OpenError`] says who else has it, or what is wrong with it. Nothing is ever deleted.
pub async fn open(config: &StoreConfig) -> Result<Arc<dyn Opened>, OpenError> {
    Ok(match config.url {
        Some(_) => Arc::new(PostgresStore::open(config).await?),
        None => Arc::new(SqliteStore::open(config).await?),
    })
}
