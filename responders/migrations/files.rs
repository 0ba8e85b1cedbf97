//! The files: those of a folder, of the repository at a commit, or of the release's image. Never what somebody said.
//!
//! Side effects: reads a folder, GitHub, or a container registry; changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use otus::operations::Release;
use otus::store::DeployFilter;
use otus::{Result, Service, Services, UserError};
use otus_ci::github::{GitHub, Repository};
use otus_ci::registry::Images;
use otus_ci::version::{Resolved, Said, Source as Versioned, Versions};
use otus_migrations::source::{Format, Source, Tree};
use serde::{Deserialize, Serialize};

use crate::place::Spot;
use crate::texts;

/// Where files are from; from then on they are those, whatever a branch does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A folder of a repository, at a commit.
    Commit {
        /// `owner/name`.
        repository: String,
        /// In full.
        sha: String,
        /// The folder.
        path: String,
    },
    /// A folder of an image.
    Image {
        /// By its digest: `registry.example.com/team/api@sha256:…`.
        image: String,
        /// The folder.
        path: String,
    },
}

/// How sure one has to be of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is only looked at.
    Any,
    /// It is run: CI has passed it.
    Green,
}

impl Origin {
    /// Of a service: a folder, or the commit that somebody named, else the newest.
    pub(crate) async fn find(
        services: &Services,
        spot: &Spot,
        said: Option<&str>,
        trust: Trust,
    ) -> Result<Self> {
        if let Some(folder) = &spot.section.folder {
            if said.is_some() {
                return Err(UserError::new(texts::folder_has_no_versions(&spot.service.name)).into());
            }
            return Ok(Origin::Folder(folder.clone()));
        }
        if let Some(path) = &spot.section.in_image {
            // Of a service with a repository there is an image of what CI has passed, and of nothing else.
            return Ok(Origin::Image {
                image: image(services, &spot.service, said).await?,
                path: path.clone(),
            });
        }
        let sha = match trust {
            Trust::Any => head(services, &spot.service, said).await?,
            Trust::Green => green(services, &spot.service, said).await?,
        };
        Self::at(spot, &sha)
    }

    /// Of what is about to be released.
    pub(crate) async fn of_release(services: &Services, spot: &Spot, release: &Release) -> Result<Self> {
        if let Some(path) = &spot.section.in_image {
            let image = exact(services, &spot.service.name, &release.image).await?;
            let path = path.clone();
            return Ok(Origin::Image { image, path });
        }
        if spot.section.folder.is_none() && release.commit.is_none() {
            return Err(UserError::new(texts::no_commit(&release.service, &release.version)).into());
        }
        Self::at(spot, release.commit.as_deref().unwrap_or_default())
    }

    /// The same at a commit that is known.
    fn at(spot: &Spot, sha: &str) -> Result<Self> {
        match (&spot.section.folder, &spot.service.repository, &spot.section.path) {
            (Some(folder), _, _) => Ok(Origin::Folder(folder.clone())),
            (None, Some(repository), Some(path)) => Ok(Origin::Commit {
                repository: repository.clone(),
                sha: sha.to_owned(),
                path: path.clone(),
            }),
            _ => Err(UserError::new(texts::no_files(&spot.service.name)).into()),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Origin::Folder(folder) => folder.display().to_string(),
            Origin::Commit { sha, path, .. } => format!("{path}@{}", sha.get(..7).unwrap_or(sha)),
            Origin::Image { image, path } => {
                let (name, digest) = image.split_once("@sha256:").unwrap_or((image, ""));
                let name = name.rsplit('/').next().unwrap_or(name);
                format!("{path} in {name}@{}", digest.get(..12).unwrap_or(digest))
            }
        }
    }

