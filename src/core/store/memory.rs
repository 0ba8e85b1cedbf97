//! The memory of a test: gone with the process.

mod inbox;

use super::{
    Accepted, Adopted, ClaimStage, Delivery, DeliveryFilter, Deploy, DeployFilter, InboxSource, Kept, Orphan,
    Settled, Store, StoreError, Value,
};
use crate::{
    audit::{AuditFilter, Entry, Recorded, Tip},
    message::{EventKey, Message},
    operations::{Operation, OperationFilter, Saved, Step},
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    claims: HashMap<String, Claim>,
    /// Which process this is, of those that had the memory one after the other.
    process: u32,
    deploys: Vec<Deploy>,
    inbox: inbox::Inbox,
    operations: BTreeMap<String, Operation>,
    steps: BTreeMap<(String, u32), Step>,
    audit: Vec<Recorded>,
    values: BTreeMap<(String, String), Value>,
    /// The revisions given out to values. One number for all, so that a value that was forgotten and is back has a new one.
    revisions: u64,
}

#[derive(Debug, Clone)]
struct Claim {
    process: u32,
    stage: ClaimStage,
    deaths: u32,
    /// When it was accepted, and the message, under the event's own id until it is done.
    kept: Option<(Timestamp, Message)>,
}

impl State {
    fn claim(&mut self, key: &EventKey, message: Option<&Message>) -> Accepted {
        let held: Vec<&Claim> = names(key).filter_map(|name| self.claims.get(name)).collect();
        let free = |claim: &&Claim| claim.process != self.process && claim.stage == ClaimStage::Claimed;
        if !held.iter().all(free) {
            return Accepted::Held;
        }
        let accepted = if held.is_empty() {
            Accepted::First
        } else {
            Accepted::Again
        };
        let deaths = held
            .iter()
            .map(|claim| claim.deaths + 1)
            .max()
            .unwrap_or_default();
        // What is secret is not kept, as in a file.
        let kept = message.map(|message| {
            let message = Message {
                hook: None,
                ..message.clone()
            };
            (Timestamp::now(), message)
        });
        for name in names(key) {
            let claim = Claim {
                process: self.process,
                stage: ClaimStage::Claimed,
                deaths,
                kept: kept.clone().filter(|_| *name == key.id),
            };
            self.claims.insert(name.clone(), claim);
        }
        accepted
    }

    fn is_orphan(&self, claim: &Claim) -> bool {
        claim.process != self.process && claim.stage < ClaimStage::Done
    }

    fn tip(&self) -> Tip {
        self.audit.last().map_or_else(Tip::default, |last| Tip {
            number: last.number,
            hash: last.hash.clone(),
        })
    }

    fn append(&mut self, entries: &[Entry]) {
        for entry in entries {
            let tip = self.tip();
            let recorded = Recorded::after(&tip.hash, tip.number + 1, entry.clone());
            self.audit.push(recorded);
        }
    }

    fn put(&mut self, place: (String, String), value: Option<serde_json::Value>) {
        let Some(value) = value else {
            self.values.remove(&place);
            return;
        };
        self.revisions += 1;
        let value = Value {
            key: place.1.clone(),
            value,
            revision: self.revisions,
        };
        self.values.insert(place, value);
    }
}

