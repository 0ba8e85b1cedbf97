//! The way back is forward: the last version that ran well here, and what was rejected by going there.
//!
//! Side effects: writes the store's space `deploy.rejected`.

use jiff::Timestamp;
use otus::store::{DeployFilter, DeployState};
use otus::{Environment, Result, Service, Services, UserError};
use otus_ci::version::{Found, Resolved};
use otus_kubernetes::Image;
use serde::{Deserialize, Serialize};

use crate::commits::{self, commit_of};
use crate::texts;

/// Where it is remembered what was rejected.
const SPACE: &str = "deploy.rejected";

/// A version that is not deployed here again by mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    /// The service.
    pub(crate) service: String,
    /// Where.
    pub(crate) environment: String,
    /// The image, by its digest.
    pub(crate) image: String,
    /// What people call it.
    pub(crate) version: String,
    /// Who went away from it.
    pub(crate) by: otus::UserId,
    /// When.
    pub(crate) at: Timestamp,
    /// Why, where somebody said it.
    pub(crate) why: Option<String>,
    /// The operation that did.
    pub(crate) operation: String,
}

/// Whether an image was rejected in an environment.
pub(crate) async fn rejected(
    services: &Services,
    service: &str,
    environment: &str,
    image: &str,
) -> Result<Option<Rejected>> {
    let known = services
        .store()
        .recall(SPACE, &key(service, environment, image))
        .await?;
    Ok(known.map(serde_json::from_value).transpose()?)
}

/// All that was rejected of a service in an environment, the newest first.
pub(crate) async fn all(services: &Services, service: &str, environment: &str) -> Result<Vec<Rejected>> {
    let entries = services.store().entries(SPACE).await?;
    let begin = key(service, environment, "");
    let of_these = entries.into_iter().filter(|entry| entry.key.starts_with(&begin));
    let mut all = of_these
        .map(|entry| serde_json::from_value(entry.value))
        .collect::<Result<Vec<Rejected>, _>>()?;
    all.sort_by_key(|rejected: &Rejected| std::cmp::Reverse(rejected.at));
    Ok(all)
}

/// Remembers that one is.
pub(crate) async fn reject(services: &Services, rejected: &Rejected) -> Result {
    let key = key(&rejected.service, &rejected.environment, &rejected.image);
    let value = serde_json::to_value(rejected)?;
    Ok(services.store().remember(SPACE, &key, Some(value)).await?)
}

/// Forgets it: it has run well after all.
pub(crate) async fn lift(services: &Services, service: &str, environment: &str, image: &str) -> Result {
    let key = key(service, environment, image);
    Ok(services.store().remember(SPACE, &key, None).await?)
}

/// No part of it can have a space in it.
fn key(service: &str, environment: &str, image: &str) -> String {
    format!("{service} {environment} {image}")
}

/// The last version that ran well here, other than the one that runs, and that was not rejected.
pub(crate) async fn last(services: &Services, service: &Service, environment: &Environment) -> Result<Found> {
    let running = commits::running(services, service, environment).await?;
    let version = before(services, &service.name, &environment.name, &running.image).await?;
    let version =
        version.ok_or_else(|| UserError::new(texts::no_last_good(&service.name, &environment.name)))?;
    Ok(Found {
        version,
        skipped: Vec::new(),
        unlabelled: false,
        off_branch: None,
    })
}

/// The same of a service without a repository, by what its deploys are called; before the first of them ran what it replaced.
pub(crate) async fn version(
    services: &Services,
    service: &Service,
    environment: &Environment,
) -> Result<String> {
    let runs = commits::running(services, service, environment).await?.image;
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        environment: Some(environment.name.clone()),
        ..DeployFilter::default()
    };
    let deploys = services.store().deploys(&filter).await?;
    let known = &service.versions;
    let may_run = |version: &String| known.is_empty() || known.contains(version);
    let recorded = deploys
        .iter()
        .filter(|deploy| deploy.state == DeployState::Succeeded && deploy.image != runs)
        .map(|deploy| deploy.version.clone())
        .find(may_run);
    let replaced = || {
        let images = deploys.iter().filter_map(|deploy| deploy.previous.as_deref());
        let is_bad = |image: &str| {
            let mut failed = deploys
                .iter()
                .filter(|deploy| deploy.state == DeployState::Failed);
            failed.any(|deploy| deploy.image == image)
        };
        images
            .filter(|image| *image != runs && !is_bad(image))
            .filter_map(|image| Some(image.parse::<Image>().ok()?.version()?.to_string()))
            .find(may_run)
    };
    let found = recorded.or_else(replaced);
    Ok(found.ok_or_else(|| UserError::new(texts::no_last_good(&service.name, &environment.name)))?)
}

/// The same, by the image that runs.
pub(crate) async fn before(
    services: &Services,
    service: &str,
    environment: &str,
    runs: &str,
) -> Result<Option<Resolved>> {
    let filter = DeployFilter {
        service: Some(service.to_owned()),
        environment: Some(environment.to_owned()),
        state: Some(DeployState::Succeeded),
        ..DeployFilter::default()
    };
    for deploy in services.store().deploys(&filter).await? {
        let Some(version) = commit_of(&deploy).filter(|_| deploy.image != runs) else {
            continue;
        };
        if rejected(services, service, environment, &deploy.image)
            .await?
            .is_none()
        {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
