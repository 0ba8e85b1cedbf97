//! What is to be done outside, kept until it is done: one item for each thing that is to be told of.
//!
//! Adding is durable, and working on an item is for one process at a time, for a while. Whoever dies over an item leaves it to
//! the next one, with all that was [kept](Taken::keep) until then. An item says *that* something is to be told, never *what*:
//! whoever works on it looks at how things stand at that moment, so that an item added twice, late or out of order does no harm,
//! and many changes become one telling.
//!
//! Nothing outside is done twice if whoever works on it keeps its intent before it acts, and looks whether that came true when it
//! finds it.

use crate::{
    error::Result,
    store::{Store, StoreError},
};
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How many items of one outbox are worked on at once.
const AT_ONCE: usize = 4;
/// How often a change is tried again when somebody else made one in between.
const TRIES: usize = 8;
/// A reason is for people, who do not read more.
const LONGEST_REASON: usize = 500;

/// How patient an outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long an item is whose who took it; working on it may take five sixths of that.
    pub held: SignedDuration,
    /// The least time from one working on an item to the next: what happens in between is told together.
    pub gap: SignedDuration,
    /// How long before the second attempt; twice as long before each further one.
    pub pause: SignedDuration,
    /// No pause is longer.
    pub longest: SignedDuration,
    /// After so many attempts in a row it is given up.
    pub attempts: u32,
    /// How long what is over is kept, so that nobody who is late adds it anew. What was given up is kept seven times as long.
    pub kept: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            held: SignedDuration::from_secs(60),
            gap: SignedDuration::ZERO,
            pause: SignedDuration::from_secs(5),
            longest: SignedDuration::from_hours(1),
            attempts: 15,
            kept: SignedDuration::from_hours(24),
        }
    }
}

impl Pace {
    /// The pause after so many attempts, the first being 1.
    fn pause_after(&self, attempts: u32) -> SignedDuration {
        let doubled = self
            .pause
            .saturating_mul(1_i32 << attempts.saturating_sub(1).min(20));
        doubled.min(self.longest)
    }
}

/// What came of working on an item without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// It is told as it stands; there may be more to tell later.
    Done,
    /// It is told, and nothing more will come.
    Over,
    /// It cannot be told yet, through nobody's fault: look again after this time.
    Later(SignedDuration),
}

/// Who works on the items of an outbox.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Works on one of them. What it does outside has to be harmless when it is done again, or be found again by what was
    /// [kept](Taken::keep).
    ///
    /// # Errors
    /// Why it did not work: it is tried again later.
    async fn work(&self, item: &mut Taken) -> Result<Worked>;
}

/// An item as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    /// Rises with all that is to be told.
    wanted: u64,
    /// How far it is told.
    told: u64,
    /// Not before this moment.
    due: Timestamp,
    /// Since it was last told, or added.
    attempts: u32,
    holder: Option<Holder>,
    /// Why it did not work the last time.
    reason: Option<String>,
    given_up: bool,
    over: bool,
    /// When it was last worked on, or added.
    touched: Timestamp,
    notes: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    owner: String,
    until: Timestamp,
}

/// How an item stands, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// What it is about.
    pub key: String,
    /// Whether there is something to tell that is not told yet.
    pub waits: bool,
    /// Whether it was given up.
    pub given_up: bool,
    /// How often it was tried since it last worked.
    pub attempts: u32,
    /// Why it did not work the last time.
    pub reason: Option<String>,
    /// When it was last worked on, or added.
    pub touched: Timestamp,
    /// What whoever works on it keeps.
    pub notes: Value,
}

