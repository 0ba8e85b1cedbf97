//! Purpose: what reviewers say of a pull request, all together.

use super::{client::GitHub, error::Result, pages::List, repo::Repository};
use serde::Deserialize;
use std::collections::BTreeMap;

const MOST: usize = 3_000;

/// Who said what last. A comment takes back neither an approval nor a request for changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reviews {
    /// Who approves, in alphabetical order.
    pub approved_by: Vec<String>,
    /// Who wants changes, in alphabetical order.
    pub changes_requested_by: Vec<String>,
    /// Who only commented, in alphabetical order.
    pub commented_by: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    user: Option<User>,
    state: String,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

impl GitHub {
    /// The reviews of a pull request, summed up.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn reviews(&self, repo: &Repository, number: u64) -> Result<Reviews> {
        let what = format!("reviews of pull request {number} in {repo}");
        let text = number.to_string();
        let path = ["repos", repo.owner(), repo.name(), "pulls", &text, "reviews"];
        let open = |answer: &_, all: &mut Vec<Review>| {
            all.extend(self.parse::<Vec<Review>>(answer, &what)?);
            Ok(true)
        };
        let all = self
            .pages(List::new(&path, &[], &what, MOST), open)
            .await?
            .whole(&what)?;
        Ok(sum(all))
    }
}

/// GitHub lists reviews in the order they were given.
fn sum(all: Vec<Review>) -> Reviews {
    let mut last: BTreeMap<String, &'static str> = BTreeMap::new();
    for review in all {
        let Some(user) = review.user else { continue };
        match review.state.to_ascii_uppercase().as_str() {
            "APPROVED" => drop(last.insert(user.login, "approved")),
            "CHANGES_REQUESTED" => drop(last.insert(user.login, "changes")),
            "DISMISSED" => drop(last.insert(user.login, "dismissed")),
            "COMMENTED" => drop(last.entry(user.login).or_insert("commented")),
            // Pending: not handed in yet.
            _ => {}
        }
    }
    let those = |word: &str| {
        let such = last.iter().filter(|(_, last)| **last == word);
        such.map(|(user, _)| user.clone()).collect()
    };
    Reviews {
        approved_by: those("approved"),
        changes_requested_by: those("changes"),
        commented_by: those("commented"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_a_comment_is_none() {
        let review = |(user, state): (&str, &str)| Review {
            user: (!user.is_empty()).then(|| User { login: user.into() }),
            state: state.into(),
        };
        let all = [
            ("ann", "APPROVED"),
            ("bob", "CHANGES_REQUESTED"),
            ("cat", "COMMENTED"),
            ("ann", "COMMENTED"),
            ("bob", "APPROVED"),
            ("dan", "APPROVED"),
            ("dan", "DISMISSED"),
            ("eve", "CHANGES_REQUESTED"),
            ("fay", "PENDING"),
            ("", "APPROVED"),
        ];
        let told = sum(all.into_iter().map(review).collect());
        assert_eq!(told.approved_by, ["ann", "bob"]);
        assert_eq!(told.changes_requested_by, ["eve"]);
        assert_eq!(told.commented_by, ["cat"]);
    }
}
