//! Purpose: the process' metrics, counted through the `metrics` crate anywhere, told in Prometheus' text format here.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

/// Bounds for every histogram, in seconds: from a fast route to a slow deploy step.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

static INSTALLED: OnceLock<Handle> = OnceLock::new();

/// Reads what was counted. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    prometheus: PrometheusHandle,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// Everything counted until now.
    #[must_use]
    pub fn render(&self) -> String {
        self.prometheus.render()
    }

    /// Takes recorded values into the histograms; without it, they pile up until somebody asks.
    pub(crate) fn upkeep(&self) {
        self.prometheus.run_upkeep();
    }
}

/// Makes the process count, once; later calls answer the same handle.
///
/// When a recorder of somebody else is there already, that one goes on counting, and this handle stays empty; the log says so.
pub fn install() -> Handle {
    INSTALLED
        .get_or_init(|| {
            let recorder = builder().unwrap_or_else(|error| {
                tracing::warn!(%error, "histograms are told as summaries");
                PrometheusBuilder::new()
            });
            let recorder = recorder.build_recorder();
            let handle = Handle {
                prometheus: recorder.handle(),
            };
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            handle
        })
        .clone()
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS)
}
