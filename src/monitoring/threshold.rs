//! Purpose: what an alert's expression compares with what, so that a graph shows the curve and its limit.
//!
//! This is no PromQL parser: Prometheus judges the syntax. It only finds the operators outside all brackets, strings and
//! comments. `or` makes several curves; of `and` and `unless` the left side is drawn, because its values are the result;
//! then the comparison, which has a constant on one side (the limit) or another curve.

mod constant;
mod scan;

use scan::{Operator, Token};

/// Which way values are bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Values above the limit (`>`).
    Above,
    /// Values at or above it (`>=`).
    AtLeast,
    /// Values below it (`<`).
    Below,
    /// Values at or below it (`<=`).
    AtMost,
    /// Exactly this value (`==`).
    Equal,
    /// Every other value (`!=`).
    NotEqual,
}

impl Bad {
    /// The same comparison read from the other side: `0.5 < x` is `x > 0.5`.
    fn flipped(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::AtLeast => Self::AtMost,
            Self::Below => Self::Above,
            Self::AtMost => Self::AtLeast,
            other => other,
        }
    }

    /// Whether a value is on the bad side.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            #[expect(clippy::float_cmp, reason = "PromQL's == compares exactly")]
            Self::Equal => value == limit,
            #[expect(clippy::float_cmp, reason = "PromQL's != compares exactly")]
            Self::NotEqual => value != limit,
        }
    }

    /// As PromQL writes it.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// A limit to draw as a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Which side is bad.
    pub bad: Bad,
    /// The value.
    pub value: f64,
}

/// Something to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve<'q> {
    /// The query without the comparison.
    pub query: &'q str,
    /// What it was compared with, if that was a constant.
    pub limit: Option<Limit>,
}

/// Takes an expression apart. What is not a comparison comes back whole, without a limit.
///
/// ```
/// use otus_monitoring::threshold::{self, Bad};
/// let curves = threshold::split("histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m]))) > 0.5");
/// assert_eq!(curves[0].query, "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))");
/// let limit = curves[0].limit.unwrap();
/// assert_eq!((limit.bad, limit.value), (Bad::Above, 0.5));
/// ```
#[must_use]
pub fn split(query: &str) -> Vec<Curve<'_>> {
    split_within(query, DEEPEST)
}

/// Brackets around brackets are opened this often, and then left as they are.
const DEEPEST: u32 = 16;

fn split_within(query: &str, depth: u32) -> Vec<Curve<'_>> {
    let query = query.trim();
    let Some(tokens) = scan::top_level(query) else {
        return vec![Curve { query, limit: None }];
    };
    let mut curves = Vec::new();
    let mut start = 0;
    let ors = tokens.iter().filter(|token| token.operator == Operator::Or);
    let ends = ors
        .map(|token| (token.start, token.end))
        .chain([(query.len(), query.len())]);
    for (end, next) in ends {
        // `or on (instance) b`: the matching belongs to the operator, not to the branch.
        let branch = scan::without_matching(&query[start..end]);
        start = next;
        branch_curves(branch, depth, &mut curves);
    }
    curves
}

