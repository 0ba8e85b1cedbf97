//! Small pieces of wording: bars, ages in a table, and what all responders say alike.

use std::time::Duration;

pub(crate) use otus::phrase::{between as since, count, cut, duration, list, moment};

/// A duration in at most four characters, for a table: `41s`, `3m`, `2h`, `5d`.
pub(crate) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", (seconds / 86_400).min(999)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ages_and_bars() {
        assert_eq!(age(Duration::from_secs(7300)), "2h");
        assert_eq!(bar(1, 3), "▰▰▰▱▱▱▱▱▱▱");
        assert_eq!(bar(0, 0), "▰▰▰▰▰▰▰▰▰▰");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn always_as_long_as_promised(done in any::<i32>(), total in any::<i32>(), seconds in any::<u64>()) {
            prop_assert_eq!(bar(done, total).chars().count(), 10);
            prop_assert!(age(Duration::from_secs(seconds)).len() <= 4);
        }
    }
}
