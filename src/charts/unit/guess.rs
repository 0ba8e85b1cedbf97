//! What the values of a query are, by the naming conventions of Prometheus' metrics.

use super::Unit;

impl Unit {
    /// Guesses the unit from a metric's name or a whole expression, by Prometheus' naming conventions.
    pub fn guess(expression: &str) -> Self {
        let text = bare(expression);
        let has = |part: &str| text.contains(part);
        let rate = has("rate(") || has("deriv(");
        let divides = text.split('/').count() == 2 && !text.split('/').nth(1).is_some_and(starts_with_number);
        if has("timestamp") || has("time()") {
            return Self::None;
        }
        if divides {
            let mean = has("_sum") && has("_count");
            return match () {
                () if mean && has("_seconds_sum") => Self::Seconds,
                () if mean && has("_bytes_sum") => Self::Bytes,
                () if mean => Self::None,
                () if has("*100") || has("100*") => Self::Percent,
                () => Self::Ratio,
            };
        }
        if has("/") {
            return Self::None;
        }
        if has("histogram_quantile(") {
            return match () {
                () if has("_seconds") => Self::Seconds,
                () if has("_milliseconds") || has("_ms_bucket") => Self::Milliseconds,
                () if has("_bytes") => Self::Bytes,
                () => Self::None,
            };
        }
        match () {
            () if rate && has("_bytes") => Self::BytesPerSecond,
            // Seconds per second are a share of time, as of a CPU.
            () if rate && has("_seconds_total") => Self::None,
            () if rate => Self::PerSecond,
            () if has("_ratio") => Self::Ratio,
            () if has("_percent") => Self::Percent,
            () if has("_bytes") => Self::Bytes,
            () if has("_milliseconds") || text.ends_with("_ms") => Self::Milliseconds,
            () if has("_seconds") && !has("_count") && !has("_bucket") => Self::Seconds,
            () if text.starts_with("count(") || has("increase(") => Self::Count,
            () => Self::None,
        }
    }
}

fn starts_with_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The expression without strings, label matchers, ranges and spaces: only names, functions and operators.
fn bare(expression: &str) -> String {
    let mut out = String::new();
    let (mut quote, mut depth) = (None, 0_u32);
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 && !c.is_whitespace() => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_guessed_from_names() {
        for (expression, unit) in [
            (
                "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
                Unit::Seconds,
            ),
            (
                "sum(rate(http_requests_total{code=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))",
                Unit::Ratio,
            ),
            (
                "100 * sum(rate(a_total[5m])) / sum(rate(b_total[5m]))",
                Unit::Percent,
            ),
            (
                "sum(rate(http_requests_total{path=\"/a/b\"}[5m]))",
                Unit::PerSecond,
            ),
            (
                "rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])",
                Unit::Seconds,
            ),
            ("process_resident_memory_bytes", Unit::Bytes),
            ("rate(node_network_receive_bytes_total[1m])", Unit::BytesPerSecond),
            ("rate(process_cpu_seconds_total[1m])", Unit::None),
            ("process_start_time_seconds", Unit::Seconds),
            ("time() - process_start_time_seconds", Unit::None),
            ("disk_used_ratio", Unit::Ratio),
            ("up", Unit::None),
            ("count(up == 1)", Unit::Count),
            ("process_resident_memory_bytes / 1024", Unit::None),
        ] {
            assert_eq!(Unit::guess(expression), unit, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn anything_may_be_guessed(text in "\\PC{0,60}") {
            let _ = Unit::guess(&text);
        }
    }
}
