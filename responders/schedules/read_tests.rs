//! What is read as a time.

use super::*;
use crate::when::tests::{ZONES, moments, ts, whens};
use proptest::prelude::*;

/// Monday, 2 in the afternoon in London, 3 in Berlin.
fn monday() -> Timestamp {
    ts("2026-11-23T14:00:00Z")
}

fn said(line: &str) -> (String, String, String) {
    let read = read(line, monday(), "Europe/Berlin").unwrap_or_else(|why| panic!("{line}: {why:?}"));
    let next = read.when.next_after(monday()).unwrap();
    (read.when.words(), next.to_string(), read.command)
}

#[test]
fn times_are_read_as_people_say_them() {
    for (line, words, next) in [
        (
            "in 2h x y",
            "on 2026-11-23 at 17:00 (Europe/Berlin)",
            "2026-11-23T16:00:00Z",
        ),
        (
            "in 1 hour 30 minutes x y",
            "on 2026-11-23 at 16:30 (Europe/Berlin)",
            "2026-11-23T15:30:00Z",
        ),
        (
            "In 1h30m x y",
            "on 2026-11-23 at 16:30 (Europe/Berlin)",
            "2026-11-23T15:30:00Z",
        ),
        (
            "at 17:30 x y",
            "on 2026-11-23 at 17:30 (Europe/Berlin)",
            "2026-11-23T16:30:00Z",
        ),
        (
            "at 5:30pm x y",
            "on 2026-11-23 at 17:30 (Europe/Berlin)",
            "2026-11-23T16:30:00Z",
        ),
        (
            "at 14:30 x y",
            "on 2026-11-24 at 14:30 (Europe/Berlin)",
            "2026-11-24T13:30:00Z",
        ),
        (
            "at 14:30 UTC x y",
            "on 2026-11-23 at 14:30 (UTC)",
            "2026-11-23T14:30:00Z",
        ),
        (
            "at 9am tomorrow x y",
            "on 2026-11-24 at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "tomorrow at 9:00 x y",
            "on 2026-11-24 at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "on friday at 16:00 x y",
            "on 2026-11-27 at 16:00 (Europe/Berlin)",
            "2026-11-27T15:00:00Z",
        ),
        (
            "on mon at 9:00 x y",
            "on 2026-11-30 at 09:00 (Europe/Berlin)",
            "2026-11-30T08:00:00Z",
        ),
        (
            "on 2026-12-24 at 10:00 x y",
            "on 2026-12-24 at 10:00 (Europe/Berlin)",
            "2026-12-24T09:00:00Z",
        ),
        (
            "every weekday at 9:00 x y",
            "every weekday at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "every weekday at 9:00: x y",
            "every weekday at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "at 9, x y",
            "on 2026-11-24 at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "every monday at 9:00 x y",
            "every Monday at 09:00 (Europe/Berlin)",
            "2026-11-30T08:00:00Z",
        ),
        (
            "every monday and thursday at 9:00 x y",
            "every Monday and Thursday at 09:00 (Europe/Berlin)",
            "2026-11-26T08:00:00Z",
        ),
        (
            "every weekend at 12pm x y",
            "every weekend at 12:00 (Europe/Berlin)",
            "2026-11-28T11:00:00Z",
        ),
        (
            "every day at 9:00 america/new_york x y",
            "every day at 09:00 (America/New_York)",
            "2026-11-24T14:00:00Z",
        ),
        (
            "at 9 x y",
            "on 2026-11-24 at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "tomorrow at 9 x y",
            "on 2026-11-24 at 09:00 (Europe/Berlin)",
            "2026-11-24T08:00:00Z",
        ),
        (
            "tomorrow 9:30 pm x y",
            "on 2026-11-24 at 21:30 (Europe/Berlin)",
            "2026-11-24T20:30:00Z",
        ),
        (
            "every day at noon x y",
            "every day at 12:00 (Europe/Berlin)",
            "2026-11-24T11:00:00Z",
        ),
        (
            "every 1st of the month at 8:00 x y",
            "every 1st of the month at 08:00 (Europe/Berlin)",
            "2026-12-01T07:00:00Z",
        ),
        (
            "every 22ND at 8 UTC x y",
            "every 22nd of the month at 08:00 (UTC)",
            "2026-12-22T08:00:00Z",
        ),
        (
            "every month on the 11th at 8am x y",
            "every 11th of the month at 08:00 (Europe/Berlin)",
            "2026-12-11T07:00:00Z",
        ),
        (
            "every last day of every month at 8:00 x y",
            "every last day of the month at 08:00 (Europe/Berlin)",
            "2026-11-30T07:00:00Z",
        ),
        (
            "every 31st at 8:00 x y",
            "every last day of the month at 08:00 (Europe/Berlin)",
            "2026-11-30T07:00:00Z",
        ),
        ("every 2 hours x y", "every 2 hours", "2026-11-23T16:00:00Z"),
        ("every hour x y", "every 1 hour", "2026-11-23T15:00:00Z"),
        ("every 15 minutes x y", "every 15 minutes", "2026-11-23T14:15:00Z"),
    ] {
        assert_eq!(said(line), (words.into(), next.into(), "x y".into()), "{line}");
    }
    // The command may begin with anything that does not read on as a time.
    assert_eq!(said("in 2h 3 x").2, "3 x");
}

