//! When something is to happen: read from what people say, said back in words, and turned into moments.
//!
//! A clock's time that a change of the clocks leaves out is the moment it is put forward to; one that comes twice counts the first
//! time only.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// The shortest time between two runs, in seconds.
pub(crate) const SHORTEST: i64 = 60;
/// The longest time one can plan ahead, in seconds: what is longer is a typing error.
const LONGEST: i64 = 3_650 * 86_400;

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

const WEEK: [(&str, Weekday); 7] = [
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

    fn only(day: Weekday) -> Self {
        Self(1 << day.to_monday_zero_offset())
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

/// Why what was said is no time; [`crate::texts`] has the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// It does not read as a time at all.
    NoTime,
    /// It is said on which day, but not at what time.
    NoClock(String),
    /// This is no time of the day.
    BadClock(String),
    /// This is no day.
    BadDay(String),
    /// This is no length of time.
    BadLength(String),
    /// There is no such time zone.
    NoZone(String),
    /// It is over.
    Past(Box<When>),
    /// It is more often than every minute.
    TooOften,
    /// Nothing is said that is to be done.
    NoCommand,
}

/// What was read: when, whether the zone was said, and the words after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// When.
    pub(crate) when: When,
    /// Whether the zone was said.
    pub(crate) zone_said: bool,
    /// What is to be done.
    pub(crate) command: String,
}

/// Reads the longest beginning of a line that is a time; what comes after it is the command. `zone` counts where none is said.
pub(crate) fn read(line: &str, now: Timestamp, zone: &str) -> Result<Read, Unclear> {
    let mut words = Words { rest: line.trim() };
    let first = words.next().unwrap_or_default().to_lowercase();
    let mut said = None;
    let rhythm = match first.as_str() {
        "in" => {
            let seconds = length(&mut words)?;
            let at = whole(now)
                .checked_add(SignedDuration::from_secs(seconds))
                .map_err(|_| Unclear::BadLength(seconds.to_string()))?;
            Rhythm::Once { at }
        }
        "every" => every(&mut words, now, &mut said)?,
        "at" => {
            let time = clock(&mut words)?;
            said = zoned(&mut words)?;
            let tomorrow = words.peek().eq_ignore_ascii_case("tomorrow");
            if tomorrow {
                words.next();
            }
            let tz = tz(said.as_deref().unwrap_or(zone))?;
            let today = now.to_zoned(tz.clone()).date();
            let days = if tomorrow { 1..=1 } else { 0..=2 };
            upcoming(days.map(|days| today.checked_add(days.days())), time, &tz, now)
                .ok_or(Unclear::NoTime)?
        }
        "tomorrow" => {
            let time = at(&mut words, "tomorrow")?;
            said = zoned(&mut words)?;
            let tz = tz(said.as_deref().unwrap_or(zone))?;
            let today = now.to_zoned(tz.clone()).date();
            upcoming([today.tomorrow()], time, &tz, now).ok_or(Unclear::NoTime)?
        }
        "on" => {
            let day = words.next().unwrap_or_default().to_owned();
            let time = at(&mut words, &format!("on {day}"))?;
            said = zoned(&mut words)?;
            let name = said.clone().unwrap_or_else(|| zone.to_owned());
            let tz = tz(&name)?;
            match weekday(&day) {
                Some(weekday) => {
                    let today = now.to_zoned(tz.clone()).date();
                    let days = (0..=8)
                        .map(|days| today.checked_add(days.days()))
                        .filter(|day| day.as_ref().is_ok_and(|day| day.weekday() == weekday));
                    upcoming(days, time, &tz, now).ok_or(Unclear::NoTime)?
                }
                None => {
                    let date: Date = day.parse().map_err(|_| Unclear::BadDay(day.clone()))?;
                    let at = moment(date, time, &tz).ok_or(Unclear::BadDay(day))?;
                    let rhythm = Rhythm::Once { at };
                    if at <= now {
                        return Err(Unclear::Past(Box::new(When { rhythm, zone: name })));
                    }
                    rhythm
                }
            }
        }
        _ => return Err(Unclear::NoTime),
    };
    if words.rest.is_empty() {
        return Err(Unclear::NoCommand);
    }
    let zone_said = said.is_some();
    let zone = match said {
        Some(said) => said,
        None => name(&tz(zone)?),
    };
    Ok(Read {
        when: When { rhythm, zone },
        zone_said,
        command: words.rest.to_owned(),
    })
}

/// The words of a line that are not read yet.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn peek(&self) -> &'a str {
        self.rest.split_whitespace().next().unwrap_or_default()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.rest = self.rest[word.len()..].trim_start();
        (!word.is_empty()).then_some(word)
    }
}

fn every(words: &mut Words<'_>, now: Timestamp, said: &mut Option<String>) -> Result<Rhythm, Unclear> {
    let word = words.peek().to_lowercase();
    let days = match word.as_str() {
        "day" => Some(Days::ALL),
        "weekday" | "workday" => Some(Days::WEEKDAYS),
        "weekend" => Some(Days::WEEKEND),
        day => weekday(day).map(Days::only),
    };
    if let Some(mut days) = days {
        let mut named = words.next().unwrap_or_default().to_owned();
        while words.peek().eq_ignore_ascii_case("and") {
            words.next();
            let other = words.next().unwrap_or_default();
            let day = weekday(other).ok_or_else(|| Unclear::BadDay(other.into()))?;
            days.0 |= Days::only(day).0;
            named = format!("{named} and {other}");
        }
        let time = at(words, &format!("every {named}"))?;
        *said = zoned(words)?;
        return Ok(Rhythm::Days { days, time });
    }
    let seconds = match unit(&word) {
        Some(unit) => {
            words.next();
            unit
        }
        None => length(words)?,
    };
    if seconds < SHORTEST {
        return Err(Unclear::TooOften);
    }
    Ok(Rhythm::Interval {
        seconds,
        from: whole(now),
    })
}

