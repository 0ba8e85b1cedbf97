//! Purpose: what a value is compared with, `< 0.01`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How a value has to stand to the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// As PromQL writes it.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether smaller values are better.
    #[must_use]
    pub fn is_upper(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// What is good: `< 0.01` means that values below 0.01 are. The limit is always finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bound {
    comparison: Comparison,
    limit: f64,
}

/// What is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a bound; write what is good, as in `< 0.01`, `<= 5`, `> 100` or `>= 0.99`")]
pub struct BoundError {
    text: String,
}

impl Bound {
    /// A bound; `None` unless the limit is finite.
    #[must_use]
    pub fn new(comparison: Comparison, limit: f64) -> Option<Self> {
        limit.is_finite().then_some(Self { comparison, limit })
    }

    /// How a value has to stand to the limit.
    #[must_use]
    pub fn comparison(self) -> Comparison {
        self.comparison
    }

    /// The limit.
    #[must_use]
    pub fn limit(self) -> f64 {
        self.limit
    }

    /// Whether a value is good. NaN never is.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
        }
    }

    /// The worse of two values, seen from here.
    #[must_use]
    pub fn worse(self, a: f64, b: f64) -> f64 {
        if self.comparison.is_upper() {
            a.max(b)
        } else {
            a.min(b)
        }
    }

    /// The same comparison with the limit moved, if that makes it stricter; else this one.
    #[must_use]
    pub fn tightened(self, limit: f64) -> Self {
        let stricter = if self.comparison.is_upper() {
            limit < self.limit
        } else {
            limit > self.limit
        };
        Self::new(self.comparison, limit)
            .filter(|_| stricter)
            .unwrap_or(self)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.comparison.symbol(), self.limit)
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.to_string()
    }
}

impl TryFrom<String> for Bound {
    type Error = BoundError;

    fn try_from(text: String) -> Result<Self, BoundError> {
        text.parse()
    }
}

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Self, BoundError> {
        let trimmed = text.trim();
        // The longer sign first, so that `<` does not eat the start of `<=`.
        let found = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, trimmed.strip_prefix(sign)?)));
        found
            .and_then(|(comparison, number)| Self::new(comparison, number.trim().parse().ok()?))
            .ok_or_else(|| BoundError { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_good() {
        for (bound, good, bad) in [
            ("< 0.01", 0.0099, 0.01),
            ("<=0.01", 0.01, 0.010_1),
            (" >5", 5.1, 5.0),
            (">= -1e3 ", -1_000.0, -1_000.1),
        ] {
            let bound: Bound = bound.parse().unwrap();
            assert!(
                bound.holds(good) && !bound.holds(bad) && !bound.holds(f64::NAN),
                "{bound}"
            );
        }
        for wrong in [
            "", "0.01", "= 1", "< ", "< NaN", "< inf", "<< 1", "< 1%", "=< 1", "< 1e999",
        ] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_ever_stricter() {
        let upper: Bound = "< 5".parse().unwrap();
        let lower: Bound = ">= 5".parse().unwrap();
        assert_eq!(upper.tightened(4.0).limit(), 4.0);
        assert_eq!(upper.tightened(6.0).limit(), 5.0);
        assert_eq!(lower.tightened(6.0).limit(), 6.0);
        assert_eq!(lower.tightened(4.0).limit(), 5.0);
        assert_eq!(upper.tightened(f64::NEG_INFINITY).limit(), 5.0);
        assert_eq!((upper.worse(1.0, 2.0), lower.worse(1.0, 2.0)), (2.0, 1.0));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(limit in any::<f64>(), at in 0usize..4) {
            let comparison = [Comparison::Below, Comparison::AtMost, Comparison::Above, Comparison::AtLeast][at];
            let Some(bound) = Bound::new(comparison, limit) else { return Ok(()) };
            prop_assert_eq!(bound.to_string().parse(), Ok(bound));
        }

        #[test]
        fn garbage_never_panics(text in "[<>= 0-9.e-]{0,8}|\\PC{0,8}") {
            let _ = text.parse::<Bound>();
        }
    }
}
