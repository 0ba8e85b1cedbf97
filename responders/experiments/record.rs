//! Sums of runs, and the last samples, as they are kept. Adding a batch twice adds it once: each row knows which batches are in it.

use crate::{
    grain::Grain,
    known::{self, Change, Known, Teller},
    words,
};
use jiff::Timestamp;
use otus::{Result, store::Store};
use otus_experiments::{
    stats::{CandidateStats, ExperimentStats, SampleRecord},
    wire::Batch,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The space of the last samples.
const SAMPLES: &str = "experiments.samples";
/// So many are kept of an experiment.
const KEPT: usize = 20;
/// The longest text kept of a sample's.
const LONGEST: usize = 4100;
/// So many candidates of an experiment are taken.
const CANDIDATES: usize = 20;
/// So many places are counted apart, by candidate.
const PLACES: usize = 50;
/// So many experiments one application may tell of.
const EXPERIMENTS: usize = 500;
/// A clock may be so much ahead of the store's.
const AHEAD: i64 = 300;

/// What one application's processes of one release learnt in one slot of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) slot: i64,
    /// When the first of it came in: of two releases in one slot, which was there first.
    pub(crate) first: Timestamp,
    pub(crate) application: String,
    pub(crate) release: Option<String>,
    /// The last batch of each process that is in here.
    seen: BTreeMap<String, u64>,
    /// Without samples.
    pub(crate) stats: ExperimentStats,
}

/// A sample, and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) application: String,
    pub(crate) release: Option<String>,
    pub(crate) sample: SampleRecord,
}

/// What became of a batch.
pub(crate) struct Outcome {
    /// The names of experiments that were left out.
    pub(crate) left_out: Vec<String>,
    /// Candidates that people should hear of.
    pub(crate) stopped: Vec<Stopped>,
}

/// A candidate that was stopped by its circuit breaker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stopped {
    pub(crate) experiment: String,
    pub(crate) candidate: String,
    pub(crate) application: String,
    pub(crate) why: String,
}

/// What came in, and from whom.
pub(crate) struct Arrived {
    pub(crate) application: String,
    pub(crate) batch: Batch,
    /// By the store's clock.
    pub(crate) now: Timestamp,
}

impl Arrived {
    /// When it happened: by the sender's clock, so that a batch that comes again falls where it fell before; by the store's
    /// when the sender's is far off.
    fn at(&self, oldest: Timestamp) -> Timestamp {
        let sent = i64::try_from(self.batch.to).ok();
        sent.and_then(|sent| Timestamp::from_millisecond(sent).ok())
            .filter(|at| *at >= oldest && at.duration_since(self.now).as_secs() <= AHEAD)
            .unwrap_or(self.now)
    }

    /// Keeps all of it. What became of it beyond that.
    ///
    /// # Errors
    /// When the store fails; what is written by then is not written twice when the same comes again.
    pub(crate) async fn keep(mut self, store: &dyn Store, oldest: Timestamp) -> Result<Outcome> {
        let at = self.at(oldest);
        self.batch.release = self.batch.release.map(|release| words::cut(&release, 100));
        let experiments = std::mem::take(&mut self.batch.experiments);
        let (good, bad): (Vec<_>, Vec<_>) = experiments
            .into_iter()
            .partition(|(name, _)| words::is_name(name));
        // Looked at once: most of it is no news.
        let known = known::known(store).await?;
        let mut outcome = Outcome {
            left_out: bad.into_iter().map(|(name, _)| name).collect(),
            stopped: Vec::new(),
        };
        for (number, (name, mut stats)) in good.into_iter().enumerate() {
            if number >= EXPERIMENTS {
                outcome.left_out.push(name);
                continue;
            }
            tidy(&mut stats);
            let runs = stats.control.runs > 0 || !stats.candidates.is_empty();
            let stopped = self
                .hear(store, known.get(&name), &name, (&stats, runs, at))
                .await?;
            outcome.stopped.extend(stopped);
            if !runs {
                continue;
            }
            let samples = std::mem::take(&mut stats.samples);
            if !samples.is_empty() {
                self.sample(store, &name, samples).await?;
            }
            for grain in Grain::ALL {
                self.add(store, grain, &name, at, &stats).await?;
            }
        }
        Ok(outcome)
    }

    async fn hear(
        &self,
        store: &dyn Store,
        before: Option<&Known>,
        name: &str,
        (stats, runs, at): (&ExperimentStats, bool, Timestamp),
    ) -> Result<Vec<Stopped>> {
        let teller = Teller {
            last: self.now,
            percent: stats.percent,
            stopped: stats.stopped,
            release: self.batch.release.clone(),
        };
        let oldest = Grain::ALL.map(|grain| grain.block(at));
        let mut stopped = Vec::new();
        let mut heard = |before: Option<Known>| {
            stopped.clear();
            let mut known = before.unwrap_or_else(|| Known::new(name, self.now));
            let mut news = known.hear(&self.application, teller.clone(), runs);
            // What comes late was there before.
            news |= runs && at < known.first;
            if runs {
                known.first = known.first.min(at);
            }
            for (candidate, why) in stats
                .candidates
                .iter()
                .filter_map(|(name, stats)| Some((name, stats.stopped.as_ref()?)))
            {
                let (fresh, tell) = known.stop(candidate, self.now);
                news |= fresh;
                if tell {
                    stopped.push(Stopped {
                        experiment: name.to_owned(),
                        candidate: candidate.clone(),
                        application: self.application.clone(),
                        why: why.clone(),
                    });
                }
            }
            for (known, oldest) in known.oldest.iter_mut().zip(oldest) {
                news |= oldest < *known;
                *known = oldest.min(*known);
            }
            if news {
                Change::Becomes(known)
            } else {
                Change::Stays
            }
        };
        let news = before.is_none_or(|before| matches!(heard(Some(before.clone())), Change::Becomes(_)));
        if news && !known::change_known(store, name, &mut heard).await? {
            // Another process wrote it down, and tells.
            stopped.clear();
        }
        Ok(stopped)
    }

