//! How a graph is to look and what it is to show besides, as one says it behind its name: `from 13:00 to 14:00 vs last week top 5 as area`.

use std::{str::FromStr, time::Duration};

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Time},
    tz::TimeZone,
};
use otus::UserError;
use otus_monitoring::duration;
use serde::Deserialize;

use crate::texts;

/// How values are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Form {
    /// Lines.
    #[default]
    Line,
    /// Filled areas behind each other.
    Area,
    /// Filled areas on top of each other.
    Stacked,
    /// Values that hold until the next one.
    Steps,
    /// Bars on top of each other.
    Bars,
    /// The last values, large.
    Stat,
    /// The last values as bars.
    Gauge,
    /// Last, lowest, highest and mean values as text.
    Table,
    /// A distribution over time, of a histogram's buckets.
    Heatmap,
}

impl Form {
    /// All of them, by the names they are said with.
    pub(crate) const ALL: [(&'static str, Self); 9] = [
        ("line", Self::Line),
        ("area", Self::Area),
        ("stacked", Self::Stacked),
        ("steps", Self::Steps),
        ("bars", Self::Bars),
        ("stat", Self::Stat),
        ("gauge", Self::Gauge),
        ("table", Self::Table),
        ("heatmap", Self::Heatmap),
    ];
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, form)| form)
            .ok_or_else(texts::forms)
    }
}

/// What was said about the look and the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) form: Option<Form>,
    /// Beside the same time a week before.
    pub(crate) last_week: bool,
    /// So many series are named at most.
    pub(crate) top: Option<usize>,
    /// From when to when, as it was said.
    pub(crate) period: Option<(Moment, Moment)>,
    /// On a button: the message it stands on shows it from now on.
    pub(crate) here: bool,
}

/// A moment as one says it, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) said: String,
    when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    At(Timestamp),
    Ago(Duration),
    /// The last time the clock showed this.
    Clock(Time),
    /// So many days ago at this time.
    Before(i32, Time),
    On(Date, Time),
}

impl FromStr for Manner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const STARTS: [&str; 6] = ["from", "vs", "vs.", "top", "as", "here"];
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut manner = Self::default();
        let mut rest = words.as_slice();
        while let [word, more @ ..] = rest {
            rest = match (word.to_ascii_lowercase().as_str(), more) {
                ("vs" | "vs.", [last, week, more @ ..])
                    if last.eq_ignore_ascii_case("last") && week.eq_ignore_ascii_case("week") =>
                {
                    manner.last_week = true;
                    more
                }
                ("top", [count, more @ ..]) => {
                    let count = count.parse().ok().filter(|count| (1..=12).contains(count));
                    manner.top = Some(count.ok_or(texts::NOT_A_COUNT)?);
                    more
                }
                ("as", [form, more @ ..]) => {
                    manner.form = Some(form.parse()?);
                    more
                }
                ("here", more) => {
                    manner.here = true;
                    more
                }
                ("from", more) => {
                    let end = more
                        .iter()
                        .position(|word| STARTS.contains(word))
                        .unwrap_or(more.len());
                    let to = more[..end].iter().position(|word| *word == "to");
                    let to = to.ok_or(texts::NOT_A_PERIOD)?;
                    let (from, until) = (more[..to].join(" "), more[to + 1..end].join(" "));
                    manner.period = Some((from.parse()?, until.parse()?));
                    &more[end..]
                }
                _ => return Err(texts::NOT_A_MANNER.to_owned()),
            };
        }
        Ok(manner)
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let when = when(text).ok_or(texts::NOT_A_PERIOD)?;
        Ok(Self {
            said: text.to_owned(),
            when,
        })
    }
}

fn when(text: &str) -> Option<When> {
    let midnight = Time::midnight();
    // With a zone of its own it is the same moment for everybody.
    if let Ok(at) = text.parse() {
        return Some(When::At(at));
    }
    let words: Vec<&str> = text.split(['T', ' ']).filter(|word| *word != "at").collect();
    match words.as_slice() {
        ["now"] => Some(When::Now),
        ["today"] => Some(When::Before(0, midnight)),
        ["yesterday"] => Some(When::Before(1, midnight)),
        ["today", time] => Some(When::Before(0, clock(time)?)),
        ["yesterday", time] => Some(When::Before(1, clock(time)?)),
        [span, "ago"] => duration::parse(span).ok().map(When::Ago),
        [date, time] => Some(When::On(date.parse().ok()?, clock(time)?)),
        [one] => clock(one)
            .map(When::Clock)
            .or_else(|| one.parse().ok().map(|date| When::On(date, midnight)))
            .or_else(|| duration::parse(one).ok().map(When::Ago)),
        _ => None,
    }
}

/// `9:00` or `09:00`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl Moment {
    /// The moment it means for who lives in this zone.
    fn resolve(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        let at = |date: Option<Date>, time: Time| {
            let zoned = date?.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(zoned.timestamp())
        };
        match self.when {
            When::Now => Some(now),
            When::At(at) => Some(at),
            When::Ago(span) => now.checked_sub(span).ok(),
            When::Clock(time) => at(Some(today), time)
                .filter(|at| *at <= now)
                .or_else(|| at(today.yesterday().ok(), time)),
            When::Before(days, time) => at(today.checked_sub(days.days()).ok(), time),
            When::On(date, time) => at(Some(date), time),
        }
    }
}

