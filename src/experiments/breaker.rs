//! Stops a candidate that keeps failing, is slow, or takes more time than it may. A pure machine over a clock that its
//! caller brings, and one lock around it.

use crate::outcome::Kind;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// When a candidate is stopped, and for how long.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// This many panics or timeouts in a row; 0 is never. Default: 5.
    pub failures: u32,
    /// This many slow runs in a row; 0 is never. Default: 20.
    pub slow_runs: u32,
    /// What is slow: longer than this. Default: nothing.
    pub slow: Option<Duration>,
    /// What is slow, too: longer than the control by this factor. Default: nothing.
    pub slow_factor: Option<f64>,
    /// How much time all of a candidate's runs may take in each minute, in this process, added up. Once it is used up, the
    /// candidate rests until the minute is over. Default: as much as it likes.
    pub budget: Option<Duration>,
    /// How long it stays stopped before one run tries it again. Default: 30 s.
    pub rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failures: 5,
            slow_runs: 20,
            slow: None,
            slow_factor: None,
            budget: None,
            rest: Duration::from_secs(30),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Failures(u32),
    Slow(u32),
    Budget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Closed,
    Open {
        until: Instant,
        why: Why,
    },
    /// One run is trying since then; nobody else may.
    Trying {
        since: Instant,
        why: Why,
    },
}

#[derive(Debug)]
struct Machine {
    gate: Gate,
    failures: u32,
    slow: u32,
    minute: Option<Instant>,
    used: Duration,
}

/// One candidate's breaker.
#[derive(Debug)]
pub(crate) struct Breaker {
    limits: Limits,
    machine: Mutex<Machine>,
}

