//! Purpose: how a version lies to the one that runs: forward, back, or sideways.

use crate::github::{Comparison, Relation};
use serde::{Deserialize, Serialize};

/// Where a deploy would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To what was built on the one that runs.
    Forward,
    /// To the same commit.
    Same,
    /// To what the one that runs was built on.
    Back,
    /// Each has commits the other has not, or they have nothing in common.
    Sideways,
}

/// What lies between the version that runs and another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Where it goes.
    pub direction: Direction,
    /// How many commits come with it.
    pub brings: usize,
    /// How many commits that run now it has not got.
    pub loses: usize,
    /// Who wrote what comes with it, each once, in order of appearance; of as many commits as were read.
    pub authors: Vec<String>,
    /// The pull requests their messages name, in the same order.
    pub pulls: Vec<u64>,
    /// Where a person can look.
    pub url: Option<String>,
}

impl Way {
    /// To a version with no ancestor in common, or from one the repository does not have.
    #[must_use]
    pub fn unrelated() -> Self {
        Self {
            direction: Direction::Sideways,
            brings: 0,
            loses: 0,
            authors: Vec::new(),
            pulls: Vec::new(),
            url: None,
        }
    }

    /// Whether what runs now would be lost, or a part of it.
    #[must_use]
    pub fn loses_something(&self) -> bool {
        matches!(self.direction, Direction::Back | Direction::Sideways)
    }
}

impl From<Comparison> for Way {
    fn from(between: Comparison) -> Self {
        let mut authors: Vec<String> = Vec::new();
        let mut pulls: Vec<u64> = Vec::new();
        for commit in &between.commits {
            if !commit.author.is_empty() && !authors.contains(&commit.author) {
                authors.push(commit.author.clone());
            }
            pulls.extend(pull(commit.subject()).filter(|number| !pulls.contains(number)));
        }
        Self {
            direction: match between.relation {
                Relation::Ahead => Direction::Forward,
                Relation::Identical => Direction::Same,
                Relation::Behind => Direction::Back,
                Relation::Diverged => Direction::Sideways,
            },
            brings: between.ahead_by,
            loses: between.behind_by,
            authors,
            pulls,
            url: between.url,
        }
    }
}

/// The pull request that GitHub writes into the first line when it squashes or merges one.
fn pull(subject: &str) -> Option<u64> {
    let digits = match subject.strip_prefix("Merge pull request #") {
        Some(rest) => rest.split(' ').next()?,
        None => subject.trim_end().strip_suffix(')')?.rsplit_once("(#")?.1,
    };
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::pull;

    #[test]
    fn pull_requests_are_read_where_github_writes_them() {
        for (subject, wanted) in [
            ("Answer faster (#12)", Some(12)),
            ("Merge pull request #7 from acme/faster", Some(7)),
            ("Revert \"Answer faster (#12)\" (#13)", Some(13)),
            ("See (#12) for more", None),
            ("Count (#x)", None),
            ("", None),
        ] {
            assert_eq!(pull(subject), wanted, "{subject}");
        }
    }
}
