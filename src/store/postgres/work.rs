//! Purpose: asking and changing the database, through its restarts.
//!
//! What fails because of the connection is tried again for a while. A question can be asked twice. A change cannot be made
//! twice, and whoever loses the connection while committing does not know whether it was made. So each change
//! first writes down a random name of its own, in its own transaction: trying again, it finds the name there if the first try
//! was committed. If the first one is still being committed, that look waits for it.

use super::lost;
use crate::shared::{Failure, Row, Select, Session as _};
use async_trait::async_trait;
use otus_core::StoreError;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a failure of the connection is borne.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// How long one try may take. The server gives up a little earlier by itself, unless it is the one that hangs.
const TRY: Duration = Duration::from_secs(10);

/// The first and the longest wait between two tries.
const WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A way to the database.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) pool: PgPool,
    /// Which database, for people; without the password.
    pub(super) place: String,
}

/// Something that is done in one transaction.
#[async_trait]
pub(super) trait Change: Sync {
    type Answer: Send;

    /// Does it. Answers, too, whether it is to be committed. It may be called again after a try that came to nothing.
    async fn perform(&self, connection: &mut PgConnection) -> Result<(Self::Answer, bool), Failure>;
}

/// What came of one try.
enum Tried<A> {
    /// It is done.
    Done(A),
    /// Nothing was changed.
    Nothing(Failure),
    /// It was to be committed, and nobody knows whether it was.
    Unknown(A, sqlx::Error),
    /// The name was there: an earlier try was committed.
    Earlier,
}

impl Link {
    /// A failure in plain words.
    pub(super) fn unavailable(&self, error: &sqlx::Error) -> StoreError {
        StoreError::Unavailable(lost::words(&self.place, error))
    }

    pub(super) fn silent(&self) -> StoreError {
        self.unavailable(&silence())
    }

    /// Runs a statement that may run twice without harm, and runs it again while the connection is the trouble.
    pub(super) async fn run(&self, statement: &Select) -> Result<Vec<Row>, StoreError> {
        let mut patience = Patience::until(Instant::now() + PATIENCE);
        loop {
            let error = match self.pool.acquire().await {
                Ok(mut connection) => match timeout(TRY, connection.rows(statement)).await {
                    Ok(Ok(rows)) => return Ok(rows),
                    Ok(Err(error)) => error,
                    Err(_) => {
                        give_up(connection);
                        silence()
                    }
                },
                Err(error) => error,
            };
            if !lost::may_pass(&error) || !patience.wait().await {
                return Err(self.unavailable(&error));
            }
        }
    }

    /// Makes a change, once, however often the connection breaks.
    pub(super) async fn change<C: Change>(&self, change: &C) -> Result<C::Answer, StoreError> {
        self.change_until(change, Instant::now() + PATIENCE)
            .await
            .map_err(|unmade| unmade.error)
    }

    /// The same, for so long; a failure says whether the change may have been made all the same.
    pub(super) async fn change_until<C: Change>(
        &self,
        change: &C,
        until: Instant,
    ) -> Result<C::Answer, Unmade> {
        let name = uuid::Uuid::new_v4().to_string();
        let mut unknown = None;
        let mut patience = Patience::until(until);
        loop {
            let error = match self.attempt(&name, change).await {
                Tried::Done(answer) => return Ok(answer),
                Tried::Earlier => {
                    return unknown.ok_or_else(|| Unmade {
                        error: StoreError::Unreadable("a change's random name was taken already".into()),
                        perhaps: false,
                    });
                }
                Tried::Nothing(Failure::Store(error)) => {
                    return Err(Unmade {
                        error,
                        perhaps: unknown.is_some(),
                    });
                }
                Tried::Nothing(Failure::Sql(error)) => error,
                Tried::Unknown(answer, error) => {
                    unknown = Some(answer);
                    error
                }
            };
            // While it is unknown, only the name tells; so even what does not pass is looked into again.
            if !(lost::may_pass(&error) || unknown.is_some()) || !patience.wait().await {
                let words = lost::words(&self.place, &error);
                return Err(Unmade {
                    perhaps: unknown.is_some(),
                    error: StoreError::Unavailable(match unknown {
                        None => words,
                        Some(_) => format!(
                            "{words}. The connection broke while a change was committed, so nobody knows whether it was"
                        ),
                    }),
                });
            }
        }
    }

    async fn attempt<C: Change>(&self, name: &str, change: &C) -> Tried<C::Answer> {
        let mut connection = match self.pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => return Tried::Nothing(Failure::Sql(error)),
        };
        let mut committing = None;
        let done = timeout(TRY, transact(&mut connection, name, change, &mut committing)).await;
        let error = match done {
            Ok(Ok(Some(answer))) => return Tried::Done(answer),
            Ok(Ok(None)) => match committing {
                Some(answer) => return Tried::Done(answer),
                None => return Tried::Earlier,
            },
            Ok(Err(failure)) => failure,
            Err(_) => {
                give_up(connection);
                Failure::Sql(silence())
            }
        };
        match (committing, error) {
            (Some(answer), Failure::Sql(error)) => Tried::Unknown(answer, error),
            (_, failure) => Tried::Nothing(failure),
        }
    }
}

/// One transaction. What is answered by a commit is in `committing` before it begins, so that it is not lost with it. Answers
/// what is not to be committed; nothing when it was committed, now or (`committing` is empty) earlier.
async fn transact<C: Change>(
    connection: &mut PgConnection,
    name: &str,
    change: &C,
    committing: &mut Option<C::Answer>,
) -> Result<Option<C::Answer>, Failure> {
    let mut transaction = connection.begin().await?;
    let sign = Select::new(
        "INSERT INTO writes (id, at) VALUES ($1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)) \
         ON CONFLICT DO NOTHING",
        [name.into()],
    );
    if transaction.run(&sign).await? == 0 {
        return Ok(None);
    }
    let (answer, commit) = change.perform(&mut transaction).await?;
    if !commit {
        // Dropping it would do, too, but later.
        if let Err(error) = transaction.rollback().await {
            tracing::debug!(%error, "a transaction ended by itself");
        }
        return Ok(Some(answer));
    }
    *committing = Some(answer);
    transaction.commit().await?;
    Ok(None)
}

/// A change that was not made, or perhaps.
#[derive(Debug)]
pub(super) struct Unmade {
    pub(super) error: StoreError,
    /// It may have been committed.
    pub(super) perhaps: bool,
}

/// Waits between tries, a little longer each time.
struct Patience {
    until: Instant,
    next: Duration,
}

impl Patience {
    fn until(until: Instant) -> Self {
        Self { until, next: WAIT }
    }

    /// Waits, unless patience is at its end; says whether it was not.
    async fn wait(&mut self) -> bool {
        if Instant::now() + self.next > self.until {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }
}

/// What is said of a server that says nothing.
fn silence() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "no answer in time",
    ))
}

/// Closes a connection on which an answer is still due, without a word: the server may be the one that hangs.
fn give_up(connection: PoolConnection<Postgres>) {
    drop(connection.detach());
}
