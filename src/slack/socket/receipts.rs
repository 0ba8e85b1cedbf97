//! From receipts to acknowledgements: whoever has a message in safe hands says so from any task, and the socket it came by tells
//! Slack.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use otus_core::Receipt;
use tokio::{sync::mpsc, time::sleep};

use super::frame::Head;

/// What Slack shows its user as failed after three seconds, and never brings again, is acknowledged after this whatever becomes of it.
const IMPATIENT: Duration = Duration::from_secs(2);

/// An acknowledgement to be written.
#[derive(Debug)]
pub(super) struct Ack {
    pub(super) text: String,
    pub(super) received: Instant,
}

/// The way back to a socket, for those who handle what it brought.
#[derive(Debug, Clone)]
pub(super) struct Acks {
    written: mpsc::UnboundedSender<Ack>,
    open: Arc<AtomicUsize>,
}

impl Acks {
    /// The way, and its end at the socket.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Ack>) {
        let (written, acks) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        (Self { written, open }, acks)
    }

    /// How many are handed on and not acknowledged.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Notes that one more is handed on.
    pub(super) fn hand_on(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that one is acknowledged, or never will be by this socket.
    pub(super) fn settle(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    /// What acknowledges a frame. Slack brings an event again that is not acknowledged; anything else only fails before its user's
    /// eyes, so that it is acknowledged in time in any case.
    pub(super) fn receipt(&self, head: &Head, received: Instant) -> Receipt {
        let pending = Pending {
            acks: self.clone(),
            ack: Some(Ack {
                text: head.ack(),
                received,
            }),
        };
        if head.kind == "events_api" {
            return Receipt::new(move || pending.send());
        }
        let (given, wait) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::select! {
                _ = wait => {}
                () = sleep(IMPATIENT) => {}
            }
            pending.send();
        });
        Receipt::new(move || {
            // Nobody waits any more: it is acknowledged.
            let _ = given.send(());
        })
    }
}

/// An acknowledgement that is owed.
struct Pending {
    acks: Acks,
    ack: Option<Ack>,
}

impl Pending {
    fn send(mut self) {
        // A socket that has ended takes none; Slack brings the event again, and the claim knows it.
        if let Some(ack) = self.ack.take()
            && self.acks.written.send(ack).is_err()
        {
            self.acks.settle();
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.ack.is_some() {
            self.acks.settle();
        }
    }
}
