//! When something is to happen: said in words that [`crate::read`] understands, and turned into moments.
//!
//! A clock's time that a change of the clocks leaves out is the moment it is put forward to; one that comes twice counts the first
//! time only. A day that a month does not have is its last day, so that what is monthly comes each month. What comes after each so
//! many hours is counted from when it was scheduled, by hours that pass and not by the clock.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// The shortest time between two runs, in seconds.
pub(crate) const SHORTEST: i64 = 60;
/// The day that no month goes beyond, so that it is the last of each.
pub(crate) const LAST: i8 = 31;

/// When something is to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct When {
    /// Once, or again and again.
    pub(crate) rhythm: Rhythm,
    /// The time zone, as the IANA database names it.
    pub(crate) zone: String,
}

/// Once, or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rhythm {
    /// Once.
    Once {
        /// When.
        at: Timestamp,
    },
    /// On some days of the week, by the clock.
    Days {
        /// Which days.
        days: Days,
        /// At what time.
        time: Time,
    },
    /// On a day of each month, by the clock.
    Month {
        /// Which day; in a month without it, the last.
        day: i8,
        /// At what time.
        time: Time,
    },
    /// After each so many seconds.
    Interval {
        /// How many.
        seconds: i64,
        /// Counted from here.
        from: Timestamp,
    },
}

/// Days of the week, Monday in the lowest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Days(pub(crate) u8);