#[test]
fn what_is_no_time_is_told_as_what_it_is() {
    let why = |line: &str| read(line, monday(), "Europe/Berlin").unwrap_err();
    assert_eq!(why("soon x"), Unclear::NoTime);
    assert_eq!(why(""), Unclear::NoTime);
    assert_eq!(why("on friday deploy api"), Unclear::NoClock("on friday".into()));
    assert_eq!(why("every weekday x"), Unclear::NoClock("every weekday".into()));
    assert_eq!(why("at noonish x"), Unclear::BadClock("noonish".into()));
    assert_eq!(why("at 25:00 x"), Unclear::BadClock("25:00".into()));
    assert_eq!(why("at 13pm x"), Unclear::BadClock("13pm".into()));
    assert_eq!(why("at 24 x"), Unclear::BadClock("24".into()));
    assert_eq!(why("on friday 9 x"), Unclear::NoClock("on friday".into()));
    assert_eq!(why("every weekdy at 9:00 x"), Unclear::BadRhythm("weekdy".into()));
    assert_eq!(
        why("every last friday at 9:00 x"),
        Unclear::BadRhythm("last friday".into())
    );
    assert_eq!(
        why("every 1st of may at 9:00 x"),
        Unclear::BadRhythm("1st of may".into())
    );
    assert_eq!(why("every 32nd at 9:00 x"), Unclear::BadLength("32nd".into()));
    assert_eq!(why("every month at 9:00 x"), Unclear::NoDay);
    assert_eq!(
        why("every month on friday at 9:00 x"),
        Unclear::BadDay("friday".into())
    );
    assert_eq!(
        why("every 1st of the month x"),
        Unclear::NoClock("every 1st of the month".into())
    );
    assert_eq!(why("in 2 huors x"), Unclear::BadLength("2 huors".into()));
    assert_eq!(why("on blue at 9:00 x"), Unclear::BadDay("blue".into()));
    assert_eq!(
        why("on 2026-02-30 at 9:00 x"),
        Unclear::BadDay("2026-02-30".into())
    );
    assert_eq!(why("every monday and x at 9:00 y"), Unclear::BadDay("x".into()));
    assert_eq!(why("in a while x"), Unclear::BadLength("a".into()));
    assert_eq!(why("in 0m x"), Unclear::BadLength("0m".into()));
    assert_eq!(
        why("in 99999999999h x"),
        Unclear::BadLength("99999999999h".into())
    );
    assert_eq!(
        why("at 9:00 Europe/Atlantis x"),
        Unclear::NoZone("Europe/Atlantis".into())
    );
    assert!(matches!(why("on 2026-11-23 at 14:30 x"), Unclear::Past(_)));
    assert_eq!(why("every 30 seconds x"), Unclear::TooOften);
    assert_eq!(why("in 2h"), Unclear::NoCommand);
    assert_eq!(why("every day at 9:00 UTC "), Unclear::NoCommand);
}

