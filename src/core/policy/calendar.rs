//! When a freeze is in force: moments of a zone's clock, made into moments of the world.
//!
//! Clocks jump. A window whose first or last moment the clock shows twice (in autumn) begins at the first of the two and ends
//! at the second; one whose first or last moment the clock skips (in spring) begins and ends at the jump. So a window is
//! never shorter than the clock on the wall says, and never in two pieces.

use super::freezes::{Freeze, FreezeFault};
use crate::suggest;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

/// The minutes of a day.
const DAY: u16 = 24 * 60;
/// How many windows that follow each other without a gap are walked through; after that nobody knows when it opens.
const ADJOINING: usize = 100;

/// When a freeze is in force, read from its texts.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    weekly: Vec<Span>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A time in which a freeze is in force without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first moment; none when it has always been so.
    pub from: Option<Timestamp>,
    /// The first moment after it; none when nobody knows.
    pub until: Option<Timestamp>,
}

/// A part of every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// The day it begins on.
    day: Weekday,
    /// The minute of that day.
    begins: u16,
    /// So many days later it ends.
    days: u16,
    /// The minute of that day, up to the 1440th.
    ends: u16,
}

type Interval = (Timestamp, Timestamp);

impl Calendar {
    /// Reads what a freeze says.
    ///
    /// # Errors
    /// The key that cannot be read, and what to write instead.
    pub fn read(freeze: &Freeze) -> Result<Self, FreezeFault> {
        let zone = zone(freeze.zone.as_deref())?;
        let weekly = match &freeze.every {
            Some(every) => weekly(every)?,
            None => Vec::new(),
        };
        let moment = |key, text: &Option<String>| text.as_ref().map(|text| civil(key, text)).transpose();
        let calendar = Self {
            from: moment("from", &freeze.from)?.and_then(|at| begin(&zone, at)),
            until: moment("until", &freeze.until)?.and_then(|at| end(&zone, at)),
            zone,
            weekly,
        };
        if calendar.weekly.is_empty() && calendar.from.is_none() && calendar.until.is_none() {
            return Err(FreezeFault::new(
                "every",
                "it says nowhere when: give it `every`, or `from` and `until`",
            ));
        }
        if let (Some(from), Some(until)) = (calendar.from, calendar.until)
            && until <= from
        {
            return Err(FreezeFault::new("until", "it ends before it begins"));
        }
        Ok(calendar)
    }

    /// Whether it is in force, and until when.
    pub fn open_at(&self, now: Timestamp) -> Option<Window> {
        let from = self.holding(now).map(|(from, _)| from).min()?;
        let mut until = now;
        for _ in 0..ADJOINING {
            match self.holding(until).map(|(_, until)| until).max() {
                Some(later) => until = later,
                None => {
                    return Some(Window {
                        from: (from > Timestamp::MIN).then_some(from),
                        until: Some(until),
                    });
                }
            }
            if until == Timestamp::MAX {
                break;
            }
        }
        Some(Window {
            from: (from > Timestamp::MIN).then_some(from),
            until: None,
        })
    }

    /// The next time it will be in force, after the one that holds now if there is one.
    pub fn next_after(&self, now: Timestamp) -> Option<Window> {
        let free = match self.open_at(now) {
            Some(window) => window.until?,
            None => now,
        };
        // What begins once, later than any week from now, begins around its own first moment.
        let around = self.from.map_or(free, |from| from.max(free));
        let next = self
            .intervals(around)
            .into_iter()
            .map(|(from, _)| from)
            .filter(|from| *from >= free)
            .min()?;
        self.open_at(next)
    }

    fn holding(&self, at: Timestamp) -> impl Iterator<Item = Interval> {
        self.intervals(at)
            .into_iter()
            .filter(move |(from, until)| *from <= at && at < *until)
    }

    /// All windows that begin up to eight days before or after a moment.
    fn intervals(&self, around: Timestamp) -> Vec<Interval> {
        let (first, last) = (
            self.from.unwrap_or(Timestamp::MIN),
            self.until.unwrap_or(Timestamp::MAX),
        );
        if self.weekly.is_empty() {
            return vec![(first, last)];
        }
        let today = self.zone.to_datetime(around).date();
        let mut found = Vec::new();
        for offset in -8..=8 {
            let Ok(date) = today.checked_add(jiff::Span::new().days(offset)) else {
                continue;
            };
            for span in self.weekly.iter().filter(|span| span.day == date.weekday()) {
                let Some((from, until)) = span.on(date, &self.zone) else {
                    continue;
                };
                let (from, until) = (from.max(first), until.min(last));
                if from < until {
                    found.push((from, until));
                }
            }
        }
        found
    }
}

impl Span {
    fn on(&self, date: Date, zone: &TimeZone) -> Option<Interval> {
        let last = date
            .checked_add(jiff::Span::new().days(i64::from(self.days)))
            .ok()?;
        Some((
            begin(zone, minute(date, self.begins)?)?,
            end(zone, minute(last, self.ends)?)?,
        ))
    }

    /// The minutes of the week it takes, from Monday on, wrapping around.
    fn minutes(&self) -> impl Iterator<Item = usize> {
        let day = usize::from(DAY);
        let start = self.day.to_monday_zero_offset() as usize * day + usize::from(self.begins);
        let length = usize::from(self.days) * day + usize::from(self.ends) - usize::from(self.begins);
        (start..start + length).map(move |minute| minute % (7 * day))
    }
}