impl Form {
    /// What one says for it.
    fn name(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, form)| *form == self);
        found.map_or("line", |(name, _)| name)
    }

    /// Whether it is drawn over the time, so that the week before can lie behind it.
    pub(crate) fn is_over_time(self) -> bool {
        !matches!(self, Self::Stat | Self::Gauge | Self::Table | Self::Heatmap)
    }
}

impl Moment {
    /// As people read it, in this zone.
    fn shown(&self, zone: &TimeZone) -> String {
        match self.when {
            When::At(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
            _ => self.said.clone(),
        }
    }
}

/// The words for a time of the past that are the same moments whenever and wherever they are said.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    let at = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!("from {} to {}", at(from), at(to))
}

impl Manner {
    /// What one says for it, but for the time and for where it is shown.
    pub(crate) fn words(&self) -> String {
        let form = self.form.map(|form| format!("as {}", form.name()));
        let top = self.top.map(|top| format!("top {top}"));
        let week = self.last_week.then(|| "vs last week".to_owned());
        let words: Vec<String> = [form, top, week].into_iter().flatten().collect();
        words.join(" ")
    }

    /// The time that was said, as people read it in this zone.
    pub(crate) fn period(&self, zone: &TimeZone) -> Option<String> {
        let (from, to) = self.period.as_ref()?;
        Some(format!("from {} to {}", from.shown(zone), to.shown(zone)))
    }

    /// From when to when, if it was said. What is to come is not shown.
    pub(crate) fn range(
        &self,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, Timestamp)>, UserError> {
        let Some((from, to)) = &self.period else {
            return Ok(None);
        };
        let resolve = |moment: &Moment| {
            let resolved = moment.resolve(zone, now);
            resolved.ok_or_else(|| UserError::new(texts::NOT_A_PERIOD))
        };
        let (from, to) = (resolve(from)?, resolve(to)?.min(now));
        if to.duration_since(from).as_secs() < 60 {
            return Err(texts::backwards());
        }
        Ok(Some((from, to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(said: &str) -> (String, String) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-23T13:15:00Z".parse().unwrap();
        let manner: Manner = said.parse().unwrap();
        let (from, to) = manner.range(&zone, now).unwrap().unwrap();
        (from.to_string(), to.to_string())
    }

    #[test]
    fn periods_are_of_the_viewers_clock() {
        let at = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            range("from 13:00 to 14:00"),
            at("2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z")
        );
        assert_eq!(
            range("from 23:00 to 23:30"),
            at("2026-11-22T22:00:00Z", "2026-11-22T22:30:00Z")
        );
        assert_eq!(
            range("from 3h ago to now"),
            at("2026-11-23T10:15:00Z", "2026-11-23T13:15:00Z")
        );
        assert_eq!(
            range("from yesterday 9:00 to today at 9:00 as area"),
            at("2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z")
        );
        assert_eq!(
            range("from 2026-11-23T11:00Z to 2026-11-23T14:00+02:00"),
            at("2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z")
        );
        // The clocks change on that day, and what is to come is cut off.
        assert_eq!(
            range("from 2026-10-25 to 2026-10-25 12:00"),
            at("2026-10-24T22:00:00Z", "2026-10-25T11:00:00Z")
        );
        assert_eq!(
            range("from 2026-11-23T13:00 to 2027-01-01").1,
            "2026-11-23T13:15:00Z"
        );
    }

    #[test]
    fn they_are_said_in_any_order() {
        let manner: Manner = "as stacked  top 3 vs last week".parse().unwrap();
        assert_eq!(
            (manner.form, manner.top, manner.last_week, manner.here),
            (Some(Form::Stacked), Some(3), true, false)
        );
        assert_eq!(manner.words(), "as stacked top 3 vs last week");
        assert_eq!(manner.words().parse(), Ok(manner));
        let here: Manner = "from 3h ago to now here".parse().unwrap();
        assert!(here.here);
        assert_eq!(here.period(&TimeZone::UTC).as_deref(), Some("from 3h ago to now"));
        let from: Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
        let exact: Manner = between(from, from + jiff::SignedDuration::from_hours(1))
            .parse()
            .unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(
            exact.period(&berlin).as_deref(),
            Some("from 2026-11-23 12:00 to 2026-11-23 13:00")
        );
        assert_eq!("".parse::<Manner>(), Ok(Manner::default()));
        assert!("as cake".parse::<Manner>().unwrap_err().contains("`stacked`"));
        assert_eq!("top 99".parse::<Manner>(), Err(texts::NOT_A_COUNT.to_owned()));
        assert_eq!(
            "from noon to now".parse::<Manner>(),
            Err(texts::NOT_A_PERIOD.to_owned())
        );
        let backwards: Manner = "from now to 3h ago".parse().unwrap();
        assert!(backwards.range(&TimeZone::UTC, Timestamp::now()).is_err());
    }
}
