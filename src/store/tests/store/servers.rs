//! Stores to try things on: each with a place of its own.

use otus_emulators::real::RealPostgres;
use otus_store::{PostgresStore, StoreConfig};
use sqlx::{Connection as _, PgConnection};
use std::sync::LazyLock;

/// One server for all tests, with a database for each.
static SERVER: LazyLock<RealPostgres> = LazyLock::new(|| RealPostgres::start().unwrap());

/// An empty PostgreSQL database.
pub(crate) async fn fresh() -> StoreConfig {
    let url = tokio::task::spawn_blocking(|| SERVER.fresh().unwrap());
    StoreConfig {
        connections: 4,
        ..StoreConfig::on(url.await.unwrap())
    }
}

pub(crate) fn url(config: &StoreConfig) -> String {
    use secrecy::ExposeSecret as _;
    config.url.as_ref().unwrap().expose_secret().to_owned()
}

pub(crate) async fn postgres(config: &StoreConfig) -> PostgresStore {
    PostgresStore::open(config).await.unwrap()
}

/// A connection past the store.
pub(crate) async fn past(config: &StoreConfig) -> PgConnection {
    PgConnection::connect(&url(config)).await.unwrap()
}
