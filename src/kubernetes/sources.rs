//! Where what the judge sees comes from, for each kind of workload: its object, what tells its versions apart, its pods.

use std::fmt::Debug;

use futures_util::stream::{BoxStream, SelectAll};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;

use crate::argo;
use crate::client::Cluster;
use crate::contact::lists;
use crate::error::Error;
use crate::object::Object;
use crate::workload::{Kind, Workload};

/// What a watch brought.
pub(crate) enum News {
    Workload(Option<Object>),
    ReplicaSets(Vec<ReplicaSet>),
    Revisions(Vec<ControllerRevision>),
    Pods(Vec<Pod>),
    Trouble(Source, watcher::Error),
}

/// What a watch is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Workload,
    Versions,
    Pods,
}

/// The watches on a workload, on what tells its versions apart, and on its pods.
pub(crate) fn watches(
    cluster: &Cluster,
    workload: &Workload,
    selector: &str,
) -> SelectAll<BoxStream<'static, News>> {
    let selected = || watcher::Config::default().labels(selector);
    let named = watcher::Config::default().fields(&format!("metadata.name={}", workload.name));
    let trouble = |what: Source| move |error| News::Trouble(what, error);
    let mut watches = SelectAll::new();
    watches.push(match workload.kind {
        Kind::Deployment => one::<Deployment>(cluster, workload, named),
        Kind::StatefulSet => one::<StatefulSet>(cluster, workload, named),
        Kind::DaemonSet => one::<DaemonSet>(cluster, workload, named),
        Kind::Rollout => one::<argo::Rollout>(cluster, workload, named),
    });
    let versions = trouble(Source::Versions);
    match workload.kind {
        Kind::Deployment | Kind::Rollout => {
            watches.push(lists(
                watching(cluster, workload),
                selected(),
                versions,
                News::ReplicaSets,
            ));
        }
        Kind::DaemonSet => {
            watches.push(lists(
                watching(cluster, workload),
                selected(),
                versions,
                News::Revisions,
            ));
        }
        Kind::StatefulSet => {}
    }
    watches.push(lists(
        watching(cluster, workload),
        selected(),
        trouble(Source::Pods),
        News::Pods,
    ));
    watches
}

fn watching<K>(cluster: &Cluster, workload: &Workload) -> Api<K>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(cluster.watching.clone(), &workload.namespace)
}

/// The watch on one object.
fn one<K>(cluster: &Cluster, workload: &Workload, named: watcher::Config) -> BoxStream<'static, News>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Into<Object>
        + 'static,
{
    lists(
        watching::<K>(cluster, workload),
        named,
        |error| News::Trouble(Source::Workload, error),
        |mut all: Vec<K>| News::Workload(all.pop().map(Into::into)),
    )
}

/// A Deployment's and a Rollout's replica sets, a DaemonSet's revisions.
pub(crate) async fn versions(
    cluster: &Cluster,
    workload: &Workload,
    selector: &str,
) -> Result<(Vec<ReplicaSet>, Vec<ControllerRevision>), Error> {
    let (what, selected) = (workload.to_string(), ListParams::default().labels(selector));
    let namespace = &workload.namespace;
    match workload.kind {
        Kind::Deployment | Kind::Rollout => {
            let sets: Api<ReplicaSet> = Api::namespaced(cluster.client.clone(), namespace);
            Ok((cluster.call(&what, sets.list(&selected)).await?.items, Vec::new()))
        }
        Kind::DaemonSet => {
            let all: Api<ControllerRevision> = Api::namespaced(cluster.client.clone(), namespace);
            Ok((Vec::new(), cluster.call(&what, all.list(&selected)).await?.items))
        }
        Kind::StatefulSet => Ok((Vec::new(), Vec::new())),
    }
}
