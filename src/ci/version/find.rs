//! Purpose: asking GitHub and the registry for one version, and how it lies to another. What decides is in `ready.rs`.
//!
//! Side effects: reads GitHub and registries; changes nothing.

use super::{
    error::{Error, Refusal, Result},
    ready::{green, imaged, states},
    resolved::{Found, Resolved},
    said::Said,
    source::Source,
    way::Way,
};
use crate::{
    github::{self, Commit, GitHub, Relation},
    registry::{self, Images},
};
use std::{fmt, sync::Arc};

/// Of the commits between two versions so many are read, for their authors.
const MOST_BETWEEN: usize = 100;

/// Who finds versions. Cheap to clone.
#[derive(Clone)]
pub struct Versions {
    pub(super) github: GitHub,
    pub(super) images: Arc<dyn Images>,
}

impl fmt::Debug for Versions {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Versions")
            .field("github", &self.github)
            .finish_non_exhaustive()
    }
}

impl Versions {
    /// Over this GitHub and these registries.
    #[must_use]
    pub fn new(github: GitHub, images: Arc<dyn Images>) -> Self {
        Self { github, images }
    }

    /// The GitHub it asks.
    #[must_use]
    pub fn github(&self) -> &GitHub {
        &self.github
    }

    /// The version somebody means: green, with its image, which was built from it.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no such commit or it may not go out; else whoever could not be asked.
    pub async fn find(&self, source: &Source, said: &Said) -> Result<Found> {
        let branch = &source.branch;
        match said {
            Said::LatestGreen => self.latest(source, branch).await,
            Said::Name(name) => {
                let (commit, tag) = self.named(source, name).await?;
                let off = self.off_branch(source, branch, name, &commit).await?;
                let mut found = self
                    .proven(
                        source,
                        branch,
                        &commit,
                        tag.as_deref(),
                        &source.tag.of(&commit.sha),
                    )
                    .await?;
                found.off_branch = off;
                Ok(found)
            }
        }
    }

    /// The version that an image elsewhere is: the same digest, gated as any other. `sha` is its commit where that is known;
    /// else the image has to say it, or its tag.
    ///
    /// # Errors
    /// As of [`Versions::find`].
    pub async fn promote(&self, source: &Source, image: &str, sha: Option<&str>) -> Result<Found> {
        let (repository, reference) = split(image);
        let sha = match sha {
            Some(sha) => sha.to_owned(),
            None => self
                .revision(source, image)
                .await?
                .ok_or_else(|| Refusal::NoCommit {
                    image: image.to_owned(),
                })?,
        };
        let branch = &source.branch;
        let commit = self.commit(source, &sha).await?;
        let source = Source {
            image: repository.to_owned(),
            ..source.clone()
        };
        self.proven(&source, branch, &commit, None, reference).await
    }

