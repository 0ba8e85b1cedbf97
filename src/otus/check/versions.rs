//! Whether GitHub and the registries tell what can be deployed.

use super::{Mark, Sheet, bounded, counted};
use crate::config::Settings;
use otus_ci::{
    github::{self, GitHub},
    registry::{Images as _, Registry},
    version::Source,
};
use otus_core::catalog::ServiceEntry;

/// Tries the repository and the images of every service that has them.
pub(super) async fn versions(sheet: &mut Sheet, settings: &Settings) {
    if !settings.github.is_set() {
        let how = "[github] says nothing about who to be there, so tags are deployed by hand";
        sheet.note(Mark::Untried, "GitHub", how);
        return;
    }
    let github = match GitHub::new(&settings.github) {
        Ok(github) => github,
        Err(error) => return sheet.note(Mark::Wrong, "GitHub", &error.to_string()),
    };
    let registry = match Registry::new(&settings.registries) {
        Ok(registry) => registry,
        Err(error) => return sheet.note(Mark::Wrong, "registries", &error.to_string()),
    };
    let with_repository: Vec<_> = settings
        .services
        .iter()
        .filter(|(_, service)| service.repository.is_some())
        .collect();
    if with_repository.is_empty() {
        let how = "no service has a repository yet: write repository = \"owner/name\" below [services.…]";
        sheet.note(Mark::Untried, "GitHub", how);
    }
    for (name, service) in with_repository {
        let Some(sha) = repository(sheet, &github, name, service).await else {
            continue;
        };
        images(sheet, &registry, name, service, &sha).await;
    }
}

/// The sha of the branch's newest commit, when all of the repository can be read that a deploy reads.
async fn repository(
    sheet: &mut Sheet,
    github: &GitHub,
    name: &str,
    service: &ServiceEntry,
) -> Option<String> {
    let written = service.repository.as_deref().unwrap_or_default();
    let tried = bounded(async {
        let repo = written
            .parse::<github::Repository>()
            .map_err(|error| error.to_string())?;
        let told = |error: github::Error| mended(&error, name, written);
        let default = github.default_branch(&repo).await.map_err(told)?;
        let branch = service.branch();
        let head = github
            .branch_head(&repo, branch)
            .await
            .map_err(|error| match error {
                github::Error::NotFound { .. } => {
                    format!("{written} has no branch {branch}; its default is {default}: set branch below [services.{name}]")
                }
                error => mended(&error, name, written),
            })?;
        let checks = github.checks(&repo, &head.sha).await.map_err(told)?;
        if service.checks.is_empty() {
            github.required_checks(&repo, branch).await.map_err(told)?;
        }
        let found = format!(
            "{written} can be read; {branch} is at {}, with {}",
            head.short(),
            counted(checks.states.len(), "check")
        );
        Ok((head.sha, found))
    })
    .await;
    let (sha, found) = tried
        .map(|(sha, found)| (Some(sha), Ok(found)))
        .unwrap_or_else(|wrong| (None, Err(wrong)));
    sheet.take(&format!("repository of {name}"), found);
    sha
}

/// What went wrong, and what to do, where it is in this configuration or the token's rights.
fn mended(error: &github::Error, name: &str, repository: &str) -> String {
    match error {
        github::Error::NotFound { .. } => format!(
            "{error}. Check services.{name}.repository = \"{repository}\", and let the token read that repository: contents, \
             metadata, checks, commit statuses"
        ),
        github::Error::NotAllowed { .. } => format!(
            "{error}. Let the token read contents, metadata, checks and commit statuses of {repository}, or set another one below \
             [github]"
        ),
        error => error.to_string(),
    }
}

/// Whether the registry lets its images be read.
async fn images(sheet: &mut Sheet, registry: &Registry, name: &str, service: &ServiceEntry, sha: &str) {
    let what = format!("images of {name}");
    let Some(image) = &service.image else {
        let how = format!(
            "services.{name}.image is not set, so the registry is the one of what runs; set it to have it tried here"
        );
        return sheet.note(Mark::Untried, &what, &how);
    };
    let repository = service.repository.as_deref().unwrap_or_default();
    let tag = service.image_tag.as_deref();
    // What cannot be read is a fault of the configuration, told before.
    let Ok(source) = Source::read(repository, service.branch(), &service.checks, image, tag) else {
        return;
    };
    let tag = source.tag.of(sha);
    let found = bounded(async {
        registry
            .exists(image, &tag)
            .await
            .map(|there| match there {
                true => format!("{image}:{tag} is there"),
                false => format!(
                    "the registry answers; {image}:{tag}, of the branch's newest commit, is not there (yet)"
                ),
            })
            .map_err(|error| {
                let host = image.split('/').next().unwrap_or_default();
                format!("{error}. What is said about it stands below [registries.\"{host}\"]")
            })
    });
    sheet.take(&what, found.await);
}
