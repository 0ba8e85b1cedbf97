//! Purpose: processes what was kept: hands its events to whoever subscribed, and says in the store what became of it.
//!
//! Any number of replicas do this at once: who takes a delivery has it for a while, and what somebody took and died over is
//! taken by another when that while is over.

use crate::{heads, settings::Settings, state::State};
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use otus::{
    Result, Services,
    store::{Kept, Settled},
};
use otus_ci::{Feed, hooks::CiEvent};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often one looks, when nobody rings: for what another replica left, and for what is tried again.
const LOOKS: Duration = Duration::from_secs(5);

/// How many are asked for at a time.
const BATCH: u32 = 32;

/// How many are worked on at once.
const AT_ONCE: usize = 4;

/// How long a delivery is whose who took it.
const HELD: SignedDuration = SignedDuration::from_mins(3);

/// How long the work on it may take: over before anybody else may take it.
const WORKED: Duration = Duration::from_secs(150);

/// A reason is for people, who do not read more.
const LONGEST_REASON: usize = 500;

/// What the work needs.
pub(crate) struct Worker {
    pub(crate) services: Services,
    pub(crate) settings: Settings,
    pub(crate) state: Arc<State>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) watched: Arc<[heads::Watched]>,
}

impl Worker {
    /// Works until the robot stops.
    pub(crate) async fn run(&self) {
        let stopping = self.services.stopping();
        while !stopping.is_cancelled() {
            match self.pass().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "webhooks that wait cannot be read; will try again");
                }
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.state.rung() => {}
                () = tokio::time::sleep(LOOKS) => {}
            }
        }
    }

    /// Works on what is due; says how many of them this process got.
    async fn pass(&self) -> Result<usize> {
        let now = self.services.store().now().await?;
        let due = self.services.store().undelivered(now, BATCH).await?;
        let worked: Vec<bool> = stream::iter(due)
            .map(|kept| async move {
                let id = kept.delivery.id.clone();
                self.one(kept).await.unwrap_or_else(|error| {
                    let error = format!("{error:#}");
                    tracing::warn!(
                        id,
                        error,
                        "a webhook could not be worked on; it is taken again later"
                    );
                    false
                })
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok(worked.into_iter().filter(|worked| *worked).count())
    }

    async fn one(&self, kept: Kept) -> Result<bool> {
        let (store, id) = (self.services.store(), &kept.delivery.id);
        if self.services.stopping().is_cancelled() {
            return Ok(false);
        }
        let now = store.now().await?;
        if kept.attempts >= self.settings.attempts {
            // Whoever took it the last time died over it, and so would the next.
            let reason = crate::texts::never_ended(kept.attempts, kept.reason.as_deref());
            let settled = Settled::Failed { reason };
            return Ok(store.settle_delivery(id, kept.generation, &settled, now).await?);
        }
        if !store.take_delivery(&kept, now, now + HELD).await? {
            return Ok(false);
        }
        let (generation, attempts) = (kept.generation + 1, kept.attempts + 1);
        let published = match timeout(WORKED, self.publish(&kept)).await {
            Ok(published) => published,
            Err(_) => Err(crate::texts::too_long(WORKED)),
        };
        let now = store.now().await?;
        let settled = match published {
            Ok(()) => Settled::Processed,
            Err(reason) => {
                let reason: String = reason.chars().take(LONGEST_REASON).collect();
                tracing::warn!(id, attempts, reason, "a webhook could not be processed");
                if attempts >= self.settings.attempts {
                    Settled::Failed { reason }
                } else {
                    let at = now + self.settings.pause_after(attempts);
                    Settled::Again { reason, at }
                }
            }
        };
        if !store.settle_delivery(id, generation, &settled, now).await? {
            tracing::warn!(
                id,
                "another process took this webhook over, because this one was too slow"
            );
        }
        Ok(true)
    }

    async fn publish(&self, kept: &Kept) -> std::result::Result<(), String> {
        let events: Vec<CiEvent> = serde_json::from_value(kept.delivery.body.clone())
            .map_err(|error| crate::texts::unreadable(&error))?;
        for event in events {
            self.feed
                .publish(event.clone())
                .await
                .map_err(|unheard| unheard.to_string())?;
            // Noted only now, so that what nobody heard is found again.
            if let Err(error) = heads::note(self.services.store(), &self.watched, &event).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the head of a branch could not be noted"
                );
            }
        }
        Ok(())
    }
}
