//! Purpose: may a commit go out? Pure functions of its checks, of what the registry has, and of what the image says of itself.

use crate::{
    github::{Check, CheckState, Checks, Verdict, verdict},
    registry::{self, Fit, Image, fit},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Why a commit may not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReady {
    /// These checks failed.
    Red(Vec<String>),
    /// These are not decided yet.
    Pending(Vec<String>),
    /// Of these nothing was heard.
    Missing(Vec<String>),
    /// There is no check at all.
    NoChecks,
    /// It is green, and there is no image of this name.
    NoImage {
        /// The tag that is not there.
        tag: String,
    },
    /// There is an image, and it says that it was built from something else.
    WrongRevision {
        /// The image's tag.
        tag: String,
        /// What it says.
        revision: String,
    },
}

/// How one check stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its name.
    pub name: String,
    /// `good`, `pending`, `bad` or `missing`.
    pub state: String,
    /// GitHub's own word, `timed_out` for example; empty when it is missing.
    pub said: String,
    /// Where a person can look.
    pub url: Option<String>,
}

impl fmt::Display for NotReady {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Red(names) => write!(to, "failed: {}", names.join(", ")),
            Self::Pending(names) => write!(to, "still running: {}", names.join(", ")),
            Self::Missing(names) => write!(to, "never ran: {}", names.join(", ")),
            Self::NoChecks => to.write_str("it has no checks"),
            Self::NoImage { tag } => write!(to, "green, but there is no image tagged {tag} yet"),
            Self::WrongRevision { tag, revision } => {
                write!(to, "the image tagged {tag} says it was built from {revision}")
            }
        }
    }
}

/// Whether CI lets it out.
pub(super) fn green(checks: &Checks, required: &[String]) -> Result<(), NotReady> {
    match verdict(checks, required) {
        Verdict::Green => Ok(()),
        Verdict::Red(names) => Err(NotReady::Red(names)),
        Verdict::Pending(names) => Err(NotReady::Pending(names)),
        Verdict::Missing(names) if names.is_empty() => Err(NotReady::NoChecks),
        Verdict::Missing(names) => Err(NotReady::Missing(names)),
    }
}

/// How each check that counts stands, by name; of several of one name the worst.
pub(super) fn states(checks: &Checks, required: &[String]) -> Vec<State> {
    let rank = |check: &Check| match check.state {
        CheckState::Good => 0,
        CheckState::Pending => 1,
        CheckState::Bad => 2,
    };
    let mut worst: BTreeMap<&str, Option<&Check>> =
        required.iter().map(|name| (name.as_str(), None)).collect();
    for check in &checks.states {
        if !required.is_empty() && !required.contains(&check.name) {
            continue;
        }
        let known = worst.entry(&check.name).or_default();
        if known.is_none_or(|known| rank(known) < rank(check)) {
            *known = Some(check);
        }
    }
    worst
        .into_iter()
        .map(|(name, check)| State {
            name: name.to_owned(),
            state: match check.map(|check| check.state) {
                Some(CheckState::Good) => "good",
                Some(CheckState::Pending) => "pending",
                Some(CheckState::Bad) => "bad",
                None => "missing",
            }
            .to_owned(),
            said: check.map(|check| check.said.clone()).unwrap_or_default(),
            url: check.and_then(|check| check.url.clone()),
        })
        .collect()
}

/// The image of a commit among what the registry answered. True behind it when the image does not say what it was built from.
pub(super) fn imaged(
    answer: registry::Result<Image>,
    sha: &str,
    tag: &str,
) -> registry::Result<Result<(Image, bool), NotReady>> {
    let image = match answer {
        Ok(image) => image,
        Err(registry::Error::NotFound { .. }) => return Ok(Err(NotReady::NoImage { tag: tag.to_owned() })),
        Err(error) => return Err(error),
    };
    Ok(match fit(&image, sha) {
        Fit::Fine => Ok((image, false)),
        Fit::Unsaid { .. } => Ok((image, true)),
        Fit::Other { revision, .. } => Err(NotReady::WrongRevision {
            tag: tag.to_owned(),
            revision,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{github::Source, registry::Missing};

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn checks(all: &[(&str, CheckState, &str)]) -> Checks {
        let states = all.iter().map(|(name, state, said)| Check {
            name: (*name).into(),
            state: *state,
            said: (*said).into(),
            url: None,
            source: Source::CheckRun,
            app: None,
        });
        Checks {
            sha: SHA.into(),
            states: states.collect(),
        }
    }

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_ci_says() {
        use CheckState::{Bad, Good, Pending};
        let read = checks(&[
            ("build", Good, "success"),
            ("lint", Bad, "timed_out"),
            ("test", Pending, "queued"),
        ]);
        for (required, wanted) in [
            (&["build"][..], Ok(())),
            (&["build", "lint"], Err(NotReady::Red(names(&["lint"])))),
            (&["test"], Err(NotReady::Pending(names(&["test"])))),
            (&["build", "e2e"], Err(NotReady::Missing(names(&["e2e"])))),
            (&[], Err(NotReady::Red(names(&["lint"])))),
        ] {
            assert_eq!(green(&read, &names(required)), wanted, "{required:?}");
        }
        assert_eq!(green(&checks(&[]), &[]), Err(NotReady::NoChecks));
    }

    #[test]
    fn the_worst_of_each_that_counts_is_shown_and_what_is_missing() {
        use CheckState::{Bad, Good};
        let read = checks(&[
            ("test", Bad, "failure"),
            ("test", Good, "success"),
            ("docs", Good, "success"),
        ]);
        let told = |required: &[&str]| {
            let all = states(&read, &names(required)).into_iter();
            all.map(|state| format!("{} {} {}", state.name, state.state, state.said))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&[]), ["docs good success", "test bad failure"]);
        assert_eq!(told(&["test", "e2e"]), ["e2e missing ", "test bad failure"]);
    }

    #[test]
    fn what_the_registry_says() {
        let image = |revision: Option<&str>| Image {
            digest: "sha256:0".into(),
            revision: revision.map(str::to_owned),
            created: None,
            source: None,
            platforms: Vec::new(),
        };
        let of = |answer| imaged(answer, SHA, "t").unwrap();
        assert_eq!(of(Ok(image(Some(SHA)))), Ok((image(Some(SHA)), false)));
        assert_eq!(of(Ok(image(None))), Ok((image(None), true)));
        assert_eq!(
            of(Ok(image(Some("fedcba9")))),
            Err(NotReady::WrongRevision {
                tag: "t".into(),
                revision: "fedcba9".into()
            })
        );
        let missing = registry::Error::NotFound {
            registry: "r".into(),
            missing: Missing::Repository { path: "p".into() },
        };
        assert_eq!(of(Err(missing)), Err(NotReady::NoImage { tag: "t".into() }));
        // That nobody answers is no word about the image.
        let away = registry::Error::Unreachable {
            registry: "r".into(),
            why: "refused".into(),
        };
        assert!(imaged(Err(away), SHA, "t").is_err());
    }
}