/// Things to be done outside, by their keys, in one space of the store. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    store: Arc<dyn Store>,
    space: String,
    pace: Pace,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Outbox")
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// In this space of the store, which is nobody else's.
    pub fn new(store: Arc<dyn Store>, space: impl Into<String>, pace: Pace) -> Self {
        Self {
            store,
            space: space.into(),
            pace,
        }
    }

    async fn entries(&self) -> Result<Vec<(String, Item, u64)>, StoreError> {
        let entries = self.store.entries(&self.space).await?;
        let read = |entry: crate::store::Value| {
            let item = serde_json::from_value(entry.value);
            if let Err(error) = &item {
                tracing::error!(%error, space = self.space, key = entry.key, "what another version of me kept cannot be read");
            }
            Some((entry.key, item.ok()?, entry.revision))
        };
        Ok(entries.into_iter().filter_map(read).collect())
    }

    async fn entry(&self, key: &str) -> Result<Option<(Item, u64)>, StoreError> {
        let all = self.entries().await?;
        let found = all.into_iter().find(|(known, ..)| known == key);
        Ok(found.map(|(_, item, revision)| (item, revision)))
    }

    async fn swap(&self, key: &str, revision: u64, item: Option<&Item>) -> Result<bool, StoreError> {
        let unkept = |error: serde_json::Error| StoreError::Unavailable(error.to_string());
        let value = item.map(serde_json::to_value).transpose().map_err(unkept)?;
        self.store
            .swap(&self.space, key, revision, value.as_ref(), &[])
            .await
    }

    /// Something is to be told of this, after a while in which more may come. With a number, it is new only if that is higher than
    /// any before; without one it is always new. What waits already keeps its time. Answers whether it was new.
    ///
    /// # Errors
    /// When the store cannot be used: then it may not be added.
    pub async fn add(
        &self,
        key: &str,
        number: Option<u64>,
        after: SignedDuration,
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let now = self.store.now().await?;
            let (item, revision) = match self.entry(key).await? {
                None => (Item::new(number.unwrap_or(1), now, now + after), 0),
                Some((mut item, revision)) => {
                    let waits = item.wanted > item.told && !item.given_up;
                    if waits && item.holder.is_none() && number.is_none() {
                        return Ok(false);
                    }
                    let wanted = number.unwrap_or(item.wanted + 1);
                    if wanted <= item.wanted {
                        return Ok(false);
                    }
                    if !waits {
                        item.due = (now + after).max(item.touched + self.pace.gap);
                        (item.attempts, item.given_up, item.reason) = (0, false, None);
                    }
                    (item.wanted, item.over) = (wanted, false);
                    (item, revision)
                }
            };
            if self.swap(key, revision, Some(&item)).await? {
                return Ok(true);
            }
        }
        Err(self.too_fast(key))
    }

    fn too_fast(&self, key: &str) -> StoreError {
        let space = &self.space;
        StoreError::Unavailable(format!("{key} in {space} changes faster than it can be noted"))
    }

    /// Works once on all that is due and nobody's, and forgets what is old. Answers how much of it was this process's.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn work(&self, worker: &dyn Worker) -> Result<usize, StoreError> {
        let now = self.store.now().await?;
        let mut due = Vec::new();
        for (key, item, revision) in self.entries().await? {
            if item.is_due(now) {
                due.push((key, item, revision));
            } else if item.is_old(now, &self.pace) {
                // Somebody may be quicker.
                self.swap(&key, revision, None).await?;
            }
        }
        due.sort_by_key(|(_, item, _)| item.due);
        let worked: Vec<bool> = stream::iter(due)
            .map(|(key, item, revision)| async move {
                self.one(worker, &key, item, revision)
                    .await
                    .unwrap_or_else(|error| {
                        tracing::warn!(
                            %error,
                            space = self.space,
                            key,
                            "what is to be told outside could not be noted; it is taken up again"
                        );
                        false
                    })
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok(worked.into_iter().filter(|worked| *worked).count())
    }

    async fn one(
        &self,
        worker: &dyn Worker,
        key: &str,
        mut item: Item,
        revision: u64,
    ) -> Result<bool, StoreError> {
        let owner = uuid::Uuid::new_v4().simple().to_string();
        let now = self.store.now().await?;
        item.attempts += 1;
        item.holder = Some(Holder {
            owner: owner.clone(),
            until: now + self.pace.held,
        });
        if !self.swap(key, revision, Some(&item)).await? {
            return Ok(false);
        }
        let seen = item.wanted;
        let mut taken = Taken {
            outbox: self.clone(),
            key: key.to_owned(),
            item,
            owner,
        };
        let most = Duration::try_from(self.pace.held).unwrap_or_default() * 5 / 6;
        let worked = match timeout(most, worker.work(&mut taken)).await {
            Ok(worked) => worked,
            Err(_) => Err(anyhow::anyhow!("it took longer than {} s", most.as_secs())),
        };
        let now = self.store.now().await?;
        let pace = self.pace;
        if let Err(error) = &worked {
            tracing::warn!(
                space = self.space,
                key,
                attempts = taken.item.attempts,
                error = format!("{error:#}"),
                "what is to be told outside could not be told"
            );
        }
        let settled = taken.change(|item| item.settle(&worked, seen, now, &pace)).await;
        match settled {
            Ok(()) => Ok(true),
            Err(StoreError::Taken) => {
                tracing::warn!(
                    space = self.space,
                    key,
                    "another process took this over, because this one was too slow"
                );
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// How all of them stand, the last touched first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self) -> Result<Vec<Standing>, StoreError> {
        let mut all: Vec<Standing> = self.entries().await?.into_iter().map(Standing::of).collect();
        all.sort_by_key(|standing| std::cmp::Reverse(standing.touched));
        Ok(all)
    }

    /// Lets what was given up be tried again. Answers how much that was.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn retry(&self) -> Result<usize, StoreError> {
        let now = self.store.now().await?;
        let mut again = 0;
        for (key, mut item, revision) in self.entries().await? {
            if !item.given_up {
                continue;
            }
            (item.given_up, item.attempts, item.due) = (false, 0, now);
            again += usize::from(self.swap(&key, revision, Some(&item)).await?);
        }
        Ok(again)
    }
}

impl Item {
    fn new(wanted: u64, now: Timestamp, due: Timestamp) -> Self {
        Self {
            wanted,
            told: 0,
            due,
            attempts: 0,
            holder: None,
            reason: None,
            given_up: false,
            over: false,
            touched: now,
            notes: Value::Null,
        }
    }

    fn is_held_by(&self, owner: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.owner == owner)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let free = self.holder.as_ref().is_none_or(|holder| holder.until <= now);
        self.wanted > self.told && !self.given_up && self.due <= now && free
    }

    fn is_old(&self, now: Timestamp, pace: &Pace) -> bool {
        let kept = match (self.given_up, self.over) {
            (true, _) => pace.kept.saturating_mul(7),
            (false, true) => pace.kept,
            (false, false) => return false,
        };
        self.touched + kept < now
    }

    fn settle(&mut self, worked: &Result<Worked>, seen: u64, now: Timestamp, pace: &Pace) {
        self.holder = None;
        self.touched = now;
        match worked {
            Ok(Worked::Later(after)) => {
                (self.attempts, self.reason) = (0, None);
                self.due = now + *after;
            }
            Ok(done) => {
                (self.attempts, self.reason, self.told) = (0, None, seen);
                self.due = now + pace.gap;
                self.over = *done == Worked::Over && self.wanted == seen;
            }
            Err(error) => {
                self.reason = Some(format!("{error:#}").chars().take(LONGEST_REASON).collect());
                self.given_up = self.attempts >= pace.attempts;
                self.due = now + pace.pause_after(self.attempts);
            }
        }
    }
}

