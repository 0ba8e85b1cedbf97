//! Objects through kube-rs: reading, watching, writing, logs. On a real cluster too, where `OTUS_TEST_KUBECONFIG` is set.

#[path = "kubernetes/place.rs"]
mod place;

use std::collections::BTreeSet;

use futures_util::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::{
    apps::v1::Deployment,
    coordination::v1::Lease,
    core::v1::{ConfigMap, Event, Pod, Secret},
    events::v1::Event as NewEvent,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams},
    runtime::watcher,
};
use place::{Place, SOON};
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn config_map(name: &str, labels: Value, data: Value) -> Result<ConfigMap> {
    Ok(serde_json::from_value(
        json!({ "metadata": { "name": name, "labels": labels }, "data": data }),
    )?)
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

#[tokio::test]
async fn plain_objects_are_created_replaced_and_deleted() -> Result {
    let place = Place::new("plain").await?;
    let api: Api<ConfigMap> = place.api();
    let made = api
        .create(
            &PostParams::default(),
            &config_map("a", json!({}), json!({ "k": "1" }))?,
        )
        .await?;
    assert!(made.uid().is_some() && made.creation_timestamp().is_some());
    let again = api.create(&PostParams::default(), &made_anew(&made)).await;
    assert_eq!(again.as_ref().map_err(code).err(), Some(409));

    let mut newer = made.clone();
    newer.data = Some([("k".into(), "2".into())].into());
    let newer = api.replace("a", &PostParams::default(), &newer).await?;
    assert_ne!(newer.resource_version(), made.resource_version());
    let stale = api.replace("a", &PostParams::default(), &made).await;
    assert_eq!(
        stale.as_ref().map_err(code).err(),
        Some(409),
        "made from an older version"
    );
    let same = api.replace("a", &PostParams::default(), &newer).await?;
    assert_eq!(
        same.resource_version(),
        newer.resource_version(),
        "nothing has changed"
    );

    let secret = json!({ "metadata": { "name": "s" }, "stringData": { "word": "quiet" } });
    let secrets: Api<Secret> = place.api();
    let secret = secrets
        .create(&PostParams::default(), &serde_json::from_value(secret)?)
        .await?;
    assert_eq!(secret.data.unwrap_or_default()["word"].0, b"quiet");
    let lease = json!({ "metadata": { "name": "l" }, "spec": { "holderIdentity": "one", "leaseDurationSeconds": 15 } });
    let leases: Api<Lease> = place.api();
    let lease = leases
        .create(&PostParams::default(), &serde_json::from_value(lease)?)
        .await?;
    assert_eq!(
        lease.spec.and_then(|spec| spec.holder_identity).as_deref(),
        Some("one")
    );

    api.delete("a", &DeleteParams::default()).await?;
    assert_eq!(api.get("a").await.as_ref().map_err(code).err(), Some(404));
    place.end().await
}

fn made_anew(made: &ConfigMap) -> ConfigMap {
    let mut anew = made.clone();
    anew.metadata.resource_version = None;
    anew.metadata.uid = None;
    anew
}

#[tokio::test]
async fn lists_come_selected_and_in_pages() -> Result {
    let place = Place::new("pages").await?;
    let api: Api<ConfigMap> = place.api();
    for number in 0..7 {
        let labels = json!({ "test": "pages", "parity": if number % 2 == 0 { "even" } else { "odd" } });
        api.create(
            &PostParams::default(),
            &config_map(&format!("c{number}"), labels, json!({}))?,
        )
        .await?;
    }
    let mut params = ListParams::default().labels("test=pages").limit(3);
    let mut names = Vec::new();
    let mut pages = 0;
    loop {
        let page = api.list(&params).await?;
        pages += 1;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!((pages, names.len()), (3, 7));
    assert_eq!(
        api.list(&ListParams::default().labels("parity in (odd),test"))
            .await?
            .items
            .len(),
        3
    );
    assert_eq!(
        api.list(&ListParams::default().fields("metadata.name=c4"))
            .await?
            .items
            .len(),
        1
    );
    place.end().await
}

#[tokio::test]
async fn patches_of_every_kind() -> Result {
    let place = Place::new("patches").await?;
    let api: Api<Deployment> = place.api();
    place.create_as("tester", "web", "registry.test/web:1", 0).await?;
    let made = place.settled("web").await?;
    let spec = made.spec.as_ref().ok_or("no spec")?;
    assert_eq!(
        (spec.progress_deadline_seconds, spec.revision_history_limit),
        (Some(600), Some(10))
    );
    let params = PatchParams::default();
    let image = |d: &Deployment| {
        let spec = d.spec.as_ref().and_then(|s| s.template.spec.as_ref());
        spec.and_then(|s| s.containers[0].image.clone())
            .unwrap_or_default()
    };

    // What changes nothing moves nothing.
    let same = json!({ "spec": { "replicas": 0 } });
    let unmoved = api.patch("web", &params, &Patch::Merge(&same)).await?;
    assert_eq!(unmoved.resource_version(), made.resource_version());
    // Metadata moves the version alone, the spec the generation too.
    let note = json!({ "metadata": { "annotations": { "otus.test/note": "1" } } });
    let noted = api.patch("web", &params, &Patch::Merge(&note)).await?;
    assert_eq!(noted.metadata.generation, Some(1));
    assert_ne!(noted.resource_version(), made.resource_version());

    let strategic = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "app", "image": "registry.test/web:2" },
        { "name": "side", "image": "registry.test/side:1" },
    ] } } } });
    let two = api.patch("web", &params, &Patch::Strategic(strategic)).await?;
    assert_eq!(
        (image(&two).as_str(), two.metadata.generation),
        ("registry.test/web:2", Some(2))
    );
    let env = two
        .spec
        .as_ref()
        .and_then(|s| s.template.spec.as_ref())
        .and_then(|s| s.containers[0].env.as_ref());
    assert_eq!(
        env.map(Vec::len),
        Some(1),
        "a merged container keeps what the patch does not name"
    );
    let deleted = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "side", "$patch": "delete" },
    ] } } } });
    let one = api.patch("web", &params, &Patch::Strategic(deleted)).await?;
    assert_eq!(
        one.spec.and_then(|s| s.template.spec).map(|s| s.containers.len()),
        Some(1)
    );

    let path = "/spec/template/spec/containers/0/image";
    let put = |op: &str, value: &str| json!({ "op": op, "path": path, "value": value });
    let body = json_patch(
        &place,
        "web",
        json!([
            put("test", "registry.test/web:2"),
            put("replace", "registry.test/web:3")
        ]),
    );
    assert_eq!(body.await?, 200);
    let body = json_patch(
        &place,
        "web",
        json!([
            put("test", "registry.test/web:2"),
            put("replace", "registry.test/web:4")
        ]),
    );
    assert_eq!(body.await?, 422, "the test of a JSON patch fails");
    assert_eq!(image(&api.get("web").await?), "registry.test/web:3");

    // The scale is a door to the replicas, the status one to itself; the object is none to its status.
    let scale = api
        .patch_scale(
            "web",
            &params,
            &Patch::Merge(json!({ "spec": { "replicas": 2 } })),
        )
        .await?;
    assert_eq!(scale.spec.and_then(|s| s.replicas), Some(2));
    let before = api.get("web").await?.metadata.generation;
    let sly = json!({ "status": { "readyReplicas": 77 } });
    let after = api.patch("web", &params, &Patch::Merge(sly)).await?;
    assert_eq!(after.metadata.generation, before);
    assert_ne!(after.status.and_then(|s| s.ready_replicas), Some(77));
    let selector = json!({ "spec": { "selector": { "matchLabels": { "app": "other" } } } });
    let refused = api.patch("web", &params, &Patch::Merge(selector)).await;
    assert_eq!(refused.as_ref().map_err(code).err(), Some(422));
    place.end().await
}