pub(crate) const WEEK: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl Days {
    /// All of them.
    pub(crate) const ALL: Self = Self(0b111_1111);
    /// Monday to Friday.
    pub(crate) const WEEKDAYS: Self = Self(0b001_1111);
    /// Saturday and Sunday.
    pub(crate) const WEEKEND: Self = Self(0b110_0000);

    pub(crate) fn only(day: Weekday) -> Self {
        Self(1 << day.to_monday_zero_offset())
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn holds(self, day: Weekday) -> bool {
        self.0 & Self::only(day).0 != 0
    }

    fn words(self) -> String {
        match self {
            Self::ALL => "day".into(),
            Self::WEEKDAYS => "weekday".into(),
            Self::WEEKEND => "weekend".into(),
            some => {
                let days: Vec<_> = WEEK
                    .iter()
                    .filter(|(_, day)| some.holds(*day))
                    .map(|(name, _)| capital(name))
                    .collect();
                days.join(" and ")
            }
        }
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// A zone by the name that the IANA database has for it.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    match name.eq_ignore_ascii_case("utc") {
        true => Some(TimeZone::UTC),
        false => TimeZone::get(name).ok(),
    }
}

/// What the database calls a zone.
pub(crate) fn name(tz: &TimeZone) -> String {
    tz.iana_name().unwrap_or("UTC").to_owned()
}

/// A time of a day as a moment.
pub(crate) fn moment(day: Date, time: Time, tz: &TimeZone) -> Option<Timestamp> {
    let zoned = day.to_datetime(time).to_zoned(tz.clone()).ok()?;
    Some(zoned.timestamp())
}

impl When {
    fn tz(&self) -> TimeZone {
        // For words only: what has no zone here does not run here.
        zone(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// Whether this machine knows the zone. It was known where it was scheduled.
    pub(crate) fn is_known(&self) -> bool {
        zone(&self.zone).is_some()
    }

    /// The first run after a moment; none when there is no more.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.rhythm {
            Rhythm::Once { at } => (*at > now).then_some(*at),
            Rhythm::Interval { seconds, from } => {
                let passed = now.as_second().saturating_sub(from.as_second());
                let runs = passed.div_euclid(*seconds).max(0) + 1;
                let next = from.as_second().checked_add(runs.checked_mul(*seconds)?)?;
                Timestamp::from_second(next).ok()
            }
            Rhythm::Days { .. } | Rhythm::Month { .. } => self.around(now).into_iter().find(|at| *at > now),
        }
    }

    /// The last run up to a moment; none when there was none yet.
    pub(crate) fn last_until(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.rhythm {
            Rhythm::Once { at } => (*at <= now).then_some(*at),
            Rhythm::Interval { seconds, from } => {
                let runs = now
                    .as_second()
                    .saturating_sub(from.as_second())
                    .div_euclid(*seconds);
                let last = from.as_second().checked_add(runs.checked_mul(*seconds)?)?;
                (runs > 0).then(|| Timestamp::from_second(last).ok()).flatten()
            }
            Rhythm::Days { .. } | Rhythm::Month { .. } => {
                self.around(now).into_iter().take_while(|at| *at <= now).last()
            }
        }
    }

    /// The runs by the clock around a moment, in order: of the nine days before and after it (a week, and what a change of the
    /// clocks can move), or of the two months before and after it.
    fn around(&self, now: Timestamp) -> Vec<Timestamp> {
        let tz = self.tz();
        let today = now.to_zoned(tz.clone()).date();
        match &self.rhythm {
            Rhythm::Days { days, time } => (-9_i64..=9)
                .filter_map(|away| today.checked_add(away.days()).ok())
                .filter(|day| days.holds(day.weekday()))
                .filter_map(|day| moment(day, *time, &tz))
                .collect(),
            Rhythm::Month { day, time } => (-2_i64..=2)
                .filter_map(|away| today.first_of_month().checked_add(away.months()).ok())
                .filter_map(|first| first.with().day((*day).min(first.days_in_month())).build().ok())
                .filter_map(|day| moment(day, *time, &tz))
                .collect(),
            Rhythm::Once { .. } | Rhythm::Interval { .. } => Vec::new(),
        }
    }

    /// Whether it happens more than once.
    pub(crate) fn repeats(&self) -> bool {
        !matches!(self.rhythm, Rhythm::Once { .. })
    }

    /// In words that read as the same time: `every weekday at 09:00 (Europe/Berlin)`.
    pub(crate) fn words(&self) -> String {
        match &self.rhythm {
            Rhythm::Once { at } => format!("on {}", self.moment(*at)),
            Rhythm::Days { days, time } => {
                format!("every {} at {} ({})", days.words(), shown(*time), self.zone)
            }
            Rhythm::Month { day: LAST, time } => {
                format!("every last day of the month at {} ({})", shown(*time), self.zone)
            }
            Rhythm::Month { day, time } => format!(
                "every {} of the month at {} ({})",
                ordinal(*day),
                shown(*time),
                self.zone
            ),
            Rhythm::Interval { seconds, .. } => format!("every {}", length_words(*seconds)),
        }
    }

    /// A moment in its zone: `2026-12-24 at 10:00 (Europe/Berlin)`.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.tz());
        format!("{} at {} ({})", local.date(), shown(local.time()), self.zone)
    }

    /// A moment in its zone, with the day of the week: `Thu 2026-12-24 10:00`.
    pub(crate) fn short(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.tz());
        format!("{} {}", local.strftime("%a %Y-%m-%d"), shown(local.time()))
    }
}

/// `1st`, `22nd`.
pub(crate) fn ordinal(day: i8) -> String {
    let ending = match (day % 10, day / 10) {
        (_, 1) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

fn shown(time: Time) -> String {
    match time.second() {
        0 => time.strftime("%H:%M").to_string(),
        _ => time.strftime("%H:%M:%S").to_string(),
    }
}

/// A length of time in words: `2 hours`, `1 hour 30 minutes`.
pub(crate) fn length_words(mut seconds: i64) -> String {
    let mut parts = Vec::new();
    for (unit, name) in [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")] {
        let count = seconds / unit;
        seconds %= unit;
        match count {
            0 => {}
            1 => parts.push(format!("1 {name}")),
            many => parts.push(format!("{many} {name}s")),
        }
    }
    parts.join(" ")
}

#[cfg(test)]
#[path = "when_tests.rs"]
pub(crate) mod tests;