    /// Whether the image of a commit is in the registry; nothing is said of its checks.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn is_built(&self, source: &Source, sha: &str) -> Result<bool> {
        Ok(self.images.exists(&source.image, &source.tag.of(sha)).await?)
    }

    /// The commit an image was built from: by its label, or by its tag. None when neither says.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn revision(&self, source: &Source, image: &str) -> Result<Option<String>> {
        let (_, reference) = split(image);
        if let Some(sha) = source.tag.sha_in(reference).filter(|_| !reference.contains(':')) {
            return Ok(Some(sha.to_owned()));
        }
        let (repository, _) = split(image);
        let labelled = match self.images.image(repository, reference).await {
            Ok(image) => image.revision,
            Err(registry::Error::NotFound { .. } | registry::Error::Name(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let is_sha = |text: &String| text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(labelled.map(|text| text.trim().to_owned()).filter(is_sha))
    }

    /// How a commit lies to the one that runs.
    ///
    /// # Errors
    /// When GitHub cannot be asked. Commits that have nothing in common lie sideways to each other.
    pub async fn way(&self, source: &Source, runs: &str, wanted: &str) -> Result<Way> {
        let asked = self
            .github
            .compare(&source.repository, runs, wanted, MOST_BETWEEN)
            .await;
        match asked {
            Ok(between) => Ok(between.into()),
            Err(github::Error::NotFound { .. }) => Ok(Way::unrelated()),
            Err(error) => Err(error.into()),
        }
    }

    /// The checks that have to be good: those configured, else those of the branch's rules, else (none named) all.
    pub(super) async fn required(&self, source: &Source, branch: &str) -> Result<Vec<String>> {
        if !source.checks.is_empty() {
            return Ok(source.checks.clone());
        }
        Ok(self.github.required_checks(&source.repository, branch).await?)
    }

    /// The commit a name stands for, and the tag it is, if it is one. A sha goes before a branch, and that before a tag.
    async fn named(&self, source: &Source, name: &str) -> Result<(Commit, Option<String>)> {
        let repo = &source.repository;
        if name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            match self.github.commit(repo, name).await {
                Ok(commit) if commit.sha.starts_with(&name.to_ascii_lowercase()) => {
                    return Ok((commit, None));
                }
                // A branch or tag that looks like a sha.
                Ok(_) | Err(github::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.github.branch_head(repo, name).await {
            Ok(commit) => return Ok((commit, None)),
            Err(github::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let commit = self.commit_or(source, &format!("tags/{name}"), name).await?;
        Ok((commit, Some(name.to_owned())))
    }

    async fn commit(&self, source: &Source, sha: &str) -> Result<Commit> {
        self.commit_or(source, sha, sha).await
    }

    async fn commit_or(&self, source: &Source, reference: &str, said: &str) -> Result<Commit> {
        match self.github.commit(&source.repository, reference).await {
            Ok(commit) => Ok(commit),
            Err(github::Error::NotFound { .. }) => Err(Refusal::Unknown {
                said: said.to_owned(),
                repository: source.repository.to_string(),
            }
            .into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The branch, when the commit is not on it. GitHub finds commits of forks by their sha, too.
    async fn off_branch(
        &self,
        source: &Source,
        branch: &str,
        name: &str,
        commit: &Commit,
    ) -> Result<Option<String>> {
        if name == branch {
            return Ok(None);
        }
        let asked = self
            .github
            .compare(&source.repository, branch, &commit.sha, 1)
            .await;
        match asked {
            Ok(between) if matches!(between.relation, Relation::Behind | Relation::Identical) => Ok(None),
            Ok(_) | Err(github::Error::NotFound { .. }) => Ok(Some(branch.to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a commit through all gates.
    async fn proven(
        &self,
        source: &Source,
        branch: &str,
        commit: &Commit,
        tag: Option<&str>,
        reference: &str,
    ) -> Result<Found> {
        let required = self.required(source, branch).await?;
        let checks = self.github.checks(&source.repository, &commit.sha).await?;
        let refused = |why| Refusal::NotReady {
            sha: commit.sha.clone(),
            message: commit.subject().to_owned(),
            why,
            states: states(&checks, &required),
        };
        green(&checks, &required).map_err(refused)?;
        let answer = self.images.image(&source.image, reference).await;
        let (image, unlabelled) = imaged(answer, &commit.sha, reference)?.map_err(refused)?;
        Ok(Found {
            version: Resolved::of(commit, tag, &source.image, &image.digest),
            skipped: Vec::new(),
            unlabelled,
            off_branch: None,
        })
    }
}

impl Refusal {
    /// The refusal, when that is why there is no version.
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        match error {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// An image's repository, and its digest or else its tag.
fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (without_tag(name).0, digest);
    }
    without_tag(image)
}

/// Only a colon after the last slash begins a tag.
fn without_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn repository_and_reference() {
        for (image, repository, reference) in [
            ("r:5000/a/b:v1", "r:5000/a/b", "v1"),
            ("r:5000/a/b", "r:5000/a/b", "latest"),
            ("r.test/a@sha256:00", "r.test/a", "sha256:00"),
            ("r:1/a:v1@sha256:00", "r:1/a", "sha256:00"),
        ] {
            assert_eq!(split(image), (repository, reference), "{image}");
        }
    }
}