/// A length of time: `2h`, `1h30m`, `2 hours`, `1 hour 30 minutes`.
fn length(words: &mut Words<'_>) -> Result<i64, Unclear> {
    let wrong = |word: &str| Unclear::BadLength(word.to_owned());
    let first = words.peek();
    let mut seconds: i64 = 0;
    let mut any = false;
    loop {
        let mut ahead = Words { rest: words.rest };
        let Some(part) = part(&mut ahead) else { break };
        seconds = seconds.checked_add(part).ok_or_else(|| wrong(first))?;
        words.rest = ahead.rest;
        any = true;
    }
    if !any || !(1..=LONGEST).contains(&seconds) {
        return Err(wrong(first));
    }
    Ok(seconds)
}

/// One word of a length, or a number and its unit.
fn part(words: &mut Words<'_>) -> Option<i64> {
    let word = words.next()?;
    let number = |digits: &str| digits.parse::<i64>().ok();
    if let Some(count) = number(word).filter(|_| word.bytes().all(|byte| byte.is_ascii_digit())) {
        return count.checked_mul(unit(words.next()?)?);
    }
    let mut rest = word;
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = number(&rest[..digits])?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        seconds = seconds.checked_add(count.checked_mul(unit(&rest[..letters])?)?)?;
        rest = &rest[letters..];
    }
    Some(seconds)
}

fn unit(word: &str) -> Option<i64> {
    Some(match word.to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    })
}

fn at(words: &mut Words<'_>, day: &str) -> Result<Time, Unclear> {
    if !words.peek().eq_ignore_ascii_case("at") {
        return Err(Unclear::NoClock(day.to_owned()));
    }
    words.next();
    clock(words)
}

/// A time of the day: `9:00`, `17:30`, `9am`, `5:30pm`.
fn clock(words: &mut Words<'_>) -> Result<Time, Unclear> {
    let word = words.next().unwrap_or_default();
    read_clock(&word.to_lowercase()).ok_or_else(|| Unclear::BadClock(word.to_owned()))
}

fn read_clock(word: &str) -> Option<Time> {
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (word, None),
    };
    let numbers: Vec<i8> = digits
        .split(':')
        .map(|part| {
            let fits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| fits)
        })
        .collect::<Option<_>>()?;
    let (hour, minute, second) = match (numbers.as_slice(), half) {
        ([hour], Some(_)) => (*hour, 0, 0),
        ([hour, minute], _) => (*hour, *minute, 0),
        ([hour, minute, second], None) => (*hour, *minute, *second),
        _ => return None,
    };
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// The zone, if the next word is one: `Europe/Berlin`, `UTC`, also in brackets.
fn zoned(words: &mut Words<'_>) -> Result<Option<String>, Unclear> {
    let word = words.peek();
    let bare = word.trim_start_matches('(').trim_end_matches(')');
    let bracketed = bare.len() < word.len();
    let place = bare.contains('/')
        && bare.starts_with(|first: char| first.is_ascii_alphabetic())
        && bare
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "/_+-".contains(letter));
    if !place && !bracketed && !bare.eq_ignore_ascii_case("utc") {
        return Ok(None);
    }
    let found = name(&tz(bare)?);
    words.next();
    Ok(Some(found))
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.to_lowercase();
    WEEK.iter()
        .find(|(name, _)| *name == word || name[..3] == word)
        .map(|(_, day)| *day)
}

fn tz(zone: &str) -> Result<TimeZone, Unclear> {
    if zone.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(zone).map_err(|_| Unclear::NoZone(zone.to_owned()))
}

fn name(tz: &TimeZone) -> String {
    tz.iana_name().unwrap_or("UTC").to_owned()
}

/// The first of these days on which that time is still to come.
fn upcoming(
    days: impl IntoIterator<Item = Result<Date, jiff::Error>>,
    time: Time,
    tz: &TimeZone,
    now: Timestamp,
) -> Option<Rhythm> {
    days.into_iter()
        .filter_map(|day| moment(day.ok()?, time, tz))
        .find(|at| *at > now)
        .map(|at| Rhythm::Once { at })
}

/// A time of a day as a moment.
fn moment(day: Date, time: Time, tz: &TimeZone) -> Option<Timestamp> {
    let zoned = day.to_datetime(time).to_zoned(tz.clone()).ok()?;
    Some(zoned.timestamp())
}

fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

impl When {
    fn tz(&self) -> TimeZone {
        // It was found when it was scheduled; a database without it since then is another machine's.
        tz(&self.zone).unwrap_or(TimeZone::UTC)
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
            Rhythm::Days { .. } => self.around(now).find(|at| *at > now),
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
            Rhythm::Days { .. } => self.around(now).take_while(|at| *at <= now).last(),
        }
    }

    /// The runs by the clock from nine days before to nine days after a moment, in order: a week, and what a clock that is
    /// changed can move.
    fn around(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let (days, time) = match &self.rhythm {
            Rhythm::Days { days, time } => (*days, *time),
            _ => (Days(0), Time::midnight()),
        };
        let tz = self.tz();
        let today = now.to_zoned(tz.clone()).date();
        (-9_i64..=9).filter_map(move |away| {
            let day = today.checked_add(away.days()).ok()?;
            days.holds(day.weekday())
                .then(|| moment(day, time, &tz))
                .flatten()
        })
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
mod tests;
