//! Purpose: from Prometheus' answer to what a sample says.

use super::{Bound, Reduce};
use crate::{
    Answer, Error,
    answer::{Data, Sample},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What one sample says. Values are always finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is good.
    Pass {
        /// The value.
        value: f64,
    },
    /// It is bad.
    Fail {
        /// The value.
        value: f64,
        /// What would have been good.
        bound: Bound,
    },
    /// There is no value to judge.
    NoData {
        /// Why.
        why: NoData,
    },
    /// The question was not answered.
    Error {
        /// What went wrong, with Prometheus' own words where it has some.
        why: String,
        /// Whose fault it is.
        fault: Fault,
    },
}

/// Why there is no value to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "no_data", rename_all = "snake_case")]
pub enum NoData {
    /// No series matches.
    Empty,
    /// The value is not a number, as 0 / 0 is where there is no traffic.
    NotANumber,
    /// The value is infinite, as 1 / 0 is.
    Infinite,
    /// Several series match, and nothing says what to make of them.
    Several {
        /// How many.
        samples: usize,
    },
}

impl NoData {
    /// Whether nothing happening is enough to explain it. Infinite is no silence (something was divided by nothing),
    /// and several series are a query to be mended.
    #[must_use]
    pub fn is_silence(self) -> bool {
        matches!(self, Self::Empty | Self::NotANumber)
    }
}

impl fmt::Display for NoData {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => to.write_str("no series matches the query"),
            Self::NotANumber => {
                to.write_str("the value is not a number (0 / 0: perhaps there is no traffic)")
            }
            Self::Infinite => to.write_str("the value is infinite (something divided by 0)"),
            Self::Several { samples } => write!(
                to,
                "{samples} series match where one is wanted; use sum or max in the query, or set `reduce`"
            ),
        }
    }
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The query's: it will not get better by itself.
    Query,
    /// The server's, or that of what is between: it may.
    Server,
}

/// A sample that says neither good nor bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclear {
    /// There is no value.
    NoData(NoData),
    /// There is no answer.
    Error(String),
}

impl fmt::Display for Unclear {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoData(why) => why.fmt(to),
            Self::Error(why) => to.write_str(why),
        }
    }
}

impl Outcome {
    /// Judges an answer to the query by a bound.
    ///
    /// An answer with warnings is an error: Thanos and Mimir tell that way that a part is missing, and a part that looks
    /// good proves nothing.
    #[must_use]
    pub fn of(answer: &Result<Answer, Error>, reduce: Option<Reduce>, bound: Bound) -> Self {
        let error = |why: String, fault| Self::Error { why, fault };
        let answer = match answer {
            Ok(answer) => answer,
            Err(told) => return error(told.to_string(), fault(told)),
        };
        if !answer.warnings.is_empty() {
            let warnings = answer.warnings.join("; ");
            return error(
                format!(
                    "Prometheus warns that the answer may be wrong: {}",
                    crate::error::shorten(&warnings, 600)
                ),
                Fault::Server,
            );
        }
        let value = match &answer.data {
            Data::Scalar(point) => Ok(point.value),
            Data::Vector(samples) => value(samples, reduce),
            Data::Matrix(_) => {
                return error(
                    "the query brings a range of values instead of one; wrap it in rate(…) or avg_over_time(…)".into(),
                    Fault::Query,
                );
            }
            Data::Text(_) => return error("the query brings a text instead of a value".into(), Fault::Query),
        };
        match value {
            Ok(value) if value.is_nan() => Self::NoData {
                why: NoData::NotANumber,
            },
            Ok(value) if value.is_infinite() => Self::NoData {
                why: NoData::Infinite,
            },
            Ok(value) if bound.holds(value) => Self::Pass { value },
            Ok(value) => Self::Fail { value, bound },
            Err(why) => Self::NoData { why },
        }
    }
}