    /// Reads them.
    pub(crate) async fn read(&self, services: &Services, format: Option<Format>) -> Result<Arc<Source>> {
        if let Some(kept) = kept(self) {
            return Ok(kept);
        }
        let tree = match self {
            Origin::Folder(folder) => {
                let folder = folder.clone();
                let read = tokio::task::spawn_blocking(move || Tree::of_folder(&folder)).await?;
                read.map_err(|error| self.unreadable(&error.to_string()))?
            }
            Origin::Commit {
                repository,
                sha,
                path,
            } => {
                let (github, repository) = (github(services)?, named(repository)?);
                let files = github.files(&repository, sha, path, is_wanted).await;
                let files = files.map_err(|error| self.unreadable(&error.to_string()))?;
                self.tree(files.into_iter().map(|file| (file.path, file.bytes)))?
            }
            Origin::Image { image, path } => {
                let (name, digest) = image
                    .split_once('@')
                    .ok_or_else(|| self.unreadable("the image has no digest"))?;
                let files = images(services)?.files(name, digest, path, is_wanted).await;
                let files = files.map_err(|error| self.unreadable(&error.to_string()))?;
                self.tree(files.into_iter().map(|file| (file.path, file.bytes)))?
            }
        };
        let source = Source::read(&tree, format).map_err(|error| self.unreadable(&error.to_string()))?;
        let source = Arc::new(source);
        keep(self, &source);
        Ok(source)
    }

    /// As text.
    fn tree(&self, files: impl Iterator<Item = (String, Vec<u8>)>) -> Result<Tree, UserError> {
        let text = |(path, bytes): (String, Vec<u8>)| match String::from_utf8(bytes) {
            Ok(text) => Ok((path, text)),
            Err(_) => Err(self.unreadable(&format!("{path} is no UTF-8 text"))),
        };
        files.map(text).collect()
    }

    /// Who changed these files last, as far as somebody knows. What cannot be asked is left out: it is only good to know.
    pub(crate) async fn authors(&self, services: &Services, files: &[String]) -> BTreeMap<String, String> {
        /// Of more files nobody is looked up: each is a question of its own.
        const MOST: usize = 20;
        let mut authors = BTreeMap::new();
        let Origin::Commit {
            repository,
            sha,
            path,
        } = self
        else {
            return authors;
        };
        let (Ok(github), Ok(repository)) = (github(services), named(repository)) else {
            return authors;
        };
        for file in files.iter().take(MOST) {
            let full = format!("{}/{file}", path.trim_matches('/'));
            match github.last_change(&repository, sha, &full).await {
                Ok(Some(commit)) => {
                    authors.insert(file.clone(), commit.login.unwrap_or(commit.author));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, file, "who wrote a migration cannot be found out");
                    break;
                }
            }
        }
        authors
    }

    fn unreadable(&self, why: &str) -> UserError {
        UserError::new(texts::unreadable(&self.name(), why))
    }
}

/// Which files can be migrations, or say something of one.
fn is_wanted(name: &str) -> bool {
    name.ends_with(".sql") || name.ends_with(".sql.conf")
}

fn images(services: &Services) -> Result<Arc<dyn Images>> {
    let images = services.resources().need::<Arc<dyn Images>>()?;
    Ok((*images).clone())
}

fn github(services: &Services) -> Result<GitHub> {
    let github = services.resources().get::<GitHub>();
    let github = github.ok_or_else(|| UserError::new(texts::no_github()))?;
    Ok((*github).clone())
}

fn named(repository: &str) -> Result<Repository> {
    let read = repository.parse::<Repository>();
    Ok(read.map_err(|error| UserError::new(texts::bad_repository(repository, &error.to_string())))?)
}

/// The commit that a name stands for, whatever CI says of it.
async fn head(services: &Services, service: &Service, said: Option<&str>) -> Result<String> {
    let Some(repository) = &service.repository else {
        return Err(UserError::new(texts::no_files(&service.name)).into());
    };
    let (github, repository) = (github(services)?, named(repository)?);
    let found = match said {
        Some(said) => github.commit(&repository, said).await,
        None => github.branch_head(&repository, service.branch()).await,
    };
    let found =
        found.map_err(|error| UserError::new(texts::cannot_ask(&service.name, &error.to_string())))?;
    Ok(found.sha)
}

/// The commit that a name stands for, which CI has passed and of which there is an image: what could be deployed, too.
async fn green(services: &Services, service: &Service, said: Option<&str>) -> Result<String> {
    Ok(passed(services, service, said).await?.sha)
}

