//! What the values of a query are, by the naming conventions of Prometheus' metrics.

use super::{Currency, Unit};

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
            () if !rate && (has("_eur_") || has("_euros")) => Self::Money(Currency::EUR),
            () if !rate && (has("_usd") || has("_dollars")) => Self::Money(Currency::USD),
            () if !rate && (has("_gbp") || has("_pounds")) => Self::Money(Currency::GBP),
            // Money per second is a number nobody reads.
            () if has("_euros") || has("_usd") || has("_dollars") || has("_gbp") => Self::None,
            () if rate && has("_bytes") => Self::BytesPerSecond,
            // Seconds per second are a share of time, as of a CPU.
            () if rate && has("_seconds_total") => Self::None,
            // "rate(orders_total[5m]) * 60" is the usual way to ask for a rate per minute.
            () if rate && (text.ends_with("*60") || text.starts_with("60*")) => Self::PerMinute,
            () if rate => Self::PerSecond,
            () if has("_celsius") => Self::Celsius,
            () if has("_hertz") => Self::Hertz,
            () if has("_watts") => Self::Watts,
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

impl Unit {
    /// The unit of an expression of one metric, with what Prometheus' metadata (`/api/v1/metadata`) says of it: its `type`
    /// and its `unit`, which may be empty. A name that follows the conventions says more than the metadata.
    pub fn from_metadata(expression: &str, kind: &str, unit: &str) -> Self {
        let guessed = Self::guess(expression);
        if !matches!(guessed, Self::None | Self::PerSecond) {
            return guessed;
        }
        let (text, unit) = (bare(expression), unit.trim().to_lowercase());
        if text.contains('/') {
            return guessed;
        }
        let rate = text.contains("rate(") || text.contains("deriv(");
        match (unit.as_str(), rate) {
            ("bytes" | "byte", true) => Self::BytesPerSecond,
            ("bits" | "bit", true) => Self::BitsPerSecond,
            (_, true) => guessed,
            ("" | "short", false) => match kind {
                "counter" if !text.contains('(') => Self::Count,
                _ => guessed,
            },
            ("second", false) => Self::Seconds,
            ("byte", false) => Self::Bytes,
            ("bit", false) => Self::Bits,
            ("percentage", false) => Self::Percent,
            (name, false) => name.parse().unwrap_or(guessed),
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
            ("sum(increase(orders_eur_total[1h]))", Unit::Money(Currency::EUR)),
            ("sum(rate(signups_total[5m])) * 60", Unit::PerMinute),
            ("node_hwmon_temp_celsius", Unit::Celsius),
            ("up", Unit::None),
            ("count(up == 1)", Unit::Count),
            ("process_resident_memory_bytes / 1024", Unit::None),
        ] {
            assert_eq!(Unit::guess(expression), unit, "{expression}");
        }
    }

    #[test]
    fn metadata_says_what_a_name_does_not() {
        let unit = |expression, kind, unit| Unit::from_metadata(expression, kind, unit);
        assert_eq!(unit("app_latency", "gauge", "seconds"), Unit::Seconds);
        assert_eq!(
            unit("rate(app_received[5m])", "counter", "bytes"),
            Unit::BytesPerSecond
        );
        assert_eq!(unit("rate(app_orders[5m])", "counter", ""), Unit::PerSecond);
        assert_eq!(unit("app_orders", "counter", ""), Unit::Count);
        assert_eq!(unit("app_size_bytes", "gauge", "furlongs"), Unit::Bytes);
        assert_eq!(unit("app_length", "gauge", "furlongs"), Unit::None);
        assert_eq!(unit("a / b / c", "gauge", "seconds"), Unit::None);
    }

    proptest! {
        #[test]
        fn anything_may_be_guessed(text in "\\PC{0,60}") {
            let _ = Unit::guess(&text);
        }
    }
}
