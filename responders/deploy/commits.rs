//! Services with a repository: from what was said to a commit and its image, and what stands between that and what runs.
//!
//! Side effects: reads GitHub, registries, the cluster and the store; changes nothing.

use std::sync::Arc;

use otus::options::Options;
use otus::store::{Deploy, DeployFilter};
use otus::{Backwards, Environment, Result, Service, Services, UserError};
use otus_ci::version::{Error, Found, Resolved, Said, Source, Versions, Way};
use otus_kubernetes::{Image, Running};
use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::card::{LAST_GOOD, command};
use crate::guard::{Guard, guard};
use crate::plan::{Wanted, failed_before, locate, read};
use crate::{good, texts};

/// The commit that was picked when somebody asked: from then on it is that one, whatever its branch or tag does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Picked {
    /// The version, and how it was found.
    pub(crate) found: Found,
    /// Whether it is the last that ran well here.
    pub(crate) good: bool,
    /// Whether it may go back in time.
    pub(crate) back: bool,
    /// Why, where somebody said it.
    pub(crate) reason: Option<String>,
    /// Whether nobody asked for it: then it only goes forward, whatever the environment allows people.
    #[serde(default)]
    pub(crate) auto: bool,
}

impl Picked {
    /// What runs then.
    pub(crate) fn image(&self, service: &str) -> Result<Image, UserError> {
        let image = &self.found.version.image;
        image
            .parse()
            .map_err(|error| UserError::new(texts::bad_image(service, image, &format!("{error}"))))
    }
}

/// What applying needs to know of the commit; a part of what gets approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// The version.
    pub(crate) version: Resolved,
    /// What runs before, as people say it.
    pub(crate) from: String,
    /// Whether it may go back in time.
    pub(crate) back: bool,
    /// Whether it is the last that ran well here: then what runs before is rejected.
    pub(crate) good: bool,
    /// Whether it may be one that was rejected here.
    pub(crate) overrides: bool,
    /// Why, where somebody said it.
    pub(crate) reason: Option<String>,
    /// The pull requests that come with it.
    pub(crate) pulls: Vec<u64>,
    /// Whether nobody asked for it.
    #[serde(default)]
    pub(crate) auto: bool,
}

impl Commit {
    /// What becomes of it when it would go back.
    pub(crate) fn backwards(&self, environment: &Environment) -> Backwards {
        backwards(self.auto, environment)
    }
}

/// What nobody asked for never goes back.
fn backwards(auto: bool, environment: &Environment) -> Backwards {
    match auto {
        true => Backwards::Refuse,
        false => environment.backwards,
    }
}

