//! Purpose: a session that can be stopped from outside, and what its errors mean.

use crate::run::Wish;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How often a statement that is to be stopped is looked after.
const TICK: Duration = Duration::from_millis(200);

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Somebody else holds what it needs; nothing was changed.
    #[error("it did not get its locks in time")]
    Locked,
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
    /// The connection is gone, or was never there.
    #[error("the database cannot be reached: {0}")]
    Lost(String),
    /// The database refused it, in its own words.
    #[error("{0}")]
    Sql(String),
}

/// One connection, with its number on the server.
#[derive(Debug)]
pub struct Session {
    connection: PgConnection,
    options: PgConnectOptions,
    pid: i32,
}

impl Session {
    /// Connects under a name that others can see.
    ///
    /// # Errors
    /// When the database cannot be reached, or does not let us in.
    pub async fn open(options: &PgConnectOptions, name: &str) -> Result<Self, Fault> {
        let options = options.clone().application_name(name);
        let connecting = PgConnection::connect_with(&options);
        let mut connection = match tokio::time::timeout(CONNECT, connecting).await {
            Ok(connected) => connected.map_err(|error| fault(&error, false))?,
            Err(_) => return Err(Fault::Lost(format!("no answer within {} s", CONNECT.as_secs()))),
        };
        let row = sqlx::query("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| fault(&error, false))?;
        let pid = row.try_get(0).map_err(|error| fault(&error, false))?;
        Ok(Self {
            connection,
            options,
            pid,
        })
    }

    /// Its number on the server.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How it was connected.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Closes it, and with it gives back every lock.
    pub async fn close(self) {
        // A connection that cannot be closed in order is gone all the same.
        let _ = tokio::time::timeout(CONNECT, self.connection.close()).await;
    }

    /// Asks, with arguments as text.
    ///
    /// # Errors
    /// As the database says.
    pub(crate) async fn rows(&mut self, sql: &str, args: &[&str]) -> Result<Vec<PgRow>, Fault> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
        for arg in args {
            query = query.bind((*arg).to_owned());
        }
        let found = query.fetch_all(&mut self.connection).await;
        found.map_err(|error| fault(&error, false))
    }

    /// Runs one statement that is short.
    ///
    /// # Errors
    /// As the database says.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<u64, Fault> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await;
        let done = done.map_err(|error| fault(&error, false))?;
        Ok(done.rows_affected())
    }

    /// Runs one statement that may take long: it is cancelled when that is wanted, and its session ended when that does not
    /// help within `grace`.
    ///
    /// # Errors
    /// As the database says; [`Fault::Stopped`] when it was stopped.
    pub(crate) async fn run_long(
        &mut self,
        sql: &str,
        wish: &mut watch::Receiver<Wish>,
        grace: Duration,
    ) -> Result<u64, Fault> {
        let (pid, options) = (self.pid, self.options.clone());
        let running = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection);
        tokio::pin!(running);
        let mut stopping: Option<Instant> = None;
        let mut terminated = false;
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                done = &mut running => {
                    let done = done.map_err(|error| fault(&error, stopping.is_some()))?;
                    return Ok(done.rows_affected());
                }
                _ = tick.tick() => {
                    let wanted = *wish.borrow() == Wish::Stop;
                    match stopping {
                        None if wanted => {
                            stopping = Some(Instant::now() + grace);
                            signal(&options, "pg_cancel_backend", pid).await;
                        }
                        Some(until) if !terminated && Instant::now() > until => {
                            terminated = true;
                            signal(&options, "pg_terminate_backend", pid).await;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Asks the server, on a connection of its own, to stop a session's statement, or the session.
async fn signal(options: &PgConnectOptions, how: &str, pid: i32) {
    let asking = async {
        let mut session = Session::open(options, "otus: stop").await?;
        session.rows(&format!("SELECT {how}({pid})"), &[]).await?;
        session.close().await;
        Ok::<_, Fault>(())
    };
    match tokio::time::timeout(CONNECT, asking).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, pid, how, "a statement cannot be stopped"),
        Err(_) => tracing::warn!(pid, how, "a statement cannot be stopped: no answer"),
    }
}

/// What an error means. `stopping` says whether it was to be stopped.
pub(crate) fn fault(error: &sqlx::Error, stopping: bool) -> Fault {
    let sqlx::Error::Database(said) = error else {
        return match error {
            sqlx::Error::ColumnNotFound(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Fault::Sql(error.to_string())
            }
            _ => Fault::Lost(error.to_string()),
        };
    };
    let code = said.code().unwrap_or_default().into_owned();
    match code.as_str() {
        // lock_not_available, deadlock_detected.
        "55P03" | "40P01" => Fault::Locked,
        // query_canceled.
        "57014" if stopping => Fault::Stopped,
        // admin_shutdown, when it was we who ended the session.
        "57P01" if stopping => Fault::Stopped,
        // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections; class 08 is the connection.
        "57P01" | "57P02" | "57P03" | "53300" => Fault::Lost(said.message().to_owned()),
        code if code.starts_with("08") => Fault::Lost(said.message().to_owned()),
        code => {
            let mut text = format!("{} (SQLSTATE {code})", said.message());
            if let Some(said) = said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                for more in [said.detail(), said.hint()].into_iter().flatten() {
                    text.push_str(". ");
                    text.push_str(more.trim_end_matches('.'));
                }
            }
            Fault::Sql(text)
        }
    }
}

/// A text as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    if text.contains('\\') {
        // Without depending on standard_conforming_strings.
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
