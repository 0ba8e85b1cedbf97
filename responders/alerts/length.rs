//! How long a silence is, as people say it: `2h`, `1h30m`, `20 min`, `2 days`.

use std::str::FromStr;

use jiff::{SignedDuration, SpanRelativeTo};

/// At least a minute, which the settings bound above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) SignedDuration);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write for example `30m`, `2h`, `1h30m` or `2 days`".to_owned();
        // Jiff's friendly format knows the same words. A week is seven days, and a day 24 hours: nobody's clock is asked.
        let span = text.trim().parse::<jiff::Span>().map_err(|_| wrong())?;
        let days = SpanRelativeTo::days_are_24_hours();
        let span = span.to_duration(days).map_err(|_| wrong())?;
        if span < SignedDuration::from_secs(60) {
            return Err("a silence is a minute long at least".to_owned());
        }
        Ok(Self(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_say_them() {
        for (text, minutes) in [
            ("30m", 30),
            ("20 min", 20),
            ("2h", 120),
            ("1h30m", 90),
            ("1 hour 30 minutes", 90),
            ("2 days", 2_880),
            ("1d", 1_440),
            ("1w", 10_080),
        ] {
            let read = text.parse::<Length>();
            assert_eq!(read, Ok(Length(SignedDuration::from_mins(minutes))), "{text}");
        }
        for text in [
            "",
            "0m",
            "10s",
            "2",
            "h",
            "2 fortnights",
            "-1h",
            "99999999999999999999h",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
