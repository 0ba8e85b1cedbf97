//! What runs: a workload's address, and reading it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Container;
use serde::{Deserialize, Serialize};

use crate::annotations;
use crate::argo::{self, Step};
use crate::client::Cluster;
use crate::error::Error;
use crate::managed::{Owner, image_owners};
use crate::object::Object;

/// The kinds of workload Otus deploys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A Deployment.
    #[default]
    Deployment,
    /// A StatefulSet: numbered pods, updated one by one from the last.
    StatefulSet,
    /// A DaemonSet: a pod on every node.
    DaemonSet,
    /// A Rollout of Argo Rollouts: replaced in steps of its own.
    Rollout,
}

/// A kind that Otus does not deploy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no kind of workload; there are deployment, statefulset, daemonset and rollout, as in `statefulset/db`"
)]
pub struct UnknownKind(pub String);

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 4] = [
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::DaemonSet,
        Kind::Rollout,
    ];

    /// Kind and name of what is written `name`, for a Deployment, or `kind/name`, as kubectl does.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn split(text: &str) -> Result<(Kind, &str), UnknownKind> {
        match text.split_once('/') {
            None => Ok((Kind::Deployment, text)),
            Some((kind, name)) => Ok((kind.parse()?, name)),
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text.to_ascii_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => Ok(Kind::Deployment),
            "statefulset" | "statefulsets" | "sts" => Ok(Kind::StatefulSet),
            "daemonset" | "daemonsets" | "ds" => Ok(Kind::DaemonSet),
            "rollout" | "rollouts" | "ro" => Ok(Kind::Rollout),
            _ => Err(UnknownKind(text.to_owned())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "statefulset",
            Kind::DaemonSet => "daemonset",
            Kind::Rollout => "rollout",
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
    /// The step of its own at which a Rollout waits for somebody, which counts as paused.
    pub waits: Option<Step>,
    /// True when a Rollout was told to go back: what it runs is what served before, not what it wants.
    pub aborted: bool,
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
    /// Reads what runs.
    ///
    /// # Errors
    /// When the cluster does not answer, the workload is missing, or its container cannot be told.
    pub async fn read(&self, cluster: &Cluster) -> Result<Running, Error> {
        let object = self.get(cluster).await?;
        self.running(&object)
    }

    /// What a workload's object says.
    pub(crate) fn running(&self, object: &Object) -> Result<Running, Error> {
        let container = self.choose(object.containers())?;
        let image = container.image.clone().unwrap_or_default();
        let container = container.name.clone();
        let meta = object.meta();
        let note = |key: &str| object.note(key).cloned();
        let owners = image_owners(meta, &container);
        // The notes tell about the image they were written for: somebody may have changed it since.
        let ours = note(annotations::IMAGE).as_deref() == Some(image.as_str());
        let noted = |key: &str| if ours { note(key) } else { None };
        let counts = object.counts();
        Ok(Running {
            version: noted(annotations::VERSION),
            deploy: noted(annotations::DEPLOY),
            last_deploy: note(annotations::DEPLOY),
            by: noted(annotations::BY).or_else(|| owners.first().map(|owner| owner.manager.clone())),
            since: noted(annotations::AT)
                .and_then(|at| at.parse().ok())
                .or_else(|| owners.first().and_then(|owner| owner.at))
                .or_else(|| object.created()),
            replicas: counts.wanted,
            ready: object.ready(),
            updated: counts.updated,
            settled: counts.hold() && object.observed() >= object.generation(),
            paused: object.is_paused() || object.waits().is_some(),
            waits: object.waits(),
            aborted: object.is_aborted(),
            paused_by: object.pauser().map(|owner| owner.manager),
            previous: noted(annotations::PREVIOUS),
            revision: match object {
                Object::StatefulSet(set) => set
                    .status
                    .as_ref()
                    .and_then(|status| status.update_revision.clone()),
                Object::Rollout(_) => note(argo::REVISION),
                _ => note("deployment.kubernetes.io/revision"),
            },
            uid: meta.uid.clone().unwrap_or_default(),
            generation: object.generation(),
            selector: object.selector(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_as_kubectl_writes_them() {
        assert_eq!(Kind::split("web"), Ok((Kind::Deployment, "web")));
        assert_eq!(Kind::split("statefulset/db"), Ok((Kind::StatefulSet, "db")));
        assert_eq!(Kind::split("ds/agent"), Ok((Kind::DaemonSet, "agent")));
        assert_eq!(Kind::split("rollout/api"), Ok((Kind::Rollout, "api")));
        assert_eq!(
            Kind::split("cronjob/x").unwrap_err().to_string(),
            "`cronjob` is no kind of workload; there are deployment, statefulset, daemonset and rollout, as in `statefulset/db`"
        );
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            let stored = serde_json::to_string(&kind).unwrap();
            assert_eq!(stored, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<Kind>(&stored).unwrap(), kind);
        }
    }
}
