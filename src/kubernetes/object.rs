//! A workload's object, of whichever kind: what Otus reads of it, in one shape.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::annotations;
use crate::argo::{self, Degraded, Step};
use crate::client::Cluster;
use crate::counts::{Counts, Rule};
use crate::error::Error;
use crate::managed::{Owner, partition_owner, pause_owner};
use crate::workload::{Kind, Workload};

/// A workload as the cluster has it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Object {
    /// A Deployment.
    Deployment(Box<Deployment>),
    /// A StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// A DaemonSet.
    DaemonSet(Box<DaemonSet>),
    /// Argo's Rollout.
    Rollout(Box<argo::Rollout>),
}

impl From<Deployment> for Object {
    fn from(object: Deployment) -> Self {
        Object::Deployment(Box::new(object))
    }
}

impl From<StatefulSet> for Object {
    fn from(object: StatefulSet) -> Self {
        Object::StatefulSet(Box::new(object))
    }
}

impl From<DaemonSet> for Object {
    fn from(object: DaemonSet) -> Self {
        Object::DaemonSet(Box::new(object))
    }
}

impl From<argo::Rollout> for Object {
    fn from(object: argo::Rollout) -> Self {
        Object::Rollout(Box::new(object))
    }
}

/// Runs one expression for whichever kind of object it is; another one for Argo's, which is no kind of Kubernetes' own.
macro_rules! each {
    ($object:expr, $inner:ident => $result:expr, $rollout:ident => $other:expr) => {
        match $object {
            Object::Deployment($inner) => $result,
            Object::StatefulSet($inner) => $result,
            Object::DaemonSet($inner) => $result,
            Object::Rollout($rollout) => $other,
        }
    };
}

impl Object {
    /// Its metadata.
    #[must_use]
    pub fn meta(&self) -> &ObjectMeta {
        each!(self, object => &object.metadata, rollout => &rollout.metadata)
    }

    /// Its pod template.
    pub(crate) fn template(&self) -> Option<&PodTemplateSpec> {
        each!(
            self,
            object => object.spec.as_ref().map(|spec| &spec.template),
            rollout => rollout.spec.template.as_ref().map(|template| &template.read)
        )
    }

    /// The containers of its template.
    pub(crate) fn containers(&self) -> &[Container] {
        self.template()
            .and_then(|template| template.spec.as_ref())
            .map(|spec| spec.containers.as_slice())
            .unwrap_or_default()
    }

    /// The selector of its pods, as a query.
    pub(crate) fn selector(&self) -> String {
        let selector: LabelSelector = each!(
            self,
            object => object.spec.as_ref().map(|spec| spec.selector.clone()),
            rollout => rollout.spec.selector.clone()
        )
        .unwrap_or_default();
        // What the server accepted as a selector is one; the empty text would select every pod, which the judge
        // then sorts by owner.
        kube::core::Selector::try_from(selector)
            .map(|selector| selector.to_string())
            .unwrap_or_default()
    }

    /// The number of the wanted state.
    pub(crate) fn generation(&self) -> i64 {
        self.meta().generation.unwrap_or(0)
    }

    /// The number of the wanted state that its controller has seen.
    pub(crate) fn observed(&self) -> i64 {
        each!(
            self,
            object => object.status.as_ref().and_then(|status| status.observed_generation),
            rollout => Some(rollout.observed())
        )
        .unwrap_or(0)
    }

    pub(crate) fn note(&self, key: &str) -> Option<&String> {
        self.meta().annotations.as_ref()?.get(key)
    }

    /// The counts that kubectl compares.
    pub(crate) fn counts(&self) -> Counts {
        let count = |field: Option<i32>| field.unwrap_or(0).max(0);
        match self {
            Object::Deployment(object) => {
                let status = object.status.as_ref();
                Counts {
                    wanted: object
                        .spec
                        .as_ref()
                        .and_then(|spec| spec.replicas)
                        .unwrap_or(1)
                        .max(0),
                    existing: count(status.and_then(|status| status.replicas)),
                    updated: count(status.and_then(|status| status.updated_replicas)),
                    available: count(status.and_then(|status| status.available_replicas)),
                    rule: Rule::Deployment,
                }
            }
            Object::StatefulSet(object) => {
                let status = object.status.as_ref();
                let revision = |of: Option<&String>| of.cloned().unwrap_or_default();
                Counts {
                    wanted: object
                        .spec
                        .as_ref()
                        .and_then(|spec| spec.replicas)
                        .unwrap_or(1)
                        .max(0),
                    existing: status.map_or(0, |status| status.replicas.max(0)),
                    updated: count(status.and_then(|status| status.updated_replicas)),
                    available: count(status.and_then(|status| status.ready_replicas)),
                    rule: Rule::StatefulSet {
                        partition: self.partition(),
                        switched: revision(status.and_then(|status| status.update_revision.as_ref()))
                            == revision(status.and_then(|status| status.current_revision.as_ref())),
                    },
                }
            }
            Object::DaemonSet(object) => {
                let status = object.status.as_ref();
                Counts {
                    wanted: status.map_or(0, |status| status.desired_number_scheduled.max(0)),
                    existing: status.map_or(0, |status| status.current_number_scheduled.max(0)),
                    updated: count(status.and_then(|status| status.updated_number_scheduled)),
                    available: count(status.and_then(|status| status.number_available)),
                    rule: Rule::DaemonSet,
                }
            }
            Object::Rollout(object) => {
                let (steps, of) = object.steps();
                Counts {
                    wanted: object.spec.replicas.unwrap_or(1).max(0),
                    existing: count(object.status.replicas),
                    updated: count(object.status.updated_replicas),
                    available: count(object.status.available_replicas),
                    rule: Rule::Rollout {
                        healthy: object.is_healthy(),
                        steps,
                        of,
                    },
                }
            }
        }
    }

