//! Where runs are told.

mod channel;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tracing")]
mod tracing;

pub use self::channel::{ChannelSink, Observation};
#[cfg(feature = "http")]
pub use self::http::{HttpSink, HttpSinkBuilder, HttpSinkError};
#[cfg(feature = "metrics")]
pub use self::metrics::MetricsSink;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;

use crate::report::Report;

/// Hears of every run. It is called where the run was judged: in the caller's thread when that waits for the candidates,
/// else beside it. A sink must not block; one that panics harms nobody.
///
/// ```
/// use otus_experiments::{Experiment, Report, Sink};
///
/// struct Print;
/// impl Sink for Print {
///     fn publish(&self, report: &Report<'_>) {
///         for ran in report.candidates {
///             println!("{}: {} {}", report.experiment, ran.name(), ran.outcome.kind());
///         }
///     }
/// }
///
/// let adding = Experiment::<u32>::define("adding").sink(Print).build();
/// adding.control_sync(|| 1 + 1).candidate("new", || 2).run();
/// ```
pub trait Sink: Send + Sync {
    /// A run is over.
    fn publish(&self, report: &Report<'_>);

    /// A candidate's circuit breaker has opened, and why.
    fn stopped(&self, experiment: &str, candidate: &'static str, why: &str) {
        let _ = (experiment, candidate, why);
    }
}

impl<S: Sink + ?Sized> Sink for std::sync::Arc<S> {
    fn publish(&self, report: &Report<'_>) {
        (**self).publish(report);
    }

    fn stopped(&self, experiment: &str, candidate: &'static str, why: &str) {
        (**self).stopped(experiment, candidate, why);
    }
}
