//! Asking Prometheus when a gate is due. What is on its way stays so, whatever else happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, pending};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use otus_monitoring::Prometheus;
use otus_monitoring::gate::{Outcome, Vars, probe};

use super::Watch;
use crate::words::since;

/// What a gate was told.
pub(crate) struct Sample {
    /// The gate's key.
    pub(crate) gate: String,
    /// When it was asked.
    pub(crate) at: Timestamp,
    /// What was told.
    pub(crate) outcome: Outcome,
}

/// Asks for the gates of one deploy.
pub(crate) struct Sampler {
    prometheus: Option<Arc<Prometheus>>,
    vars: Vars,
    made: Timestamp,
    asking: FuturesUnordered<BoxFuture<'static, Sample>>,
    under_way: BTreeSet<String>,
}

impl Sampler {
    /// For a change that was made then.
    pub(crate) fn new(prometheus: Option<Arc<Prometheus>>, vars: Vars, made: Timestamp) -> Self {
        Sampler {
            prometheus,
            vars,
            made,
            asking: FuturesUnordered::new(),
            under_way: BTreeSet::new(),
        }
    }

    /// The next sample, when there is one. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self, watches: &BTreeMap<String, Watch>) -> Sample {
        let Some(prometheus) = self.prometheus.clone() else {
            return pending().await;
        };
        loop {
            let now = Timestamp::now();
            let mut wait = None;
            for (key, watch) in watches {
                let Some(due) = watch.due().filter(|_| !self.under_way.contains(key)) else {
                    continue;
                };
                if due <= now {
                    self.ask(&prometheus, key, watch, now);
                    continue;
                }
                // `since` answers how much later the second moment is.
                let left = since(now, due);
                wait = Some(wait.map_or(left, |wait: Duration| wait.min(left)));
            }
            let rest = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(sample) = self.asking.next(), if !self.asking.is_empty() => {
                    self.under_way.remove(&sample.gate);
                    return sample;
                }
                () = rest => {}
            }
        }
    }

    fn ask(&mut self, prometheus: &Arc<Prometheus>, key: &str, watch: &Watch, at: Timestamp) {
        let (prometheus, gate) = (Arc::clone(prometheus), key.to_owned());
        let (config, bound) = (watch.gate().config().clone(), watch.gate().bound());
        let vars = Vars {
            since: since(self.made, at),
            ..self.vars.clone()
        };
        self.under_way.insert(gate.clone());
        let asked = async move {
            let outcome = probe(&prometheus, &config, &vars, bound, at).await.outcome;
            Sample { gate, at, outcome }
        };
        self.asking.push(asked.boxed());
    }
}
