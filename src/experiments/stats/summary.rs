//! Many runs of one experiment, added up.

use super::{Histogram, Share};
use crate::{
    outcome::{Ended, Kind},
    report::{Report, Sample},
};
use std::{collections::BTreeMap, time::UNIX_EPOCH};

/// The most samples that are kept of one experiment between two sendings.
pub const SAMPLES: usize = 20;
/// The most places that differences are counted for, by candidate.
const PLACES: usize = 50;

/// How many runs ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "wire",
    serde(from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")
)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    /// How many ended so.
    pub fn get(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Adds some that ended so.
    pub fn add(&mut self, kind: Kind, count: u64) {
        let sum = &mut self.0[kind as usize];
        *sum = sum.saturating_add(count);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        Kind::ALL
            .into_iter()
            .for_each(|kind| self.add(kind, other.get(kind)));
    }

    /// How many say anything about the candidate: all but those that were shed, cancelled or not decided.
    pub fn judged(&self) -> u64 {
        self.sum(Kind::counts)
    }

    /// The share that differed, among those that say anything. What is ignored does not differ.
    pub fn differing(&self) -> Share {
        Share {
            of: self.sum(Kind::differs),
            total: self.judged(),
        }
    }

    fn sum(&self, of: impl Fn(Kind) -> bool) -> u64 {
        let some = Kind::ALL.into_iter().filter(|kind| of(*kind));
        some.fold(0, |sum, kind| sum.saturating_add(self.get(kind)))
    }
}

impl From<BTreeMap<String, u64>> for Counts {
    /// A kind that a newer version has is left out.
    fn from(named: BTreeMap<String, u64>) -> Self {
        let mut counts = Self::default();
        for kind in Kind::ALL {
            counts.add(kind, named.get(kind.name()).copied().unwrap_or_default());
        }
        counts
    }
}

impl From<Counts> for BTreeMap<String, u64> {
    fn from(counts: Counts) -> Self {
        let some = Kind::ALL.into_iter().filter(|kind| counts.get(*kind) > 0);
        some.map(|kind| (kind.name().to_owned(), counts.get(kind)))
            .collect()
    }
}

/// A control over many runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "wire", serde(default))]
pub struct ControlStats {
    /// How many runs there were.
    pub runs: u64,
    /// In how many of them it returned an error.
    pub errors: u64,
    /// In how many of them it panicked.
    pub panics: u64,
    /// How long it took, in nanoseconds.
    pub duration: Histogram,
}

/// A candidate over many runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "wire", serde(default))]
pub struct CandidateStats {
    /// How its runs ended.
    pub outcomes: Counts,
    /// How long it took when it ended, in nanoseconds.
    pub duration: Histogram,
    /// How long it took by how long the control took in the same run, in thousandths: 500 is twice as fast.
    pub ratio: Histogram,
    /// How often it differed where. At most 50 places; the rest is under `…`.
    pub places: BTreeMap<String, u64>,
    /// Why its circuit breaker is open.
    pub stopped: Option<String>,
}

/// A run in which a candidate differed, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct SampleRecord {
    /// When, in milliseconds since 1970 in UTC.
    pub at: u64,
    /// The candidate's name.
    pub candidate: String,
    /// How it differed: a name of a [`Kind`].
    pub outcome: String,
    /// Where it differed.
    pub detail: Option<String>,
    /// The control's value, cleaned.
    pub control: Option<String>,
    /// The candidate's value, cleaned.
    pub value: Option<String>,
    /// The run's context.
    pub context: BTreeMap<String, String>,
    /// How long the control took, in nanoseconds.
    pub control_ns: u64,
    /// How long the candidate took, in nanoseconds, when it ended.
    pub candidate_ns: Option<u64>,
}

