//! Deliveries in memory.

use crate::store::{Delivery, DeliveryFilter, DeliveryState, InboxSource, Kept, Settled};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// All deliveries, by id.
#[derive(Debug, Default)]
pub(super) struct Inbox(BTreeMap<String, Row>);

#[derive(Debug)]
struct Row {
    kept: Kept,
    /// Not to be taken before this moment: it is somebody's until then, or to be tried again then.
    free: Timestamp,
    ended: Option<Timestamp>,
}

impl Row {
    fn begin(&mut self, at: Timestamp) {
        self.kept.state = DeliveryState::Waiting;
        self.kept.attempts = 0;
        self.kept.generation += 1;
        (self.free, self.ended) = (at, None);
    }
}

impl Inbox {
    pub(super) fn deliver(&mut self, delivery: &Delivery) -> bool {
        match self.0.get_mut(&delivery.id) {
            Some(row) if row.kept.state == DeliveryState::Failed => {
                row.kept.delivery = delivery.clone();
                row.begin(delivery.received);
                true
            }
            Some(_) => false,
            None => {
                let kept = Kept {
                    delivery: delivery.clone(),
                    state: DeliveryState::Waiting,
                    attempts: 0,
                    generation: 0,
                    reason: None,
                };
                let row = Row {
                    kept,
                    free: delivery.received,
                    ended: None,
                };
                self.0.insert(delivery.id.clone(), row);
                true
            }
        }
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<Kept> {
        let due = |row: &&Row| row.kept.state == DeliveryState::Waiting && row.free <= now;
        let mut due: Vec<_> = self.0.values().filter(due).map(|row| row.kept.clone()).collect();
        due.sort_by(|a, b| place(a).cmp(&place(b)));
        due.truncate(limit);
        due
    }

    pub(super) fn take(&mut self, kept: &Kept, now: Timestamp, until: Timestamp) -> bool {
        let Some(row) = self.0.get_mut(&kept.delivery.id) else {
            return false;
        };
        let free = row.kept.state == DeliveryState::Waiting && row.free <= now;
        if !free || row.kept.generation != kept.generation {
            return false;
        }
        row.kept.generation += 1;
        row.kept.attempts += 1;
        row.free = until;
        true
    }

    pub(super) fn settle(&mut self, id: &str, generation: u64, settled: &Settled, now: Timestamp) -> bool {
        let Some(row) = self.0.get_mut(id) else {
            return false;
        };
        if row.kept.state != DeliveryState::Waiting || row.kept.generation != generation {
            return false;
        }
        let (state, reason) = match settled {
            Settled::Processed => (DeliveryState::Processed, None),
            Settled::Again { reason, .. } => (DeliveryState::Waiting, Some(reason.clone())),
            Settled::Failed { reason } => (DeliveryState::Failed, Some(reason.clone())),
        };
        (row.kept.state, row.kept.reason) = (state, reason);
        match settled {
            Settled::Again { at, .. } => row.free = *at,
            Settled::Processed | Settled::Failed { .. } => row.ended = Some(now),
        }
        true
    }

    pub(super) fn retry(&mut self, id: &str, now: Timestamp) -> bool {
        let failed = self.0.get_mut(id);
        let Some(row) = failed.filter(|row| row.kept.state == DeliveryState::Failed) else {
            return false;
        };
        row.begin(now);
        true
    }

    pub(super) fn find(&self, filter: &DeliveryFilter, limit: usize) -> Vec<Kept> {
        let source = |kept: &&Kept| {
            filter
                .source
                .as_ref()
                .is_none_or(|source| *source == kept.delivery.source)
        };
        let state = |kept: &&Kept| filter.state.is_none_or(|state| state == kept.state);
        let all = self.0.values().map(|row| &row.kept);
        let mut found: Vec<_> = all.filter(source).filter(state).cloned().collect();
        found.sort_by(|a, b| place(b).cmp(&place(a)));
        found.truncate(limit);
        found
    }

    pub(super) fn sources(&self) -> Vec<InboxSource> {
        let mut sources: BTreeMap<&str, InboxSource> = BTreeMap::new();
        for Row { kept, .. } in self.0.values() {
            let Delivery { source, received, .. } = &kept.delivery;
            let summed = sources.entry(source).or_insert_with(|| InboxSource {
                source: source.clone(),
                last: *received,
                waiting: 0,
                failed: 0,
            });
            summed.last = summed.last.max(*received);
            summed.waiting += u64::from(kept.state == DeliveryState::Waiting);
            summed.failed += u64::from(kept.state == DeliveryState::Failed);
        }
        sources.into_values().collect()
    }

    pub(super) fn forget(&mut self, before: Timestamp) -> bool {
        let had = self.0.len();
        self.0
            .retain(|_, row| row.ended.is_none_or(|ended| ended >= before));
        self.0.len() < had
    }
}

/// The order they came in.
fn place(kept: &Kept) -> (Timestamp, &str) {
    (kept.delivery.received, &kept.delivery.id)
}
