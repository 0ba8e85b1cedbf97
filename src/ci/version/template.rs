//! Purpose: under which tag CI pushes the image of a commit.

use std::{fmt, str::FromStr};

/// As git abbreviates by default, and as CI does.
pub(super) const SHORT: usize = 7;

/// The longest tag the OCI distribution specification allows (1.1, "Pull").
const LONGEST: usize = 128;

/// The tag of a commit's image, with `{sha}` or `{short}` (7 digits) in the commit's place. By default the full sha alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTag(String);

/// What was written cannot be the tag of a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the tag of a commit's image: {1}; write for example \"{{sha}}\", \"{{short}}\" or \"sha-{{sha}}\""
)]
pub struct NotATemplate(String, &'static str);

impl Default for ImageTag {
    fn default() -> Self {
        Self("{sha}".into())
    }
}

impl FromStr for ImageTag {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let wrong = |why| Err(NotATemplate(text.to_owned(), why));
        let places = text.matches("{sha}").count() + text.matches("{short}").count();
        if places != 1 {
            return wrong("it needs {sha} or {short}, once");
        }
        let around = text.replace("{sha}", "0").replace("{short}", "0");
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !around.bytes().all(allowed) || around.starts_with(['.', '-']) {
            return wrong("tags have letters, digits and `.`, `_`, `-`, and do not begin with `.` or `-`");
        }
        // 64: a sha of SHA-256.
        if around.len() + 63 > LONGEST {
            return wrong("it is too long for a tag");
        }
        Ok(Self(text.to_owned()))
    }
}

impl ImageTag {
    /// The tag for a full sha.
    #[must_use]
    pub fn of(&self, sha: &str) -> String {
        let short = sha.get(..SHORT).unwrap_or(sha);
        self.0.replace("{sha}", sha).replace("{short}", short)
    }

    /// The sha, or its beginning, that a tag was made of; none when it was not made so.
    #[must_use]
    pub fn sha_in<'a>(&self, tag: &'a str) -> Option<&'a str> {
        let (before, after) = self
            .0
            .split_once("{sha}")
            .or_else(|| self.0.split_once("{short}"))?;
        let sha = tag.strip_prefix(before)?.strip_suffix(after)?;
        (sha.len() >= SHORT && sha.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(sha)
    }
}

impl fmt::Display for ImageTag {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn there_and_back() {
        for (template, tag) in [
            ("{sha}", SHA),
            ("{short}", "0123456"),
            ("sha-{sha}", "sha-0123456789abcdef0123456789abcdef01234567"),
            ("v_{short}.x", "v_0123456.x"),
        ] {
            let template: ImageTag = template.parse().unwrap();
            assert_eq!(template.of(SHA), tag);
            assert!(SHA.starts_with(template.sha_in(tag).unwrap()), "{tag}");
        }
        let prefixed: ImageTag = "sha-{sha}".parse().unwrap();
        for other in ["v1", "sha-", "sha-main", SHA, "sha-012345"] {
            assert_eq!(prefixed.sha_in(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_none() {
        for wrong in [
            "",
            "latest",
            "{sha}{sha}",
            "{sha}-{short}",
            "a b{sha}",
            "-{sha}",
            "{sha}:x",
            "{commit}",
        ] {
            assert!(wrong.parse::<ImageTag>().is_err(), "{wrong}");
        }
        assert!(format!("{}{{sha}}", "x".repeat(65)).parse::<ImageTag>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_read_makes_tags_that_are_read_back(text in "[a-z{}.-]{0,6}(\\{sha\\}|\\{short\\})[a-z{}.-]{0,6}", sha in "[0-9a-f]{40}") {
            if let Ok(template) = text.parse::<ImageTag>() {
                let tag = template.of(&sha);
                prop_assert!(sha.starts_with(template.sha_in(&tag).unwrap()));
            }
        }
    }
}
