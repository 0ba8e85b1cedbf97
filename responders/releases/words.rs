//! Small pieces of wording: versions in few characters, and what all responders say alike.

use otus_kubernetes::Version;

pub(crate) use otus::phrase::{between, count, cut, duration, inert, list, moment};

/// A version in few characters.
pub(crate) fn short(version: &str) -> String {
    let sha = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
    match version.parse::<Version>() {
        _ if sha => version.chars().take(7).collect(),
        Ok(version) => cut(&version.short(), 40),
        Err(_) => cut(version, 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(short(&"0123456789".repeat(4)), "0123456");
        assert_eq!(short("v1.2.3"), "v1.2.3");
    }
}
