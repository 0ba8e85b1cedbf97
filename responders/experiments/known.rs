//! Which experiments there are, and what people want of them: small values of the store, one for each.

use crate::grain::Grain;
use jiff::Timestamp;
use otus::{Result, audit::Entry, store::Store};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The space of what is known of experiments.
const KNOWN: &str = "experiments";
/// The space of what people want of them.
const WANTED: &str = "experiments.wanted";
/// How often a change is tried again when somebody else made one in between.
const TRIES: usize = 20;
/// An application that sends every few seconds need not be written down each time.
const NEWS: i64 = 60;
/// What breaks and mends itself all the time is told so often, in seconds.
const TOLD: i64 = 3600;

/// An experiment, as applications tell of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// When it was first told of.
    pub(crate) first: Timestamp,
    /// When it last ran.
    pub(crate) ran: Option<Timestamp>,
    /// Who tells of it.
    pub(crate) applications: BTreeMap<String, Teller>,
    /// The first block of minutes, and of hours, that may hold something.
    pub(crate) oldest: [i64; 2],
    /// When candidates were last said to be stopped by their breakers.
    #[serde(default)]
    pub(crate) stopped: BTreeMap<String, Timestamp>,
}

/// An application that tells of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Teller {
    /// When it last did.
    pub(crate) last: Timestamp,
    /// The share of calls it ran then, in percent.
    pub(crate) percent: f64,
    /// Whether it was stopped then.
    pub(crate) stopped: bool,
    pub(crate) release: Option<String>,
}

impl Known {
    pub(crate) fn new(name: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            first: now,
            ran: None,
            applications: BTreeMap::new(),
            oldest: Grain::ALL.map(|grain| grain.block(now)),
            stopped: BTreeMap::new(),
        }
    }

    /// When anybody last told of it.
    pub(crate) fn last(&self) -> Timestamp {
        let last = self.applications.values().map(|teller| teller.last).max();
        last.unwrap_or(self.first)
    }

    /// What an application tells; whether that is worth writing down. `runs` says whether it ran.
    pub(crate) fn hear(&mut self, application: &str, teller: Teller, runs: bool) -> bool {
        let now = teller.last;
        let stale = |then: Timestamp| now.duration_since(then).as_secs() >= NEWS;
        let news = self.applications.get(application).is_none_or(|before| {
            stale(before.last)
                || (before.percent, before.stopped, &before.release)
                    != (teller.percent, teller.stopped, &teller.release)
        });
        let ran = runs && self.ran.is_none_or(stale);
        if news {
            self.applications.insert(application.to_owned(), teller);
        }
        if ran {
            self.ran = Some(now);
        }
        news || ran
    }

    /// A candidate is said to be stopped by its breaker. Whether that is worth writing down, and whether worth telling.
    pub(crate) fn stop(&mut self, candidate: &str, now: Timestamp) -> (bool, bool) {
        let before = self.stopped.get(candidate).copied();
        let since = before.map_or(i64::MAX, |before| now.duration_since(before).as_secs());
        if since >= NEWS {
            self.stopped.insert(candidate.to_owned(), now);
        }
        (since >= NEWS, since >= TOLD)
    }
}

/// What people want of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// The share of calls, in percent; nothing leaves it as the program says.
    pub(crate) percent: Option<f64>,
    pub(crate) stopped: bool,
    /// Who said so.
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    /// The operation that wrote it.
    pub(crate) operation: String,
}

async fn all<T: DeserializeOwned>(store: &dyn Store, space: &str) -> Result<BTreeMap<String, T>> {
    let mut all = BTreeMap::new();
    for entry in store.entries(space).await? {
        match serde_json::from_value(entry.value) {
            Ok(value) => {
                all.insert(entry.key, value);
            }
            Err(error) => tracing::warn!(space, key = entry.key, %error, "a value cannot be read"),
        }
    }
    Ok(all)
}

/// All experiments that are known, by name.
pub(crate) async fn known(store: &dyn Store) -> Result<BTreeMap<String, Known>> {
    all(store, KNOWN).await
}

/// What people want, by name.
pub(crate) async fn wanted(store: &dyn Store) -> Result<BTreeMap<String, Wanted>> {
    all(store, WANTED).await
}

/// Changes a value, trying again when somebody else changed it in between. The change says what it becomes, or that it stays.
pub(crate) async fn change<T: DeserializeOwned + Serialize>(
    store: &dyn Store,
    space: &str,
    key: &str,
    entries: &[Entry],
    mut change: impl FnMut(Option<T>) -> Change<T>,
) -> Result<bool> {
    for _ in 0..TRIES {
        let all = store.entries(space).await?;
        let found = all.into_iter().find(|entry| entry.key == key);
        let revision = found.as_ref().map_or(0, |found| found.revision);
        // What cannot be read is begun anew: it is a sum or a note, and no reason to refuse all that comes.
        let before = found.and_then(|found| serde_json::from_value(found.value).ok());
        let value: Option<Json> = match change(before) {
            Change::Stays => return Ok(false),
            Change::Becomes(value) => Some(serde_json::to_value(value)?),
            Change::Goes => None,
        };
        if store.swap(space, key, revision, value.as_ref(), entries).await? {
            return Ok(true);
        }
    }
    anyhow::bail!("`{key}` in `{space}` was changed by others all the time")
}

/// What becomes of a value.
pub(crate) enum Change<T> {
    Stays,
    Becomes(T),
    Goes,
}

/// Changes what is known of an experiment.
pub(crate) async fn change_known(
    store: &dyn Store,
    name: &str,
    by: impl FnMut(Option<Known>) -> Change<Known>,
) -> Result<bool> {
    change(store, KNOWN, name, &[], by).await
}

/// Writes down what people want.
pub(crate) async fn want(store: &dyn Store, wanted: &Wanted, entry: Entry) -> Result {
    change(store, WANTED, &wanted.name, &[entry], |_| {
        Change::Becomes(wanted.clone())
    })
    .await?;
    Ok(())
}

/// Forgets what people wanted of an experiment that is gone.
pub(crate) async fn unwant(store: &dyn Store, name: &str) -> Result {
    change::<Wanted>(store, WANTED, name, &[], |before| match before {
        Some(_) => Change::Goes,
        None => Change::Stays,
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn what_stays_stopped_is_told_once() {
        let now: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
        let later = |seconds: i64| now + SignedDuration::from_secs(seconds);
        let mut known = Known::new("x", now);
        assert_eq!(known.stop("new", now), (true, true));
        assert_eq!(known.stop("new", later(10)), (false, false));
        assert_eq!(known.stop("other", later(10)), (true, true));
        assert_eq!(known.stop("new", later(90)), (true, false));
        assert_eq!(
            known.stop("new", later(3600)),
            (true, false),
            "it never was well for an hour"
        );
        assert_eq!(known.stop("new", later(7300)), (true, true));
    }

    #[test]
    fn only_news_is_written_down() {
        let now: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
        let teller = |seconds: i64, percent: f64| Teller {
            last: now + SignedDuration::from_secs(seconds),
            percent,
            stopped: false,
            release: None,
        };
        let mut known = Known::new("x", now);
        assert!(known.hear("shop", teller(0, 5.0), true));
        assert!(!known.hear("shop", teller(10, 5.0), true));
        assert!(known.hear("shop", teller(20, 1.0), true), "another share");
        assert!(known.hear("shop", teller(80, 1.0), false), "a minute later");
        assert_eq!(known.ran, Some(now));
        assert_eq!(known.last(), now + SignedDuration::from_secs(80));
    }
}
