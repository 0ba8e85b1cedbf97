//! Purpose: values in a body that are believed only when they look right, because they end in addresses, in keys and
//! in front of people.

use super::Refusal;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

/// Reads a whole body; the error names the field.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let unreadable = |why: String| Refusal::Unreadable {
        why: why.chars().filter(|c| !c.is_control()).take(300).collect(),
    };
    let mut from = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| unreadable(error.to_string()))?;
    from.end().map_err(|error| unreadable(error.to_string()))?;
    Ok(value)
}

/// A commit in full: 40 hexadecimal digits, or 64 in a repository that uses SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sha(pub(super) String);

impl Sha {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let right = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| Self(text.to_ascii_lowercase()))
    }

    /// `None` for the zeros that stand for no commit.
    pub(super) fn real(self) -> Option<String> {
        self.0.bytes().any(|digit| digit != b'0').then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("not a commit in full, 40 or 64 hexadecimal digits"))
    }
}

/// `owner/name`, or `group/subgroup/name`: safe in the path of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repo(pub(super) String);

impl Repo {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        };
        let right = text.len() <= 256 && text.contains('/') && text.split('/').all(part);
        right.then(|| Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Repo {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a repository's name as in `owner/name`"))
    }
}

/// Where a person can look. What is no plain web address is left out: it ends as a link in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Link(pub(super) Option<String>);

impl Link {
    pub(super) fn parse(text: &str) -> Self {
        let web = text.starts_with("https://") || text.starts_with("http://");
        let plain = text.len() <= 2_048
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'|' | b'"' | b'`'));
        Self((web && plain).then(|| text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map_or_else(Self::default, |text| Self::parse(&text)))
    }
}

/// A branch's name: git allows neither white space nor control characters in it.
pub(super) fn is_branch(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// The branch of a full reference; `None` for tags and everything else.
pub(super) fn branch(reference: &str) -> Option<&str> {
    reference
        .strip_prefix("refs/heads/")
        .filter(|name| is_branch(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_whole() {
        let sha = "0123456789ABCDEF0123456789abcdef01234567";
        assert_eq!(Sha::parse(sha).unwrap().real(), Some(sha.to_lowercase()));
        assert_eq!(Sha::parse(&"0".repeat(40)).unwrap().real(), None);
        assert!(Sha::parse(&"a".repeat(64)).is_some());
        for wrong in ["", "HEAD", &sha[1..], &sha.replace('A', "G"), "a/../a"] {
            assert_eq!(Sha::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn repositories_are_safe_in_a_path() {
        for right in ["acme/api", "group/sub.group/my_api-2"] {
            assert!(Repo::parse(right).is_some(), "{right}");
        }
        for wrong in [
            "api", "/api", "acme/", "a/../b", "a/./b", "a/b?c", "a/b c", "a//b", "ä/b", "a/b\n",
        ] {
            assert_eq!(Repo::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn links_are_plain_web_addresses() {
        assert!(Link::parse("https://ci.example.com/1?a=b#c").0.is_some());
        for wrong in [
            "",
            "ftp://a",
            "javascript:alert(1)",
            "https://a|b",
            "https://a>b",
            "https://a b",
            "https://ä",
        ] {
            assert_eq!(Link::parse(wrong).0, None, "{wrong}");
        }
    }

    #[test]
    fn only_heads_are_branches() {
        assert_eq!(branch("refs/heads/feature/x"), Some("feature/x"));
        for other in [
            "refs/tags/v1",
            "main",
            "refs/heads/",
            "refs/heads/a b",
            "refs/merge-requests/1/head",
        ] {
            assert_eq!(branch(other), None, "{other}");
        }
    }

    #[test]
    fn an_error_names_the_field() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "read for its error only")]
            inner: Inner,
        }
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "read for its error only")]
            sha: Sha,
        }
        let error = json::<Outer>(br#"{"inner":{"sha":"abc"}}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("inner.sha: not a commit in full"), "{error}");
        assert!(json::<serde_json::Value>(b"{}x").is_err());
        assert!(
            json::<serde_json::Value>(&b"[".repeat(100_000)).is_err(),
            "deep nesting is no crash"
        );
    }
}
