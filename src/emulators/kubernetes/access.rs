//! Who may do what, and the reviews that ask it.
//!
//! Everything is allowed but what a test denies; a service account with a token of its own, and whoever is impersonated, may do
//! what [RBAC](super::rbac) allows them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    rbac::{self, Who},
    status::{Answer, ApiError},
    store::State,
    value::text,
};

/// Something the cluster's access rules deny. Empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denial {
    /// The verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The resource's plural, with its subresource where it is about one: `pods`, `pods/log`.
    pub resource: String,
    /// The namespace.
    pub namespace: String,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With the subresource.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The user a request is made as that says nothing else.
pub(crate) const USER: &str = "otus";

impl Denial {
    pub(crate) fn covers(&self, request: &Request) -> bool {
        let is = |rule: &str, value: &str| rule.is_empty() || rule == value;
        is(&self.verb, &request.verb)
            && is(&self.resource, &request.resource)
            && is(&self.namespace, &request.namespace)
    }
}

/// Refuses what is denied, in the words of RBAC.
pub(crate) fn authorize(state: &State, who: &Who, request: &Request) -> Answer<()> {
    let denied = state.denials.iter().any(|denial| denial.covers(request));
    if !denied && rbac::allows(state, who, request) {
        return Ok(());
    }
    let user = &who.name;
    let Request {
        verb,
        group,
        resource,
        namespace,
        name,
    } = request;
    let plural = resource.split('/').next().unwrap_or_default();
    let qualified = if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    };
    let named = if name.is_empty() {
        String::new()
    } else {
        format!(" \"{name}\"")
    };
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    let message = format!(
        "{qualified}{named} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"
    );
    let mut error = ApiError::new(403, "Forbidden", message);
    error.details = json!({ "name": name, "group": group, "kind": plural });
    Err(error)
}

/// Answers a `SelfSubjectAccessReview`.
pub(crate) fn review(state: &State, who: &Who, review: &Value) -> Value {
    let attributes = &review["spec"]["resourceAttributes"];
    let (resource, sub) = (text(attributes, "/resource"), text(attributes, "/subresource"));
    let request = Request {
        verb: text(attributes, "/verb").into(),
        group: text(attributes, "/group").into(),
        resource: if sub.is_empty() {
            resource.into()
        } else {
            format!("{resource}/{sub}")
        },
        namespace: text(attributes, "/namespace").into(),
        name: text(attributes, "/name").into(),
    };
    let allowed = attributes.is_null() || authorize(state, who, &request).is_ok();
    json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": review["spec"],
        "status": { "allowed": allowed },
    })
}

/// Answers a `SelfSubjectReview`: who am I?
pub(crate) fn whoami(who: &Who) -> Value {
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {},
        "status": { "userInfo": { "username": who.name, "groups": who.groups } },
    })
}