impl From<&Sample> for SampleRecord {
    fn from(sample: &Sample) -> Self {
        let since = sample.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let context = sample
            .context
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self {
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            candidate: sample.candidate.to_owned(),
            outcome: sample.kind.name().to_owned(),
            detail: sample.detail.clone(),
            control: sample.control.clone(),
            value: sample.value.clone(),
            context: context.collect(),
            control_ns: nanos(sample.control_duration),
            candidate_ns: sample.duration.map(nanos),
        }
    }
}

/// An experiment over many runs.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "wire", serde(default))]
pub struct ExperimentStats {
    /// The share of calls that were runs last, in percent.
    pub percent: f64,
    /// Whether it was stopped last, as far as that is known.
    pub stopped: bool,
    /// The control.
    pub control: ControlStats,
    /// The candidates by name.
    pub candidates: BTreeMap<String, CandidateStats>,
    /// The last runs in which one differed, oldest first; at most [`SAMPLES`].
    pub samples: Vec<SampleRecord>,
    /// How many samples there was no room for.
    pub samples_dropped: u64,
}

impl ExperimentStats {
    /// Adds a run.
    pub fn record(&mut self, report: &Report<'_>) {
        self.percent = report.percent;
        let control = &mut self.control;
        control.runs += 1;
        match report.control.ended {
            Ended::Value => {}
            Ended::Error => control.errors += 1,
            Ended::Panic(_) => control.panics += 1,
        }
        control.duration.record(nanos(report.control.duration));
        for ran in report.candidates {
            if !self.candidates.contains_key(ran.name()) {
                self.candidates
                    .insert(ran.name().to_owned(), CandidateStats::default());
            }
            let Some(candidate) = self.candidates.get_mut(ran.name()) else {
                continue;
            };
            let kind = ran.outcome.kind();
            candidate.outcomes.add(kind, 1);
            candidate.stopped = ran.stopped();
            // A timeout's duration is the deadline's, which says nothing about it.
            if kind.counts() && kind != Kind::Timeout {
                if let Some(duration) = ran.duration {
                    candidate.duration.record(nanos(duration));
                }
                if let Some(ratio) = ran.ratio(&report.control) {
                    candidate.ratio.record(thousandths(ratio));
                }
            }
            if kind.differs()
                && let Some(place) = ran.outcome.detail()
            {
                candidate.differed(place, 1);
            }
            if let Some(sample) = &ran.sample {
                self.keep(sample.as_ref().into());
            }
        }
    }

    /// Adds what others counted later.
    pub fn merge(&mut self, later: Self) {
        (self.percent, self.stopped) = (later.percent, later.stopped);
        self.control.runs = self.control.runs.saturating_add(later.control.runs);
        self.control.errors = self.control.errors.saturating_add(later.control.errors);
        self.control.panics = self.control.panics.saturating_add(later.control.panics);
        self.control.duration.merge(&later.control.duration);
        for (name, theirs) in later.candidates {
            let ours = self.candidates.entry(name).or_default();
            ours.outcomes.merge(&theirs.outcomes);
            ours.duration.merge(&theirs.duration);
            ours.ratio.merge(&theirs.ratio);
            ours.stopped = theirs.stopped;
            theirs
                .places
                .iter()
                .for_each(|(place, count)| ours.differed(place, *count));
        }
        later.samples.into_iter().for_each(|sample| self.keep(sample));
        self.samples_dropped = self.samples_dropped.saturating_add(later.samples_dropped);
    }

    fn keep(&mut self, sample: SampleRecord) {
        self.samples.push(sample);
        if self.samples.len() > SAMPLES {
            self.samples.remove(0);
            self.samples_dropped += 1;
        }
    }
}

impl CandidateStats {
    fn differed(&mut self, place: &str, count: u64) {
        let room = self.places.len() < PLACES || self.places.contains_key(place);
        let sum = self
            .places
            .entry(if room { place } else { "…" }.to_owned())
            .or_default();
        *sum = sum.saturating_add(count);
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative; what is too large becomes the largest"
)]
fn thousandths(ratio: f64) -> u64 {
    (ratio * 1000.0).round() as u64
}
