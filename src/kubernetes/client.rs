//! One client per cluster, built when it is first needed.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::Mutex;

use crate::config::{Adopt, ClusterConfig, Config, DEFAULT_CLUSTER};
use crate::error::{Error, deepest, deepest_kube};

/// The clusters of the configuration. Cheap to clone: every clone shares the clients.
#[derive(Clone)]
pub struct Clusters {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    /// An API server's address instead of a kubeconfig: for an emulator in the same process.
    address: Option<kube::Config>,
    built: Mutex<BTreeMap<String, Cluster>>,
}

/// A connection to one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// For requests: with a read timeout, so that a dead connection is noticed.
    pub(crate) client: Client,
    /// For watches: these are silent for minutes by nature, and end themselves.
    pub(crate) watching: Client,
    pub(crate) manager: Arc<str>,
    pub(crate) adopt: Adopt,
    patience: Duration,
}

impl Clusters {
    /// The clusters of a configuration. Nothing is connected yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Clusters::build(config, None)
    }

    /// All names lead to the API server at this address, without credentials: for an emulator.
    ///
    /// # Errors
    /// When the address is not a URL.
    pub fn at(address: &str, config: Config) -> Result<Self, Error> {
        match address.parse() {
            Ok(uri) => Ok(Clusters::build(config, Some(kube::Config::new(uri)))),
            Err(_) => Err(Error::Config {
                cluster: DEFAULT_CLUSTER.to_owned(),
                detail: format!("`{address}` is not an address"),
            }),
        }
    }

    fn build(config: Config, address: Option<kube::Config>) -> Self {
        Clusters {
            shared: Arc::new(Shared {
                config,
                address,
                built: Mutex::default(),
            }),
        }
    }

    /// The names that [`Clusters::get`] knows.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let further = self.shared.config.clusters.keys().cloned();
        std::iter::once(DEFAULT_CLUSTER.to_owned())
            .chain(further.filter(|name| name != DEFAULT_CLUSTER))
            .collect()
    }

    /// The cluster of this name, connected if this is the first call. A failure is not remembered: the
    /// kubeconfig may be mended while Otus runs.
    ///
    /// # Errors
    /// When no such cluster is configured, or its kubeconfig is missing or wrong.
    pub async fn get(&self, name: &str) -> Result<Cluster, Error> {
        let mut built = self.shared.built.lock().await;
        if let Some(cluster) = built.get(name) {
            return Ok(cluster.clone());
        }
        let cluster = self.connect(name).await?;
        built.insert(name.to_owned(), cluster.clone());
        Ok(cluster)
    }

    async fn connect(&self, name: &str) -> Result<Cluster, Error> {
        let config = &self.shared.config;
        let settings = match config.clusters.get(name) {
            Some(settings) => settings.clone(),
            None if name == DEFAULT_CLUSTER => ClusterConfig::default(),
            None => {
                return Err(Error::UnknownCluster {
                    name: name.to_owned(),
                    known: self.names(),
                });
            }
        };
        let wrong = |detail: String| Error::Config {
            cluster: name.to_owned(),
            detail,
        };
        let path = settings.kubeconfig.as_deref().or(config.kubeconfig.as_deref());
        let context = settings.context.or_else(|| config.context.clone());
        let mut kube = match &self.shared.address {
            Some(address) => address.clone(),
            None => load(path, context).await.map_err(wrong)?,
        };
        kube.connect_timeout = Some(config.connect_timeout);
        // The library's own retries are silent, and repeat every verb for minutes: whoever waits for a deploy
        // must see a failing server instead.
        kube.default_retry = false;
        let watching = Client::try_from(kube.clone()).map_err(|e| wrong(deepest_kube(&e)))?;
        kube.read_timeout = Some(config.request_timeout);
        kube.reset_reader_on_write = true;
        let client = Client::try_from(kube).map_err(|e| wrong(deepest_kube(&e)))?;
        Ok(Cluster {
            name: name.into(),
            client,
            watching,
            manager: config.field_manager.as_str().into(),
            adopt: config.adopt,
            patience: config.request_timeout,
        })
    }
}

impl Cluster {
    /// The name under which Otus writes, as `managedFields` show it.
    #[must_use]
    pub fn manager(&self) -> &str {
        &self.manager
    }

    /// Runs a request with the configured patience, and sorts its failure. `what` names the object for a 404.
    pub(crate) async fn call<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.patience, request).await {
            Ok(answer) => answer.map_err(|error| Error::from_kube(&self.name, what, &error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// As [`Cluster::call`], with the library's error kept: for callers that look inside a refusal.
    pub(crate) async fn call_raw<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<Result<T, kube::Error>, Error> {
        tokio::time::timeout(self.patience, request)
            .await
            .map_err(|_| self.timed_out())
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut {
            cluster: self.name.to_string(),
            after: self.patience,
        }
    }

    /// The server's version, for example `v1.36.2`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn server_version(&self) -> Result<String, Error> {
        let info = self.call("version", self.client.apiserver_version()).await?;
        Ok(info.git_version)
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A named kubeconfig, or what the environment offers.
async fn load(path: Option<&Path>, context: Option<String>) -> Result<kube::Config, String> {
    let options = KubeConfigOptions {
        context: context.clone(),
        cluster: None,
        user: None,
    };
    if let Some(path) = path {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| {
            format!(
                "the kubeconfig {} cannot be read: {}",
                path.display(),
                deepest(&error)
            )
        })?;
        return kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| format!("the kubeconfig {} is wrong: {error}", path.display()));
    }
    if context.is_some() {
        return kube::Config::from_kubeconfig(&options)
            .await
            .map_err(|error| format!("the kubeconfig of `KUBECONFIG` or ~/.kube/config is wrong: {error}"));
    }
    kube::Config::infer().await.map_err(|error| {
        format!(
            "no kubeconfig is configured, and neither `KUBECONFIG`, ~/.kube/config nor a service account works ({}). \
             Set `kubernetes.kubeconfig`",
            deepest(&error)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    #[tokio::test]
    async fn an_unknown_cluster_names_the_known_ones() {
        let clusters = Clusters::new(Config {
            clusters: BTreeMap::from([("eu".to_owned(), ClusterConfig::default())]),
            ..Config::default()
        });
        let error = clusters.get("us").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no cluster is called `us`; configured: default, eu. Add `[kubernetes.clusters.us]`"
        );
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let config = Config {
            kubeconfig: Some("/nowhere/kubeconfig".into()),
            ..Config::default()
        };
        let error = Clusters::new(config)
            .get(DEFAULT_CLUSTER)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/kubeconfig"), "{error}");
    }

    #[tokio::test]
    async fn a_silent_server_is_noticed() {
        ring();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let config = Config {
            request_timeout: Duration::from_millis(200),
            ..Config::default()
        };
        let cluster = Clusters::at(&address, config)
            .unwrap()
            .get(DEFAULT_CLUSTER)
            .await
            .unwrap();
        let error = cluster.server_version().await.unwrap_err();
        assert!(error.is_passing(), "{error}");
    }

    #[tokio::test]
    async fn a_closed_port_is_said_in_few_words() {
        ring();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let cluster = Clusters::at(&address, Config::default())
            .unwrap()
            .get(DEFAULT_CLUSTER)
            .await
            .unwrap();
        let error = cluster.server_version().await.unwrap_err().to_string();
        assert!(
            error.starts_with("the cluster `default` does not answer: Connection refused"),
            "{error}"
        );
    }
}
