//! Where the Kubernetes tests run: the emulator, or a namespace of the cluster in `OTUS_TEST_KUBECONFIG`.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{apps::v1::Deployment, core::v1::Namespace},
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use otus_emulators::kubernetes::{Cluster, Options};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How long to wait for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Place {
    /// The emulator, unless a real cluster is asked for.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) client: Client,
    pub(crate) ns: String,
}

/// The emulator alone.
pub(crate) async fn emulated() -> Result<(Cluster, Client)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::start(Options::default()).await?;
    let client = client(&cluster)?;
    Ok((cluster, client))
}

/// A client that shows every error at once.
pub(crate) fn client(cluster: &Cluster) -> Result<Client> {
    let mut config = kube::Config::new(cluster.url().parse()?);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

impl Place {
    pub(crate) async fn new(purpose: &str) -> Result<Self> {
        let Some(path) = std::env::var_os("OTUS_TEST_KUBECONFIG") else {
            let (cluster, client) = emulated().await?;
            let place = Self {
                cluster: Some(cluster),
                client,
                ns: format!("otus-{purpose}"),
            };
            place.make_namespace().await?;
            return Ok(place);
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config =
            kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default())
                .await?;
        let ns = format!("otus-{purpose}-{:x}", std::process::id());
        let place = Self {
            cluster: None,
            client: Client::try_from(config)?,
            ns,
        };
        place.make_namespace().await?;
        Ok(place)
    }

    async fn make_namespace(&self) -> Result {
        let ns: Namespace = serde_json::from_value(json!({ "metadata": { "name": self.ns } }))?;
        Api::all(self.client.clone())
            .create(&PostParams::default(), &ns)
            .await?;
        Ok(())
    }

    pub(crate) async fn end(self) -> Result {
        Api::<Namespace>::all(self.client.clone())
            .delete(&self.ns, &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned,
    {
        Api::namespaced(self.client.clone(), &self.ns)
    }

    /// Creates a Deployment as somebody.
    pub(crate) async fn create_as(
        &self,
        manager: &str,
        name: &str,
        image: &str,
        replicas: u32,
    ) -> Result<Deployment> {
        let params = PostParams {
            field_manager: Some(manager.into()),
            ..PostParams::default()
        };
        let deployment = serde_json::from_value(manifest(name, image, replicas))?;
        Ok(self.api::<Deployment>().create(&params, &deployment).await?)
    }

    /// The Deployment, once its controller has nothing more to write: by kubectl's rules, and no pod is leaving.
    pub(crate) async fn settled(&self, name: &str) -> Result<Deployment> {
        let api = self.api::<Deployment>();
        let settled = tokio::time::timeout(SOON, async {
            loop {
                let deployment = api.get(name).await?;
                if is_settled(&deployment) {
                    return Ok::<_, kube::Error>(deployment);
                }
                tokio::task::yield_now().await;
            }
        });
        Ok(settled.await.map_err(|_| format!("{name} did not settle"))??)
    }

    /// The managers that own the image of the container `app`.
    pub(crate) async fn owners_of_image(&self, name: &str) -> Result<Vec<String>> {
        let deployment = self.api::<Deployment>().get(name).await?;
        let mut owners = Vec::new();
        for entry in deployment.metadata.managed_fields.unwrap_or_default() {
            let fields = serde_json::to_value(&entry.fields_v1)?;
            let pointer = r#"/f:spec/f:template/f:spec/f:containers/k:{"name":"app"}/f:image"#;
            if fields.pointer(pointer).is_some() {
                owners.push(entry.manager.unwrap_or_default());
            }
        }
        owners.sort();
        Ok(owners)
    }
}

pub(crate) fn is_settled(deployment: &Deployment) -> bool {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        let conditions = status.conditions.as_deref().unwrap_or_default();
        status.observed_generation == deployment.metadata.generation
            && status.replicas.unwrap_or(0) == wanted
            && status.updated_replicas.unwrap_or(0) == wanted
            && status.available_replicas.unwrap_or(0) == wanted
            && conditions
                .iter()
                .any(|c| c.reason.as_deref() == Some("NewReplicaSetAvailable"))
            && serde_json::to_value(status).is_ok_and(|s| s["terminatingReplicas"].as_i64().unwrap_or(0) == 0)
    })
}

pub(crate) fn manifest(name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [
                    { "name": "app", "image": image, "env": [{ "name": "MODE", "value": "test" }] },
                ] },
            },
        },
    })
}
