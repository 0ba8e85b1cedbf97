//! What the operator says about marks: `[responders.markers]`.

use serde::Deserialize;

/// The section `[responders.markers]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether GitHub is told of deploys of services with a repository. Its token has to be allowed to write deployments.
    pub github_deployments: bool,
    /// Of at most so many pull requests that come with one deploy, each gets a deployment of its own.
    pub most_pulls: usize,
    /// Whether Grafana is told of deploys, where `[grafana]` has an address.
    pub annotations: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            github_deployments: false,
            most_pulls: 20,
            annotations: true,
        }
    }
}
