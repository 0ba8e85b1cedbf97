//! Purpose: what a batch of claims comes to: a pure function of what the database holds.

use otus_core::{EventKey, store::ClaimStage};
use std::collections::HashMap;

/// A claim as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) run: i64,
    pub(crate) stage: i64,
    pub(crate) at: i64,
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
        match claim {
            Some(claim) => self.held.insert(name.to_owned(), claim),
            None => self.held.remove(name),
        };
        self.changed.insert(name.to_owned(), claim);
    }

    /// Takes the event unless somebody has it. What a dead run claimed and did nothing about is nobody's.
    pub(crate) fn claim(&mut self, key: &EventKey, run: i64, now: i64) -> bool {
        let free = |held: &Held| !held.alive && held.stage == ClaimStage::Claimed as i64;
        if !names(key).filter_map(|name| self.held.get(name)).all(free) {
            return false;
        }
        for name in names(key) {
            self.set(
                name,
                Some(Held {
                    run,
                    stage: ClaimStage::Claimed as i64,
                    at: now,
                    alive: true,
                }),
            );
        }
        true
    }

    /// Moves this run's claim on, never back.
    pub(crate) fn advance(&mut self, key: &EventKey, stage: ClaimStage, run: i64) {
        for name in names(key) {
            let held = self
                .held
                .get(name)
                .copied()
                .filter(|held| held.run == run && held.stage < stage as i64);
            if let Some(held) = held {
                self.set(
                    name,
                    Some(Held {
                        stage: stage as i64,
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
