//! A moment in the past as people write it: `yesterday`, `3d`, `2026-11-01`, or exactly.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// The moment that is meant, seen from now in a person's zone; none when it cannot be read or is none of the past.
pub(crate) fn past(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim().to_lowercase();
    let midnight = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp());
    let today = zone.to_datetime(now).date();
    let found = match text.as_str() {
        "today" => midnight(today)?,
        "yesterday" => midnight(today.yesterday().ok()?)?,
        _ => match (days(&text), text.parse::<Date>()) {
            (Some(span), _) => now.to_zoned(zone.clone()).checked_sub(span).ok()?.timestamp(),
            (None, Ok(date)) if text.len() == 10 => midnight(date)?,
            _ => text.to_uppercase().parse().ok()?,
        },
    };
    (found <= now).then_some(found)
}

/// `30d`, `2 weeks`, `36h`, also with `ago` behind it.
pub(crate) fn days(text: &str) -> Option<Span> {
    let text = text.trim().trim_end_matches("ago").trim_end();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text.get(..digits)?.parse().ok()?;
    if !(1..=3650).contains(&number) {
        return None;
    }
    match text.get(digits..)?.trim() {
        "h" | "hour" | "hours" => Some(Span::new().hours(number)),
        "d" | "day" | "days" => Some(Span::new().days(number)),
        "w" | "week" | "weeks" => Some(Span::new().weeks(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn moments() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text| past(text, now(), &zone).map(|at| at.to_string());
        for (text, meant) in [
            ("today", Some("2026-11-21T23:00:00Z")),
            ("Yesterday", Some("2026-11-20T23:00:00Z")),
            ("3d", Some("2026-11-19T10:00:00Z")),
            ("2 weeks ago", Some("2026-11-08T10:00:00Z")),
            ("36h", Some("2026-11-20T22:00:00Z")),
            ("2026-11-01", Some("2026-10-31T23:00:00Z")),
            ("2026-11-01T10:00:00.5Z", Some("2026-11-01T10:00:00.5Z")),
            ("2027-01-01", None),
            ("0d", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(at(text).as_deref(), meant, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_the_future(text in "\\PC{0,20}|[0-9]{1,12} ?[hdw]|2[0-9]{3}-[01][0-9]-[0-3][0-9]") {
            if let Some(at) = past(&text, now(), &TimeZone::UTC) {
                prop_assert!(at <= now());
            }
        }
    }
}
