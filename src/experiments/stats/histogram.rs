//! A histogram with log-linear buckets, as HdrHistogram has: 32 in each power of two, so that a value is known to within
//! 3.2 %, from 0 to 2⁶⁴ − 1. The buckets are always the same, so that any two can be added.

/// Bits of a value that its bucket knows, besides the leading one.
const BITS: u32 = 5;
const PER_OCTAVE: u64 = 1 << BITS;
/// No value is in a bucket with this number, or a higher one.
#[cfg(any(test, feature = "wire"))]
const BUCKETS: usize = 1920;

/// Whole numbers, counted by size. Durations are in nanoseconds, ratios in thousandths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "wire", serde(try_from = "Sparse", into = "Sparse"))]
pub struct Histogram {
    /// By number of the bucket; as long as need be.
    counts: Vec<u64>,
    count: u64,
    sum: u64,
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.add(bucket(value), 1);
        self.sum = self.sum.saturating_add(value);
    }

    fn add(&mut self, bucket: usize, count: u64) {
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
        self.count = self.count.saturating_add(count);
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.buckets() {
            self.add(bucket, count);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; exact, unlike percentiles. `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 52 bits")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value that this share (0 to 1) of all are not above, to within 1.6 %: the middle of its bucket. `None` of nothing.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the count; the middle of a bucket needs no more than 52 bits"
    )]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = ((share.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0u64;
        let (bucket, _) = self.buckets().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        })?;
        let (low, high) = bounds(bucket);
        Some(low as f64 + (high - low) as f64 / 2.0)
    }

    /// The buckets that have something: the lowest and the highest value of each, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.buckets().map(|(bucket, count)| {
            let (low, high) = bounds(bucket);
            (low, high, count)
        })
    }

    fn buckets(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, count)| *count > 0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 1919")]
fn bucket(value: u64) -> usize {
    let top = (value | 1).ilog2();
    let shift = top.saturating_sub(BITS);
    (u64::from(shift) * PER_OCTAVE + (value >> shift)) as usize
}

/// The lowest and the highest value of a bucket.
fn bounds(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < 2 * PER_OCTAVE {
        return (bucket, bucket);
    }
    let shift = bucket / PER_OCTAVE - 1;
    let low = (bucket - shift * PER_OCTAVE) << shift;
    (low, low + ((1 << shift) - 1))
}

/// How it travels: only what is there.
#[cfg(feature = "wire")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Sparse {
    sum: u64,
    buckets: Vec<(u32, u64)>,
}

#[cfg(feature = "wire")]
impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        let number = |bucket| u32::try_from(bucket).unwrap_or(u32::MAX);
        Self {
            sum: histogram.sum,
            buckets: histogram
                .buckets()
                .map(|(bucket, count)| (number(bucket), count))
                .collect(),
        }
    }
}

#[cfg(feature = "wire")]
impl TryFrom<Sparse> for Histogram {
    type Error = String;

    fn try_from(sparse: Sparse) -> Result<Self, String> {
        let mut histogram = Self {
            sum: sparse.sum,
            ..Self::default()
        };
        for (bucket, count) in sparse.buckets {
            let known = usize::try_from(bucket).ok().filter(|bucket| *bucket < BUCKETS);
            let bucket = known.ok_or_else(|| {
                format!("a histogram has {BUCKETS} buckets, and none with the number {bucket}")
            })?;
            histogram.add(bucket, count);
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_cover_everything_without_gaps() {
        let mut next = 0u64;
        for number in 0..BUCKETS {
            let (low, high) = bounds(number);
            assert_eq!(low, next, "bucket {number}");
            assert_eq!((bucket(low), bucket(high)), (number, number));
            next = high.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last one ends with the last number");
    }

    #[expect(clippy::cast_precision_loss, reason = "a test")]
    fn near(exact: u64, found: f64) -> bool {
        (found - exact as f64).abs() <= exact as f64 / 62.0 + 0.5
    }

    proptest! {
        #[test]
        fn quantiles_are_near_and_merging_is_counting_all(
            a in proptest::collection::vec(0u64..1 << 40, 1..200),
            b in proptest::collection::vec(0u64..1 << 20, 0..200),
        ) {
            let of = |values: &[u64]| values.iter().fold(Histogram::default(), |mut all, value| { all.record(*value); all });
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let mut all: Vec<u64> = a.into_iter().chain(b).collect();
            prop_assert_eq!(&merged, &of(&all));
            all.sort_unstable();
            for (share, at) in [(0.0, 0), (0.5, all.len().div_ceil(2) - 1), (1.0, all.len() - 1)] {
                let found = merged.quantile(share).unwrap();
                prop_assert!(near(all[at], found), "{share}: {} {found}", all[at]);
            }
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }

    #[cfg(feature = "wire")]
    #[test]
    fn it_travels_sparsely_and_refuses_what_it_cannot_be() {
        let mut histogram = Histogram::default();
        histogram.record(5);
        histogram.record(1_000_000);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, r#"{"sum":1000005,"buckets":[[5,1],[509,1]]}"#);
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        let error = serde_json::from_str::<Histogram>(r#"{"sum":0,"buckets":[[1920,1]]}"#).unwrap_err();
        assert!(error.to_string().contains("none with the number 1920"));
    }
}
