//! Purpose: what somebody may say for a version.

use std::{fmt, str::FromStr};

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing, `latest`, `green`, `latest green`, `latest-green`: the newest commit of the branch that may go out.
    LatestGreen,
    /// A sha, the beginning of one, a branch or a tag.
    Name(String),
}

/// What was said cannot name a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a commit, a branch or a tag")]
pub struct NotAVersion(pub String);

impl FromStr for Said {
    type Err = NotAVersion;

    /// By git's own rules for names (`git check-ref-format`), the strictest of which keep it inside its part of an address.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let words: Vec<&str> = text.split([' ', '-']).filter(|word| !word.is_empty()).collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        match lower.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | ["latest"] | ["green"] | ["latest", "green"] => return Ok(Self::LatestGreen),
            _ => {}
        }
        let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\@".contains(c);
        let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
        if text.len() > 255
            || text.contains(forbidden)
            || text.contains("..")
            || text.starts_with('-')
            || text.ends_with('.')
            || text.split('/').any(bad_part)
        {
            return Err(NotAVersion(text.chars().take(80).collect()));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LatestGreen => to.write_str("latest green"),
            Self::Name(name) => to.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_can_be_said() {
        for latest in [
            "",
            "latest",
            "green",
            "latest green",
            "latest-green",
            "Latest Green",
        ] {
            assert_eq!(latest.parse(), Ok(Said::LatestGreen), "{latest}");
        }
        for name in [
            "0123456",
            "main",
            "v1.4.2",
            "feature/new-thing",
            "latest-but-one",
            "a.b",
        ] {
            assert_eq!(name.parse(), Ok(Said::Name(name.into())));
        }
        for wrong in [
            "a b", "main~1", "HEAD^", "a..b", "../x", "a//b", "/a", "a/", ".a", "a@{1}", "x.lock", "-x",
            "a:b", "a.",
        ] {
            assert!(wrong.parse::<Said>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_part_of_an_address(text in "[a-z./~?#@ -]{0,12}") {
            if let Ok(Said::Name(name)) = text.parse() {
                prop_assert!(name.split('/').all(|part| !matches!(part, "" | "." | "..")));
                prop_assert!(!name.contains('?'));
            }
        }
    }
}
