//! How a robot says things: durations, moments, lists, counts, and lines cut to size. Responders that share these sound like one.

use std::{fmt::Display, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::markup;

/// A duration as a person says it: `41 s`, `3 min 20 s`, `12 min`, `2 h 5 min`, `5 d`. One below nothing is none.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(otus_core::phrase::duration(Duration::from_secs(200)), "3 min 20 s");
/// ```
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        60..3600 => format!("{minutes} min"),
        3600..172_800 if !minutes.is_multiple_of(60) => format!("{hours} h {} min", minutes % 60),
        3600..172_800 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    }
}

/// The same of a duration with a sign; one below nothing is none.
pub fn signed(duration: SignedDuration) -> String {
    self::duration(Duration::try_from(duration).unwrap_or_default())
}

/// The time from one moment to another; none when they stand the other way round.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A moment, in the reader's own time zone where the chat can, else by UTC's clock.
pub fn moment(at: Timestamp) -> String {
    markup::moment(at.as_second(), &at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    joined(items, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub fn either<S: AsRef<str>>(items: &[S]) -> String {
    joined(items, "or")
}

fn joined<S: AsRef<str>>(items: &[S], word: &str) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

/// `1 pod`, `3 pods`.
pub fn count<N: Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let ending = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A text of at most so many characters, on one line; what is cut off is shown to be.
pub fn cut(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// What others wrote, on one line of at most so many characters, so that it rings no bell and marks nothing up.
pub fn inert(text: &str, most: usize) -> String {
    cut(&markup::clean(text).replace(['*', '_', '`', '~'], ""), most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        let said = |seconds| signed(SignedDuration::from_secs(seconds));
        assert_eq!(
            [-1, 0, 59, 60, 61, 600, 601, 3600, 7500, 90_000, 200_000].map(said),
            [
                "0 s",
                "0 s",
                "59 s",
                "1 min",
                "1 min 1 s",
                "10 min",
                "10 min",
                "1 h",
                "2 h 5 min",
                "25 h",
                "2 d"
            ]
        );
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        assert_eq!(markup::plain(&moment(at)), "2026-09-21 14:13 UTC");
        assert_eq!(between(at, Timestamp::UNIX_EPOCH), Duration::ZERO);
    }

    #[test]
    fn lists_and_counts() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(either(&["a", "b"]), "a or b");
        assert_eq!([count(1_i32, "pod"), count(0_usize, "pod")], ["1 pod", "0 pods"]);
    }

    #[test]
    fn what_others_wrote() {
        assert_eq!(cut("one\ntwo  three", 9), "one two…");
        assert_eq!(inert("*a* `b`\nc", 20), "a b c");
    }

    proptest! {
        #[test]
        fn never_longer_than_promised(text in "\\PC{0,80}", most in 1_usize..60) {
            prop_assert!(cut(&text, most).chars().count() <= most);
            prop_assert!(inert(&text, most).chars().count() <= most);
        }
    }
}
