//! How the responders are doing: what each has answered here and how fast, and which are switched off, by a person or
//! because they kept failing.
//!
//! What is switched off is in the store, so that every replica and the next start know. Each replica keeps a copy that it
//! renews every few seconds while messages come in, so that no message waits for the store.

use crate::{
    audit::Entry,
    error::{Result, UserError},
    ids::UserId,
    services::Services,
    store::{Store, StoreError},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The key-value space of what is switched off, by responder.
pub const QUARANTINE: &str = "robot.quarantine";

/// Responders that are never switched off: without them nobody could switch anything on again, stop what runs, or unlock.
const NEVER: [&str; 3] = ["basics", "operations", "policy"];

/// How old the copy may be before it is renewed beside the next message.
const FRESH: Duration = Duration::from_secs(3);
/// How old it may be before the next message waits for its renewal.
const STALE: Duration = Duration::from_secs(60);
/// How long a message waits for that at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Of how many runs the durations are kept.
const DURATIONS: usize = 256;

/// A responder that is switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Off {
    /// Since when.
    pub since: Timestamp,
    /// Who did it; the robot itself when it kept failing.
    pub by: Option<UserId>,
    /// Why.
    pub reason: String,
    /// The id of the last failure, under which the log has more.
    pub incident: Option<String>,
}

/// How one responder is doing, here and since this process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub responder: &'static str,
    /// That it is switched off.
    pub off: Option<Off>,
    /// How often it had something to answer, or to listen to.
    pub matches: u64,
    /// How often it failed.
    pub errors: u64,
    /// How long 95 of 100 of its last runs took at most.
    pub p95: Option<Duration>,
    /// When it last did what it was asked.
    pub succeeded: Option<Timestamp>,
}

/// How the responders are doing. Made by [`Services::health`].
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<&'static str, Counts>,
    off: BTreeMap<String, Off>,
    renewed: Option<Instant>,
    renewing: bool,
}

#[derive(Debug, Default)]
struct Counts {
    matches: u64,
    errors: u64,
    seconds: VecDeque<Duration>,
    succeeded: Option<Timestamp>,
    failures: VecDeque<Instant>,
}

/// How a run came out, as far as the responder's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It answered: with what was asked, or with why not.
    Well,
    /// It failed, by its own fault.
    Failed,
    /// It failed because something it needs was away, or it never ran.
    NotItsFault,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a responder has something to do.
    pub(crate) fn matched(&self, responder: &'static str) {
        self.state().counts.entry(responder).or_default().matches += 1;
    }

    /// Notes how a run came out, and answers whether it was the failure too many: the `most`-th within a time.
    pub(crate) fn ran(
        &self,
        responder: &'static str,
        how: Ran,
        took: Duration,
        most: u32,
        within: Duration,
    ) -> bool {
        let mut state = self.state();
        let counts = state.counts.entry(responder).or_default();
        if counts.seconds.len() == DURATIONS {
            counts.seconds.pop_front();
        }
        counts.seconds.push_back(took);
        if how == Ran::Well {
            counts.succeeded = Some(Timestamp::now());
            return false;
        }
        counts.errors += 1;
        if how == Ran::NotItsFault || most == 0 || NEVER.contains(&responder) {
            return false;
        }
        let now = Instant::now();
        counts.failures.push_back(now);
        while counts
            .failures
            .front()
            .is_some_and(|&at| now.duration_since(at) > within || counts.failures.len() > most as usize)
        {
            counts.failures.pop_front();
        }
        if counts.failures.len() < most as usize {
            return false;
        }
        counts.failures.clear();
        true
    }

    /// That a responder is switched off, as far as this replica knows.
    pub(crate) async fn off(services: &Services, responder: &str) -> Option<Off> {
        let health = services.health();
        let age = health.state().renewed.map(|at| at.elapsed());
        if age.is_none_or(|age| age > STALE) {
            if tokio::time::timeout(PATIENCE, renew(services)).await.is_err() {
                tracing::warn!("what is switched off was not found out in time");
            }
        } else if age.is_some_and(|age| age > FRESH) {
            let mut state = health.state();
            if !std::mem::replace(&mut state.renewing, true) {
                let services = services.clone();
                tokio::spawn(async move { renew(&services).await });
            }
        }
        health.state().off.get(responder).cloned()
    }

    /// How each responder is doing, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn report(services: &Services) -> Result<Vec<Report>> {
        let off = read(services.store().as_ref()).await?;
        let mut names: Vec<&'static str> = services.commands().iter().map(|spec| spec.responder).collect();
        names.sort_unstable();
        names.dedup();
        let state = services.health().state();
        let report = |responder: &'static str| {
            let counts = state.counts.get(responder);
            Report {
                responder,
                off: off.get(responder).cloned(),
                matches: counts.map_or(0, |counts| counts.matches),
                errors: counts.map_or(0, |counts| counts.errors),
                p95: counts.and_then(Counts::p95),
                succeeded: counts.and_then(|counts| counts.succeeded),
            }
        };
        Ok(names.into_iter().map(report).collect())
    }

    /// Switches a responder off, everywhere, and records it. Answers whether it was on until now.
    ///
    /// # Errors
    /// A [`UserError`] when it is one that stays on; or the store's.
    pub async fn switch_off(
        services: &Services,
        responder: &str,
        by: Option<&UserId>,
        reason: &str,
        incident: Option<&str>,
    ) -> Result<bool> {
        if NEVER.contains(&responder) {
            let text = format!("{responder} stays on: it is what one sets things right with.");
            return Err(UserError::new(text).into());
        }
        let store = services.store();
        let now = store.now().await?;
        let off = Off {
            since: now,
            by: by.cloned(),
            reason: reason.to_owned(),
            incident: incident.map(str::to_owned),
        };
        let event = if by.is_some() { "disabled" } else { "quarantined" };
        let mut entry = Entry::new(now, event, format!("the responder {responder}: {reason}"));
        entry.actor = by.cloned();
        entry.request = incident.map(str::to_owned);
        entry.data = json!({ "responder": responder });
        let value = serde_json::to_value(&off)?;
        let written = store
            .swap(QUARANTINE, responder, 0, Some(&value), &[entry])
            .await?;
        if written {
            services.health().state().off.insert(responder.to_owned(), off);
        } else {
            renew(services).await;
        }
        Ok(written)
    }

    /// Switches a responder on again, everywhere, and records it. Answers why it was off, if it was.
    ///
    /// # Errors
    /// The store's.
    pub async fn switch_on(
        services: &Services,
        responder: &str,
        by: &UserId,
        request: &str,
    ) -> Result<Option<Off>> {
        let store = services.store();
        let now = store.now().await?;
        let entries = store.entries(QUARANTINE).await?;
        let Some(found) = entries.into_iter().find(|found| found.key == responder) else {
            renew(services).await;
            return Ok(None);
        };
        let mut entry = Entry::new(now, "enabled", format!("the responder {responder}")).by(by);
        entry.request = Some(request.to_owned());
        entry.data = json!({ "responder": responder });
        let off = serde_json::from_value(found.value)?;
        let written = store
            .swap(QUARANTINE, responder, found.revision, None, &[entry])
            .await?;
        renew(services).await;
        Ok(written.then_some(off))
    }
}

