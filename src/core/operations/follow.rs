//! Following operations: whoever has to tell somebody outside of their beginnings and ends misses none, however often
//! processes die.
//!
//! The audit trail is the feed: its entries are written in one transaction with what they tell of, and are numbered without gaps in
//! the order in which they were committed. A follower has a cursor in the store, and an [outbox](crate::outbox) with one item for each
//! operation: first what was found goes into the outbox, then the cursor moves on, and whoever dies in between only adds what is there
//! already.

use super::{Operation, Operations};
use crate::{
    audit::AuditFilter,
    error::Result,
    outbox::{Outbox, Pace, Taken, Worked, Worker},
    services::Services,
};
use async_trait::async_trait;
use jiff::SignedDuration;
use rand::RngExt as _;
use std::sync::Arc;

/// Where the cursors are.
const CURSORS: &str = "followers";
/// How many entries are read at once.
const BATCH: u32 = 200;

/// Who is told of operations that began or ended.
#[async_trait]
pub trait Follower: Send + Sync + 'static {
    /// Its name in the store. Never changed once in use.
    fn name(&self) -> &'static str;

    /// Whether it wants to hear of this operation.
    fn wants(&self, operation: &Operation) -> bool;

    /// Tells how an operation stands now: it runs, or is over. When it began and ended in short order, it is told once; it may be told
    /// again after an error or a crash, with all that was [kept](Taken::keep).
    ///
    /// # Errors
    /// Why it did not work: it is told again later, and given up after a bounded number of attempts.
    async fn tell(&self, services: &Services, operation: &Operation, item: &mut Taken) -> Result<Worked>;
}

/// What is kept for a follower.
pub fn outbox(services: &Services, follower: &str) -> Outbox {
    Outbox::new(services.store().clone(), space(follower), Pace::default())
}

fn space(follower: &str) -> String {
    format!("{CURSORS}.{follower}")
}

impl Operations {
    /// Tells a follower of all operations that begin or end from the first time on that anybody followed under this name, until the
    /// robot stops. Any number of replicas may do it at once.
    pub async fn follow(&self, follower: Arc<dyn Follower>) {
        let stopping = self.services.stopping().clone();
        let every = self.timing().sweep;
        let mut troubled = false;
        while !stopping.is_cancelled() {
            match self.follow_once(&*follower).await {
                Ok(()) => troubled = false,
                // Once, not every two seconds.
                Err(error) if !troubled => {
                    let (error, follower) = (format!("{error:#}"), follower.name());
                    tracing::warn!(
                        error,
                        follower,
                        "operations cannot be followed; it is tried again"
                    );
                    troubled = true;
                }
                Err(_) => {}
            }
            let pause = every.mul_f64(rand::rng().random_range(0.75..1.25));
            tokio::select! {
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks once for what a follower was not told of, and tells it.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn follow_once(&self, follower: &dyn Follower) -> Result<()> {
        let outbox = outbox(&self.services, follower.name());
        self.collect(follower, &outbox).await?;
        let services = &self.services;
        outbox.work(&Telling { services, follower }).await?;
        Ok(())
    }

    /// Puts into the outbox what happened since the cursor.
    async fn collect(&self, follower: &dyn Follower, outbox: &Outbox) -> Result<()> {
        let store = self.services.store();
        let name = follower.name();
        loop {
            let cursors = store.entries(CURSORS).await?;
            let Some(cursor) = cursors.into_iter().find(|cursor| cursor.key == name) else {
                // What was before is nobody's news.
                let tip = store.audit_tip().await?.number;
                store.swap(CURSORS, name, 0, Some(&tip.into()), &[]).await?;
                return Ok(());
            };
            let filter = AuditFilter {
                events: vec!["started".into(), "ended".into()],
                after: Some(cursor.value.as_u64().unwrap_or_default()),
                oldest_first: true,
                limit: BATCH,
                ..AuditFilter::default()
            };
            let found = store.audit(&filter).await?;
            let Some(last) = found.last() else {
                return Ok(());
            };
            for recorded in &found {
                let Some(id) = &recorded.entry.operation else {
                    continue;
                };
                let operation = store.operation(id).await?;
                if operation.is_some_and(|operation| follower.wants(&operation)) {
                    outbox
                        .add(id, Some(recorded.number), SignedDuration::ZERO)
                        .await?;
                }
            }
            // When another replica was quicker, it has added the same.
            let after = Some(last.number.into());
            store
                .swap(CURSORS, name, cursor.revision, after.as_ref(), &[])
                .await?;
        }
    }
}

struct Telling<'a> {
    services: &'a Services,
    follower: &'a dyn Follower,
}

#[async_trait]
impl Worker for Telling<'_> {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        match self.services.store().operation(item.key()).await? {
            Some(operation) => self.follower.tell(self.services, &operation, item).await,
            None => Ok(Worked::Over),
        }
    }
}
