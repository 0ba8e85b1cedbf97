//! Purpose: how a gate is configured, checked when it is read.

mod several;
mod written;

pub use several::Gates;

use super::{
    bound::{Bound, BoundError},
    fill::{self, FillError},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use written::Written;

/// A metric that a deploy must stay within.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
#[non_exhaustive]
pub struct GateConfig {
    /// What it is called, as people read it: `error rate`.
    pub name: String,
    /// What is asked, in PromQL, with `{{service}}`, `{{env}}`, `{{version}}` and `{{since}}` to be filled in. One value
    /// has to come out, unless [`reduce`](Self::reduce) makes one of several.
    pub query: String,
    /// What is good.
    pub bound: Bound,
    /// How long from one sample to the next.
    pub interval: Duration,
    /// How many samples have to be taken for it to pass.
    pub count: u32,
    /// How many of them may be bad.
    pub failures: u32,
    /// What a sample without data means.
    pub on_no_data: OnNoData,
    /// How long no data is waited for, with [`OnNoData::Wait`] or when a person said so, before somebody is asked.
    pub patience: Duration,
    /// How many errors in a row are taken for a hiccup of Prometheus, before somebody is asked.
    pub errors: u32,
    /// How long from the deploy to the first sample: at least two scrapes, else it would be about the time before.
    pub initial_delay: Duration,
    /// How one value is made of several samples.
    pub reduce: Option<Reduce>,
    /// How much worse than before the deploy it may become.
    pub baseline: Option<Baseline>,
}

/// What a sample without data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNoData {
    /// It is a bad one.
    Fail,
    /// It is a good one: no traffic, no errors. An infinite value and several series are asked about all the same,
    /// see [`NoData::is_silence`](super::NoData::is_silence).
    Pass,
    /// It does not count; the gate waits until there is data.
    Wait,
    /// A person decides. Until they do, the gate goes on asking, and takes the question back when data comes.
    #[default]
    Ask,
}

/// How one value is made of several samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduce {
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// All together.
    Sum,
    /// The mean.
    Avg,
}

/// How much worse than before the deploy a value may become. The bound holds beside it: the stricter one counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// By which factor: 1.5 allows half as much again. Where larger values are better, it is 1 or less: 0.9 allows a
    /// tenth less.
    pub factor: f64,
    /// How much more is allowed on top, so that next to nothing twice is no alarm.
    #[serde(default)]
    pub slack: f64,
}

/// Why a gate cannot work as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateConfigError {
    /// It has no name, or a very long one.
    #[error("a gate needs a name of 1 to 80 characters in one line")]
    Name,
    /// None of the three ways to write a bound, or more than one.
    #[error("the gate `{name}` needs exactly one of `below = 0.01`, `above = 100` and `bound = \"<= 0.01\"`")]
    OneBound {
        /// The gate.
        name: String,
    },
    /// The bound is none.
    #[error("the gate `{name}`: {why}")]
    Bound {
        /// The gate.
        name: String,
        /// Why.
        why: BoundError,
    },
    /// The query cannot be filled in.
    #[error("the gate `{name}`: {why}")]
    Query {
        /// The gate.
        name: String,
        /// Why.
        why: FillError,
    },
    /// A value is out of its range.
    #[error("the gate `{name}`: {key} {why}")]
    Value {
        /// The gate.
        name: String,
        /// The key.
        key: &'static str,
        /// What it has to be.
        why: &'static str,
    },
}

impl GateConfig {
    /// A gate with the defaults of everything else: 5 good samples, one each 30 s, the first after 30 s.
    #[must_use]
    pub fn new(name: impl Into<String>, query: impl Into<String>, bound: Bound) -> Self {
        Self {
            name: name.into(),
            query: query.into(),
            bound,
            interval: half_a_minute(),
            count: five(),
            failures: 0,
            on_no_data: OnNoData::default(),
            patience: half_an_hour(),
            errors: three(),
            initial_delay: half_a_minute(),
            reduce: None,
            baseline: None,
        }
    }

    /// The bound that counts, given the value from before the deploy. Without one, only the configured bound does.
    #[must_use]
    pub fn bound_after(&self, before: Option<f64>) -> Bound {
        match (self.baseline, before) {
            (Some(Baseline { factor, slack }), Some(before)) => {
                // The factor widens in the direction of worse also where values are negative.
                let room = before.abs() * (factor - 1.0).abs() + slack;
                let upper = self.bound.comparison().is_upper();
                self.bound
                    .tightened(if upper { before + room } else { before - room })
            }
            _ => self.bound,
        }
    }

    fn check(self) -> Result<Self, GateConfigError> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err(GateConfigError::Name);
        }
        let wrong = |key, why| GateConfigError::Value {
            name: self.name.clone(),
            key,
            why,
        };
        if self.query.trim().is_empty() {
            return Err(wrong("query", "is empty"));
        }
        fill::check(&self.query).map_err(|why| GateConfigError::Query {
            name: self.name.clone(),
            why,
        })?;
        if self.interval < Duration::from_secs(1) {
            return Err(wrong("interval", "has to be at least 1s"));
        }
        if self.count == 0 {
            return Err(wrong("count", "has to be at least 1"));
        }
        if self.failures >= self.count {
            return Err(wrong(
                "failures",
                "has to be less than count, else it could never fail",
            ));
        }
        if let Some(Baseline { factor, slack }) = self.baseline {
            if !(slack.is_finite() && slack >= 0.0) {
                return Err(wrong("baseline.slack", "has to be 0 or more"));
            }
            let (allowed, why) = if self.bound.comparison().is_upper() {
                (
                    1.0..=f64::MAX,
                    "has to be 1 or more where smaller values are better",
                )
            } else {
                (
                    f64::MIN_POSITIVE..=1.0,
                    "has to be above 0 and at most 1 where larger values are better",
                )
            };
            if !allowed.contains(&factor) {
                return Err(wrong("baseline.factor", why));
            }
        }
        Ok(self)
    }
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn half_an_hour() -> Duration {
    Duration::from_secs(30 * 60)
}

fn five() -> u32 {
    5
}

fn three() -> u32 {
    3
}

#[cfg(test)]
mod tests;