/// What people read of it beside the change itself.
#[derive(Debug, Default)]
pub(crate) struct More {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Where the versions of a service come from, and who asks there.
pub(crate) struct Origin {
    pub(crate) versions: Arc<Versions>,
    pub(crate) source: Source,
}

/// Of a service with a repository. `runs` is the image whose repository is asked when the catalog names none.
pub(crate) fn origin(services: &Services, service: &Service, runs: &str) -> Result<Option<Origin>> {
    let Some(repository) = &service.repository else {
        return Ok(None);
    };
    let versions = services.resource::<Versions>()?;
    let of_running = runs.parse::<Image>().map(|image| image.repository());
    let image = match (&service.image, of_running) {
        (Some(image), _) => image.clone(),
        (None, Ok(image)) => image,
        (None, Err(_)) => runs.to_owned(),
    };
    let (branch, tag) = (service.branch(), service.image_tag.as_deref());
    let source = Source::read(repository, branch, &service.checks, &image, tag).map_err(|faults| {
        let faults: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        UserError::new(texts::bad_source(&service.name, &faults))
    })?;
    Ok(Some(Origin { versions, source }))
}

/// What is asked of the engine, of a service with a repository.
pub(crate) async fn wanted(
    services: &Services,
    ask: &Ask,
    environment: &Environment,
    options: &Options,
) -> Result<Option<Wanted>> {
    let service = &ask.service;
    if service.repository.is_none() {
        return Ok(None);
    }
    let said = ask.version.as_deref();
    let is_good = said == Some(LAST_GOOD);
    let found = if is_good {
        good::last(services, service, environment).await?
    } else {
        find(services, service, environment, said).await?
    };
    Ok(Some(Wanted {
        service: service.name.clone(),
        environment: environment.name.clone(),
        version: found.version.name().to_owned(),
        like: None,
        force: ask.force,
        picked: Some(Picked {
            found,
            good: is_good,
            back: ask.back,
            reason: options.reason.clone(),
            auto: false,
        }),
    }))
}

/// The version meant: the one named; else what runs one environment before; else the latest green.
async fn find(
    services: &Services,
    service: &Service,
    environment: &Environment,
    said: Option<&str>,
) -> Result<Found> {
    let catalog = services.catalog();
    let before = match said {
        None => crate::choose::before(catalog, service, environment),
        Some(_) => None,
    };
    if let Some(before) = before {
        return promoted(services, service, &before).await;
    }
    let runs = match &service.image {
        Some(image) => image.clone(),
        None => running(services, service, environment).await?.image,
    };
    let said: Said = said
        .unwrap_or_default()
        .parse()
        .map_err(|error| UserError::new(texts::bad_version(said.unwrap_or_default(), &format!("{error}"))))?;
    let Some(origin) = origin(services, service, &runs)? else {
        anyhow::bail!("the service {} has no repository any more", service.name);
    };
    let found = origin.versions.find(&origin.source, &said).await;
    Ok(found.map_err(|error| refused(service, environment, &error))?)
}

/// What runs one environment before: the same digest.
async fn promoted(services: &Services, service: &Service, before: &Environment) -> Result<Found> {
    let running = running(services, service, before).await?;
    let Some(origin) = origin(services, service, &running.image)? else {
        anyhow::bail!("the service {} has no repository any more", service.name);
    };
    let target = otus::operations::Target::new(&service.name, &before.name);
    if failed_before(services, &target, &running.image).await?.is_some() {
        let name = name_of(&running, None);
        return Err(UserError::new(texts::failed_there(&service.name, &name, &before.name)).into());
    }
    let row = row_of(services, service, &running.image).await?;
    let known = row.as_ref().and_then(commit_of);
    let sha = known.as_ref().map(|known| known.sha.as_str());
    let found = origin.versions.promote(&origin.source, &running.image, sha).await;
    let mut found = found.map_err(|error| refused(service, before, &error))?;
    found.version.tag = known.and_then(|known| known.tag);
    Ok(found)
}

pub(crate) async fn running(
    services: &Services,
    service: &Service,
    environment: &Environment,
) -> Result<Running> {
    let (cluster, workload) = locate(services, service, environment).await?;
    read(&cluster, &workload, environment).await
}

/// Holds the commit against what runs and what was rejected: refused, or what applying and people need to know.
pub(crate) async fn check(
    services: &Services,
    service: &Service,
    environment: &Environment,
    running: &Running,
    wanted: &Wanted,
    picked: &Picked,
) -> Result<(Commit, More)> {
    let version = &picked.found.version;
    let overrides = wanted.force && picked.reason.is_some();
    if let Some(rejected) = good::rejected(services, &service.name, &environment.name, &version.image).await?
        && !overrides
    {
        return Err(UserError::new(texts::is_rejected(version.name(), &rejected)).into());
    }
    let Some(origin) = origin(services, service, &running.image)? else {
        return Err(UserError::new(texts::not_configured(&service.name, &environment.name)).into());
    };
    let runs = known(services, service, &origin, &running.image)
        .await
        .map_err(|error| {
            UserError::new(texts::cannot_ask(
                &service.name,
                &environment.name,
                &error.to_string(),
            ))
        })?;
    let way = match &runs {
        Some(sha) => Some(way(&origin, service, environment, sha, &version.sha).await?),
        None => None,
    };
    let from = name_of(running, runs.as_deref());
    let command = command(&service.name, version.name(), &environment.name);
    let mut more = More::default();
    if running.image != version.image {
        match (
            guard(
                way.as_ref(),
                backwards(picked.auto, environment),
                picked.back,
                picked.good,
            ),
            &way,
        ) {
            (Guard::Ask, Some(way)) => {
                let text = texts::would_lose(&from, version.name(), &environment.name, way);
                return Err(UserError::new(text).instead(format!("{command} --back")).into());
            }
            (Guard::Refuse, Some(way)) => {
                let text = texts::must_not_lose(&service.name, &from, version.name(), &environment.name, way);
                return Err(UserError::new(text).into());
            }
            (Guard::Warn, Some(way)) => more.warnings.push(texts::loses(&from, way)),
            _ => {}
        }
        if picked.good {
            more.warnings.push(texts::will_reject(&from, &environment.name));
        }
        if way.is_none() && picked.auto {
            return Err(UserError::new(texts::auto_unknown(&from, &environment.name)).into());
        }
        if way.is_none() {
            more.notes.push(texts::unknown_way(&from));
        }
    }
    more.warnings.extend(texts::doubts(&picked.found));
    let between = way.as_ref().filter(|_| running.image != version.image);
    let about = texts::about(version, between);
    more.notes.insert(0, about);
    more.notes.extend(texts::skipped(&picked.found.skipped));
    let commit = Commit {
        version: version.clone(),
        from,
        back: picked.back,
        good: picked.good,
        overrides,
        reason: picked.reason.clone(),
        pulls: way.map(|way| way.pulls).unwrap_or_default(),
        auto: picked.auto,
    };
    Ok((commit, more))
}

/// How the commit lies to the one that runs.
pub(crate) async fn way(
    origin: &Origin,
    service: &Service,
    environment: &Environment,
    runs: &str,
    wanted: &str,
) -> Result<Way> {
    let way = origin.versions.way(&origin.source, runs, wanted).await;
    Ok(way.map_err(|error| refused(service, environment, &error))?)
}

/// The commit of an image: as it was deployed, else as the image says. None when nobody knows.
pub(crate) async fn known(
    services: &Services,
    service: &Service,
    origin: &Origin,
    image: &str,
) -> Result<Option<String>> {
    let row = row_of(services, service, image).await?;
    if let Some(commit) = row.as_ref().and_then(commit_of) {
        return Ok(Some(commit.sha));
    }
    Ok(origin.versions.revision(&origin.source, image).await?)
}

/// The newest deploy of an image, anywhere.
async fn row_of(services: &Services, service: &Service, image: &str) -> Result<Option<Deploy>> {
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        ..DeployFilter::default()
    };
    let rows = services.store().deploys(&filter).await?;
    Ok(rows
        .into_iter()
        .find(|row| row.image == image && commit_of(row).is_some()))
}

/// The version a deploy brought, when it was a commit.
pub(crate) fn commit_of(deploy: &Deploy) -> Option<Resolved> {
    serde_json::from_value(deploy.details.get("commit")?.clone()).ok()
}

/// What people call what runs.
pub(crate) fn name_of(running: &Running, sha: Option<&str>) -> String {
    let named = running.version.clone().filter(|version| !version.is_empty());
    let short = || sha.map(|sha| sha.chars().take(7).collect());
    let image = || running.image.parse::<Image>().map(|image| image.short());
    named
        .or_else(short)
        .or_else(|| image().ok())
        .unwrap_or_else(|| running.image.clone())
}

fn refused(service: &Service, environment: &Environment, error: &Error) -> UserError {
    match error {
        Error::Refused(refusal) => UserError::new(texts::refusal(&service.name, refusal)),
        error => UserError::new(texts::cannot_ask(
            &service.name,
            &environment.name,
            &error.to_string(),
        )),
    }
}