/// kube-rs builds JSON patches with a feature this workspace does not use; the request itself is plain.
async fn json_patch(place: &Place, name: &str, patch: Value) -> Result<u16> {
    let uri = format!("/apis/apps/v1/namespaces/{}/deployments/{name}", place.ns);
    let request = axum::http::Request::patch(uri)
        .header("content-type", "application/json-patch+json")
        .body(serde_json::to_vec(&patch)?)?;
    match place.client.request::<Value>(request).await {
        Ok(_) => Ok(200),
        Err(kube::Error::Api(status)) => Ok(status.code),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test]
async fn a_watch_tells_a_rollout_to_its_end() -> Result {
    let place = Place::new("watch").await?;
    // A real cluster can pull this one.
    place.create_as("tester", "web", "nginx:1.26-alpine", 2).await?;
    for strategy in [
        watcher::Config::default(),
        watcher::Config::default().streaming_lists(),
    ] {
        let config = strategy.fields("metadata.name=web");
        let mut stream = std::pin::pin!(watcher::watcher(place.api::<Deployment>(), config));
        let watched = tokio::time::timeout(SOON, async {
            while let Some(event) = stream.try_next().await? {
                match event {
                    watcher::Event::InitApply(d) | watcher::Event::Apply(d) if place::is_settled(&d) => {
                        return Ok(());
                    }
                    _ => {}
                }
            }
            Err::<(), Box<dyn std::error::Error>>("the watch ended".into())
        });
        watched.await.map_err(|_| "it did not settle")??;
    }
    let pods: Api<Pod> = place.api();
    let list = pods.list(&ListParams::default().labels("app=web")).await?;
    assert_eq!(list.items.len(), 2);
    let owner = list.items[0]
        .owner_references()
        .first()
        .ok_or("a pod without owner")?;
    assert_eq!(
        (owner.kind.as_str(), owner.controller),
        ("ReplicaSet", Some(true))
    );
    assert!(list.items[0].labels().contains_key("pod-template-hash"));
    place.end().await
}

#[tokio::test]
async fn what_leaves_a_selection_is_deleted_to_its_watch() -> Result {
    let place = Place::new("leaving").await?;
    let api: Api<ConfigMap> = place.api();
    api.create(
        &PostParams::default(),
        &config_map("a", json!({ "in": "yes" }), json!({}))?,
    )
    .await?;
    let mut stream = std::pin::pin!(watcher::watcher(
        api.clone(),
        watcher::Config::default().labels("in=yes")
    ));
    let mut told = BTreeSet::new();
    let watched = tokio::time::timeout(SOON, async {
        while let Some(event) = stream.try_next().await? {
            match event {
                watcher::Event::InitDone => {
                    let out = json!({ "metadata": { "labels": { "in": "no" } } });
                    api.patch("a", &PatchParams::default(), &Patch::Merge(out))
                        .await?;
                }
                watcher::Event::Delete(gone) => {
                    told.insert(gone.name_any());
                    return Ok(());
                }
                _ => {}
            }
        }
        Err::<(), Box<dyn std::error::Error>>("the watch ended".into())
    });
    watched.await.map_err(|_| "it was not told")??;
    assert!(told.contains("a"));
    place.end().await
}

#[tokio::test]
async fn events_are_shown_in_both_groups() -> Result {
    let place = Place::new("events").await?;
    let made = place.create_as("tester", "web", "nginx:1.26-alpine", 1).await?;
    place.settled("web").await?;
    let uid = made.uid().ok_or("no uid")?;
    let fields = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let old = place.api::<Event>().list(&fields).await?.items;
    let scaled = old
        .iter()
        .find(|e| e.reason.as_deref() == Some("ScalingReplicaSet"))
        .ok_or("no event")?;
    let new: NewEvent = place.api::<NewEvent>().get(&scaled.name_any()).await?;
    assert_eq!(new.note, scaled.message);
    assert_eq!(new.regarding.and_then(|r| r.uid), Some(uid));
    place.end().await
}

#[tokio::test]
async fn a_followed_log_ends_with_its_pod() -> Result {
    let (cluster, client) = place::emulated().await?;
    cluster
        .deployment("shop", "api", "registry.test/api:1", 1)
        .await?;
    let pods: Api<Pod> = Api::namespaced(client, "shop");
    let pod = pods
        .list(&ListParams::default())
        .await?
        .items
        .remove(0)
        .name_any();
    let params = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pods.log_stream(&pod, &params).await?.lines();
    let first = lines.try_next().await?.ok_or("an empty log")?;
    assert!(first.contains("starting registry.test/api:1"), "{first}");
    pods.delete(&pod, &DeleteParams::default().grace_period(0))
        .await?;
    let rest = tokio::time::timeout(SOON, lines.try_collect::<Vec<_>>()).await??;
    assert_eq!(rest.last().map(String::as_str), Some("listening on 0.0.0.0:8080"));
    Ok(())
}
