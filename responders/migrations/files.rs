//! The files: those of a folder, or of the repository at a commit. Never what somebody said.
//!
//! Side effects: reads a folder, or GitHub; changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use otus::store::DeployFilter;
use otus::{Result, Service, Services, UserError};
use otus_ci::github::{GitHub, Repository};
use otus_ci::version::{Said, Source as Versioned, Versions};
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
        let sha = match trust {
            Trust::Any => head(services, &spot.service, said).await?,
            Trust::Green => green(services, &spot.service, said).await?,
        };
        Self::at(spot, &sha)
    }

    /// The same at a commit that is known.
    pub(crate) fn at(spot: &Spot, sha: &str) -> Result<Self> {
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
                let wanted = |name: &str| name.ends_with(".sql") || name.ends_with(".sql.conf");
                let files = github.files(&repository, sha, path, wanted).await;
                let files = files.map_err(|error| self.unreadable(&error.to_string()))?;
                let mut texts = Vec::with_capacity(files.len());
                for file in files {
                    let text = String::from_utf8(file.bytes)
                        .map_err(|_| self.unreadable(&format!("{} is no UTF-8 text", file.path)))?;
                    texts.push((file.path, text));
                }
                texts.into_iter().collect()
            }
        };
        let source = Source::read(&tree, format).map_err(|error| self.unreadable(&error.to_string()))?;
        let source = Arc::new(source);
        keep(self, &source);
        Ok(source)
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
        None => deployed(services, service)
            .await?
            .ok_or_else(|| UserError::new(texts::which_image(&service.name)))?,
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
    Ok(found.version.sha)
}

/// The image of the newest deploy, without tag and digest.
async fn deployed(services: &Services, service: &Service) -> Result<Option<String>> {
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        limit: 1,
        ..DeployFilter::default()
    };
    let rows = services.store().deploys(&filter).await?;
    Ok(rows.first().map(|row| {
        let image = row.image.split('@').next().unwrap_or(&row.image);
        match image.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
            _ => image.to_owned(),
        }
    }))
}

/// What was read of commits, which never change.
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
