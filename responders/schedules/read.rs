//! When something is to happen, read from what people say: the longest beginning of a line that is a time.

use crate::when::{Days, LAST, Rhythm, SHORTEST, WEEK, When, moment, name, zone as find};
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use otus::suggest;

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
    /// This is nothing that comes again and again.
    BadRhythm(String),
    /// It is said that it is every month, but not on which day.
    NoDay,
    /// There is no such time zone.
    NoZone(String),
    /// It is over.
    Past(Box<When>),
    /// It is more often than every minute.
    TooOften,
    /// Nothing is said that is to be done.
    NoCommand,
}

/// The longest time one can plan ahead, in seconds: what is longer is a typing error.
const LONGEST: i64 = 3_650 * 86_400;

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
            let tomorrow = words.skip("tomorrow");
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
    let command = words.rest.trim_start_matches(APART).trim_start();
    if command.is_empty() {
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
        command: command.to_owned(),
    })
}

/// What may stand between the time and the command.
const APART: [char; 2] = [':', ','];

/// The words of a line that are not read yet.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next word, without what sets the time apart from the command: `9:00:`, `9:00,`.
    fn peek(&self) -> &'a str {
        self.raw().trim_end_matches(APART)
    }

    fn raw(&self) -> &'a str {
        self.rest.split_whitespace().next().unwrap_or_default()
    }

    /// Leaves a word out, if it is the next one. Answers whether it was.
    fn skip(&mut self, word: &str) -> bool {
        let there = self.peek().eq_ignore_ascii_case(word);
        if there {
            self.next();
        }
        there
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.rest = self.rest[self.raw().len()..].trim_start();
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
        while words.skip("and") {
            let other = words.next().unwrap_or_default();
            let day = weekday(other).ok_or_else(|| Unclear::BadDay(other.into()))?;
            days = days.and(Days::only(day));
            named = format!("{named} and {other}");
        }
        let time = at(words, &format!("every {named}"))?;
        *said = zoned(words)?;
        return Ok(Rhythm::Days { days, time });
    }
    if let Some(day) = day_of_month(words)? {
        let time = at(words, &format!("every {word} of the month"))?;
        *said = zoned(words)?;
        return Ok(Rhythm::Month { day, time });
    }
    let seconds = match unit(&word) {
        Some(unit) => {
            words.next();
            unit
        }
        None if !word.starts_with(|first: char| first.is_ascii_digit()) => {
            return Err(Unclear::BadRhythm(words.peek().to_owned()));
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

/// A day of the month, if that is what comes: `1st of the month`, `last day of every month`, `month on the 1st`.
fn day_of_month(words: &mut Words<'_>) -> Result<Option<i8>, Unclear> {
    if words.skip("month") {
        if !words.skip("on") {
            return Err(Unclear::NoDay);
        }
        words.skip("the");
        let word = words.peek();
        let day = ordinal(word).ok_or_else(|| Unclear::BadDay(word.to_owned()))?;
        words.next();
        if day == LAST {
            words.skip("day");
        }
        return Ok(Some(day));
    }
    let word = words.peek();
    let Some(day) = ordinal(word) else { return Ok(None) };
    words.next();
    let (which, next) = (word.to_lowercase(), words.peek().to_lowercase());
    if which == "last" && !["day", "of", "at"].contains(&next.as_str()) {
        return Err(Unclear::BadRhythm(
            format!("{word} {}", words.peek()).trim().to_owned(),
        ));
    }
    words.skip("day");
    if words.skip("of") {
        let _ = words.skip("the") || words.skip("every") || words.skip("each");
        if !words.skip("month") {
            return Err(Unclear::BadRhythm(format!("{word} of {}", words.peek())));
        }
    }
    Ok(Some(day))
}

/// `1st`, `22nd`, `last`.
fn ordinal(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    if word == "last" {
        return Some(LAST);
    }
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))?;
    let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|day| plain && (1..=LAST).contains(day))
}

/// A length of time: `2h`, `1h30m`, `2 hours`, `1 hour 30 minutes`.
fn length(words: &mut Words<'_>) -> Result<i64, Unclear> {
    let wrong = |word: &str| Unclear::BadLength(word.to_owned());
    let mut first = words.peek().to_owned();
    if !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number is no length without its unit.
        let mut ahead = Words { rest: words.rest };
        ahead.next();
        first = format!("{first} {}", ahead.peek()).trim().to_owned();
    }
    let mut seconds: i64 = 0;
    let mut any = false;
    loop {
        let mut ahead = Words { rest: words.rest };
        let Some(part) = part(&mut ahead) else { break };
        seconds = seconds.checked_add(part).ok_or_else(|| wrong(&first))?;
        words.rest = ahead.rest;
        any = true;
    }
    if !any || !(1..=LONGEST).contains(&seconds) {
        return Err(wrong(&first));
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
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    })
}

fn at(words: &mut Words<'_>, day: &str) -> Result<Time, Unclear> {
    let said = words.skip("at");
    // Without the word, a time must look like nothing else.
    if !said && read_clock(&words.peek().to_lowercase()).is_none() {
        return Err(Unclear::NoClock(day.to_owned()));
    }
    clock(words)
}

/// A time of the day: `9:00`, `17:30`, `9`, `9am`, `5:30 pm`, `noon`.
fn clock(words: &mut Words<'_>) -> Result<Time, Unclear> {
    let word = words.next().unwrap_or_default();
    let lower = word.to_lowercase();
    let half = words.peek().to_lowercase();
    if ["am", "pm"].contains(&half.as_str())
        && let Some(time) = read_clock(&format!("{lower}{half}"))
    {
        words.next();
        return Ok(time);
    }
    let whole_hour = || read_clock(&format!("{lower}:00")).filter(|_| !lower.contains(':'));
    read_clock(&lower)
        .or_else(whole_hour)
        .ok_or_else(|| Unclear::BadClock(word.to_owned()))
}

fn read_clock(word: &str) -> Option<Time> {
    match word {
        "noon" => return Time::new(12, 0, 0, 0).ok(),
        "midnight" => return Some(Time::midnight()),
        _ => {}
    }
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
    find(zone).ok_or_else(|| Unclear::NoZone(zone.to_owned()))
}

/// The line as it was probably meant, where one word of it is nearly one that is understood.
pub(crate) fn meant(line: &str, unclear: &Unclear, now: Timestamp, zone: &str) -> Option<String> {
    const RHYTHMS: [&str; 3] = ["day", "weekday", "weekend"];
    const UNITS: [&str; 8] = [
        "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks",
    ];
    let days = WEEK.iter().map(|(name, _)| *name);
    let zones: Vec<_>;
    let (wrong, candidates): (&str, Vec<&str>) = match unclear {
        Unclear::BadDay(word) => (word, days.collect()),
        Unclear::BadRhythm(word) => (word, days.chain(RHYTHMS).chain(["hour", "minute"]).collect()),
        Unclear::BadLength(word) => (word.split_once(' ')?.1, UNITS.to_vec()),
        Unclear::NoZone(word) => {
            zones = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            (word, zones.iter().map(String::as_str).collect())
        }
        _ => return None,
    };
    let near = suggest::nearest(wrong, candidates, 3);
    // Whole words only: the wrong one may be a part of another.
    let said: Vec<_> = line.split(' ').collect();
    let place = said.iter().position(|word| *word == wrong)?;
    near.into_iter().find_map(|near| {
        let mut meant = said.clone();
        meant[place] = near;
        let meant = meant.join(" ");
        read(&meant, now, zone).is_ok().then_some(meant)
    })
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

fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