/// The image of a version: of a service with a repository what CI has passed, else what this tag stands for, the last of the
/// configured versions, or what was deployed last.
async fn image(services: &Services, service: &Service, said: Option<&str>) -> Result<String> {
    if service.repository.is_some() {
        return Ok(passed(services, service, said).await?.image);
    }
    let newest = last_deployed(services, service).await?;
    let name = match (&service.image, &newest) {
        (Some(image), _) => image.clone(),
        (None, Some(newest)) => name_of(newest).to_owned(),
        (None, None) => return Err(UserError::new(texts::which_image(&service.name)).into()),
    };
    match (said.or(service.versions.last().map(String::as_str)), newest) {
        (Some(tag), _) => exact(services, &service.name, &format!("{name}:{tag}")).await,
        (None, Some(newest)) => exact(services, &service.name, &newest).await,
        (None, None) => Err(UserError::new(texts::which_version(&service.name)).into()),
    }
}

/// The same image by its digest, which nobody can move.
async fn exact(services: &Services, service: &str, image: &str) -> Result<String> {
    let name = name_of(image);
    if let Some((_, digest)) = image.split_once('@') {
        return Ok(format!("{name}@{digest}"));
    }
    let tag = image[name.len()..].trim_start_matches(':');
    let tag = if tag.is_empty() { "latest" } else { tag };
    let found = images(services)?.image(name, tag).await;
    let found = found.map_err(|error| UserError::new(texts::cannot_ask(service, &error.to_string())))?;
    Ok(format!("{name}@{}", found.digest))
}

/// An image without its tag and digest.
fn name_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// What a name stands for, that CI has passed and of which there is an image.
async fn passed(services: &Services, service: &Service, said: Option<&str>) -> Result<Resolved> {
    let Some(repository) = &service.repository else {
        return Err(UserError::new(texts::no_files(&service.name)).into());
    };
    let cannot = |why: &str| UserError::new(texts::cannot_ask(&service.name, why));
    let versions = services
        .resources()
        .get::<Versions>()
        .ok_or_else(|| UserError::new(texts::no_github()))?;
    let image = match &service.image {
        Some(image) => image.clone(),
        None => {
            let newest = last_deployed(services, service).await?;
            let newest = newest.ok_or_else(|| UserError::new(texts::which_image(&service.name)))?;
            name_of(&newest).to_owned()
        }
    };
    let tag = service.image_tag.as_deref();
    let source =
        Versioned::read(repository, service.branch(), &service.checks, &image, tag).map_err(|faults| {
            let faults: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            cannot(&faults.join("; "))
        })?;
    let said: Said = said
        .unwrap_or_default()
        .parse()
        .map_err(|error| cannot(&format!("{error}")))?;
    let found = versions.find(&source, &said).await;
    let found =
        found.map_err(|error| UserError::new(texts::may_not_run(&service.name, &error.to_string())))?;
    Ok(found.version)
}

/// The image of the newest deploy.
async fn last_deployed(services: &Services, service: &Service) -> Result<Option<String>> {
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        limit: 1,
        ..DeployFilter::default()
    };
    let rows = services.store().deploys(&filter).await?;
    Ok(rows.into_iter().next().map(|row| row.image))
}

/// What was read of commits and images, which never change.
static KEPT: Mutex<VecDeque<(Origin, Arc<Source>)>> = Mutex::new(VecDeque::new());
/// How many of them are kept.
const MOST: usize = 16;

fn kept(origin: &Origin) -> Option<Arc<Source>> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().find(|(one, _)| one == origin);
    found.map(|(_, source)| Arc::clone(source))
}

fn keep(origin: &Origin, source: &Arc<Source>) {
    if matches!(origin, Origin::Folder(_)) {
        return;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_back((origin.clone(), Arc::clone(source)));
    while kept.len() > MOST {
        kept.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_whatever_stands_behind_it() {
        for image in [
            "registry.test:5000/team/api",
            "registry.test:5000/team/api:v1",
            "registry.test:5000/team/api@sha256:00",
            "registry.test:5000/team/api:v1@sha256:00",
        ] {
            assert_eq!(name_of(image), "registry.test:5000/team/api", "{image}");
        }
    }
}
