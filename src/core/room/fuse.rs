//! Killing, freezing and moving in time: a replica of a test goes through its [`Fuse`] for everything it does to the world
//! outside of it, and reads the time of a [`Clock`].

use crate::{
    audit::{AuditFilter, Entry, Recorded, Tip},
    card::{File, Post},
    chat::{Chat, ChatError, MessageRef, Person, Place, Urgency},
    form::Form,
    ids::{ChannelId, UserId},
    message::{EventKey, Message},
    operations::{Operation, OperationFilter, Saved, Step},
    store::{
        Accepted, Adopted, ClaimStage, Delivery, DeliveryFilter, Deploy, DeployFilter, InboxSource, Kept,
        Orphan, Settled, Store, StoreError, Value,
    },
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::{
    future::{Future, pending},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What stands between a replica and everything outside of it: store, chat, and what a test sends through it. When it is
/// burnt, nothing gets out any more, and nothing comes back: for everybody else the replica is dead, as if by `kill -9`.
#[derive(Clone)]
pub struct Fuse(Arc<Inner>);

struct Inner {
    calls: AtomicU64,
    /// At which call it burns; 0 is never.
    at: AtomicU64,
    /// Whether that call still reaches the outside, unanswered.
    done: bool,
    burnt: CancellationToken,
    frozen: watch::Sender<bool>,
}

impl Default for Fuse {
    fn default() -> Self {
        Self::at(0, false)
    }
}

impl Fuse {
    /// One that burns at this call, the first being 1: before it reaches the outside, or, if `done`, after, so that its answer
    /// gets lost.
    pub fn at(call: u64, done: bool) -> Self {
        Self(Arc::new(Inner {
            calls: AtomicU64::new(0),
            at: AtomicU64::new(call),
            done,
            burnt: CancellationToken::new(),
            frozen: watch::Sender::new(false),
        }))
    }

    /// Kills the replica now.
    pub fn burn(&self) {
        self.0.burnt.cancel();
    }

    /// Whether the replica is dead.
    pub fn is_burnt(&self) -> bool {
        self.0.burnt.is_cancelled()
    }

    /// Whether both stand before the same replica.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until the replica is dead.
    pub async fn burnt(&self) {
        self.0.burnt.cancelled().await;
    }

    /// How many calls went to the outside so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// From here on nothing gets out until [`Fuse::thaw`]: as if the process was stopped, or its machine slept.
    pub fn freeze(&self) {
        self.0.frozen.send_replace(true);
    }

    /// What waits goes on.
    pub fn thaw(&self) {
        self.0.frozen.send_replace(false);
    }

    /// Sends something to the outside.
    pub async fn pass<T>(&self, call: impl Future<Output = T>) -> T {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let at = self.0.at.load(Ordering::SeqCst);
        if number == at && !self.0.done {
            self.burn();
        }
        let mut frozen = self.0.frozen.subscribe();
        // The sender lives as long as this.
        let _ = frozen.wait_for(|frozen| !frozen).await;
        if self.is_burnt() {
            return pending().await;
        }
        let answer = call.await;
        if number == at {
            self.burn();
        }
        if self.is_burnt() {
            return pending().await;
        }
        answer
    }
}

/// How far the store's clock is ahead of the real one. Shared by the replicas of a test.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Moves it ahead, at once.
    pub fn jump(&self, by: SignedDuration) {
        let milliseconds = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A chat or a store behind a fuse, and the clock of the latter.
pub(super) struct Fused<T: ?Sized> {
    pub(super) inner: Arc<T>,
    pub(super) fuse: Fuse,
    pub(super) clock: Clock,
}

/// Hands a call on through the fuse.
macro_rules! through {
    ($self:ident . $call:ident ( $($argument:expr),* )) => {
        $self.fuse.pass($self.inner.$call($($argument),*)).await
    };
}

#[async_trait]
impl<T: Chat + ?Sized> Chat for Fused<T> {
    async fn post(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, ChatError> {
        through!(self.post(place, post, urgency))
    }

    async fn update(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), ChatError> {
        through!(self.update(message, post, urgency))
    }

    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError> {
        through!(self.whisper(place, to, post))
    }

    async fn form(&self, place: &Place, form: &Form) -> Result<bool, ChatError> {
        through!(self.form(place, form))
    }

    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError> {
        through!(self.react(message, emoji))
    }

    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError> {
        through!(self.upload(place, file))
    }

    async fn keep(&self, file: File) -> Result<Option<String>, ChatError> {
        through!(self.keep(file))
    }

    async fn find(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, ChatError> {
        through!(self.find(place, key))
    }

    async fn link(&self, message: &MessageRef) -> Result<Option<String>, ChatError> {
        through!(self.link(message))
    }

    async fn channel_name(&self, channel: &ChannelId) -> Result<String, ChatError> {
        through!(self.channel_name(channel))
    }

    async fn person(&self, user: &UserId) -> Result<Person, ChatError> {
        through!(self.person(user))
    }

    async fn by_email(&self, email: &str) -> Result<Option<UserId>, ChatError> {
        through!(self.by_email(email))
    }

    async fn direct(&self, user: &UserId) -> Result<ChannelId, ChatError> {
        through!(self.direct(user))
    }

    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError> {
        through!(self.in_group(user, group))
    }
}

#[async_trait]
impl<T: Store + ?Sized> Store for Fused<T> {
    async fn claim(&self, key: &EventKey) -> Result<bool, StoreError> {
        through!(self.claim(key))
    }

    async fn accept(&self, message: &Message) -> Result<Accepted, StoreError> {
        through!(self.accept(message))
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError> {
        through!(self.orphans())
    }

    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        through!(self.adopt(key))
    }

    async fn hold(&self, key: &EventKey) -> Result<(), StoreError> {
        through!(self.hold(key))
    }

    fn is_alone(&self) -> bool {
        self.inner.is_alone()
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        through!(self.advance(key, stage))
    }

    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        through!(self.release(key))
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = through!(self.now())?;
        Ok(now.checked_add(self.clock.ahead()).unwrap_or(Timestamp::MAX))
    }

    async fn save(
        &self,
        operation: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError> {
        through!(self.save(operation, steps, entries))
    }

    async fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        through!(self.operation(id))
    }

    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, StoreError> {
        through!(self.operations(filter))
    }

    async fn steps(&self, operation: &str) -> Result<Vec<Step>, StoreError> {
        through!(self.steps(operation))
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        through!(self.record(entries))
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError> {
        through!(self.audit(filter))
    }

    async fn audit_tip(&self) -> Result<Tip, StoreError> {
        through!(self.audit_tip())
    }

    async fn record_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError> {
        through!(self.record_deploy(deploy))
    }

    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
        through!(self.deploys(filter))
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        through!(self.deliver(delivery))
    }

    async fn undelivered(&self, now: Timestamp, limit: u32) -> Result<Vec<Kept>, StoreError> {
        through!(self.undelivered(now, limit))
    }

    async fn take_delivery(&self, kept: &Kept, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        through!(self.take_delivery(kept, now, until))
    }

    async fn settle_delivery(
        &self,
        id: &str,
        generation: u64,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        through!(self.settle_delivery(id, generation, settled, now))
    }

    async fn retry_delivery(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        through!(self.retry_delivery(id, now))
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Kept>, StoreError> {
        through!(self.deliveries(filter))
    }

    async fn inbox(&self) -> Result<Vec<InboxSource>, StoreError> {
        through!(self.inbox())
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        through!(self.forget_deliveries(before))
    }

    async fn entries(&self, space: &str) -> Result<Vec<Value>, StoreError> {
        through!(self.entries(space))
    }

    async fn swap(
        &self,
        space: &str,
        key: &str,
        revision: u64,
        value: Option<&serde_json::Value>,
        entries: &[Entry],
    ) -> Result<bool, StoreError> {
        through!(self.swap(space, key, revision, value, entries))
    }

    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        through!(self.recall(responder, key))
    }

    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        through!(self.remember(responder, key, value))
    }

    async fn check(&self) -> Result<(), StoreError> {
        through!(self.check())
    }
}
