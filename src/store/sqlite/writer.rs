//! Purpose: the task that writes claims, many in one transaction.
//!
//! While one transaction runs, the next commands gather; they all go into the next. So a single claim waits for nobody, and
//! under load the cost of a transaction is shared. Nothing is acknowledged before its transaction is committed.

use super::{
    lock::Owned,
    short::{self, Ours},
};
use crate::shared::claims::{Batch, Held, Wanted, names};
use otus_core::{
    EventKey, StoreError,
    store::{Accepted, Adopted, ClaimStage},
};
use sqlx::{Connection as _, SqliteConnection};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

/// At most so many commands in one transaction.
const LARGEST_BATCH: usize = 512;

/// At most so many old claims are forgotten in one transaction, so that a new one never waits long.
const PRUNED_AT_ONCE: i64 = 500;

/// How long the end of a claim may wait to be written: a process that dies before is looked after like one that died before it came to
/// the end.
const PATIENT: Duration = Duration::from_millis(5);

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

enum Command {
    Claim(Wanted, Reply<Accepted>),
    Adopt(EventKey, Reply<Option<Adopted>>),
    Advance(EventKey, ClaimStage, Reply<()>),
    Release(EventKey, Reply<()>),
    Check(Reply<()>),
    Prune(i64, Reply<u64>),
    Stop(Reply<()>),
}

/// A command that was carried out, to be told once it is committed.
enum Done {
    Claim(Accepted, Reply<Accepted>),
    Adopt(Option<Adopted>, Reply<Option<Adopted>>),
    Unit(Reply<()>),
    Count(u64, Reply<u64>),
}

impl Done {
    /// Whoever asked may have gone; then nobody needs the answer.
    fn tell(self, committed: Result<(), &str>) {
        let failed = |why: &str| StoreError::Unavailable(why.to_owned());
        match self {
            Self::Claim(taken, reply) => drop(reply.send(committed.map(|()| taken).map_err(failed))),
            Self::Adopt(adopted, reply) => drop(reply.send(committed.map(|()| adopted).map_err(failed))),
            Self::Unit(reply) => drop(reply.send(committed.map_err(failed))),
            Self::Count(count, reply) => drop(reply.send(committed.map(|()| count).map_err(failed))),
        }
    }
}

/// Asks the task.
#[derive(Clone)]
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

/// Starts the task. It ends when it is stopped, or the last [`Writer`] is gone, and everything asked is written.
pub(super) fn start(
    connection: SqliteConnection,
    run: i64,
    turn: Arc<Mutex<()>>,
    owned: Arc<Owned>,
) -> (Writer, JoinHandle<()>) {
    let (commands, asked) = mpsc::channel(4 * LARGEST_BATCH);
    let task = tokio::spawn(async move {
        write(connection, run, turn, asked).await;
        // The file is this process' until the last write is done.
        drop(owned);
    });
    (Writer { commands }, task)
}

impl Writer {
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("its writer has stopped".into());
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    pub(super) async fn accept(&self, wanted: Wanted) -> Result<Accepted, StoreError> {
        self.ask(|reply| Command::Claim(wanted, reply)).await
    }

    pub(super) async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        self.ask(|reply| Command::Adopt(key.clone(), reply)).await
    }

    pub(super) async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.ask(|reply| Command::Advance(key.clone(), stage, reply))
            .await
    }

    pub(super) async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.ask(|reply| Command::Release(key.clone(), reply)).await
    }

    /// Writes a sign of life.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.ask(Command::Check).await
    }

    /// Carries out what was asked before, and nothing after.
    pub(super) async fn stop(&self) -> Result<(), StoreError> {
        self.ask(Command::Stop).await
    }

    /// Forgets claims older than this, one small transaction after the other.
    pub(super) async fn prune(&self, keep: Duration) -> Result<u64, StoreError> {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let before = jiff::Timestamp::now().as_millisecond().saturating_sub(keep);
        let mut total = 0;
        loop {
            let count = self.ask(|reply| Command::Prune(before, reply)).await?;
            total += count;
            if count < PRUNED_AT_ONCE.unsigned_abs() {
                return Ok(total);
            }
        }
    }
}

