//! Purpose: the [`Store`] on whatever database.

use super::{
    Engine, Row, Select, Write, Written, audit,
    claims::{self, Wanted},
    deploys,
    inbox::{self, Post},
    memories, operations,
};
use crate::Opened;
use async_trait::async_trait;
use jiff::Timestamp;
use otus_core::{
    EventKey, Message, Store, StoreError,
    audit::{AuditFilter, Entry, Recorded, Tip},
    operations::{Operation, OperationFilter, Saved, Step},
    store::{
        Accepted, Adopted, ClaimStage, Delivery, DeliveryFilter, Deploy, DeployFilter, InboxSource, Kept,
        Orphan, Settled, Value,
    },
};
use otus_flags::FlagStore;
use std::sync::Arc;

/// How often a save is tried again when somebody had its target, and has it no longer when one looks who.
const LOOKS: usize = 20;

/// What the robot remembers, in a database.
#[derive(Debug)]
pub struct Database<E>(pub(crate) E);

async fn all<T>(
    engine: &impl Engine,
    question: &Select,
    read: impl Fn(Row) -> Result<T, StoreError> + Send,
) -> Result<Vec<T>, StoreError> {
    engine.select(question).await?.into_iter().map(read).collect()
}

async fn one<T>(
    engine: &impl Engine,
    question: &Select,
    read: impl Fn(Row) -> Result<T, StoreError> + Send,
) -> Result<Option<T>, StoreError> {
    let row = engine.select(question).await?.into_iter().next();
    row.map(read).transpose()
}

/// Whether there was anything to change.
async fn post(engine: &impl Engine, post: Post<'_>) -> Result<bool, StoreError> {
    Ok(engine.write(&Write::Inbox(post)).await? == Written::Yes)
}

#[async_trait]
impl<E: Engine> Opened for Database<E> {
    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }

    fn flags(self: Arc<Self>) -> Arc<dyn FlagStore> {
        self
    }
}

#[async_trait]
impl<E: Engine> Store for Database<E> {
    async fn claim(&self, key: &EventKey) -> Result<bool, StoreError> {
        let wanted = Wanted {
            key: key.clone(),
            body: None,
        };
        Ok(self.0.accept(wanted).await? != Accepted::Held)
    }

    async fn accept(&self, message: &Message) -> Result<Accepted, StoreError> {
        let wanted = Wanted {
            key: message.event.clone(),
            body: Some(claims::body(message)?),
        };
        self.0.accept(wanted).await
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, StoreError> {
        let bodies = self.0.orphans().await?;
        Ok(bodies.iter().filter_map(|body| claims::orphan(body)).collect())
    }

    async fn adopt(&self, key: &EventKey) -> Result<Option<Adopted>, StoreError> {
        self.0.adopt(key).await
    }

    async fn hold(&self, key: &EventKey) -> Result<(), StoreError> {
        self.0.hold(key).await
    }

    async fn advance(&self, key: &EventKey, stage: ClaimStage) -> Result<(), StoreError> {
        self.0.advance(key, stage).await
    }

    async fn release(&self, key: &EventKey) -> Result<(), StoreError> {
        self.0.release(key).await
    }

    fn is_alone(&self) -> bool {
        self.0.is_alone()
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.0.now().await
    }

    async fn save(
        &self,
        operation: &Operation,
        steps: &[Step],
        entries: &[Entry],
    ) -> Result<Saved, StoreError> {
        let change = Write::Save {
            operation,
            steps,
            entries,
        };
        for _ in 0..LOOKS {
            match self.0.write(&change).await? {
                Written::Yes => return Ok(Saved::Yes(operation.revision + 1)),
                Written::Stale => return Ok(Saved::Stale),
                Written::Busy => {}
            }
            let holder = operations::holder(&operation.plan.target);
            match one(&self.0, &holder, operations::read).await? {
                Some(other) => return Ok(Saved::Busy(Box::new(other))),
                // It ended in between.
                None => tokio::task::yield_now().await,
            }
        }
        Err(StoreError::Unavailable(format!(
            "operation {} was not saved: others took and left its target {LOOKS} times in between. Try again",
            operation.id
        )))
    }

    async fn operation(&self, id: &str) -> Result<Option<Operation>, StoreError> {
        one(&self.0, &operations::one(id), operations::read).await
    }

    async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, StoreError> {
        all(&self.0, &operations::find(filter), operations::read).await
    }

    async fn steps(&self, operation: &str) -> Result<Vec<Step>, StoreError> {
        all(&self.0, &operations::steps(operation), operations::read_step).await
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.0.write(&Write::Record(entries)).await.map(drop)
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError> {
        let few = match filter.since {
            Some(since) => audit::are_few(&self.0.select(&audit::few_since(since)?).await?),
            None => false,
        };
        all(&self.0, &audit::find(filter, few)?, audit::read).await
    }

    async fn audit_tip(&self) -> Result<Tip, StoreError> {
        Ok(one(&self.0, &audit::tip(), audit::read_tip)
            .await?
            .unwrap_or_default())
    }

    async fn record_deploy(&self, deploy: &Deploy) -> Result<bool, StoreError> {
        Ok(self.0.write(&Write::Deploy(deploy)).await? == Written::Yes)
    }

    async fn deploys(&self, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
        all(&self.0, &deploys::find(filter)?, deploys::read).await
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        post(&self.0, Post::Deliver(delivery)).await
    }

    async fn undelivered(&self, now: Timestamp, limit: u32) -> Result<Vec<Kept>, StoreError> {
        all(&self.0, &inbox::due(now, limit)?, inbox::read).await
    }

    async fn take_delivery(&self, kept: &Kept, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let take = Post::Take {
            id: &kept.delivery.id,
            generation: kept.generation,
            now,
            until,
        };
        post(&self.0, take).await
    }

    async fn settle_delivery(
        &self,
        id: &str,
        generation: u64,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let settle = Post::Settle {
            id,
            generation,
            settled,
            now,
        };
        post(&self.0, settle).await
    }

    async fn retry_delivery(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        post(&self.0, Post::Retry { id, now }).await
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Kept>, StoreError> {
        all(&self.0, &inbox::find(filter), inbox::read).await
    }

    async fn inbox(&self) -> Result<Vec<InboxSource>, StoreError> {
        all(&self.0, &inbox::sources(), inbox::read_source).await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        post(&self.0, Post::Forget(before)).await
    }

    async fn entries(&self, space: &str) -> Result<Vec<Value>, StoreError> {
        all(&self.0, &memories::all(space), memories::read).await
    }

    async fn swap(
        &self,
        space: &str,
        key: &str,
        revision: u64,
        value: Option<&serde_json::Value>,
        entries: &[Entry],
    ) -> Result<bool, StoreError> {
        let change = Write::Swap {
            space,
            key,
            revision,
            value,
            entries,
        };
        Ok(self.0.write(&change).await? == Written::Yes)
    }

    async fn recall(&self, responder: &str, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
        one(&self.0, &memories::one(responder, key), memories::read_one).await
    }

    async fn remember(
        &self,
        responder: &str,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), StoreError> {
        let change = Write::Remember {
            space: responder,
            key,
            value: value.as_ref(),
        };
        self.0.write(&change).await.map(drop)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }
}
