//! A Deployment's ReplicaSets, as its controller counts them.

use std::sync::Arc;

use serde_json::Value;

use crate::kubernetes::{
    store::State,
    value::{annotation, controller, int, name, namespace, share, take, uid},
};

/// The annotation that carries a revision.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The label that ties pods to their ReplicaSet.
pub(super) const HASH: &str = "pod-template-hash";

/// The ReplicaSets of a Deployment: the one with its template, and those before.
#[derive(Clone, Debug, Default)]
pub(super) struct Sets {
    pub(super) new: Option<Arc<Value>>,
    /// The oldest first.
    pub(super) old: Vec<Arc<Value>>,
}

impl Sets {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.old.iter().chain(&self.new)
    }

    /// The sum of a number over all.
    pub(super) fn sum(&self, pointer: &str) -> i64 {
        self.all().map(|set| int(set, pointer)).sum()
    }

    pub(super) fn new_number(&self, pointer: &str) -> i64 {
        self.new.as_ref().map(|set| int(set, pointer)).unwrap_or_default()
    }
}

/// The revision of a ReplicaSet or a Deployment.
pub(super) fn revision(object: &Value) -> i64 {
    revision_at(object, REVISION)
}

/// The revision that an annotation of this name carries.
pub(super) fn revision_at(object: &Value, key: &str) -> i64 {
    annotation(object, key)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// Whether a ReplicaSet has the Deployment's template.
fn same_template(set: &Value, deployment: &Value) -> bool {
    let mut template = set.pointer("/spec/template").cloned().unwrap_or_default();
    take(&mut template, &["metadata", "labels", HASH]);
    Some(&template) == deployment.pointer("/spec/template")
}

impl State {
    pub(super) fn sets_of(&self, deployment: &Value) -> Sets {
        let mut all: Vec<_> = self
            .all("replicasets", namespace(deployment))
            .filter(|set| controller(set) == Some(uid(deployment)))
            .cloned()
            .collect();
        // Stamps have whole seconds only; revisions tell what came first within one.
        all.sort_by_key(|set| (revision(set), name(set).to_owned()));
        let at = all.iter().position(|set| same_template(set, deployment));
        let new = at.map(|at| all.remove(at));
        Sets { new, old: all }
    }
}

/// How many pods a rollout may have above, and miss below, what is wished.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    pub(super) surge: i64,
    pub(super) unavailable: i64,
}

impl Fence {
    pub(super) fn of(deployment: &Value) -> Self {
        let wished = int(deployment, "/spec/replicas");
        let rolling = deployment.pointer("/spec/strategy/rollingUpdate");
        if !is_rolling(deployment) || wished == 0 {
            return Self {
                surge: 0,
                unavailable: 0,
            };
        }
        let surge = share(rolling.and_then(|r| r.get("maxSurge")), wished, true);
        let mut unavailable = share(rolling.and_then(|r| r.get("maxUnavailable")), wished, false);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self {
            surge,
            unavailable: unavailable.min(wished),
        }
    }
}

pub(super) fn is_rolling(deployment: &Value) -> bool {
    crate::kubernetes::value::text(deployment, "/spec/strategy/type") != "Recreate"
}