    /// How many pods are ready, of whichever version.
    pub(crate) fn ready(&self) -> i32 {
        match self {
            Object::Deployment(object) => object.status.as_ref().and_then(|status| status.ready_replicas),
            Object::StatefulSet(object) => object.status.as_ref().and_then(|status| status.ready_replicas),
            Object::DaemonSet(object) => object.status.as_ref().map(|status| status.number_ready),
            Object::Rollout(object) => object.status.ready_replicas,
        }
        .unwrap_or(0)
    }

    /// From which pod on a StatefulSet is updated; the API server always sets it, where pods are replaced one by one.
    pub(crate) fn partition(&self) -> Option<i32> {
        let Object::StatefulSet(object) = self else {
            return None;
        };
        let strategy = object.spec.as_ref()?.update_strategy.as_ref()?;
        strategy.rolling_update.as_ref()?.partition
    }

    /// True when pods take another image only when somebody deletes them.
    pub(crate) fn is_by_hand(&self) -> bool {
        let kind = match self {
            Object::Deployment(_) | Object::Rollout(_) => None,
            Object::StatefulSet(object) => object
                .spec
                .as_ref()
                .and_then(|spec| spec.update_strategy.as_ref()?.type_.as_deref()),
            Object::DaemonSet(object) => object
                .spec
                .as_ref()
                .and_then(|spec| spec.update_strategy.as_ref()?.type_.as_deref()),
        };
        kind == Some("OnDelete")
    }

    /// True when its rollout is held. A StatefulSet's is by Otus' own note about its partition: one that others set is how far
    /// they want the rollout to go.
    pub(crate) fn is_paused(&self) -> bool {
        match self {
            Object::Deployment(object) => object.spec.as_ref().and_then(|spec| spec.paused).unwrap_or(false),
            Object::StatefulSet(_) => self
                .partition_before()
                .is_some_and(|before| self.partition().unwrap_or(0) > before),
            Object::DaemonSet(_) => false,
            Object::Rollout(object) => object.spec.paused.unwrap_or(false),
        }
    }

    /// Who holds it.
    pub(crate) fn pauser(&self) -> Option<Owner> {
        match self {
            Object::Deployment(object) => pause_owner(&object.metadata),
            Object::StatefulSet(object) => partition_owner(&object.metadata),
            Object::DaemonSet(_) => None,
            Object::Rollout(object) => pause_owner(&object.metadata),
        }
        .filter(|_| self.is_paused())
    }

    /// The step of its own at which it waits for somebody.
    pub(crate) fn waits(&self) -> Option<Step> {
        match self {
            Object::Rollout(object) => object.waits(),
            _ => None,
        }
    }

    /// Whether it was told to go back to what served before.
    pub(crate) fn is_aborted(&self) -> bool {
        matches!(self, Object::Rollout(object) if object.is_aborted())
    }

    /// What its own controller says is wrong with it as a whole.
    pub(crate) fn degraded(&self) -> Option<Degraded> {
        match self {
            Object::Rollout(object) => object.degraded(),
            _ => None,
        }
    }

    /// The partition that a pause by Otus replaced.
    fn partition_before(&self) -> Option<i32> {
        self.note(annotations::PARTITION)?.parse().ok()
    }

