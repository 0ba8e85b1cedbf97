//! Purpose: Grafana's built-in variables in a query, replaced by their values.

use crate::{duration, step::Range};

/// Replaces every known variable; what is unknown stays, so that Prometheus can point at it.
pub(crate) fn fill_in(query: &str, range: &Range) -> String {
    let values = values(range);
    let mut filled = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(dollar) = rest.find('$') {
        filled.push_str(&rest[..dollar]);
        rest = &rest[dollar..];
        let found = values.iter().find_map(|(name, value)| {
            let after = rest[1..].strip_prefix(name).or_else(|| {
                let inside = rest[1..].strip_prefix('{')?.strip_prefix(name)?;
                inside.strip_prefix('}')
            })?;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('$');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Names without the dollar, the longest first, so that no name eats the start of a longer one.
fn values(range: &Range) -> Vec<(&'static str, String)> {
    let (step, rate, length) = (range.step(), range.rate_interval(), range.length());
    let length_s = (length.as_millis() + 500) / 1_000;
    let mut values = vec![
        ("__interval", duration::format(step)),
        ("__interval_ms", step.as_millis().to_string()),
        ("__rate_interval", duration::format(rate)),
        ("__rate_interval_ms", rate.as_millis().to_string()),
        ("__range", format!("{length_s}s")),
        ("__range_s", length_s.to_string()),
        ("__range_ms", length.as_millis().to_string()),
    ];
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    values
}

#[cfg(test)]
mod tests {
    use crate::step::Rules;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn fill_in(query: &str) -> String {
        let at = |s| Timestamp::from_second(s).unwrap();
        Rules::default()
            .plan(at(1_700_000_000), at(1_700_021_600))
            .unwrap()
            .fill_in(query)
    }

    #[test]
    fn every_variable_in_both_forms() {
        for (name, value) in [
            ("__interval", "30s"),
            ("__interval_ms", "30000"),
            ("__rate_interval", "1m"),
            ("__rate_interval_ms", "60000"),
            ("__range", "21600s"),
            ("__range_s", "21600"),
            ("__range_ms", "21600000"),
        ] {
            assert_eq!(fill_in(&format!("rate(x[${name}])")), format!("rate(x[{value}])"));
            assert_eq!(
                fill_in(&format!("rate(x[${{{name}}}])")),
                format!("rate(x[{value}])")
            );
        }
    }

    #[test]
    fn what_is_unknown_stays() {
        assert_eq!(
            fill_in("up{job=~\"$job\"} $ ${__other} $__interval$"),
            "up{job=~\"$job\"} $ ${__other} 30s$"
        );
    }

    proptest! {
        #[test]
        fn a_query_without_a_dollar_is_unchanged(query in "[^$]{0,40}") {
            prop_assert_eq!(fill_in(&query), query);
        }

        #[test]
        fn garbage_never_panics(query in "[$_{}a-z é]{0,30}") {
            let _ = fill_in(&query);
        }
    }
}
