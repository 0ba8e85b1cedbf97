//! Purpose: setting up webhooks, letting them go wrong, and seeing what became of them.

use super::{
    GitHub,
    control::{Refused, Repository},
    payloads,
    world::{Delivery, Hook},
};
use serde_json::Value;

/// One attempt to deliver a webhook, as GitHub recorded it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// The number of this attempt, by which it is asked for again.
    pub id: u64,
    /// The `X-GitHub-Delivery`: a redelivery has the same.
    pub guid: String,
    /// The `X-GitHub-Event`.
    pub event: String,
    /// The payload.
    pub payload: Value,
    /// Whether somebody asked for it again.
    pub redelivery: bool,
    /// The HTTP status of the answer, or 0 when there was none.
    pub code: u16,
}

impl From<&Delivery> for Delivered {
    fn from(of: &Delivery) -> Self {
        Self {
            id: of.id,
            guid: of.guid.clone(),
            event: of.event.clone(),
            payload: serde_json::from_str(&of.body).unwrap_or_default(),
            redelivery: of.redelivery,
            code: of.code,
        }
    }
}

impl Repository {
    /// Sends webhooks to an address from now on, of these events or, when none is named, of all; the hook's number.
    ///
    /// # Errors
    /// [`Refused`] when the repository is gone.
    pub fn hook(&self, url: &str, secret: &str, events: &[&str]) -> Result<u64, Refused> {
        self.act(|act| {
            let id = act.id();
            let events = events.iter().map(|event| (*event).to_owned()).collect();
            act.repo.hooks.push(Hook {
                id,
                url: url.to_owned(),
                secret: secret.to_owned(),
                events,
            });
            Ok(id)
        })
    }
}

impl GitHub {
    /// Every attempt to deliver a webhook, the oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.shared
            .world()
            .deliveries
            .iter()
            .map(Delivered::from)
            .collect()
    }

    /// Sends a delivery once more, under the same id, as the button on GitHub's page does.
    ///
    /// # Errors
    /// [`Refused`] when there is no such delivery or its hook is gone.
    pub fn redeliver(&self, delivery: u64) -> Result<(), Refused> {
        let again = payloads::again(&self.shared, &mut self.shared.world(), delivery);
        again.ok_or_else(|| Refused(format!("there is no delivery {delivery}")))
    }

    /// The next webhooks are lost on the way, and recorded as failed.
    pub fn lose_webhooks(&self, count: u32) {
        let orders = &mut self.shared.world().orders;
        orders.lose = orders.lose.saturating_add(count);
    }

    /// The next webhooks are sent twice, under one id.
    pub fn repeat_webhooks(&self, count: u32) {
        let orders = &mut self.shared.world().orders;
        orders.repeat = orders.repeat.saturating_add(count);
    }

    /// Keeps webhooks back, or lets those go that were kept.
    pub fn hold_webhooks(&self, hold: bool) {
        self.shared.world().orders.hold = hold;
        self.shared.parcels.notify_one();
    }

    /// Turns round the order of the webhooks that are kept back.
    pub fn reverse_held_webhooks(&self) {
        self.shared.world().parcels.make_contiguous().reverse();
    }

    /// Waits until no webhook is under way.
    pub async fn settled(&self) {
        let mut under_way = self.shared.under_way.subscribe();
        // The sender lives as long as this.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }
}
