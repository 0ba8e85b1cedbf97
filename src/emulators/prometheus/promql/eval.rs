//! Purpose: evaluates an expression at all its steps at once.
//!
//! Every part of the tree becomes columns: a series' labels, and its value (or absence) at each step. So labels are matched
//! and grouped once, not once for each step.

use super::{
    Error,
    ast::{Aggregation, Expr, Function, Grouping, Operator, Selector},
    binary, functions,
};
use crate::prometheus::tsdb::{Labels, Sample, Tsdb};
use std::collections::BTreeMap;

/// How long a sample counts as current.
const LOOKBACK_MS: i64 = 5 * 60_000;

/// The times to evaluate at.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Steps {
    pub(in super::super) start_ms: i64,
    pub(in super::super) step_ms: i64,
    pub(in super::super) count: usize,
}

impl Steps {
    pub(in super::super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count)
            .map(move |index| self.start_ms + self.step_ms * i64::try_from(index).unwrap_or(i64::MAX))
    }
}

/// One series at all steps.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Column {
    pub(in super::super) labels: Labels,
    pub(in super::super) values: Vec<Option<f64>>,
}

/// What an expression evaluates to.
#[derive(Debug, Clone)]
pub(in super::super) enum Value {
    /// A number at each step.
    Scalar(Vec<f64>),
    Vector(Vec<Column>),
}

/// Evaluates; a range vector at the top is the caller's to refuse.
pub(in super::super) fn evaluate(expr: &Expr, data: &Tsdb, steps: Steps) -> Result<Value, Error> {
    match expr {
        Expr::Number(number) => Ok(Value::Scalar(vec![*number; steps.count])),
        Expr::Selector(selector) => Ok(Value::Vector(instant(selector, data, steps))),
        Expr::Negate(of) => {
            let zero = Value::Scalar(vec![-1.0; steps.count]);
            binary::apply(Operator::Multiply, false, None, evaluate(of, data, steps)?, zero)
        }
        Expr::Aggregate {
            operator,
            grouping,
            of,
        } => match evaluate(of, data, steps)? {
            Value::Vector(columns) => Ok(Value::Vector(aggregate(
                *operator,
                grouping,
                &columns,
                steps.count,
            ))),
            scalar @ Value::Scalar(_) => Ok(scalar),
        },
        Expr::Binary {
            operator,
            bool,
            matching,
            left,
            right,
        } => {
            let (left, right) = (evaluate(left, data, steps)?, evaluate(right, data, steps)?);
            binary::apply(*operator, *bool, matching.as_ref(), left, right)
        }
        Expr::Call { function, args } => call(*function, args, data, steps),
    }
}

fn call(function: Function, args: &[Expr], data: &Tsdb, steps: Steps) -> Result<Value, Error> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "times in seconds fit a float's 53 bits"
    )]
    match (function, args) {
        (Function::Time, _) => Ok(Value::Scalar(
            steps.times().map(|at| at as f64 / 1_000.0).collect(),
        )),
        (Function::Vector, [of]) => match evaluate(of, data, steps)? {
            Value::Scalar(values) => {
                let values = values.into_iter().map(Some).collect();
                Ok(Value::Vector(vec![Column {
                    labels: Labels::new(),
                    values,
                }]))
            }
            vector @ Value::Vector(_) => Ok(vector),
        },
        (Function::Abs, [of]) => {
            let mut columns = vector(evaluate(of, data, steps)?);
            for column in &mut columns {
                column.labels.remove("__name__");
                column
                    .values
                    .iter_mut()
                    .flatten()
                    .for_each(|value| *value = value.abs());
            }
            distinct(columns)
        }
        (Function::HistogramQuantile, [quantile, of]) => {
            let Value::Scalar(quantiles) = evaluate(quantile, data, steps)? else {
                return Err(Error::Execution("histogram_quantile needs a number first".into()));
            };
            Ok(Value::Vector(functions::histogram_quantile(
                &quantiles,
                vector(evaluate(of, data, steps)?),
            )))
        }
        (_, [Expr::Selector(selector)]) => distinct(over_range(function, selector, data, steps)),
        _ => Err(Error::Execution(
            "the emulated Prometheus cannot compute this call".into(),
        )),
    }
}

