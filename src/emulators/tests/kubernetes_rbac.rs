//! Roles and bindings: what a service account may do, and that reviews say the same.

#[path = "kubernetes/place.rs"]
mod place;

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        authorization::v1::SelfSubjectAccessReview,
        core::v1::Pod,
        rbac::v1::{ClusterRole, RoleBinding},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams},
};
use otus_emulators::kubernetes::{Cluster, Options};
use serde_json::json;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const ACCESS: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot, namespace: tools }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "tools:look" }
rules:
  - { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }
  - { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "patch"] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: robot, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "tools:look" }
subjects: [{ kind: ServiceAccount, name: robot, namespace: tools }]
"#;

/// A cluster with a Deployment in `shop` and in `bank`, and a client that asks as the account, bound in `shop` alone.
async fn bound() -> Result<(Cluster, Client)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::start(Options::default()).await?;
    for ns in ["shop", "bank"] {
        let image = "registry.test/shop/api:1.0";
        cluster.deployment(ns, "api", image, 1).await?;
    }
    cluster.seed(ACCESS)?;
    let kubeconfig = cluster.account_kubeconfig("tools", "robot")?;
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&kubeconfig)?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    config.default_retry = false;
    Ok((cluster, Client::try_from(config)?))
}

fn refused<T: std::fmt::Debug>(answer: kube::Result<T>) -> String {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => status.message,
        other => panic!("this was to be refused: {other:?}"),
    }
}

#[tokio::test]
async fn an_account_may_do_what_its_roles_say_where_they_are_bound() -> Result {
    let (cluster, client) = bound().await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let pod = pods.list(&ListParams::default()).await?.items.remove(0);
    assert_eq!(
        refused(
            pods.logs(
                pod.metadata.name.as_deref().unwrap_or_default(),
                &LogParams::default()
            )
            .await
        ),
        format!(
            "pods \"{}\" is forbidden: User \"system:serviceaccount:tools:robot\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"shop\"",
            pod.metadata.name.as_deref().unwrap_or_default()
        )
    );
    let bank: Api<Pod> = Api::namespaced(client.clone(), "bank");
    refused(bank.list(&ListParams::default()).await);
    refused(Api::<Pod>::all(client.clone()).list(&ListParams::default()).await);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "shop");
    deployments.get("api").await?;
    refused(deployments.list(&ListParams::default()).await);
    refused(deployments.delete("api", &DeleteParams::default()).await);
    // Whose Role is that? It may not even see it.
    refused(Api::<ClusterRole>::all(client.clone()).get("tools:look").await);

    // What was needed is known, and what was refused is not among it.
    let uses: Vec<_> = cluster
        .uses()
        .into_iter()
        .map(|needed| format!("{} {}/{}", needed.verb, needed.namespace, needed.resource))
        .collect();
    assert_eq!(uses, ["list shop/pods", "get shop/deployments"]);
    Ok(())
}

#[tokio::test]
async fn an_apply_that_makes_something_has_to_be_allowed_as_a_creation() -> Result {
    let (_cluster, client) = bound().await?;
    let deployments: Api<Deployment> = Api::namespaced(client, "shop");
    let apply = async |name: &str| {
        let patch = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "annotations": { "by": "robot" } },
        });
        deployments
            .patch(name, &PatchParams::apply("robot"), &Patch::Apply(patch))
            .await
    };
    apply("api").await?;
    assert!(refused(apply("other").await).contains("cannot create resource \"deployments\""));
    Ok(())
}

#[tokio::test]
async fn reviews_say_the_same_and_a_binding_that_goes_takes_its_rights_along() -> Result {
    let (cluster, client) = bound().await?;
    let may = async |ns: &str, verb: &str| -> Result<bool> {
        let review = serde_json::from_value(json!({ "metadata": {}, "spec": { "resourceAttributes": {
            "namespace": ns, "verb": verb, "group": "apps", "resource": "deployments",
        } } }))?;
        let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
        let answer = api.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    };
    assert!(may("shop", "patch").await?);
    assert!(!may("shop", "create").await?);
    assert!(!may("bank", "patch").await?);
    let admin = place::client(&cluster)?;
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), "shop");
    bindings.delete("robot", &DeleteParams::default()).await?;
    assert!(!may("shop", "patch").await?);

    // A role without what the server asks for is refused.
    let bad = ClusterRole {
        metadata: ObjectMeta {
            name: Some("bad".into()),
            ..ObjectMeta::default()
        },
        rules: Some(vec![Default::default()]),
        ..ClusterRole::default()
    };
    let answer = Api::<ClusterRole>::all(admin)
        .create(&PostParams::default(), &bad)
        .await;
    assert!(matches!(answer, Err(kube::Error::Api(status)) if status.code == 422));
    Ok(())
}

#[tokio::test]
async fn an_administrator_may_ask_as_somebody_else() -> Result {
    let (cluster, _) = bound().await?;
    let url = format!("{}/api/v1/namespaces/shop/pods", cluster.url());
    let http = reqwest::Client::new();
    for (who, expected) in [("system:serviceaccount:tools:robot", 200), ("ann", 403)] {
        let asked = http.get(&url).header("Impersonate-User", who).send().await?;
        assert_eq!(asked.status().as_u16(), expected, "{who}");
    }
    assert!(cluster.account_token("tools", "nobody").is_err());
    Ok(())
}
