//! Purpose: how finely a range is asked, by Grafana's rules, so that a graph here and a panel there show the same.
//!
//! The rules are those of Grafana's `pkg/promlib/models/query.go` and of `gtime.RoundInterval` in its plugin SDK.

use crate::{Error, PrometheusConfig, Result, variables};
use jiff::Timestamp;
use std::time::Duration;

/// How many points Otus asks for in a graph: every second pixel of the plot.
pub const MAX_DATA_POINTS: u32 = 740;

/// Prometheus refuses a range of more steps than this.
pub const MOST_STEPS: i64 = 11_000;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Grafana's ladder: up to the first, the step is the second (milliseconds).
const LADDER: [(i64, i64); 28] = [
    (10, 1),
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, MINUTE),
    (210_000, 2 * MINUTE),
    (450_000, 5 * MINUTE),
    (750_000, 10 * MINUTE),
    (1_050_000, 15 * MINUTE),
    (1_500_000, 20 * MINUTE),
    (2_700_000, 30 * MINUTE),
    (90 * MINUTE, HOUR),
    (150 * MINUTE, 2 * HOUR),
    (270 * MINUTE, 3 * HOUR),
    (9 * HOUR, 6 * HOUR),
    (24 * HOUR, 12 * HOUR),
    (7 * DAY, DAY),
    (21 * DAY, 7 * DAY),
];

/// What decides the step of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How often the server scrapes.
    pub scrape_interval: Duration,
    /// No step is smaller than this; without it, than the scrape interval.
    pub min_step: Option<Duration>,
    /// About how many points a graph should have.
    pub max_data_points: u32,
    /// Steps begin at whole steps of the local time that is this far ahead of UTC (seconds).
    pub utc_offset_seconds: i32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_secs(15),
            min_step: None,
            max_data_points: MAX_DATA_POINTS,
            utc_offset_seconds: 0,
        }
    }
}

impl Rules {
    /// The default rules with the configured scrape interval.
    #[must_use]
    pub fn of(config: &PrometheusConfig) -> Self {
        Self {
            scrape_interval: config.scrape_interval,
            ..Self::default()
        }
    }

    /// Chooses the step, and aligns start and end with it.
    ///
    /// # Errors
    /// [`Error::Range`] when the range does not go forward, or is absurdly long.
    pub fn plan(&self, start: Timestamp, end: Timestamp) -> Result<Range> {
        let (start, end) = (start.as_millisecond(), end.as_millisecond());
        let length = end - start;
        if length <= 0 {
            return Err(Error::Range("the range must end after it starts".into()));
        }
        let scrape = self.min_step.unwrap_or(self.scrape_interval);
        let min_step = millis(scrape).max(1);
        let step = round_interval_ms(length / i64::from(self.max_data_points.max(1))).max(min_step);
        let step = if length > step.saturating_mul(MOST_STEPS) {
            at_least((length + MOST_STEPS - 1) / MOST_STEPS)
        } else {
            step
        };
        let offset = i64::from(self.utc_offset_seconds) * 1_000;
        let align = |at: i64| (at + offset).div_euclid(step) * step - offset;
        Ok(Range {
            start: align(start),
            end: align(end),
            step,
            length,
            scrape: millis(scrape),
        })
    }
}

/// A range to ask for: aligned, with its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    start: i64,
    end: i64,
    step: i64,
    length: i64,
    scrape: i64,
}

impl Range {
    /// The first point's time, milliseconds since 1970.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.start
    }

    /// The last point's time, milliseconds since 1970.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        self.end
    }

    /// From point to point.
    #[must_use]
    pub fn step(&self) -> Duration {
        to_duration(self.step)
    }

    /// How long the range was that was asked for, before it was aligned.
    #[must_use]
    pub fn length(&self) -> Duration {
        to_duration(self.length)
    }

    /// Grafana's `$__rate_interval`: never less than four scrapes, so that a rate always has enough samples.
    #[must_use]
    pub fn rate_interval(&self) -> Duration {
        to_duration((self.step + self.scrape).max(4 * self.scrape))
    }

    /// Fills in `$__interval`, `$__rate_interval`, `$__range` and the others, also written `${__interval}`.
    #[must_use]
    pub fn fill_in(&self, query: &str) -> String {
        variables::fill_in(query, self)
    }
}

