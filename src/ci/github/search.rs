//! Purpose: where a word stands in a repository's code, by GitHub's code search.
//!
//! It knows the newest commit of the default branch, in files up to 384 KB, a while after it was pushed; and it may be asked ten times a minute
//! (<https://docs.github.com/en/rest/search/search#search-code>).

use super::{client::GitHub, error::Result, repo::Repository};
use serde::Deserialize;

/// So many files are told of; more are counted.
const MOST: &str = "20";

/// Where a word stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The files, as GitHub ranks them.
    pub files: Vec<Mention>,
    /// How many there are.
    pub total: usize,
    /// Whether GitHub looked at all of it: only then nothing found means that there is nothing.
    pub whole: bool,
}

/// A file that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Where it is in the repository.
    pub path: String,
    /// Where people read it.
    pub url: String,
}

impl GitHub {
    /// The files of a repository that have these words, one after the other, as they stand.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn mentions(&self, repo: &Repository, words: &str) -> Result<Mentions> {
        #[derive(Deserialize)]
        struct Found {
            total_count: usize,
            incomplete_results: bool,
            items: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            path: String,
            html_url: String,
        }
        let what = format!("the code of {repo}");
        // Within quotes a quote ends the words, and a backslash is one of GitHub's own.
        let words: String = words.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
        let query = format!("\"{words}\" repo:{repo}");
        let answer = self
            .get(
                &["search", "code"],
                &[("q", query.as_str()), ("per_page", MOST)],
                &what,
            )
            .await?;
        let found: Found = self.parse(&answer, &what)?;
        let file = |item: Item| Mention {
            path: item.path,
            url: item.html_url,
        };
        Ok(Mentions {
            files: found.items.into_iter().map(file).collect(),
            total: found.total_count,
            whole: !found.incomplete_results,
        })
    }
}
