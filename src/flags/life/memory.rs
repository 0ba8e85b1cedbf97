//! Purpose: flag sets kept in memory, for tests and for the demo.

use super::{Change, FlagStore, FlagStoreError, Kept};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Keeps flag sets as long as it lives.
#[derive(Debug)]
pub struct MemoryFlagStore {
    sets: Mutex<BTreeMap<String, (Kept, Vec<Change>)>>,
    changes: watch::Sender<u64>,
}

impl Default for MemoryFlagStore {
    fn default() -> Self {
        Self {
            sets: Mutex::default(),
            changes: watch::channel(0).0,
        }
    }
}

impl MemoryFlagStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn sets(&self) -> MutexGuard<'_, BTreeMap<String, (Kept, Vec<Change>)>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FlagStore for MemoryFlagStore {
    async fn revisions(&self) -> Result<BTreeMap<String, u64>, FlagStoreError> {
        let sets = self.sets();
        Ok(sets
            .iter()
            .map(|(name, (kept, _))| (name.clone(), kept.revision))
            .collect())
    }

    async fn load(&self, set: &str) -> Result<Option<Kept>, FlagStoreError> {
        Ok(self.sets().get(set).map(|(kept, _)| kept.clone()))
    }

    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError> {
        {
            let mut sets = self.sets();
            let held = sets.get(&kept.name).map_or(0, |(held, _)| held.revision);
            if held + 1 != kept.revision {
                return Ok(false);
            }
            let entry = sets
                .entry(kept.name.clone())
                .or_insert_with(|| (kept.clone(), Vec::new()));
            entry.0 = kept.clone();
            entry.1.push(change.clone());
        }
        self.changes.send_modify(|count| *count += 1);
        Ok(true)
    }

    async fn history(
        &self,
        set: &str,
        flag: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Change>, FlagStoreError> {
        let sets = self.sets();
        let changes = sets
            .get(set)
            .into_iter()
            .flat_map(|(_, changes)| changes.iter().rev());
        let fits =
            |change: &&Change| flag.is_none() || change.flag.is_none() || change.flag.as_deref() == flag;
        Ok(changes.filter(fits).take(limit as usize).cloned().collect())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
