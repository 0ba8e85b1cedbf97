//! The ordered log of all that happened: calls, messages, deliveries, acks.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::ts::Ts;

/// How many entries are kept.
const KEPT: usize = 1_000_000;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Counts up from 1 without gaps.
    pub n: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// Kinds of things that happen.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// A Web API call was answered.
    Call(Call),
    /// A message appeared (an ephemeral one too).
    Posted {
        /// Id of the channel.
        channel: String,
        /// The message.
        ts: Ts,
    },
    /// A message's words changed.
    Changed {
        /// Id of the channel.
        channel: String,
        /// The message.
        ts: Ts,
    },
    /// A message went away.
    Deleted {
        /// Id of the channel.
        channel: String,
        /// The message.
        ts: Ts,
    },
    /// A reaction was added or removed.
    Reacted {
        /// The message.
        ts: Ts,
        /// Who, by id.
        user: String,
        /// Which emoji.
        name: String,
        /// Added, rather than removed.
        added: bool,
    },
    /// A file was shared.
    File {
        /// Its id.
        id: String,
    },
    /// A view was opened, changed or closed.
    View {
        /// Whose, by id.
        user: String,
        /// Which.
        id: String,
    },
    /// A socket said hello.
    SocketOpened {
        /// Its number.
        socket: u64,
    },
    /// A socket is gone.
    SocketClosed {
        /// Its number.
        socket: u64,
        /// Why, as far as the emulator knows.
        why: String,
    },
    /// Something was sent to the app.
    Sent(Sent),
    /// The app acknowledged it.
    Acked {
        /// The envelope.
        envelope: String,
        /// How long that took, in microseconds.
        micros: u64,
    },
    /// The app did not acknowledge in time.
    Unacked {
        /// The envelope.
        envelope: String,
        /// Whether it will be sent again.
        will_retry: bool,
    },
    /// An ack came for something unknown, or too late.
    StrayAck {
        /// The envelope.
        envelope: String,
    },
    /// A `response_url` was used.
    Responded {
        /// The interaction it answers.
        interaction: u64,
        /// Whether it was accepted.
        accepted: bool,
    },
}

/// A Web API call.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Such as `chat.postMessage`.
    pub method: String,
    /// The arguments, without the token.
    pub args: Map<String, Value>,
    /// The HTTP status; 0 when the connection was broken instead.
    pub status: u16,
    /// The error code, if it failed.
    pub error: Option<String>,
}

/// A delivery to the app.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// The envelope (over HTTP: one made up for the log).
    pub envelope: String,
    /// `events_api`, `slash_commands` or `interactive`.
    pub envelope_kind: &'static str,
    /// Of an event.
    pub event_id: Option<String>,
    /// 0 for the first time.
    pub attempt: u32,
    /// The socket it went to; none over HTTP.
    pub socket: Option<u64>,
}

/// Counts, and the latencies of acks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// Deliveries acknowledged in time.
    pub acks: u64,
    /// Deliveries not acknowledged in time, retries included.
    pub unacked: u64,
    /// Acks for something unknown, or too late.
    pub stray_acks: u64,
    /// Deliveries sent, retries and duplicates included.
    pub sent: u64,
    /// Events given up after the last retry.
    pub given_up: u64,
    /// Calls by method.
    pub calls: BTreeMap<String, u64>,
    /// How long each ack took, in the order they came.
    #[serde(skip)]
    pub ack_latencies: Vec<Duration>,
}

impl Stats {
    /// The latency that `quantile` (0 to 1) of the acks did not exceed.
    pub fn ack_latency(&self, quantile: f64) -> Option<Duration> {
        let mut sorted = self.ack_latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into the list"
        )]
        let at = (last as f64 * quantile.clamp(0.0, 1.0)).round() as usize;
        sorted.get(at).copied()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    last: u64,
    pub(crate) stats: Stats,
}

impl Journal {
    pub(crate) fn add(&mut self, what: What) {
        match &what {
            What::Call(call) => match self.stats.calls.get_mut(&call.method) {
                Some(count) => *count += 1,
                None => drop(self.stats.calls.insert(call.method.clone(), 1)),
            },
            What::Sent(_) => self.stats.sent += 1,
            What::Acked { micros, .. } => {
                self.stats.acks += 1;
                self.stats.ack_latencies.push(Duration::from_micros(*micros));
            }
            What::Unacked { .. } => self.stats.unacked += 1,
            What::StrayAck { .. } => self.stats.stray_acks += 1,
            _ => {}
        }
        self.last += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { n: self.last, what });
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Entries with a number above `n`.
    pub(crate) fn after(&self, n: u64) -> impl Iterator<Item = &Entry> {
        let gone = self.last - self.entries.len() as u64;
        let skip = usize::try_from(n.saturating_sub(gone)).unwrap_or(usize::MAX);
        self.entries.range(skip.min(self.entries.len())..)
    }
}
