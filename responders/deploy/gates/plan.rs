//! Asking the gates while a deploy is planned: nobody starts on what is red already.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use otus::{Environment, Result, Service, Services, UserError};
use otus_monitoring::Prometheus;
use otus_monitoring::gate::{Gates, Preflight, Vars, preflight};
use serde::Deserialize as _;

use crate::settings::Settings;
use crate::texts;

/// How long Prometheus may take, while somebody waits for the plan.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// What `{{since}}` is before there is a deploy to count from.
const BEFORE: Duration = Duration::from_secs(300);

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The gates of the deploy.
    pub(crate) gates: Gates,
    /// What people should see before it begins.
    pub(crate) notes: Vec<String>,
}

/// The gates of a service: everybody's, and its own over them.
fn gates(settings: &Settings, service: &Service) -> Result<Gates> {
    // What cannot be read is found when the configuration is; this is for whoever made the catalog otherwise.
    let own = serde_json::Value::from(service.gates.clone());
    let own = Gates::deserialize(own)
        .map_err(|error| UserError::new(texts::bad_gates(&service.name, &error.to_string())))?;
    Ok(settings.gates.clone().with(own))
}

/// Asks every gate once. `running` is the version that runs; `failed` is true when it failed when it was deployed: what leads away
/// from it is not kept back by what it broke.
pub(crate) async fn check(
    settings: &Settings,
    services: &Services,
    (service, environment): (&Service, &Environment),
    running: &str,
    failed: bool,
) -> Result<Checked> {
    let gates = gates(settings, service)?;
    if gates.is_empty() {
        return Ok(Checked::default());
    }
    if failed {
        return Ok(Checked {
            notes: vec![texts::gates_not_asked(running)],
            ..Checked::default()
        });
    }
    let Some(prometheus) = services.resources().get::<Prometheus>() else {
        return Err(UserError::new(texts::gates_without_prometheus(&service.name)).into());
    };
    let vars = Vars {
        service: service.name.clone(),
        env: environment.name.clone(),
        version: running.to_owned(),
        since: BEFORE,
    };
    let now = Timestamp::now();
    let asked = gates.values().map(|config| {
        let (prometheus, vars) = (&prometheus, &vars);
        async move {
            let asked = tokio::time::timeout(PATIENCE, preflight(prometheus, config, vars, now)).await;
            let late = || Preflight::Unanswered {
                why: texts::no_answer_within(PATIENCE),
            };
            (config.name.as_str(), asked.unwrap_or_else(|_| late()))
        }
    });
    let mut notes = Vec::new();
    for (name, found) in join_all(asked).await {
        match found {
            Preflight::Ready { value } => notes.push(texts::gate_ready(name, value)),
            Preflight::Red { value, bound } => {
                return Err(UserError::new(texts::gate_red(name, value, bound)).into());
            }
            Preflight::Invalid { why } => return Err(UserError::new(texts::gate_invalid(name, &why)).into()),
            Preflight::NoData { why } => notes.push(texts::gate_without_data(name, &why.to_string())),
            Preflight::Unanswered { why } => notes.push(texts::gate_unanswered(name, &why)),
        }
    }
    Ok(Checked { gates, notes })
}
