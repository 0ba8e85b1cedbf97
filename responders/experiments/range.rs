//! What was kept of an experiment over a stretch of time, added up: as a whole, by release, and step by step for a picture.

use crate::{grain::Grain, known::Known, record::Row};
use jiff::{SignedDuration, Timestamp};
use otus::{Result, store::Store};
use otus_experiments::stats::{Counts, ExperimentStats};
use std::collections::BTreeMap;

/// A picture has about so many steps.
const STEPS: i64 = 60;
/// How long a step may be, in seconds.
const LENGTHS: [i64; 12] = [
    60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];

/// Sums over a stretch of time.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Whether that is all there ever was, and less than was asked for.
    pub(crate) young: bool,
    pub(crate) total: ExperimentStats,
    /// How candidates' runs ended, by release, in the order in which releases first ran.
    pub(crate) releases: Vec<Release>,
    /// From when in seconds since 1970, and what was learnt from then until the next step.
    pub(crate) steps: BTreeMap<i64, ExperimentStats>,
    /// How long a step is, in seconds.
    pub(crate) step: i64,
}

/// What one release did.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) candidates: BTreeMap<String, Counts>,
}

/// Reads and adds up what was learnt in this time before `now`; not more than there is.
pub(crate) async fn sums(
    store: &dyn Store,
    known: &Known,
    span: SignedDuration,
    now: Timestamp,
) -> Result<Sums> {
    let asked = now.checked_sub(span).unwrap_or(Timestamp::MIN);
    // A young experiment is looked at closely.
    let first = Timestamp::from_second(known.first.as_second().div_euclid(60) * 60)?;
    let from = asked.max(first);
    let grain = Grain::of(now.duration_since(from));
    let mut rows = Vec::new();
    for block in grain.block(from)..=grain.block(now) {
        for entry in store.entries(&grain.space(block, &known.name)).await? {
            match serde_json::from_value::<Row>(entry.value) {
                Ok(row) => rows.push(row),
                Err(error) => tracing::warn!(key = entry.key, %error, "sums of an experiment cannot be read"),
            }
        }
    }
    rows.retain(|row| row.slot >= grain.slot(from));
    rows.sort_by_key(|row| (row.slot, row.first));
    Ok(Sums {
        young: first > asked,
        ..add_up(rows, grain, from, now)
    })
}

fn add_up(rows: Vec<Row>, grain: Grain, from: Timestamp, to: Timestamp) -> Sums {
    let long = to.duration_since(from).as_secs();
    let step = LENGTHS
        .into_iter()
        .find(|step| *step >= grain.seconds() && long / step <= STEPS)
        .unwrap_or(86_400);
    let mut sums = Sums {
        from,
        to,
        step,
        ..Sums::default()
    };
    for row in rows {
        let at = (row.slot * grain.seconds()).div_euclid(step) * step;
        sums.steps.entry(at).or_default().merge(row.stats.clone());
        if let Some(name) = row.release {
            let known = sums.releases.iter_mut().position(|release| release.name == name);
            let at = known.unwrap_or_else(|| {
                sums.releases.push(Release {
                    name,
                    candidates: BTreeMap::new(),
                });
                sums.releases.len() - 1
            });
            for (candidate, stats) in &row.stats.candidates {
                sums.releases[at]
                    .candidates
                    .entry(candidate.clone())
                    .or_default()
                    .merge(&stats.outcomes);
            }
        }
        sums.total.merge(row.stats);
    }
    sums
}
