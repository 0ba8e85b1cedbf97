//! Small pieces of wording: durations, moments, lists, counts, lines cut to size.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup;
use otus_kubernetes::Version;

/// A duration as a person says it: `41 s`, `3 min 20 s`, `2 h 5 min`, `5 d`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        60..3600 => format!("{minutes} min"),
        3600..172_800 if !minutes.is_multiple_of(60) => format!("{hours} h {} min", minutes % 60),
        3600..172_800 => format!("{hours} h"),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The time from one moment to another; none when they stand the other way round.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
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

/// `1 commit`, `3 commits`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
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

/// What others wrote, so that it rings no bell and marks nothing up.
pub(crate) fn inert(text: &str, most: usize) -> String {
    let clean = markup::clean(text).replace(['*', '_', '`', '~'], "");
    cut(&clean, most)
}

/// A version in few characters.
pub(crate) fn short(version: &str) -> String {
    let sha = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
    match version.parse::<Version>() {
        _ if sha => version.chars().take(7).collect(),
        Ok(version) => cut(&version.short(), 40),
        Err(_) => cut(version, 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_and_lists() {
        let of = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [of(0), of(61), of(600), of(7500), of(90_000), of(200_000)],
            ["0 s", "1 min 1 s", "10 min", "2 h 5 min", "25 h", "2 d"]
        );
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(
            [count(1, "commit"), count(0, "commit")],
            ["1 commit", "0 commits"]
        );
        assert_eq!(short(&"0123456789".repeat(4)), "0123456");
        assert_eq!(inert("*a* `b`\nc", 20), "a b c");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_longer_than_promised(text in "\\PC{0,80}") {
            prop_assert!(cut(&text, 20).chars().count() <= 20);
            prop_assert!(inert(&text, 20).chars().count() <= 20);
        }
    }
}
