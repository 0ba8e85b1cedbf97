//! Purpose: who lives: each process has a run, shows that it lives, and is dead when it has not for a while. By the database's
//! clock, so that replicas need not agree on the time.

use super::work::Link;
use crate::{OpenError, shared::Select};
use otus_core::StoreError;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How often a run shows that it lives.
const SHOWN: Duration = Duration::from_secs(2);

/// What has not been seen for so long is dead.
pub(super) const DEAD_AFTER_MS: i64 = 10_000;

/// Who was seen so lately is not taken for dead, even by a clock that runs a little faster.
const SURELY_ALIVE: Duration = Duration::from_millis(DEAD_AFTER_MS.unsigned_abs() * 7 / 10);

/// Who did not see the database for so long cannot tell the dead from those who did not see it either.
const STEADY: Duration = Duration::from_secs(5);

/// How often old claims, runs and signs of changes are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(600);

/// At most so many are forgotten in one statement, so that nothing waits long.
const PRUNED_AT_ONCE: i64 = 500;

/// For how long dead runs and signs of changes are kept. Nobody asks after either that late.
const KEPT_MS: i64 = 24 * 3_600_000;

/// Notes this start. The number is random: names of hosts and pods are used again.
pub(super) async fn begin(link: &Link) -> Result<i64, OpenError> {
    let run = i64::from_be_bytes(
        uuid::Uuid::new_v4().into_bytes()[..8]
            .try_into()
            .unwrap_or_default(),
    );
    link.run(&seen(run)).await.map_err(|error| OpenError::Database {
        place: link.place.clone(),
        why: error.to_string(),
    })?;
    Ok(run)
}

/// Shows that a run lives; makes its row if somebody took it for long dead.
pub(super) fn seen(run: i64) -> Select {
    Select::new(
        "INSERT INTO runs (id, about, started, seen) \
         SELECT $1, $2, ms, ms FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS ms) AS clock \
         ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
        [
            run.into(),
            format!("process {} on {}", std::process::id(), host()).into(),
        ],
    )
}

/// Only for people who look into the table.
fn host() -> String {
    let name = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.map_or_else(|_| "an unknown host".to_owned(), |name| name.trim().to_owned())
}

/// When a run was seen, by its own clock.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Option<Beats>>);

#[derive(Debug, Clone, Copy)]
struct Beats {
    /// Since when without a gap.
    since: Instant,
    /// Before the last was sent.
    last: Instant,
}

impl Pulse {
    fn beats(&self) -> MutexGuard<'_, Option<Beats>> {
        // Whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self, sent: Instant) {
        let mut beats = self.beats();
        let unbroken = beats.filter(|beats| sent - beats.last < SURELY_ALIVE);
        *beats = Some(Beats {
            since: unbroken.map_or(sent, |beats| beats.since),
            last: sent,
        });
    }

    /// Whether nobody can have taken this run for dead.
    pub(super) fn is_strong(&self) -> bool {
        self.beats()
            .is_some_and(|beats| beats.last.elapsed() < SURELY_ALIVE)
    }

    /// Whether it has been so for long enough to tell that others are dead.
    pub(super) fn is_steady(&self) -> bool {
        self.is_strong() && self.beats().is_some_and(|beats| beats.since.elapsed() > STEADY)
    }
}

/// Shows that a run lives, until it stops: between two signs, so that none arrives after the end.
pub(super) async fn stay(link: Link, run: i64, pulse: Arc<Pulse>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SHOWN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let sent = Instant::now();
        match link.run(&seen(run)).await {
            // Tried for longer than that, it says when it was sent first.
            Ok(_) => pulse.beat(sent),
            Err(error) => {
                tracing::warn!(%error, "the store does not see that this process lives; will try again");
            }
        }
    }
}

/// What runs that are dead by now left undone.
pub(super) fn left(run: i64) -> Select {
    Select::new(
        "SELECT body FROM claims WHERE body IS NOT NULL AND stage < 2 AND run <> $1 \
         AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = claims.run AND runs.seen > \
         CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $2)",
        [run.into(), DEAD_AFTER_MS.into()],
    )
}

pub(super) async fn end(link: &Link, run: i64) -> Result<(), StoreError> {
    let end = Select::new("DELETE FROM runs WHERE id = $1", [run.into()]);
    link.run(&end).await.map(drop)
}

pub(super) async fn prune_regularly(link: Link, keep: Duration) {
    let mut ticks = tokio::time::interval(PRUNE_EVERY);
    loop {
        ticks.tick().await;
        match prune(&link, keep).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "forgot old claims"),
            Err(error) => tracing::warn!(%error, "old claims cannot be forgotten; will try again"),
        }
    }
}

/// Forgets claims older than this, and what else nobody asks after any more; says how many claims.
pub(super) async fn prune(link: &Link, keep: Duration) -> Result<u64, StoreError> {
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let claims = forget(
        link,
        "DELETE FROM claims WHERE name IN (SELECT name FROM claims \
         WHERE at <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $1 ORDER BY at LIMIT $2) RETURNING at",
        keep,
    )
    .await?;
    forget(
        link,
        "DELETE FROM writes WHERE id IN (SELECT id FROM writes \
         WHERE at <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $1 ORDER BY at LIMIT $2) RETURNING at",
        KEPT_MS,
    )
    .await?;
    forget(
        link,
        "DELETE FROM runs WHERE id IN (SELECT id FROM runs \
         WHERE seen <= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $1 LIMIT $2) RETURNING seen",
        KEPT_MS,
    )
    .await?;
    Ok(claims)
}

async fn forget(link: &Link, statement: &'static str, keep: i64) -> Result<u64, StoreError> {
    let statement = Select::new(statement, [keep.into(), PRUNED_AT_ONCE.into()]);
    let mut total = 0;
    loop {
        let count = u64::try_from(link.run(&statement).await?.len()).unwrap_or(u64::MAX);
        total += count;
        if count < PRUNED_AT_ONCE.unsigned_abs() {
            return Ok(total);
        }
    }
}