impl Counts {
    fn p95(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = self.seconds.iter().copied().collect();
        sorted.sort_unstable();
        let at = (sorted.len() * 95).div_ceil(100).checked_sub(1)?;
        sorted.get(at).copied()
    }
}

/// Reads anew what is switched off. What failed before it was switched on again does not count any more.
async fn renew(services: &Services) {
    let read = read(services.store().as_ref()).await;
    let mut state = services.health().state();
    state.renewing = false;
    match read {
        Ok(off) => {
            let before = std::mem::replace(&mut state.off, off);
            let back: Vec<_> = before
                .keys()
                .filter(|name| !state.off.contains_key(*name))
                .cloned()
                .collect();
            for (name, counts) in &mut state.counts {
                if back.iter().any(|back| back == name) {
                    counts.failures.clear();
                }
            }
            state.renewed = Some(Instant::now());
        }
        Err(error) => {
            tracing::warn!(%error, "what is switched off cannot be read; the last known holds");
            // Not every message is to wait for a store that is away.
            state.renewed = Some(Instant::now());
        }
    }
}

async fn read(store: &dyn Store) -> Result<BTreeMap<String, Off>, StoreError> {
    let read = store.entries(QUARANTINE).await?.into_iter().map(|found| {
        let off = serde_json::from_value(found.value)
            .map_err(|error| StoreError::Unreadable(format!("{QUARANTINE}/{}: {error}", found.key)))?;
        Ok((found.key, off))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn only_failures_close_together_are_too_many() {
        let health = Health::default();
        let fail = |how| health.ran("graphs", how, MINUTE, 3, 10 * MINUTE);
        assert!(!fail(Ran::Failed) && !fail(Ran::Failed));
        tokio::time::advance(11 * MINUTE).await;
        assert!(!fail(Ran::Failed) && !fail(Ran::NotItsFault) && !fail(Ran::Well) && !fail(Ran::Failed));
        assert!(fail(Ran::Failed));
        assert!(!fail(Ran::Failed), "it begins anew");
        assert!((0..9).all(|_| !health.ran("basics", Ran::Failed, MINUTE, 3, MINUTE)));
        assert!((0..9).all(|_| !health.ran("deploy", Ran::Failed, MINUTE, 0, MINUTE)));
    }

    proptest! {
        #[test]
        fn p95_is_one_of_the_last_and_few_took_longer(
            seconds in proptest::collection::vec(0u64..1000, 1..600),
        ) {
            let health = Health::default();
            for &took in &seconds {
                health.ran("graphs", Ran::Well, Duration::from_secs(took), 0, MINUTE);
            }
            let p95 = health.state().counts["graphs"].p95().unwrap();
            let last = &seconds[seconds.len().saturating_sub(DURATIONS)..];
            prop_assert!(last.contains(&p95.as_secs()));
            let longer = last.iter().filter(|&&took| took > p95.as_secs()).count();
            prop_assert!(longer * 20 <= last.len());
        }
    }
}
