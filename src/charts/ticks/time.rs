//! The time axis: steps on the clock's own ladder, aligned in the viewer's zone through daylight saving, with the
//! date at each midnight.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// A tick of the time axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeTick {
    /// Unix seconds.
    pub(crate) at: f64,
    pub(crate) label: String,
    /// A date among times of day.
    pub(crate) date: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Seconds(i64),
    Days(i64),
    Weeks(i64),
    Months(i64),
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const LADDER: &[Step] = &[
    Step::Seconds(1),
    Step::Seconds(2),
    Step::Seconds(5),
    Step::Seconds(10),
    Step::Seconds(15),
    Step::Seconds(30),
    Step::Seconds(MINUTE),
    Step::Seconds(2 * MINUTE),
    Step::Seconds(5 * MINUTE),
    Step::Seconds(10 * MINUTE),
    Step::Seconds(15 * MINUTE),
    Step::Seconds(30 * MINUTE),
    Step::Seconds(HOUR),
    Step::Seconds(2 * HOUR),
    Step::Seconds(3 * HOUR),
    Step::Seconds(6 * HOUR),
    Step::Seconds(12 * HOUR),
    Step::Days(1),
    Step::Days(2),
    Step::Weeks(1),
    Step::Weeks(2),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(600),
    Step::Months(1200),
    Step::Months(6000),
];

impl Step {
    fn seconds(self) -> f64 {
        match self {
            Self::Seconds(n) => n as f64,
            Self::Days(n) => (n * DAY) as f64,
            Self::Weeks(n) => (n * 7 * DAY) as f64,
            Self::Months(n) => n as f64 * 30.44 * DAY as f64,
        }
    }

    /// The widest label such a step can have.
    fn sample(self) -> &'static str {
        match self {
            Self::Seconds(n) if n < MINUTE => "00:00:00",
            Self::Seconds(_) => "00 Wed",
            Self::Days(_) | Self::Weeks(_) => "00 Wed",
            Self::Months(n) if n < 12 => "Nov 0000",
            Self::Months(_) => "00000",
        }
    }
}

/// The moment of some Unix seconds; the nearest there is, when they are beyond the calendar.
pub(crate) fn moment(seconds: f64) -> Timestamp {
    let millis = (seconds * 1e3).clamp(-1e18, 1e18) as i64;
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The ticks from `start` to `end` (Unix seconds) on `width` pixels, about eight, at least `apart` pixels between
/// two labels whose widths `measure` tells.
pub(crate) fn time_ticks(
    start: f64,
    end: f64,
    zone: &TimeZone,
    width: f32,
    apart: f32,
    measure: impl Fn(&str) -> f32,
) -> Vec<TimeTick> {
    let range = (end - start).max(1e-9);
    let step = LADDER
        .iter()
        .copied()
        .find(|step| {
            let room = f64::from((width / (measure(step.sample()) + apart)).floor().max(1.0));
            range / step.seconds() <= room.min(9.0)
        })
        .unwrap_or(LADDER[LADDER.len() - 1]);
    match step {
        Step::Seconds(n) => clock_ticks(start, end, n, zone),
        _ => calendar_ticks(start, end, step, zone),
    }
}

/// Ticks within a day. Every zone's offset is a multiple of 15 minutes, so walking in steps of at most that and keeping
/// what is aligned on the wall clock is right through every change of the clocks.
fn clock_ticks(start: f64, end: f64, step: i64, zone: &TimeZone) -> Vec<TimeTick> {
    let walk = step.min(15 * MINUTE);
    let first = (start / walk as f64).ceil() as i64 * walk;
    let mut ticks = Vec::new();
    let mut at = first;
    while at as f64 <= end {
        let local = zone.to_datetime(moment(at as f64));
        let of_day =
            i64::from(local.hour()) * HOUR + i64::from(local.minute()) * MINUTE + i64::from(local.second());
        if of_day % step == 0 {
            let date = of_day == 0;
            let label = match (date, step < MINUTE) {
                (true, _) => day_label(local.date()),
                (false, true) => format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second()),
                (false, false) => format!("{:02}:{:02}", local.hour(), local.minute()),
            };
            ticks.push(TimeTick {
                at: at as f64,
                label,
                date,
            });
        }
        at += walk;
    }
    ticks
}

