//! Putting locks there and taking them away: values of the store that change only if they are still as they were read, so that
//! replicas never undo each other.

use super::locks::{LOCKS, Lock, LockTarget, Waiting};
use crate::{
    audit::Entry,
    ids::UserId,
    operations::Target,
    services::Services,
    store::{Store, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

/// How often a change is tried while others change the same thing.
const TRIES: usize = 20;

/// A value of a space of the store, with the revision it was read at.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) key: String,
    pub(super) value: T,
    revision: u64,
}

/// Everything in a space. One that cannot be read is an error, not left out: it may be what is in the way.
pub(super) async fn all<T: DeserializeOwned>(
    store: &dyn Store,
    space: &str,
) -> Result<Vec<Found<T>>, StoreError> {
    let found = store.entries(space).await?.into_iter().map(|entry| {
        let value = serde_json::from_value(entry.value)
            .map_err(|error| StoreError::Unreadable(format!("{space} {}: {error}", entry.key)))?;
        Ok(Found {
            key: entry.key,
            value,
            revision: entry.revision,
        })
    });
    found.collect()
}

/// What becomes of a value.
pub(super) enum Next<T, R> {
    /// It stays; this is the answer.
    Stay(R),
    /// It is replaced, or goes, with entries of the audit trail; this is the answer.
    Put(Option<T>, Vec<Entry>, R),
}

/// Changes one value: reads it, asks what becomes of it, writes that, and begins anew when somebody was faster.
pub(super) async fn change<T: Serialize + DeserializeOwned, R>(
    store: &dyn Store,
    space: &str,
    key: &str,
    mut next: impl FnMut(Option<T>, Timestamp) -> Next<T, R>,
) -> Result<R, StoreError> {
    for _ in 0..TRIES {
        let now = store.now().await?;
        let held = all::<T>(store, space).await?;
        let held = held.into_iter().find(|found| found.key == key);
        let revision = held.as_ref().map_or(0, |held| held.revision);
        let (value, entries, answer) = match next(held.map(|held| held.value), now) {
            Next::Stay(answer) => return Ok(answer),
            Next::Put(value, entries, answer) => (value, entries, answer),
        };
        let value = value.map(|value| json(&value)).transpose()?;
        if store.swap(space, key, revision, value.as_ref(), &entries).await? {
            return Ok(answer);
        }
    }
    Err(StoreError::Unavailable(format!(
        "{space} {key} was changed by others each of {TRIES} times"
    )))
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// What became of locking something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locking {
    /// It is locked now, by this.
    Done(Lock),
    /// Somebody else's lock is on exactly that.
    Taken(Lock),
}

/// Locks. Who holds the lock already renews it; who waits for it keeps waiting.
///
/// # Errors
/// When the store cannot be used; then nothing is locked that was not.
pub async fn lock(services: &Services, lock: &Lock, entry: &Entry) -> Result<Locking, StoreError> {
    let store = services.store().as_ref();
    change(
        store,
        LOCKS,
        &lock.target.key(),
        |held: Option<Lock>, now| match held {
            Some(held) if held.holds(now) && held.by != lock.by => Next::Stay(Locking::Taken(held)),
            held => {
                // Who is being told that the one before is gone does not wait for this one.
                let untold = held.filter(|held| held.telling.is_none());
                let lock = Lock {
                    waiting: untold.map(|held| held.waiting).unwrap_or_default(),
                    ..lock.clone()
                };
                Next::Put(Some(lock.clone()), vec![entry.clone()], Locking::Done(lock))
            }
        },
    )
    .await
}

/// Takes a lock away: the one of this person and this moment, or, without one, whichever it is. Answers it, or nothing when
/// there is none like that.
///
/// # Errors
/// When the store cannot be used; then it is locked as before.
pub async fn unlock(
    services: &Services,
    target: &LockTarget,
    only: Option<(&UserId, Timestamp)>,
    by: &str,
    entry: &Entry,
) -> Result<Option<Lock>, StoreError> {
    let store = services.store().as_ref();
    change(store, LOCKS, &target.key(), |held: Option<Lock>, now| {
        let meant = |held: &Lock| {
            held.holds(now) && only.is_none_or(|(owner, since)| held.by == *owner && held.since == since)
        };
        let Some(held) = held.filter(meant) else {
            return Next::Stay(None);
        };
        // Who waits is told by whoever finds it open, so it stays until then.
        let left = (!held.waiting.is_empty()).then(|| Lock {
            until: Some(now),
            opened_by: Some(by.to_owned()),
            ..held.clone()
        });
        Next::Put(left, vec![entry.clone()], Some(held))
    })
    .await
}

/// The locks that hold, the oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn locks(services: &Services) -> Result<Vec<Lock>, StoreError> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    let mut locks: Vec<_> = all::<Lock>(store, LOCKS)
        .await?
        .into_iter()
        .map(|found| found.value)
        .filter(|lock| lock.holds(now))
        .collect();
    locks.sort_by(|a, b| (a.since, &a.target).cmp(&(b.since, &b.target)));
    Ok(locks)
}

