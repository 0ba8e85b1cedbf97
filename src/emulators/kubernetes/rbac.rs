//! Who asks, and what the cluster's own Roles and bindings allow them.
//!
//! After <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>. Aggregated ClusterRoles and rules for URLs that are
//! no resources are not known, and whoever may write Roles may grant what they have not themselves.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    access::{Request, USER},
    store::State,
    value::{items, namespace, text},
};

/// Something a Role allowed somebody, who then did it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Use {
    /// The user: `system:serviceaccount:otus:otus`.
    pub user: String,
    /// Where; empty for what is in no namespace.
    pub namespace: String,
    /// The API group; empty for the core one.
    pub group: String,
    /// The resource's plural, with its subresource: `pods/log`.
    pub resource: String,
    /// What was done: `list`.
    pub verb: String,
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    /// Whether Roles are asked; else everything is allowed.
    pub(crate) bound: bool,
}

impl Who {
    /// Who runs the test: everything is allowed.
    pub(crate) fn admin() -> Self {
        Self {
            name: USER.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            bound: false,
        }
    }

    /// Somebody to whom only what a Role says is allowed.
    pub(crate) fn user(name: &str, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().collect();
        if let Some(account) = name.strip_prefix("system:serviceaccount:")
            && let Some((ns, _)) = account.split_once(':')
        {
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{ns}"));
        }
        groups.push("system:authenticated".to_owned());
        Self {
            name: name.to_owned(),
            groups,
            bound: true,
        }
    }

    fn is_subject(&self, subject: &Value) -> bool {
        let named = text(subject, "/name");
        match text(subject, "/kind") {
            "User" => named == self.name,
            "Group" => self.groups.iter().any(|group| group == named),
            "ServiceAccount" => {
                self.name == format!("system:serviceaccount:{}:{named}", namespace_of(subject))
            }
            _ => false,
        }
    }
}

fn namespace_of(subject: &Value) -> &str {
    text(subject, "/namespace")
}

/// The name by which a service account asks.
pub(crate) fn account(ns: &str, name: &str) -> String {
    format!("system:serviceaccount:{ns}:{name}")
}

/// Whether a Role bound to somebody allows what they ask for.
pub(crate) fn allows(state: &State, who: &Who, request: &Request) -> bool {
    if !who.bound {
        return true;
    }
    let binds = |binding: &Value| {
        items(binding, "/subjects")
            .iter()
            .any(|subject| who.is_subject(subject))
    };
    let everywhere = state
        .all("clusterrolebindings", "")
        .filter(|binding| binds(binding))
        .map(|binding| (binding, ""));
    let here = state
        .all("rolebindings", &request.namespace)
        // A namespace that is empty would list those of all.
        .filter(|binding| !request.namespace.is_empty() && binds(binding))
        .map(|binding| (binding, namespace(binding)));
    everywhere.chain(here).any(|(binding, ns)| {
        let named = text(binding, "/roleRef/name");
        let role = match text(binding, "/roleRef/kind") {
            "ClusterRole" => state.find("clusterroles", "", named),
            "Role" if !ns.is_empty() => state.find("roles", ns, named),
            _ => None,
        };
        role.is_some_and(|role| items(&role, "/rules").iter().any(|rule| covers(rule, request)))
    })
}

/// Whether a rule is about a request.
fn covers(rule: &Value, request: &Request) -> bool {
    let has = |field: &str, wanted: &str| {
        items(rule, field)
            .iter()
            .filter_map(Value::as_str)
            .any(|one| one == "*" || one == wanted)
    };
    let resource = || {
        let below = request
            .resource
            .split_once('/')
            .map(|(_, sub)| format!("*/{sub}"));
        has("/resources", &request.resource) || below.is_some_and(|below| has("/resources", &below))
    };
    let names = items(rule, "/resourceNames");
    // A rule with names is never about what has none, such as a list or a creation.
    let named = || names.is_empty() || names.iter().any(|name| name.as_str() == Some(&request.name));
    has("/verbs", &request.verb) && has("/apiGroups", &request.group) && resource() && named()
}

/// Remembers what a Role was needed for.
pub(crate) fn note(uses: &mut BTreeSet<Use>, who: &Who, request: &Request) {
    if who.bound {
        uses.insert(Use {
            user: who.name.clone(),
            namespace: request.namespace.clone(),
            group: request.group.clone(),
            resource: request.resource.clone(),
            verb: request.verb.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(verb: &str, group: &str, resource: &str, name: &str) -> Request {
        Request {
            verb: verb.into(),
            group: group.into(),
            resource: resource.into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    #[test]
    fn rules_are_about_what_they_name() {
        let rule = json!({
            "apiGroups": ["", "apps"], "resources": ["pods", "pods/log", "*/scale"], "verbs": ["get", "list"],
        });
        for (request, expected) in [
            (request("get", "", "pods", "a"), true),
            (request("list", "", "pods", ""), true),
            (request("watch", "", "pods", ""), false),
            (request("get", "", "pods/log", "a"), true),
            (request("get", "", "pods/status", "a"), false),
            (request("get", "apps", "deployments/scale", "a"), true),
            (request("get", "apps", "deployments", "a"), false),
            (request("get", "batch", "pods", "a"), false),
        ] {
            assert_eq!(covers(&rule, &request), expected, "{request:?}");
        }
        let all = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] });
        assert!(covers(
            &all,
            &request("patch", "argoproj.io", "rollouts/status", "a")
        ));
        let one = json!({
            "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"], "resourceNames": ["a"],
        });
        assert!(covers(&one, &request("get", "", "secrets", "a")));
        assert!(!covers(&one, &request("get", "", "secrets", "b")));
        assert!(!covers(&one, &request("create", "", "secrets", "")));
    }

    #[test]
    fn subjects_are_users_groups_and_accounts() {
        let who = Who::user(&account("otus", "robot"), []);
        for (subject, expected) in [
            (
                json!({ "kind": "ServiceAccount", "name": "robot", "namespace": "otus" }),
                true,
            ),
            (
                json!({ "kind": "ServiceAccount", "name": "robot", "namespace": "shop" }),
                false,
            ),
            (
                json!({ "kind": "User", "name": "system:serviceaccount:otus:robot" }),
                true,
            ),
            (
                json!({ "kind": "Group", "name": "system:serviceaccounts:otus" }),
                true,
            ),
            (
                json!({ "kind": "Group", "name": "system:serviceaccounts:shop" }),
                false,
            ),
            (json!({ "kind": "Group", "name": "system:authenticated" }), true),
        ] {
            assert_eq!(who.is_subject(&subject), expected, "{subject}");
        }
    }
}