fn minute(date: Date, minute: u16) -> Option<DateTime> {
    let (date, minute) = if minute == DAY {
        (date.tomorrow().ok()?, 0)
    } else {
        (date, minute)
    };
    // Both fit: a minute of a day has at most 23 hours and 59 minutes.
    Some(date.at((minute / 60) as i8, (minute % 60) as i8, 0, 0))
}

/// The first moment at which the clock shows at least this.
fn begin(zone: &TimeZone, at: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(at).ok(),
        AmbiguousOffset::Gap { after, .. } => jump(zone, after.to_timestamp(at).ok()?),
    }
}

/// The last moment at which the clock shows this, or the jump over it.
fn end(zone: &TimeZone, at: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok(),
        AmbiguousOffset::Fold { after, .. } => after.to_timestamp(at).ok(),
        AmbiguousOffset::Gap { after, .. } => jump(zone, after.to_timestamp(at).ok()?),
    }
}

/// The clock's next jump after a moment.
fn jump(zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    zone.following(after)
        .next()
        .map(|transition| transition.timestamp())
}

fn zone(name: Option<&str>) -> Result<TimeZone, FreezeFault> {
    let Some(name) = name else {
        return Ok(TimeZone::UTC);
    };
    TimeZone::get(name).map_err(|_| {
        let all: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = suggest::nearest(name, all.iter().map(String::as_str), 1);
        let hint = match near.first() {
            Some(near) => format!("did you mean {near:?}?"),
            None => "write it as the IANA database does, like \"Europe/Berlin\"".into(),
        };
        FreezeFault::new("zone", format!("there is no time zone {name:?}; {hint}"))
    })
}

fn civil(key: &'static str, text: &str) -> Result<DateTime, FreezeFault> {
    let text = text.trim();
    if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        return Ok(date.at(0, 0, 0, 0));
    }
    ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|format| DateTime::strptime(format, text).ok())
        .ok_or_else(|| {
            FreezeFault::new(
                key,
                format!("{text:?} is no moment; write `2026-12-20` or `2026-12-20T16:00`, by the clock of its zone"),
            )
        })
}

/// Reads `fri 16:00 - mon 08:00`, `mon-fri 22:00 - 06:00`, `daily 12:00 - 13:00`, `sat,sun`.
fn weekly(text: &str) -> Result<Vec<Span>, FreezeFault> {
    let wrong = |why: &str| {
        FreezeFault::new(
            "every",
            format!(
                "{text:?} cannot be read: {why}; write for example `fri 16:00 - mon 08:00`, `mon-fri 22:00 - 06:00`, \
                 `daily 12:00 - 13:00` or `sat,sun`"
            ),
        )
    };
    let lower = text.to_lowercase().replace(['–', '—'], "-");
    let times = lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len());
    let (days, times) = lower.split_at(times);
    let days = weekdays(days).ok_or_else(|| wrong("these are no days of the week"))?;
    let spans: Vec<_> = if times.is_empty() {
        let whole = |day| Span {
            day,
            begins: 0,
            days: 0,
            ends: DAY,
        };
        days.into_iter().map(whole).collect()
    } else {
        let (begins, ends) = times
            .split_once('-')
            .ok_or_else(|| wrong("it does not say when it ends"))?;
        let begins = clock(begins)
            .filter(|minute| *minute < DAY)
            .ok_or_else(|| wrong("it begins at no time of the day"))?;
        let digit = ends.find(|c: char| c.is_ascii_digit()).unwrap_or(ends.len());
        let (last, ends) = ends.split_at(digit);
        let ends = clock(ends).ok_or_else(|| wrong("it ends at no time of the day"))?;
        let last = match last.trim() {
            "" => None,
            day => Some(weekday(day).ok_or_else(|| wrong("it ends on no day of the week"))?),
        };
        match (last, days.as_slice()) {
            (None, _) if begins == ends => return Err(wrong("it ends when it begins")),
            (None, _) => {
                let span = |day| Span {
                    day,
                    begins,
                    days: u16::from(ends < begins),
                    ends,
                };
                days.into_iter().map(span).collect()
            }
            (Some(last), &[first]) => {
                // From 0 to 6.
                let days = first.until(last) as u16;
                let days = if days == 0 && ends <= begins { 7 } else { days };
                vec![Span {
                    day: first,
                    begins,
                    days,
                    ends,
                }]
            }
            (Some(_), _) => return Err(wrong("it begins on more than one day and ends on one")),
        }
    };
    let mut week = vec![false; 7 * usize::from(DAY)];
    for minute in spans.iter().flat_map(Span::minutes) {
        week[minute] = true;
    }
    if week.iter().all(|taken| *taken) {
        return Err(FreezeFault::new(
            "every",
            format!("{text:?} is always; a rule with `deny = true` says that"),
        ));
    }
    Ok(spans)
}

/// Reads `daily`, `sat,sun`, `mon-fri`, `mon-wed, sat`.
fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    let text = text.trim();
    if text == "daily" {
        return Some(Weekday::Monday.cycle_forward().take(7).collect());
    }
    let mut days: Vec<Weekday> = Vec::new();
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (weekday(first)?, weekday(last)?),
            None => (weekday(part)?, weekday(part)?),
        };
        let length = first.until(last) as usize + 1;
        for day in first.cycle_forward().take(length) {
            if !days.contains(&day) {
                days.push(day);
            }
        }
    }
    Some(days)
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.trim() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// Reads `8:00`, `16:30`, `24:00` as the minute of the day.
fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |text: &str, most: usize| {
        (!text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())
            .flatten()
    };
    let (hours, minutes) = (
        digits(hours, 2)?,
        digits(minutes, 2).filter(|_| minutes.len() == 2)?,
    );
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY).then_some(minute)
}