fn limit(asked: u32) -> usize {
    if asked == 0 { 100 } else { asked as usize }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// As if the process that has this memory died and another came: what was claimed and is not done is an
    /// [orphan](Store::orphans).
    pub fn bereave(&self) {
        self.state().process += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can leave the state half changed, so a panic elsewhere does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(key: &EventKey) -> impl Iterator<Item = &String> {
    std::iter::once(&key.id).chain(&key.also)
}

#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, key: &EventKey) -> Result<bool, StoreError> {
        Ok(self.state().claim(key, None) != Accepted::Held)
    }

    async fn accept(&self, message: &Message) -> Result<Accepted, StoreError> {
        Ok(self.state().claim(&message.event, Some(message)))
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError> {
        let state = self.state();
        let orphans = state.claims.values().filter(|claim| state.is_orphan(claim));
        let kept = orphans.filter_map(|claim| claim.kept.clone());
        Ok(kept.map(|(heard, message)| Orphan { message, heard }).collect())
    }

    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        let mut state = self.state();
        let process = state.process;
        let held = names(key).filter_map(|name| Some((name, state.claims.get(name)?.clone())));
        let held: Vec<(&String, Claim)> = held.collect();
        // Somebody has the same words by another event.
        let elsewhere = held.iter().any(|(_, claim)| !state.is_orphan(claim));
        let mut adopted = None;
        for (name, claim) in held {
            if !state.is_orphan(&claim) {
                continue;
            }
            let deaths = claim.deaths + 1;
            let claim = if elsewhere {
                Claim {
                    stage: ClaimStage::Done,
                    kept: None,
                    ..claim
                }
            } else {
                adopted = Some(Adopted {
                    stage: claim.stage,
                    deaths,
                });
                Claim {
                    process,
                    deaths,
                    ..claim
                }
            };
            state.claims.insert(name.clone(), claim);
        }
        Ok(adopted)
    }

    async fn hold(&self, key: &EventKey) -> Result<(), StoreError> {
        let state = self.state();
        let lost = |claim: &Claim| claim.process != state.process;
        if names(key).filter_map(|name| state.claims.get(name)).any(lost) {
            return Err(StoreError::Taken);
        }
        Ok(())
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.hold(key).await?;
        let mut state = self.state();
        for name in names(key) {
            if let Some(held) = state.claims.get_mut(name) {
                held.stage = stage.max(held.stage);
                held.kept.take_if(|_| held.stage == ClaimStage::Done);
            }
        }
        Ok(())
    }

    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        let mut state = self.state();
        for name in names(key) {
            state.claims.remove(name);
        }
        Ok(())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::now())
    }

    async fn save(
        &self,
        operation: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError> {
        let mut state = self.state();
        let held = state
            .operations
            .get(&operation.id)
            .map_or(0, |held| held.revision);
        if held != operation.revision {
            return Ok(Saved::Stale);
        }
        let busy = state.operations.values().find(|other| {
            operation.state.is_active()
                && operation.plan.exclusive
                && other.id != operation.id
                && other.state.is_active()
                && other.plan.exclusive
                && other.plan.target == operation.plan.target
        });
        if let Some(busy) = busy {
            return Ok(Saved::Busy(Box::new(busy.clone())));
        }
        let revision = held + 1;
        let saved = Operation {
            revision,
            ..operation.clone()
        };
        state.operations.insert(operation.id.clone(), saved);
        for step in steps {
            state
                .steps
                .insert((step.operation.clone(), step.number), step.clone());
        }
        state.append(entries);
        Ok(Saved::Yes(revision))
    }

    async fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        Ok(self.state().operations.get(id).cloned())
    }

    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> = state
            .operations
            .values()
            .filter(|operation| filter.takes(operation))
            .cloned()
            .collect();
        found.sort_by(|a, b| (b.asked, &b.id).cmp(&(a.asked, &a.id)));
        found.truncate(limit(filter.limit));
        Ok(found)
    }

    async fn steps(&self, operation: &str) -> Result<Vec<Step>, StoreError> {
        let state = self.state();
        let range = (operation.to_owned(), 0)..=(operation.to_owned(), u32::MAX);
        Ok(state.steps.range(range).map(|(_, step)| step.clone()).collect())
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.state().append(entries);
        Ok(())
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> = state
            .audit
            .iter()
            .filter(|recorded| filter.takes(recorded))
            .cloned()
            .collect();
        if !filter.oldest_first {
            found.reverse();
        }
        found.truncate(limit(filter.limit));
        Ok(found)
    }

    async fn audit_tip(&self) -> Result<Tip, StoreError> {
        Ok(self.state().tip())
    }

    async fn record_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError> {
        let mut state = self.state();
        match state.deploys.iter_mut().find(|held| held.id == deploy.id) {
            Some(held) if held.generation > deploy.generation => return Ok(false),
            Some(held) => *held = deploy.clone(),
            None => state.deploys.push(deploy.clone()),
        }
        Ok(true)
    }

    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> = state
            .deploys
            .iter()
            .filter(|deploy| {
                filter
                    .service
                    .as_ref()
                    .is_none_or(|service| *service == deploy.service)
            })
            .filter(|deploy| {
                filter
                    .environment
                    .as_ref()
                    .is_none_or(|wanted| *wanted == deploy.environment)
            })
            .filter(|deploy| filter.state.is_none_or(|wanted| wanted == deploy.state))
            .filter(|deploy| filter.since.is_none_or(|since| deploy.began >= since))
            .filter(|deploy| filter.before.is_none_or(|before| deploy.began < before))
            .cloned()
            .collect();
        found.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        found.truncate(limit(filter.limit));
        Ok(found)
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        Ok(self.state().inbox.deliver(delivery))
    }

    async fn undelivered(&self, now: Timestamp, most: u32) -> Result<Vec<Kept>, StoreError> {
        Ok(self.state().inbox.due(now, limit(most)))
    }

    async fn take_delivery(&self, kept: &Kept, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state().inbox.take(kept, now, until))
    }

    async fn settle_delivery(
        &self,
        id: &str,
        generation: u64,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.state().inbox.settle(id, generation, settled, now))
    }

    async fn retry_delivery(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state().inbox.retry(id, now))
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Kept>, StoreError> {
        Ok(self.state().inbox.find(filter, limit(filter.limit)))
    }

    async fn inbox(&self) -> Result<Vec<InboxSource>, StoreError> {
        Ok(self.state().inbox.sources())
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state().inbox.forget(before))
    }

    async fn entries(&self, space: &str) -> Result<Vec<Value>, StoreError> {
        let state = self.state();
        let of_space = state.values.iter().filter(|((of, _), _)| of == space);
        Ok(of_space.map(|(_, value)| value.clone()).collect())
    }

    async fn swap(
        &self,
        space: &str,
        key: &str,
        revision: u64,
        value: Option<&serde_json::Value>,
        entries: &[Entry],
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let place = (space.to_owned(), key.to_owned());
        if state.values.get(&place).map_or(0, |held| held.revision) != revision {
            return Ok(false);
        }
        state.put(place, value.cloned());
        state.append(entries);
        Ok(true)
    }

    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let place = (responder.to_owned(), key.to_owned());
        Ok(self.state().values.get(&place).map(|held| held.value.clone()))
    }

    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        self.state().put((responder.to_owned(), key.to_owned()), value);
        Ok(())
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
