//! A service's repository, and what is asked of it. Where there is none, or it does not answer, that is said.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use otus::{Service, Services};
use otus_ci::github::{Commit, Comparison, Error, GitHub, Pull, Repository};

use crate::texts;

/// So many commits are read of a difference.
pub(crate) const COMMITS: usize = 30;
/// So many questions at once.
const AT_ONCE: usize = 4;

/// A service's repository, and the way there.
#[derive(Clone)]
pub(crate) struct Source {
    github: Arc<GitHub>,
    pub(crate) repo: Repository,
}

/// The repository of a service, or why there is none, for people.
pub(crate) fn source(services: &Services, service: &Service) -> Result<Source, String> {
    let Some(repository) = &service.repository else {
        return Err(texts::no_repository(&service.name));
    };
    let Some(github) = services.resources().get::<GitHub>() else {
        return Err(texts::no_github());
    };
    let repo = repository
        .parse()
        .map_err(|error| texts::bad_repository(&service.name, &format!("{error}")))?;
    Ok(Source { github, repo })
}

impl Source {
    /// How one reference lies to another, with the commits that only the head has.
    pub(crate) async fn compare(&self, base: &str, head: &str) -> Result<Comparison, Error> {
        self.github.compare(&self.repo, base, head, COMMITS).await
    }

    /// The merged pull request of each commit, where it has one. One that cannot be asked for costs itself alone.
    pub(crate) async fn pulls(&self, commits: &[Commit]) -> Vec<Option<Pull>> {
        let shas: Vec<String> = commits.iter().map(|commit| commit.sha.clone()).collect();
        stream::iter(shas)
            .map(|sha| async move {
                let pulls = self.github.pulls_of_commit(&self.repo, &sha).await;
                let pulls = pulls.unwrap_or_else(|error| {
                    tracing::info!(%error, commit = sha, "the pull requests of a commit cannot be read");
                    Vec::new()
                });
                pulls.into_iter().find(|pull| pull.merged_at.is_some())
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    /// One pull request.
    pub(crate) async fn pull(&self, number: u64) -> Result<Pull, Error> {
        self.github.pull(&self.repo, number).await
    }

    /// The commit that a reference names; none when it names none.
    pub(crate) async fn commit(&self, reference: &str) -> Result<Option<Commit>, Error> {
        match self.github.commit(&self.repo, reference).await {
            Ok(commit) => Ok(Some(commit)),
            // 422: it reads like a sha, and is none of this repository's.
            Err(Error::NotFound { .. } | Error::Refused { status: 422, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
