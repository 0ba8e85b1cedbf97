//! State: a value by key that outlives the process, shared by all replicas.

use otus::prelude::*;
use serde_json::json;

/// Where the count is kept. The space is the responder's own.
const SPACE: &str = "kettle";
const CUPS: &str = "cups";

/// A kettle.
#[derive(Default)]
pub struct Kettle;

/// Hot water.
#[responder]
impl Kettle {
    /// Pours a cup, and counts it.
    #[respond(r"^pour$", usage = "pour", effect = "changes")]
    async fn pour(&self, cx: Context) -> Result {
        let store = cx.services().store();
        // Two who pour at once are both counted: who finds that the other was quicker reads again.
        loop {
            let kept = store
                .entries(SPACE)
                .await?
                .into_iter()
                .find(|kept| kept.key == CUPS);
            let (cups, revision) = match &kept {
                Some(kept) => (kept.value.as_u64().unwrap_or_default(), kept.revision),
                None => (0, 0),
            };
            if store
                .swap(SPACE, CUPS, revision, Some(&json!(cups + 1)), &[])
                .await?
            {
                return cx.reply(format!("Cup number {}.", cups + 1)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus::{MemoryStore, Store};
    use std::sync::Arc;

    #[tokio::test]
    async fn it_counts_across_restarts() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        for (nth, expected) in ["Cup number 1.", "Cup number 2."].into_iter().enumerate() {
            let mut room = Room::builder().responder(Kettle).store(store.clone()).open();
            for _ in 0..nth {
                room.say("ann", "Back again").await;
            }
            room.say("ann", "@otus pour").await;
            room.expect_reply(expected).await;
        }
    }
}
