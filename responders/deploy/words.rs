//! Small pieces of wording: durations, lists, bars, lines cut to size.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup;

/// A duration as a person says it: `41 s`, `3 min 20 s`, `2 h`, `5 d`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        60..3600 => format!("{minutes} min"),
        3600..36_000 if !minutes.is_multiple_of(60) => format!("{hours} h {} min", minutes % 60),
        3600..86_400 => format!("{hours} h"),
        _ => format!("{days} d"),
    }
}

/// The same in at most four characters, for a table: `41s`, `3m`, `2h`, `5d`.
pub(crate) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", (seconds / 86_400).min(999)),
    }
}

/// How long ago a moment was; a moment that has not come yet was now.
pub(crate) fn since(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}

/// A moment, in the reader's own time zone where the chat can.
pub(crate) fn moment(at: Timestamp) -> String {
    markup::moment(at.as_second(), &at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `1 pod`, `3 pods`.
pub(crate) fn count(number: i32, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// A bar of ten steps.
pub(crate) fn bar(done: i32, total: i32) -> String {
    const STEPS: usize = 10;
    let (done, total) = (
        usize::try_from(done).unwrap_or(0),
        usize::try_from(total).unwrap_or(0),
    );
    let full = (done * STEPS)
        .checked_div(total)
        .map_or(STEPS, |full| full.min(STEPS));
    format!("{}{}", "▰".repeat(full), "▱".repeat(STEPS - full))
}

/// A text of at most so many characters, on one line; what is cut off is shown to be.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        let of = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [
                of(0),
                of(59),
                of(60),
                of(61),
                of(600),
                of(601),
                of(3600),
                of(3700),
                of(90_000)
            ],
            [
                "0 s",
                "59 s",
                "1 min",
                "1 min 1 s",
                "10 min",
                "10 min",
                "1 h",
                "1 h 1 min",
                "1 d"
            ]
        );
        assert_eq!(age(Duration::from_secs(7300)), "2h");
    }

    #[test]
    fn lists_and_bars() {
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(bar(1, 3), "▰▰▰▱▱▱▱▱▱▱");
        assert_eq!(bar(0, 0), "▰▰▰▰▰▰▰▰▰▰");
        assert_eq!(cut("one\ntwo  three", 9), "one two…");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn always_as_long_as_promised(done in any::<i32>(), total in any::<i32>(), text in "\\PC{0,80}", seconds in any::<u64>()) {
            prop_assert_eq!(bar(done, total).chars().count(), 10);
            prop_assert!(cut(&text, 20).chars().count() <= 20);
            prop_assert!(age(Duration::from_secs(seconds)).len() <= 4);
        }
    }
}
