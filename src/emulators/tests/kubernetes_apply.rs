//! Server-side apply, through kube-rs: every outcome a deployer has to know.
//!
//! With `OTUS_TEST_KUBECONFIG` set, the same runs on that cluster, in a namespace of its own.

#[path = "kubernetes/place.rs"]
mod place;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use place::Place;
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn wish(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } },
    })
}

fn ours() -> PatchParams {
    PatchParams::apply("otus")
}

/// What makes a no-op: the generation, and the version.
fn marks(deployment: &Deployment) -> (Option<i64>, Option<String>) {
    (
        deployment.metadata.generation,
        deployment.metadata.resource_version.clone(),
    )
}

fn containers(deployment: &Deployment) -> Vec<(String, String)> {
    let spec = deployment.spec.as_ref().and_then(|s| s.template.spec.as_ref());
    spec.map(|s| {
        s.containers
            .iter()
            .map(|c| (c.name.clone(), c.image.clone().unwrap_or_default()))
            .collect()
    })
    .unwrap_or_default()
}

struct Refusal {
    code: u16,
    message: String,
}

async fn refused(api: &Api<Deployment>, name: &str, params: &PatchParams, wish: &Value) -> Result<Refusal> {
    match api.patch(name, params, &Patch::Apply(wish)).await {
        Err(kube::Error::Api(status)) => Ok(Refusal {
            code: status.code,
            message: status.message,
        }),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it was not refused".into()),
    }
}

