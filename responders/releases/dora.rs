//! Statistics over deploys: how often, how fast, how well, and how soon well again. Pure: no clock, no store.
//!
//! A deploy that was superseded or stopped is neither good nor bad, and so is one still under way. What was adopted was
//! deployed by somebody else, and counts as neither. A good deploy that is followed by the image that was good right before
//! it was taken back by that: it counts as a change that failed.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use otus::store::{Deploy, DeployState};

use crate::words::between;

/// The statistics of a span of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Stats {
    /// How many went out well, those that were taken back later among them.
    pub(crate) live: usize,
    /// How many failed.
    pub(crate) failed: usize,
    /// How many went out, and were answered by going back to the last good image.
    pub(crate) taken_back: usize,
    /// From each failure to the next good deploy of the same place; several failures in a row are one.
    pub(crate) recoveries: Vec<Duration>,
    /// In how many places the last one that counts failed.
    pub(crate) still_bad: usize,
    /// How many count as neither.
    pub(crate) neither: usize,
}

impl Stats {
    /// The share of changes that failed, from 0 to 1; none without any.
    pub(crate) fn failure_share(&self) -> Option<f64> {
        let all = self.live + self.failed;
        (all > 0).then(|| (self.failed + self.taken_back) as f64 / all as f64)
    }

    /// The median time to recover.
    pub(crate) fn recovery(&self) -> Option<Duration> {
        median(&self.recoveries)
    }
}

/// How a deploy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Good,
    Bad,
    Neither,
}

fn counts(deploy: &Deploy) -> Counts {
    let adopted = deploy.details.get("adopted").is_some();
    match deploy.state {
        DeployState::Succeeded if !adopted => Counts::Good,
        DeployState::Failed => Counts::Bad,
        _ => Counts::Neither,
    }
}

/// When it was over.
fn end(deploy: &Deploy) -> Timestamp {
    deploy.ended.unwrap_or(deploy.began)
}

/// The statistics of these deploys, in whatever order.
pub(crate) fn stats(deploys: &[Deploy]) -> Stats {
    let mut stats = Stats::default();
    let mut places: BTreeMap<(&str, &str), Vec<&Deploy>> = BTreeMap::new();
    for deploy in deploys {
        match counts(deploy) {
            Counts::Neither => stats.neither += 1,
            _ => places
                .entry((&deploy.service, &deploy.environment))
                .or_default()
                .push(deploy),
        }
    }
    for place in places.values_mut() {
        place.sort_by_key(|deploy| (deploy.began, &deploy.id));
        of_place(place, &mut stats);
    }
    stats
}

/// The statistics of what counts in one place, the oldest first.
fn of_place(deploys: &[&Deploy], stats: &mut Stats) {
    let mut bad_since = None;
    // The images that were good, without repeats: the last is what runs.
    let mut good: Vec<&str> = Vec::new();
    let mut went_live = None;
    for deploy in deploys {
        if counts(deploy) == Counts::Bad {
            stats.failed += 1;
            bad_since.get_or_insert(end(deploy));
            continue;
        }
        stats.live += 1;
        let image = deploy.image.as_str();
        let back = good.len() >= 2 && good.get(good.len() - 2) == Some(&image);
        if back {
            stats.taken_back += 1;
            good.pop();
            // It is known to be bad when somebody begins to go back, at the latest.
            let known = went_live.map_or(deploy.began, |live: Timestamp| live.max(deploy.began));
            bad_since.get_or_insert(known);
        } else if good.last() != Some(&image) {
            good.push(image);
        }
        if let Some(since) = bad_since.take() {
            stats.recoveries.push(between(since, end(deploy)));
        }
        went_live = Some(end(deploy));
    }
    stats.still_bad += usize::from(bad_since.is_some());
}

/// The middle of them; of an even number, the mean of the two in the middle.
pub(crate) fn median(all: &[Duration]) -> Option<Duration> {
    let mut sorted = all.to_vec();
    sorted.sort();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => sorted.get(middle).copied(),
        _ => Some((*sorted.get(middle - 1)? + *sorted.get(middle)?) / 2),
    }
}

/// What one day saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    /// Its midnight.
    pub(crate) at: Timestamp,
    /// How many went out well.
    pub(crate) live: usize,
    /// How many failed.
    pub(crate) failed: usize,
}

/// Every day from one moment to another in a person's zone, those without a deploy too. A deploy belongs to the day it ended on.
pub(crate) fn per_day(deploys: &[Deploy], from: Timestamp, to: Timestamp, zone: &TimeZone) -> Vec<Day> {
    let date = |at: Timestamp| zone.to_datetime(at).date();
    let mut found: BTreeMap<Date, (usize, usize)> = BTreeMap::new();
    for deploy in deploys {
        let day = found.entry(date(end(deploy))).or_default();
        match counts(deploy) {
            Counts::Good => day.0 += 1,
            Counts::Bad => day.1 += 1,
            Counts::Neither => {}
        }
    }
    let last = date(to);
    let days = date(from)
        .series(jiff::Span::new().days(1))
        .take_while(|day| *day <= last);
    days.filter_map(|day| {
        let (live, failed) = found.get(&day).copied().unwrap_or_default();
        let at = day.to_zoned(zone.clone()).ok()?.timestamp();
        Some(Day { at, live, failed })
    })
    .collect()
}

#[cfg(test)]
#[path = "dora_tests.rs"]
mod tests;
