//! Purpose: a repository's name, checked once, so that nothing else gets into an address.

use std::{fmt, str::FromStr};

/// `owner/name`. Equal in any case, as it is for GitHub; shown as it was written.
#[derive(Debug, Clone)]
pub struct Repository {
    text: String,
}

/// What was written is not `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository; write it as owner/name, for example acme/api")]
pub struct NotARepository(String);

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !matches!(part, "" | "." | "..") && part.bytes().all(plain)
        };
        match text.split_once('/') {
            Some((owner, name)) if allowed(owner) && allowed(name) => Ok(Self {
                text: text.to_owned(),
            }),
            _ => Err(NotARepository(text.to_owned())),
        }
    }
}

impl Repository {
    /// Who has it.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.text.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// Its name without the owner.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.split_once('/').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

impl PartialEq for Repository {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for Repository {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_and_name() {
        let repo: Repository = "acme/api.v2".parse().unwrap();
        assert_eq!((repo.owner(), repo.name()), ("acme", "api.v2"));
        assert_eq!(repo, "Acme/API.v2".parse().unwrap());
        for wrong in [
            "",
            "api",
            "/api",
            "acme/",
            "a/b/c",
            "acme/..",
            "acme/a b",
            "acme/a?b",
            "ac%2fme/api",
        ] {
            assert!(wrong.parse::<Repository>().is_err(), "{wrong}");
        }
    }
}
