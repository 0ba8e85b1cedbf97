//! Buckets of a histogram, however they were counted.

use std::collections::BTreeMap;

use crate::series::{HUGE, Series};

/// How many observations lie in a range of values.
///
/// Prometheus gives a native histogram's buckets so (`[rule, left, right, count]`); a classic one's are made of its
/// cumulative `le` series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The lower bound; may be −∞.
    pub low: f64,
    /// The upper bound; may be +∞.
    pub high: f64,
    /// How many, or how many per second.
    pub count: f64,
}

impl Bucket {
    /// A bucket.
    pub fn new(low: f64, high: f64, count: f64) -> Self {
        Self { low, high, count }
    }

    /// Whether it can be drawn at all.
    fn is_sound(&self) -> bool {
        self.low < self.high && self.count.is_finite() && self.count >= 0.0
    }
}

/// Sound buckets from the lowest up, with counts that can be added.
pub(super) fn sound(buckets: impl IntoIterator<Item = Bucket>) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = buckets
        .into_iter()
        .filter(Bucket::is_sound)
        .map(|b| Bucket {
            low: if b.low.is_finite() {
                b.low.clamp(-HUGE, HUGE)
            } else {
                b.low
            },
            high: if b.high.is_finite() {
                b.high.clamp(-HUGE, HUGE)
            } else {
                b.high
            },
            count: b.count.min(HUGE),
        })
        .filter(|b| b.low < b.high)
        .collect();
    all.sort_by(|a, b| a.low.total_cmp(&b.low).then_with(|| a.high.total_cmp(&b.high)));
    all
}

/// The buckets of one moment of a classic histogram, from its cumulative counts by upper bound. A count below the one
/// before it (series scraped at different moments) is taken for it.
pub(super) fn classic(cumulative: impl IntoIterator<Item = (f64, f64)>) -> Vec<Bucket> {
    let mut bounds: Vec<(f64, f64)> = cumulative
        .into_iter()
        .filter(|(le, count)| !le.is_nan() && *le > f64::NEG_INFINITY && count.is_finite() && *count >= 0.0)
        .collect();
    bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    bounds.dedup_by(|b, a| a.0 == b.0);
    let mut below = match bounds.first() {
        // What is measured by a histogram is hardly ever negative: times and sizes.
        Some((le, _)) if *le > 0.0 => 0.0,
        _ => f64::NEG_INFINITY,
    };
    let mut before = 0.0_f64;
    let buckets: Vec<Bucket> = bounds
        .into_iter()
        .map(|(le, count)| {
            let bucket = Bucket::new(below, le, (count - before).max(0.0));
            (below, before) = (le, before.max(count));
            bucket
        })
        .collect();
    sound(buckets)
}

/// Bounds and their cumulative counts, in order of the bounds.
type Counts = BTreeMap<u64, (f64, f64)>;

/// The cumulative counts by bound at each moment, of series that carry the label `le`; what other labels tell apart is
/// added up.
pub(super) fn by_moment(series: &[Series]) -> Vec<(f64, Vec<Bucket>)> {
    let mut moments: BTreeMap<u64, (f64, Counts)> = BTreeMap::new();
    for one in series {
        let Some(le) = one
            .labels
            .iter()
            .find(|(k, _)| k == "le")
            .and_then(|(_, v)| bound(v))
        else {
            continue;
        };
        for (t, v) in &one.points {
            if t.is_finite() && v.is_finite() && *v >= 0.0 {
                let bounds = &mut moments
                    .entry(ordered(*t))
                    .or_insert_with(|| (*t, BTreeMap::new()))
                    .1;
                let sum = &mut bounds.entry(ordered(le)).or_insert((le, 0.0)).1;
                *sum = (*sum + v).min(HUGE);
            }
        }
    }
    moments
        .into_values()
        .map(|(t, bounds)| (t, classic(bounds.into_values())))
        .collect()
}

/// A number that sorts as the float does.
fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// `0.5`, `+Inf`.
pub(super) fn bound(le: &str) -> Option<f64> {
    le.trim().parse().ok().filter(|v: &f64| !v.is_nan())
}

/// The value below which a share `q` of all observations lies, evenly spread within each bucket; the nearest bound there
/// is, where a bucket has only one.
pub(super) fn quantile(buckets: &[Bucket], q: f64) -> f64 {
    let total: f64 = buckets.iter().map(|b| b.count).sum();
    if total <= 0.0 || !total.is_finite() {
        return f64::NAN;
    }
    let wanted = total * q;
    let mut seen = 0.0;
    for bucket in buckets.iter().filter(|b| b.count > 0.0) {
        if seen + bucket.count >= wanted * (1.0 - 1e-12) {
            return match (bucket.low.is_finite(), bucket.high.is_finite()) {
                (true, true) => {
                    let part = ((wanted - seen) / bucket.count).clamp(0.0, 1.0);
                    bucket.low * (1.0 - part) + bucket.high * part
                }
                (true, false) => bucket.low,
                (false, true) => bucket.high,
                (false, false) => f64::NAN,
            };
        }
        seen += bucket.count;
    }
    buckets
        .last()
        .map_or(f64::NAN, |b| if b.high.is_finite() { b.high } else { b.low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cumulative_counts_become_buckets() {
        let buckets = classic([(1.0, 5.0), (f64::INFINITY, 9.0), (0.5, 2.0), (2.0, 4.0)]);
        assert_eq!(
            buckets,
            [
                Bucket::new(0.0, 0.5, 2.0),
                Bucket::new(0.5, 1.0, 3.0),
                Bucket::new(1.0, 2.0, 0.0),
                Bucket::new(2.0, f64::INFINITY, 4.0)
            ]
        );
        assert_eq!(quantile(&buckets, 0.5), 0.5 + 0.5 * 2.5 / 3.0);
        assert_eq!(quantile(&buckets, 0.99), 2.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn series_of_one_bound_are_added_up() {
        let of =
            |pod: &str, le: &str, v| Series::labelled([("pod", pod), ("le", le)], vec![(60.0, v), (0.0, v)]);
        let moments = by_moment(&[
            of("a", "1", 2.0),
            of("b", "1", 3.0),
            of("a", "+Inf", 2.0),
            of("b", "+Inf", 4.0),
        ]);
        assert_eq!(moments.len(), 2);
        assert_eq!(moments[0].0, 0.0);
        assert_eq!(
            moments[1].1,
            [Bucket::new(0.0, 1.0, 5.0), Bucket::new(1.0, f64::INFINITY, 1.0)]
        );
    }

    proptest! {
        #[test]
        fn a_quantile_grows_with_its_share(counts in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..20),
                                           a in 0.0_f64..1.0, b in 0.0_f64..1.0) {
            let buckets = classic(counts);
            let (low, high) = (quantile(&buckets, a.min(b)), quantile(&buckets, a.max(b)));
            prop_assert!(low.is_nan() || low <= high * (1.0 + 1e-9) || (low - high).abs() < 1e-9 || high < 0.0 , "{low} {high}");
            prop_assert!(buckets.iter().all(|b| b.low < b.high && b.count >= 0.0));
        }
    }
}
