//! `promote`: what runs well in one environment goes to the next, the same digest.

use otus::operations::Target;
use otus::store::{DeployFilter, DeployState};
use otus::{Catalog, Context, Environment, Result, Service, UserError};

use crate::ask::{self, Ask};
use crate::auto::{not_stable, nothing_before, promote_where};
use crate::choose;
use crate::commits;

/// Proposes it, or refuses what is not known to run well.
pub(crate) async fn promote(cx: Context, service: Service, environment: Option<Environment>) -> Result {
    let catalog = cx.services().catalog();
    let environment = meant(catalog, &service, environment)?;
    let environment = choose::environment(catalog, &service, Some(environment))?;
    let Some(before) = choose::before(catalog, &service, &environment) else {
        return Err(UserError::new(nothing_before(&service.name, &environment.name)).into());
    };
    let running = commits::running(cx.services(), &service, &before).await?;
    let sha = match commits::origin(cx.services(), &service, &running.image)? {
        Some(origin) => commits::known(cx.services(), &service, &origin, &running.image).await?,
        None => None,
    };
    let name = match &sha {
        Some(sha) => sha.chars().take(7).collect(),
        None => commits::name_of(&running, None),
    };
    let target = Target::new(&service.name, &before.name);
    let filter = DeployFilter {
        service: target.service,
        environment: target.environment,
        ..DeployFilter::default()
    };
    let deploys = cx.services().store().deploys(&filter).await?;
    let decided = deploys.iter().find(|deploy| {
        deploy.image == running.image && matches!(deploy.state, DeployState::Succeeded | DeployState::Failed)
    });
    if decided.is_none_or(|deploy| deploy.state == DeployState::Failed) {
        let text = not_stable(&service.name, &name, &before.name, &environment.name);
        return Err(UserError::new(text).into());
    }
    let ask = Ask {
        // Where versions are tags, the one that runs is named; a commit is found by its digest.
        version: service.repository.is_none().then_some(name),
        service,
        environment: Some(environment),
        force: false,
        back: false,
    };
    ask::deploy(cx, ask).await
}

/// The environment named; else the only one that comes after another.
fn meant(catalog: &Catalog, service: &Service, named: Option<Environment>) -> Result<Environment, UserError> {
    if let Some(named) = named {
        return Ok(named);
    }
    let mut after: Vec<Environment> = catalog
        .environments_of(service)
        .into_iter()
        .filter(|environment| choose::before(catalog, service, environment).is_some())
        .collect();
    match (after.pop(), after.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(UserError::new(promote_where(&service.name))),
    }
}