impl Breaker {
    pub(crate) fn new(limits: Limits) -> Self {
        let machine = Machine {
            gate: Gate::Closed,
            failures: 0,
            slow: 0,
            minute: None,
            used: Duration::ZERO,
        };
        Self {
            limits,
            machine: Mutex::new(machine),
        }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // Nothing inside can panic; and a state is a state.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may run now. Who is allowed has to say how it went, by [`Breaker::record`].
    pub(crate) fn allow(&self, now: Instant) -> bool {
        let mut machine = self.machine();
        match machine.gate {
            Gate::Closed => true,
            Gate::Open { until, why } if now >= until => {
                machine.gate = Gate::Trying { since: now, why };
                true
            }
            // Whoever tried was lost: a runtime that stopped. Another one tries.
            Gate::Trying { since, why } if now >= since + self.limits.rest => {
                machine.gate = Gate::Trying { since: now, why };
                true
            }
            Gate::Open { .. } | Gate::Trying { .. } => false,
        }
    }

    /// How a run went. Whether it was stopped by that.
    pub(crate) fn record(&self, now: Instant, kind: Kind, took: Option<Duration>, control: Duration) -> bool {
        let limits = &self.limits;
        let mut machine = self.machine();
        match kind {
            Kind::Panic | Kind::Timeout => machine.failures += 1,
            // Says nothing: a trial goes on with the next.
            Kind::Shed => return false,
            Kind::Cancelled => {
                if let Gate::Trying { why, .. } = machine.gate {
                    machine.gate = Gate::Open { until: now, why };
                }
                return false;
            }
            _ => machine.failures = 0,
        }
        let slow = took.is_some_and(|took| {
            limits.slow.is_some_and(|slow| took > slow)
                || limits
                    .slow_factor
                    .is_some_and(|factor| took.as_secs_f64() > control.as_secs_f64() * factor)
        });
        machine.slow = if slow { machine.slow + 1 } else { 0 };
        if machine
            .minute
            .is_none_or(|minute| now.saturating_duration_since(minute) >= MINUTE)
        {
            machine.minute = Some(now);
            machine.used = Duration::ZERO;
        }
        machine.used = machine.used.saturating_add(took.unwrap_or_default());

        let trying = matches!(machine.gate, Gate::Trying { .. });
        let reached = |count: u32, limit: u32| limit > 0 && (count >= limit || trying && count > 0);
        let rest = now + limits.rest;
        let open = if reached(machine.failures, limits.failures) {
            Some((rest, Why::Failures(machine.failures)))
        } else if reached(machine.slow, limits.slow_runs) {
            Some((rest, Why::Slow(machine.slow)))
        } else if limits.budget.is_some_and(|budget| machine.used > budget) {
            Some((machine.minute.unwrap_or(now) + MINUTE, Why::Budget))
        } else {
            None
        };
        let was_closed = machine.gate == Gate::Closed;
        machine.gate = match open {
            Some((until, why)) => Gate::Open { until, why },
            // What began before it was opened does not close it: only the one that tries does.
            None if matches!(machine.gate, Gate::Open { .. }) => machine.gate,
            None => Gate::Closed,
        };
        was_closed && open.is_some()
    }

    /// Why it is open, for people; `None` when it is closed.
    pub(crate) fn open(&self) -> Option<String> {
        match self.machine().gate {
            Gate::Closed => None,
            Gate::Open { why, .. } | Gate::Trying { why, .. } => Some(match why {
                Why::Failures(1) => "it panicked, or timed out".to_owned(),
                Why::Failures(count) => format!("{count} panics or timeouts in a row"),
                Why::Slow(1) => "it was slow".to_owned(),
                Why::Slow(count) => format!("{count} slow runs in a row"),
                Why::Budget => "it used up its time of this minute".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker(change: impl FnOnce(&mut Limits)) -> (Breaker, Instant) {
        let mut limits = Limits::default();
        change(&mut limits);
        (Breaker::new(limits), Instant::now())
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_good_trial_closes_it() {
        let (breaker, start) = breaker(|limits| limits.failures = 3);
        assert!(!breaker.record(start, Kind::Panic, None, SECOND));
        assert!(!breaker.record(start, Kind::Match, None, SECOND));
        assert!(!breaker.record(start, Kind::Timeout, None, SECOND));
        assert!(!breaker.record(start, Kind::Panic, None, SECOND));
        assert!(
            breaker.record(start, Kind::Panic, None, SECOND),
            "the third in a row"
        );
        assert!(!breaker.allow(start + 29 * SECOND));
        assert_eq!(breaker.open().unwrap(), "3 panics or timeouts in a row");
        let later = start + 30 * SECOND;
        assert!(breaker.allow(later) && !breaker.allow(later), "one tries");
        breaker.record(later, Kind::Match, None, SECOND);
        assert!(breaker.allow(later) && breaker.open().is_none());
    }

    #[test]
    fn a_failed_trial_opens_it_at_once() {
        let (breaker, start) = breaker(|limits| limits.failures = 3);
        for _ in 0..3 {
            breaker.record(start, Kind::Panic, None, SECOND);
        }
        let later = start + 30 * SECOND;
        assert!(breaker.allow(later));
        breaker.record(later, Kind::Panic, None, SECOND);
        assert!(!breaker.allow(later + 29 * SECOND) && breaker.allow(later + 30 * SECOND));
    }

    #[test]
    fn slowness_is_absolute_or_relative() {
        let (absolute, start) = breaker(|limits| (limits.slow_runs, limits.slow) = (2, Some(SECOND)));
        absolute.record(start, Kind::Match, Some(2 * SECOND), SECOND);
        assert!(absolute.record(start, Kind::Mismatch, Some(2 * SECOND), SECOND));
        let (relative, start) = breaker(|limits| (limits.slow_runs, limits.slow_factor) = (2, Some(3.0)));
        relative.record(start, Kind::Match, Some(4 * SECOND), SECOND);
        relative.record(start, Kind::Match, Some(3 * SECOND), SECOND);
        relative.record(start, Kind::Match, Some(4 * SECOND), SECOND);
        assert!(relative.allow(start));
        assert!(relative.record(start, Kind::Match, Some(4 * SECOND), SECOND));
    }

    #[test]
    fn a_budget_is_per_minute() {
        let (breaker, start) = breaker(|limits| limits.budget = Some(3 * SECOND));
        breaker.record(start, Kind::Match, Some(3 * SECOND), SECOND);
        assert!(breaker.allow(start));
        assert!(breaker.record(start + SECOND, Kind::Match, Some(SECOND), SECOND));
        assert!(!breaker.allow(start + 59 * SECOND));
        assert!(breaker.allow(start + MINUTE));
        breaker.record(start + MINUTE, Kind::Match, Some(SECOND), SECOND);
        assert!(breaker.allow(start + MINUTE));
    }

    proptest! {
        /// However runs go, it is never shut for longer than its rest and a minute, so that a candidate that was mended
        /// comes back by itself; and while open, at most one run per rest gets through.
        #[test]
        fn it_always_comes_back(kinds in proptest::collection::vec((0usize..9, 0u64..90), 0..60)) {
            let (breaker, start) = breaker(|limits| (limits.failures, limits.budget) = (2, Some(5 * SECOND)));
            let mut now = start;
            for (kind, wait) in kinds {
                now += Duration::from_secs(wait);
                if breaker.allow(now) {
                    breaker.record(now, Kind::ALL[kind], Some(SECOND), SECOND);
                }
            }
            let later = now + MINUTE + breaker.limits.rest;
            prop_assert!(breaker.allow(later));
            breaker.record(later, Kind::Match, Some(SECOND), SECOND);
            prop_assert!(breaker.allow(later) && breaker.open().is_none());
        }
    }
}
