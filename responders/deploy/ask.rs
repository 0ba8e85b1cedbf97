//! From what was asked to a proposal: whatever a person left open is decided here, and what cannot be is refused.

use std::collections::BTreeSet;

use otus::store::DeployFilter;
use otus::{Catalog, Context, Environment, Result, Service, Services, UserError};
use otus_kubernetes::Image;

use crate::KIND;
use crate::card::{LAST_GOOD, command};
use crate::choose::{self, Choice};
use crate::commits;
use crate::good;
use crate::plan::{Wanted, locate, read};
use crate::texts;

/// What a person asked for.
pub(crate) struct Ask {
    pub(crate) service: Service,
    pub(crate) environment: Option<Environment>,
    pub(crate) version: Option<String>,
    pub(crate) force: bool,
    /// Whether it may go back in time.
    pub(crate) back: bool,
}

impl Ask {
    /// Who says `deploy api staging` means the environment, unless a version is called so.
    fn with_environment_for_version(self, catalog: &Catalog) -> Self {
        let named = self
            .version
            .as_deref()
            .filter(|word| !self.service.versions.iter().any(|known| known == word));
        match named.and_then(|word| catalog.environment(word)) {
            Some(environment) if self.environment.is_none() => Ask {
                environment: Some(environment),
                version: None,
                ..self
            },
            _ => self,
        }
    }
}

/// Proposes a deploy, or refuses what cannot be one.
pub(crate) async fn deploy(cx: Context, ask: Ask) -> Result {
    let services = cx.services().clone();
    let ask = ask.with_environment_for_version(services.catalog());
    let environment = choose::environment(services.catalog(), &ask.service, ask.environment.clone())?;
    if let Some(wanted) = commits::wanted(&services, &ask, &environment, cx.options()).await? {
        return cx.propose(KIND, wanted).await;
    }
    let line = |version: &str| command(&ask.service.name, version, &environment.name);
    let good = match ask.version.as_deref() {
        Some(LAST_GOOD) => Some(good::version(&services, &ask.service, &environment).await?),
        _ => None,
    };
    let named = good.as_deref().or(ask.version.as_deref());
    let choice = match choose::version(services.catalog(), &ask.service, &environment, named, line) {
        Ok(choice) => choice,
        Err(error) if named.is_none() => {
            let error = with_versions_before(&services, &ask.service, error, line).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let (version, like) = match choice {
        Choice::Version(version) => (version.to_string(), None),
        Choice::AsIn(before) => promoted(&services, &ask.service, &before).await?,
    };
    let wanted = Wanted {
        service: ask.service.name,
        environment: environment.name,
        version,
        like,
        force: ask.force,
        picked: None,
    };
    cx.propose(KIND, wanted).await
}

/// What runs one environment before: the version, and its image.
async fn promoted(
    services: &Services,
    service: &Service,
    before: &Environment,
) -> Result<(String, Option<String>)> {
    let (cluster, workload) = locate(services, service, before).await?;
    let running = read(&cluster, &workload, before).await?;
    let image = running.image.parse::<Image>().ok();
    match image.and_then(|image| image.version()) {
        Some(version) => Ok((version.to_string(), Some(running.image))),
        None => Err(UserError::new(texts::which_version(&service.name, &before.name)).into()),
    }
}

/// Names the versions deployed before to who did not name one.
async fn with_versions_before(
    services: &Services,
    service: &Service,
    error: UserError,
    line: impl Fn(&str) -> String,
) -> Result<UserError> {
    const SHOWN: usize = 5;
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        ..DeployFilter::default()
    };
    let mut seen = BTreeSet::new();
    let deploys = services.store().deploys(&filter).await?;
    let versions: Vec<String> = deploys
        .into_iter()
        .map(|deploy| deploy.version)
        .filter(|version| seen.insert(version.clone()))
        .take(SHOWN)
        .collect();
    if versions.is_empty() {
        return Ok(error);
    }
    let text = format!("{} {}", error.text, texts::versions_before(&versions));
    Ok(versions
        .iter()
        .take(3)
        .fold(UserError::new(text), |error, version| {
            error.instead(line(version))
        }))
}
