//! Purpose: the short way for what every answer waits for: claims that nobody holds, and claims that move on. One statement
//! each, which is a transaction by itself, where the general way takes four.
//!
//! It leans on the writer being the only one that writes claims: what this run took, it knows without asking.

use super::writer::{held_under, put};
use crate::shared::claims::{Batch, Wanted, names};
use otus_core::{EventKey, store::Accepted};
use sqlx::{Connection as _, SqliteConnection};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// How many names are remembered. Slack's second event of a message comes within moments.
const MOST: usize = 50_000;

/// Names this run has taken, so that the second event of a message is told without asking the file. Forgetting one only
/// costs a look.
#[derive(Debug, Default)]
pub(super) struct Ours {
    names: HashSet<String>,
    order: VecDeque<String>,
}

impl Ours {
    fn has(&self, key: &EventKey) -> bool {
        names(key).any(|name| self.names.contains(name))
    }

    fn add(&mut self, key: &EventKey) {
        for name in names(key) {
            if self.names.insert(name.clone()) {
                self.order.push_back(name.clone());
            }
        }
        while self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    /// Old claims were forgotten, nobody knows here which.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A claim was given back.
    pub(super) fn forget(&mut self, key: &EventKey) {
        for name in names(key) {
            self.names.remove(name);
        }
    }
}

/// Moves claims on, all of one stage in one statement.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    run: i64,
    stages: &BTreeMap<i64, Vec<String>>,
) -> Result<(), sqlx::Error> {
    for (stage, names) in stages {
        sqlx::query(
            "UPDATE claims SET stage = ?1, body = CASE WHEN ?1 < 2 THEN body END \
             WHERE name IN (SELECT value FROM json_each(?2)) AND run = ?3 AND stage < ?1",
        )
        .bind(stage)
        .bind(serde_json::json!(names).to_string())
        .bind(run)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Takes the events that nobody has; answers for each, in their order, what came of it.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    run: i64,
    now: i64,
    ours: &mut Ours,
    all: &[&Wanted],
) -> Result<Vec<Accepted>, sqlx::Error> {
    let mut taken = vec![Accepted::Held; all.len()];
    let (mut wanted, mut behind, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (at, Wanted { key, .. }) in all.iter().enumerate() {
        if ours.has(key) {
            continue;
        }
        // Two events of one message in one batch: the second is judged when the first is.
        if names(key).any(|name| seen.contains(name)) {
            behind.push(at);
        } else {
            seen.extend(names(key));
            wanted.push(at);
        }
    }
    if wanted.is_empty() {
        return Ok(taken);
    }
    let asked: Vec<(&String, Option<&str>)> = wanted
        .iter()
        .flat_map(|&at| names(&all[at].key).map(move |name| (name, all[at].body_under(name))))
        .collect();
    let written: Vec<(String,)> = sqlx::query_as(
        "INSERT INTO claims (name, run, stage, at, body) \
         SELECT value ->> 0, ?2, 0, ?3, value ->> 1 FROM json_each(?1) WHERE true \
         ON CONFLICT (name) DO NOTHING RETURNING name",
    )
    .bind(serde_json::json!(asked).to_string())
    .bind(run)
    .bind(now)
    .fetch_all(&mut *connection)
    .await?;
    let written: HashSet<String> = written.into_iter().map(|(name,)| name).collect();
    let mut contested = Vec::new();
    for at in wanted {
        let key = &all[at].key;
        if names(key).all(|name| written.contains(name)) {
            ours.add(key);
            taken[at] = Accepted::First;
        } else {
            contested.push(at);
        }
    }
    contested.extend(behind.into_iter().filter(|&at| !ours.has(&all[at].key)));
    if !contested.is_empty() {
        contested.sort_unstable();
        let half: Vec<&String> = contested
            .iter()
            .flat_map(|&at| names(&all[at].key))
            .filter(|&name| written.contains(name))
            .collect();
        let contested: Vec<(usize, &Wanted)> = contested.into_iter().map(|at| (at, all[at])).collect();
        for (at, won) in contest(connection, run, now, &half, &contested).await? {
            taken[at] = won;
            if won != Accepted::Held {
                ours.add(&all[at].key);
            }
        }
    }
    Ok(taken)
}

/// The general way for events of which another run has, or had, a name: takes back what was written of them and judges
/// by what the file holds, all in one transaction.
async fn contest(
    connection: &mut SqliteConnection,
    run: i64,
    now: i64,
    half: &[&String],
    contested: &[(usize, &Wanted)],
) -> Result<Vec<(usize, Accepted)>, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    if !half.is_empty() {
        sqlx::query("DELETE FROM claims WHERE run = ? AND name IN (SELECT value FROM json_each(?))")
            .bind(run)
            .bind(serde_json::json!(half).to_string())
            .execute(&mut *transaction)
            .await?;
    }
    let under = contested
        .iter()
        .flat_map(|(_, wanted)| names(&wanted.key))
        .collect::<Vec<_>>();
    let mut batch = Batch::new(held_under(&mut transaction, &under, run).await?);
    let judged = contested
        .iter()
        .map(|&(at, wanted)| (at, batch.claim(wanted, run, now)))
        .collect();
    put(&mut transaction, &batch).await?;
    transaction.commit().await?;
    Ok(judged)
}
