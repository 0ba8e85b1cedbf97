//! What keeps the cluster moving: controllers, the scheduler and the kubelets, each a while after what it answers to.

mod conditions;
mod daemonset;
mod deployment;
mod history;
mod job;
mod pods;
mod progress;
mod replicas;
mod replicaset;
mod revisions;
mod rollout;
mod run;
mod scaling;
mod statefulset;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use serde_json::Value;
use tokio::time::Instant;

pub(crate) use job::claim;
pub(crate) use run::{Condition, Container, Phase, Run};

use super::{
    resources::Res,
    store::{Change, ChangeKind, State},
    value::{controller, int, items, name, namespace, text, truth, uid},
};

/// Something to do at its time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Task {
    /// A workload's controller looks at it: kind, namespace, name.
    Sync(&'static str, String, String),
    /// A pod takes its next step, by uid.
    Pod(String),
    /// A deleted pod has stopped: uid, namespace, name.
    Remove(String, String, String),
    /// What a gone owner owned goes too: uid, namespace.
    Collect(String, String),
    /// An owner that goes last looks whether the time has come: kind, namespace, name.
    Last(&'static str, String, String),
}

/// What is to be done, and when.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    queue: BinaryHeap<Reverse<(Instant, u64, Task)>>,
    planned: HashMap<Task, Instant>,
    count: u64,
}

impl Agenda {
    /// Plans a task; one already planned for an earlier time stays.
    pub(crate) fn add(&mut self, at: Instant, task: Task) {
        if self.planned.get(&task).is_some_and(|planned| *planned <= at) {
            return;
        }
        self.count += 1;
        self.planned.insert(task.clone(), at);
        self.queue.push(Reverse((at, self.count, task)));
    }

    /// The next time something is to be done.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    fn due(&mut self, now: Instant) -> Option<Task> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, _, task)) = self.queue.pop()?;
            // A task that was moved to an earlier time is done already.
            if self.planned.get(&task) == Some(&at) {
                self.planned.remove(&task);
                return Some(task);
            }
        }
        None
    }
}

/// The workloads whose controllers look at them.
const SYNCED: [&str; 6] = [
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "rollouts",
];

/// Plans what answers to a change.
pub(crate) fn observe(state: &mut State, res: Res, change: &Change) {
    let now = Instant::now();
    let reaction = state.timing.reaction;
    let object = &change.object;
    let generation = |v: &Value| int(v, "/metadata/generation");
    let respecified = change
        .before
        .as_ref()
        .is_none_or(|before| generation(before) != generation(object));
    if res.store == "pods" {
        match change.kind {
            ChangeKind::Added => state.start(object),
            ChangeKind::Deleted => drop(state.runs.remove(uid(object))),
            ChangeKind::Modified => {}
        }
    }
    if change.kind == ChangeKind::Modified && respecified {
        state
            .settling
            .remove(&(namespace(object).to_owned(), name(object).to_owned()));
    }
    if SYNCED.contains(&res.store) && change.kind != ChangeKind::Deleted {
        let own = Task::Sync(res.store, namespace(object).into(), name(object).into());
        let delay = match (res.store, change.kind, respecified) {
            ("deployments", ChangeKind::Modified, true) => state.timing.stale,
            ("deployments", ..) => reaction * 2,
            (_, ChangeKind::Modified, true) if res.store != "replicasets" => state.timing.stale,
            _ => reaction,
        };
        state.agenda.add(now + delay, own);
    }
    if let Some(owner) = controller(object) {
        let reference = items(object, "/metadata/ownerReferences")
            .iter()
            .find(|r| text(r, "/uid") == owner);
        let store = match reference.map(|r| text(r, "/kind")) {
            Some("Deployment") => "deployments",
            Some("ReplicaSet") => "replicasets",
            Some("StatefulSet") => "statefulsets",
            Some("DaemonSet") => "daemonsets",
            Some("Job") => "jobs",
            Some("Rollout") => "rollouts",
            _ => return,
        };
        let delay = if store == "deployments" {
            reaction * 2
        } else {
            reaction
        };
        let owner = reference.map(|r| text(r, "/name").to_owned()).unwrap_or_default();
        state
            .agenda
            .add(now + delay, Task::Sync(store, namespace(object).into(), owner));
    }
}

/// Does everything that is due, and says when to come again.
pub(crate) fn advance(state: &mut State, now: Instant) -> Option<Instant> {
    while let Some(task) = state.agenda.due(now) {
        match task {
            // What is being deleted is not kept up any more.
            Task::Sync(store, ns, name) if state.is_leaving(store, &ns, &name) => {}
            Task::Sync("deployments", ns, name) => state.sync_deployment(&ns, &name),
            Task::Sync("replicasets", ns, name) => state.sync_replica_set(&ns, &name),
            Task::Sync("statefulsets", ns, name) => state.sync_stateful_set(&ns, &name),
            Task::Sync("daemonsets", ns, name) => state.sync_daemon_set(&ns, &name),
            Task::Sync("jobs", ns, name) => state.sync_job(&ns, &name),
            Task::Sync("rollouts", ns, name) => state.sync_rollout(&ns, &name),
            Task::Sync(..) => {}
            Task::Pod(uid) => state.step(&uid),
            Task::Remove(gone, ns, name) => {
                if let Some(pod) = state.find("pods", &ns, &name).filter(|pod| uid(pod) == gone) {
                    state.remove(super::resources::known("pods"), &pod);
                }
            }
            Task::Collect(owner, ns) => state.collect(&owner, &ns),
            Task::Last(store, ns, name) => state.follow_dependents(store, &ns, &name),
        }
    }
    state.agenda.next()
}

impl State {
    fn is_leaving(&self, store: &'static str, ns: &str, object: &str) -> bool {
        self.find(store, ns, object)
            .is_some_and(|object| !text(&object, "/metadata/deletionTimestamp").is_empty())
    }

    /// A controller whose pod was refused looks again after a while, as its queue backs off.
    fn later(&mut self, store: &'static str, owner: &Value) {
        let at = Instant::now() + self.timing.seconds(2.0);
        self.agenda
            .add(at, Task::Sync(store, namespace(owner).into(), name(owner).into()));
    }
}

/// Whether a pod still counts: it is neither going nor done.
pub(crate) fn is_active(pod: &Value) -> bool {
    text(pod, "/metadata/deletionTimestamp").is_empty()
        && !matches!(text(pod, "/status/phase"), "Failed" | "Succeeded")
}

/// Whether a pod's condition Ready is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    conditions::find(pod, "Ready").is_some_and(|ready| text(ready, "/status") == "True")
}

/// Whether a workload is paused.
fn is_paused(deployment: &Value) -> bool {
    truth(deployment, "/spec/paused")
}
