//! Purpose: operators between numbers and vectors.

use super::{
    Error,
    ast::{Grouping, Operator},
    eval::{Column, Value, distinct, grouped, present},
};
use crate::prometheus::tsdb::Labels;
use std::collections::BTreeMap;

pub(super) fn apply(
    operator: Operator,
    bool: bool,
    matching: Option<&Grouping>,
    left: Value,
    right: Value,
) -> Result<Value, Error> {
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            let pairs = left.iter().zip(&right);
            Ok(Value::Scalar(
                pairs
                    .map(|(a, b)| number(operator, *a, *b).unwrap_or(0.0))
                    .collect(),
            ))
        }
        (Value::Vector(left), Value::Scalar(right)) => with_scalar(operator, bool, left, &right, false),
        (Value::Scalar(left), Value::Vector(right)) => with_scalar(operator, bool, right, &left, true),
        (Value::Vector(left), Value::Vector(right)) => {
            let matching = matching.cloned().unwrap_or(Grouping {
                without: true,
                labels: Vec::new(),
            });
            if operator.is_set() {
                return Ok(Value::Vector(set(operator, &matching, left, right)));
            }
            with_vector(operator, bool, &matching, left, right)
        }
    }
}

/// The result of arithmetic; for a comparison 1, or nothing where it does not hold.
fn number(operator: Operator, a: f64, b: f64) -> Option<f64> {
    #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
    let holds = match operator {
        Operator::Add => return Some(a + b),
        Operator::Subtract => return Some(a - b),
        Operator::Multiply => return Some(a * b),
        Operator::Divide => return Some(a / b),
        Operator::Modulo => return Some(a % b),
        Operator::Power => return Some(a.powf(b)),
        Operator::Equal => a == b,
        Operator::NotEqual => a != b,
        Operator::Less => a < b,
        Operator::LessEqual => a <= b,
        Operator::Greater => a > b,
        Operator::GreaterEqual => a >= b,
        Operator::Or | Operator::And | Operator::Unless => false,
    };
    holds.then_some(1.0)
}

/// A comparison filters and keeps the vector's value; with `bool` it becomes 0 or 1.
fn combine(operator: Operator, bool: bool, a: f64, b: f64, kept: f64) -> Option<f64> {
    let result = number(operator, a, b);
    match (operator.compares(), bool) {
        (true, true) => Some(result.unwrap_or(0.0)),
        (true, false) => result.map(|_| kept),
        (false, _) => result,
    }
}

fn with_scalar(
    operator: Operator,
    bool: bool,
    columns: Vec<Column>,
    scalar: &[f64],
    scalar_first: bool,
) -> Result<Value, Error> {
    let column = |mut column: Column| {
        if !operator.compares() || bool {
            column.labels.remove("__name__");
        }
        for (value, scalar) in column.values.iter_mut().zip(scalar) {
            *value = value.and_then(|value| {
                let (a, b) = if scalar_first {
                    (*scalar, value)
                } else {
                    (value, *scalar)
                };
                combine(operator, bool, a, b, value)
            });
        }
        column
    };
    distinct(present(columns.into_iter().map(column)))
}

fn with_vector(
    operator: Operator,
    bool: bool,
    matching: &Grouping,
    left: Vec<Column>,
    right: Vec<Column>,
) -> Result<Value, Error> {
    let several = |side: &str, labels: &Labels| {
        Error::Execution(format!(
            "found duplicate series for the match group {labels:?} on the {side} hand-side of the operation; many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    };
    let mut partners: BTreeMap<Labels, Vec<Option<f64>>> = BTreeMap::new();
    for column in right {
        let key = grouped(&column.labels, matching);
        if !merge(partners.entry(key.clone()).or_default(), column.values) {
            return Err(several("right", &key));
        }
    }
    let mut results: BTreeMap<Labels, Column> = BTreeMap::new();
    for column in left {
        let key = grouped(&column.labels, matching);
        let Some(partner) = partners.get(&key) else {
            continue;
        };
        let pairs = column.values.iter().zip(partner);
        let values: Vec<_> = pairs
            .map(|(a, b)| combine(operator, bool, (*a)?, (*b)?, (*a)?))
            .collect();
        let mut labels = key.clone();
        if operator.compares()
            && !bool
            && matching.without
            && let Some(name) = column.labels.get("__name__")
        {
            labels.insert("__name__".into(), name.clone());
        }
        let result = results.entry(labels.clone()).or_insert(Column {
            labels,
            values: Vec::new(),
        });
        if !merge(&mut result.values, values) {
            return Err(several("left", &key));
        }
    }
    Ok(Value::Vector(present(results.into_values())))
}

/// Two series that are one, if they are never there at the same step.
fn merge(into: &mut Vec<Option<f64>>, values: Vec<Option<f64>>) -> bool {
    if into.is_empty() {
        *into = values;
        return true;
    }
    if into.iter().zip(&values).any(|(a, b)| a.is_some() && b.is_some()) {
        return false;
    }
    into.iter_mut().zip(values).for_each(|(a, b)| *a = a.or(b));
    true
}

fn set(operator: Operator, matching: &Grouping, left: Vec<Column>, right: Vec<Column>) -> Vec<Column> {
    /// At which steps each group has a value.
    fn presence(columns: &[Column], matching: &Grouping) -> BTreeMap<Labels, Vec<bool>> {
        let mut groups: BTreeMap<Labels, Vec<bool>> = BTreeMap::new();
        for column in columns {
            let steps = groups
                .entry(grouped(&column.labels, matching))
                .or_insert_with(|| vec![false; column.values.len()]);
            steps
                .iter_mut()
                .zip(&column.values)
                .for_each(|(there, value)| *there |= value.is_some());
        }
        groups
    }
    let keep = |columns: Vec<Column>, other: &BTreeMap<Labels, Vec<bool>>, wanted: bool| {
        let column = |mut column: Column| {
            let there = other.get(&grouped(&column.labels, matching));
            for (step, value) in column.values.iter_mut().enumerate() {
                let there = there.is_some_and(|there| there[step]);
                *value = value.filter(|_| there == wanted);
            }
            column
        };
        present(columns.into_iter().map(column))
    };
    match operator {
        Operator::And => keep(left, &presence(&right, matching), true),
        Operator::Unless => keep(left, &presence(&right, matching), false),
        _ => {
            let there = presence(&left, matching);
            let mut all = left;
            for column in keep(right, &there, false) {
                match all.iter_mut().find(|known| known.labels == column.labels) {
                    Some(known) => {
                        known
                            .values
                            .iter_mut()
                            .zip(column.values)
                            .for_each(|(value, other)| *value = value.or(other));
                    }
                    None => all.push(column),
                }
            }
            all
        }
    }
}
