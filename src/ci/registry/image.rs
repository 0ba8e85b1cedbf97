//! Purpose: what is known about an image.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The digest to deploy, `sha256:…`; of the index, when there are several platforms.
    pub digest: String,
    /// The commit it says it was built from, `org.opencontainers.image.revision`. Whatever the build wrote there.
    pub revision: Option<String>,
    /// When it was built: `org.opencontainers.image.created`, or else what the config says.
    pub created: Option<Timestamp>,
    /// Where its source is, `org.opencontainers.image.source`. Whatever the build wrote there.
    pub source: Option<String>,
    /// What it runs on, as `linux/amd64` or `linux/arm/v7`, in the index's order.
    pub platforms: Vec<String>,
}

/// Tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// The tags, in the registry's order, each once. Some registries sort them as text, some not at all.
    pub names: Vec<String>,
    /// Whether these are all there are; otherwise there are more than were asked for.
    pub complete: bool,
}
