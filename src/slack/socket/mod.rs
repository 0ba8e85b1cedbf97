//! Socket Mode: how events come in without anything being reachable from outside.
//!
//! Written here, not taken from slack-morphism, whose loop acknowledges after the handler, loses acknowledgements and late
//! events when Slack rotates a socket, reconnects without pause, and never reports a revoked token. This one
//! acknowledges as soon as a message is safe, whatever becomes of it then (`connection`, `receipts`), opens the next socket before the last one goes (`supervisor`), waits longer each
//! time (`backoff`), and proves by round trips that a silent socket is alive (`liveness`).

mod backoff;
mod connection;
mod frame;
mod liveness;
mod receipts;
mod status;
mod supervisor;

use std::time::Instant;

use otus_core::Receipt;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

pub use self::{frame::Envelope, status::Status};
use crate::{SlackConfig, SlackError, Web};

/// A frame, not yet parsed: reading on goes before parsing.
#[derive(Debug)]
pub struct Delivery {
    head: frame::Head,
    text: Utf8Bytes,
    received: Instant,
    acks: receipts::Acks,
}

impl Delivery {
    /// Parses it. Giving the receipt acknowledges it, on the socket it came by.
    pub fn open(self) -> (Envelope, Receipt) {
        let receipt = self.acks.receipt(&self.head, self.received);
        (self.head.open(&self.text, self.received), receipt)
    }
}

/// The running sockets.
#[derive(Debug)]
pub struct Sockets {
    /// What comes in. It ends when the sockets are closed and all was taken.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// How the sockets are doing.
    pub status: Status,
    /// Ends with the reason when the sockets end: nothing to heal after a stop, or a fatal error.
    pub task: JoinHandle<Result<(), SlackError>>,
}

impl Sockets {
    /// Starts to open the configured number of sockets. Returns at once; [`Status::reach`] waits for them.
    pub fn start(web: Web, config: &SlackConfig, stop: CancellationToken) -> Self {
        let (intake, deliveries) = mpsc::channel(config.liveness.backlog);
        let (status, failures) = Status::new();
        let common = connection::Common {
            web,
            liveness: config.liveness,
            timeouts: config.timeouts,
            intake,
            status: status.clone(),
        };
        let task = tokio::spawn(supervisor::supervise(common, failures, config.sockets, stop));
        Self {
            deliveries,
            status,
            task,
        }
    }
}

/// Opens one socket, waits for the hello and closes it again.
pub(crate) async fn probe(web: &Web, config: &SlackConfig) -> Result<String, SlackError> {
    let (intake, _) = mpsc::channel(1);
    let (status, _) = Status::new();
    let common = connection::Common {
        web: web.clone(),
        liveness: config.liveness,
        timeouts: config.timeouts,
        intake,
        status,
    };
    connection::Connection::open(common).await?.close().await;
    Ok("the socket opens and Slack says hello".to_owned())
}
