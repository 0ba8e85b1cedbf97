//! How the sockets are doing, for readiness and metrics.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::sync::{mpsc, watch};

use crate::SlackError;

/// How the sockets are doing. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Status {
    live: Arc<watch::Sender<usize>>,
    fatal: Arc<OnceLock<SlackError>>,
    failures: mpsc::UnboundedSender<SlackError>,
}

impl Status {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<SlackError>) {
        let (failures, receiver) = mpsc::unbounded_channel();
        let status = Self {
            live: Arc::new(watch::Sender::new(0)),
            fatal: Arc::new(OnceLock::new()),
            failures,
        };
        (status, receiver)
    }

    /// Whether at least one socket is open and heard Slack's hello.
    pub fn ready(&self) -> bool {
        *self.live.borrow() > 0
    }

    /// How many sockets are open and heard Slack's hello.
    pub fn live(&self) -> usize {
        *self.live.borrow()
    }

    /// Waits until `wanted` sockets, or more, are open.
    pub async fn reach(&self, wanted: usize) {
        // The sender is held by this very value, so that it cannot be gone.
        let _ = self.live.subscribe().wait_for(|live| *live >= wanted).await;
    }

    /// Why the sockets stopped for good, if they did.
    pub fn fatal(&self) -> Option<&SlackError> {
        self.fatal.get()
    }

    pub(crate) fn fail(&self, error: SlackError) {
        if self.fatal.set(error.clone()).is_ok() {
            let _ = self.failures.send(error);
        }
    }

    pub(crate) fn hello(&self) -> Live {
        self.change(1);
        metrics::counter!("otus_slack_hellos_total").increment(1);
        Live { status: self.clone() }
    }

    fn change(&self, by: isize) {
        self.live.send_modify(|live| {
            *live = live.saturating_add_signed(by);
            metrics::gauge!("otus_slack_sockets").set(*live as f64);
        });
    }
}

/// A socket that is open; dropped when it is no longer.
#[derive(Debug)]
pub(crate) struct Live {
    status: Status,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.status.change(-1);
    }
}

pub(crate) fn acknowledged(after: Duration) {
    metrics::histogram!("otus_slack_ack_seconds").record(after.as_secs_f64());
}

pub(crate) fn round_trip(took: Duration) {
    metrics::gauge!("otus_slack_ping_seconds").set(took.as_secs_f64());
}

pub(crate) fn connections(reported: u32) {
    metrics::gauge!("otus_slack_sockets_of_app").set(f64::from(reported));
}

pub(crate) fn reconnect(reason: &'static str) {
    metrics::counter!("otus_slack_reconnects_total", "reason" => reason).increment(1);
}

pub(crate) fn envelope(kind: &str) {
    let kind = match kind {
        "events_api" => "events_api",
        "slash_commands" => "slash_commands",
        "interactive" => "interactive",
        _ => "other",
    };
    metrics::counter!("otus_slack_envelopes_total", "kind" => kind).increment(1);
}

pub(crate) fn unread(why: &'static str) {
    metrics::counter!("otus_slack_frames_unread_total", "why" => why).increment(1);
}
