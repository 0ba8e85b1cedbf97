//! A running cluster, and what a test does with it.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use super::{
    access::Denial,
    behaviour::Behaviour,
    faults::Fault,
    rbac::Use,
    resources, routes, seed,
    server::{Asked, Shared, lock},
    store::State,
    timing::{Timing, stamp},
    value::{int, items, name, put, text},
    write::Writer,
};

/// How a cluster is started.
#[derive(Debug, Default)]
pub struct Options {
    /// How long things take.
    pub timing: Timing,
    /// Where it listens; a free port of 127.0.0.1 by default.
    pub listener: Option<TcpListener>,
    /// The bearer token that requests must carry; none by default.
    pub token: Option<String>,
    /// A manifest, JSON or YAML, whose objects are there from the start. Its workloads become ready at once.
    pub seed: Option<String>,
}

/// Why a cluster did not start, or an order to it was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be listened on.
    #[error("the cluster cannot listen")]
    Listen(#[source] std::io::Error),
    /// The manifest cannot be read.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// The API refused an object.
    #[error("{0}")]
    Refused(String),
    /// A file cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("what was waited for did not come within {within:?}; the cluster has:\n{state}")]
pub struct Waited {
    within: Duration,
    state: String,
}

/// A Kubernetes API server with its controllers, on loopback. It stops when it is dropped.
pub struct Cluster {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The cluster's objects at one moment.
pub struct View<'a>(&'a State);

impl View<'_> {
    /// An object; the kind as people type it: `deployment`, `deployments`, `deploy`.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let res = resources::named(kind)?;
        self.0
            .get(res, if res.namespaced { namespace } else { "" }, name)
            .map(|object| Value::clone(&object))
    }

    /// All objects of a kind, in one namespace, or in all where it is empty.
    #[must_use]
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let Some(res) = resources::named(kind) else {
            return Vec::new();
        };
        self.0
            .all(res.store, namespace)
            .map(|object| Value::clone(object))
            .collect()
    }

    fn summary(&self) -> String {
        let mut lines = Vec::new();
        for (kind, field) in [
            ("deployments", "/status"),
            ("replicasets", "/status"),
            ("pods", "/status/phase"),
        ] {
            for object in self.list(kind, "") {
                let shown = object.pointer(field).map(ToString::to_string).unwrap_or_default();
                lines.push(format!(
                    "  {kind} {}/{}: {shown}",
                    text(&object, "/metadata/namespace"),
                    name(&object)
                ));
            }
        }
        lines.join("\n")
    }
}

