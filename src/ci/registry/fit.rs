//! Purpose: does an image say it was built from the commit it is tagged with? A pure gate before a deploy.

use super::{Image, name::is_hex};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An abbreviated sha is believed from this many digits on, git's own default.
const SHORTEST: usize = 7;

/// What an image says of itself, held against the commit that is to be deployed. Its text is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fit {
    /// It says it was built from that commit.
    Fine,
    /// It does not say what it was built from: a warning.
    Unsaid {
        /// The commit that is to be deployed.
        commit: String,
    },
    /// It says it was built from something else: refused.
    Other {
        /// The commit that is to be deployed.
        commit: String,
        /// What it says instead.
        revision: String,
    },
}

impl Fit {
    /// Whether the image must not be deployed as this commit.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Other { .. })
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => to.write_str("the image says it was built from this commit"),
            Self::Unsaid { commit } => write!(
                to,
                "the image tagged {commit} does not say which commit it was built from; let its build set the label \
                 org.opencontainers.image.revision"
            ),
            Self::Other { commit, revision } => write!(
                to,
                "the image tagged {commit} says it was built from {revision}; build it anew, and let the build set the \
                 label org.opencontainers.image.revision, which is otherwise inherited from the base image"
            ),
        }
    }
}

/// Holds the label `revision` against the full sha of a commit.
///
/// An abbreviation of the commit's sha, of at least 7 digits, is the same commit; anything else that stands there is not.
#[must_use]
pub fn fit(image: &Image, commit_sha: &str) -> Fit {
    let commit = commit_sha.to_owned();
    match image.revision.as_deref().map(str::trim) {
        None | Some("") => Fit::Unsaid { commit },
        Some(revision) if same(revision, commit_sha) => Fit::Fine,
        Some(revision) => Fit::Other {
            commit,
            revision: super::error::shorten(revision),
        },
    }
}

fn same(revision: &str, commit: &str) -> bool {
    let (revision, commit) = (revision.to_ascii_lowercase(), commit.to_ascii_lowercase());
    revision == commit || (revision.len() >= SHORTEST && is_hex(&revision) && commit.starts_with(&revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn built_from(revision: Option<&str>) -> Image {
        Image {
            digest: "sha256:0".into(),
            revision: revision.map(str::to_owned),
            created: None,
            source: None,
            platforms: Vec::new(),
        }
    }

    #[test]
    fn the_label_decides() {
        let fit = |revision| fit(&built_from(revision), COMMIT);
        for same in [
            COMMIT,
            "0123456789ABCDEF0123456789ABCDEF01234567",
            "0123456",
            " 0123456789abcdef0123456789abcdef01234567\n",
        ] {
            assert_eq!(fit(Some(same)), Fit::Fine, "{same}");
        }
        for missing in [None, Some(""), Some("  ")] {
            assert_eq!(
                fit(missing),
                Fit::Unsaid {
                    commit: COMMIT.into()
                }
            );
        }
        for other in [
            "012345",
            "main",
            "fedcba9",
            "0123456789abcdef0123456789abcdef01234567-dirty",
            "v1.2.3-4-g0123456",
        ] {
            assert!(fit(Some(other)).is_refused(), "{other}");
        }
    }

    #[test]
    fn it_says_so() {
        let text = fit(&built_from(Some("fedcba9")), COMMIT).to_string();
        assert!(
            text.starts_with(&format!(
                "the image tagged {COMMIT} says it was built from fedcba9;"
            )),
            "{text}"
        );
        assert!(
            fit(&built_from(None), COMMIT)
                .to_string()
                .contains("does not say")
        );
    }

    proptest! {
        #[test]
        fn another_full_sha_is_always_refused(commit in "[0-9a-f]{40}", other in "[0-9a-f]{40}") {
            prop_assert_eq!(fit(&built_from(Some(&other)), &commit).is_refused(), commit != other);
        }

        #[test]
        fn no_label_panics(label in "\\PC{0,20}", commit in "\\PC{0,10}") {
            let _ = fit(&built_from(Some(&label)), &commit).to_string();
        }
    }
}
