//! The databases there are: where each is, who uses it, and whether we may do there what has to be done.

mod rights;

pub use rights::{Rights, rights};

use crate::{contract::Gate, postgres::Fault};
use serde::{Deserialize, Serialize};
use sqlx::{postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

/// One of `[databases.<name>]`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// Where it is: `postgres://otus@db.example.com/shop`, or `sqlite:/var/lib/shop.sqlite`. Without a password, if it can be.
    pub url: Option<String>,
    /// A file that holds the address; read whenever it is connected to, so that a new password counts at once.
    pub url_file: Option<PathBuf>,
    /// A file that holds the password, where the address has none.
    pub password_file: Option<PathBuf>,
    /// Who uses it, by name.
    pub consumers: BTreeMap<String, Consumer>,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url_file", &self.url_file)
            .field("password_file", &self.password_file)
            .field("consumers", &self.consumers)
            .finish_non_exhaustive()
    }
}

/// Somebody who uses a database: below `[databases.<name>.consumers.<consumer>]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// What kind of user: `app`, `etl` or `reporting`.
    pub gate: Use,
    /// The roles it connects as. Its statements are told by them, and it can be kept from a column by them.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// Who answers for it.
    pub owner: String,
}

/// What kind of user somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// The application itself.
    App,
    /// Pipelines that load or copy data.
    Etl,
    /// Reports.
    Reporting,
}

impl Use {
    /// The gate that its owner signs.
    #[must_use]
    pub fn gate(self) -> Gate {
        match self {
            Self::App => Gate::App,
            Self::Etl => Gate::Etl,
            Self::Reporting => Gate::Reporting,
        }
    }
}

/// Why a database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Nobody configured it.
    #[error("there is no database `{name}`; write [databases.{name}] in the configuration")]
    Unknown {
        /// Which.
        name: String,
    },
    /// It does not say where it is, or says it twice, or in a way that nobody understands.
    #[error("{key}: {why}")]
    Config {
        /// The key that is wrong.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It does not answer, or not as it should.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Server {
    /// PostgreSQL.
    Postgres(Box<PgConnectOptions>),
    /// SQLite, for a demo.
    Sqlite(Box<SqliteConnectOptions>),
}

impl DatabaseConfig {
    /// What cannot be right, without asking anybody.
    ///
    /// # Errors
    /// The first thing.
    pub fn check(&self) -> Result<(), DatabaseError> {
        let wrong = |key, why: &str| {
            Err(DatabaseError::Config {
                key,
                why: why.to_owned(),
            })
        };
        match (&self.url, &self.url_file) {
            (None, None) => {
                return wrong(
                    "url",
                    "is not set; write the database's address: \"postgres://otus@db.example.com/shop\"",
                );
            }
            (Some(_), Some(_)) => return wrong("url_file", "url is given, too; keep one of them"),
            (Some(url), None) => {
                let server = of(url)?;
                if matches!(server, Server::Sqlite(_)) && self.password_file.is_some() {
                    return wrong("password_file", "SQLite has no passwords");
                }
            }
            (None, Some(_)) => {}
        }
        Ok(())
    }

    /// Where it is, read anew.
    ///
    /// # Errors
    /// When a file cannot be read, or what it says is no address.
    pub fn server(&self) -> Result<Server, DatabaseError> {
        self.check()?;
        let url = match (&self.url, &self.url_file) {
            (Some(url), _) => url.clone(),
            (None, Some(file)) => secret("url_file", file)?,
            (None, None) => String::new(),
        };
        let server = of(&url)?;
        Ok(match (server, &self.password_file) {
            (Server::Postgres(options), Some(file)) => {
                Server::Postgres(Box::new(options.password(&secret("password_file", file)?)))
            }
            (server, _) => server,
        })
    }
}

fn secret(key: &'static str, file: &Path) -> Result<String, DatabaseError> {
    let wrong = |why: String| DatabaseError::Config { key, why };
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("the file {} cannot be read: {error}", file.display())))?;
    match text.trim() {
        "" => Err(wrong(format!("the file {} is empty", file.display()))),
        text => Ok(text.to_owned()),
    }
}

/// Nothing of the address is repeated: it may hold a password.
fn of(url: &str) -> Result<Server, DatabaseError> {
    let wrong = |why: &str| DatabaseError::Config {
        key: "url",
        why: why.to_owned(),
    };
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "postgres" | "postgresql" => match url.parse::<PgConnectOptions>() {
            Ok(options) => Ok(Server::Postgres(Box::new(options))),
            Err(_) => Err(wrong(
                "is no address of a PostgreSQL; write \"postgres://user@host:5432/database\"",
            )),
        },
        "sqlite" => match url.parse::<SqliteConnectOptions>() {
            Ok(options) => Ok(Server::Sqlite(Box::new(options))),
            Err(_) => Err(wrong(
                "is no address of a SQLite file; write \"sqlite:/path/to/file\"",
            )),
        },
        _ => Err(wrong(
            "must begin with postgres: or sqlite:; other databases are migrated by a Job before the deploy",
        )),
    }
}

/// All of them, by name.
#[derive(Debug, Clone, Default)]
pub struct Databases(BTreeMap<String, DatabaseConfig>);

impl Databases {
    /// With these configurations. Nothing is connected to.
    #[must_use]
    pub fn new(all: BTreeMap<String, DatabaseConfig>) -> Self {
        Self(all)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What is configured of one.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn config(&self, name: &str) -> Result<&DatabaseConfig, DatabaseError> {
        self.0.get(name).ok_or_else(|| DatabaseError::Unknown {
            name: name.to_owned(),
        })
    }

    /// Where one is.
    ///
    /// # Errors
    /// When there is none of that name, or where it is cannot be found out.
    pub fn server(&self, name: &str) -> Result<Server, DatabaseError> {
        self.config(name)?.server()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn wrong(config: &DatabaseConfig) -> String {
        config.server().unwrap_err().to_string()
    }

    #[test]
    fn an_address_is_read_and_never_repeated() {
        let url = |url: &str| DatabaseConfig {
            url: Some(url.into()),
            ..DatabaseConfig::default()
        };
        assert!(matches!(
            url("postgres://otus@db/shop").server(),
            Ok(Server::Postgres(_))
        ));
        assert!(matches!(url("sqlite:/tmp/a").server(), Ok(Server::Sqlite(_))));
        for bad in [
            "mysql://otus:hunter2@db/shop",
            "postgres://otus:hunter2@db:notaport/shop",
            "hunter2",
        ] {
            let told = wrong(&url(bad));
            assert!(told.starts_with("url: ") && !told.contains("hunter2"), "{told}");
        }
        let shown = format!("{:?}", url("postgres://otus:hunter2@db/shop"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(wrong(&DatabaseConfig::default()).contains("is not set"));
    }

    #[test]
    fn secrets_lie_in_files_and_are_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let config = DatabaseConfig {
            url: Some("postgres://otus@db/shop".into()),
            password_file: Some(file.clone()),
            ..DatabaseConfig::default()
        };
        assert!(wrong(&config).contains("cannot be read"));
        std::fs::write(&file, "\n").unwrap();
        assert!(wrong(&config).contains("is empty"));
        std::fs::write(&file, "hunter2\n").unwrap();
        assert!(matches!(config.server(), Ok(Server::Postgres(_))));
        let both = DatabaseConfig {
            url_file: Some(file),
            ..config
        };
        assert!(wrong(&both).contains("keep one"));
    }
}
