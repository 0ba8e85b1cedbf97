//! Purpose: why a registry did not name an image, told apart so that a person hears what to do.

use super::{challenge::Challenge, config::ConfigError};
use std::{fmt, time::Duration};

/// What this module's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer. No variant holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is none.
    #[error("{0}")]
    Name(String),
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The password could not be read from where it should be. Nothing was asked of the registry.
    #[error("the password for {registry} cannot be had: {why}")]
    Password {
        /// The registry's host.
        registry: String,
        /// What is wrong, and what to do; never the password.
        why: String,
    },
    /// The registry has no such thing.
    #[error("{registry} has no {missing}")]
    NotFound {
        /// The registry's host.
        registry: String,
        /// What it is that is not there.
        missing: Missing,
    },
    /// The registry does not let us.
    #[error("{registry} {why}")]
    NotAllowed {
        /// The registry's host.
        registry: String,
        /// At which door it stopped us.
        why: Refusal,
    },
    /// Nobody answers, or only with errors of its own, for as long as we were willing to ask again.
    #[error(
        "cannot reach the registry {registry}: {why}; nothing is wrong with the image, so try again later"
    )]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// The innermost reason of the last attempt.
        why: String,
    },
    /// The registry cannot prove who it is, so it was told nothing.
    #[error(
        "the certificate of {registry} is not trusted: {why}; if it is from an authority of your own, name that in ca_file"
    )]
    Untrusted {
        /// The registry's host.
        registry: String,
        /// What is wrong with the certificate.
        why: String,
    },
    /// The registry wants to be asked less, and longer than we were willing to wait.
    #[error("{registry} gets too many requests{}", later(.retry_after))]
    TooManyRequests {
        /// The registry's host.
        registry: String,
        /// After how long it wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// There is something under this name, but it is nothing that can be run.
    #[error("{name} is no image that can be deployed: {why}")]
    NoImage {
        /// The repository with its tag or digest.
        name: String,
        /// What it is instead.
        why: String,
    },
    /// The image is there, and its files cannot be read.
    #[error("the files in {folder} of {name} cannot be read: {why}")]
    NoFiles {
        /// The repository with its tag or digest.
        name: String,
        /// The folder that was asked for.
        folder: String,
        /// Why.
        why: String,
    },
    /// Something answers, but it does not speak the registry's protocol.
    #[error("what answers at {registry} is not a container registry: {why}; check the host's name and port")]
    NotARegistry {
        /// The registry's host.
        registry: String,
        /// What came instead.
        why: String,
    },
}

/// What a registry has not got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The whole repository.
    Repository {
        /// Its path in the registry.
        path: String,
    },
    /// The tag or digest, in a repository that is there.
    Image {
        /// The repository's path in the registry.
        path: String,
        /// The tag or digest.
        reference: String,
    },
    /// One of the two; the registry does not tell which.
    Either {
        /// The repository's path in the registry.
        path: String,
        /// The tag or digest.
        reference: String,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { path } => {
                write!(
                    to,
                    "repository {path}; check its name, or push a first image to it"
                )
            }
            Self::Image { path, reference } => write!(
                to,
                "{path}:{reference}; has its build finished, and does it push under this {}?",
                kind(reference)
            ),
            Self::Either { path, reference } => write!(
                to,
                "{path}:{reference}; check the repository's name, and whether its build has pushed this {}",
                kind(reference)
            ),
        }
    }
}

fn kind(reference: &str) -> &'static str {
    if reference.contains(':') { "digest" } else { "tag" }
}

/// At which door a registry stopped us.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It wants credentials, and there are none.
    NoCredentials {
        /// The repository's path.
        path: String,
    },
    /// The user or the password is not good (any more).
    Login {
        /// The user that was shown.
        user: String,
    },
    /// The user is known, and may not read this.
    Repository {
        /// The user that was shown.
        user: String,
        /// The repository's path.
        path: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials { path } => write!(
                to,
                "wants credentials for {path}, and none are configured for it; set user and password, password_file or \
                 password_command, or docker_config (or is the name wrong? Some registries hide what is not there)"
            ),
            Self::Login { user } => write!(
                to,
                "refuses the user `{user}`: the password is wrong or has expired; check it where it comes from"
            ),
            Self::Repository { user, path } => write!(
                to,
                "does not let the user `{user}` read {path}; give it the right to pull (or has its password expired, or is \
                 the name wrong? Some registries do not tell these apart)"
            ),
        }
    }
}

fn later(after: &Option<Duration>) -> String {
    match after {
        Some(after) => format!(
            "; it wants to be asked again in {}",
            super::retry::in_words(*after)
        ),
        None => "; try again in some minutes".to_owned(),
    }
}

/// How one attempt ended, if not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// 429.
    Busy { after: Option<Duration> },
    /// Nobody, nothing in time, or an error of the server's.
    Down { why: String, after: Option<Duration> },
    /// 401 or 403 on what the pass should have opened, and what was asked for instead, if that was said.
    Refused {
        status: u16,
        challenge: Option<Challenge>,
    },
    /// There is no use in asking again.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Error pages are long; a person needs the beginning.
const LONGEST: usize = 200;

/// Words of somebody else's on one line, cut at a character when they are long.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The last reason in the chain: `Connection refused`, not `error sending request`.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    shorten(&error.to_string())
}

/// What is wrong with the server's certificate, if that is what the error is about.
pub(crate) fn untrusted(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(shorten(&why.to_string()));
        }
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            // What an IO error wraps is not among its sources.
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let registry = || "registry.example.com".to_owned();
        let path = || "team/api".to_owned();
        let texts = [
            Error::NotFound {
                registry: registry(),
                missing: Missing::Image {
                    path: path(),
                    reference: "abc".into(),
                },
            },
            Error::NotAllowed {
                registry: registry(),
                why: Refusal::Login { user: "robot".into() },
            },
            Error::TooManyRequests {
                registry: registry(),
                retry_after: Some(Duration::from_secs(90)),
            },
            Error::TooManyRequests {
                registry: registry(),
                retry_after: None,
            },
            Error::Unreachable {
                registry: registry(),
                why: "connection refused".into(),
            },
        ]
        .map(|error| error.to_string());
        assert_eq!(
            texts,
            [
                "registry.example.com has no team/api:abc; has its build finished, and does it push under this tag?",
                "registry.example.com refuses the user `robot`: the password is wrong or has expired; check it where it comes from",
                "registry.example.com gets too many requests; it wants to be asked again in 1m30s",
                "registry.example.com gets too many requests; try again in some minutes",
                "cannot reach the registry registry.example.com: connection refused; nothing is wrong with the image, so try again later",
            ]
        );
    }

    #[test]
    fn long_words_are_cut_at_a_character() {
        assert_eq!(shorten("a\n  b\tc"), "a b c");
        assert!(shorten(&"é".repeat(1000)).chars().count() <= LONGEST + 1);
    }
}
