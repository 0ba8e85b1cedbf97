//! A share of something, and how sure it is.

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub of: u64,
    /// Of how many. At least as many.
    pub total: u64,
}

impl Share {
    /// The deviations of a normal distribution within which 95 % of it lie.
    pub const Z95: f64 = 1.959_963_984_540_054;

    /// The share itself, 0 to 1; `None` of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn value(self) -> Option<f64> {
        (self.total > 0).then(|| self.of.min(self.total) as f64 / self.total as f64)
    }

    /// The Wilson score interval (E. B. Wilson, 1927) of the true share at this many deviations, lower end first, both 0 to
    /// 1. It keeps its meaning where the usual one breaks: near 0 and 1, and for few runs. Of nothing it is everything.
    ///
    /// ```
    /// use otus_experiments::stats::Share;
    /// let (low, high) = Share { of: 0, total: 1000 }.interval(Share::Z95);
    /// assert!(low == 0.0 && (0.0038..0.0039).contains(&high), "not one in 1,000 says: fewer than 0.39 %");
    /// ```
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn interval(self, z: f64) -> (f64, f64) {
        let Some(share) = self.value() else {
            return (0.0, 1.0);
        };
        let n = self.total as f64;
        let z2 = z * z;
        let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        // The ends are exact where the formula is: rounding must not say that what happened never can.
        let low = if self.of == 0 {
            0.0
        } else {
            (middle - half).max(0.0)
        };
        let high = if self.of >= self.total {
            1.0
        } else {
            (middle + half).min(1.0)
        };
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_intervals() {
        // Newcombe (1998), table I, method 3 without continuity correction.
        for (of, total, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (a, b) = Share { of, total }.interval(Share::Z95);
            assert!(
                (a - low).abs() < 5e-5 && (b - high).abs() < 5e-5,
                "{of}/{total}: {a} {b}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_share_lies_within(total in 1u64..1_000_000, part in 0.0f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a test")]
            let of = (total as f64 * part) as u64;
            let share = Share { of, total };
            let (low, high) = share.interval(Share::Z95);
            let value = share.value().unwrap();
            prop_assert!(0.0 <= low && low <= value && value <= high && high <= 1.0);
        }
    }
}
