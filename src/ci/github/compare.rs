//! Purpose: how one commit lies to another: the ancestry guard's question, and the change log's.

use super::{client::GitHub, commits::Commit, error::Result, pages::List, repo::Repository};
use serde::Deserialize;

/// The head, seen from the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It was built on the base: newer.
    Ahead,
    /// The base was built on it: older.
    Behind,
    /// They are the same.
    Identical,
    /// Each has what the other has not.
    Diverged,
}

/// What lies between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The head, seen from the base.
    pub relation: Relation,
    /// How many commits only the head has.
    pub ahead_by: usize,
    /// How many commits only the base has.
    pub behind_by: usize,
    /// The newest commit both were built on.
    pub merge_base: Option<String>,
    /// What only the head has, the oldest first, not more than was asked for: then `ahead_by` is the greater.
    pub commits: Vec<Commit>,
    /// The files that differ from the merge base, as far as GitHub lists them: at most [`MOST_FILES`].
    pub files: Vec<ChangedFile>,
    /// Where a person can look.
    pub url: Option<String>,
}

/// So many files of a comparison GitHub lists, all of them with the first page:
/// <https://docs.github.com/en/rest/commits/commits#compare-two-commits>.
pub const MOST_FILES: usize = 300;

/// A file that a comparison names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Its path in the repository.
    #[serde(rename = "filename")]
    pub path: String,
    /// What became of it.
    pub status: FileStatus,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another name.
    Renamed,
    /// It was changed, or something else that leaves it where it is.
    #[serde(other)]
    Changed,
}

#[derive(Deserialize)]
struct Wire {
    status: Relation,
    ahead_by: usize,
    behind_by: usize,
    merge_base_commit: Option<Base>,
    #[serde(default)]
    commits: Vec<Commit>,
    #[serde(default)]
    files: Vec<ChangedFile>,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct Base {
    sha: String,
}

impl GitHub {
    /// Compares a head with a base; of the commits between them `most` are read.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error); [`NotFound`](super::Error::NotFound) also when they have no ancestor in common.
    pub async fn compare(
        &self,
        repo: &Repository,
        base: &str,
        head: &str,
        most: usize,
    ) -> Result<Comparison> {
        let what = format!("comparison of {base} with {head} in {repo}");
        let range = format!("{base}...{head}");
        let path = ["repos", repo.owner(), repo.name(), "compare", &range];
        let mut first = None;
        let open = |answer: &_, all: &mut Vec<Commit>| {
            let mut wire: Wire = self.parse(answer, &what)?;
            all.append(&mut wire.commits);
            first.get_or_insert(wire);
            Ok(true)
        };
        let commits = self
            .pages(List::new(&path, &[("page", "1")], &what, most), open)
            .await?
            .items;
        let wire: Wire = first.ok_or_else(|| super::refusals::odd(&what, "no page".into()))?;
        Ok(Comparison {
            relation: wire.status,
            ahead_by: wire.ahead_by,
            behind_by: wire.behind_by,
            merge_base: wire.merge_base_commit.map(|base| base.sha),
            commits,
            files: wire.files,
            url: wire.html_url,
        })
    }
}
