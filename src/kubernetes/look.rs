//! Looking at a workload without changing it: its pods, what they wrote, what happened to it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::ListParams;

use crate::client::Cluster;
use crate::error::Error;
use crate::events::{Note, note};
use crate::judge::World;
use crate::logs;
use crate::object::Object;
use crate::seen::{fresh, is_ready, owned_by, restart_counts};
use crate::sources::versions;
use crate::workload::{Kind, Workload};

/// How many events a page holds, and how many pages are read at most: a namespace may have thousands.
const PAGE: u32 = 500;
const MOST_PAGES: usize = 8;

/// A pod of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// Since when it exists.
    pub created: Option<Timestamp>,
    /// Whether it serves.
    pub ready: bool,
    /// How often its containers were started again.
    pub restarts: i32,
    /// Whether it is of the version wanted now.
    pub wanted: bool,
}

/// A workload's pods: those of the version wanted now first, and of these the youngest.
///
/// # Errors
/// When the cluster does not answer, does not allow it, or the workload is missing.
pub async fn pods(cluster: &Cluster, workload: &Workload) -> Result<Vec<PodSeen>, Error> {
    let what = workload.to_string();
    let object = workload.get(cluster).await?;
    let selector = object.selector();
    let selected = ListParams::default().labels(&selector);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &workload.namespace);
    let (versions, pods) = tokio::join!(
        versions(cluster, workload, &selector),
        cluster.call(&what, pods.list(&selected)),
    );
    let ((replica_sets, revisions), pods) = (versions?, pods?.items);
    let owners = owners(&object, &replica_sets);
    let world = World {
        workload: None,
        replica_sets,
        revisions,
        pods,
        events: Vec::new(),
    };
    let wanted: BTreeSet<_> = fresh(&object, &world)
        .into_iter()
        .filter_map(|pod| pod.metadata.name.clone())
        .collect();
    let mut found: Vec<PodSeen> = world
        .pods
        .iter()
        .filter(|pod| {
            let references = pod.metadata.owner_references.as_deref();
            owners.iter().any(|owner| owned_by(references, owner))
        })
        .map(|pod| {
            let name = pod.metadata.name.clone().unwrap_or_default();
            PodSeen {
                wanted: wanted.contains(&name),
                created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
                ready: is_ready(pod),
                restarts: restart_counts(pod).map(|(_, count)| count).sum(),
                name,
            }
        })
        .collect();
    found.sort_by(|one, other| {
        (other.wanted, other.created, &one.name).cmp(&(one.wanted, one.created, &other.name))
    });
    Ok(found)
}

/// The identities that own a workload's pods: its replica sets', or its own.
fn owners(object: &Object, sets: &[ReplicaSet]) -> Vec<String> {
    let uid = object.meta().uid.clone().unwrap_or_default();
    match object {
        Object::Deployment(_) | Object::Rollout(_) => sets
            .iter()
            .filter(|set| owned_by(set.metadata.owner_references.as_deref(), &uid))
            .filter_map(|set| set.metadata.uid.clone())
            .collect(),
        _ => vec![uid],
    }
}

/// The last lines a container wrote, without what looks like a secret: of the run that is, or of the one before it. Nothing
/// when there was no such run.
///
/// # Errors
/// When the cluster does not answer, does not allow it, or the pod is missing.
pub async fn tail(
    cluster: &Cluster,
    workload: &Workload,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<Option<Vec<String>>, Error> {
    match logs::read(cluster, &workload.namespace, pod, container, previous).await {
        Ok(lines) => Ok(Some(lines)),
        // Not started yet, or never ended: the kubelet says 400 to both.
        Err(Error::Refused { code: 400, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What happened to a workload, a Deployment's replica sets, and its pods, the newest last; the same thing once, with its count.
///
/// # Errors
/// As [`pods`].
pub async fn happened(cluster: &Cluster, workload: &Workload) -> Result<Vec<Note>, Error> {
    let object = workload.get(cluster).await?;
    let (sets, _) = versions(cluster, workload, &object.selector()).await?;
    let uid = object.meta().uid.clone().unwrap_or_default();
    let sets: BTreeSet<String> = sets
        .into_iter()
        .filter(|set| owned_by(set.metadata.owner_references.as_deref(), &uid))
        .filter_map(|set| set.metadata.name)
        .collect();
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), &workload.namespace);
    let mut notes: Vec<Note> = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    for _ in 0..MOST_PAGES {
        let list = cluster.call("events", events.list(&page)).await?;
        for event in list.items.iter().filter(|event| is_about(event, workload, &sets)) {
            let note = note(event);
            let known = notes.iter_mut().find(|known| {
                (&known.object, &known.reason, &known.message) == (&note.object, &note.reason, &note.message)
            });
            match known {
                Some(known) => {
                    known.count = known.count.saturating_add(note.count);
                    known.at = known.at.max(note.at);
                }
                None => notes.push(note),
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => break,
        }
    }
    notes.sort_by(|one, other| (one.at, &one.object).cmp(&(other.at, &other.object)));
    Ok(notes)
}

/// By name, so that what became of pods that are gone is told, too.
fn is_about(event: &Event, workload: &Workload, sets: &BTreeSet<String>) -> bool {
    let object = &event.involved_object;
    let name = object.name.as_deref().unwrap_or_default();
    match object.kind.as_deref() {
        Some(kind) if kind == workload.kind.manifest() => name == workload.name,
        Some("ReplicaSet") => sets.contains(name),
        Some("Pod") => name
            .rsplit_once('-')
            .is_some_and(|(owner, last)| match workload.kind {
                Kind::Deployment | Kind::Rollout => sets.contains(owner),
                Kind::StatefulSet => owner == workload.name && last.chars().all(|c| c.is_ascii_digit()),
                Kind::DaemonSet => owner == workload.name,
            }),
        _ => false,
    }
}
