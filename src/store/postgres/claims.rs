//! Purpose: the task that writes claims on PostgreSQL, all that are waiting in one transaction.
//!
//! It first makes the names its own that nobody has, and locks the rows of the others, both in the order of the names, so that
//! replicas never wait in a circle. With every name locked it judges like any store does, and undoes what it made its own for
//! nothing.

use super::{
    runs::DEAD_AFTER_MS,
    work::{Change, Link, PATIENCE},
};
use crate::shared::{
    Arg, Failure, Row, Select,
    claims::{Batch, Held, Wanted, names},
};
use async_trait::async_trait;
use otus_core::{
    EventKey, StoreError,
    store::{Accepted, Adopted, ClaimStage},
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// At most so many commands at once.
const LARGEST_BATCH: usize = 512;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

enum Command {
    Claim(Wanted, Instant, Reply<Accepted>),
    Advance(EventKey, ClaimStage, Reply<()>),
    Release(EventKey, Reply<()>),
}

/// Asks the task.
#[derive(Debug)]
pub(super) struct Claims {
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
}

/// Starts the task. It ends when it is stopped or nobody can ask any more, and everything asked is written.
pub(super) fn start(link: Link, run: i64) -> (Claims, JoinHandle<()>) {
    let (commands, asked) = mpsc::channel(4 * LARGEST_BATCH);
    let stop = CancellationToken::new();
    let writer = Writer {
        link,
        run,
        doubtful: HashSet::new(),
    };
    let task = tokio::spawn(writer.work(asked, stop.clone()));
    (Claims { commands, stop }, task)
}

impl Claims {
    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("it is closed".into());
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) async fn accept(&self, wanted: Wanted) -> Result<Accepted, StoreError> {
        let until = Instant::now() + PATIENCE;
        self.ask(|reply| Command::Claim(wanted, until, reply)).await
    }

    pub(super) async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.ask(|reply| Command::Advance(key.clone(), stage, reply))
            .await
    }

    pub(super) async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.ask(|reply| Command::Release(key.clone(), reply)).await
    }

    /// Lets nobody ask any more.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

struct Writer {
    link: Link,
    run: i64,
    /// Names that may have been claimed by a commit nobody knows about: whoever asked was told of a failure, so they are nobody's.
    doubtful: HashSet<String>,
}