impl Cluster {
    /// Starts a cluster with three nodes and the usual namespaces.
    ///
    /// # Errors
    /// When it cannot listen, or the seed cannot be read or is refused.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let listener = match options.listener {
            Some(listener) => listener,
            None => TcpListener::bind("127.0.0.1:0").await.map_err(Error::Listen)?,
        };
        let address = listener.local_addr().map_err(Error::Listen)?;
        let (changed, _) = watch::channel(0);
        let mut state = State::new(options.timing, changed.clone());
        furnish(&mut state)?;
        if let Some(manifest) = options.seed {
            let objects = seed::objects(&manifest).map_err(Error::Manifest)?;
            state
                .plant(objects)
                .map_err(|error| Error::Refused(error.message))?;
        }
        let shared = Shared::new(state, changed, options.token);
        let app = axum::Router::new()
            .fallback(routes::serve)
            .with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        tokio::spawn(Arc::clone(&shared).drive());
        tokio::spawn(async move {
            let served = axum::serve(listener, app)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the cluster no longer listens");
            }
        });
        Ok(Self { shared, address })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig with one context, `emulated`.
    #[must_use]
    pub fn kubeconfig_yaml(&self) -> String {
        let user = match &self.shared.token {
            Some(token) => json!({ "token": token }),
            None => json!({}),
        };
        self.kubeconfig_of(user)
    }

    fn kubeconfig_of(&self, user: Value) -> String {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "emulated", "cluster": { "server": self.url() } }],
            "users": [{ "name": "emulated", "user": user }],
            "contexts": [{
                "name": "emulated",
                "context": { "cluster": "emulated", "user": "emulated", "namespace": "default" },
            }],
            "current-context": "emulated",
        });
        // JSON is YAML.
        format!("{config:#}\n")
    }

    /// Writes the kubeconfig to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        std::fs::write(path, self.kubeconfig_yaml()).map_err(|source| Error::Write {
            path: path.display().to_string(),
            source,
        })
    }

    /// Says how pods of an image behave. The image may be whole, a digest alone, or lack the registry.
    pub fn behave(&self, image: &str, behaviour: Behaviour) {
        self.shared.state().behaviours.set(image, behaviour);
    }

    /// The next requests meet a fault.
    pub fn fault(&self, fault: Fault, times: u32) {
        self.fault_on("", "", fault, times);
    }

    /// The next requests of this method (empty: any), whose path and query contain `path`, meet a fault.
    pub fn fault_on(&self, method: &str, path: &str, fault: Fault, times: u32) {
        lock(&self.shared.faults).order(method, path, fault, times);
    }

    /// Waits until exactly so many requests are held by [`Fault::Hold`].
    pub async fn held(&self, count: u32) {
        let mut held = self.shared.held.subscribe();
        // The sender lives as long as the cluster.
        let _ = held.wait_for(|held| *held == count).await;
    }

    /// Lets all requests go on that are held.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Faults that were ordered and not yet met are no more.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Breaks all open watches and followed logs.
    pub fn cut_watches(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// Forgets history: watches and unfinished lists from before are 410 Gone.
    pub fn compact(&self) {
        self.shared.state().compact();
    }

    /// Denies something from now on.
    pub fn deny(&self, denial: Denial) {
        self.shared.state().denials.push(denial);
    }

    /// Allows everything again.
    pub fn allow_all(&self) {
        self.shared.state().denials.clear();
    }

    /// A bearer token with which a service account of the cluster asks, to which only what Roles say is allowed.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn account_token(&self, namespace: &str, name: &str) -> Result<String, Error> {
        self.shared.issue(namespace, name).map_err(Error::Refused)
    }

    /// A kubeconfig of a service account, as [`account_token`](Self::account_token) knows it.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn account_kubeconfig(&self, namespace: &str, name: &str) -> Result<String, Error> {
        let token = self.account_token(namespace, name)?;
        Ok(self.kubeconfig_of(json!({ "token": token })))
    }

    /// What was done that only Roles allowed, by whom: which of their rules were needed.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        self.shared.state().uses.iter().cloned().collect()
    }

    /// The last requests that were made, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Asked> {
        lock(&self.shared.requests).iter().cloned().collect()
    }

    /// Creates the objects of a manifest; its workloads become ready at once.
    ///
    /// # Errors
    /// When the manifest cannot be read, or an object is refused.
    pub fn seed(&self, manifest: &str) -> Result<usize, Error> {
        let objects = seed::objects(manifest).map_err(Error::Manifest)?;
        self.shared
            .state()
            .plant(objects)
            .map_err(|error| Error::Refused(error.message))
    }

    /// Creates a Deployment with one container, `app`, as `kubectl apply` would, and waits until it is rolled out,
    /// which takes no time for pods.
    ///
    /// # Errors
    /// When it is refused, or its image does not become ready.
    pub async fn deployment(
        &self,
        namespace: &str,
        name: &str,
        image: &str,
        replicas: u32,
    ) -> Result<Value, Error> {
        let manifest = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "app", "image": image }] },
                },
            },
        });
        self.shared
            .state()
            .plant(vec![manifest])
            .map_err(|error| Error::Refused(error.message))?;
        let settled = self.wait_until(Duration::from_secs(20), |view| {
            let deployment = view.get("deployment", namespace, name)?;
            let available = items(&deployment, "/status/conditions")
                .iter()
                .any(|condition| text(condition, "/reason") == "NewReplicaSetAvailable");
            let whole = int(&deployment, "/status/availableReplicas") == i64::from(replicas);
            (available && whole && int(&deployment, "/status/observedGeneration") == 1).then_some(deployment)
        });
        settled.await.map_err(|waited| Error::Refused(waited.to_string()))
    }

    /// An object as it is now; the kind as people type it.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        View(&self.shared.state()).get(kind, namespace, name)
    }

    /// All objects of a kind, in one namespace, or in all where it is empty.
    #[must_use]
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        View(&self.shared.state()).list(kind, namespace)
    }

    /// Looks at the objects after every change, until what is looked for is there.
    ///
    /// # Errors
    /// When it is not there in time; the error tells what there is.
    pub async fn wait_until<T>(
        &self,
        within: Duration,
        mut look: impl FnMut(&View<'_>) -> Option<T>,
    ) -> Result<T, Waited> {
        let mut changed = self.shared.changed.subscribe();
        let found = tokio::time::timeout(within, async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look(&View(&self.shared.state())) {
                    return found;
                }
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        found.await.map_err(|_| Waited {
            within,
            state: View(&self.shared.state()).summary(),
        })
    }

    /// Stops: open watches end.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Waits until it was stopped.
    pub async fn stopped(&self) {
        self.shared.stop.cancelled().await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What every cluster has.
fn furnish(state: &mut State) -> Result<(), Error> {
    let refused = |error: super::status::ApiError| Error::Refused(error.message);
    for ns in ["default", "kube-system", "kube-public"] {
        state.ensure_namespace(ns).map_err(refused)?;
    }
    let by = Writer {
        manager: "kubelet",
        subresource: "",
        dry_run: false,
    };
    for number in 1..=3 {
        let mut node = json!({
            "metadata": { "name": format!("node-{number}"), "labels": { "kubernetes.io/hostname": format!("node-{number}") } },
            "spec": {},
        });
        put(
            &mut node,
            &["status"],
            json!({
                "capacity": { "cpu": "4", "memory": "8Gi", "pods": "110" },
                "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" },
                "nodeInfo": { "kubeletVersion": "v1.36.0-emulated", "operatingSystem": "linux", "architecture": "amd64" },
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "KubeletReady",
                    "lastHeartbeatTime": stamp(), "lastTransitionTime": stamp(),
                }],
            }),
        );
        state
            .create(resources::known("nodes"), node, &by)
            .map_err(refused)?;
    }
    Ok(())
}