#[test]
fn what_was_nearly_right_is_offered_as_it_was_meant() {
    let meant = |line: &str| {
        let why = read(line, monday(), "Europe/Berlin").unwrap_err();
        meant(line, &why, monday(), "Europe/Berlin")
    };
    for (line, right) in [
        ("every weekdy at 9:00 x y", "every weekday at 9:00 x y"),
        ("every mondy and friday at 9 x", "every monday and friday at 9 x"),
        ("every monday and fryday at 9 x", "every monday and friday at 9 x"),
        ("on thurday at 9:00 x", "on thursday at 9:00 x"),
        ("in 2 huors x", "in 2 hours x"),
        ("every 20 minuts x", "every 20 minutes x"),
        ("at 9:00 Europe/Berln x", "at 9:00 Europe/Berlin x"),
    ] {
        assert_eq!(meant(line).as_deref(), Some(right), "{line}");
    }
    for line in [
        "every blue moon x",
        "on weekdy deploy",
        "at 25:00 x",
        "soon x",
        "in 2",
    ] {
        assert_eq!(meant(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn a_schedule_reads_as_its_own_words(when in whens(), now in moments()) {
        let line = format!("{} deploy api", when.words());
        let read = read(&line, now, &when.zone).unwrap();
        prop_assert_eq!(read.when.words(), when.words());
        prop_assert_eq!(&read.command, "deploy api");
        match (&read.when.rhythm, &when.rhythm) {
            (Rhythm::Interval { seconds, .. }, Rhythm::Interval { seconds: other, .. }) => {
                prop_assert_eq!(seconds, other);
            }
            _ => prop_assert_eq!(&read.when, &when),
        }
    }

    #[test]
    fn a_moment_reads_as_its_own_words(
        now in moments(),
        ahead in 1_i64..100_000_000,
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let at = Timestamp::from_second(now.as_second() + ahead).unwrap();
        let when = When { rhythm: Rhythm::Once { at }, zone: zone.into() };
        // Of a time that comes twice, words say the first.
        let local = at.to_zoned(find(zone).unwrap());
        let first = moment(local.date(), local.time(), &find(zone).unwrap());
        prop_assume!(first == Some(at));
        let read = read(&format!("{} x", when.words()), now, "UTC").unwrap();
        prop_assert_eq!(read.when, when);
    }

    #[test]
    fn whatever_is_said_is_read_or_refused(line in "(in|at|on|every|tomorrow)( [a-zA-Z0-9:/@-]{0,12}){0,6}") {
        if let Ok(read) = read(&line, monday(), "Europe/Berlin") {
            prop_assert!(!read.command.is_empty());
            prop_assert!(line.trim().ends_with(&read.command));
            prop_assert!(read.when.next_after(monday()).is_some());
        }
    }
}

#[test]
fn what_the_page_shows_is_read() {
    let page = include_str!("../../docs/schedules.md");
    let examples: Vec<_> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| {
            ["in", "at", "on", "tomorrow", "every"].contains(&code.split(' ').next().unwrap_or_default())
        })
        .collect();
    assert!(examples.len() > 15, "{examples:?}");
    for example in examples {
        // Some stand for how they go on.
        let line = match example.strip_suffix('…') {
            Some(begun) => format!("{begun}post x"),
            None => example.to_owned(),
        };
        let line = match read(&line, monday(), "Europe/Berlin") {
            Err(Unclear::NoCommand) => format!("{line} post x"),
            Err(Unclear::NoClock(_)) => format!("{line} at 9:00 post x"),
            _ => line,
        };
        let read = read(&line, monday(), "Europe/Berlin").unwrap_or_else(|why| panic!("{line}: {why:?}"));
        assert!(
            read.command.starts_with("post ") || read.command.starts_with("deploy "),
            "{line}"
        );
    }
}