fn calendar_ticks(start: f64, end: f64, step: Step, zone: &TimeZone) -> Vec<TimeTick> {
    let mut ticks = Vec::new();
    let Some(mut date) = first_date(zone.to_datetime(moment(start)).date(), step) else {
        return ticks;
    };
    loop {
        let Ok(midnight) = date.to_zoned(zone.clone()) else {
            return ticks;
        };
        let at = midnight.timestamp().as_second() as f64;
        if at > end {
            return ticks;
        }
        if at >= start {
            let label = match step {
                Step::Months(n) if n >= 12 => date.year().to_string(),
                Step::Months(_) => format!("{} {}", month(date), date.year()),
                _ => day_label(date),
            };
            ticks.push(TimeTick {
                at,
                label,
                date: false,
            });
        }
        let span = match step {
            Step::Days(n) => n.days(),
            Step::Weeks(n) => n.weeks(),
            Step::Months(n) => n.months(),
            Step::Seconds(n) => n.seconds(),
        };
        match date.checked_add(span) {
            Ok(next) if next > date => date = next,
            _ => return ticks,
        }
    }
}

/// The last aligned date at or before this one: a Monday for weeks, the first of a month for months.
fn first_date(date: Date, step: Step) -> Option<Date> {
    match step {
        Step::Weeks(_) => date
            .checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
            .ok(),
        Step::Months(n) => {
            let month0 = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
            let aligned = month0.div_euclid(n) * n;
            Date::new(
                aligned.div_euclid(12).max(-9999) as i16,
                (aligned.rem_euclid(12) + 1) as i8,
                1,
            )
            .ok()
        }
        _ => Some(date),
    }
}

/// `5 Nov`.
pub(crate) fn day_label(date: Date) -> String {
    format!("{} {}", date.day(), month(date))
}

/// `Nov`.
pub(crate) fn month(date: Date) -> &'static str {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    NAMES[usize::from(date.month().unsigned_abs()).clamp(1, 12) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone of the bundled database")
    }

    fn seconds(text: &str) -> f64 {
        text.parse::<Timestamp>().expect("a time").as_second() as f64
    }

    fn labels(from: &str, to: &str, zone: &TimeZone) -> Vec<String> {
        time_ticks(seconds(from), seconds(to), zone, 1400.0, 40.0, |t| {
            t.len() as f32 * 12.0
        })
        .into_iter()
        .map(|t| t.label)
        .collect()
    }

    #[test]
    fn an_hour_has_ten_minute_ticks() {
        assert_eq!(
            labels("2026-11-05T10:00:00Z", "2026-11-05T11:00:00Z", &TimeZone::UTC),
            ["10:00", "10:10", "10:20", "10:30", "10:40", "10:50", "11:00"]
        );
    }

    #[test]
    fn midnight_shows_the_date() {
        assert_eq!(
            labels(
                "2026-11-04T15:00:00Z",
                "2026-11-05T14:00:00Z",
                &zone("Europe/Berlin")
            ),
            [
                "18:00", "21:00", "5 Nov", "03:00", "06:00", "09:00", "12:00", "15:00"
            ]
        );
    }

    #[test]
    fn the_clocks_go_back_and_the_ticks_stay_on_the_hour() {
        // 02:00 comes twice in Berlin on this night.
        assert_eq!(
            labels(
                "2026-10-24T22:00:00Z",
                "2026-10-25T05:00:00Z",
                &zone("Europe/Berlin")
            ),
            [
                "25 Oct", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00", "06:00"
            ]
        );
        let days = labels(
            "2026-10-22T22:00:00Z",
            "2026-10-28T23:00:00Z",
            &zone("Europe/Berlin"),
        );
        assert_eq!(
            days,
            [
                "23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct", "29 Oct"
            ]
        );
    }

    #[test]
    fn a_zone_of_half_hours_is_aligned_on_its_own_clock() {
        assert_eq!(
            labels(
                "2026-11-05T00:00:00Z",
                "2026-11-05T12:00:00Z",
                &zone("Asia/Kolkata")
            ),
            ["06:00", "08:00", "10:00", "12:00", "14:00", "16:00"]
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_years_in_january() {
        assert_eq!(
            labels("2026-10-01T00:00:00Z", "2026-11-05T00:00:00Z", &TimeZone::UTC),
            ["5 Oct", "12 Oct", "19 Oct", "26 Oct", "2 Nov"]
        );
        assert_eq!(
            labels("2020-05-01T00:00:00Z", "2024-05-05T00:00:00Z", &TimeZone::UTC)[0],
            "Jul 2020"
        );
    }

    proptest! {
        #[test]
        fn ticks_are_in_range_and_few(start in -1e11_f64..2e11, range in prop_oneof![0.0..10.0, 1.0..1e6, 1e6..1e11],
                                      name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York",
                                          "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"])) {
            let end = start + range;
            let ticks = time_ticks(start, end, &zone(name), 1400.0, 40.0, |t| t.len() as f32 * 12.0);
            prop_assert!(ticks.len() <= 12, "{ticks:?}");
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].at < pair[1].at);
            }
            for tick in &ticks {
                prop_assert!(tick.at >= start && tick.at <= end, "{tick:?}");
            }
        }
    }
}
