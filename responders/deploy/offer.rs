//! What there is to choose from when somebody says `deploy` and nothing more: the versions that can go out.
//!
//! Side effects: reads GitHub; changes nothing.

use otus::form::{Choice, Wanted};
use otus::{Service, Services};
use otus_ci::github::{GitHub, Repository, Verdict, verdict};
use otus_ci::version::Versions;
use tokio::task::JoinSet;

use crate::texts;

/// So many of the newest commits are looked at; older ones are typed.
const COMMITS: usize = 10;

/// The versions of the service that is known, the newest first.
pub(crate) async fn choices(wanted: Wanted, services: Services) -> Vec<Choice> {
    let service = wanted
        .said
        .get("service")
        .and_then(|name| services.catalog().service(name));
    let Some(service) = service.filter(|_| wanted.parameter == "version") else {
        return Vec::new();
    };
    if !service.versions.is_empty() {
        return service.versions.iter().rev().map(Choice::new).collect();
    }
    let Some(versions) = services.resources().get::<Versions>() else {
        return Vec::new();
    };
    match green(versions.github(), &service).await {
        Ok(choices) => choices,
        // It is typed, then; whoever deploys it reads what is wrong.
        Err(error) => {
            tracing::info!(service = service.name, %error, "no versions to choose from");
            Vec::new()
        }
    }
}

/// The newest commits of its branch that CI has passed.
async fn green(github: &GitHub, service: &Service) -> Result<Vec<Choice>, otus_ci::github::Error> {
    let Some(repository) = service
        .repository
        .as_deref()
        .and_then(|written| written.parse::<Repository>().ok())
    else {
        return Ok(Vec::new());
    };
    let branch = service.branch();
    let commits = github.commits(&repository, branch, COMMITS).await?;
    let required = match service.checks.as_slice() {
        [] => github.required_checks(&repository, branch).await?,
        checks => checks.to_vec(),
    };
    let mut asked = JoinSet::new();
    for (nth, commit) in commits.into_iter().enumerate() {
        let (github, repository) = (github.clone(), repository.clone());
        asked.spawn(async move {
            let checks = github.checks(&repository, &commit.sha).await;
            (nth, commit, checks)
        });
    }
    let mut found = Vec::new();
    while let Some(Ok((nth, commit, checks))) = asked.join_next().await {
        if checks.is_ok_and(|checks| verdict(&checks, &required) == Verdict::Green) {
            let label = texts::green_commit(commit.short(), commit.subject());
            found.push((nth, Choice::new(commit.short()).labelled(label)));
        }
    }
    found.sort_by_key(|(nth, _)| *nth);
    Ok(found.into_iter().map(|(_, choice)| choice).collect())
}
