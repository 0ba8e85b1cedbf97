//! How long things take.

use std::{ops::RangeInclusive, time::Duration};

/// How long things take in the cluster.
#[derive(Clone, Debug)]
pub struct Timing {
    /// From a change to the controllers' answer to it.
    pub reaction: Duration,
    /// How long a Deployment's status stays what it was after its spec has changed.
    pub stale: Duration,
    /// From a pod's creation to its being ready.
    pub ready: RangeInclusive<Duration>,
    /// From a pod's deletion to its being gone.
    pub terminate: Duration,
    /// How long a crashing container runs before it crashes.
    pub crash: Duration,
    /// How long one second lasts where a manifest or the kubelet counts seconds: `progressDeadlineSeconds`,
    /// `minReadySeconds`, probe periods, the back-off between restarts.
    pub second: Duration,
    /// How often a watch that asks for bookmarks gets one.
    pub bookmark: Duration,
}

impl Timing {
    /// For tests: pods are ready in about a tenth of a second, and a second lasts 20 ms.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            reaction: Duration::from_millis(2),
            stale: Duration::from_millis(8),
            ready: Duration::from_millis(50)..=Duration::from_millis(110),
            terminate: Duration::from_millis(40),
            crash: Duration::from_millis(30),
            second: Duration::from_millis(20),
            bookmark: Duration::from_secs(1),
        }
    }

    /// For a person to watch: pods are ready in two to four seconds, and a second lasts 100 ms.
    #[must_use]
    pub fn watchable() -> Self {
        Self {
            reaction: Duration::from_millis(20),
            stale: Duration::from_millis(150),
            ready: Duration::from_secs(2)..=Duration::from_secs(4),
            terminate: Duration::from_secs(1),
            crash: Duration::from_millis(800),
            second: Duration::from_millis(100),
            bookmark: Duration::from_secs(10),
        }
    }

    /// As on a small real cluster, with seconds that last a second.
    #[must_use]
    pub fn real() -> Self {
        Self {
            ready: Duration::from_secs(3)..=Duration::from_secs(4),
            crash: Duration::from_secs(1),
            second: Duration::from_secs(1),
            bookmark: Duration::from_secs(60),
            ..Self::watchable()
        }
    }

    pub(crate) fn seconds(&self, count: f64) -> Duration {
        // A manifest may ask for more seconds than a Duration holds.
        Duration::try_from_secs_f64(self.second.as_secs_f64() * count.max(0.0))
            .unwrap_or(Duration::from_secs(86_400))
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::fast()
    }
}

/// Now, as object metadata writes it.
pub(crate) fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Now, as leases and newer events write it.
pub(crate) fn micro_stamp() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string()
}
