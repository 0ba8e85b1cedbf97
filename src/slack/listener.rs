//! From what came in to what the robot is told: the same for sockets and for HTTP.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use otus_core::{Message, Receipt, Robot};
use serde_json::Value;

use crate::{
    chat::SlackChat,
    events::{Heard, Identity, understand},
};

/// How much of a payload that could not be understood is logged.
const LOGGED: usize = 2_000;

/// Where understood messages go.
pub trait Ear: Send + Sync + 'static {
    /// Takes a message in. Must return at once; the receipt is given when the message is safe, and lets Slack forget it.
    fn hear(&self, message: Message, receipt: Receipt);
}

impl Ear for Robot {
    fn hear(&self, message: Message, receipt: Receipt) {
        self.take(message, receipt);
    }
}

/// Understands what came in and tells the robot.
pub(crate) struct Listener {
    pub(crate) me: Identity,
    pub(crate) chat: Arc<SlackChat>,
    pub(crate) ear: Arc<dyn Ear>,
    pub(crate) open: AtomicBool,
}

impl Listener {
    pub(crate) fn new(me: Identity, chat: Arc<SlackChat>, ear: Arc<dyn Ear>) -> Self {
        Self {
            me,
            chat,
            ear,
            open: AtomicBool::new(true),
        }
    }

    /// Whether it still listens.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Takes one delivery, by its kind as Socket Mode names it and its id. Gives the receipt when Slack need not bring it again.
    pub(crate) async fn take(
        &self,
        kind: &str,
        delivery: &str,
        retry: u32,
        payload: &Value,
        mut receipt: Receipt,
    ) {
        if retry > 0 {
            // It may be the first that arrives: the claim tells, not the number.
            metrics::counter!("otus_slack_redeliveries_total").increment(1);
        }
        let heard = understand(kind, delivery, payload, &self.me);
        let outcome = match heard {
            Heard::Said(message) => {
                self.ear.hear(*message, receipt);
                metrics::counter!("otus_slack_payloads_total", "outcome" => "said").increment(1);
                return;
            }
            Heard::Person(user) => {
                self.chat.people.forget(&user);
                "directory"
            }
            Heard::Groups => {
                self.chat.people.forget_groups().await;
                "directory"
            }
            Heard::Limited => {
                tracing::error!("Slack drops events: more than 30,000 an hour are too many for it");
                "limited"
            }
            Heard::Removed(why) => {
                tracing::error!(event = why, "the robot is being removed from this workspace");
                "removed"
            }
            Heard::Nothing(why) => {
                tracing::trace!(why, "nothing for the robot");
                "nothing"
            }
            Heard::Unknown(what) => {
                let payload: String = discreet(payload).to_string().chars().take(LOGGED).collect();
                tracing::warn!(kind, what, payload, "something unknown came from Slack");
                "unknown"
            }
        };
        receipt.give();
        metrics::counter!("otus_slack_payloads_total", "outcome" => outcome).increment(1);
    }
}

/// A payload without what lets its holder act for the robot.
fn discreet(payload: &Value) -> Value {
    let mut payload = payload.clone();
    if let Some(fields) = payload.as_object_mut() {
        for secret in ["token", "response_url", "response_urls", "trigger_id"] {
            fields.remove(secret);
        }
    }
    payload
}
