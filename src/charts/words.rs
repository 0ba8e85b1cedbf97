//! Times and durations in words, the same everywhere in a picture.

use jiff::{civil::DateTime, tz::TimeZone};

use crate::ticks::{day_label, moment, month};

/// `10 s`, `1 h 30 min`, `3 d`: at most the two largest parts.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds <= 0.0 {
        return "0 s".to_owned();
    }
    if seconds < 1.0 {
        return format!("{} ms", (seconds * 1e3).round());
    }
    let mut left = seconds.round().min(1e15) as u64;
    let mut parts = Vec::new();
    for (size, name) in [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")] {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {name}", left / size));
            left %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.join(" ")
}

/// `Thu 5 Nov 2026, 10:00–11:00`, or both dates when it is not one day.
pub(crate) fn range(start: f64, end: f64, zone: &TimeZone) -> String {
    let (from, to) = (zone.to_datetime(moment(start)), zone.to_datetime(moment(end)));
    let fine = end - start < 120.0;
    if from.date() == to.date() {
        return format!(
            "{} {}, {}–{}",
            weekday(from),
            dated(from, true),
            clock(from, fine),
            clock(to, fine)
        );
    }
    let other_year = from.year() != to.year();
    format!(
        "{} {} – {} {}",
        dated(from, other_year),
        clock(from, fine),
        dated(to, true),
        clock(to, fine)
    )
}

/// `10:49`, or `5 Nov 10:49` where the range has more than one day.
pub(crate) fn time(at: f64, start: f64, end: f64, zone: &TimeZone) -> String {
    let (from, to, at) = (
        zone.to_datetime(moment(start)),
        zone.to_datetime(moment(end)),
        zone.to_datetime(moment(at)),
    );
    let clock = clock(at, end - start < 600.0);
    if from.date() == to.date() {
        clock
    } else {
        format!("{} {clock}", day_label(at.date()))
    }
}

/// The zone's name, as `UTC` or `Europe/Berlin`.
pub(crate) fn zone(zone: &TimeZone, at: f64) -> String {
    match zone.iana_name() {
        Some("UTC" | "Etc/UTC" | "Etc/Unknown") => "UTC".to_owned(),
        Some(name) => name.to_owned(),
        None => zone.to_offset_info(moment(at)).abbreviation().to_owned(),
    }
}

/// `, UTC+2 then UTC+1` where the clocks change between two moments, else nothing: an hour that comes twice must be
/// explained.
pub(crate) fn change(zone: &TimeZone, start: f64, end: f64) -> String {
    let offset = |at| zone.to_offset(moment(at)).seconds();
    let (from, to) = (offset(start), offset(end));
    if from == to {
        return String::new();
    }
    let name = |seconds: i32| {
        let (sign, minutes) = (if seconds < 0 { '−' } else { '+' }, seconds.unsigned_abs() / 60);
        match minutes % 60 {
            0 => format!("UTC{sign}{}", minutes / 60),
            rest => format!("UTC{sign}{}:{rest:02}", minutes / 60),
        }
    };
    format!(", {} then {}", name(from), name(to))
}

fn clock(at: DateTime, seconds: bool) -> String {
    if seconds {
        format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    } else {
        format!("{:02}:{:02}", at.hour(), at.minute())
    }
}

fn dated(at: DateTime, year: bool) -> String {
    let date = at.date();
    if year {
        format!("{} {} {}", date.day(), month(date), date.year())
    } else {
        day_label(date)
    }
}

fn weekday(at: DateTime) -> &'static str {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    NAMES[usize::from(at.weekday().to_monday_zero_offset().unsigned_abs()).min(6)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_form() {
        let seen: Vec<String> = [
            0.0,
            0.5,
            10.0,
            60.0,
            90.0,
            3600.0,
            5400.0,
            86_400.0,
            90_061.0,
            f64::NAN,
            1e300,
        ]
        .iter()
        .map(|s| duration(*s))
        .collect();
        assert_eq!(
            seen[..8],
            [
                "0 s",
                "500 ms",
                "10 s",
                "1 min",
                "1 min 30 s",
                "1 h",
                "1 h 30 min",
                "1 d"
            ]
        );
        assert_eq!(seen[8..10], ["1 d 1 h", "0 s"]);
    }

    #[test]
    fn a_change_of_the_clocks_is_named() {
        let (berlin, night) = (TimeZone::get("Europe/Berlin").expect("bundled"), 1_792_875_600.0);
        assert_eq!(change(&berlin, night, night + 32_400.0), ", UTC+2 then UTC+1");
        assert_eq!(change(&berlin, night, night + 60.0), "");
        let kolkata = TimeZone::get("Asia/Kolkata").expect("bundled");
        assert_eq!(change(&kolkata, night, night + 32_400.0), "");
    }

    #[test]
    fn a_range_names_its_days() {
        let at = 1_793_872_800.0;
        assert_eq!(
            range(at, at + 3600.0, &TimeZone::UTC),
            "Thu 5 Nov 2026, 10:00–11:00"
        );
        assert_eq!(
            range(at, at + 86_400.0, &TimeZone::UTC),
            "5 Nov 10:00 – 6 Nov 2026 10:00"
        );
        assert_eq!(time(at, at, at + 86_400.0, &TimeZone::UTC), "5 Nov 10:00");
        assert_eq!(zone(&TimeZone::UTC, at), "UTC");
        assert_eq!(
            zone(&TimeZone::get("Europe/Berlin").expect("bundled"), at),
            "Europe/Berlin"
        );
    }
}
