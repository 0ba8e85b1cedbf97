//! Small pieces of wording: durations, sizes, bars, lines cut to size.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup;

/// A duration as a person says it: `41 s`, `3 min`, `2 h`, `5 d`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() > 0 => format!("{} ms", duration.as_millis()),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
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

/// `1 file`, `3 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// `1,204 rows`, `3.1 million rows`.
pub(crate) fn rows(number: u64) -> String {
    match number {
        1 => "1 row".into(),
        0..1_000_000 => format!("{} rows", thousands(number)),
        1_000_000..1_000_000_000 => format!(
            "{}.{} million rows",
            number / 1_000_000,
            number % 1_000_000 / 100_000
        ),
        _ => format!("{} million rows", thousands(number / 1_000_000)),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `8 kB`, `265 MB`, `1.2 GB`.
pub(crate) fn bytes(number: u64) -> String {
    const K: u64 = 1 << 10;
    match number {
        0..K => format!("{number} B"),
        K..1_048_576 => format!("{} kB", number / K),
        1_048_576..1_073_741_824 => format!("{} MB", number / K / K),
        _ => format!("{}.{} GB", number / K / K / K, number / K / K % K * 10 / K),
    }
}

/// A bar of ten steps, for a share from 0 to 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is between 0 and 1"
)]
pub(crate) fn bar(share: f64) -> String {
    let full = (share.clamp(0.0, 1.0) * 10.0) as usize;
    format!("{}{}", "▰".repeat(full), "▱".repeat(10 - full))
}

/// A share in hundredths.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is between 0 and 1"
)]
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", (share.clamp(0.0, 1.0) * 100.0) as u32)
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

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!([rows(0), rows(1), rows(1_204)], ["0 rows", "1 row", "1,204 rows"]);
        assert_eq!(rows(3_140_000), "3.1 million rows");
        assert_eq!(rows(2_000_000_000), "2,000 million rows");
        assert_eq!([bytes(8_192), bytes(277_872_640)], ["8 kB", "265 MB"]);
        assert_eq!(bytes(1_342_177_280), "1.2 GB");
        assert_eq!(bar(0.43), "▰▰▰▰▱▱▱▱▱▱");
        assert_eq!([percent(0.434), percent(2.0)], ["43 %", "100 %"]);
        assert_eq!(duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(duration(Duration::from_secs(200)), "3 min");
        assert_eq!(cut("a  b\nc", 10), "a b c");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
