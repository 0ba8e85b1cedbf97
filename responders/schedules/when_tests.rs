//! Which moments come of it.

use super::*;
use proptest::prelude::*;

pub(crate) const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Kathmandu",
];

pub(crate) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
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

#[test]
fn a_day_that_a_month_does_not_have_is_its_last() {
    let monthly = |day| When {
        rhythm: Rhythm::Month {
            day,
            time: "08:00".parse().unwrap(),
        },
        zone: "Europe/Berlin".into(),
    };
    assert_eq!(
        runs(&monthly(31), "2027-12-31T08:00:00Z", 4),
        [
            "2028-01-31T07:00:00Z",
            "2028-02-29T07:00:00Z",
            "2028-03-31T06:00:00Z",
            "2028-04-30T06:00:00Z"
        ]
    );
    assert_eq!(
        runs(&monthly(1), "2026-12-01T07:00:00Z", 2),
        ["2027-01-01T07:00:00Z", "2027-02-01T07:00:00Z"]
    );
}

fn clock() -> impl Strategy<Value = Time> {
    (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Time::new(hour, minute, 0, 0).unwrap())
}

pub(crate) fn whens() -> impl Strategy<Value = When> {
    let days = (1_u8..128, clock()).prop_map(|(days, time)| Rhythm::Days {
        days: Days(days),
        time,
    });
    let month = (1_i8..=31, clock()).prop_map(|(day, time)| Rhythm::Month { day, time });
    let interval =
        (60_i64..1_000_000, moments()).prop_map(|(seconds, from)| Rhythm::Interval { seconds, from });
    (
        prop_oneof![days, month, interval],
        prop::sample::select(&ZONES[..]),
    )
        .prop_map(|(rhythm, zone)| When {
            rhythm,
            zone: zone.into(),
        })
}

pub(crate) fn moments() -> impl Strategy<Value = Timestamp> {
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
        time in clock(),
        now in moments(),
        zone in prop::sample::select(&ZONES[..]),
    ) {
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
    fn no_month_is_skipped_and_none_comes_twice(
        day in 1_i8..=31,
        time in clock(),
        now in moments(),
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let when = When { rhythm: Rhythm::Month { day, time }, zone: zone.into() };
        let date = |at: Timestamp| at.to_zoned(when.tz()).date();
        let mut at = when.next_after(now).unwrap();
        for _ in 0..50 {
            let next = when.next_after(at).unwrap();
            let expected = date(at).first_of_month().checked_add(1.months()).unwrap();
            prop_assert_eq!(date(next).first_of_month(), expected);
            prop_assert_eq!(date(next).day(), day.min(expected.days_in_month()));
            at = next;
        }
    }
}