/// The curves of one side of an `or`.
fn branch_curves<'q>(branch: &'q str, depth: u32, curves: &mut Vec<Curve<'q>>) {
    let whole = branch.trim();
    let tokens = scan::top_level(whole).unwrap_or_default();
    let and = tokens.iter().find(|token| token.operator == Operator::AndUnless);
    let kept = whole[..and.map_or(whole.len(), |token| token.start)].trim();
    if let Some(inside) = scan::inside_brackets(kept).filter(|_| depth > 0) {
        // Only where something was found inside, so that `(a + b)` is shown as it was written.
        let inner = split_within(inside, depth - 1);
        if inner.len() > 1 || inner.iter().any(|curve| curve.limit.is_some()) {
            curves.extend(inner);
            return;
        }
    }
    let comparison = tokens.iter().rev().find_map(|token| match token {
        Token {
            operator: Operator::Compare(bad),
            start,
            end,
        } if *end <= kept.len() => Some((*bad, *start, *end)),
        _ => None,
    });
    let Some((bad, start, end)) = comparison else {
        curves.push(Curve {
            query: kept,
            limit: None,
        });
        return;
    };
    let (left, right) = (kept[..start].trim(), scan::without_matching(&kept[end..]).trim());
    match (constant::value(left), constant::value(right)) {
        (None, Some(value)) if !left.is_empty() => curves.push(Curve {
            query: left,
            limit: Some(Limit { bad, value }),
        }),
        (Some(value), None) if !right.is_empty() => curves.push(Curve {
            query: right,
            limit: Some(Limit {
                bad: bad.flipped(),
                value,
            }),
        }),
        (None, None) if !left.is_empty() && !right.is_empty() => {
            curves.extend([left, right].map(|query| Curve { query, limit: None }));
        }
        _ => curves.push(Curve {
            query: kept,
            limit: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(query: &str) -> String {
        let curve = |curve: &Curve<'_>| match curve.limit {
            Some(limit) => format!("{} [{} {}]", curve.query, limit.bad.symbol(), limit.value),
            None => curve.query.to_owned(),
        };
        split(query).iter().map(curve).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn a_table_of_expressions() {
        for (query, expected) in [
            ("up == 0", "up [== 0]"),
            ("up", "up"),
            ("  rate(x[5m])  >  0.5 ", "rate(x[5m]) [> 0.5]"),
            ("0.5 < x", "x [> 0.5]"),
            ("10 >= x", "x [<= 10]"),
            ("x > bool 1e3", "x [> 1000]"),
            ("x >= -(3)", "x [>= -3]"),
            ("x < 10 * 1024 ^ 3", "x [< 10737418240]"),
            ("x > 2 ^ 3 ^ 2", "x [> 512]"),
            ("time() - x > 5m", "time() - x [> 300]"),
            ("x > 0x1F", "x [> 31]"),
            ("x != +Inf", "x [!= inf]"),
            ("errors / requests > 0.01", "errors / requests [> 0.01]"),
            ("x{path=\"a>b\"} > 1", "x{path=\"a>b\"} [> 1]"),
            ("x{path='a\\'>b'} > 1", "x{path='a\\'>b'} [> 1]"),
            ("x{path=`a\\`} > 1", "x{path=`a\\`} [> 1]"),
            ("x # > 7\n > 1", "x # > 7 [> 1]"),
            ("sum by (a) (x > 3)", "sum by (a) (x > 3)"),
            ("sum by (a) (x > 3) > 4", "sum by (a) (x > 3) [> 4]"),
            ("(x > 3)", "x [> 3]"),
            ("(a + b)", "(a + b)"),
            ("(a) + (b) > 1", "(a) + (b) [> 1]"),
            ("p95 > 0.5 and on (service) traffic > 10", "p95 [> 0.5]"),
            ("p95 > 0.5 unless quiet == 1 and x", "p95 [> 0.5]"),
            ("a > 1 or b > 2", "a [> 1] | b [> 2]"),
            ("a > 1 or on (x) b > 2", "a [> 1] | b [> 2]"),
            ("(a > 1 or b > 2) and c", "a [> 1] | b [> 2]"),
            ("a > b", "a | b"),
            ("a > on (job) group_left (x) b", "a | b"),
            ("a > ignoring(job) b * 2", "a | b * 2"),
            ("1 > 0", "1 > 0"),
            ("orders > 3", "orders [> 3]"),
            ("android OR unlessx", "android | unlessx"),
            ("x offset 5m > 1", "x offset 5m [> 1]"),
            ("x @ 1609746000 > 1", "x @ 1609746000 [> 1]"),
            ("a > 1 > 2", "a > 1 [> 2]"),
            ("x) > 1", "x) > 1"),
            ("sum(x > 1", "sum(x > 1"),
            ("> 1", "> 1"),
            ("x >", "x >"),
            ("", ""),
        ] {
            assert_eq!(show(query), expected, "{query}");
        }
    }

    #[test]
    fn the_bad_side() {
        assert!(Bad::Above.holds(2.0, 1.0) && !Bad::Above.holds(1.0, 1.0) && Bad::AtLeast.holds(1.0, 1.0));
        assert!(
            Bad::Below.holds(0.0, 1.0) && Bad::AtMost.holds(1.0, 1.0) && !Bad::Below.holds(f64::NAN, 1.0)
        );
        assert!(Bad::Equal.holds(1.0, 1.0) && Bad::NotEqual.holds(f64::NAN, 1.0));
    }

    #[test]
    fn brackets_without_end_are_left_alone() {
        let query = format!("{}x > 1{}", "(".repeat(20_000), ")".repeat(20_000));
        assert_eq!(split(&query).len(), 1);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(query in "[a-z0-9 ><=!(){}\"'`#,.+*/^é\\n-]{0,40}") {
            let _ = split(&query);
        }

        #[test]
        fn every_comparison_with_a_number_is_found(
            left in "[a-z_]{1,8}(\\{a=\"[><=()]{0,4}\"\\})?",
            op in prop::sample::select(vec![">", ">=", "<", "<=", "==", "!="]),
            value in -1e6f64..1e6,
        ) {
            prop_assume!(!["and", "or", "unless", "on", "ignoring", "inf", "nan"].contains(&left.as_str()));
            let query = format!("{left} {op} {value}");
            let curves = split(&query);
            prop_assert_eq!(curves.len(), 1);
            prop_assert_eq!(curves[0].query, &left);
            prop_assert_eq!(curves[0].limit.map(|limit| (limit.bad.symbol(), limit.value)), Some((op, value)));
        }
    }
}
