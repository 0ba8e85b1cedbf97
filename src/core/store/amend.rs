//! Changing one value of a space as it is at that moment, so that replicas never undo each other.

use super::{Store, StoreError};
use crate::audit::Entry;
use serde::{Serialize, de::DeserializeOwned};

/// How often a change is tried while others change the same thing.
const TRIES: usize = 20;

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amended<T> {
    /// It stays as it is.
    Stays,
    /// It becomes this.
    Becomes(T),
    /// It goes.
    Goes,
}

/// Changes a value: reads it, asks what becomes of it, writes that together with entries of the audit trail, and begins anew when
/// somebody was quicker. Answers whether anything was written.
///
/// # Errors
/// When the store cannot be used, holds something else under that key, or others change the same value all the time.
pub async fn amend<T: Serialize + DeserializeOwned>(
    store: &dyn Store,
    space: &str,
    key: &str,
    entries: &[Entry],
    mut change: impl FnMut(Option<T>) -> Amended<T>,
) -> Result<bool, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable(format!("{space} {key}: {error}"));
    for _ in 0..TRIES {
        let all = store.entries(space).await?;
        let found = all.into_iter().find(|entry| entry.key == key);
        let revision = found.as_ref().map_or(0, |found| found.revision);
        let before = found
            .map(|found| serde_json::from_value(found.value))
            .transpose()
            .map_err(unreadable)?;
        let value = match change(before) {
            Amended::Stays => return Ok(false),
            Amended::Becomes(value) => Some(serde_json::to_value(value).map_err(unreadable)?),
            Amended::Goes => None,
        };
        if store.swap(space, key, revision, value.as_ref(), entries).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Unavailable(format!(
        "{space} {key} was changed by others each of {TRIES} times"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn what_others_write_meanwhile_is_not_lost() {
        let store = MemoryStore::new();
        let add = |_: u32| {
            amend(&store, "counts", "a", &[], |before: Option<u32>| {
                Amended::Becomes(before.unwrap_or(0) + 1)
            })
        };
        let all = futures_util::future::join_all((0..10).map(add)).await;
        assert!(all.into_iter().all(|written| written.unwrap()));
        let value = store.entries("counts").await.unwrap().remove(0).value;
        assert_eq!(value, 10);
        let stays = amend(&store, "counts", "a", &[], |_: Option<u32>| Amended::Stays).await;
        assert!(!stays.unwrap());
        amend(&store, "counts", "a", &[], |_: Option<u32>| Amended::Goes)
            .await
            .unwrap();
        assert!(store.entries("counts").await.unwrap().is_empty());
    }
}