/// Notes that somebody wants to be told when nothing locks this any more. Answers the locks in the way.
///
/// # Errors
/// When the store cannot be used.
pub async fn wait_for(
    services: &Services,
    target: &Target,
    waiting: &Waiting,
) -> Result<Vec<Lock>, StoreError> {
    let store = services.store().as_ref();
    let mut found = Vec::new();
    for lock in locks(services).await? {
        if !lock.target.covers(target) {
            continue;
        }
        let key = lock.target.key();
        let noted = change(store, LOCKS, &key, |held: Option<Lock>, now| {
            let Some(mut held) = held.filter(|held| held.holds(now)) else {
                return Next::Stay(None);
            };
            if held.waiting.contains(waiting) {
                return Next::Stay(Some(held));
            }
            held.waiting.push(waiting.clone());
            Next::Put(Some(held.clone()), Vec::new(), Some(held))
        });
        found.extend(noted.await?);
    }
    Ok(found)
}

/// A lock that is gone, and who has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it was.
    pub lock: Lock,
    /// Who wants to know. Those who wait for another lock, too, are told when that one opens.
    pub tell: Vec<Waiting>,
    /// Whether somebody else began to tell and did not come to an end: some may know already.
    pub again: bool,
}

/// Finds the locks whose time is over, and those that were opened while somebody waited. Of all replicas that look, one finds
/// each of them. When there is somebody to tell, it says so with [`told`]; whoever does not within a minute has died, and
/// another one finds it. `entry` is what the audit trail says of one whose time is over.
///
/// # Errors
/// When the store cannot be used. What is not answered is found the next time.
pub async fn opened(
    services: &Services,
    entry: impl Fn(&Lock, Timestamp) -> Entry,
) -> Result<Vec<Opened>, StoreError> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    let (held, mut gone): (Vec<_>, Vec<_>) = all::<Lock>(store, LOCKS)
        .await?
        .into_iter()
        .partition(|found| found.value.holds(now));
    gone.sort_by_key(|found| found.value.until);
    let mut opened = Vec::new();
    for (at, found) in gone.iter().enumerate() {
        let lock = &found.value;
        if is_at_it(lock.telling, now) {
            continue;
        }
        // Whoever finds the last one that somebody waits for is the one to tell them.
        let still = |waiting: &Waiting| {
            let mut others = held.iter().chain(&gone[at + 1..]);
            others.any(|other| other.value.waiting.contains(waiting))
        };
        let tell: Vec<_> = lock
            .waiting
            .iter()
            .filter(|waiting| !still(waiting))
            .cloned()
            .collect();
        let left = (!tell.is_empty()).then(|| Lock {
            telling: Some(now),
            ..lock.clone()
        });
        // That it was taken away is recorded already, and so is what somebody found before.
        let recorded = lock.opened_by.is_some() || lock.telling.is_some();
        let entries: Vec<_> = (!recorded).then(|| entry(lock, now)).into_iter().collect();
        match take(store, LOCKS, found, left.as_ref(), &entries).await {
            Ok(true) => opened.push(Opened {
                again: lock.telling.is_some(),
                lock: left.unwrap_or_else(|| lock.clone()),
                tell,
            }),
            Ok(false) => {}
            // What was found so far has to be told.
            Err(error) if !opened.is_empty() => {
                tracing::warn!(%error, key = found.key, "a lock whose time is over could not be taken out");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(opened)
}

/// Everybody who waited for a lock was told.
///
/// # Errors
/// When the store cannot be used; then they are told again by whoever finds it.
pub async fn told(services: &Services, opened: &Opened) -> Result<(), StoreError> {
    let (store, lock) = (services.store().as_ref(), &opened.lock);
    change(
        store,
        LOCKS,
        &lock.target.key(),
        |held: Option<Lock>, _| match held {
            Some(held) if held.telling.is_some() && held.telling == lock.telling => {
                Next::Put(None, Vec::new(), ())
            }
            _ => Next::Stay(()),
        },
    )
    .await
}

/// How long whoever tells something has for it.
const TELLING: SignedDuration = SignedDuration::from_secs(60);

/// Whether somebody is at telling it, who is not given up yet.
pub(super) fn is_at_it(telling: Option<Timestamp>, now: Timestamp) -> bool {
    telling.is_some_and(|since| now.duration_since(since) < TELLING)
}

pub(super) async fn take<T: Serialize>(
    store: &dyn Store,
    space: &str,
    found: &Found<T>,
    left: Option<&T>,
    entries: &[Entry],
) -> Result<bool, StoreError> {
    let left = left.map(json).transpose()?;
    store
        .swap(space, &found.key, found.revision, left.as_ref(), entries)
        .await
}
