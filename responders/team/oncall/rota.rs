//! Rotas: who is on call by turns, read from a file.
//!
//! ```toml
//! [backend]
//! people = ["U012AB3CD", "ben@example.com", "Carl"]   # by turns, in this order
//! since = "2026-01-05T09:00"                           # the first one's turn began
//! every = "1 week"
//! zone = "Europe/Berlin"
//!
//! [[backend.overrides]]
//! person = "Dora"
//! from = "2026-12-24T09:00"
//! until = "2026-12-28T09:00"
//! ```
//!
//! Turns change by the clock on the wall: at 9:00 in summer and in winter.

use jiff::{Span, SpanRelativeTo, Timestamp, ToSpan as _, Unit, civil::DateTime, tz::TimeZone};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

/// All rotas of a file, by team.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rotas(BTreeMap<String, Rota>);

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Now {
    /// Who; nobody before the first turn.
    pub(crate) who: Option<String>,
    /// Until when.
    pub(crate) until: Option<Timestamp>,
    /// Who comes next.
    pub(crate) next: Option<String>,
}

/// A rota, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    people: Vec<String>,
    since: DateTime,
    every: String,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    overrides: Vec<Override>,
}

/// Somebody stands in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    person: String,
    from: DateTime,
    until: DateTime,
}

#[derive(Debug, Clone)]
struct Rota {
    people: Vec<String>,
    since: DateTime,
    /// Minutes of the clock on the wall.
    every: i64,
    zone: TimeZone,
    overrides: Vec<Override>,
}

impl Rotas {
    /// What is in a file; or what is wrong with it, in a sentence.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("{} cannot be used: {why}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: BTreeMap<String, Written> =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let rotas = written.into_iter().map(|(team, rota)| match rota.ready() {
            Ok(rota) => Ok((team, rota)),
            Err(why) => Err(format!("[{team}] {why}")),
        });
        Ok(Self(rotas.collect::<Result<_, _>>()?))
    }

    /// The teams.
    pub(crate) fn teams(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whose turn it is in a team; nothing when there is no rota for it.
    pub(crate) fn turn(&self, team: &str, now: Timestamp) -> Option<Now> {
        self.0.get(team).map(|rota| rota.turn(now))
    }
}

impl Written {
    fn ready(self) -> Result<Rota, String> {
        if self.people.is_empty() {
            return Err("people: nobody is named".into());
        }
        let span: Span = self.every.parse().map_err(|_| {
            format!(
                "every = {:?} is no length of time; write \"1 week\" or \"12h\"",
                self.every
            )
        })?;
        let every = span
            .total((Unit::Minute, SpanRelativeTo::days_are_24_hours()))
            // Months and years differ.
            .or_else(|_| span.total((Unit::Minute, self.since)))
            .map_err(|error| format!("every = {:?}: {error}", self.every))?;
        if !(60.0..=60.0 * 24.0 * 366.0).contains(&every) {
            return Err(format!(
                "every = {:?} is not between an hour and a year",
                self.every
            ));
        }
        let name = self.zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(name).map_err(|_| {
            format!("zone: there is no time zone called {name:?}; write it as the IANA database does, for example \"Europe/Berlin\"")
        })?;
        if let Some(wrong) = self.overrides.iter().find(|over| over.until <= over.from) {
            return Err(format!("overrides: {}'s ends before it begins", wrong.person));
        }
        Ok(Rota {
            people: self.people,
            since: self.since,
            #[allow(clippy::cast_possible_truncation, reason = "at most a year of minutes")]
            every: every.round() as i64,
            zone,
            overrides: self.overrides,
        })
    }
}

impl Rota {
    fn turn(&self, now: Timestamp) -> Now {
        let wall = now.to_zoned(self.zone.clone()).datetime();
        let standing_in = |at: DateTime| {
            self.overrides
                .iter()
                .find(|over| over.from <= at && at < over.until)
        };
        // Who it would be without anybody standing in, and until when.
        let regular = |at: DateTime| -> (Option<&String>, DateTime) {
            let Some(turn) = self.number(at) else {
                return (None, self.since);
            };
            let who = usize::try_from(turn.rem_euclid(i64::try_from(self.people.len()).unwrap_or(1)))
                .ok()
                .and_then(|at| self.people.get(at));
            (who, self.begin(turn.saturating_add(1)))
        };
        let on = |at: DateTime| -> (Option<&String>, DateTime) {
            let over = standing_in(at);
            let (who, until) = regular(at);
            let begins = self
                .overrides
                .iter()
                .map(|over| over.from)
                .filter(|from| *from > at);
            match over {
                Some(over) => (Some(&over.person), over.until),
                None => (who, begins.chain([until]).min().unwrap_or(until)),
            }
        };
        let (who, mut until) = on(wall);
        // Whoever comes next is the first who is somebody else.
        let mut next = None;
        for _ in 0..=self.people.len() + self.overrides.len() {
            let (then, end) = on(until);
            if then != who {
                next = then;
                break;
            }
            if end <= until {
                break;
            }
            until = end;
        }
        let alone = next.is_none();
        let moment = until.to_zoned(self.zone.clone()).ok().map(|at| at.timestamp());
        Now {
            who: who.cloned(),
            until: moment.filter(|_| !alone),
            next: next.cloned(),
        }
    }

