//! What is sent to the app, by which socket, until it is acknowledged or given up.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    envelope::{Kind, Parcel, disconnect_frame, frame},
    ids,
    journal::{Journal, Sent, What},
    wire::Control,
};

/// Slack's own bound on sockets per app.
pub(crate) const MAX_SOCKETS: usize = 10;
/// How many events are kept for redelivery on demand.
const REMEMBERED: usize = 10_000;

#[derive(Debug)]
struct Pending {
    parcel: Arc<Parcel>,
    attempt: u32,
    sent: Instant,
    timer: (Instant, u64),
}

/// What happens at a time.
#[derive(Debug)]
pub(crate) enum Timer {
    AckDeadline(String),
    Retry {
        parcel: Arc<Parcel>,
        attempt: u32,
        reason: &'static str,
    },
    Refresh(u64),
    Close(u64),
}

/// What the task of a socket is told.
#[derive(Debug)]
pub(crate) enum Out {
    Text(String),
    Close,
}

#[derive(Debug)]
struct Socket {
    id: u64,
    out: mpsc::UnboundedSender<Out>,
    line: Arc<Control>,
    opened: Instant,
}

/// An open socket, as a test sees it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SocketView {
    /// Its number, counting up from 1.
    pub id: u64,
    /// How long it has been open.
    pub open_for: Duration,
}

/// A delivery to make over HTTP.
#[derive(Debug)]
pub(crate) struct HttpDelivery {
    pub(crate) url: String,
    pub(crate) envelope: String,
    pub(crate) parcel: Arc<Parcel>,
    pub(crate) attempt: u32,
    pub(crate) reason: &'static str,
}

/// What became of a delivery that was not acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    WillRetry,
    GivenUp { interaction: Option<u64> },
}

#[derive(Debug)]
pub(crate) struct Delivery {
    sockets: Vec<Socket>,
    turn: usize,
    last_socket: u64,
    tickets: HashSet<String>,
    pending: HashMap<String, Pending>,
    timers: BTreeMap<(Instant, u64), Timer>,
    timer_count: u64,
    /// A timer was set that is due before all others: the timer task must look again.
    pub(crate) timers_changed: bool,
    remembered: VecDeque<Arc<Parcel>>,
    /// Every event is sent twice.
    pub(crate) duplicate: bool,
    pub(crate) request_url: Option<String>,
    pub(crate) http_outbox: Vec<HttpDelivery>,
    pub(crate) ack_deadline: Duration,
    pub(crate) retry_delays: Vec<Duration>,
}

impl Delivery {
    pub(crate) fn new(ack_deadline: Duration, retry_delays: Vec<Duration>) -> Self {
        Self {
            sockets: Vec::new(),
            turn: 0,
            last_socket: 0,
            tickets: HashSet::new(),
            pending: HashMap::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            timers_changed: false,
            remembered: VecDeque::new(),
            duplicate: false,
            request_url: None,
            http_outbox: Vec::new(),
            ack_deadline,
            retry_delays,
        }
    }

    // Sockets

    pub(crate) fn issue_ticket(&mut self) -> String {
        let ticket = ids::ticket();
        self.tickets.insert(ticket.clone());
        ticket
    }

    /// A ticket opens one socket.
    pub(crate) fn use_ticket(&mut self, ticket: &str) -> bool {
        self.tickets.remove(ticket)
    }

    /// Takes a new socket in: its number, or `None` when there are ten already.
    pub(crate) fn open(&mut self, out: mpsc::UnboundedSender<Out>, line: Arc<Control>) -> Option<u64> {
        if self.sockets.len() >= MAX_SOCKETS {
            return None;
        }
        self.last_socket += 1;
        self.sockets.push(Socket {
            id: self.last_socket,
            out,
            line,
            opened: Instant::now(),
        });
        Some(self.last_socket)
    }

    pub(crate) fn close(&mut self, id: u64) {
        self.sockets.retain(|socket| socket.id != id);
    }