#[tokio::test]
async fn every_outcome_of_an_apply() -> Result {
    let place = Place::new("apply").await?;
    let api: Api<Deployment> = place.api();

    // Made by somebody else: a conflict that names them, until it is adopted.
    place
        .create_as("kubectl-client-side-apply", "web", "registry.test/web:1", 1)
        .await?;
    let refusal = refused(&api, "web", &ours(), &wish("registry.test/web:2")).await?;
    assert_eq!(refusal.code, 409);
    let start = r#"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1"#;
    assert!(refusal.message.starts_with(start), "{}", refusal.message);
    let field = r#": .spec.template.spec.containers[name="app"].image"#;
    assert!(refusal.message.ends_with(field), "{}", refusal.message);
    let adopted = api
        .patch("web", &ours().force(), &Patch::Apply(wish("registry.test/web:2")))
        .await?;
    assert_eq!(
        containers(&adopted),
        [("app".into(), "registry.test/web:2".into())]
    );
    assert_eq!(adopted.metadata.generation, Some(2));
    let env = adopted
        .spec
        .as_ref()
        .and_then(|s| s.template.spec.as_ref())
        .and_then(|s| s.containers[0].env.clone());
    assert_eq!(env.map(|env| env.len()), Some(1), "what is not wished stays");

    // The same again, once the controllers are done with the last one, is nothing.
    let before = place.settled("web").await?;
    let again = api
        .patch("web", &ours(), &Patch::Apply(wish("registry.test/web:2")))
        .await?;
    assert_eq!(marks(&again), marks(&before));

    // A dry run tells what would be, and changes nothing.
    let dry = api
        .patch(
            "web",
            &ours().dry_run(),
            &Patch::Apply(wish("registry.test/web:3")),
        )
        .await?;
    assert_eq!(containers(&dry), [("app".into(), "registry.test/web:3".into())]);
    assert_eq!(dry.metadata.generation, Some(3));
    assert_eq!(marks(&api.get("web").await?), marks(&before));

    // A wrong container name adds one, for a manager that has applied nothing yet. One that has no longer wishes
    // the image of the right one, which then has none.
    let mut wrong = wish("registry.test/web:3");
    wrong["spec"]["template"]["spec"]["containers"][0]["name"] = json!("app2");
    let newcomer = PatchParams::apply("otus-newcomer").dry_run();
    let added = api.patch("web", &newcomer, &Patch::Apply(&wrong)).await?;
    let names: Vec<_> = containers(&added).into_iter().map(|(name, _)| name).collect();
    assert!(
        names.contains(&"app".to_owned()) && names.contains(&"app2".to_owned()),
        "{names:?}"
    );
    let refusal = refused(&api, "web", &ours(), &wrong).await?;
    assert_eq!(refusal.code, 422);
    assert!(
        refusal.message.contains("containers[0].image: Required value"),
        "{}",
        refusal.message
    );

    // A stale version, another object's uid, and no object.
    let mut stale = wish("registry.test/web:3");
    stale["metadata"]["resourceVersion"] = json!("1");
    assert_eq!(refused(&api, "web", &ours(), &stale).await?.code, 409);
    let mut other = wish("registry.test/web:3");
    other["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(refused(&api, "web", &ours(), &other).await?.code, 422);
    let mut absent = wish("registry.test/web:3");
    absent["metadata"]["name"] = json!("absent");
    let refusal = refused(&api, "absent", &ours(), &absent).await?;
    assert_eq!(refusal.code, 422);
    assert!(
        refusal.message.contains("spec.selector: Required value"),
        "{}",
        refusal.message
    );

    // Drift: somebody sets the image, and the next apply says who.
    let drift = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "app", "image": "registry.test/web:hotfix" },
    ] } } } });
    let set = PatchParams {
        field_manager: Some("kubectl-set".into()),
        ..PatchParams::default()
    };
    api.patch("web", &set, &Patch::Strategic(drift)).await?;
    let refusal = refused(&api, "web", &ours(), &wish("registry.test/web:3")).await?;
    assert_eq!(refusal.code, 409);
    assert!(
        refusal
            .message
            .contains(r#"conflict with "kubectl-set" using apps/v1"#),
        "{}",
        refusal.message
    );

    // To agree is no conflict, and makes both owners.
    api.patch("web", &ours(), &Patch::Apply(wish("registry.test/web:hotfix")))
        .await?;
    let managers = place.owners_of_image("web").await?;
    assert_eq!(managers, ["kubectl-set", "otus"]);

    // A field no longer wished, and nobody else's, goes.
    let mut labelled = wish("registry.test/web:hotfix");
    labelled["metadata"]["annotations"] = json!({ "otus.test/by": "ann" });
    let with = api.patch("web", &ours(), &Patch::Apply(labelled)).await?;
    assert_eq!(
        with.metadata
            .annotations
            .unwrap_or_default()
            .get("otus.test/by")
            .map(String::as_str),
        Some("ann")
    );
    let without = api
        .patch("web", &ours(), &Patch::Apply(wish("registry.test/web:hotfix")))
        .await?;
    assert!(
        !without
            .metadata
            .annotations
            .unwrap_or_default()
            .contains_key("otus.test/by")
    );
    place.end().await
}

#[tokio::test]
async fn an_apply_can_create_a_whole_object() -> Result {
    let place = Place::new("apply-create").await?;
    let api: Api<Deployment> = place.api();
    let whole = place::manifest("web", "registry.test/web:1", 1);
    let made = api.patch("web", &ours(), &Patch::Apply(&whole)).await?;
    assert_eq!(made.metadata.generation, Some(1));
    let fields = made.metadata.managed_fields.unwrap_or_default();
    let entry = fields
        .iter()
        .find(|entry| entry.manager.as_deref() == Some("otus"))
        .ok_or("no entry")?;
    assert_eq!(entry.operation.as_deref(), Some("Apply"));
    // Defaults are nobody's.
    let fields = serde_json::to_value(&entry.fields_v1)?;
    assert!(
        fields.pointer("/f:spec/f:progressDeadlineSeconds").is_none(),
        "{fields}"
    );
    assert!(fields.pointer("/f:spec/f:replicas").is_some(), "{fields}");
    // Somebody else may not change it by an apply.
    let mut other = whole.clone();
    other["spec"]["replicas"] = json!(2);
    let refusal = refused(&api, "web", &PatchParams::apply("helm"), &other).await?;
    assert_eq!(
        refusal.message,
        r#"Apply failed with 1 conflict: conflict with "otus": .spec.replicas"#
    );
    place.end().await
}
