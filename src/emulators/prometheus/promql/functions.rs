//! Purpose: the functions over windows and histograms, computed as Prometheus 2.x does it (`promql/functions.go`,
//! `promql/quantile.go`).

use super::{
    ast::Function,
    eval::{Column, present},
};
use crate::prometheus::tsdb::{Labels, Sample};
use std::collections::BTreeMap;

/// The value of a function over the samples of one window.
pub(super) fn over_range(function: Function, samples: &[Sample], start_ms: i64, end_ms: i64) -> Option<f64> {
    let values = || samples.iter().map(|sample| sample.value);
    let first = values().next()?;
    #[expect(clippy::cast_precision_loss, reason = "no window has 2^53 samples")]
    let count = samples.len() as f64;
    match function {
        Function::Rate => Some(increase(samples, start_ms, end_ms)? / seconds(end_ms - start_ms)),
        Function::Increase => increase(samples, start_ms, end_ms),
        Function::Irate => irate(samples),
        Function::AvgOverTime => Some(values().sum::<f64>() / count),
        Function::SumOverTime => Some(values().sum()),
        Function::CountOverTime => Some(count),
        Function::MinOverTime => Some(values().fold(first, f64::min)),
        Function::MaxOverTime => Some(values().fold(first, f64::max)),
        Function::HistogramQuantile | Function::Abs | Function::Time | Function::Vector => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// By how much a counter grew, with resets made good, stretched to the window's ends where the samples nearly reach them.
fn increase(samples: &[Sample], start_ms: i64, end_ms: i64) -> Option<f64> {
    let [first, .., last] = samples else { return None };
    let resets: f64 = samples
        .windows(2)
        .filter(|pair| pair[1].value < pair[0].value)
        .map(|pair| pair[0].value)
        .sum();
    let grown = last.value - first.value + resets;
    let sampled = seconds(last.at_ms - first.at_ms);
    #[expect(clippy::cast_precision_loss, reason = "no window has 2^53 samples")]
    let spacing = sampled / (samples.len() - 1) as f64;
    let mut to_start = seconds(first.at_ms - start_ms);
    let to_end = seconds(end_ms - last.at_ms);
    if grown > 0.0 && first.value >= 0.0 {
        // A counter cannot have been below zero.
        to_start = to_start.min(sampled * (first.value / grown));
    }
    let stretch = |gap: f64| if gap < spacing * 1.1 { gap } else { spacing / 2.0 };
    Some(grown * ((sampled + stretch(to_start) + stretch(to_end)) / sampled))
}

/// The rate between the last two samples.
fn irate(samples: &[Sample]) -> Option<f64> {
    let [.., before, last] = samples else { return None };
    let grown = if last.value < before.value {
        last.value
    } else {
        last.value - before.value
    };
    Some(grown / seconds(last.at_ms - before.at_ms))
}

/// A bucket's upper bound, and its count at each step.
type Bucket = (f64, Vec<Option<f64>>);

/// Groups buckets by all labels but `le`, and finds the quantile in each group at each step.
pub(super) fn histogram_quantile(quantiles: &[f64], columns: Vec<Column>) -> Vec<Column> {
    let mut groups: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for Column { mut labels, values } in columns {
        let Some(bound) = labels.remove("le").and_then(|bound| bound.parse().ok()) else {
            continue;
        };
        labels.remove("__name__");
        groups.entry(labels).or_default().push((bound, values));
    }
    let column = |(labels, mut buckets): (Labels, Vec<Bucket>)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let value = |(step, quantile): (usize, &f64)| {
            let present = buckets
                .iter()
                .filter_map(|(bound, values)| Some((*bound, values[step]?)));
            let present: Vec<_> = present.collect();
            (!present.is_empty()).then(|| bucket_quantile(*quantile, present))
        };
        Column {
            labels,
            values: quantiles.iter().enumerate().map(value).collect(),
        }
    };
    present(groups.into_iter().map(column))
}

/// Linear inside the bucket that holds the rank.
fn bucket_quantile(quantile: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&quantile) {
        return if quantile < 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    buckets.dedup_by(|next, kept| {
        let same = next.0.total_cmp(&kept.0).is_eq();
        if same {
            kept.1 += next.1;
        }
        same
    });
    // Scrapes are not atomic: a bucket may seem to hold less than the one below it.
    let mut highest = f64::MIN;
    for (_, count) in &mut buckets {
        highest = highest.max(*count);
        *count = highest;
    }
    let [.., (below_last, _), (last, total)] = buckets[..] else {
        return f64::NAN;
    };
    if last != f64::INFINITY || total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    let mut rank = quantile * total;
    let at = buckets[..buckets.len() - 1]
        .iter()
        .position(|(_, count)| *count >= rank);
    let Some(at) = at else { return below_last };
    let (end, mut count) = buckets[at];
    if at == 0 && end <= 0.0 {
        return end;
    }
    let mut start = 0.0;
    if at > 0 {
        let (bound, below) = buckets[at - 1];
        start = bound;
        count -= below;
        rank -= below;
    }
    start + (end - start) * (rank / count)
}
