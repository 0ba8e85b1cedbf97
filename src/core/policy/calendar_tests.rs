//! Freezes against the clock on the wall, minute by minute.

use super::*;
use jiff::{
    Timestamp, ToSpan,
    civil::{DateTime, Weekday},
    tz::TimeZone,
};
use proptest::prelude::*;

fn freeze(every: &str, zone: &str) -> Freeze {
    Freeze {
        name: "a freeze".into(),
        every: Some(every.into()),
        zone: Some(zone.into()),
        ..Freeze::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Until when a freeze holds at a moment.
fn until(freeze: &Freeze, now: &str) -> Option<String> {
    let window = freeze.calendar().unwrap().open_at(at(now))?;
    Some(
        window
            .until
            .map_or("nobody knows".into(), |until| until.to_string()),
    )
}

#[test]
fn every_week_as_it_is_written() {
    let monday = "2026-11-23T00:00:00Z";
    for (every, zone, now, expected) in [
        (
            "fri 16:00 - mon 08:00",
            "UTC",
            monday,
            Some("2026-11-23T08:00:00Z"),
        ),
        ("Friday 16:00–Monday 8:00", "UTC", "2026-11-23T08:00:00Z", None),
        (
            "fri 16:00 - mon 08:00",
            "Europe/Berlin",
            "2026-11-20T15:00:00Z",
            Some("2026-11-23T07:00:00Z"),
        ),
        (
            "fri 16:00 - mon 08:00",
            "Europe/Berlin",
            "2026-11-20T14:59:59Z",
            None,
        ),
        ("mon-fri 22:00 - 06:00", "UTC", monday, None),
        (
            "mon-fri 22:00 - 06:00",
            "UTC",
            "2026-11-24T05:59:59Z",
            Some("2026-11-24T06:00:00Z"),
        ),
        (
            "mon-fri 22:00 - 06:00",
            "UTC",
            "2026-11-28T03:00:00Z",
            Some("2026-11-28T06:00:00Z"),
        ),
        ("mon-fri 22:00 - 06:00", "UTC", "2026-11-28T23:00:00Z", None),
        (
            "daily 12:00-13:00",
            "UTC",
            "2026-11-23T12:30:00Z",
            Some("2026-11-23T13:00:00Z"),
        ),
        (
            "sat,sun",
            "UTC",
            "2026-11-21T00:00:00Z",
            Some("2026-11-23T00:00:00Z"),
        ),
        ("sat-sun", "UTC", "2026-11-20T23:59:59Z", None),
        (
            "fri 22:00 - 24:00",
            "UTC",
            "2026-11-20T23:00:00Z",
            Some("2026-11-21T00:00:00Z"),
        ),
        (
            "fri - mon",
            "UTC",
            "2026-11-23T23:59:00Z",
            Some("2026-11-24T00:00:00Z"),
        ),
        (
            "mon-tue, thu 09:00 - 10:00",
            "UTC",
            "2026-11-26T09:00:00Z",
            Some("2026-11-26T10:00:00Z"),
        ),
        ("wed 12:00 - wed 11:00", "UTC", "2026-11-25T11:30:00Z", None),
        (
            "wed 12:00 - wed 11:00",
            "UTC",
            "2026-11-25T10:00:00Z",
            Some("2026-11-25T11:00:00Z"),
        ),
    ] {
        assert_eq!(
            until(&freeze(every, zone), now).as_deref(),
            expected,
            "{every} {zone} {now}"
        );
    }
}

#[test]
fn once_and_every_week_for_a_while() {
    let once = Freeze {
        from: Some("2026-12-20".into()),
        until: Some("2027-01-02T12:00".into()),
        zone: Some("America/New_York".into()),
        ..Freeze::default()
    };
    assert_eq!(until(&once, "2026-12-20T04:59:59Z"), None);
    assert_eq!(
        until(&once, "2026-12-20T05:00:00Z").as_deref(),
        Some("2027-01-02T17:00:00Z")
    );
    assert_eq!(until(&once, "2027-01-02T17:00:00Z"), None);
    let calendar = once.calendar().unwrap();
    let next = calendar.next_after(at("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(next.from, Some(at("2026-12-20T05:00:00Z")));
    assert_eq!(calendar.next_after(at("2027-02-01T00:00:00Z")), None);
    let open_end = Freeze {
        until: None,
        ..once.clone()
    };
    assert_eq!(
        until(&open_end, "2040-01-01T00:00:00Z").as_deref(),
        Some("nobody knows")
    );
    let nights = Freeze {
        every: Some("daily 22:00 - 06:00".into()),
        ..once
    };
    assert_eq!(
        until(&nights, "2026-12-20T05:00:00Z").as_deref(),
        Some("2026-12-20T11:00:00Z")
    );
    assert_eq!(until(&nights, "2026-12-20T12:00:00Z"), None);
    assert_eq!(until(&nights, "2027-02-02T04:00:00Z"), None);
    let calendar = nights.calendar().unwrap();
    let next = calendar.next_after(at("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(
        next.from,
        Some(at("2026-12-20T05:00:00Z")),
        "the night before is cut off"
    );
}

#[test]
fn clocks_that_jump_make_no_holes() {
    // In Berlin the clock shows 02:00 to 03:00 twice on 2026-10-25 and never on 2026-03-29.
    let night = freeze("sun 01:00 - 02:30", "Europe/Berlin");
    assert_eq!(
        until(&night, "2026-10-25T00:45:00Z").as_deref(),
        Some("2026-10-25T01:30:00Z")
    );
    let late = freeze("sun 02:30 - 04:00", "Europe/Berlin");
    assert_eq!(until(&late, "2026-10-25T00:29:59Z"), None);
    assert_eq!(
        until(&late, "2026-10-25T00:30:00Z").as_deref(),
        Some("2026-10-25T03:00:00Z")
    );
    assert_eq!(until(&late, "2026-03-29T00:59:59Z"), None);
    assert_eq!(
        until(&late, "2026-03-29T01:00:00Z").as_deref(),
        Some("2026-03-29T02:00:00Z")
    );
    let skipped = freeze("sun 02:15 - 02:45", "Europe/Berlin");
    assert_eq!(until(&skipped, "2026-03-29T01:00:00Z"), None);
}

#[test]
fn what_cannot_be_read_is_said_with_what_to_write() {
    let fault = |freeze: Freeze| {
        let fault = freeze.calendar().unwrap_err();
        format!("{}: {}", fault.key, fault.message)
    };
    for every in [
        "",
        "someday",
        "fri 16:00",
        "fri 25:00 - mon 08:00",
        "fri 16:00 - 24:30",
        "fri 24:00 - mon 01:00",
        "16:00 - 18:00",
        "mon-fri 16:00 - sat 08:00",
        "fri 16:00 - noon",
        "fri 16:00 - xyz 08:00",
        "mon 08:00 - 08:00",
        "mon,",
        "daily 8 - 9",
        "fri 1:0 - 2:0",
    ] {
        assert!(fault(freeze(every, "UTC")).starts_with("every: "), "{every}");
    }
    assert_eq!(
        fault(freeze("mon 08:00 - 08:00", "UTC")),
        "every: \"mon 08:00 - 08:00\" cannot be read: it ends when it begins; write for example `fri 16:00 - mon 08:00`, \
         `mon-fri 22:00 - 06:00`, `daily 12:00 - 13:00` or `sat,sun`"
    );
    for always in ["daily", "mon-sun", "daily 00:00 - 24:00", "mon-sat,sun"] {
        assert_eq!(
            fault(freeze(always, "UTC")),
            format!("every: {always:?} is always; a rule with `deny = true` says that")
        );
    }
    assert_eq!(
        fault(freeze("mon", "Europe/Berlim")),
        "zone: there is no time zone \"Europe/Berlim\"; did you mean \"Europe/Berlin\"?"
    );
    assert_eq!(
        fault(Freeze::default()),
        "every: it says nowhere when: give it `every`, or `from` and `until`"
    );
    let once = |from: &str, until: &str| Freeze {
        from: Some(from.into()),
        until: Some(until.into()),
        ..Freeze::default()
    };
    assert_eq!(
        fault(once("2026-12-20", "2026-12-20")),
        "until: it ends before it begins"
    );
    assert_eq!(
        fault(once("20.12.2026", "2027-01-01")),
        "from: \"20.12.2026\" is no moment; write `2026-12-20` or `2026-12-20T16:00`, by the clock of its zone"
    );
    assert!(fault(once("2026-02-29", "2027-01-01")).starts_with("from: "));
    assert!(fault(once("2026-02-28", "2027-01-01T10:00+01:00")).starts_with("until: "));
    once("2028-02-29", "2028-03-01").calendar().unwrap();
}

/// The clock of a zone, every minute of some days.
struct Wall {
    minutes: Vec<(Timestamp, DateTime)>,
}

impl Wall {
    fn of(zone: &str, first: &str, days: i64) -> Self {
        let zone = TimeZone::get(zone).unwrap();
        let first = at(first);
        let minutes = (0..days * 24 * 60).map(|minute| {
            let at = first.checked_add(minute.minutes()).unwrap();
            (at, zone.to_datetime(at))
        });
        Self {
            minutes: minutes.collect(),
        }
    }

    /// The first minute at which the clock shows at least this.
    fn begin(&self, civil: DateTime) -> usize {
        let found = self.minutes.iter().position(|(_, shown)| *shown >= civil);
        found.unwrap_or(self.minutes.len())
    }

    /// The last minute at which it shows this; where it never does, the first at which it shows more.
    fn end(&self, civil: DateTime) -> usize {
        let shown = self.minutes.iter().rposition(|(_, shown)| *shown == civil);
        shown.unwrap_or_else(|| self.begin(civil))
    }

    /// Of each minute whether it is frozen, by looking at all windows of all days.
    fn frozen(&self, days: &[Weekday], begins: i16, ends: i16, last: Option<Weekday>) -> Vec<bool> {
        let mut frozen = vec![false; self.minutes.len()];
        let mut date = self.minutes[0].1.date().checked_sub(9.days()).unwrap();
        let over = self.minutes[self.minutes.len() - 1].1.date();
        while date <= over {
            if days.contains(&date.weekday()) {
                let mut end = date;
                match last {
                    None if ends <= begins => end = end.tomorrow().unwrap(),
                    None => {}
                    Some(last) => {
                        if date.weekday() == last && ends <= begins {
                            end = end.checked_add(7.days()).unwrap();
                        }
                        while end.weekday() != last {
                            end = end.tomorrow().unwrap();
                        }
                    }
                }
                let civil = |date: jiff::civil::Date, minute: i16| {
                    date.at(0, 0, 0, 0)
                        .checked_add(i64::from(minute).minutes())
                        .unwrap()
                };
                let (begin, end) = (self.begin(civil(date, begins)), self.end(civil(end, ends)));
                if begin < end {
                    frozen[begin..end].fill(true);
                }
            }
            date = date.tomorrow().unwrap();
        }
        frozen
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Zones and the moment a fortnight begins in which their clocks jump, or a leap day comes.
const FORTNIGHTS: [(&str, &str); 9] = [
    ("Europe/Berlin", "2026-03-22T00:00:00Z"),
    ("Europe/Berlin", "2026-10-18T00:00:00Z"),
    ("America/New_York", "2026-03-01T05:00:00Z"),
    ("America/New_York", "2026-10-25T04:00:00Z"),
    ("Australia/Lord_Howe", "2026-03-29T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-09-27T00:00:00Z"),
    ("America/New_York", "2028-02-22T00:00:00Z"),
    ("Asia/Kathmandu", "2028-02-22T00:00:00Z"),
    ("UTC", "2026-12-24T00:00:00Z"),
];

fn clock(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_freeze_is_what_the_clock_on_the_wall_says(
        (zone, first) in prop::sample::select(FORTNIGHTS.to_vec()),
        days in prop::sample::subsequence(DAYS.to_vec(), 1..=6),
        // Quarters of an hour, more of them at night, when clocks jump.
        begins in prop_oneof![0..16i16, 0..96i16].prop_map(|quarter| quarter * 15),
        ends in prop_oneof![0..16i16, 0..97i16].prop_map(|quarter| quarter * 15),
        last in prop::option::of(prop::sample::select(DAYS.to_vec())),
    ) {
        prop_assume!(begins != ends);
        let days = if last.is_some() { vec![days[0]] } else { days };
        let names: Vec<_> = days.iter().map(|(name, _)| *name).collect();
        let last_name = last.map_or("", |(name, _)| name);
        let every = format!("{} {} - {last_name} {}", names.join(","), clock(begins), clock(ends));
        let weekdays: Vec<_> = days.iter().map(|(_, day)| *day).collect();
        let wall = Wall::of(zone, first, 14);
        let frozen = wall.frozen(&weekdays, begins, ends, last.map(|(_, day)| day));
        let calendar = freeze(&every, zone).calendar();
        let Ok(calendar) = calendar else {
            // Only what is always may be refused.
            prop_assert!(frozen[..7 * 24 * 60].iter().all(|frozen| *frozen), "{every}: {calendar:?}");
            return Ok(());
        };
        // The first minute of each change, and some in between, all of them against the wall.
        let mut minute = 0;
        while minute < frozen.len() {
            let (now, shown) = wall.minutes[minute];
            let open = calendar.open_at(now);
            prop_assert_eq!(open.is_some(), frozen[minute], "{} in {} at {} ({})", every, zone, now, shown);
            let run = frozen[minute..].iter().take_while(|is| **is == frozen[minute]).count();
            let change = wall.minutes.get(minute + run).map(|(at, _)| *at);
            if let Some(change) = change {
                match open {
                    Some(window) => prop_assert_eq!(window.until, Some(change), "{} in {} at {}", every, zone, now),
                    None => {
                        let next = calendar.next_after(now).and_then(|window| window.from);
                        prop_assert_eq!(next, Some(change), "{} in {} at {}", every, zone, now);
                    }
                }
            }
            // In steps within a run, its last minute, and over to the next.
            minute += if run > 97 { 97 } else if run > 1 { run - 1 } else { 1 };
        }
    }

    #[test]
    fn any_text_is_read_or_refused(every in ".{0,40}", from in ".{0,20}", zone in ".{0,12}") {
        let freeze = Freeze { every: Some(every), from: Some(from), zone: Some(zone), ..Freeze::default() };
        if let Ok(calendar) = freeze.calendar() {
            let _ = calendar.open_at(at("2026-11-23T14:00:00Z"));
        }
    }

    #[test]
    fn texts_of_days_and_times_never_panic(
        every in "(mon|tue|sat|sun|daily)(,|-)?(fri|sun)? ?[0-9]{0,2}:?[0-9]{0,3}( - )?(tue )?[0-9]{0,2}:?[0-9]{0,2}",
        now in 0i64..4_000_000_000,
    ) {
        let now = Timestamp::from_second(now).unwrap();
        if let Ok(calendar) = freeze(&every, "Australia/Lord_Howe").calendar() {
            if let Some(Window { until: Some(until), .. }) = calendar.open_at(now) {
                prop_assert!(until > now);
                prop_assert!(calendar.open_at(until).is_none());
            }
            if let Some(Window { from: Some(from), .. }) = calendar.next_after(now) {
                prop_assert!(from >= now);
            }
        }
    }
}
