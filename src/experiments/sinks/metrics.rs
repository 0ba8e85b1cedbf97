//! Runs as metrics, through the `metrics` facade.

use super::Sink;
use crate::{
    outcome::Kind,
    report::{Ran, Report},
};
use metrics::{Counter, Histogram, counter, histogram};
use std::sync::{Arc, PoisonError, RwLock};

/// Counts runs and times arms, under these names:
///
/// | metric | labels | what |
/// |---|---|---|
/// | `experiment_runs_total` | `experiment`, `candidate`, `outcome` | runs, by how they ended |
/// | `experiment_duration_seconds` | `experiment`, `arm` (`control`, or a candidate's name) | how long it took |
/// | `experiment_ratio` | `experiment`, `candidate` | its duration by the control's, in the same run |
/// | `experiment_stopped_total` | `experiment`, `candidate` | how often its circuit breaker opened |
///
/// Make it after the recorder is installed. Its handles are looked up once for each candidate.
#[derive(Debug, Default)]
pub struct MetricsSink {
    /// By the candidate's id.
    handles: RwLock<Vec<Option<Arc<Handles>>>>,
}

#[derive(Debug)]
struct Handles {
    control: Histogram,
    duration: Histogram,
    ratio: Histogram,
    outcomes: [Counter; Kind::ALL.len()],
}

impl MetricsSink {
    /// A sink for the installed recorder.
    pub fn new() -> Self {
        Self::default()
    }

    fn handles(&self, experiment: &str, ran: &Ran) -> Arc<Handles> {
        let known = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(handles)) = known.get(ran.id()) {
            return Arc::clone(handles);
        }
        drop(known);
        let (experiment, name) = (experiment.to_owned(), ran.name());
        let duration = |arm: &'static str| histogram!("experiment_duration_seconds", "experiment" => experiment.clone(), "arm" => arm);
        let fresh = Arc::new(Handles {
            control: duration("control"),
            duration: duration(name),
            ratio: histogram!("experiment_ratio", "experiment" => experiment.clone(), "candidate" => name),
            outcomes: Kind::ALL.map(|kind| {
                counter!(
                    "experiment_runs_total",
                    "experiment" => experiment.clone(), "candidate" => name, "outcome" => kind.name()
                )
            }),
        });
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        if handles.len() <= ran.id() {
            handles.resize_with(ran.id() + 1, || None);
        }
        handles[ran.id()] = Some(Arc::clone(&fresh));
        fresh
    }
}

impl Sink for MetricsSink {
    fn publish(&self, report: &Report<'_>) {
        for (at, ran) in report.candidates.iter().enumerate() {
            let handles = self.handles(report.experiment, ran);
            let kind = ran.outcome.kind();
            handles.outcomes[kind as usize].increment(1);
            // The control ran once, however many candidates there are.
            if at == 0 {
                handles.control.record(report.control.duration);
            }
            if kind.counts() && kind != Kind::Timeout {
                if let Some(duration) = ran.duration {
                    handles.duration.record(duration);
                }
                if let Some(ratio) = ran.ratio(&report.control) {
                    handles.ratio.record(ratio);
                }
            }
        }
    }

    fn stopped(&self, experiment: &str, candidate: &'static str, _why: &str) {
        counter!("experiment_stopped_total", "experiment" => experiment.to_owned(), "candidate" => candidate)
            .increment(1);
    }
}
