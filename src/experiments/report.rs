//! What one run says, for sinks.

use crate::{
    candidate::Candidate,
    outcome::{Ended, Kind, Outcome},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// More context for a run: names and values, as they are to be recorded.
pub type Context = Vec<(&'static str, String)>;

/// One run of an experiment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<'a> {
    /// The experiment's name.
    pub experiment: &'a Arc<str>,
    /// The share of calls that are runs now, in percent.
    pub percent: f64,
    /// What the run was given as context.
    pub context: &'a Context,
    /// The control.
    pub control: Control,
    /// The candidates, in the order in which they began.
    pub candidates: &'a [Ran],
}

/// The control in one run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Control {
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub ended: Ended,
    /// How many candidates began before it.
    pub position: usize,
}

/// A candidate in one run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ran {
    pub(crate) candidate: Arc<Candidate>,
    /// How long it took; `None` when it did not end, or did not begin.
    pub duration: Option<Duration>,
    /// What became of it.
    pub outcome: Outcome,
    /// What is kept of it when it differs.
    pub sample: Option<Arc<Sample>>,
}

impl Ran {
    /// The candidate's name.
    pub fn name(&self) -> &'static str {
        self.candidate.name
    }

    /// A number that belongs to this candidate of this experiment alone, in this process: small, for tables.
    pub fn id(&self) -> usize {
        self.candidate.id
    }

    /// Why its breaker is open, when it is.
    pub fn stopped(&self) -> Option<String> {
        self.candidate.breaker.open()
    }

    /// Its duration as a multiple of the control's, when both are known: the number that says which is faster, because
    /// both had the same input.
    pub fn ratio(&self, control: &Control) -> Option<f64> {
        let (mine, theirs) = (self.duration?.as_secs_f64(), control.duration.as_secs_f64());
        (theirs > 0.0).then(|| mine / theirs)
    }
}

/// A run in which a candidate differed, as far as it may be kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// When it was compared.
    pub at: SystemTime,
    /// The candidate's name.
    pub candidate: &'static str,
    /// How it differed.
    pub kind: Kind,
    /// Where it differed, or what it panicked with.
    pub detail: Option<String>,
    /// The control's value, cleaned; `None` without a `clean`.
    pub control: Option<String>,
    /// The candidate's value, cleaned.
    pub value: Option<String>,
    /// The run's context.
    pub context: Context,
    /// How long the control took.
    pub control_duration: Duration,
    /// How long the candidate took, when it ended.
    pub duration: Option<Duration>,
}
