//! Purpose: how a gate is configured, checked when it is read.

use super::{
    bound::{Bound, BoundError, Comparison},
    fill::{self, FillError},
};
use crate::duration;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// It is a good one: no traffic, no errors.
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
            let upper = self.bound.comparison().is_upper();
            if !(slack.is_finite() && slack >= 0.0) {
                return Err(wrong("baseline.slack", "has to be 0 or more"));
            }
            if upper && !(factor.is_finite() && factor >= 1.0) {
                return Err(wrong(
                    "baseline.factor",
                    "has to be 1 or more where smaller values are better",
                ));
            }
            if !upper && !(factor > 0.0 && factor <= 1.0) {
                return Err(wrong(
                    "baseline.factor",
                    "has to be above 0 and at most 1 where larger values are better",
                ));
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

/// As it stands in a file, where a bound can be written in three ways.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
    #[serde(default = "half_a_minute", with = "duration::text")]
    interval: Duration,
    #[serde(default = "five")]
    count: u32,
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    on_no_data: OnNoData,
    #[serde(default = "half_an_hour", with = "duration::text")]
    patience: Duration,
    #[serde(default = "three")]
    errors: u32,
    #[serde(default = "half_a_minute", with = "duration::text")]
    initial_delay: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reduce: Option<Reduce>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

impl TryFrom<Written> for GateConfig {
    type Error = GateConfigError;

    fn try_from(written: Written) -> Result<Self, GateConfigError> {
        let limited = |comparison, limit| {
            Bound::new(comparison, limit).ok_or_else(|| GateConfigError::Value {
                name: written.name.clone(),
                key: "the bound",
                why: "has to be a finite number",
            })
        };
        let bound = match (written.below, written.above, &written.bound) {
            (Some(limit), None, None) => limited(Comparison::Below, limit)?,
            (None, Some(limit), None) => limited(Comparison::Above, limit)?,
            (None, None, Some(text)) => text.parse().map_err(|why| GateConfigError::Bound {
                name: written.name.clone(),
                why,
            })?,
            _ => return Err(GateConfigError::OneBound { name: written.name }),
        };
        Self {
            name: written.name,
            query: written.query,
            bound,
            interval: written.interval,
            count: written.count,
            failures: written.failures,
            on_no_data: written.on_no_data,
            patience: written.patience,
            errors: written.errors,
            initial_delay: written.initial_delay,
            reduce: written.reduce,
            baseline: written.baseline,
        }
        .check()
    }
}

impl From<GateConfig> for Written {
    fn from(config: GateConfig) -> Self {
        Self {
            name: config.name,
            query: config.query,
            below: None,
            above: None,
            bound: Some(config.bound.into()),
            interval: config.interval,
            count: config.count,
            failures: config.failures,
            on_no_data: config.on_no_data,
            patience: config.patience,
            errors: config.errors,
            initial_delay: config.initial_delay,
            reduce: config.reduce,
            baseline: config.baseline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(more: Value) -> Result<GateConfig, String> {
        let mut written = json!({ "name": "errors", "query": "up{service=\"{{service}}\"}" });
        for (key, value) in more.as_object().unwrap() {
            written[key] = value.clone();
        }
        serde_json::from_value(written).map_err(|error| error.to_string())
    }

    #[test]
    fn three_ways_to_write_a_bound() {
        for (written, bound) in [
            (json!({ "below": 0.01 }), "< 0.01"),
            (json!({ "above": 100 }), "> 100"),
            (json!({ "bound": "<= 0.01" }), "<= 0.01"),
        ] {
            assert_eq!(read(written).unwrap().bound.to_string(), bound);
        }
        for written in [
            json!({}),
            json!({ "below": 1, "above": 0 }),
            json!({ "below": 1, "bound": "< 1" }),
        ] {
            assert!(read(written).unwrap_err().contains("needs exactly one of"));
        }
    }

    #[test]
    fn the_defaults() {
        let config = read(json!({ "below": 1 })).unwrap();
        let expected = GateConfig::new("errors", "up{service=\"{{service}}\"}", "< 1".parse().unwrap());
        assert_eq!(config, expected);
        assert_eq!(
            (config.on_no_data, config.count, config.failures),
            (OnNoData::Ask, 5, 0)
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        for (written, word) in [
            (json!({ "name": " " }), "a name"),
            (json!({ "query": "" }), "query is empty"),
            (json!({ "query": "up{a=\"{{servcie}}\"}" }), "{{servcie}}"),
            (json!({ "interval": "100ms" }), "interval"),
            (json!({ "interval": "soon" }), "not a duration"),
            (json!({ "count": 0 }), "count"),
            (json!({ "count": 2, "failures": 2 }), "failures"),
            (json!({ "on_no_data": "ignore" }), "unknown variant"),
            (json!({ "intervall": "1s" }), "unknown field `intervall`"),
            (json!({ "baseline": { "factor": 0.5 } }), "baseline.factor"),
            (
                json!({ "baseline": { "factor": 2, "slack": -1 } }),
                "baseline.slack",
            ),
            (json!({ "baseline": { "factor": 2, "slak": 1 } }), "unknown field"),
        ] {
            let mut all = json!({ "below": 1 });
            all.as_object_mut()
                .unwrap()
                .extend(written.as_object().unwrap().clone());
            let error = read(all).unwrap_err();
            assert!(error.contains(word), "{written}: {error}");
        }
        assert!(read(json!({ "above": 1, "baseline": { "factor": 1.5 } })).is_err());
        assert!(
            read(json!({ "bound": "about 1" }))
                .unwrap_err()
                .contains("not a bound")
        );
    }

    #[test]
    fn before_the_deploy_makes_it_stricter_and_never_laxer() {
        let upper = read(json!({ "below": 10, "baseline": { "factor": 2, "slack": 1 } })).unwrap();
        let limit = |config: &GateConfig, before| config.bound_after(before).limit();
        assert_eq!(limit(&upper, None), 10.0);
        assert_eq!(limit(&upper, Some(3.0)), 7.0);
        assert_eq!(limit(&upper, Some(0.0)), 1.0);
        assert_eq!(limit(&upper, Some(8.0)), 10.0);
        assert_eq!(limit(&upper, Some(-4.0)), 1.0);
        let lower = read(json!({ "above": 100, "baseline": { "factor": 0.5 } })).unwrap();
        assert_eq!(limit(&lower, Some(300.0)), 150.0);
        assert_eq!(limit(&lower, Some(120.0)), 100.0);
        assert_eq!(limit(&read(json!({ "below": 10 })).unwrap(), Some(1.0)), 10.0);
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = read(json!({
            "below": 1, "interval": "1m30s", "count": 7, "failures": 2, "on_no_data": "wait", "patience": "1h",
            "errors": 9, "initial_delay": "0s", "reduce": "max", "baseline": { "factor": 1.5, "slack": 0.1 },
        }))
        .unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<GateConfig>(&text).unwrap(),
            config,
            "{text}"
        );
    }
}
