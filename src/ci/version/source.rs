//! Purpose: where the versions of one service come from.

use super::{said::Said, template::ImageTag};
use crate::{github::Repository, registry};

/// Where a service's commits and images are, and what has to be good about a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The repository on GitHub.
    pub repository: Repository,
    /// The branch that goes out.
    pub branch: String,
    /// The checks that have to be good. None named: those the branch's rules demand; without such rules, all there are.
    pub checks: Vec<String>,
    /// The image without a tag, with the registry's host: `registry.example.com/team/api`.
    pub image: String,
    /// The tag of a commit's image.
    pub tag: ImageTag,
}

impl Source {
    /// Whatever checks the branch's rules demand, and images tagged with the full sha.
    #[must_use]
    pub fn new(repository: Repository, branch: &str, image: &str) -> Self {
        Self {
            repository,
            branch: branch.to_owned(),
            checks: Vec::new(),
            image: image.to_owned(),
            tag: ImageTag::default(),
        }
    }
}

/// What is wrong with what was said about a service, and about which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFault {
    /// The key: `repository`, `branch` …
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Source {
    /// Reads what was written about a service.
    ///
    /// # Errors
    /// Everything that cannot be right.
    pub fn read(
        repository: &str,
        branch: &str,
        checks: &[String],
        image: &str,
        tag: Option<&str>,
    ) -> Result<Self, Vec<SourceFault>> {
        let mut faults = Vec::new();
        let mut fault = |key, message: String| faults.push(SourceFault { key, message });
        let parsed = repository.parse::<Repository>();
        if let Err(error) = &parsed {
            fault("repository", error.to_string());
        }
        if !matches!(branch.parse(), Ok(Said::Name(_))) {
            fault("branch", "it is not the name of a branch".into());
        }
        if checks.iter().any(|name| name.trim().is_empty()) {
            fault("checks", "one of them has no name".into());
        }
        if let Err(error) = registry::check_name(image) {
            fault("image", error.to_string());
        }
        let tag = tag.map_or_else(|| Ok(ImageTag::default()), str::parse);
        if let Err(error) = &tag {
            fault("image_tag", error.to_string());
        }
        match (parsed, tag) {
            (Ok(repository), Ok(tag)) if faults.is_empty() => Ok(Self {
                repository,
                branch: branch.to_owned(),
                checks: checks.to_vec(),
                image: image.to_owned(),
                tag,
            }),
            _ => Err(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_with_its_key() {
        let checks = ["build".to_owned()];
        let right = Source::read("acme/api", "main", &checks, "r.example.com/api", None).unwrap();
        assert_eq!((right.branch.as_str(), right.tag), ("main", ImageTag::default()));
        let wrong = Source::read("api", "a b", &[" ".into()], "api", Some("latest")).unwrap_err();
        let keys: Vec<_> = wrong.iter().map(|fault| fault.key).collect();
        assert_eq!(keys, ["repository", "branch", "checks", "image", "image_tag"]);
    }
}