impl Writer {
    async fn work(mut self, mut asked: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut commands = Vec::with_capacity(LARGEST_BATCH);
        loop {
            let count = tokio::select! {
                biased;
                count = asked.recv_many(&mut commands, LARGEST_BATCH) => count,
                () = stop.cancelled(), if !asked.is_closed() => {
                    // What is in the channel already is still done.
                    asked.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.carry_out(commands.drain(..)).await;
        }
    }

    /// What is moved on or given back in a batch was claimed, and told, before it: their order does not matter.
    async fn carry_out(&mut self, commands: impl Iterator<Item = Command>) {
        let (mut claims, mut advances, mut releases) = (Vec::new(), Vec::new(), Vec::new());
        for command in commands {
            match command {
                Command::Claim(wanted, until, reply) => claims.push((wanted, until, reply)),
                Command::Advance(key, stage, reply) => advances.push((key, stage, reply)),
                Command::Release(key, reply) => releases.push((key, reply)),
            }
        }
        if !advances.is_empty() {
            self.advance(advances).await;
        }
        if !releases.is_empty() {
            self.release(releases).await;
        }
        if !claims.is_empty() {
            self.claim(claims).await;
        }
    }

    async fn claim(&mut self, claims: Vec<(Wanted, Instant, Reply<Accepted>)>) {
        let (mut all, mut replies) = (Vec::new(), Vec::new());
        let mut until = Instant::now();
        for (wanted, patience, reply) in claims {
            all.push(wanted);
            replies.push(reply);
            until = until.max(patience);
        }
        let change = Take {
            run: self.run,
            all: &all,
            doubtful: &self.doubtful,
        };
        let taken = self.link.change_until(&change, until).await;
        match taken {
            Ok(taken) => {
                for name in all.iter().flat_map(|wanted| names(&wanted.key)) {
                    self.doubtful.remove(name);
                }
                for (reply, taken) in replies.into_iter().zip(taken) {
                    // Whoever asked may have gone; then nobody needs the answer.
                    let _ = reply.send(Ok(taken));
                }
            }
            Err(unmade) => {
                tracing::error!(error = %unmade.error, "claims could not be written");
                if unmade.perhaps {
                    let names = all.iter().flat_map(|wanted| names(&wanted.key));
                    self.doubtful.extend(names.cloned());
                }
                for reply in replies {
                    let _ = reply.send(Err(copy(&unmade.error)));
                }
            }
        }
    }

    /// Moves claims on, never back.
    async fn advance(&self, advances: Vec<(EventKey, ClaimStage, Reply<()>)>) {
        let mut stages: BTreeMap<i64, BTreeSet<&String>> = BTreeMap::new();
        for (key, stage, _) in &advances {
            stages.entry(*stage as i64).or_default().extend(names(key));
        }
        let mut moved = Ok(HashSet::new());
        for (stage, names) in stages {
            moved = match (moved, self.move_on(stage, names).await) {
                (Ok(mut others), Ok(more)) => {
                    others.extend(more);
                    Ok(others)
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
        }
        match moved {
            Ok(others) => {
                for (key, _, reply) in advances {
                    let lost = names(&key).any(|name| others.contains(name));
                    let _ = reply.send(if lost { Err(StoreError::Taken) } else { Ok(()) });
                }
            }
            Err(error) => {
                tracing::error!(%error, "claims could not be moved on");
                for (_, _, reply) in advances {
                    let _ = reply.send(Err(copy(&error)));
                }
            }
        }
    }

    /// Moves these names on; answers those that are another run's by now. One statement, which may run twice without harm.
    async fn move_on(&self, stage: i64, names: BTreeSet<&String>) -> Result<Vec<String>, StoreError> {
        let update = Select::new(
            "UPDATE claims SET stage = greatest(stage, $1), body = CASE WHEN $1 < 2 THEN body END \
             WHERE name = ANY (ARRAY (SELECT json_array_elements_text(CAST($2 AS JSON)))) AND run = $3 RETURNING name",
            [
                Arg::from(stage),
                serde_json::json!(names).to_string().into(),
                self.run.into(),
            ],
        );
        let moved = texts(self.link.run(&update).await?)?;
        let moved: HashSet<&String> = moved.iter().collect();
        let rest: Vec<_> = names.into_iter().filter(|name| !moved.contains(name)).collect();
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        let others = Select::new(
            "SELECT name FROM claims \
             WHERE name = ANY (ARRAY (SELECT json_array_elements_text(CAST($1 AS JSON)))) AND run <> $2",
            [Arg::from(serde_json::json!(rest).to_string()), self.run.into()],
        );
        texts(self.link.run(&others).await?)
    }

    /// Gives claims back. One statement, which may run twice without harm.
    async fn release(&self, releases: Vec<(EventKey, Reply<()>)>) {
        let names: BTreeSet<&String> = releases.iter().flat_map(|(key, _)| names(key)).collect();
        let delete = Select::new(
            "DELETE FROM claims \
             WHERE name = ANY (ARRAY (SELECT json_array_elements_text(CAST($1 AS JSON)))) AND run = $2",
            [Arg::from(serde_json::json!(names).to_string()), self.run.into()],
        );
        let released = self.link.run(&delete).await.map(drop);
        if let Err(error) = &released {
            tracing::error!(%error, "claims could not be given back");
        }
        for (_, reply) in releases {
            let _ = reply.send(released.as_ref().copied().map_err(copy));
        }
    }
}

fn texts(rows: Vec<Row>) -> Result<Vec<String>, StoreError> {
    rows.into_iter().map(|mut row| row.text()).collect()
}

fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        StoreError::Unreadable(why) => StoreError::Unreadable(why.clone()),
        StoreError::Taken => StoreError::Taken,
    }
}

/// A claim as a row, and whether the run that has it lives.
type Found = (String, i64, i64, i64, Option<String>, i64, bool);

/// Takes events.
struct Take<'a> {
    run: i64,
    all: &'a [Wanted],
    doubtful: &'a HashSet<String>,
}

impl Take<'_> {
    /// What is to be kept, by name: of two events with one, the last; whoever wins, the words are the same.
    fn bodies(&self) -> HashMap<&str, &str> {
        let all = self.all.iter();
        all.filter_map(|wanted| Some((wanted.key.id.as_str(), wanted.body.as_deref()?)))
            .collect()
    }

    /// The names that nobody had, now this run's.
    async fn insert(&self, connection: &mut PgConnection, names: &[String]) -> Result<Vec<String>, Failure> {
        let kept = self.bodies();
        let bodies: Vec<Option<&str>> = names
            .iter()
            .map(|name| kept.get(name.as_str()).copied())
            .collect();
        Ok(sqlx::query_scalar(
            "INSERT INTO claims (name, run, stage, at, body) \
             SELECT name, $2, 0, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), body \
             FROM unnest($1::TEXT[], $3::TEXT[]) AS asked (name, body) ORDER BY name COLLATE \"C\" \
             ON CONFLICT DO NOTHING RETURNING name",
        )
        .bind(names)
        .bind(self.run)
        .bind(bodies)
        .fetch_all(connection)
        .await?)
    }
}

