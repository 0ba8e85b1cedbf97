//! What runs: a workload's address, and reading it.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;
use kube::Api;
use serde::{Deserialize, Serialize};

use crate::annotations;
use crate::client::Cluster;
use crate::error::Error;
use crate::managed::{Owner, image_owners, pause_owner};

/// The kinds of workload Otus deploys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A Deployment.
    #[default]
    Deployment,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Deployment => "deployment",
        })
    }
}

/// Where a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// What kind of object it is.
    pub kind: Kind,
    /// The object's name.
    pub name: String,
    /// The container that runs the service. Unset: the only one, or the one named like the service or the workload.
    pub container: Option<String>,
    /// The service's name, to tell its container by.
    pub service: String,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} in the namespace {} of the cluster {}",
            self.kind, self.name, self.namespace, self.cluster
        )
    }
}

/// What runs in a workload now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The container that runs the service.
    pub container: String,
    /// Its image, as it stands in the template.
    pub image: String,
    /// The version Otus noted when it deployed this image; none when somebody else did.
    pub version: Option<String>,
    /// The deploy that brought it, when Otus did.
    pub deploy: Option<String>,
    /// The last deploy by Otus, whether or not its image still stands.
    pub last_deploy: Option<String>,
    /// Who asked for it, when Otus deployed it; else the field manager that set it.
    pub by: Option<String>,
    /// Since when this image is wanted.
    pub since: Option<Timestamp>,
    /// How many pods are wanted.
    pub replicas: i32,
    /// How many are ready, of whichever version.
    pub ready: i32,
    /// How many are of the wanted version.
    pub updated: i32,
    /// True when every wanted pod is there, of the wanted version and available, and the controller has seen
    /// the latest change.
    pub settled: bool,
    /// True when the rollout is paused.
    pub paused: bool,
    /// The field manager that paused it, while it is.
    pub paused_by: Option<String>,
    /// The image before the one that Otus deployed and that runs.
    pub previous: Option<String>,
    /// The rollout's number.
    pub revision: Option<String>,
    /// The identity of the object: another one of the same name is another object.
    pub uid: String,
    /// The number of the object's wanted state.
    pub generation: i64,
    /// The selector of its pods, as a query.
    pub selector: String,
    /// Who owns the image field, the latest first.
    pub owners: Vec<Owner>,
}

impl Running {
    /// True when it is paused, and it was this field manager that did it.
    #[must_use]
    pub fn is_paused_by(&self, manager: &str) -> bool {
        self.paused && self.paused_by.as_deref() == Some(manager)
    }
}

impl Workload {
    pub(crate) fn deployments(&self, cluster: &Cluster) -> Api<Deployment> {
        Api::namespaced(cluster.client.clone(), &self.namespace)
    }

    /// Reads what runs.
    ///
    /// # Errors
    /// When the cluster does not answer, the workload is missing, or its container cannot be told.
    pub async fn read(&self, cluster: &Cluster) -> Result<Running, Error> {
        let deployment = self.get(cluster).await?;
        self.running(&deployment)
    }

    pub(crate) async fn get(&self, cluster: &Cluster) -> Result<Deployment, Error> {
        let what = self.to_string();
        cluster
            .call(&what, self.deployments(cluster).get(&self.name))
            .await
    }

    /// What a Deployment's object says.
    pub(crate) fn running(&self, deployment: &Deployment) -> Result<Running, Error> {
        let containers = containers(deployment);
        let container = self.choose(containers)?;
        let image = container.image.clone().unwrap_or_default();
        let container = container.name.clone();
        let meta = &deployment.metadata;
        let note = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key)).cloned();
        let owners = image_owners(meta, &container);
        // The notes tell about the image they were written for: somebody may have changed it since.
        let ours = note(annotations::IMAGE).as_deref() == Some(image.as_str());
        let noted = |key: &str| if ours { note(key) } else { None };
        let spec = deployment.spec.as_ref();
        let status = deployment.status.clone().unwrap_or_default();
        let replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let updated = status.updated_replicas.unwrap_or(0);
        let generation = meta.generation.unwrap_or(0);
        let counts = crate::seen::Counts::of(deployment);
        let paused = spec.and_then(|spec| spec.paused).unwrap_or(false);
        Ok(Running {
            version: noted(annotations::VERSION),
            deploy: noted(annotations::DEPLOY),
            last_deploy: note(annotations::DEPLOY),
            by: noted(annotations::BY).or_else(|| owners.first().map(|owner| owner.manager.clone())),
            since: noted(annotations::AT)
                .and_then(|at| at.parse().ok())
                .or_else(|| owners.first().and_then(|owner| owner.at))
                .or_else(|| meta.creation_timestamp.as_ref().map(|time| time.0)),
            replicas,
            ready: status.ready_replicas.unwrap_or(0),
            updated,
            settled: counts.hold() && status.observed_generation.unwrap_or(0) >= generation,
            paused,
            paused_by: pause_owner(meta).filter(|_| paused).map(|owner| owner.manager),
            previous: noted(annotations::PREVIOUS),
            revision: note("deployment.kubernetes.io/revision"),
            uid: meta.uid.clone().unwrap_or_default(),
            generation,
            selector: selector(deployment),
            owners,
            container,
            image,
        })
    }

    fn choose<'a>(&self, containers: &'a [Container]) -> Result<&'a Container, Error> {
        let names = || {
            containers
                .iter()
                .map(|container| container.name.clone())
                .collect()
        };
        match (&self.container, containers) {
            (Some(asked), _) => containers
                .iter()
                .find(|container| container.name == *asked)
                .ok_or_else(|| Error::UnknownContainer {
                    what: self.to_string(),
                    asked: asked.clone(),
                    existing: names(),
                }),
            (None, [only]) => Ok(only),
            (None, _) => [&self.service, &self.name]
                .into_iter()
                .find_map(|like| containers.iter().find(|container| container.name == *like))
                .ok_or_else(|| Error::WhichContainer {
                    what: self.to_string(),
                    existing: names(),
                }),
        }
    }
}

/// The containers of a Deployment's template.
pub(crate) fn containers(deployment: &Deployment) -> &[Container] {
    deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
        .map(|spec| spec.containers.as_slice())
        .unwrap_or_default()
}

fn selector(deployment: &Deployment) -> String {
    let selector = deployment
        .spec
        .as_ref()
        .map(|spec| spec.selector.clone())
        .unwrap_or_default();
    // What the server accepted as a selector is one; the empty text would select every pod, which the judge
    // then sorts by owner.
    kube::core::Selector::try_from(selector)
        .map(|selector| selector.to_string())
        .unwrap_or_default()
}
