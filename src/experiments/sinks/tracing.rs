//! Runs as `tracing` events.

use super::Sink;
use crate::report::Report;
use tracing::{debug, warn};

/// Says each run of a candidate as an event of `tracing`: one that differs as a warning, any other at debug. What differs is
/// said with what `clean` makes of the values, and nothing else of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl Sink for TracingSink {
    fn publish(&self, report: &Report<'_>) {
        let control = report.control.duration.as_secs_f64();
        for ran in report.candidates {
            let (experiment, candidate, kind) = (&**report.experiment, ran.name(), ran.outcome.kind());
            let took = ran.duration.map(|duration| duration.as_secs_f64());
            if !kind.differs() {
                debug!(
                    experiment,
                    candidate,
                    outcome = kind.name(),
                    control,
                    took,
                    "an experiment ran"
                );
                continue;
            }
            let detail = ran.outcome.detail();
            let sample = ran.sample.as_deref();
            let old = sample.and_then(|sample| sample.control.as_deref());
            let new = sample.and_then(|sample| sample.value.as_deref());
            let context = tracing::field::debug(report.context);
            warn!(
                experiment,
                candidate,
                outcome = kind.name(),
                detail,
                control,
                took,
                old,
                new,
                context,
                "a candidate differs"
            );
        }
    }

    fn stopped(&self, experiment: &str, candidate: &'static str, why: &str) {
        warn!(experiment, candidate, why, "a candidate was stopped");
    }
}
