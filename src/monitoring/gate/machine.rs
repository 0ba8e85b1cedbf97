//! Purpose: deciding over the samples of a gate. Pure, and serialisable, so that it goes on after a crash.

use super::{Bound, Fault, GateConfig, NoData, OnNoData, Outcome, Unclear};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A gate while it is being passed: its configuration and what has been seen.
///
/// A sample before [`next_at`](Self::next_at) changes nothing, so that one which was written down and is fed again
/// after a crash does not count twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    config: GateConfig,
    before: Option<f64>,
    next_at: Timestamp,
    #[serde(default)]
    seen: Seen,
    #[serde(default)]
    end: Option<End>,
}

/// What has been seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    passed: u32,
    failed: u32,
    /// Of both, how many had no data.
    without_data: u32,
    /// The value nearest to the bound, or farthest beyond it.
    worst: Option<f64>,
    errors_in_a_row: u32,
    /// Since when the samples have been unclear.
    unclear_since: Option<Timestamp>,
    /// Why the last sample was unclear, if it was.
    unclear: Option<Unclear>,
    /// Whether somebody is being asked about it.
    asking: bool,
    /// Somebody said to wait until then.
    patient_until: Option<Timestamp>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Passed { by_person: bool },
    Failed { at: Timestamp, why: Failure },
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Take the next sample then.
    Waiting {
        /// When.
        next_at: Timestamp,
        /// How many were good so far.
        passed: u32,
        /// How many were bad so far.
        failed: u32,
        /// How many have to be taken in all.
        count: u32,
        /// Why the last one counted for nothing, if it did.
        unclear: Option<Unclear>,
    },
    /// A person has to decide, see [`Gate::answer`]. Samples are to be taken all the same: data that comes takes the
    /// question back.
    Asking {
        /// When to take the next one.
        next_at: Timestamp,
        /// What is unclear.
        why: Unclear,
        /// Since when.
        since: Timestamp,
    },
    /// It is passed.
    Passed {
        /// How many samples were good.
        passed: u32,
        /// How many were bad, within what is allowed.
        failed: u32,
        /// How many of both had no data.
        without_data: u32,
        /// The worst value, if there was any.
        worst: Option<f64>,
        /// Whether a person decided it, in want of data.
        by_person: bool,
    },
    /// It is not.
    Failed {
        /// When it was decided.
        at: Timestamp,
        /// What decided it.
        why: Failure,
        /// How many samples were bad.
        failed: u32,
        /// How many bad ones are allowed.
        allowed: u32,
    },
}

impl Verdict {
    /// Whether it will not change any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Passed { .. } | Self::Failed { .. })
    }
}

/// What decided against a deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum Failure {
    /// A value.
    Value {
        /// The value.
        value: f64,
        /// What would have been good.
        bound: Bound,
    },
    /// No data, where that counts as bad.
    NoData {
        /// Why there was none.
        why: NoData,
    },
    /// A person, in want of data.
    Person {
        /// What was unclear.
        unclear: Unclear,
    },
}

/// What a person says when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Let it through.
    Pass,
    /// Stop it.
    Fail,
    /// Ask again only when the gate's patience is at its end.
    Wait,
}

impl Gate {
    /// A gate for a deploy that began then.
    #[must_use]
    pub fn new(config: GateConfig, began: Timestamp) -> Self {
        Self {
            next_at: after(began, config.initial_delay),
            config,
            before: None,
            seen: Seen::default(),
            end: None,
        }
    }

    /// The same with the value from before the deploy, for a gate with a baseline.
    #[must_use]
    pub fn with_before(mut self, value: Option<f64>) -> Self {
        self.before = value.filter(|value| value.is_finite());
        self
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &GateConfig {
        &self.config
    }

    /// What samples are judged by: the configured bound, or the baseline's where that is stricter.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.config.bound_after(self.before)
    }

    /// When the next sample is to be taken.
    #[must_use]
    pub fn next_at(&self) -> Timestamp {
        self.next_at
    }

