//! Purpose: from the address of a git remote to the repository's name.

use super::fields::Repo;

/// Reads `git@host:owner/name.git`, `https://host/owner/name`, `ssh://git@host:22/owner/name.git` and their like.
pub(super) fn repo(remote: &str) -> Option<Repo> {
    let path = match remote.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => remote.split_once(':')?.1,
    };
    let path = path.trim_matches('/');
    Repo::parse(path.strip_suffix(".git").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ways_to_write_a_remote() {
        for remote in [
            "git@github.com:acme/api.git",
            "https://github.com/acme/api",
            "https://github.com/acme/api.git/",
            "https://user:password@git.example.com:8443/acme/api.git",
            "ssh://git@git.example.com:22/acme/api.git",
            "git://github.com/acme/api.git",
        ] {
            assert_eq!(repo(remote).unwrap().0, "acme/api", "{remote}");
        }
        assert_eq!(
            repo("https://git.example.com/group/sub/api").unwrap().0,
            "group/sub/api"
        );
        for wrong in [
            "",
            "api",
            "https://github.com",
            "https://github.com/",
            "git@host:api",
            "/srv/git/api.git",
        ] {
            assert_eq!(repo(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(remote in "[a-z:/@.]{0,30}|\\PC{0,20}") {
            let _ = repo(&remote);
        }
    }
}
