//! Purpose: names of repositories, tags and digests, by the grammar of the OCI distribution specification (1.1, "Pull").
//!
//! What passes here can be put into an address as it is.

use super::error::{Error, Result};
use std::fmt;

/// The specification's limit for host and path together.
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// Whether a text names a repository in a registry: `registry.example.com/team/api`, with the host and without a tag.
///
/// # Errors
/// [`Error::Name`], which says what is wrong with it.
pub fn check_name(text: &str) -> Result<()> {
    Repository::parse(text).map(drop)
}

/// A repository: the registry's host, with its port if it has one, and the path in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// Reads `registry.example.com/team/api`. A name without a host is refused: nobody should have to guess which registry
    /// is meant by it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        // Somebody may have written a password into it.
        let shown = if text.contains('@') { "…" } else { text };
        let wrong = |why: &str| Error::Name(format!("`{shown}` is not the name of a repository: {why}"));
        if text.contains("://") {
            return Err(wrong("leave out what stands before the host, `https://`"));
        }
        let (host, path) = text
            .split_once('/')
            .filter(|(host, _)| is_host(host))
            .ok_or_else(|| {
                wrong("it must begin with the registry's host, as in `registry.example.com/team/api`")
            })?;
        if text.len() > LONGEST_NAME {
            return Err(wrong("it is longer than 255 characters"));
        }
        if !path.split('/').all(is_component) {
            return Err(wrong(
                "after the host come small letters, digits and single `.`, `_`, `-` between them, without a tag",
            ));
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}", self.host, self.path)
    }
}

/// A tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Reference {
    Tag(String),
    Digest(String),
}

impl Reference {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.contains(':') {
            return if is_digest(text) {
                Ok(Self::Digest(text.to_owned()))
            } else {
                Err(Error::Name(format!(
                    "`{text}` is not a digest: it is `sha256:` and 64 hexadecimal digits in small letters"
                )))
            };
        }
        let mut bytes = text.bytes();
        let begins = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if begins && goes_on && text.len() <= LONGEST_TAG {
            Ok(Self::Tag(text.to_owned()))
        } else {
            Err(Error::Name(format!(
                "`{text}` is not a tag: up to 128 letters, digits and `.`, `_`, `-`, not beginning with `.` or `-`"
            )))
        }
    }

    /// Whether it means the same image for good: a digest by its nature, the full sha of a commit by custom.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Digest(_) => true,
            Self::Tag(tag) => matches!(tag.len(), 40 | 64) && is_hex(tag),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

/// Whether it is `sha256:…` or `sha512:…`, the two algorithms the image specification registers.
pub(crate) fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        is_hex(hex) && matches!((algorithm, hex.len()), ("sha256", 64) | ("sha512", 128))
    })
}

/// In small letters, as both git and digests write it.
pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Whether a host is this very machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    url::Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback_url(&url))
}

pub(crate) fn is_loopback_url(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A host is told from the first part of a path by a dot, a port, or by being `localhost`, as every client does it.
pub(crate) fn is_host(text: &str) -> bool {
    let told = text.contains(['.', ':']) || text == "localhost";
    let allowed = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'));
    told && allowed
        && url::Url::parse(&format!("https://{text}"))
            .is_ok_and(|url| url.path() == "/" && url.host_str().is_some())
}

fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| alphanumeric(*byte));
    // Separators are `.`, `_`, `__` or any number of `-`.
    let separators_fit = text
        .split(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase())
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'));
    ends(bytes.first()) && ends(bytes.last()) && separators_fit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repositories_have_a_host_and_a_path() {
        for (text, host, path) in [
            (
                "registry.example.com/team/api",
                "registry.example.com",
                "team/api",
            ),
            ("Registry.Example.com/api", "registry.example.com", "api"),
            ("localhost/api", "localhost", "api"),
            (
                "127.0.0.1:5000/a/b/c-d__e.f--g",
                "127.0.0.1:5000",
                "a/b/c-d__e.f--g",
            ),
            ("[::1]:5000/api", "[::1]:5000", "api"),
        ] {
            let parsed = Repository::parse(text).unwrap();
            assert_eq!((parsed.host(), parsed.path()), (host, path), "{text}");
        }
        for text in [
            "",
            "api",
            "team/api",
            "registry.example.com",
            "registry.example.com/",
            "registry.example.com//api",
            "registry.example.com/Team/api",
            "registry.example.com/api:latest",
            "registry.example.com/../api",
            "registry.example.com/a..b",
            "registry.example.com/a___b",
            "registry.example.com/-a",
            "registry.example.com:99999/api",
            "https://registry.example.com/api",
            "registry.example.com/api?x=y",
            "registry.example.com/a pi",
        ] {
            assert!(Repository::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_a_name_is_not_repeated() {
        let error = Repository::parse("robot:hunter2@registry.example.com/api").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn references_are_tags_or_digests() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(Reference::parse("v1.2.3"), Ok(Reference::Tag(_))));
        assert!(matches!(Reference::parse(&digest), Ok(Reference::Digest(_))));
        let lasting = |text: &str| Reference::parse(text).unwrap().is_lasting();
        assert!(lasting(sha) && lasting(&digest) && lasting(&"a".repeat(64)));
        assert!(!lasting("v1.2.3") && !lasting(&sha[..12]) && !lasting("latest"));
        for text in [
            "",
            ".a",
            "-a",
            "a/b",
            "a b",
            "sha256:abc",
            "md5:aa",
            &"a".repeat(129),
            "a:b",
            "../x",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_told_by_the_host() {
        for host in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:5000",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "registry.example.com",
            "10.0.0.1:5000",
            "127.0.0.1.example.com",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_safe_in_an_address(repository in "[ -~]{0,40}", reference in "[ -~]{0,20}") {
            if let (Ok(repository), Ok(reference)) = (Repository::parse(&repository), Reference::parse(&reference)) {
                let path = format!("/v2/{}/manifests/{}", repository.path(), reference.as_str());
                let url = url::Url::parse(&format!("https://{}{path}", repository.host())).unwrap();
                prop_assert_eq!(url.path(), path);
                prop_assert!(url.query().is_none() && url.username().is_empty());
            }
        }

        #[test]
        fn usual_names_pass(path in "[a-z0-9]{1,8}([-._][a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,8}){0,3}") {
            let name = format!("registry.example.com/{path}");
            prop_assert_eq!(Repository::parse(&name).unwrap().to_string(), name);
        }
    }
}