    /// Since when it exists.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.meta().creation_timestamp.as_ref().map(|time| time.0)
    }

    /// What holds its rollout, or lets it go on: the part of its spec, and a note. None where there is nothing to hold.
    pub(crate) fn hold(&self, what: &str, hold: bool) -> Result<Option<(Value, Value)>, Error> {
        match self {
            Object::Deployment(_) | Object::Rollout(_) => {
                let paused = if hold { json!(true) } else { Value::Null };
                Ok(Some((json!({ "paused": paused }), json!({}))))
            }
            Object::StatefulSet(_) => {
                let counts = self.counts();
                let now = self.partition().unwrap_or(0);
                // Before the controller has looked, the count is that of the version before.
                let updated = match self.observed() < self.generation() {
                    true => 0,
                    false => counts.updated,
                };
                let (to, note) = match hold {
                    // Those that are updated stay so, and no other is: they go from the last to the first.
                    true => (now.max(counts.wanted - updated), json!(now.to_string())),
                    false => (self.partition_before().unwrap_or(0), Value::Null),
                };
                if hold && to <= now {
                    return Ok(None);
                }
                let strategy = json!({ "updateStrategy": { "rollingUpdate": { "partition": to } } });
                Ok(Some((strategy, json!({ annotations::PARTITION: note }))))
            }
            Object::DaemonSet(_) => Err(Error::CannotPause {
                what: what.to_owned(),
            }),
        }
    }

    /// What an apply has to say, too, of what Otus held before: the spec's part, and a note.
    pub(crate) fn unheld(&self) -> (Value, Value) {
        match self {
            Object::Deployment(_) | Object::Rollout(_) if self.is_paused() => {
                (json!({ "paused": false }), json!({}))
            }
            // Once it is Otus' own by an apply, each has to repeat it, or the server forgets it.
            Object::StatefulSet(_) if self.note(annotations::PARTITION).is_some() => {
                let to = self.partition_before().or(self.partition()).unwrap_or(0);
                let strategy = json!({ "updateStrategy": { "rollingUpdate": { "partition": to } } });
                (strategy, json!({ annotations::PARTITION: "" }))
            }
            _ => (json!({}), json!({})),
        }
    }
}

impl Kind {
    /// As manifests write it, for example `StatefulSet`.
    #[must_use]
    pub fn manifest(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
            Kind::Rollout => "Rollout",
        }
    }

    /// The API group and version, as manifests write them.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Kind::Rollout => "argoproj.io/v1alpha1",
            _ => "apps/v1",
        }
    }
}

impl Workload {
    fn api<K>(&self, cluster: &Cluster) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(cluster.client.clone(), &self.namespace)
    }

    /// Reads the object; none when it does not exist.
    pub(crate) async fn get_opt(&self, cluster: &Cluster) -> Result<Option<Object>, Error> {
        let (what, name) = (self.to_string(), self.name.as_str());
        Ok(match self.kind {
            Kind::Deployment => cluster
                .call(&what, self.api::<Deployment>(cluster).get_opt(name))
                .await?
                .map(Object::from),
            Kind::StatefulSet => cluster
                .call(&what, self.api::<StatefulSet>(cluster).get_opt(name))
                .await?
                .map(Object::from),
            Kind::DaemonSet => cluster
                .call(&what, self.api::<DaemonSet>(cluster).get_opt(name))
                .await?
                .map(Object::from),
            Kind::Rollout => cluster
                .call(&what, self.api::<argo::Rollout>(cluster).get_opt(name))
                .await?
                .map(Object::from),
        })
    }

    /// Reads the object.
    pub(crate) async fn get(&self, cluster: &Cluster) -> Result<Object, Error> {
        self.get_opt(cluster).await?.ok_or_else(|| Error::NotFound {
            what: self.to_string(),
        })
    }

    /// Changes the object. The library's error is kept, for callers that look inside a refusal.
    pub(crate) async fn patch(
        &self,
        cluster: &Cluster,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Result<Object, kube::Error>, Error> {
        let name = self.name.as_str();
        Ok(match self.kind {
            Kind::Deployment => cluster
                .call_raw(self.api::<Deployment>(cluster).patch(name, params, patch))
                .await?
                .map(Object::from),
            Kind::StatefulSet => cluster
                .call_raw(self.api::<StatefulSet>(cluster).patch(name, params, patch))
                .await?
                .map(Object::from),
            Kind::DaemonSet => cluster
                .call_raw(self.api::<DaemonSet>(cluster).patch(name, params, patch))
                .await?
                .map(Object::from),
            Kind::Rollout => cluster
                .call_raw(self.api::<argo::Rollout>(cluster).patch(name, params, patch))
                .await?
                .map(Object::from),
        })
    }

    /// Changes the status of Argo's Rollout, by which it is steered. The library's error is kept.
    pub(crate) async fn patch_status(
        &self,
        cluster: &Cluster,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Result<Object, kube::Error>, Error> {
        let api = self.api::<argo::Rollout>(cluster);
        Ok(cluster
            .call_raw(api.patch_status(&self.name, params, patch))
            .await?
            .map(Object::from))
    }
}