impl Standing {
    fn of((key, item, _): (String, Item, u64)) -> Self {
        Self {
            key,
            waits: item.wanted > item.told,
            given_up: item.given_up,
            attempts: item.attempts,
            reason: item.reason,
            touched: item.touched,
            notes: item.notes,
        }
    }
}

/// An item that this process works on.
#[derive(Debug)]
pub struct Taken {
    outbox: Outbox,
    key: String,
    item: Item,
    owner: String,
}

impl Taken {
    /// What it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Which attempt in a row this is, the first being 1. More than 1 also after somebody died over it.
    pub fn attempt(&self) -> u32 {
        self.item.attempts
    }

    /// What was kept last.
    ///
    /// # Errors
    /// When another version kept it otherwise.
    pub fn notes<T: DeserializeOwned + Default>(&self) -> Result<T> {
        if self.item.notes.is_null() {
            return Ok(T::default());
        }
        Ok(serde_json::from_value(self.item.notes.clone())?)
    }

    /// Keeps something with it, durably, and makes sure that it is still this process's.
    ///
    /// # Errors
    /// When it is not, or when the store cannot be used: then nothing more may be done outside.
    pub async fn keep<T: Serialize>(&mut self, notes: &T) -> Result {
        let notes = serde_json::to_value(notes)?;
        let until = self.outbox.store.now().await? + self.outbox.pace.held;
        self.change(|item| {
            item.notes = notes.clone();
            if let Some(holder) = &mut item.holder {
                holder.until = until;
            }
        })
        .await?;
        Ok(())
    }

    /// Changes it, as long as it is this process's; others may note meanwhile that there is more to tell.
    async fn change(&mut self, change: impl Fn(&mut Item)) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let (mut item, revision) = match self.outbox.entry(&self.key).await? {
                Some((item, revision)) if item.is_held_by(&self.owner) => (item, revision),
                _ => return Err(StoreError::Taken),
            };
            change(&mut item);
            if self.outbox.swap(&self.key, revision, Some(&item)).await? {
                self.item = item;
                return Ok(());
            }
        }
        Err(self.outbox.too_fast(&self.key))
    }
}
