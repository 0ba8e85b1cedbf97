//! Looking at the workspace, and waiting for what should happen in it.

use std::time::Duration;

use serde_json::json;

use super::{
    Call, Entry, File, Interaction, InteractionId, Message, Outcome, SocketView, Stats, Ts, What, Workspace,
    World, state::State,
};

/// A condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the kind happened within {deadline:?}; the last that did: {}", last.join(" | "))]
pub struct Waited {
    /// How long was waited.
    pub deadline: Duration,
    /// The end of the journal.
    pub last: Vec<String>,
}

impl Workspace {
    /// Every message of a channel, oldest first: replies and ephemeral ones too. `@ann` is Ann's direct
    /// conversation with the bot. Copies; for much at once use [`Self::look`].
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.look(|world| world.messages(channel).cloned().collect())
    }

    /// The message of that timestamp.
    pub fn message(&self, ts: Ts) -> Option<Message> {
        self.look(|world| world.message(ts).cloned())
    }

    /// What answers the message, oldest first.
    pub fn replies(&self, ts: Ts) -> Vec<Message> {
        self.look(|world| world.replies(ts).cloned().collect())
    }

    /// Files whose upload was completed.
    pub fn files(&self) -> Vec<File> {
        self.look(|world| world.files().filter(|f| f.completed).cloned().collect())
    }

    /// Waits until `found` gives something, for at most `deadline`. It is asked after every change, so
    /// with thousands of messages it should look at the end of a channel, not at all of it. It
    /// must read the world it is given, and not ask this handle: that would wait for itself.
    pub async fn wait_for<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&World) -> Option<T>,
    ) -> Result<T, Waited> {
        self.wait(deadline, |st| found(&st.world)).await
    }

    /// Waits until the app acknowledged an interaction or missed its deadline.
    pub async fn outcome(&self, id: InteractionId, deadline: Duration) -> Result<Outcome, Waited> {
        let settled = |st: &State| {
            st.interactions
                .get(&id)
                .map(|i| i.outcome.clone())
                .filter(|o| *o != Outcome::Waiting)
        };
        self.wait(deadline, settled).await
    }

    /// Waits until that many sockets are open.
    pub async fn connected(&self, sockets: usize, deadline: Duration) -> Result<(), Waited> {
        self.wait(deadline, |st| (st.delivery.count() == sockets).then_some(()))
            .await
    }

    /// Waits until everything sent was acknowledged.
    pub async fn quiet(&self, deadline: Duration) -> Result<(), Waited> {
        self.wait(deadline, |st| (st.delivery.in_flight() == 0).then_some(()))
            .await
    }

    /// Waits until an entry of the journal matches.
    pub async fn wait_for_entry<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&What) -> Option<T>,
    ) -> Result<T, Waited> {
        let mut seen = 0;
        self.wait(deadline, |st| {
            let hit = st.journal.after(seen).find_map(|entry| found(&entry.what));
            seen = st.journal.last();
            hit
        })
        .await
    }

    /// Waits until the journal has entries after `n`, and gives them all.
    pub async fn entries_after(&self, n: u64) -> Vec<Entry> {
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            let new = self.journal(n);
            if !new.is_empty() {
                return new;
            }
            if changes.changed().await.is_err() {
                // The sender lives as long as the workspace, which this handle holds.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn wait<T>(
        &self,
        deadline: Duration,
        mut found: impl FnMut(&State) -> Option<T>,
    ) -> Result<T, Waited> {
        let until = tokio::time::Instant::now() + deadline;
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.shared.look(&mut found) {
                return Ok(found);
            }
            if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                let last = self.shared.look(|st| {
                    st.journal
                        .after(st.journal.last().saturating_sub(8))
                        .map(|e| json!(e).to_string())
                        .collect()
                });
                return Err(Waited { deadline, last });
            }
        }
    }

    // What the app did

    /// How the app took something a person did.
    pub fn interaction(&self, id: InteractionId) -> Option<Interaction> {
        self.shared.look(|st| st.interactions.get(&id).cloned())
    }

    /// The journal after entry `n` (0 for all of it).
    pub fn journal(&self, n: u64) -> Vec<Entry> {
        self.shared.look(|st| st.journal.after(n).cloned().collect())
    }

    /// Every Web API call, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.look(|st| {
            let calls = st.journal.after(0).filter_map(|entry| match &entry.what {
                What::Call(call) => Some(call.clone()),
                _ => None,
            });
            calls.collect()
        })
    }

    /// Counts and ack latencies.
    pub fn stats(&self) -> Stats {
        self.shared.look(|st| st.journal.stats.clone())
    }

    /// The open sockets.
    pub fn sockets(&self) -> Vec<SocketView> {
        self.shared.look(|st| st.delivery.sockets())
    }

    /// Ids of the events sent, oldest first (the last 10,000).
    pub fn event_ids(&self) -> Vec<String> {
        self.shared.look(|st| st.delivery.event_ids())
    }
}
