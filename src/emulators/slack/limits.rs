//! Rate limits: Slack's tiers when strict, and limits a test asks for.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// How often a method may be called, per workspace and minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    One,
    Two,
    Three,
    Four,
    Special,
}

impl Tier {
    /// Calls per minute. Tier 1 is "1+" with bursts tolerated; ten lets an app open all its sockets.
    const fn per_minute(self) -> usize {
        match self {
            Tier::One => 10,
            Tier::Two => 20,
            Tier::Three => 50,
            Tier::Four => 100,
            Tier::Special => 600,
        }
    }
}

/// A 429: whole seconds to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) retry_after: u64,
}

/// How many posts a channel takes at once before one a second is enforced.
const POST_BURST: f64 = 4.0;

#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) strict: bool,
    calls: HashMap<&'static str, VecDeque<Instant>>,
    posts: HashMap<String, Bucket>,
    ordered: HashMap<String, VecDeque<Option<u64>>>,
    events: Option<EventHour>,
}

/// What happened to an event in the hour it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Delivered,
    /// Dropped, and the app has to be told for this minute.
    FirstDroppedOfMinute,
    Dropped,
}

#[derive(Debug)]
struct EventHour {
    since: Instant,
    count: u32,
    told: Option<Instant>,
}

/// Deliveries per workspace, app and hour (docs.slack.dev, Events API).
const EVENTS_PER_HOUR: u32 = 30_000;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            strict,
            ..Self::default()
        }
    }

    /// The next `times` calls of `method` are answered 429.
    pub(crate) fn order(&mut self, method: &str, retry_after: Option<u64>, times: u32) {
        let queue = self.ordered.entry(method.to_owned()).or_default();
        queue.extend((0..times).map(|_| retry_after));
    }

    /// A limit a test asked for: `Some(None)` is a 429 without `Retry-After`.
    pub(crate) fn take_ordered(&mut self, method: &str) -> Option<Option<u64>> {
        self.ordered.get_mut(method)?.pop_front()
    }

    /// Counts a call of `method`.
    pub(crate) fn check(&mut self, method: &'static str, tier: Tier, now: Instant) -> Result<(), Limited> {
        if !self.strict {
            return Ok(());
        }
        let window = Duration::from_secs(60);
        let calls = self.calls.entry(method).or_default();
        while calls.front().is_some_and(|at| now.duration_since(*at) >= window) {
            calls.pop_front();
        }
        if calls.len() < tier.per_minute() {
            calls.push_back(now);
            return Ok(());
        }
        let wait = calls
            .front()
            .map_or(window, |first| window.saturating_sub(now.duration_since(*first)));
        Err(Limited {
            retry_after: whole_seconds(wait),
        })
    }

    /// Counts an event; beyond 30,000 an hour they are dropped, and the app is told once a minute.
    pub(crate) fn check_event(&mut self, now: Instant) -> Event {
        if !self.strict {
            return Event::Delivered;
        }
        let hour = self.events.get_or_insert(EventHour {
            since: now,
            count: 0,
            told: None,
        });
        if now.duration_since(hour.since) >= Duration::from_secs(3600) {
            *hour = EventHour {
                since: now,
                count: 0,
                told: None,
            };
        }
        hour.count += 1;
        if hour.count <= EVENTS_PER_HOUR {
            Event::Delivered
        } else if hour
            .told
            .is_none_or(|told| now.duration_since(told) >= Duration::from_secs(60))
        {
            hour.told = Some(now);
            Event::FirstDroppedOfMinute
        } else {
            Event::Dropped
        }
    }

    /// Counts a post into `channel`: one a second, with a short burst.
    pub(crate) fn check_post(&mut self, channel: &str, now: Instant) -> Result<(), Limited> {
        if !self.strict {
            return Ok(());
        }
        let bucket = self.posts.entry(channel.to_owned()).or_insert(Bucket {
            tokens: POST_BURST,
            at: now,
        });
        bucket.tokens = (bucket.tokens + now.duration_since(bucket.at).as_secs_f64()).min(POST_BURST);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Limited {
                retry_after: whole_seconds(Duration::from_secs_f64(1.0 - bucket.tokens)),
            });
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1000)
        .max(1)
        .try_into()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_a_sliding_minute() {
        let mut limits = Limits {
            strict: true,
            ..Limits::default()
        };
        let start = Instant::now();
        for n in 0..20 {
            assert_eq!(
                limits.check("users.list", Tier::Two, start + Duration::from_secs(n)),
                Ok(())
            );
        }
        let at = start + Duration::from_secs(30);
        assert_eq!(
            limits.check("users.list", Tier::Two, at),
            Err(Limited { retry_after: 30 })
        );
        assert_eq!(
            limits.check("users.info", Tier::Four, at),
            Ok(()),
            "other methods are not affected"
        );
        assert_eq!(
            limits.check("users.list", Tier::Two, start + Duration::from_secs(60)),
            Ok(())
        );
    }

    #[test]
    fn posts_are_one_a_second_in_each_channel() {
        let mut limits = Limits {
            strict: true,
            ..Limits::default()
        };
        let start = Instant::now();
        let posted = (0..10).filter(|_| limits.check_post("C1", start).is_ok()).count();
        assert_eq!(posted, 4);
        assert_eq!(limits.check_post("C1", start), Err(Limited { retry_after: 1 }));
        assert_eq!(limits.check_post("C2", start), Ok(()));
        assert_eq!(limits.check_post("C1", start + Duration::from_secs(1)), Ok(()));
        assert!(limits.check_post("C1", start + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn events_are_bounded_by_the_hour() {
        let mut limits = Limits::new(true);
        let start = Instant::now();
        assert!((0..EVENTS_PER_HOUR).all(|_| limits.check_event(start) == Event::Delivered));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limits.check_event(at(1)), Event::FirstDroppedOfMinute);
        assert_eq!(limits.check_event(at(2)), Event::Dropped);
        assert_eq!(limits.check_event(at(61)), Event::FirstDroppedOfMinute);
        assert_eq!(limits.check_event(at(3600)), Event::Delivered);
    }

    #[test]
    fn ordered_limits_run_out() {
        let mut limits = Limits::default();
        limits.order("chat.postMessage", Some(3), 2);
        limits.order("chat.postMessage", None, 1);
        assert_eq!(limits.take_ordered("chat.postMessage"), Some(Some(3)));
        assert_eq!(limits.take_ordered("chat.postMessage"), Some(Some(3)));
        assert_eq!(limits.take_ordered("chat.postMessage"), Some(None));
        assert_eq!(limits.take_ordered("chat.postMessage"), None);
    }
}
