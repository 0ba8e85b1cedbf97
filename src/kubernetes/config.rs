//! What the operator says about Kubernetes: the section `[kubernetes]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The name a cluster has when the configuration names none.
pub const DEFAULT_CLUSTER: &str = "default";

/// The section `[kubernetes]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The kubeconfig of the cluster `default`. Unset: `KUBECONFIG`, `~/.kube/config`, or the service account
    /// of the pod Otus runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it. Unset: its current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The name under which Otus owns the fields it sets. Changing it makes Otus a stranger to its own past.
    pub field_manager: String,
    /// What to do when another manager owns the image.
    pub adopt: Adopt,
    /// How long to wait for a connection, for example `5s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub connect_timeout: Duration,
    /// How long to wait for an answer, for example `15s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub request_timeout: Duration,
    /// Further clusters, by name.
    pub clusters: BTreeMap<String, ClusterConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            kubeconfig: None,
            context: None,
            field_manager: "otus".to_owned(),
            adopt: Adopt::First,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            clusters: BTreeMap::new(),
        }
    }
}

/// The section `[kubernetes.clusters.<name>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// The kubeconfig of this cluster. Unset: the one of `[kubernetes]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it. Unset: its current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// What to do when another field manager owns the image of a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Adopt {
    /// Take it over once, when Otus never deployed this workload, and say from whom; ask about later changes.
    #[default]
    First,
    /// Always ask.
    Ask,
    /// Take it over every time.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let config: Config = serde_json::from_value(serde_json::json!({
            "context": "kind", "adopt": "ask", "request_timeout": "20s",
            "clusters": {"eu": {"kubeconfig": "/etc/eu.yaml"}},
        }))
        .unwrap();
        assert_eq!(config.adopt, Adopt::Ask);
        assert_eq!(config.request_timeout, Duration::from_secs(20));
        assert_eq!(config.field_manager, "otus");
        let error = serde_json::from_value::<Config>(serde_json::json!({"contxt": "kind"})).unwrap_err();
        assert!(error.to_string().contains("contxt"), "{error}");
        let error = serde_json::from_value::<Config>(serde_json::json!({"adopt": "never"})).unwrap_err();
        assert!(error.to_string().contains("first"), "{error}");
    }

    #[test]
    fn defaults_round_trip() {
        let text = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), Config::default());
    }
}
