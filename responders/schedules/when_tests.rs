//! What is read as a time, and which moments come of it.

use super::*;
use proptest::prelude::*;

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Kathmandu",
];

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

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
    assert_eq!(why("at 9 x"), Unclear::BadClock("9".into()));
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

fn daily(time: &str, zone: &str) -> When {
    let rhythm = Rhythm::Days {
        days: Days::ALL,
        time: time.parse().unwrap(),
    };
    When {
        rhythm,
        zone: zone.into(),
    }
}

fn runs(when: &When, from: &str, count: usize) -> Vec<String> {
    std::iter::successors(when.next_after(ts(from)), |at| when.next_after(*at))
        .take(count)
        .map(|at| at.to_string())
        .collect()
}

#[test]
fn a_time_that_is_left_out_is_put_forward_and_one_that_comes_twice_counts_once() {
    // 2026-03-29, 02:00 to 03:00 is left out in Berlin: 02:30 is 03:30 of the new time.
    assert_eq!(
        runs(&daily("02:30", "Europe/Berlin"), "2026-03-28T00:00:00Z", 3),
        [
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:30:00Z",
            "2026-03-30T00:30:00Z"
        ]
    );
    // 2026-10-25, 02:00 to 03:00 comes twice.
    assert_eq!(
        runs(&daily("02:30", "Europe/Berlin"), "2026-10-24T00:00:00Z", 3),
        [
            "2026-10-24T00:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z"
        ]
    );
    // In Cairo a day begins at one o'clock.
    assert_eq!(
        runs(&daily("00:00", "Africa/Cairo"), "2026-04-23T00:00:00Z", 2),
        ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]
    );
}

fn whens() -> impl Strategy<Value = When> {
    let clock = (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Time::new(hour, minute, 0, 0).unwrap());
    let days = (1_u8..128, clock).prop_map(|(days, time)| Rhythm::Days {
        days: Days(days),
        time,
    });
    let interval =
        (60_i64..1_000_000, moments()).prop_map(|(seconds, from)| Rhythm::Interval { seconds, from });
    (prop_oneof![days, interval], prop::sample::select(&ZONES[..])).prop_map(|(rhythm, zone)| When {
        rhythm,
        zone: zone.into(),
    })
}

fn moments() -> impl Strategy<Value = Timestamp> {
    // 2026 to 2030.
    (1_767_225_600_i64..1_893_456_000).prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #[test]
    fn the_next_run_is_later_and_nothing_lies_between(when in whens(), now in moments()) {
        let next = when.next_after(now).unwrap();
        prop_assert!(next > now);
        // Asked at any moment until then, it is the same one; at that moment it is the last.
        let before = Timestamp::from_second(next.as_second() - 1).unwrap();
        if before >= now {
            prop_assert_eq!(when.next_after(before), Some(next));
        }
        prop_assert_eq!(when.last_until(next), Some(next));
        if let Some(last) = when.last_until(now) {
            prop_assert!(last <= now);
            prop_assert_eq!(when.next_after(last), Some(next));
        }
    }

    #[test]
    fn later_never_comes_sooner(when in whens(), one in moments(), other in moments()) {
        let (early, late) = (one.min(other), one.max(other));
        prop_assert!(when.next_after(early) <= when.next_after(late));
    }

    #[test]
    fn no_day_is_skipped_and_none_comes_twice(
        when in whens(),
        now in moments(),
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let Rhythm::Days { time, .. } = when.rhythm else { return Ok(()) };
        let when = When { rhythm: Rhythm::Days { days: Days::ALL, time }, zone: zone.into() };
        let mut at = when.next_after(now).unwrap();
        for _ in 0..400 {
            let next = when.next_after(at).unwrap();
            let day = |at: Timestamp| at.to_zoned(when.tz()).date();
            prop_assert_eq!(day(at).tomorrow().unwrap(), day(next));
            at = next;
        }
    }

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
        let first = moment(at.to_zoned(when.tz()).date(), at.to_zoned(when.tz()).time(), &when.tz());
        prop_assume!(first == Some(at));
        let read = read(&format!("{} x", when.words()), now, "UTC").unwrap();
        prop_assert_eq!(read.when, when);
    }

    #[test]
    fn whatever_is_said_is_read_or_refused(line in "(in|at|on|every|tomorrow)( [a-zA-Z0-9:/@-]{0,12}){0,6}") {
        if let Ok(read) = read(&line, monday(), "Europe/Berlin") {
            prop_assert!(!read.command.is_empty());
            prop_assert!(line.ends_with(&read.command));
            prop_assert!(read.when.next_after(monday()).is_some());
        }
    }
}
