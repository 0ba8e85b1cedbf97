//! Old revisions: only so many are kept.

use serde_json::Value;

use super::replicas::{Sets, revision};
use crate::kubernetes::{
    resources,
    store::State,
    value::{int, text},
};

impl State {
    /// Deletes the oldest ReplicaSets without pods beyond `revisionHistoryLimit`.
    pub(super) fn clean_history(&mut self, deployment: &Value, sets: &Sets) {
        let limit = usize::try_from(int(deployment, "/spec/revisionHistoryLimit")).unwrap_or_default();
        let mut old: Vec<_> = sets
            .old
            .iter()
            .filter(|set| text(set, "/metadata/deletionTimestamp").is_empty())
            .cloned()
            .collect();
        old.sort_by_key(|set| revision(set));
        let excess = old.len().saturating_sub(limit);
        for set in old.into_iter().take(excess) {
            let idle = int(&set, "/status/replicas") == 0
                && int(&set, "/spec/replicas") == 0
                && int(&set, "/metadata/generation") <= int(&set, "/status/observedGeneration");
            if idle {
                self.remove(resources::known("replicasets"), &set);
            }
        }
    }
}
