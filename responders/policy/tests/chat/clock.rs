//! A memory whose clock a test sets, and which a test can take away.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::{
    EventKey, MemoryStore, Message, Store, StoreError,
    audit::{AuditFilter, Entry, Recorded, Tip},
    operations::{Operation, OperationFilter, Saved, Step},
    store::{
        Accepted, Adopted, ClaimStage, Delivery, DeliveryFilter, Deploy, DeployFilter, InboxSource, Kept,
        Orphan, Settled, Value,
    },
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

/// A [`MemoryStore`] with a clock that only moves when it is told to.
pub(crate) struct Clock {
    inner: MemoryStore,
    now: Mutex<Timestamp>,
    /// Whether values of spaces cannot be read or written; claims still can.
    gone: AtomicBool,
}

impl Clock {
    pub(crate) fn at(now: &str) -> Self {
        Self {
            inner: MemoryStore::new(),
            now: Mutex::new(now.parse().unwrap()),
            gone: AtomicBool::new(false),
        }
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }

    pub(crate) fn go(&self, gone: bool) {
        self.gone.store(gone, Ordering::SeqCst);
    }

    fn there(&self) -> Result<(), StoreError> {
        match self.gone.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("it is gone".into())),
            false => Ok(()),
        }
    }

    /// The sentences of the audit trail with their events, oldest first.
    pub(crate) async fn trail(&self) -> Vec<String> {
        let all = AuditFilter {
            oldest_first: true,
            ..AuditFilter::default()
        };
        let recorded = self.inner.audit(&all).await.unwrap();
        recorded
            .iter()
            .map(|recorded| format!("{}: {}", recorded.entry.event, recorded.entry.text))
            .collect()
    }
}

#[async_trait]
impl Store for Clock {
    async fn claim(&self, key: &EventKey) -> Result<bool, StoreError> {
        self.inner.claim(key).await
    }
    async fn accept(&self, message: &Message) -> Result<Accepted, StoreError> {
        self.inner.accept(message).await
    }
    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError> {
        self.inner.orphans().await
    }
    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        self.inner.adopt(key).await
    }
    async fn hold(&self, key: &EventKey) -> Result<(), StoreError> {
        self.inner.hold(key).await
    }
    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.inner.advance(key, stage).await
    }
    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.inner.release(key).await
    }
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(*self.now.lock().unwrap())
    }
    async fn save(
        &self,
        operation: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError> {
        self.inner.save(operation, steps, entries).await
    }
    async fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        self.inner.operation(id).await
    }
    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, StoreError> {
        self.inner.operations(filter).await
    }
    async fn steps(&self, operation: &str) -> Result<Vec<Step>, StoreError> {
        self.inner.steps(operation).await
    }
    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.inner.record(entries).await
    }
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError> {
        self.inner.audit(filter).await
    }
    async fn audit_tip(&self) -> Result<Tip, StoreError> {
        self.inner.audit_tip().await
    }
    async fn record_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError> {
        self.inner.record_deploy(deploy).await
    }
    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
        self.inner.deploys(filter).await
    }
    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        self.inner.deliver(delivery).await
    }
    async fn undelivered(&self, now: Timestamp, limit: u32) -> Result<Vec<Kept>, StoreError> {
        self.inner.undelivered(now, limit).await
    }
    async fn take_delivery(&self, kept: &Kept, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.inner.take_delivery(kept, now, until).await
    }
    async fn settle_delivery(
        &self,
        id: &str,
        generation: u64,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.settle_delivery(id, generation, settled, now).await
    }
    async fn retry_delivery(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.inner.retry_delivery(id, now).await
    }
    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Kept>, StoreError> {
        self.inner.deliveries(filter).await
    }
    async fn inbox(&self) -> Result<Vec<InboxSource>, StoreError> {
        self.inner.inbox().await
    }
    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.inner.forget_deliveries(before).await
    }
    async fn entries(&self, space: &str) -> Result<Vec<Value>, StoreError> {
        self.there()?;
        self.inner.entries(space).await
    }
    async fn swap(
        &self,
        space: &str,
        key: &str,
        revision: u64,
        value: Option<&serde_json::Value>,
        entries: &[Entry],
    ) -> Result<bool, StoreError> {
        self.there()?;
        self.inner.swap(space, key, revision, value, entries).await
    }
    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        self.inner.recall(responder, key).await
    }
    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        self.inner.remember(responder, key, value).await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}
