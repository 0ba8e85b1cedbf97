//! The memory of a test: gone with the process.

use super::{Begun, ClaimStage, Deploy, DeployFilter, DeployState, Store, StoreError};
use crate::message::EventKey;
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A [`Store`] in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    claims: HashMap<String, ClaimStage>,
    deploys: Vec<Deploy>,
    values: HashMap<(String, String), serde_json::Value>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
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
        let mut state = self.state();
        if names(key).any(|name| state.claims.contains_key(name)) {
            return Ok(false);
        }
        for name in names(key) {
            state.claims.insert(name.clone(), ClaimStage::Claimed);
        }
        Ok(true)
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        let mut state = self.state();
        for name in names(key) {
            if let Some(held) = state.claims.get_mut(name) {
                *held = stage.max(*held);
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

    async fn begin_deploy(&self, deploy: &Deploy) -> Result<Begun, StoreError> {
        let mut state = self.state();
        let running = state.deploys.iter().find(|other| {
            other.state == DeployState::Running
                && other.service == deploy.service
                && other.environment == deploy.environment
        });
        if let Some(running) = running {
            return Ok(Begun::Busy(Box::new(running.clone())));
        }
        state.deploys.push(deploy.clone());
        Ok(Begun::Yes)
    }

    async fn save_deploy(&self, deploy: &Deploy) -> Result<(), StoreError> {
        let mut state = self.state();
        let held = state.deploys.iter_mut().find(|held| held.id == deploy.id);
        if let Some(held) = held.filter(|held| held.state == DeployState::Running) {
            *held = Deploy {
                state: DeployState::Running,
                ended: None,
                ..deploy.clone()
            };
        }
        Ok(())
    }

    async fn end_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError> {
        let mut state = self.state();
        let held = state.deploys.iter_mut().find(|held| held.id == deploy.id);
        let Some(held) = held.filter(|held| held.state == DeployState::Running) else {
            return Ok(false);
        };
        *held = deploy.clone();
        Ok(true)
    }

    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit as usize
        };
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
            .cloned()
            .collect();
        found.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        found.truncate(limit);
        Ok(found)
    }

    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        Ok(self
            .state()
            .values
            .get(&(responder.to_owned(), key.to_owned()))
            .cloned())
    }

    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        let key = (responder.to_owned(), key.to_owned());
        match value {
            Some(value) => self.state().values.insert(key, value),
            None => self.state().values.remove(&key),
        };
        Ok(())
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
