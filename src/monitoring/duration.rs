//! Purpose: durations as Prometheus writes them, `15s`, `1h30m`, `2d`.

use std::time::Duration;

/// Unit names, the longest part first, with their length in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `15s`, `1h30m`, `2d`. Units go from large to small, each at most once, as in Prometheus.
///
/// # Errors
/// A sentence that says what a duration looks like.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write for example `30s`, `5m`, `1h30m` or `2d`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut total, mut next_unit) = (0u64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS
            .iter()
            .position(|(name, _)| *name == &rest[..letters])
            .ok_or_else(wrong)?;
        if unit < next_unit {
            return Err(wrong());
        }
        next_unit = unit + 1;
        rest = &rest[letters..];
        total = count
            .checked_mul(UNITS[unit].1)
            .and_then(|ms| total.checked_add(ms))
            .ok_or_else(wrong)?;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that Prometheus reads back exactly the same (to the millisecond): `1h30m`, `15s`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    for (name, length) in UNITS {
        // Years and weeks are left out, like Prometheus itself does: `1w1d` reads worse than `8d`.
        if matches!(name, "y" | "w") && !rest.is_multiple_of(length) {
            continue;
        }
        if rest >= length {
            text.push_str(&format!("{}{name}", rest / length));
            rest %= length;
        }
    }
    text
}

/// For `#[serde(with = "…")]`: a duration as text.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        super::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_prometheus_reads() {
        for (text, ms) in [
            ("15s", 15_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("5ms", 5),
            ("0", 0),
            ("1w", 604_800_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "s",
            "15",
            "1m1h",
            "1m1m",
            "-5s",
            "1.5h",
            "5 m",
            "9999999999999y",
            "5µ",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ms in 0u64..400 * 86_400_000) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn garbage_never_panics(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
