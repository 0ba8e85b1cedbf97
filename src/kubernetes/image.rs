//! Image references: `registry:port/path:tag@digest`, read and written without losing a colon.
//!
//! The grammar is that of the distribution project's `reference` package, which container runtimes use too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A container image: where it is, and which one of those there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Image {
    /// The registry's host, with its port, when the reference names one.
    pub registry: Option<String>,
    /// The repository's path in the registry, for example `team/api`.
    pub path: String,
    /// The tag, for example `v1.2.3`.
    pub tag: Option<String>,
    /// The digest with its algorithm, for example `sha256:…`.
    pub digest: Option<String>,
}

/// Which one of a repository's images: a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Version {
    /// A tag, for example `v1.2.3`.
    Tag(String),
    /// A digest with its algorithm, for example `sha256:…`.
    Digest(String),
}

/// Why a text is not an image reference or a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing is left of it.
    #[error("the image reference is empty")]
    Empty,
    /// The repository's path breaks the grammar.
    #[error("`{0}` is not a repository path: lower case letters, digits, `.`, `_`, `-` and `/` only")]
    Path(String),
    /// The registry's host breaks the grammar.
    #[error("`{0}` is not a registry host")]
    Registry(String),
    /// The tag breaks the grammar.
    #[error(
        "`{0}` is not a tag: letters, digits, `.`, `_` and `-`, 128 at most, not starting with `.` or `-`"
    )]
    Tag(String),
    /// The digest breaks the grammar.
    #[error("`{0}` is not a digest: `sha256:` and 64 hexadecimal digits")]
    Digest(String),
}

impl Image {
    /// The reference without tag and digest, for example `registry:5000/team/api`.
    #[must_use]
    pub fn repository(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.path),
            None => self.path.clone(),
        }
    }

    /// This repository's image of another version.
    #[must_use]
    pub fn with(&self, version: &Version) -> Image {
        let (tag, digest) = match version {
            Version::Tag(tag) => (Some(tag.clone()), None),
            Version::Digest(digest) => (None, Some(digest.clone())),
        };
        Image {
            registry: self.registry.clone(),
            path: self.path.clone(),
            tag,
            digest,
        }
    }

    /// Which one it is: the digest when there is one, since only that is binding; then the tag.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Some(Version::Digest(digest.clone())),
            (None, Some(tag)) => Some(Version::Tag(tag.clone())),
            (None, None) => None,
        }
    }

    /// What a person calls it: the tag, else the digest's first twelve digits, else `latest`.
    #[must_use]
    pub fn short(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => short_digest(digest),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl Version {
    /// What a person calls it: the tag, or the digest's first twelve digits.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Version::Tag(tag) => tag.clone(),
            Version::Digest(digest) => short_digest(digest),
        }
    }
}

fn short_digest(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", hex.chars().take(12).collect::<String>()),
        None => digest.to_owned(),
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some((_, digest)) => return Err(ImageError::Digest(digest.to_owned())),
            None => (text, None),
        };
        // Only a colon after the last slash starts a tag; one before it belongs to the registry's port.
        let after_slash = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[after_slash..].find(':') {
            Some(colon) => {
                let tag = &rest[after_slash + colon + 1..];
                if !is_tag(tag) {
                    return Err(ImageError::Tag(tag.to_owned()));
                }
                (&rest[..after_slash + colon], Some(tag.to_owned()))
            }
            None => (rest, None),
        };
        // The first part is a host when it could not be a path: this is the runtimes' own rule.
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
            _ => (None, name),
        };
        if let Some(host) = registry
            && !is_host(host)
        {
            return Err(ImageError::Registry(host.to_owned()));
        }
        if !is_path(path) {
            return Err(ImageError::Path(path.to_owned()));
        }
        Ok(Image {
            registry: registry.map(str::to_owned),
            path: path.to_owned(),
            tag,
            digest,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Tag(text) | Version::Digest(text) => f.write_str(text),
        }
    }
}