/// The one value of a vector. Series without traffic (NaN) are left out, unless there are no others.
fn value(samples: &[Sample], reduce: Option<Reduce>) -> Result<f64, NoData> {
    let values = || samples.iter().map(|sample| sample.point.value);
    match (samples, reduce) {
        ([], _) => return Err(NoData::Empty),
        ([one], _) => return Ok(one.point.value),
        (_, None) => {
            return Err(NoData::Several {
                samples: samples.len(),
            });
        }
        _ => {}
    }
    let numbers: Vec<f64> = values().filter(|value| !value.is_nan()).collect();
    if numbers.is_empty() {
        return Err(NoData::NotANumber);
    }
    // Also where max or min would hide it: one that is infinite is one that cannot be judged.
    if numbers.iter().any(|value| value.is_infinite()) {
        return Err(NoData::Infinite);
    }
    let all = numbers.iter().copied();
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are at most a few thousand series"
    )]
    Ok(match reduce {
        Some(Reduce::Max) => all.fold(f64::NEG_INFINITY, f64::max),
        Some(Reduce::Min) => all.fold(f64::INFINITY, f64::min),
        Some(Reduce::Sum) => all.sum(),
        Some(Reduce::Avg) | None => all.sum::<f64>() / numbers.len() as f64,
    })
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::BadQuery { .. }
        | Error::TooManyPoints { .. }
        | Error::Execution { .. }
        | Error::TooLarge { .. }
        | Error::Range(_) => Fault::Query,
        _ => Fault::Server,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Labels, Point};

    fn point(value: f64) -> Point {
        Point { at_ms: 0, value }
    }

    fn vector(values: &[f64]) -> Data {
        let sample = |value: &f64| Sample {
            labels: Labels::new(),
            point: point(*value),
        };
        Data::Vector(values.iter().map(sample).collect())
    }

    fn judge(data: Data, reduce: Option<Reduce>) -> Outcome {
        let answer = Answer {
            data,
            warnings: vec![],
            infos: vec!["never mind".into()],
        };
        Outcome::of(&Ok(answer), reduce, "< 2".parse().unwrap())
    }

    fn no(why: NoData) -> Outcome {
        Outcome::NoData { why }
    }

    #[test]
    fn one_value() {
        let bound = "< 2".parse().unwrap();
        for data in [vector(&[1.0]), Data::Scalar(point(1.0))] {
            assert_eq!(judge(data, None), Outcome::Pass { value: 1.0 });
        }
        assert_eq!(judge(vector(&[2.0]), None), Outcome::Fail { value: 2.0, bound });
        for data in [vector(&[f64::NAN]), Data::Scalar(point(f64::NAN))] {
            assert_eq!(judge(data, None), no(NoData::NotANumber));
        }
        // Infinitely good is no data, too.
        for value in [f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(judge(vector(&[value]), None), no(NoData::Infinite));
        }
        assert_eq!(judge(vector(&[]), Some(Reduce::Max)), no(NoData::Empty));
    }

    #[test]
    fn several_values() {
        let bound = "< 2".parse().unwrap();
        assert_eq!(
            judge(vector(&[1.0, 1.0]), None),
            no(NoData::Several { samples: 2 })
        );
        for (reduce, value) in [(Reduce::Max, 4.0), (Reduce::Sum, 5.0), (Reduce::Avg, 2.5)] {
            assert_eq!(
                judge(vector(&[1.0, 4.0]), Some(reduce)),
                Outcome::Fail { value, bound },
                "{reduce:?}"
            );
        }
        assert_eq!(
            judge(vector(&[1.0, 4.0]), Some(Reduce::Min)),
            Outcome::Pass { value: 1.0 }
        );
        assert_eq!(
            judge(vector(&[f64::NAN, 1.0]), Some(Reduce::Sum)),
            Outcome::Pass { value: 1.0 }
        );
        assert_eq!(
            judge(vector(&[f64::NAN, f64::NAN]), Some(Reduce::Max)),
            no(NoData::NotANumber)
        );
        assert_eq!(
            judge(vector(&[f64::NEG_INFINITY, 1.0]), Some(Reduce::Max)),
            no(NoData::Infinite)
        );
        // Finite ones whose sum is not.
        assert_eq!(
            judge(vector(&[f64::MAX, f64::MAX]), Some(Reduce::Sum)),
            no(NoData::Infinite)
        );
    }

    #[test]
    fn what_is_no_answer() {
        let fault_of = |outcome: Outcome| match outcome {
            Outcome::Error { fault, .. } => fault,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault_of(judge(Data::Matrix(vec![]), None)), Fault::Query);
        assert_eq!(fault_of(judge(Data::Text("2".into()), None)), Fault::Query);
        let bound = "< 2".parse().unwrap();
        let warned = Answer {
            data: vector(&[1.0]),
            warnings: vec!["one store is away".into()],
            infos: vec![],
        };
        let Outcome::Error { why, fault } = Outcome::of(&Ok(warned), None, bound) else {
            panic!()
        };
        assert!(
            why.contains("one store is away") && fault == Fault::Server,
            "{why}"
        );
        let bad = Error::told(400, "bad_data", "1:2: parse error: unexpected end");
        let Outcome::Error { why, fault } = Outcome::of(&Err(bad), None, bound) else {
            panic!()
        };
        assert!(why.contains("unexpected end") && fault == Fault::Query, "{why}");
        let away = Error::Unreachable {
            url: "http://127.0.0.1".into(),
            why: "refused".into(),
        };
        assert_eq!(fault_of(Outcome::of(&Err(away), None, bound)), Fault::Server);
    }
}
