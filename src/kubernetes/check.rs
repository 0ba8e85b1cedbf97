//! May Otus do what it needs to? Asked of the cluster itself, before anybody waits for a deploy.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use crate::client::Cluster;
use crate::error::Error;
use crate::workload::Kind;

/// What Otus is to do in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Need {
    /// To deploy workloads of this kind.
    Workload(Kind),
    /// To run [jobs](crate::job) beside them.
    Jobs,
    /// To run a [canary](crate::canary) beside Deployments.
    Canary,
}

/// API group, resource, verbs.
type Right = (&'static str, &'static str, &'static [&'static str]);

/// Of whatever is followed, its pods are looked at.
const ALWAYS: [Right; 3] = [
    ("", "pods", &["list", "watch"]),
    ("", "pods/log", &["get"]),
    ("", "events", &["list"]),
];

const WORKLOAD: &[&str] = &["get", "list", "watch", "patch"];

impl Need {
    fn rights(self) -> &'static [Right] {
        match self {
            Need::Workload(Kind::Deployment) => &[
                ("apps", "deployments", WORKLOAD),
                ("apps", "replicasets", &["list", "watch"]),
            ],
            Need::Workload(Kind::StatefulSet) => &[("apps", "statefulsets", WORKLOAD)],
            Need::Workload(Kind::DaemonSet) => &[
                ("apps", "daemonsets", WORKLOAD),
                ("apps", "controllerrevisions", &["list", "watch"]),
            ],
            // Its status is how it is steered.
            Need::Workload(Kind::Rollout) => &[
                ("argoproj.io", "rollouts", WORKLOAD),
                ("argoproj.io", "rollouts/status", &["patch"]),
                ("apps", "replicasets", &["list", "watch"]),
            ],
            Need::Canary => &[("apps", "deployments", &["create", "delete"])],
            Need::Jobs => &[(
                "batch",
                "jobs",
                &["create", "get", "list", "watch", "patch", "delete"],
            )],
        }
    }
}

fn rights(needs: &BTreeSet<Need>) -> impl Iterator<Item = &'static Right> {
    needs.iter().flat_map(|need| need.rights()).chain(&ALWAYS)
}

/// How many questions are asked at once.
const AT_ONCE: usize = 6;

/// What a cluster says about itself and about Otus' rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The server's version.
    pub version: String,
    /// What Otus may not do and needs to.
    pub missing: Vec<Missing>,
}

/// A permission that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Where.
    pub namespace: String,
    /// On what, for example `deployments`.
    pub resource: String,
    /// In which API group; empty for the core one.
    pub group: String,
    /// To do what.
    pub verb: String,
}

impl Report {
    /// The namespaces where something is missing.
    #[must_use]
    pub fn lacking(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .missing
            .iter()
            .map(|missing| missing.namespace.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Asks a cluster for its version, and whether what Otus needs in each of these namespaces is allowed.
///
/// # Errors
/// When the cluster does not answer.
pub async fn check(cluster: &Cluster, needs: &BTreeMap<String, BTreeSet<Need>>) -> Result<Report, Error> {
    let version = cluster.server_version().await?;
    let questions = needs.iter().flat_map(|(namespace, needs)| {
        rights(needs).flat_map(move |(group, resource, verbs)| {
            verbs.iter().map(move |verb| Missing {
                namespace: namespace.clone(),
                resource: (*resource).to_owned(),
                group: (*group).to_owned(),
                verb: (*verb).to_owned(),
            })
        })
    });
    let answers: Vec<(Missing, bool)> = stream::iter(questions)
        .map(async |question| {
            let allowed = allowed(cluster, &question).await?;
            Ok::<_, Error>((question, allowed))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let missing = answers
        .into_iter()
        .filter(|(_, allowed)| !allowed)
        .map(|(question, _)| question)
        .collect();
    Ok(Report { version, missing })
}

async fn allowed(cluster: &Cluster, question: &Missing) -> Result<bool, Error> {
    let (resource, subresource) = match question.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (question.resource.as_str(), None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(question.group.clone()),
                namespace: Some(question.namespace.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(question.verb.clone()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = cluster
        .call("access review", api.create(&PostParams::default(), &review))
        .await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// The Role that gives Otus what it needs in a namespace, for `kubectl apply -f -`.
#[must_use]
pub fn role(namespace: &str, needs: &BTreeSet<Need>) -> String {
    let mut yaml = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: otus\n  namespace: {namespace}\nrules:\n"
    );
    for (group, resource, verbs) in rights(needs) {
        yaml.push_str(&format!(
            "  - apiGroups: [\"{group}\"]\n    resources: [\"{resource}\"]\n    verbs: [{}]\n",
            verbs
                .iter()
                .map(|verb| format!("\"{verb}\""))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role() {
        insta::assert_snapshot!(role("shop", &BTreeSet::from([Need::Workload(Kind::Deployment)])), @r#"
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          name: otus
          namespace: shop
        rules:
          - apiGroups: ["apps"]
            resources: ["deployments"]
            verbs: ["get", "list", "watch", "patch"]
          - apiGroups: ["apps"]
            resources: ["replicasets"]
            verbs: ["list", "watch"]
          - apiGroups: [""]
            resources: ["pods"]
            verbs: ["list", "watch"]
          - apiGroups: [""]
            resources: ["pods/log"]
            verbs: ["get"]
          - apiGroups: [""]
            resources: ["events"]
            verbs: ["list"]
        "#);
        let all = Kind::ALL
            .map(Need::Workload)
            .into_iter()
            .chain([Need::Jobs, Need::Canary]);
        let role = role("shop", &all.collect());
        for words in [
            "statefulsets",
            "daemonsets",
            "controllerrevisions",
            "[\"batch\"]",
            "apiGroups: [\"argoproj.io\"]\n    resources: [\"rollouts/status\"]\n    verbs: [\"patch\"]",
            "\"delete\"",
            "resources: [\"deployments\"]\n    verbs: [\"create\", \"delete\"]",
        ] {
            assert!(role.contains(words), "{words}: {role}");
        }
    }
}