async fn write(
    mut connection: SqliteConnection,
    run: i64,
    turn: Arc<Mutex<()>>,
    mut asked: mpsc::Receiver<Command>,
) {
    let mut commands = Vec::with_capacity(LARGEST_BATCH);
    let mut ours = Ours::default();
    while asked.recv_many(&mut commands, LARGEST_BATCH).await > 0 {
        if commands.iter().all(is_patient) {
            // Whoever comes next takes them along.
            let more = asked.recv_many(&mut commands, LARGEST_BATCH);
            let _ = tokio::time::timeout(PATIENT, more).await;
        }
        let mut done = Vec::with_capacity(commands.len());
        let stop = commands.iter().any(|command| matches!(command, Command::Stop(_)));
        let turn = turn.lock().await;
        let committed = commit(&mut connection, run, &mut ours, &mut commands, &mut done).await;
        drop(turn);
        let committed = committed.map_err(|error| error.to_string());
        if let Err(why) = &committed {
            tracing::error!(why, "claims could not be written");
            // What was not reached before the failure gets the same answer.
            done.extend(commands.drain(..).map(not_done));
        }
        for done in done {
            done.tell(committed.as_ref().copied().map_err(String::as_str));
        }
        if stop {
            // What is in the channel already is still done.
            asked.close();
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the store's writer did not close cleanly");
    }
}

fn not_done(command: Command) -> Done {
    match command {
        Command::Claim(_, reply) => Done::Claim(Accepted::Held, reply),
        Command::Adopt(_, reply) => Done::Adopt(None, reply),
        Command::Advance(_, _, reply)
        | Command::Release(_, reply)
        | Command::Check(reply)
        | Command::Stop(reply) => Done::Unit(reply),
        Command::Prune(_, reply) => Done::Count(0, reply),
    }
}

async fn commit(
    connection: &mut SqliteConnection,
    run: i64,
    ours: &mut Ours,
    commands: &mut Vec<Command>,
    done: &mut Vec<Done>,
) -> Result<(), sqlx::Error> {
    if is_short(commands) {
        return shortly(connection, run, ours, commands, done).await;
    }
    let now = jiff::Timestamp::now().as_millisecond();
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut batch = Batch::new(held(&mut transaction, commands, run).await?);
    let (mut sign_of_life, mut prunes) = (false, Vec::new());
    for command in commands.drain(..) {
        done.push(match command {
            Command::Claim(wanted, reply) => Done::Claim(batch.claim(&wanted, run, now), reply),
            Command::Adopt(key, reply) => Done::Adopt(batch.adopt(&key, run, now), reply),
            Command::Advance(key, stage, reply) => {
                batch.advance(&key, stage, run);
                Done::Unit(reply)
            }
            Command::Release(key, reply) => {
                batch.release(&key, run);
                ours.forget(&key);
                Done::Unit(reply)
            }
            Command::Check(reply) => {
                sign_of_life = true;
                Done::Unit(reply)
            }
            Command::Stop(reply) => Done::Unit(reply),
            Command::Prune(before, reply) => {
                ours.clear();
                prunes.push((before, reply));
                continue;
            }
        });
    }
    put(&mut transaction, &batch).await?;
    if sign_of_life {
        sqlx::query("UPDATE runs SET seen = ? WHERE id = ?")
            .bind(now)
            .bind(run)
            .execute(&mut *transaction)
            .await?;
    }
    for (before, reply) in prunes {
        let forgotten = sqlx::query(
            "DELETE FROM claims WHERE name IN (SELECT name FROM claims WHERE at <= ? ORDER BY at LIMIT ?)",
        );
        match forgotten
            .bind(before)
            .bind(PRUNED_AT_ONCE)
            .execute(&mut *transaction)
            .await
        {
            Ok(result) => done.push(Done::Count(result.rows_affected(), reply)),
            Err(error) => {
                done.push(Done::Count(0, reply));
                return Err(error);
            }
        }
    }
    transaction.commit().await
}

/// Whether nobody waits for it to say or do something more.
fn is_patient(command: &Command) -> bool {
    matches!(command, Command::Advance(_, ClaimStage::Done, _))
}

/// Whether all that is asked is to take claims and to move them on. A claim is moved on only after it was taken and told, so
/// the two never speak of one event in one batch, and their order does not matter.
fn is_short(commands: &[Command]) -> bool {
    commands
        .iter()
        .all(|command| matches!(command, Command::Claim(..) | Command::Advance(..)))
}

/// Carries those out the short way.
async fn shortly(
    connection: &mut SqliteConnection,
    run: i64,
    ours: &mut Ours,
    commands: &mut Vec<Command>,
    done: &mut Vec<Done>,
) -> Result<(), sqlx::Error> {
    let mut stages: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for command in commands.iter() {
        match command {
            Command::Advance(key, stage, _) => {
                stages
                    .entry(*stage as i64)
                    .or_default()
                    .extend(names(key).cloned());
            }
            Command::Claim(..)
            | Command::Adopt(..)
            | Command::Release(..)
            | Command::Check(_)
            | Command::Prune(..)
            | Command::Stop(_) => {}
        }
    }
    short::advance(connection, run, &stages).await?;
    let now = jiff::Timestamp::now().as_millisecond();
    let wanted: Vec<&Wanted> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Claim(wanted, _) => Some(wanted),
            _ => None,
        })
        .collect();
    let mut taken = short::claim(connection, run, now, ours, &wanted)
        .await?
        .into_iter();
    done.extend(commands.drain(..).map(|command| match command {
        Command::Claim(_, reply) => Done::Claim(taken.next().unwrap_or(Accepted::Held), reply),
        other => not_done(other),
    }));
    Ok(())
}