#[async_trait]
impl Change for Take<'_> {
    type Answer = Vec<Accepted>;

    async fn perform(&self, connection: &mut PgConnection) -> Result<(Vec<Accepted>, bool), Failure> {
        let asked = self.all.iter().flat_map(|wanted| names(&wanted.key));
        let mut open: BTreeSet<String> = asked.cloned().collect();
        let mut fresh: BTreeSet<String> = BTreeSet::new();
        let mut held = HashMap::new();
        // Once, unless a row went away between the two statements.
        while !open.is_empty() {
            let asked: Vec<String> = open.iter().cloned().collect();
            for name in self.insert(connection, &asked).await? {
                open.remove(&name);
                fresh.insert(name);
            }
            if open.is_empty() {
                break;
            }
            let asked: Vec<String> = open.iter().cloned().collect();
            for (name, run, stage, at, body, deaths, lives) in lock(connection, &asked).await? {
                open.remove(&name);
                let own_doubt = run == self.run && self.doubtful.contains(&name);
                let alive = (lives || run == self.run) && !own_doubt;
                held.insert(
                    name,
                    Held {
                        run,
                        stage,
                        at,
                        body,
                        deaths,
                        alive,
                    },
                );
            }
        }
        let now = now(connection).await?;
        let mut batch = Batch::new(held);
        let taken: Vec<Accepted> = self
            .all
            .iter()
            .map(|wanted| batch.claim(wanted, self.run, now))
            .collect();
        let won: BTreeSet<&String> = self
            .all
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| **taken != Accepted::Held)
            .flat_map(|(wanted, _)| names(&wanted.key))
            .collect();
        let for_nothing: Vec<&String> = fresh.iter().filter(|name| !won.contains(name)).collect();
        if !for_nothing.is_empty() {
            sqlx::query("DELETE FROM claims WHERE name = ANY ($1)")
                .bind(&for_nothing)
                .execute(&mut *connection)
                .await?;
        }
        let taken_over = won.into_iter().filter(|name| !fresh.contains(*name));
        write(connection, &batch, taken_over).await?;
        Ok((taken, true))
    }
}

/// The rows of names that somebody has, locked, in the order of the names.
async fn lock(connection: &mut PgConnection, names: &[String]) -> Result<Vec<Found>, Failure> {
    Ok(sqlx::query_as(
        "SELECT name, run, stage, at, body, deaths, EXISTS (SELECT 1 FROM runs WHERE runs.id = claims.run AND runs.seen > \
         CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $2) \
         FROM claims WHERE name = ANY ($1) ORDER BY name FOR UPDATE",
    )
    .bind(names)
    .bind(DEAD_AFTER_MS)
    .fetch_all(connection)
    .await?)
}

/// The server's clock, in milliseconds.
async fn now(connection: &mut PgConnection) -> Result<i64, Failure> {
    let now = sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)");
    Ok(now.fetch_one(connection).await?)
}

/// Writes rows that are there already as they are to be.
async fn write(
    connection: &mut PgConnection,
    batch: &Batch,
    names: impl Iterator<Item = &String>,
) -> Result<(), Failure> {
    for name in names {
        let Some(Some(held)) = batch.changed().get(name) else {
            continue;
        };
        sqlx::query(
            "UPDATE claims SET run = $2, stage = $3, at = $4, body = $5, deaths = $6 WHERE name = $1",
        )
        .bind(name)
        .bind(held.run)
        .bind(held.stage)
        .bind(held.at)
        .bind(&held.body)
        .bind(held.deaths)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Takes over what a dead run did not come to the end of.
pub(super) struct Adopt<'a> {
    pub(super) run: i64,
    pub(super) key: &'a EventKey,
}

#[async_trait]
impl Change for Adopt<'_> {
    type Answer = Option<Adopted>;

    async fn perform(&self, connection: &mut PgConnection) -> Result<(Option<Adopted>, bool), Failure> {
        let all: Vec<String> = names(self.key).cloned().collect();
        let mut held = HashMap::new();
        for (name, run, stage, at, body, deaths, lives) in lock(connection, &all).await? {
            let alive = lives || run == self.run;
            held.insert(
                name,
                Held {
                    run,
                    stage,
                    at,
                    body,
                    deaths,
                    alive,
                },
            );
        }
        let now = now(connection).await?;
        let mut batch = Batch::new(held);
        let adopted = batch.adopt(self.key, self.run, now);
        write(connection, &batch, all.iter()).await?;
        Ok((adopted, !batch.changed().is_empty()))
    }
}
