//! Recording what runs as a release. The cluster is only read.

use otus::operations::{Change, Ending, Outcome, Plan, Run, Target};
use otus::store::{Deploy, DeployState};
use otus::{Card, Result, Services, Tone, UserError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::drift::{self, Drift};
use crate::place::{self, Spot};
use crate::texts;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) service: String,
    pub(crate) environment: String,
}

/// What is recorded: [`Plan::details`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Planned {
    version: String,
    image: String,
    previous: Option<String>,
    manager: Option<String>,
    workload: Value,
}

/// What would be recorded.
pub(crate) async fn plan(services: &Services, ask: &Value) -> Result<Plan> {
    let wanted: Wanted = serde_json::from_value(ask.clone())?;
    let catalog = services.catalog();
    let spot = catalog
        .service(&wanted.service)
        .zip(catalog.environment(&wanted.environment))
        .filter(|(service, environment)| catalog.environments_of(service).contains(environment))
        .map(|(service, environment)| Spot { service, environment });
    let Some(spot) = spot else {
        return Err(UserError::new(texts::not_there(&wanted.service, &wanted.environment, &[])).into());
    };
    let seen = place::see(services, &spot).await?;
    let (service, environment) = (&spot.service.name, &spot.environment.name);
    let running = match &seen.running {
        Ok(running) => running,
        Err(why) => return Err(UserError::new(texts::cannot_tell(service, environment, why)).into()),
    };
    let last = seen.last_good();
    let planned = Planned {
        version: place::version_of(&running.image),
        image: running.image.clone(),
        previous: last.map(|last| last.image.clone()),
        manager: running.owners.first().map(|owner| owner.manager.clone()),
        workload: serde_json::to_value(place::workload(services, &spot))?,
    };
    Ok(Plan {
        title: texts::adopt(service, &planned.version, environment),
        changes: vec![Change {
            what: "the release on record".into(),
            from: last.map(|last| last.version.clone()),
            to: Some(planned.version.clone()),
        }],
        notes: vec![texts::only_recorded(planned.manager.as_deref())],
        nothing_to_do: drift::judge(&seen) == Drift::None,
        details: serde_json::to_value(&planned)?,
        exclusive: true,
        target: Target::new(service, environment),
        ..Plan::default()
    })
}

/// Records it.
pub(crate) async fn apply(run: Run) -> Result<Ending> {
    let operation = run.operation();
    let planned: Planned = serde_json::from_value(operation.plan.details.clone())?;
    let target = operation.plan.target.clone();
    let now = run.services().store().now().await?;
    let deploy = Deploy {
        id: operation.id.clone(),
        service: target.service.unwrap_or_default(),
        environment: target.environment.unwrap_or_default(),
        version: planned.version.clone(),
        image: planned.image,
        previous: planned.previous,
        by: operation.by.clone(),
        began: now,
        ended: Some(now),
        state: DeployState::Succeeded,
        card: operation.card.clone(),
        note: Some(texts::adopted_note(planned.manager.as_deref())),
        details: json!({ "workload": planned.workload, "adopted": true, "manager": planned.manager }),
        generation: operation.lease.generation,
    };
    let services = run.services().clone();
    let row = deploy.clone();
    run.step("record", |_| async move {
        services.store().record_deploy(&row).await?;
        Ok(())
    })
    .await?;
    let card =
        Card::new(Tone::Good, texts::adopted(&deploy)).text(texts::only_recorded(planned.manager.as_deref()));
    Ok(Ending {
        outcome: Outcome::Succeeded,
        note: texts::adopted_note(planned.manager.as_deref()),
        card,
    })
}
