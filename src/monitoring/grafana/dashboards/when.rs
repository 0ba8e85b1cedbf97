//! Moments as Grafana writes them: `now`, `now-6h`, `now-1d/d`, milliseconds since 1970, or a date.

use jiff::{Timestamp, ToSpan as _, Unit, Zoned, civil::Weekday, tz::TimeZone};

/// What a moment means for who lives in this zone. At the end of a range, a rounded one is the end of its day, week, month.
#[must_use]
pub fn when(text: &str, now: Timestamp, zone: &TimeZone, end: bool) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(math) = text.strip_prefix("now") {
        return moved(now.to_zoned(zone.clone()), math, end).map(|at| at.timestamp());
    }
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    local.to_zoned(zone.clone()).ok().map(|at| at.timestamp())
}

/// `-6h`, `+1d`, `/d`, one after the other.
fn moved(mut at: Zoned, math: &str, end: bool) -> Option<Zoned> {
    let mut rest = math;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let count: i64 = match rest[..digits].parse() {
            Ok(count) => count,
            Err(_) if digits == 0 => 1,
            Err(_) => return None,
        };
        let unit = rest[digits..].chars().next()?;
        rest = &rest[digits + unit.len_utf8()..];
        at = match sign {
            '-' => at.checked_sub(span(count, unit)?).ok()?,
            '+' => at.checked_add(span(count, unit)?).ok()?,
            '/' => {
                let start = start_of(&at, unit)?;
                match end {
                    true => start.checked_add(span(1, unit)?).ok()?,
                    false => start,
                }
            }
            _ => return None,
        };
    }
    Some(at)
}

fn span(count: i64, unit: char) -> Option<jiff::Span> {
    Some(match unit {
        's' => count.seconds(),
        'm' => count.minutes(),
        'h' => count.hours(),
        'd' => count.days(),
        'w' => count.weeks(),
        'M' => count.months(),
        'y' => count.years(),
        _ => return None,
    })
}

fn start_of(at: &Zoned, unit: char) -> Option<Zoned> {
    let floor = |unit: Unit| {
        at.round(
            jiff::ZonedRound::new()
                .smallest(unit)
                .mode(jiff::RoundMode::Floor),
        )
        .ok()
    };
    match unit {
        's' => floor(Unit::Second),
        'm' => floor(Unit::Minute),
        'h' => floor(Unit::Hour),
        'd' => at.start_of_day().ok(),
        'w' => {
            let back = i64::from(at.weekday().since(Weekday::Monday));
            at.checked_sub(back.days()).ok()?.start_of_day().ok()
        }
        'M' => at.first_of_month().ok()?.start_of_day().ok(),
        'y' => at.first_of_year().ok()?.start_of_day().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, end: bool) -> String {
        let now: Timestamp = "2026-03-11T10:20:30Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        when(text, now, &zone, end).map_or_else(|| "none".into(), |at| at.to_string())
    }

    #[test]
    fn moments() {
        assert_eq!(at("now", true), "2026-03-11T10:20:30Z");
        assert_eq!(at("now-6h", false), "2026-03-11T04:20:30Z");
        assert_eq!(at("now-1d/d", false), "2026-03-09T23:00:00Z");
        assert_eq!(at("now-1d/d", true), "2026-03-10T23:00:00Z");
        assert_eq!(at("now/w", false), "2026-03-08T23:00:00Z");
        assert_eq!(at("now/M", false), "2026-02-28T23:00:00Z");
        assert_eq!(at("1773224430000", false), "2026-03-11T10:20:30Z");
        assert_eq!(at("2026-03-11T10:20:30Z", false), "2026-03-11T10:20:30Z");
        assert_eq!(at("2026-03-11 11:20:30", false), "2026-03-11T10:20:30Z");
        for bad in [
            "soon",
            "now-",
            "now-6",
            "now-6x",
            "now*2h",
            "now-99999999999999999999h",
        ] {
            assert_eq!(at(bad, false), "none", "{bad}");
        }
    }
}
