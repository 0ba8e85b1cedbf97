//! Deleting: grace, finalizers, and what goes with an owner.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    controllers::Task,
    resources::{self, RESOURCES, Res},
    status::{Answer, ApiError},
    store::State,
    timing::stamp,
    value::{int, items, name, namespace, put, text, uid},
};

/// The kinds whose objects can be owned.
const OWNED: [&str; 4] = ["replicasets", "jobs", "controllerrevisions", "pods"];

/// The kinds whose objects own others.
const OWNERS: [&str; 6] = [
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Rollout",
];

/// The finalizer that keeps an owner until what it owned is gone.
const FOREGROUND: &str = "foregroundDeletion";

/// What became of a deleted object.
pub(crate) enum Deleted {
    /// It is gone.
    Gone(Arc<Value>),
    /// It is going.
    Going(Arc<Value>),
}

impl State {
    /// Deletes an object, as `DeleteOptions` ask.
    pub(crate) fn delete(
        &mut self,
        res: Res,
        ns: &str,
        object_name: &str,
        options: &Value,
    ) -> Answer<Deleted> {
        let current = self
            .get(res, ns, object_name)
            .ok_or_else(|| ApiError::not_found(res, object_name))?;
        for (field, what) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            let wanted = text(options, &format!("/preconditions/{field}"));
            let found = text(&current, &format!("/metadata/{field}"));
            if !wanted.is_empty() && wanted != found {
                let why = format!(
                    "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
                );
                return Err(ApiError::cannot_fulfil(res, object_name, &why));
            }
        }
        if items(options, "/dryRun").iter().any(|d| d == "All") {
            return Ok(Deleted::Gone(current));
        }
        let policy = text(options, "/propagationPolicy");
        if policy == "Orphan" || options.get("orphanDependents") == Some(&json!(true)) {
            self.orphan(&current);
        }
        let grace = options.get("gracePeriodSeconds").and_then(Value::as_i64);
        if res.kind == "Pod" && grace != Some(0) && !text(&current, "/spec/nodeName").is_empty() {
            return Ok(Deleted::Going(self.terminate(&current, grace)));
        }
        if !items(&current, "/metadata/finalizers").is_empty() {
            if text(&current, "/metadata/deletionTimestamp").is_empty() {
                let mut leaving = Value::clone(&current);
                put(&mut leaving, &["metadata", "deletionTimestamp"], stamp());
                put(&mut leaving, &["metadata", "deletionGracePeriodSeconds"], 0);
                return Ok(Deleted::Going(self.commit(res, Some(current), leaving)));
            }
            return Ok(Deleted::Going(current));
        }
        if policy == "Foreground" && OWNERS.contains(&res.kind) {
            let going = self.leave_last(res, &current);
            return Ok(Deleted::Going(going));
        }
        Ok(Deleted::Gone(self.remove(res, &current)))
    }

    /// What it owns goes first, and then the object itself.
    fn leave_last(&mut self, res: Res, object: &Arc<Value>) -> Arc<Value> {
        let mut leaving = Value::clone(object);
        put(&mut leaving, &["metadata", "deletionTimestamp"], stamp());
        put(&mut leaving, &["metadata", "deletionGracePeriodSeconds"], 0);
        put(&mut leaving, &["metadata", "finalizers"], json!([FOREGROUND]));
        let leaving = self.commit(res, Some(Arc::clone(object)), leaving);
        self.follow_dependents(res.store, namespace(&leaving), name(&leaving));
        leaving
    }

    /// Deletes what an object that waits for it owns, and then the object.
    pub(crate) fn follow_dependents(&mut self, store: &'static str, ns: &str, object_name: &str) {
        let res = resources::known(store);
        let Some(object) = self.find(store, ns, object_name) else {
            return;
        };
        if !items(&object, "/metadata/finalizers")
            .iter()
            .any(|finalizer| finalizer == FOREGROUND)
        {
            return;
        }
        let left = self.dependents(uid(&object), ns);
        if left.is_empty() {
            self.remove(res, &object);
            return;
        }
        let foreground = json!({ "propagationPolicy": "Foreground" });
        for (res, dependent) in left {
            // One that is going already goes on going.
            drop(self.delete(res, ns, name(&dependent), &foreground));
        }
        let at = Instant::now() + self.timing.reaction;
        self.agenda
            .add(at, Task::Last(store, ns.into(), object_name.into()));
    }

    /// A running pod is told to stop, and is gone a while later.
    fn terminate(&mut self, pod: &Arc<Value>, grace: Option<i64>) -> Arc<Value> {
        if !text(pod, "/metadata/deletionTimestamp").is_empty() {
            return Arc::clone(pod);
        }
        let grace = grace.unwrap_or_else(|| int(pod, "/spec/terminationGracePeriodSeconds"));
        let mut leaving = Value::clone(pod);
        put(&mut leaving, &["metadata", "deletionTimestamp"], stamp());
        put(&mut leaving, &["metadata", "deletionGracePeriodSeconds"], grace);
        let leaving = self.commit(resources::known("pods"), Some(Arc::clone(pod)), leaving);
        self.record(&leaving, "Normal", "Killing", &stopping(&leaving), "kubelet");
        let at = Instant::now() + self.timing.terminate;
        self.agenda.add(
            at,
            Task::Remove(
                uid(&leaving).to_owned(),
                namespace(&leaving).into(),
                name(&leaving).into(),
            ),
        );
        leaving
    }

    /// Takes an object out, and lets what it owned follow.
    pub(crate) fn remove(&mut self, res: Res, object: &Arc<Value>) -> Arc<Value> {
        let gone = self.forget(res, object);
        if res.kind == "Namespace" {
            self.empty(name(&gone));
        }
        let at = Instant::now() + self.timing.reaction;
        self.agenda.add(
            at,
            Task::Collect(uid(&gone).to_owned(), namespace(&gone).to_owned()),
        );
        gone
    }

    fn empty(&mut self, ns: &str) {
        for res in RESOURCES.iter().filter(|res| res.namespaced && res.kept) {
            let all: Vec<_> = self.all(res.store, ns).cloned().collect();
            for object in all {
                self.forget(res, &object);
            }
        }
    }

    fn dependents(&self, owner: &str, ns: &str) -> Vec<(Res, Arc<Value>)> {
        let owned = |object: &&Arc<Value>| {
            items(object, "/metadata/ownerReferences")
                .iter()
                .any(|reference| text(reference, "/uid") == owner)
        };
        OWNED
            .into_iter()
            .map(resources::known)
            .flat_map(|res| {
                self.all(res.store, ns)
                    .filter(owned)
                    .cloned()
                    .map(move |object| (res, object))
            })
            .collect()
    }

    fn orphan(&mut self, owner: &Value) {
        let owner_uid = uid(owner).to_owned();
        for (res, object) in self.dependents(&owner_uid, namespace(owner)) {
            let mut free = Value::clone(&object);
            if let Some(owners) = free
                .pointer_mut("/metadata/ownerReferences")
                .and_then(Value::as_array_mut)
            {
                owners.retain(|reference| text(reference, "/uid") != owner_uid);
            }
            self.commit(res, Some(object), free);
        }
    }

    /// Deletes what a gone owner owned.
    pub(crate) fn collect(&mut self, owner: &str, ns: &str) {
        for (res, object) in self.dependents(owner, ns) {
            // It can have gone with another of its owners in the meantime.
            drop(self.delete(res, ns, name(&object), &Value::Null));
        }
    }
}

fn stopping(pod: &Value) -> String {
    format!("Stopping container {}", text(pod, "/spec/containers/0/name"))
}