fn vector(value: Value) -> Vec<Column> {
    match value {
        Value::Vector(columns) => columns,
        Value::Scalar(_) => Vec::new(),
    }
}

/// Prometheus refuses a vector in which two series have the same labels.
pub(super) fn distinct(columns: Vec<Column>) -> Result<Value, Error> {
    let mut seen = std::collections::BTreeSet::new();
    if columns.iter().all(|column| seen.insert(&column.labels)) {
        return Ok(Value::Vector(columns));
    }
    Err(Error::Execution(
        "vector cannot contain metrics with the same labelset".into(),
    ))
}

/// The latest sample at each step, not older than the lookback.
fn instant(selector: &Selector, data: &Tsdb, steps: Steps) -> Vec<Column> {
    let column = |(labels, samples): (&Labels, &[Sample])| {
        let value = |at: i64| {
            let at = at - selector.offset_ms;
            let sample = &samples[..samples.partition_point(|sample| sample.at_ms <= at)].last()?;
            (sample.at_ms >= at - LOOKBACK_MS).then_some(sample.value)
        };
        Column {
            labels: labels.clone(),
            values: steps.times().map(value).collect(),
        }
    };
    present(data.select(&selector.matchers).map(column))
}

/// A function of the samples in a window that ends at each step.
fn over_range(function: Function, selector: &Selector, data: &Tsdb, steps: Steps) -> Vec<Column> {
    let range = selector.range_ms.unwrap_or(LOOKBACK_MS);
    let column = |(labels, samples): (&Labels, &[Sample])| {
        let value = |at: i64| {
            let end = at - selector.offset_ms;
            let from = samples.partition_point(|sample| sample.at_ms < end - range);
            let to = samples.partition_point(|sample| sample.at_ms <= end);
            functions::over_range(function, &samples[from..to], end - range, end)
        };
        let mut labels = labels.clone();
        labels.remove("__name__");
        Column {
            labels,
            values: steps.times().map(value).collect(),
        }
    };
    present(data.select(&selector.matchers).map(column))
}

/// Series without any value do not exist.
pub(super) fn present(columns: impl Iterator<Item = Column>) -> Vec<Column> {
    columns
        .filter(|column| column.values.iter().any(Option::is_some))
        .collect()
}

/// The labels that a grouping keeps.
pub(super) fn grouped(labels: &Labels, grouping: &Grouping) -> Labels {
    let listed = |name: &String| grouping.labels.contains(name);
    let keep = |name: &String| {
        if grouping.without {
            !listed(name) && name != "__name__"
        } else {
            listed(name)
        }
    };
    labels
        .iter()
        .filter(|(name, _)| keep(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn aggregate(operator: Aggregation, grouping: &Grouping, columns: &[Column], count: usize) -> Vec<Column> {
    let mut groups: BTreeMap<Labels, Vec<&Column>> = BTreeMap::new();
    for column in columns {
        groups
            .entry(grouped(&column.labels, grouping))
            .or_default()
            .push(column);
    }
    let column = |(labels, members): (Labels, Vec<&Column>)| {
        let value = |step: usize| combine(operator, members.iter().filter_map(|member| member.values[step]));
        Column {
            labels,
            values: (0..count).map(value).collect(),
        }
    };
    present(groups.into_iter().map(column))
}

/// NaN loses against every number in `min` and `max`, as in Prometheus.
fn combine(operator: Aggregation, mut values: impl Iterator<Item = f64>) -> Option<f64> {
    let first = values.next()?;
    let better = |best: f64, value: f64, wins: bool| if wins || best.is_nan() { value } else { best };
    #[expect(clippy::cast_precision_loss, reason = "no group has 2^53 members")]
    Some(match operator {
        Aggregation::Sum => values.fold(first, |sum, value| sum + value),
        Aggregation::Min => values.fold(first, |best, value| better(best, value, value < best)),
        Aggregation::Max => values.fold(first, |best, value| better(best, value, value > best)),
        Aggregation::Count => (values.count() + 1) as f64,
        Aggregation::Avg => {
            let (sum, count) = values.fold((first, 1u32), |(sum, count), value| (sum + value, count + 1));
            sum / f64::from(count)
        }
    })
}
