//! What other people do to the cluster, and what it remembers: for tests that need a second hand.

use serde_json::{Value, json};

use super::{
    cluster::{Cluster, Error},
    resources,
    rest::Target,
    status::ApiError,
    store::{Change, ChangeKind},
    value::{name, namespace},
    write::{Apply, Writer},
};

impl Cluster {
    fn target(kind: &str, ns: &str, name: &str) -> Result<Target, Error> {
        let res = resources::named(kind).ok_or_else(|| Error::Refused(format!("there is no kind {kind}")))?;
        let ns = if res.namespaced { ns } else { "" };
        Ok(Target {
            res,
            ns: ns.into(),
            name: name.into(),
            sub: String::new(),
        })
    }

    /// Somebody, by the name of `manager`, patches an object with a strategic merge patch.
    ///
    /// # Errors
    /// When the API refuses it.
    pub fn patch(
        &self,
        manager: &str,
        kind: &str,
        ns: &str,
        name: &str,
        patch: Value,
    ) -> Result<Value, Error> {
        let target = Self::target(kind, ns, name)?;
        let by = Writer {
            manager,
            subresource: "",
            dry_run: false,
        };
        // Of a custom resource nobody knows how its lists merge.
        let content = match super::resources::named(kind).is_some_and(|res| res.kind == "Rollout") {
            true => "application/merge-patch+json",
            false => "application/strategic-merge-patch+json",
        };
        self.shared()
            .state()
            .patch(&target, content, patch, &by, Apply::default())
            .map_err(refused)
    }

    /// Somebody does `kubectl set image`.
    ///
    /// # Errors
    /// When there is no such Deployment.
    pub fn set_image(
        &self,
        ns: &str,
        deployment: &str,
        container: &str,
        image: &str,
    ) -> Result<Value, Error> {
        let containers = json!([{ "name": container, "image": image }]);
        let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        self.patch("kubectl-set", "deployment", ns, deployment, patch)
    }

    /// Somebody deletes an object.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&self, kind: &str, ns: &str, name: &str) -> Result<(), Error> {
        let target = Self::target(kind, ns, name)?;
        self.shared()
            .state()
            .drop_object(&target, &json!({}))
            .map(drop)
            .map_err(refused)
    }

    /// Every version of an object that the cluster remembers, the oldest first.
    #[must_use]
    pub fn history(&self, kind: &str, ns: &str, object: &str) -> Vec<Value> {
        let Ok(target) = Self::target(kind, ns, object) else {
            return Vec::new();
        };
        let state = self.shared().state();
        let is = |change: &Change| {
            change.kind != ChangeKind::Deleted
                && name(&change.object) == object
                && namespace(&change.object) == target.ns
        };
        let changes = state.since(target.res.store, state.oldest()).unwrap_or_default();
        changes
            .iter()
            .filter(|change| is(change))
            .map(|change| Value::clone(&change.object))
            .collect()
    }
}

fn refused(error: ApiError) -> Error {
    Error::Refused(error.message)
}
