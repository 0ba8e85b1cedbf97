//! Purpose: the newest commit of a branch that may go out, and why newer ones may not.

use super::{
    error::{Refusal, Result},
    find::Versions,
    ready::{green, imaged},
    resolved::{Found, Resolved, Skipped},
    source::Source,
};

/// So many of a branch's newest commits are looked at. Who is red for longer has to say what to deploy.
pub const MOST_LOOKED_AT: usize = 30;

impl Versions {
    /// Walks the branch from its head to the first commit that is green and has its image.
    pub(super) async fn latest(&self, source: &Source, branch: &str) -> Result<Found> {
        let required = self.required(source, branch).await?;
        let commits = self
            .github
            .commits(&source.repository, branch, MOST_LOOKED_AT)
            .await?;
        let mut skipped = Vec::new();
        for commit in commits {
            let checks = self.github.checks(&source.repository, &commit.sha).await?;
            let proven = match green(&checks, &required) {
                Ok(()) => {
                    let tag = source.tag.of(&commit.sha);
                    imaged(self.images.image(&source.image, &tag).await, &commit.sha, &tag)?
                }
                Err(why) => Err(why),
            };
            match proven {
                Ok((image, unlabelled)) => {
                    return Ok(Found {
                        version: Resolved::of(&commit, None, &source.image, &image.digest),
                        skipped,
                        unlabelled,
                        off_branch: None,
                    });
                }
                Err(why) => skipped.push(Skipped {
                    message: commit.subject().to_owned(),
                    sha: commit.sha,
                    why,
                }),
            }
        }
        Err(Refusal::NothingGreen {
            branch: branch.to_owned(),
            skipped,
        }
        .into())
    }
}
