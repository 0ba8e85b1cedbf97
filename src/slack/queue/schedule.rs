//! What is sent when: a pure decision, told the time and never asking for it.
//!
//! - Posts keep a queue and a budget per channel, one under way at a time, so that they arrive in order. A 429 pauses its
//!   channel and no other, and uses its budget up: from there on it is paced.
//! - Edits share the workspace's budget for `chat.update`, one under way per message. An edit that waits is replaced by
//!   a newer one of the same message; an end is never replaced by a step. Steps leave a reserve of the budget for ends.
//! - What somebody waits for goes before what is cosmetic.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use otus_core::chat::{MessageRef, Urgency};
use tokio::time::Instant;

use super::bucket::Bucket;
use crate::config::Pace;

/// The part of the edit budget that steps leave for ends.
const RESERVED: f64 = 0.25;
/// How many new jobs come between two looks for idle channels.
const SWEEP_EVERY: u64 = 512;

/// A place in a queue: the urgent first, then the older.
type Rank = (Reverse<Urgency>, u64);

/// Names a job that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    rank: Rank,
    target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Channel(String),
    Message(MessageRef),
}

/// A job that can stand for another of the same message: who waits for that one is told what becomes of this one.
pub(crate) trait Absorb {
    /// Takes over those who wait.
    fn absorb(&mut self, other: Self);
}

/// There is no room for a job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Whether the whole queue is full, not only the channel's.
    pub(crate) everywhere: bool,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Send this.
    Start(Ticket, T),
    /// Nothing before this time, unless something changes.
    At(Instant),
    /// Nothing until something changes.
    Idle,
}

#[derive(Debug)]
struct Channel<T> {
    waiting: BTreeMap<Rank, T>,
    bucket: Bucket,
    under_way: bool,
    paused: Option<Instant>,
}

#[derive(Debug)]
struct Edit<T> {
    rank: Rank,
    job: T,
}

