//! Revisions of StatefulSets and DaemonSets: a ControllerRevision for each template they ever had.

use serde_json::{Value, json};

use super::deployment::hash;
use crate::kubernetes::{
    resources,
    store::State,
    value::{annotation, canonical, controller, int, name, namespace, owned_by, put, text, uid},
    write::CONTROLLER,
};

/// The label that ties a pod to its revision.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

impl State {
    /// The name of the revision of the owner's current template; it is made if it is not there.
    pub(super) fn revision_of(&mut self, owner: &Value) -> String {
        let template = owner.pointer("/spec/template").cloned().unwrap_or_default();
        let hash = hash(&canonical(&template));
        let revision_name = format!("{}-{hash}", name(owner));
        let ns = namespace(owner);
        let all: Vec<_> = self
            .all("controllerrevisions", ns)
            .filter(|revision| controller(revision) == Some(uid(owner)))
            .cloned()
            .collect();
        let newest = all
            .iter()
            .map(|revision| int(revision, "/revision"))
            .max()
            .unwrap_or_default();
        match all.iter().find(|revision| name(revision) == revision_name) {
            Some(known) if int(known, "/revision") == newest => {}
            Some(_) => {
                // A template that comes back is the newest again.
                self.modify(
                    "controllerrevisions",
                    (ns, &revision_name),
                    &CONTROLLER,
                    |revision| {
                        put(revision, &["revision"], newest + 1);
                    },
                );
            }
            None => {
                let mut data = template;
                put(&mut data, &["$patch"], "replace");
                let mut labels = owner
                    .pointer("/spec/template/metadata/labels")
                    .cloned()
                    .unwrap_or_else(|| json!({}));
                // As each controller does it: one signs its revisions with the whole label of its pods, one does not.
                let label = if text(owner, "/kind") == "DaemonSet" {
                    REVISION_LABEL
                } else {
                    "controller.kubernetes.io/hash"
                };
                labels[label] = hash.into();
                let mut revision = json!({
                    "metadata": {
                        "name": revision_name,
                        "namespace": ns,
                        "labels": labels,
                        "ownerReferences": [owned_by(owner)],
                    },
                    "revision": newest + 1,
                    "data": { "spec": { "template": data } },
                });
                if let Some(cause) = annotation(owner, "kubernetes.io/change-cause") {
                    put(
                        &mut revision,
                        &["metadata", "annotations", "kubernetes.io/change-cause"],
                        cause,
                    );
                }
                if let Err(error) =
                    self.create(resources::known("controllerrevisions"), revision, &CONTROLLER)
                {
                    tracing::warn!(error = %error.message, "a revision was refused");
                }
            }
        }
        revision_name
    }

    /// The template of a revision; the owner's own where the revision is gone.
    pub(super) fn template_of(&self, owner: &Value, revision: &str) -> Value {
        let kept = self.find("controllerrevisions", namespace(owner), revision);
        let mut template = kept
            .and_then(|revision| revision.pointer("/data/spec/template").cloned())
            .or_else(|| owner.pointer("/spec/template").cloned())
            .unwrap_or_default();
        crate::kubernetes::value::take(&mut template, &["$patch"]);
        template
    }
}
