//! Purpose: whether and when to ask again, as a function of what happened.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use std::time::Duration;

/// How often a question is asked again, at most.
pub(crate) const AGAIN: u32 = 4;

/// The wait before the second attempt; it doubles with each.
const FIRST: Duration = Duration::from_millis(500);

/// How long to wait before attempt `again` (from 0), or `None` when it is no use.
///
/// The registry's own wish, `asked`, is never cut short: when it is longer than what is `left`, the question is given up at
/// once. `chance` (0 to 1) keeps many askers from coming back in the same moment.
pub(crate) fn wait(again: u32, asked: Option<Duration>, left: Duration, chance: f64) -> Option<Duration> {
    if again >= AGAIN {
        return None;
    }
    let own = FIRST.saturating_mul(1 << again);
    // Half of it is sure, so that no attempt follows on the heels of the last.
    let own = own / 2 + (own / 2).mul_f64(chance.clamp(0.0, 1.0));
    let wait = match asked {
        Some(asked) => asked
            .saturating_add(FIRST.mul_f64(chance.clamp(0.0, 1.0)))
            .max(own),
        None => own,
    };
    (wait < left).then_some(wait)
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). A date that is over means at once.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let after: SignedDuration = at.duration_since(now);
    Some(Duration::try_from(after).unwrap_or(Duration::ZERO))
}

/// `1m30s`, `10s`, `50ms`.
pub(crate) fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{}ms", duration.as_millis());
    }
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn waits_double_and_end() {
        let waits: Vec<_> = (0..6).map(|again| wait(again, None, LONG, 1.0)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(500), ms(1000), ms(2000), ms(4000), None, None]);
        assert_eq!(wait(0, None, LONG, 0.0), ms(250));
    }

    #[test]
    fn the_registrys_wish_is_kept_or_the_question_given_up() {
        let asked = Some(Duration::from_secs(20));
        assert_eq!(wait(0, asked, LONG, 0.0), asked);
        assert_eq!(wait(0, asked, Duration::from_secs(10), 0.0), None);
        assert_eq!(
            wait(0, Some(Duration::ZERO), LONG, 0.0),
            Some(Duration::from_millis(250))
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let read = |value| retry_after(value, now);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read(" 0 "), Some(Duration::ZERO));
        assert_eq!(
            read("Sun, 01 Mar 2026 12:01:30 GMT"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(read("Sun, 01 Mar 2026 11:00:00 GMT"), Some(Duration::ZERO));
        for value in ["", "soon", "-5", "1.5", "2026-03-01"] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn durations_are_short_words() {
        let words = [50, 10_000, 90_000, 3_600_000, 3_661_000].map(|ms| in_words(Duration::from_millis(ms)));
        assert_eq!(words, ["50ms", "10s", "1m30s", "1h", "1h1m1s"]);
    }

    proptest! {
        #[test]
        fn no_wait_is_too_long_or_shorter_than_asked(
            again in 0u32..40, asked in proptest::option::of(0u64..100_000), left in 0u64..100_000, chance in -1.0f64..2.0,
        ) {
            let (asked, left) = (asked.map(Duration::from_millis), Duration::from_millis(left));
            if let Some(wait) = wait(again, asked, left, chance) {
                prop_assert!(wait < left && again < AGAIN);
                prop_assert!(asked.is_none_or(|asked| wait >= asked));
            }
        }

        #[test]
        fn no_header_panics(value in "\\PC{0,40}") {
            let _ = retry_after(&value, Timestamp::UNIX_EPOCH);
        }
    }
}
