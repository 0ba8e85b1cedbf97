//! A length of time as people say it: `2h`, `1h30m`, `20 min`, `2 days`.

use jiff::SignedDuration;
use std::str::FromStr;

/// How long, at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) SignedDuration);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "write for example `30m`, `2h`, `1h30m` or `2 days`".to_owned();
        let mut rest = text.trim();
        let mut seconds: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let count: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = rest[digits..].trim_start();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit: i64 = match rest[..letters].to_lowercase().as_str() {
                "s" | "sec" | "secs" | "second" | "seconds" => 1,
                "m" | "min" | "mins" | "minute" | "minutes" => 60,
                "h" | "hour" | "hours" => 3_600,
                "d" | "day" | "days" => 86_400,
                "w" | "week" | "weeks" => 7 * 86_400,
                _ => return Err(wrong()),
            };
            rest = rest[letters..].trim_start();
            let part = count.checked_mul(unit).ok_or_else(wrong)?;
            seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        }
        // Ten years; what is longer is a typing error, and would overflow the calendar at some point.
        if !(1..=3_650 * 86_400).contains(&seconds) {
            return Err(wrong());
        }
        Ok(Self(SignedDuration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_say_them() {
        for (text, seconds) in [
            ("30s", 30),
            ("30m", 1_800),
            ("20 min", 1_200),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("1 hour 30 minutes", 5_400),
            ("2 Days", 172_800),
            ("1w", 604_800),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Length(SignedDuration::from_secs(seconds))),
                "{text}"
            );
        }
        for text in [
            "",
            "0m",
            "2",
            "h",
            "2 fortnights",
            "-1h",
            "99999999999999999999h",
            "9999999w",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