impl<T: Absorb> Edit<T> {
    fn merge(&mut self, urgency: Urgency, newer: T) {
        let Reverse(waited) = self.rank.0;
        // It keeps its age: who edits often must not wait for ever.
        self.rank.0 = Reverse(waited.max(urgency));
        if waited == Urgency::Answer && urgency < Urgency::Answer {
            self.job.absorb(newer);
        } else {
            let older = std::mem::replace(&mut self.job, newer);
            self.job.absorb(older);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Schedule<T> {
    pace: Pace,
    channels: HashMap<String, Channel<T>>,
    edits: HashMap<MessageRef, Edit<T>>,
    editing: HashSet<MessageRef>,
    edit_bucket: Bucket,
    edits_paused: Option<Instant>,
    waiting: usize,
    counter: u64,
}

impl<T: Absorb> Schedule<T> {
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            channels: HashMap::new(),
            edits: HashMap::new(),
            editing: HashSet::new(),
            edit_bucket: Bucket::full(pace.edits_per_minute / 60.0, pace.edit_burst, now),
            edits_paused: None,
            waiting: 0,
            counter: 0,
        }
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting == 0
            && self.editing.is_empty()
            && self.channels.values().all(|channel| !channel.under_way)
    }

    /// Queues a post.
    pub(crate) fn post(&mut self, channel: &str, urgency: Urgency, job: T, now: Instant) -> Result<(), Full> {
        if self.waiting >= self.pace.waiting {
            return Err(Full { everywhere: true });
        }
        let rank = self.rank(urgency, now);
        let limit = self.pace.waiting_per_channel;
        let channel = self.channel(channel, now);
        if channel.waiting.len() >= limit {
            return Err(Full { everywhere: false });
        }
        channel.waiting.insert(rank, job);
        self.waiting += 1;
        Ok(())
    }

    /// Queues an edit, or merges it with one that waits: the newer stands, but an end stands above a step. Returns
    /// whether it was merged.
    pub(crate) fn edit(
        &mut self,
        message: &MessageRef,
        urgency: Urgency,
        job: T,
        now: Instant,
    ) -> Result<bool, Full> {
        if let Some(waiting) = self.edits.get_mut(message) {
            waiting.merge(urgency, job);
            return Ok(true);
        }
        if self.waiting >= self.pace.waiting {
            return Err(Full { everywhere: true });
        }
        let rank = self.rank(urgency, now);
        self.edits.insert(message.clone(), Edit { rank, job });
        self.waiting += 1;
        Ok(false)
    }

    /// The most urgent job that may be sent now.
    pub(crate) fn next(&mut self, now: Instant) -> Next<T> {
        let mut soonest: Option<Instant> = None;
        let mut best: Option<(Rank, Target)> = None;
        let mut consider = |rank: Rank, at: Instant, target: &dyn Fn() -> Target| {
            if at > now {
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            } else if best.as_ref().is_none_or(|(other, _)| rank < *other) {
                best = Some((rank, target()));
            }
        };
        for (name, channel) in &mut self.channels {
            let Some((rank, _)) = channel.waiting.first_key_value() else {
                continue;
            };
            if channel.under_way {
                continue;
            }
            let at = channel
                .bucket
                .ready_at(0.0, now)
                .max(channel.paused.unwrap_or(now));
            consider(*rank, at, &|| Target::Channel(name.clone()));
        }
        let reserve = RESERVED * f64::from(self.pace.edit_burst);
        let paused = self.edits_paused.unwrap_or(now);
        let steps_at = self.edit_bucket.ready_at(reserve, now).max(paused);
        let ends_at = self.edit_bucket.ready_at(0.0, now).max(paused);
        for (message, edit) in &self.edits {
            if self.editing.contains(message) {
                continue;
            }
            let at = if edit.rank.0 == Reverse(Urgency::Answer) {
                ends_at
            } else {
                steps_at
            };
            consider(edit.rank, at, &|| Target::Message(message.clone()));
        }
        match best {
            Some((rank, target)) => self.start(rank, target, now),
            None => soonest.map_or(Next::Idle, Next::At),
        }
    }

    fn start(&mut self, rank: Rank, target: Target, now: Instant) -> Next<T> {
        let job = match &target {
            Target::Channel(name) => self.channels.get_mut(name).and_then(|channel| {
                channel.bucket.take(now);
                channel.under_way = true;
                channel.paused = None;
                channel.waiting.remove(&rank)
            }),
            Target::Message(message) => {
                self.edit_bucket.take(now);
                self.edits_paused = None;
                self.editing.insert(message.clone());
                self.edits.remove(message).map(|edit| edit.job)
            }
        };
        self.waiting -= 1;
        Next::Start(
            Ticket { rank, target },
            job.expect("the target was found among those that wait"),
        )
    }

    /// A job ended, well or not.
    pub(crate) fn finished(&mut self, ticket: &Ticket) {
        match &ticket.target {
            Target::Channel(name) => {
                if let Some(channel) = self.channels.get_mut(name) {
                    channel.under_way = false;
                }
            }
            Target::Message(message) => {
                self.editing.remove(message);
            }
        }
    }

    /// A job was refused for now: it goes back to its place, or into the newer edit of its message, and what it belongs
    /// to pauses.
    pub(crate) fn limited(&mut self, ticket: Ticket, job: T, pause: Duration, now: Instant) {
        self.finished(&ticket);
        let until = now + pause;
        match ticket.target {
            Target::Channel(name) => {
                let channel = self.channel(&name, now);
                channel.paused = Some(channel.paused.map_or(until, |other| other.max(until)));
                channel.bucket.drain(now);
                channel.waiting.insert(ticket.rank, job);
                self.waiting += 1;
            }
            Target::Message(message) => {
                self.edits_paused = Some(self.edits_paused.map_or(until, |other| other.max(until)));
                let refused = Edit {
                    rank: ticket.rank,
                    job,
                };
                let edit = match self.edits.remove(&message) {
                    Some(newer) => {
                        let (mut edit, Reverse(urgency)) = (refused, newer.rank.0);
                        edit.merge(urgency, newer.job);
                        edit
                    }
                    None => {
                        self.waiting += 1;
                        refused
                    }
                };
                self.edits.insert(message, edit);
            }
        }
    }

    /// Takes out all that waits and for which nobody waits, or simply all.
    pub(crate) fn clear(&mut self, cosmetic_only: bool) -> Vec<T> {
        let goes = |rank: &Rank| !cosmetic_only || rank.0 == Reverse(Urgency::Progress);
        let mut cleared = Vec::new();
        for channel in self.channels.values_mut() {
            cleared.extend(
                channel
                    .waiting
                    .extract_if(.., |rank, _| goes(rank))
                    .map(|(_, job)| job),
            );
        }
        cleared.extend(
            self.edits
                .extract_if(|_, edit| goes(&edit.rank))
                .map(|(_, edit)| edit.job),
        );
        self.waiting -= cleared.len();
        cleared
    }

    fn rank(&mut self, urgency: Urgency, now: Instant) -> Rank {
        self.counter += 1;
        if self.counter.is_multiple_of(SWEEP_EVERY) {
            self.channels.retain(|_, channel| {
                channel.under_way
                    || !channel.waiting.is_empty()
                    || !channel.bucket.is_full(now)
                    || channel.paused.is_some_and(|until| until > now)
            });
        }
        (Reverse(urgency), self.counter)
    }

    fn channel(&mut self, name: &str, now: Instant) -> &mut Channel<T> {
        self.channels.entry(name.to_owned()).or_insert_with(|| Channel {
            waiting: BTreeMap::new(),
            bucket: Bucket::full(self.pace.posts_per_second, self.pace.post_burst, now),
            under_way: false,
            paused: None,
        })
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