    pub(crate) fn count(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn sockets(&self) -> Vec<SocketView> {
        self.sockets
            .iter()
            .map(|s| SocketView {
                id: s.id,
                open_for: s.opened.elapsed(),
            })
            .collect()
    }

    pub(crate) fn lines(&self) -> Vec<Arc<Control>> {
        self.sockets.iter().map(|s| Arc::clone(&s.line)).collect()
    }

    /// Sends a `disconnect` on every socket (or one); closes them after `close_after`, if given.
    pub(crate) fn disconnect(
        &mut self,
        only: Option<u64>,
        reason: &str,
        host: &str,
        close_after: Option<Duration>,
    ) {
        let ids: Vec<u64> = self
            .sockets
            .iter()
            .map(|s| s.id)
            .filter(|id| only.is_none_or(|o| o == *id))
            .collect();
        let frame = disconnect_frame(reason, self.sockets.len(), host);
        for id in ids {
            self.tell(id, Out::Text(frame.clone()));
            if let Some(after) = close_after {
                self.at(Instant::now() + after, Timer::Close(id));
            }
        }
    }

    /// A warning on every socket, and later the refresh.
    pub(crate) fn rotate(&mut self, host: &str, grace: Duration) {
        self.disconnect(None, "warning", host, None);
        for id in self.sockets.iter().map(|s| s.id).collect::<Vec<_>>() {
            self.at(Instant::now() + grace, Timer::Refresh(id));
        }
    }

    pub(crate) fn tell(&self, id: u64, out: Out) {
        if let Some(socket) = self.sockets.iter().find(|s| s.id == id) {
            // The task may be gone already; then the socket is about to be closed here too.
            let _ = socket.out.send(out);
        }
    }

    // Parcels

    /// Sends something for the first time, and again at once when duplicates are wanted.
    pub(crate) fn dispatch(&mut self, parcel: Arc<Parcel>, journal: &mut Journal) -> Option<Failed> {
        if parcel.kind == Kind::Event {
            if self.remembered.len() == REMEMBERED {
                self.remembered.pop_front();
            }
            self.remembered.push_back(Arc::clone(&parcel));
            if self.duplicate {
                self.send(Arc::clone(&parcel), 0, "", journal);
            }
        }
        self.send(parcel, 0, "", journal)
    }

    /// Sends a known event once more, as if it were the first time.
    pub(crate) fn redeliver(&mut self, event_id: &str, journal: &mut Journal) -> bool {
        let found = self
            .remembered
            .iter()
            .rev()
            .find(|p| p.event_id.as_deref() == Some(event_id))
            .cloned();
        found.is_some_and(|parcel| {
            self.send(parcel, 1, "timeout", journal);
            true
        })
    }

    pub(crate) fn event_ids(&self) -> Vec<String> {
        self.remembered
            .iter()
            .filter_map(|p| p.event_id.clone())
            .collect()
    }

    pub(crate) fn send(
        &mut self,
        parcel: Arc<Parcel>,
        attempt: u32,
        reason: &'static str,
        journal: &mut Journal,
    ) -> Option<Failed> {
        let envelope = uuid::Uuid::new_v4().to_string();
        let mut sent = Sent {
            envelope: envelope.clone(),
            envelope_kind: parcel.kind.name(),
            event_id: parcel.event_id.clone(),
            attempt,
            socket: None,
        };
        if let Some(url) = self.request_url.clone() {
            journal.add(What::Sent(sent));
            let parcel = Arc::clone(&parcel);
            self.http_outbox.push(HttpDelivery {
                url,
                envelope: envelope.clone(),
                parcel,
                attempt,
                reason,
            });
        } else if self.sockets.is_empty() {
            return Some(self.fail(parcel, attempt, "timeout", &envelope, journal));
        } else {
            self.turn = (self.turn + 1) % self.sockets.len();
            let socket = &self.sockets[self.turn];
            sent.socket = Some(socket.id);
            journal.add(What::Sent(sent));
            let _ = socket
                .out
                .send(Out::Text(frame(&envelope, &parcel, attempt, reason)));
        }
        let now = Instant::now();
        let timer = self.at(now + self.ack_deadline, Timer::AckDeadline(envelope.clone()));
        self.pending.insert(
            envelope,
            Pending {
                parcel,
                attempt,
                sent: now,
                timer,
            },
        );
        None
    }

    /// An ack: what it was for, if that was waiting.
    pub(crate) fn acked(&mut self, envelope: &str, journal: &mut Journal) -> Option<Arc<Parcel>> {
        let Some(pending) = self.pending.remove(envelope) else {
            journal.add(What::StrayAck {
                envelope: envelope.to_owned(),
            });
            return None;
        };
        self.timers.remove(&pending.timer);
        let micros = u64::try_from(pending.sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        journal.add(What::Acked {
            envelope: envelope.to_owned(),
            micros,
        });
        Some(pending.parcel)
    }

    /// No ack in time, or an HTTP failure.
    pub(crate) fn unacked(
        &mut self,
        envelope: &str,
        reason: &'static str,
        retry: bool,
        journal: &mut Journal,
    ) -> Option<Failed> {
        let pending = self.pending.remove(envelope)?;
        self.timers.remove(&pending.timer);
        let attempt = if retry { pending.attempt } else { u32::MAX };
        Some(self.fail(pending.parcel, attempt, reason, envelope, journal))
    }

    fn fail(
        &mut self,
        parcel: Arc<Parcel>,
        attempt: u32,
        reason: &'static str,
        envelope: &str,
        journal: &mut Journal,
    ) -> Failed {
        let delay = self
            .retry_delays
            .get(attempt as usize)
            .copied()
            .filter(|_| parcel.kind == Kind::Event);
        journal.add(What::Unacked {
            envelope: envelope.to_owned(),
            will_retry: delay.is_some(),
        });
        match delay {
            Some(delay) => {
                self.at(
                    Instant::now() + delay,
                    Timer::Retry {
                        parcel,
                        attempt: attempt + 1,
                        reason,
                    },
                );
                Failed::WillRetry
            }
            None => {
                if parcel.kind == Kind::Event {
                    journal.stats.given_up += 1;
                }
                Failed::GivenUp {
                    interaction: parcel.interaction,
                }
            }
        }
    }

    /// Deliveries sent and neither acknowledged nor overdue.
    pub(crate) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    // Timers

    fn at(&mut self, when: Instant, timer: Timer) -> (Instant, u64) {
        self.timer_count += 1;
        let key = (when, self.timer_count);
        if self
            .timers
            .first_key_value()
            .is_none_or(|(first, _)| key < *first)
        {
            self.timers_changed = true;
        }
        self.timers.insert(key, timer);
        key
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((when, _), _)| *when)
    }

    pub(crate) fn due(&mut self, now: Instant) -> Option<Timer> {
        let first = self.timers.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
