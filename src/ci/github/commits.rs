//! Purpose: commits: what a name stands for, a branch's head, and what came before it.

use super::{client::GitHub, error::Result, pages::List, repo::Repository};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full sha.
    pub sha: String,
    /// Whom git names as its author.
    pub author: String,
    /// The author's address, as git has it.
    pub email: Option<String>,
    /// The author's name on GitHub, if they have one.
    pub login: Option<String>,
    /// When it was written.
    pub authored_at: Option<Timestamp>,
    /// When it was committed, which a rebase renews.
    pub committed_at: Option<Timestamp>,
    /// The whole message.
    pub message: String,
    /// The shas of its parents: two for a merge.
    pub parents: Vec<String>,
    /// Where a person can look.
    pub url: Option<String>,
}

impl Commit {
    /// The message's first line.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The first characters of the sha, as people write it.
    #[must_use]
    pub fn short(&self) -> &str {
        self.sha.get(..7).unwrap_or(&self.sha)
    }
}

impl<'de> Deserialize<'de> for Commit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            sha: String,
            commit: Inner,
            /// `{}` where nobody on GitHub is known.
            author: Option<Login>,
            #[serde(default)]
            parents: Vec<Parent>,
            html_url: Option<String>,
        }
        #[derive(Deserialize)]
        struct Inner {
            author: Option<Person>,
            committer: Option<Person>,
            #[serde(default)]
            message: String,
        }
        #[derive(Deserialize)]
        struct Person {
            #[serde(default)]
            name: String,
            email: Option<String>,
            date: Option<Timestamp>,
        }
        #[derive(Deserialize)]
        struct Login {
            login: Option<String>,
        }
        #[derive(Deserialize)]
        struct Parent {
            sha: String,
        }
        let wire = Wire::deserialize(from)?;
        let (author, email, authored_at) = wire
            .commit
            .author
            .map_or_else(Default::default, |who| (who.name, who.email, who.date));
        Ok(Self {
            sha: wire.sha,
            author,
            email: email.filter(|email| email.contains('@')),
            login: wire.author.and_then(|author| author.login),
            authored_at,
            committed_at: wire.commit.committer.and_then(|who| who.date),
            message: wire.commit.message,
            parents: wire.parents.into_iter().map(|parent| parent.sha).collect(),
            url: wire.html_url,
        })
    }
}

impl GitHub {
    /// The commit that a sha, the beginning of one, a branch or a tag stands for.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn commit(&self, repo: &Repository, reference: &str) -> Result<Commit> {
        let what = format!("commit {reference} in {repo}");
        let answer = self
            .get(
                &["repos", repo.owner(), repo.name(), "commits", reference],
                &[],
                &what,
            )
            .await?;
        self.parse(&answer, &what)
    }

    /// The name of the repository's default branch. That it is answered at all shows that the repository can be read.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn default_branch(&self, repo: &Repository) -> Result<String> {
        #[derive(Deserialize)]
        struct Wire {
            default_branch: String,
        }
        let what = format!("repository {repo}");
        let answer = self
            .get(&["repos", repo.owner(), repo.name()], &[], &what)
            .await?;
        self.parse::<Wire>(&answer, &what).map(|wire| wire.default_branch)
    }

    /// The newest commit of a branch, and of a branch alone: a tag of the same name is not taken for it.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn branch_head(&self, repo: &Repository, branch: &str) -> Result<Commit> {
        #[derive(Deserialize)]
        struct Branch {
            commit: Commit,
        }
        let what = format!("branch {branch} in {repo}");
        let answer = self
            .get(
                &["repos", repo.owner(), repo.name(), "branches", branch],
                &[],
                &what,
            )
            .await?;
        self.parse::<Branch>(&answer, &what).map(|branch| branch.commit)
    }

    /// The commits of a branch, the newest first, `most` of them.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn commits(&self, repo: &Repository, branch: &str, most: usize) -> Result<Vec<Commit>> {
        let what = format!("commits of {branch} in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "commits"];
        let open = |answer: &_, all: &mut Vec<Commit>| {
            all.extend(self.parse::<Vec<Commit>>(answer, &what)?);
            Ok(true)
        };
        Ok(self
            .pages(List::new(&path, &[("sha", branch)], &what, most), open)
            .await?
            .items)
    }
}