    /// Takes in what a sample says, and decides.
    pub fn feed(&mut self, at: Timestamp, outcome: &Outcome) -> Verdict {
        if self.end.is_some() || at < self.next_at {
            return self.verdict();
        }
        self.next_at = after(at, self.config.interval);
        match outcome {
            Outcome::Pass { value } => {
                self.clear(*value);
                self.good();
            }
            Outcome::Fail { value, bound } => {
                self.clear(*value);
                self.bad(at, || Failure::Value {
                    value: *value,
                    bound: *bound,
                });
            }
            Outcome::NoData { why } => {
                self.seen.errors_in_a_row = 0;
                match self.config.on_no_data {
                    OnNoData::Pass if why.is_silence() => {
                        self.counted_without_data();
                        self.good();
                    }
                    OnNoData::Fail => {
                        self.counted_without_data();
                        self.bad(at, || Failure::NoData { why: *why });
                    }
                    OnNoData::Wait => {
                        let since = self.seen.unclear_since.unwrap_or(at);
                        self.unclear(
                            at,
                            Unclear::NoData(*why),
                            at >= after(since, self.config.patience),
                        );
                    }
                    OnNoData::Pass | OnNoData::Ask => self.unclear(at, Unclear::NoData(*why), true),
                }
            }
            Outcome::Error { why, fault } => {
                self.seen.errors_in_a_row = self.seen.errors_in_a_row.saturating_add(1);
                let hiccup = *fault == Fault::Server && self.seen.errors_in_a_row <= self.config.errors;
                self.unclear(at, Unclear::Error(why.clone()), !hiccup);
            }
        }
        self.verdict()
    }

    /// Takes in what a person says. It counts only while they are asked: a value that was measured is not argued with
    /// here, that is for whoever may override a gate as a whole.
    pub fn answer(&mut self, at: Timestamp, answer: Answer) -> Verdict {
        let asked = self.end.is_none() && self.seen.asking;
        if let Some(unclear) = self.seen.unclear.clone().filter(|_| asked) {
            match answer {
                Answer::Pass => self.end = Some(End::Passed { by_person: true }),
                Answer::Fail => {
                    let why = Failure::Person { unclear };
                    self.end = Some(End::Failed { at, why });
                }
                Answer::Wait => {
                    self.seen.asking = false;
                    self.seen.patient_until = Some(after(at, self.config.patience));
                }
            }
        }
        self.verdict()
    }

    /// How it stands.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let seen = &self.seen;
        match (&self.end, &seen.unclear) {
            (Some(End::Passed { by_person }), _) => Verdict::Passed {
                passed: seen.passed,
                failed: seen.failed,
                without_data: seen.without_data,
                worst: seen.worst,
                by_person: *by_person,
            },
            (Some(End::Failed { at, why }), _) => Verdict::Failed {
                at: *at,
                why: why.clone(),
                failed: seen.failed,
                allowed: self.config.failures,
            },
            (None, Some(why)) if seen.asking => Verdict::Asking {
                next_at: self.next_at,
                why: why.clone(),
                since: seen.unclear_since.unwrap_or(self.next_at),
            },
            (None, unclear) => Verdict::Waiting {
                next_at: self.next_at,
                passed: seen.passed,
                failed: seen.failed,
                count: self.config.count,
                unclear: unclear.clone(),
            },
        }
    }

    /// There was a value, so nothing is unclear any more.
    fn clear(&mut self, value: f64) {
        let worst = self
            .seen
            .worst
            .map_or(value, |worst| self.config.bound.worse(worst, value));
        self.seen.worst = Some(worst);
        self.settled();
    }

    fn counted_without_data(&mut self) {
        self.seen.without_data += 1;
        self.settled();
    }

    fn settled(&mut self) {
        self.seen.errors_in_a_row = 0;
        self.seen.unclear_since = None;
        self.seen.unclear = None;
        self.seen.asking = false;
        self.seen.patient_until = None;
    }

    fn unclear(&mut self, at: Timestamp, why: Unclear, ask: bool) {
        self.seen.unclear_since.get_or_insert(at);
        self.seen.unclear = Some(why);
        let patient = self.seen.patient_until.is_some_and(|until| at < until);
        // A question stays until it is answered, or until there is a value.
        self.seen.asking |= ask && !patient;
    }

    fn good(&mut self) {
        self.seen.passed += 1;
        self.enough();
    }

    fn bad(&mut self, at: Timestamp, why: impl FnOnce() -> Failure) {
        self.seen.failed += 1;
        if self.seen.failed > self.config.failures {
            self.end = Some(End::Failed { at, why: why() });
        } else {
            self.enough();
        }
    }

    fn enough(&mut self) {
        if self.seen.passed + self.seen.failed >= self.config.count {
            self.end = Some(End::Passed { by_person: false });
        }
    }
}

/// The moment so much later; the end of time when there is none.
fn after(at: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay)
        .ok()
        .and_then(|delay| at.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
