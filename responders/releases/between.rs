//! What lies between what runs here and what runs there.

use otus::{Card, Context, Result, Service, Services, UserError};
use otus_ci::github::{Commit, Comparison, Error, FileStatus, MOST_FILES, Pull, Relation};

use crate::place::{self, Spot};
use crate::source::{Source, source};
use crate::texts::{self, Half, Migrations};

/// One of the two that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    /// The environment, when one was named.
    pub(crate) environment: Option<String>,
    /// The version there, or the one that was named.
    pub(crate) version: String,
    /// What the repository knows it by.
    pub(crate) reference: Option<String>,
    /// Why it is what was released last and not what runs: the cluster does not say.
    pub(crate) unsure: Option<String>,
}

/// Compares two environments or versions of a service.
pub(crate) async fn diff(cx: &Context, service: Service, named: [&str; 2]) -> Result {
    let services = cx.services();
    let [from, to] = named;
    let (from, to) = (
        side(services, &service, from).await?,
        side(services, &service, to).await?,
    );
    cx.reply(answer(services, &service, from, to).await).await
}

/// What is meant by a name: an environment's, or else a version.
async fn side(services: &Services, service: &Service, named: &str) -> Result<Side> {
    let catalog = services.catalog();
    let Some(environment) = catalog.environment(named) else {
        let version = named.trim_matches('`').to_owned();
        return Ok(Side {
            environment: None,
            reference: Some(version.clone()),
            version,
            unsure: None,
        });
    };
    let its = catalog.environments_of(service);
    if !its.contains(&environment) {
        let names: Vec<String> = its.into_iter().map(|environment| environment.name).collect();
        return Err(UserError::new(texts::not_there(&service.name, &environment.name, &names)).into());
    }
    let spot = Spot {
        service: service.clone(),
        environment,
    };
    let seen = place::see(services, &spot).await?;
    let Some(version) = seen.version() else {
        let why = seen.running.err().unwrap_or_default();
        return Err(UserError::new(texts::cannot_tell(&service.name, &spot.environment.name, &why)).into());
    };
    Ok(Side {
        environment: Some(spot.environment.name),
        reference: seen.reference(),
        version,
        unsure: seen.running.err(),
    })
}

async fn answer(services: &Services, service: &Service, from: Side, to: Side) -> Card {
    if from.version == to.version && from.reference == to.reference {
        return texts::same(&service.name, &from, &to);
    }
    let source = match source(services, service) {
        Ok(source) => source,
        Err(why) => return texts::unknown_difference(&service.name, &from, &to, &why),
    };
    match compare(service, &source, &from, &to).await {
        Ok(card) => card,
        Err(why) => texts::unknown_difference(&service.name, &from, &to, &why),
    }
}

/// The comparison for people, or why there is none.
async fn compare(service: &Service, source: &Source, from: &Side, to: &Side) -> Result<Card, String> {
    let known = |side: &Side| {
        side.reference
            .clone()
            .ok_or_else(|| texts::no_commit(&side.version))
    };
    let (base, head) = (known(from)?, known(to)?);
    let there = source
        .compare(&base, &head)
        .await
        .map_err(|error| told(service, &error))?;
    if there.relation == Relation::Identical {
        return Ok(texts::same(&service.name, from, to));
    }
    let mut halves = Vec::new();
    if there.ahead_by > 0 {
        halves.push(half(service, source, to, from, &there).await);
    }
    if there.behind_by > 0 {
        let back = source
            .compare(&head, &base)
            .await
            .map_err(|error| told(service, &error))?;
        halves.push(half(service, source, from, to, &back).await);
    }
    Ok(texts::difference(&service.name, from, to, &halves))
}

/// What one has that the other has not.
async fn half(service: &Service, source: &Source, has: &Side, lacks: &Side, comparison: &Comparison) -> Half {
    let pulls = source.pulls(&comparison.commits).await;
    let commits: Vec<(Commit, Option<Pull>)> = comparison.commits.iter().cloned().zip(pulls).collect();
    Half {
        has: has.clone(),
        lacks: lacks.clone(),
        number: comparison.ahead_by,
        commits,
        migrations: migrations(service, comparison),
        url: comparison.url.clone(),
    }
}

/// The service's migrations among the files; none where it has no folder of them in its repository.
fn migrations(service: &Service, comparison: &Comparison) -> Option<Migrations> {
    let section = service.migrations.as_ref()?;
    let folder = format!("{}/", section.get("path")?.as_str()?.trim_matches('/'));
    let of = |wanted: fn(FileStatus) -> bool| {
        let files = comparison.files.iter().filter(|file| wanted(file.status));
        files
            .filter_map(|file| file.path.strip_prefix(&folder))
            .map(str::to_owned)
            .collect()
    };
    Some(Migrations {
        new: of(|status| status == FileStatus::Added),
        touched: of(|status| status != FileStatus::Added),
        all: comparison.files.len() < MOST_FILES,
    })
}

/// What went wrong with the repository, for people.
fn told(service: &Service, error: &Error) -> String {
    tracing::info!(%error, service = service.name, "two releases cannot be compared");
    error.to_string()
}