impl FromStr for Version {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        match text {
            "" => Err(ImageError::Empty),
            _ if is_digest(text) => Ok(Version::Digest(text.to_owned())),
            _ if text.contains(':') => Err(ImageError::Digest(text.to_owned())),
            _ if is_tag(text) => Ok(Version::Tag(text.to_owned())),
            _ => Err(ImageError::Tag(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = ImageError;

    fn try_from(text: String) -> Result<Self, ImageError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

fn is_tag(text: &str) -> bool {
    let mut chars = text.chars();
    let starts_well = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    starts_well && text.len() <= 128 && chars.all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    let wanted = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == wanted
        && hex
            .chars()
            .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        // An IPv6 address has its own colons, inside brackets.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let port_well = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let name_well = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                })
        }
    };
    port_well && name_well
}

fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.split('/').all(|part| {
            let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            ends_well(part.chars().next())
                && ends_well(part.chars().last())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn parts(text: &str) -> (Option<String>, String, Option<String>, Option<String>) {
        let image: Image = text.parse().unwrap();
        (image.registry, image.path, image.tag, image.digest)
    }

    #[test]
    fn a_port_is_not_a_tag() {
        let of = |s: &str| Some(s.to_owned());
        assert_eq!(parts("nginx"), (None, "nginx".into(), None, None));
        assert_eq!(parts("nginx:1.2"), (None, "nginx".into(), of("1.2"), None));
        assert_eq!(parts("r:5000/a/b"), (of("r:5000"), "a/b".into(), None, None));
        assert_eq!(
            parts("r:5000/a/b:v1"),
            (of("r:5000"), "a/b".into(), of("v1"), None)
        );
        assert_eq!(parts("localhost/a"), (of("localhost"), "a".into(), None, None));
        assert_eq!(parts("team/api:v1"), (None, "team/api".into(), of("v1"), None));
        assert_eq!(
            parts("[::1]:5000/a:v1"),
            (of("[::1]:5000"), "a".into(), of("v1"), None)
        );
        assert_eq!(
            parts(&format!("ghcr.io/team/api:v1@{DIGEST}")),
            (of("ghcr.io"), "team/api".into(), of("v1"), of(DIGEST))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |s: &str| s.parse::<Image>().unwrap_err();
        assert_eq!(error(""), ImageError::Empty);
        assert_eq!(error("a:"), ImageError::Tag(String::new()));
        assert_eq!(error("a@sha256:beef"), ImageError::Digest("sha256:beef".into()));
        assert_eq!(error("Team/api"), ImageError::Path("Team/api".into()));
        assert_eq!(error("r:port/a"), ImageError::Registry("r:port".into()));
        assert_eq!(
            "v1 --force".parse::<Version>().unwrap_err(),
            ImageError::Tag("v1 --force".into())
        );
        assert_eq!(
            "md5:abc".parse::<Version>().unwrap_err(),
            ImageError::Digest("md5:abc".into())
        );
    }

    #[test]
    fn another_version_of_the_same_repository() {
        let image: Image = format!("r:5000/a/b:v1@{DIGEST}").parse().unwrap();
        assert_eq!(image.with(&"v2".parse().unwrap()).to_string(), "r:5000/a/b:v2");
        assert_eq!(
            image.with(&DIGEST.parse().unwrap()).to_string(),
            format!("r:5000/a/b@{DIGEST}")
        );
        assert_eq!(image.short(), "v1");
        assert_eq!(
            image.with(&DIGEST.parse().unwrap()).short(),
            "sha256:9f86d081884c"
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_what_parses_reads_the_same(text in "\\PC{0,60}") {
            if let Ok(image) = text.parse::<Image>() {
                prop_assert_eq!(image.to_string(), text);
            }
        }

        #[test]
        fn round_trips(
            registry in proptest::option::of("([a-z][a-z0-9]{0,8}\\.[a-z]{2,5}|localhost)(:[1-9][0-9]{0,3})?"),
            path in "[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}",
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9._-]{0,20}"),
            digest in proptest::option::of("sha256:[0-9a-f]{64}"),
        ) {
            // A path whose first part looks like a host is one, unless it stands alone.
            prop_assume!(registry.is_some() || !path.split_once('/').is_some_and(|(host, _)| host.contains('.') || host == "localhost"));
            let image = Image { registry, path, tag, digest };
            prop_assert_eq!(image.to_string().parse::<Image>().unwrap(), image);
        }
    }
}
