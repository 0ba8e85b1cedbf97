//! Purpose: what a batch of claims comes to: a pure function of what the database holds.

use jiff::Timestamp;
use otus_core::{
    EventKey, Message, StoreError,
    store::{Accepted, Adopted, ClaimStage, Orphan},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An event that somebody wants, with what is to be kept of it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) key: EventKey,
    pub(crate) body: Option<String>,
}

impl Wanted {
    /// What is kept under one of its names.
    pub(crate) fn body_under(&self, name: &str) -> Option<&str> {
        self.body.as_deref().filter(|_| name == self.key.id)
    }
}

/// A message as it is kept with its claim.
#[derive(Serialize, Deserialize)]
struct Kept<M> {
    heard: Timestamp,
    message: M,
}

/// The body of a claim.
pub(crate) fn body(message: &Message) -> Result<String, StoreError> {
    let kept = Kept {
        heard: Timestamp::now(),
        message,
    };
    serde_json::to_string(&kept).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// What was kept. What this version cannot read, another one may.
pub(crate) fn orphan(body: &str) -> Option<Orphan> {
    match serde_json::from_str(body) {
        Ok(Kept::<Message> { heard, message }) => Some(Orphan { message, heard }),
        Err(error) => {
            tracing::warn!(%error, "a message that another process left cannot be read");
            None
        }
    }
}

/// A claim as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) run: i64,
    pub(crate) stage: i64,
    pub(crate) at: i64,
    pub(crate) body: Option<String>,
    pub(crate) deaths: i64,
    /// Whether somebody may still be at work on it.
    pub(crate) alive: bool,
}

/// The claims a batch is about: as the database has them, and what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    held: HashMap<String, Held>,
    /// What is to be written: a claim, or its removal.
    changed: HashMap<String, Option<Held>>,
}

pub(crate) fn names(key: &EventKey) -> impl Iterator<Item = &String> {
    std::iter::once(&key.id).chain(&key.also)
}

impl Batch {
    /// Begins with what the database holds under the names in question.
    pub(crate) fn new(held: HashMap<String, Held>) -> Self {
        Self {
            held,
            changed: HashMap::new(),
        }
    }

    /// What has to be written.
    pub(crate) fn changed(&self) -> &HashMap<String, Option<Held>> {
        &self.changed
    }

    fn set(&mut self, name: &str, claim: Option<Held>) {
        match claim.clone() {
            Some(claim) => self.held.insert(name.to_owned(), claim),
            None => self.held.remove(name),
        };
        self.changed.insert(name.to_owned(), claim);
    }

    /// Takes the event unless somebody has it. What a dead run claimed and did nothing about is nobody's.
    pub(crate) fn claim(&mut self, wanted: &Wanted, run: i64, now: i64) -> Accepted {
        let key = &wanted.key;
        let held: Vec<&Held> = names(key).filter_map(|name| self.held.get(name)).collect();
        if held
            .iter()
            .any(|held| held.alive || held.stage != ClaimStage::Claimed as i64)
        {
            return Accepted::Held;
        }
        let accepted = if held.is_empty() {
            Accepted::First
        } else {
            Accepted::Again
        };
        let deaths = held.iter().map(|held| held.deaths + 1).max().unwrap_or_default();
        for name in names(key) {
            self.set(
                name,
                Some(Held {
                    run,
                    stage: ClaimStage::Claimed as i64,
                    at: now,
                    body: wanted.body_under(name).map(str::to_owned),
                    deaths,
                    alive: true,
                }),
            );
        }
        accepted
    }

    /// Takes over what a dead run did not come to the end of. Where somebody has the same words by another event, what was left of
    /// this one is done with.
    pub(crate) fn adopt(&mut self, key: &EventKey, run: i64, now: i64) -> Option<Adopted> {
        let left = |held: &Held| !held.alive && held.stage < ClaimStage::Done as i64;
        let held = || names(key).filter_map(|name| self.held.get(name));
        let elsewhere = held().any(|held| !left(held));
        let adopted = held()
            .filter(|held| left(held))
            .map(|held| (held.stage, held.deaths + 1))
            .max();
        for name in names(key) {
            let Some(held) = self.held.get(name).cloned().filter(left) else {
                continue;
            };
            let claim = if elsewhere {
                Held {
                    stage: ClaimStage::Done as i64,
                    body: None,
                    ..held
                }
            } else {
                Held {
                    run,
                    at: now,
                    deaths: held.deaths + 1,
                    alive: true,
                    ..held
                }
            };
            self.set(name, Some(claim));
        }
        adopted
            .filter(|_| !elsewhere)
            .map(|(stage, deaths)| as_adopted(stage, deaths))
    }

    /// Moves this run's claim on, never back.
    pub(crate) fn advance(&mut self, key: &EventKey, stage: ClaimStage, run: i64) {
        for name in names(key) {
            let held = self
                .held
                .get(name)
                .cloned()
                .filter(|held| held.run == run && held.stage < stage as i64);
            if let Some(held) = held {
                let body = held.body.clone().filter(|_| stage < ClaimStage::Done);
                self.set(
                    name,
                    Some(Held {
                        stage: stage as i64,
                        body,
                        ..held
                    }),
                );
            }
        }
    }

    /// Gives this run's claim back.
    pub(crate) fn release(&mut self, key: &EventKey, run: i64) {
        for name in names(key) {
            if self.held.get(name).is_some_and(|held| held.run == run) {
                self.set(name, None);
            }
        }
    }
}

/// What was taken over, from what its row says.
pub(crate) fn as_adopted(stage: i64, deaths: i64) -> Adopted {
    Adopted {
        stage: if stage == ClaimStage::Claimed as i64 {
            ClaimStage::Claimed
        } else {
            ClaimStage::Answering
        },
        deaths: u32::try_from(deaths).unwrap_or(u32::MAX),
    }
}
