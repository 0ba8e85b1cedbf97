//! Purpose: what a database has to know, for the rest to be the same.

use super::{Row, Select, Write, Written, claims::Wanted};
use async_trait::async_trait;
use jiff::Timestamp;
use otus_core::{
    EventKey, StoreError,
    store::{Accepted, Adopted, ClaimStage},
};
use tokio::sync::watch;

/// A database.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Asks it.
    async fn select(&self, question: &Select) -> Result<Vec<Row>, StoreError>;

    /// Carries out a change whole, or not at all. What it answers is on the disk.
    async fn write(&self, change: &Write<'_>) -> Result<Written, StoreError>;

    /// See [`otus_core::Store::accept`].
    async fn accept(&self, wanted: Wanted) -> Result<Accepted, StoreError>;

    /// The bodies of [`otus_core::Store::orphans`].
    async fn orphans(&self) -> Result<Vec<String>, StoreError>;

    /// See [`otus_core::Store::adopt`].
    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError>;

    /// See [`otus_core::Store::hold`].
    async fn hold(&self, key: &EventKey) -> Result<(), StoreError>;

    /// See [`otus_core::Store::advance`].
    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError>;

    /// See [`otus_core::Store::release`].
    async fn release(&self, key: &EventKey) -> Result<(), StoreError>;

    /// See [`otus_core::Store::is_alone`].
    fn is_alone(&self) -> bool;

    /// Counts up whenever flag sets may have been changed, here or elsewhere.
    fn flag_changes(&self) -> watch::Receiver<u64>;

    /// Its clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Whether it can be read and written.
    async fn check(&self) -> Result<(), StoreError>;

    /// Ends what is under way, and lets go of it.
    async fn close(&self) -> Result<(), StoreError>;
}
