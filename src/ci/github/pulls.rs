//! Purpose: pull requests: one, those of a commit, those that changed since.

use super::{client::GitHub, error::Result, pages::List, repo::Repository};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// So many of one commit are read.
const MOST_OF_COMMIT: usize = 300;

/// One pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number in the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Who opened it; nobody when the account is gone.
    pub author: Option<String>,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is a draft.
    pub draft: bool,
    /// The branch it comes from, and that branch's commit.
    pub head: String,
    /// The head's sha.
    pub head_sha: String,
    /// Whose repository the head is in; nothing when a fork is gone.
    pub head_repository: Option<String>,
    /// The branch it goes into.
    pub base: String,
    /// When it was merged, if it was.
    pub merged_at: Option<Timestamp>,
    /// The commit on the base that brought it in, if it is merged. (GitHub fills it with a trial merge before.)
    pub merge_sha: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Where a person can look.
    pub url: Option<String>,
    /// Whether it could be merged without conflict; known for a single pull request alone, and not at once.
    pub mergeable: Option<bool>,
    /// How many comments its reviews have; known for a single pull request alone.
    pub review_comments: Option<u64>,
}

impl<'de> Deserialize<'de> for Pull {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            number: u64,
            title: String,
            user: Option<User>,
            state: String,
            #[serde(default)]
            draft: bool,
            head: End,
            base: End,
            merged_at: Option<Timestamp>,
            merge_commit_sha: Option<String>,
            created_at: Timestamp,
            updated_at: Timestamp,
            html_url: Option<String>,
            mergeable: Option<bool>,
            review_comments: Option<u64>,
        }
        #[derive(Deserialize)]
        struct User {
            login: String,
        }
        #[derive(Deserialize)]
        struct End {
            #[serde(rename = "ref")]
            branch: String,
            sha: String,
            repo: Option<Repo>,
        }
        #[derive(Deserialize)]
        struct Repo {
            full_name: String,
        }
        let wire = Wire::deserialize(from)?;
        Ok(Self {
            number: wire.number,
            title: wire.title,
            author: wire.user.map(|user| user.login),
            open: wire.state == "open",
            draft: wire.draft,
            head: wire.head.branch,
            head_sha: wire.head.sha,
            head_repository: wire.head.repo.map(|repo| repo.full_name),
            base: wire.base.branch,
            merged_at: wire.merged_at,
            merge_sha: wire.merge_commit_sha.filter(|_| wire.merged_at.is_some()),
            created_at: wire.created_at,
            updated_at: wire.updated_at,
            url: wire.html_url,
            mergeable: wire.mergeable,
            review_comments: wire.review_comments,
        })
    }
}

impl GitHub {
    /// One pull request.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn pull(&self, repo: &Repository, number: u64) -> Result<Pull> {
        let what = format!("pull request {number} in {repo}");
        let text = number.to_string();
        let answer = self
            .get(&["repos", repo.owner(), repo.name(), "pulls", &text], &[], &what)
            .await?;
        self.parse(&answer, &what)
    }

    /// The pull requests that brought a commit in, or that have it and are open.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn pulls_of_commit(&self, repo: &Repository, sha: &str) -> Result<Vec<Pull>> {
        let what = format!("pull requests of {sha} in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "commits", sha, "pulls"];
        let open = |answer: &_, all: &mut Vec<Pull>| {
            all.extend(self.parse::<Vec<Pull>>(answer, &what)?);
            Ok(true)
        };
        self.pages(List::new(&path, &[], &what, MOST_OF_COMMIT), open)
            .await?
            .whole(&what)
    }

    /// The open pull requests, the newest first, `most` of them.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn open_pulls(&self, repo: &Repository, most: usize) -> Result<Vec<Pull>> {
        let what = format!("open pull requests in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "pulls"];
        let query = [("state", "open"), ("sort", "created"), ("direction", "desc")];
        let open = |answer: &_, all: &mut Vec<Pull>| {
            all.extend(self.parse::<Vec<Pull>>(answer, &what)?);
            Ok(true)
        };
        Ok(self
            .pages(List::new(&path, &query, &what, most), open)
            .await?
            .items)
    }

    /// The pull requests, open or not, that changed at this time or later, the last changed first, `most` of them.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn pulls_updated_since(
        &self,
        repo: &Repository,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<Pull>> {
        let what = format!("pull requests in {repo}");
        let path = ["repos", repo.owner(), repo.name(), "pulls"];
        let query = [("state", "all"), ("sort", "updated"), ("direction", "desc")];
        let mut seen = std::collections::HashSet::new();
        let open = |answer: &_, all: &mut Vec<Pull>| {
            let page = self.parse::<Vec<Pull>>(answer, &what)?;
            let older = page.iter().any(|pull| pull.updated_at < since);
            // One that changes between two pages comes to the front, and another is read twice.
            all.extend(
                page.into_iter()
                    .filter(|pull| pull.updated_at >= since && seen.insert(pull.number)),
            );
            Ok(!older)
        };
        Ok(self
            .pages(List::new(&path, &query, &what, most), open)
            .await?
            .items)
    }
}