/// What the file holds under the names of a batch, in one query whatever its size.
async fn held(
    connection: &mut SqliteConnection,
    commands: &[Command],
    run: i64,
) -> Result<HashMap<String, Held>, sqlx::Error> {
    let keys = commands.iter().filter_map(|command| match command {
        Command::Claim(wanted, _) => Some(&wanted.key),
        Command::Adopt(key, _) | Command::Advance(key, ..) | Command::Release(key, _) => Some(key),
        Command::Check(_) | Command::Prune(..) | Command::Stop(_) => None,
    });
    let names: Vec<&String> = keys.flat_map(names).collect();
    held_under(connection, &names, run).await
}

/// What the file holds under these names. One process has the file, so every other run is dead.
pub(super) async fn held_under(
    connection: &mut SqliteConnection,
    names: &[&String],
    own: i64,
) -> Result<HashMap<String, Held>, sqlx::Error> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, i64, i64, i64, Option<String>, i64)> = sqlx::query_as(
        "SELECT name, run, stage, at, body, deaths FROM claims WHERE name IN (SELECT value FROM json_each(?))",
    )
    .bind(serde_json::json!(names).to_string())
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, run, stage, at, body, deaths)| {
            let held = Held {
                run,
                stage,
                at,
                body,
                deaths,
                alive: run == own,
            };
            (name, held)
        })
        .collect())
}

/// Writes what changed, in at most two statements whatever its size.
pub(super) async fn put(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for (name, claim) in batch.changed() {
        match claim {
            Some(Held {
                run,
                stage,
                at,
                body,
                deaths,
                ..
            }) => kept.push((name, run, stage, at, body, deaths)),
            None => removed.push(name),
        }
    }
    if !kept.is_empty() {
        // `WHERE true` tells SQLite's parser that ON CONFLICT does not belong to the join.
        sqlx::query(
            "INSERT INTO claims (name, run, stage, at, body, deaths) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?) WHERE true \
             ON CONFLICT (name) DO UPDATE SET run = excluded.run, stage = excluded.stage, at = excluded.at, \
             body = excluded.body, deaths = excluded.deaths",
        )
        .bind(serde_json::json!(kept).to_string())
        .execute(&mut *connection)
        .await?;
    }
    if !removed.is_empty() {
        sqlx::query("DELETE FROM claims WHERE name IN (SELECT value FROM json_each(?))")
            .bind(serde_json::json!(removed).to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}
