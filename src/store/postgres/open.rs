//! Purpose: opens the database: refused when it cannot be used, migrated when it is older.

use super::work::Link;
use crate::{
    OpenError, StoreConfig,
    shared::migrations::{Step, migrator, newest},
};
use secrecy::ExposeSecret as _;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr as _, time::Duration};
use tokio::time::timeout;

/// Every migration, oldest first. One that was released is never changed.
const MIGRATIONS: [Step; 5] = [
    (
        1,
        "everything",
        include_str!("../migrations/postgres/0001_everything.sql"),
    ),
    (
        2,
        "messages with claims",
        include_str!("../migrations/postgres/0002_messages_with_claims.sql"),
    ),
    (
        3,
        "deliveries",
        include_str!("../migrations/postgres/0003_deliveries.sql"),
    ),
    (
        4,
        "lists of a service",
        include_str!("../migrations/postgres/0004_lists_of_a_service.sql"),
    ),
    (5, "flags", include_str!("../migrations/postgres/0005_flags.sql")),
];

/// How long the first connection may take.
const CONNECT: Duration = Duration::from_secs(15);

/// How long the schema may be worked on, by this process or by the one it waits for.
const MIGRATE: Duration = Duration::from_secs(600);

/// How long a connection of the pool is waited for.
const ACQUIRE: Duration = Duration::from_secs(5);

/// The oldest server that this was tried with.
const OLDEST: i32 = 130_000;

pub(super) async fn open(config: &StoreConfig) -> Result<Link, OpenError> {
    let url = config.url.as_ref().map_or("", |url| url.expose_secret());
    let options = address(url)?;
    let place = place(&options);
    let failed = |why: String| OpenError::Database {
        place: place.clone(),
        why,
    };
    let mut first = connect(&options, &place).await?;
    match timeout(MIGRATE, migrate(&place, &mut first)).await {
        Ok(migrated) => migrated?,
        Err(_) => {
            return Err(failed(format!(
                "its schema was not brought up to date within {} seconds",
                MIGRATE.as_secs()
            )));
        }
    }
    // It goes with the process anyway.
    let _ = first.close().await;
    // A server that hangs in a statement, or a replica that hangs in a transaction, must not hold up the others.
    let options = options.options([
        ("statement_timeout", "8s"),
        ("idle_in_transaction_session_timeout", "5s"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections.max(2))
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with(options);
    Ok(Link { pool, place })
}

/// Connects, and refuses a server that is too old.
async fn connect(options: &PgConnectOptions, place: &str) -> Result<PgConnection, OpenError> {
    let failed = |why: String| OpenError::Database {
        place: place.to_owned(),
        why,
    };
    let asked = async {
        let mut first = options.connect().await?;
        let version: i32 =
            sqlx::query_scalar("SELECT CAST(current_setting('server_version_num') AS INTEGER)")
                .fetch_one(&mut first)
                .await?;
        Ok::<_, sqlx::Error>((first, version))
    };
    let (first, version) = match timeout(CONNECT, asked).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(sqlx::Error::Database(error))) => return Err(failed(error.message().to_owned())),
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => return Err(failed(format!("no answer within {} seconds", CONNECT.as_secs()))),
    };
    if version < OLDEST {
        return Err(failed(format!(
            "it is PostgreSQL {}, and Otus needs 13 or newer",
            version / 10_000
        )));
    }
    Ok(first)
}

/// A connection only to look.
pub(super) async fn look(config: &StoreConfig) -> Result<PgConnection, OpenError> {
    let url = config.url.as_ref().map_or("", |url| url.expose_secret());
    let options = address(url)?.options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "60s"),
    ]);
    let place = place(&options);
    connect(&options, &place).await
}

fn address(url: &str) -> Result<PgConnectOptions, OpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(OpenError::Address {
            why: "it does not begin with postgres://".into(),
        });
    }
    let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Address {
        // The reason is about the form, and names nothing of the address.
        why: match error {
            sqlx::Error::Configuration(error) => error.to_string(),
            _ => "it is malformed".into(),
        },
    })?;
    Ok(options.application_name("otus").disable_statement_logging())
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!(
        "PostgreSQL at {}:{}, database `{database}`",
        options.get_host(),
        options.get_port()
    )
}

/// Under an advisory lock, so that replicas that start together come one after the other.
async fn migrate(place: &str, connection: &mut PgConnection) -> Result<(), OpenError> {
    match migrator(&MIGRATIONS).run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => Err(OpenError::NewerDatabase {
            place: place.to_owned(),
            found,
            known: newest(&MIGRATIONS),
        }),
        Err(
            MigrateError::Execute(sqlx::Error::Database(error))
            | MigrateError::ExecuteMigration(sqlx::Error::Database(error), _),
        ) => Err(OpenError::Database {
            place: place.to_owned(),
            why: format!("its schema cannot be made: {}", error.message()),
        }),
        Err(error) => Err(OpenError::Database {
            place: place.to_owned(),
            why: format!("its schema cannot be made: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?sslmode=maybe",
            "hunter2",
        ] {
            let error = address(url).unwrap_err().to_string();
            assert!(error.contains("store.url"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let options = address("postgres://u:hunter2@db.example.com/otus").unwrap();
        assert_eq!(
            place(&options),
            "PostgreSQL at db.example.com:5432, database `otus`"
        );
    }
}
