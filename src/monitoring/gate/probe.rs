//! Purpose: asking Prometheus once for a gate, before a deploy and while it bakes.

use super::{
    Bound, Fault, GateConfig, NoData, Outcome, Vars,
    fill::{FillError, fill},
};
use crate::Prometheus;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The query as it was asked, for whoever wants to ask it themselves.
    pub query: String,
    /// What it says.
    pub outcome: Outcome,
    /// What Prometheus warned of; then the outcome is an error.
    pub warnings: Vec<String>,
}

/// What is found before a deploy begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "preflight", rename_all = "snake_case")]
pub enum Preflight {
    /// It is good. The value is the baseline for afterwards.
    Ready {
        /// The value.
        value: f64,
    },
    /// It is bad already, so a deploy would be stopped for what it did not do, or hide what did.
    Red {
        /// The value.
        value: f64,
        /// What would be good.
        bound: Bound,
    },
    /// The query will never be answered, so the gate would protect from nothing.
    Invalid {
        /// The server's own message.
        why: String,
    },
    /// There is no data. To be shown: the deploy may be what brings it.
    NoData {
        /// Why.
        why: NoData,
    },
    /// Prometheus does not answer. To be shown: what comes of the deploy may not be seen.
    Unanswered {
        /// Why.
        why: String,
    },
}

impl Preflight {
    /// Whether the deploy must not begin.
    #[must_use]
    pub fn refuses(&self) -> bool {
        matches!(self, Self::Red { .. } | Self::Invalid { .. })
    }

    /// The value from before the deploy, for [`Gate::with_before`](super::Gate::with_before).
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Ready { value } | Self::Red { value, .. } => Some(*value),
            _ => None,
        }
    }
}

impl From<Outcome> for Preflight {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass { value } => Self::Ready { value },
            Outcome::Fail { value, bound } => Self::Red { value, bound },
            Outcome::NoData { why } => Self::NoData { why },
            Outcome::Error {
                why,
                fault: Fault::Query,
            } => Self::Invalid { why },
            Outcome::Error {
                why,
                fault: Fault::Server,
            } => Self::Unanswered { why },
        }
    }
}

impl GateConfig {
    /// The query with its values filled in.
    ///
    /// # Errors
    /// [`FillError`] when a value cannot stand where it would.
    pub fn filled(&self, vars: &Vars) -> Result<String, FillError> {
        fill(&self.query, vars)
    }
}

/// Asks once, as of that moment, and judges by that bound: a gate's own, or the configured one.
///
/// It never fails: whatever goes wrong is an outcome. It takes at most as long as the client's timeout.
pub async fn probe(
    prometheus: &Prometheus,
    config: &GateConfig,
    vars: &Vars,
    bound: Bound,
    at: Timestamp,
) -> Probe {
    let query = match config.filled(vars) {
        Ok(query) => query,
        Err(error) => {
            return Probe {
                query: config.query.clone(),
                outcome: Outcome::Error {
                    why: error.to_string(),
                    fault: Fault::Query,
                },
                warnings: Vec::new(),
            };
        }
    };
    let answer = prometheus.query(&query, Some(at)).await;
    let outcome = Outcome::of(&answer, config.reduce, bound);
    Probe {
        query,
        outcome,
        warnings: answer.map(|answer| answer.warnings).unwrap_or_default(),
    }
}

/// Asks before a deploy begins. `vars` are those of what runs now.
pub async fn preflight(
    prometheus: &Prometheus,
    config: &GateConfig,
    vars: &Vars,
    at: Timestamp,
) -> Preflight {
    probe(prometheus, config, vars, config.bound, at)
        .await
        .outcome
        .into()
}
