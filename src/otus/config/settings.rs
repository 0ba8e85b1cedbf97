//! The configuration as types.

use otus_ci::{github::GitHubConfig, registry::RegistryConfig};
use otus_core::{
    RobotConfig,
    catalog::{Catalog, EnvironmentEntry, ServiceEntry},
    policy::{Policy, Roles},
};
use otus_flags::serve::FlagsConfig;
use otus_migrations::database::DatabaseConfig;
use otus_monitoring::{PrometheusConfig, grafana::GrafanaConfig};
use otus_slack::SlackConfig;
use otus_store::StoreConfig;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value as Json};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tracing_subscriber::EnvFilter;
use url::Url;

/// The names of all sections, in the order `otus config` shows them.
pub(super) const SECTIONS: &[&str] = &[
    "robot",
    "roles",
    "policy",
    "environments",
    "services",
    "slack",
    "kubernetes",
    "github",
    "registries",
    "databases",
    "prometheus",
    "grafana",
    "flags",
    "store",
    "http",
    "log",
    "responders",
];

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[robot]`
    pub robot: RobotConfig,
    /// `[roles]`
    pub roles: Roles,
    /// `[policy]`
    pub policy: Policy,
    /// `[environments.*]`
    pub environments: BTreeMap<String, EnvironmentEntry>,
    /// `[services.*]`
    pub services: BTreeMap<String, ServiceEntry>,
    /// `[slack]`
    pub slack: SlackConfig,
    /// `[kubernetes]`
    pub kubernetes: otus_kubernetes::Config,
    /// `[github]`
    pub github: GitHubConfig,
    /// `[registries.*]`, by the registry's host.
    pub registries: BTreeMap<String, RegistryConfig>,
    /// `[databases.*]`, by name.
    pub databases: BTreeMap<String, DatabaseConfig>,
    /// `[prometheus]`
    pub prometheus: PrometheusConfig,
    /// `[grafana]`
    pub grafana: GrafanaConfig,
    /// `[flags]`
    pub flags: FlagsConfig,
    /// `[store]`
    pub store: StoreConfig,
    /// `[http]`
    pub http: HttpConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[responders.*]`, each as its responder will read it.
    pub responders: Map<String, Json>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            robot: RobotConfig::default(),
            // Who can talk to the robot may deploy, until somebody says who may.
            roles: Roles([("deployer".to_owned(), vec!["*".to_owned()])].into()),
            policy: Policy::default(),
            environments: BTreeMap::new(),
            services: BTreeMap::new(),
            slack: SlackConfig::default(),
            kubernetes: otus_kubernetes::Config::default(),
            github: GitHubConfig::default(),
            registries: BTreeMap::new(),
            databases: BTreeMap::new(),
            prometheus: PrometheusConfig::default(),
            grafana: GrafanaConfig::default(),
            flags: FlagsConfig::default(),
            store: StoreConfig::default(),
            http: HttpConfig::default(),
            log: LogConfig::default(),
            responders: Map::new(),
        }
    }
}

impl Settings {
    /// What there is to operate on.
    #[must_use]
    pub fn catalog(&self) -> Catalog {
        Catalog {
            services: self.services.clone(),
            environments: self.environments.clone(),
        }
    }
}

/// The section `[http]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Where to listen.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        }
    }
}

/// The section `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// For whom.
    pub format: LogFormat,
    /// What: a level, or levels by part.
    #[serde(deserialize_with = "filter")]
    pub filter: String,
    /// Where traces go.
    pub otlp: OtlpConfig,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".into(),
            otlp: OtlpConfig::default(),
        }
    }
}

/// The section `[log.otlp]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpConfig {
    /// The collector's address, without `/v1/traces`. Unset: there are no traces.
    #[serde(deserialize_with = "collector")]
    pub endpoint: Option<Url>,
    /// Extra headers, such as an authorization. The values are treated as secrets.
    pub headers: BTreeMap<String, SecretString>,
    /// How long sending one batch may take, for example `10s`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// For whom the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// For programs: one JSON object a line.
    Json,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is no address to listen on; write an IP address and a port: \"0.0.0.0:8080\", \"[::]:8080\""
        ))
    })
}

fn collector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(url)),
        _ => Err(D::Error::custom(format!(
            "{text:?} is no address of a collector; write one with its port, without a path: \"http://collector:4318\""
        ))),
    }
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(format!(
            "{text:?} is no filter ({error}); write a level (error, warn, info, debug, trace) or levels by part: \"info,otus_slack=debug\""
        ))),
    }
}
