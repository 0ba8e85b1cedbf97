//! The last look at the gates, right before the change: the values to compare with, and whether something went red meanwhile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use otus::Result;
use otus_kubernetes::Image;
use otus_monitoring::Prometheus;
use otus_monitoring::gate::{Preflight, Vars, preflight};
use serde::{Deserialize, Serialize};

use super::plan::PATIENCE;
use crate::job::Job;
use crate::state::State;
use crate::texts;

/// What was found: the result of the journal's step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outset {
    /// The values, by the keys of the gates.
    Values(BTreeMap<String, Option<f64>>),
    /// One is red.
    Red(String),
}

impl Job {
    /// Asks the gates once more, since what ran first may have taken its time, or have done harm. A state, when the deploy ends
    /// here.
    pub(crate) async fn outset(&mut self) -> Result<Option<State>> {
        if self.planned.gates.is_empty() {
            return Ok(None);
        }
        let found: Outset = self.run.step("gates", |_| self.ask_outset()).await?;
        match found {
            Outset::Values(values) => {
                self.outset = values;
                Ok(None)
            }
            Outset::Red(why) => Ok(Some(State::Refused(why))),
        }
    }

    async fn ask_outset(&self) -> Result<Outset> {
        let prometheus = self.run.services().resource::<Prometheus>()?;
        let version = self.planned.previous.parse::<Image>().ok();
        let version = version
            .and_then(|image| image.version())
            .map(|version| version.to_string());
        let vars = Vars {
            service: self.deploy.service.clone(),
            env: self.deploy.environment.clone(),
            version: version.unwrap_or_default(),
            since: std::time::Duration::from_secs(300),
        };
        let mut values = BTreeMap::new();
        for (key, config) in self.planned.gates.iter() {
            let asked =
                tokio::time::timeout(PATIENCE, preflight(&prometheus, config, &vars, Timestamp::now()));
            match asked.await {
                Ok(Preflight::Red { value, bound }) => {
                    return Ok(Outset::Red(texts::gate_red_by_now(&config.name, value, bound)));
                }
                Ok(found) => values.insert(key.clone(), found.value()),
                Err(_) => values.insert(key.clone(), None),
            };
        }
        Ok(Outset::Values(values))
    }
}