/// The ladder's step for an interval.
#[must_use]
pub fn round_interval(interval: Duration) -> Duration {
    to_duration(round_interval_ms(millis(interval)))
}

fn round_interval_ms(interval: i64) -> i64 {
    let rung = LADDER
        .iter()
        .find(|(up_to, _)| interval <= *up_to)
        .map(|(_, step)| *step);
    rung.unwrap_or(if interval < 42 * DAY { 30 * DAY } else { 365 * DAY })
}

/// The smallest step of the ladder that is at least this.
fn at_least(interval: i64) -> i64 {
    let steps = LADDER.iter().map(|(_, step)| *step).chain([30 * DAY, 365 * DAY]);
    steps
        .into_iter()
        .find(|step| *step >= interval)
        .unwrap_or(interval)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX / MOST_STEPS)
        .min(i64::MAX / MOST_STEPS)
}

fn to_duration(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn plan(length_ms: i64) -> Range {
        Rules::default()
            .plan(at(1_700_000_000_123), at(1_700_000_000_123 + length_ms))
            .unwrap()
    }

    #[test]
    fn the_ladder_is_grafanas() {
        for (ms, step) in [
            (10, 1),
            (11, 10),
            (35, 20),
            (1_500, 1_000),
            (1_501, 2_000),
            (12_500, 10_000),
            (17_501, 20_000),
            (90_000, 60_000),
            (2_700_001, HOUR),
            (9 * HOUR, 6 * HOUR),
            (25 * HOUR, DAY),
            (22 * DAY, 30 * DAY),
            (50 * DAY, 365 * DAY),
        ] {
            assert_eq!(round_interval_ms(ms), step, "{ms} ms");
        }
        assert_eq!(round_interval(Duration::from_secs(70)), Duration::from_secs(60));
    }

    #[test]
    fn usual_ranges_get_usual_steps() {
        let step = |hours: i64| plan(hours * HOUR).step().as_secs();
        assert_eq!(
            (step(1), step(3), step(6), step(24), step(24 * 7)),
            (15, 15, 30, 120, 900)
        );
    }

    #[test]
    fn the_offset_moves_where_steps_begin() {
        let rules = Rules {
            min_step: Some(Duration::from_secs(3_600)),
            utc_offset_seconds: 1_800,
            ..Rules::default()
        };
        let range = rules.plan(at(10 * HOUR + 45 * MINUTE), at(12 * HOUR)).unwrap();
        assert_eq!(
            (range.start_ms(), range.end_ms()),
            (10 * HOUR + 30 * MINUTE, 11 * HOUR + 30 * MINUTE)
        );
    }

    #[test]
    fn a_rate_has_four_scrapes() {
        assert_eq!(plan(HOUR).rate_interval(), Duration::from_secs(60));
        assert_eq!(plan(24 * HOUR).rate_interval(), Duration::from_secs(135));
    }

    #[test]
    fn a_range_goes_forward() {
        assert!(matches!(
            Rules::default().plan(at(5), at(5)),
            Err(Error::Range(_))
        ));
    }

    proptest! {
        #[test]
        fn every_range_is_aligned_and_allowed(
            start in -1_000_000_000_000i64..4_000_000_000_000,
            length in 1i64..1_000 * DAY,
            min_step in 1u64..100_000,
            points in 1u32..100_000,
            offset in -50_400i32..50_400,
        ) {
            let rules = Rules {
                min_step: Some(Duration::from_millis(min_step)),
                max_data_points: points,
                utc_offset_seconds: offset,
                ..Rules::default()
            };
            let range = rules.plan(at(start), at(start + length)).unwrap();
            let step = range.step;
            prop_assert!(step >= i64::try_from(min_step).unwrap());
            prop_assert!((range.end - range.start) / step <= MOST_STEPS, "Prometheus would refuse it");
            prop_assert_eq!((range.start + i64::from(offset) * 1_000).rem_euclid(step), 0);
            prop_assert_eq!((range.end - range.start).rem_euclid(step), 0);
            prop_assert!(range.start <= start && start - range.start < step, "the start moves back by less than a step");
            prop_assert!(range.end <= start + length && start + length - range.end < step);
        }

        #[test]
        fn the_ladder_never_goes_down(a in 0i64..100 * DAY, b in 0i64..100 * DAY) {
            prop_assert!(round_interval_ms(a.min(b)) <= round_interval_ms(a.max(b)));
        }
    }
}