    /// Which turn it is, from 0; none before the first.
    fn number(&self, at: DateTime) -> Option<i64> {
        let span = at.since((Unit::Minute, self.since)).ok()?;
        let passed = span.get_minutes();
        (at >= self.since).then(|| passed.div_euclid(self.every))
    }

    /// When a turn begins, by the clock on the wall.
    fn begin(&self, turn: i64) -> DateTime {
        let minutes = turn.saturating_mul(self.every);
        minutes.minutes_after(self.since).unwrap_or(DateTime::MAX)
    }
}

trait After {
    fn minutes_after(self, at: DateTime) -> Option<DateTime>;
}

impl After for i64 {
    fn minutes_after(self, at: DateTime) -> Option<DateTime> {
        // Days and minutes apart: a span holds only so many minutes.
        let (days, minutes) = (self.div_euclid(1440), self.rem_euclid(1440));
        at.checked_add(Span::new().try_days(days).ok()?)
            .and_then(|at| at.checked_add(minutes.minutes()))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [backend]
        people = ["Ann", "Ben", "Carl"]
        since = "2026-01-05T09:00"
        every = "1 week"
        zone = "Europe/Berlin"

        [[backend.overrides]]
        person = "Dora"
        from = "2026-01-14T09:00"
        until = "2026-01-15T09:00"

        [alone]
        people = ["Eve"]
        since = "2026-01-01T00:00"
        every = "12h"
    "#;

    fn at(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        let now = text.parse().unwrap();
        let turn = Rotas::parse(FILE).unwrap().turn("backend", now).unwrap();
        (turn.who, turn.until.map(|at| at.to_string()), turn.next)
    }

    fn is(who: &str, until: &str, next: &str) -> (Option<String>, Option<String>, Option<String>) {
        (Some(who.into()), Some(until.into()), Some(next.into()))
    }

    #[test]
    fn it_goes_round_by_the_clock_on_the_wall() {
        assert_eq!(
            at("2026-01-05T08:00:00Z"),
            is("Ann", "2026-01-12T08:00:00Z", "Ben")
        );
        assert_eq!(at("2026-01-05T07:59:00Z").0, None);
        // In summer nine o'clock is an hour earlier.
        assert_eq!(
            at("2026-07-06T06:59:00Z"),
            is("Ben", "2026-07-06T07:00:00Z", "Carl")
        );
        assert_eq!(
            at("2026-07-06T07:00:00Z"),
            is("Carl", "2026-07-13T07:00:00Z", "Ann")
        );
    }

    #[test]
    fn somebody_stands_in() {
        assert_eq!(
            at("2026-01-13T08:00:00Z"),
            is("Ben", "2026-01-14T08:00:00Z", "Dora")
        );
        assert_eq!(
            at("2026-01-14T08:00:00Z"),
            is("Dora", "2026-01-15T08:00:00Z", "Ben")
        );
        assert_eq!(
            at("2026-01-15T08:00:00Z"),
            is("Ben", "2026-01-19T08:00:00Z", "Carl")
        );
    }

    #[test]
    fn who_is_alone_is_never_relieved() {
        let turn = Rotas::parse(FILE).unwrap();
        let turn = turn
            .turn("alone", "2030-01-01T00:00:00Z".parse().unwrap())
            .unwrap();
        assert_eq!(
            (turn.who.as_deref(), turn.until, turn.next),
            (Some("Eve"), None, None)
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let wrong = |text: &str| Rotas::parse(text).unwrap_err();
        let rota = |more: &str| format!("[a]\nsince = \"2026-01-01T00:00\"\n{more}");
        assert!(wrong(&rota("people = []\nevery = \"1w\"")).contains("[a] people: nobody"));
        assert!(wrong(&rota("people = [\"A\"]\nevery = \"soon\"")).contains("1 week"));
        assert!(wrong(&rota("people = [\"A\"]\nevery = \"1m\"")).contains("between an hour"));
        assert!(
            wrong(&rota("people = [\"A\"]\nevery = \"1w\"\nzone = \"Berlin\"")).contains("Europe/Berlin")
        );
        assert!(wrong(&rota("people = [\"A\"]\nevry = \"1w\"")).contains("evry"));
    }
}