    async fn add(
        &self,
        store: &dyn Store,
        grain: Grain,
        name: &str,
        at: Timestamp,
        stats: &ExperimentStats,
    ) -> Result {
        let slot = grain.slot(at);
        let release = self.batch.release.as_deref();
        let key = format!("{slot} {} {}", self.application, release.unwrap_or_default());
        let space = grain.space(grain.block(at), name);
        let (instance, sequence) = (words::cut(&self.batch.instance, 64), self.batch.sequence);
        known::change(store, &space, &key, &[], |before: Option<Row>| {
            let mut row = before.unwrap_or_else(|| Row {
                slot,
                first: self.now,
                application: self.application.clone(),
                release: release.map(str::to_owned),
                seen: BTreeMap::new(),
                stats: ExperimentStats::default(),
            });
            let seen = row.seen.entry(instance.clone()).or_default();
            if *seen >= sequence {
                return Change::Stays;
            }
            *seen = sequence;
            row.stats.merge(stats.clone());
            Change::Becomes(row)
        })
        .await?;
        Ok(())
    }

    async fn sample(&self, store: &dyn Store, name: &str, samples: Vec<SampleRecord>) -> Result {
        let kept: Vec<Kept> = samples
            .into_iter()
            .map(|sample| Kept {
                application: self.application.clone(),
                release: self.batch.release.clone(),
                sample,
            })
            .collect();
        known::change(store, SAMPLES, name, &[], |before: Option<Vec<Kept>>| {
            let mut all = before.unwrap_or_default();
            let count = all.len();
            for sample in &kept {
                if !all.contains(sample) {
                    all.push(sample.clone());
                }
            }
            if all.len() == count {
                return Change::Stays;
            }
            all.sort_by_key(|kept| kept.sample.at);
            all.drain(..all.len().saturating_sub(KEPT));
            Change::Becomes(all)
        })
        .await?;
        Ok(())
    }
}

/// Keeps what others send within bounds.
fn tidy(stats: &mut ExperimentStats) {
    let short = |text: &mut String| {
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
    };
    if !stats.percent.is_finite() {
        stats.percent = 0.0;
    }
    stats.candidates.retain(|name, _| words::is_name(name));
    while stats.candidates.len() > CANDIDATES {
        stats.candidates.pop_last();
    }
    for candidate in stats.candidates.values_mut() {
        tidy_candidate(candidate);
    }
    stats.samples.drain(..stats.samples.len().saturating_sub(KEPT));
    for sample in &mut stats.samples {
        short(&mut sample.candidate);
        short(&mut sample.outcome);
        [&mut sample.detail, &mut sample.control, &mut sample.value]
            .into_iter()
            .flatten()
            .for_each(short);
        while sample.context.len() > 20 {
            sample.context.pop_last();
        }
        sample.context = std::mem::take(&mut sample.context)
            .into_iter()
            .map(|(name, value)| (words::cut(&name, 100), words::cut(&value, 500)))
            .collect();
    }
}

fn tidy_candidate(candidate: &mut CandidateStats) {
    let mut places = BTreeMap::new();
    for (place, count) in std::mem::take(&mut candidate.places) {
        let place = words::cut(&place, 100);
        let room = places.len() < PLACES || places.contains_key(&place);
        let sum: &mut u64 = places.entry(if room { place } else { "…".into() }).or_default();
        *sum = sum.saturating_add(count);
    }
    candidate.places = places;
    candidate.stopped = candidate.stopped.take().map(|why| words::cut(&why, 200));
}

/// The last samples of an experiment, oldest first.
pub(crate) async fn samples(store: &dyn Store, name: &str) -> Result<Vec<Kept>> {
    let found = store.recall(SAMPLES, name).await?;
    Ok(found
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default())
}

/// Forgets a block, or what is left of it. How many rows there were.
pub(crate) async fn forget(store: &dyn Store, grain: Grain, block: i64, name: &str) -> Result<usize> {
    let space = grain.space(block, name);
    let rows = store.entries(&space).await?;
    for row in &rows {
        store.remember(&space, &row.key, None).await?;
    }
    Ok(rows.len())
}

/// Forgets the samples of an experiment that is gone.
pub(crate) async fn forget_samples(store: &dyn Store, name: &str) -> Result {
    store.remember(SAMPLES, name, None).await?;
    Ok(())
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
