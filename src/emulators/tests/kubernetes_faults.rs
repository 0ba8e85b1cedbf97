//! What goes wrong when a test orders it, as kube-rs meets it; and the controls over HTTP.

#[path = "kubernetes/place.rs"]
mod place;

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    runtime::watcher,
};
use otus_emulators::kubernetes::{Cluster, Denial, Fault, Options};
use place::SOON;
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

async fn shop() -> Result<(Cluster, Api<Deployment>)> {
    let (cluster, client) = place::emulated().await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 1)
        .await?;
    Ok((cluster, Api::namespaced(client, "shop")))
}

#[tokio::test]
async fn statuses_on_demand() -> Result {
    let (cluster, api) = shop().await?;
    for code in [401, 403, 409, 410, 422, 429, 500, 503, 504] {
        cluster.fault(Fault::status(code), 1);
        match api.get("api").await {
            Err(kube::Error::Api(status)) => assert_eq!(status.code, code),
            other => return Err(format!("{code}: {other:?}").into()),
        }
        api.get("api").await?;
    }
    cluster.fault_on("PATCH", "/deployments/", Fault::too_many(7), 1);
    api.get("api").await?;
    let patch = Patch::Merge(json!({}));
    match api.patch("api", &PatchParams::default(), &patch).await {
        Err(kube::Error::Api(status)) => {
            assert_eq!(
                (status.code, status.details.map(|d| d.retry_after_seconds)),
                (429, Some(7))
            );
        }
        other => return Err(format!("{other:?}").into()),
    }
    cluster.fault(Fault::status(503), 5);
    cluster.clear_faults();
    api.get("api").await?;
    Ok(())
}

#[tokio::test]
async fn connections_that_hang_or_break() -> Result {
    let (cluster, api) = shop().await?;
    cluster.fault(Fault::Hang, 1);
    let hung = tokio::time::timeout(Duration::from_millis(100), api.get("api")).await;
    assert!(hung.is_err());
    cluster.fault(Fault::Reset, 1);
    assert!(api.get("api").await.is_err());
    let version = api.get("api").await?.resource_version();

    // Done, but nobody was told.
    cluster.fault_on("PATCH", "", Fault::LoseAnswer, 1);
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    assert!(api.patch("api", &PatchParams::default(), &patch).await.is_err());
    let after = api.get("api").await?;
    assert_eq!(after.spec.as_ref().and_then(|spec| spec.replicas), Some(2));
    assert_ne!(after.resource_version(), version);
    Ok(())
}

#[tokio::test]
async fn a_request_is_held_until_it_is_let_go() -> Result {
    let (cluster, api) = shop().await?;
    cluster.fault_on("PATCH", "", Fault::Hold, 1);
    let slow = api.clone();
    let late = tokio::spawn(async move {
        let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
        slow.patch("api", &PatchParams::default(), &patch).await
    });
    cluster.held(1).await;
    // The others are not held up, and what they do comes first.
    let patch = Patch::Merge(json!({ "spec": { "replicas": 5 } }));
    api.patch("api", &PatchParams::default(), &patch).await?;
    assert!(!late.is_finished());
    cluster.release();
    let after = late.await??;
    assert_eq!(after.spec.as_ref().and_then(|spec| spec.replicas), Some(2));
    // One whose caller goes away is never done.
    cluster.fault_on("PATCH", "", Fault::Hold, 1);
    let gone = tokio::spawn({
        let api = api.clone();
        async move {
            let patch = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
            api.patch("api", &PatchParams::default(), &patch).await
        }
    });
    cluster.held(1).await;
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    cluster.held(0).await;
    cluster.release();
    let after = api.get("api").await?;
    assert_eq!(after.spec.as_ref().and_then(|spec| spec.replicas), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_watcher_survives_cuts_and_410() -> Result {
    let (cluster, api) = shop().await?;
    let config = watcher::Config::default().fields("metadata.name=api");
    let mut stream = std::pin::pin!(watcher::watcher(api.clone(), config));
    cluster.fault_on("GET", "watch=", Fault::CutWatch, 1);
    cluster.fault_on("GET", "watch=", Fault::WatchError { code: 410 }, 1);
    let mut round = 0;
    let survived = tokio::time::timeout(SOON, async {
        while round < 4 {
            if let Ok(watcher::Event::InitDone) = stream.next().await.ok_or("the watcher ended")? {
                round += 1;
            }
            // A cut watch goes on where it was; only what was compacted begins anew.
            let note = json!({ "metadata": { "annotations": { "round": format!("{round}") } } });
            cluster.patch("test", "deployment", "shop", "api", note)?;
            cluster.compact();
            cluster.cut_watches();
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    survived.await.map_err(|_| format!("only {round} rounds"))??;
    Ok(())
}

#[tokio::test]
async fn a_watch_ends_in_time_and_gives_bookmarks() -> Result {
    let (cluster, client) = place::emulated().await?;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    let version = api
        .list(&ListParams::default())
        .await?
        .metadata
        .resource_version
        .unwrap_or_default();
    let params = WatchParams::default().timeout(2);
    let events: Vec<_> = api.watch(&params, &version).await?.try_collect().await?;
    assert!(
        events
            .iter()
            .any(|event| matches!(event, WatchEvent::Bookmark(_))),
        "{events:?}"
    );
    cluster.compact();
    let events: Vec<_> = api.watch(&params, &version).await?.try_collect().await?;
    match events.as_slice() {
        [WatchEvent::Error(status)] => assert_eq!(status.code, 410),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

#[tokio::test]
async fn an_old_page_is_gone() -> Result {
    let (cluster, client) = place::emulated().await?;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    for name in ["a", "b"] {
        let map = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        api.create(&PostParams::default(), &map).await?;
    }
    let params = ListParams::default().limit(1);
    let token = api
        .list(&params)
        .await?
        .metadata
        .continue_
        .ok_or("no more pages")?;
    api.list(&params.clone().continue_token(&token)).await?;
    cluster.compact();
    match api.list(&params.continue_token(&token)).await {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 410),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

#[tokio::test]
async fn tokens_and_denials() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options {
        token: Some("made-up".into()),
        ..Options::default()
    };
    let cluster = Cluster::start(options).await?;
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 1)
        .await?;
    let nobody: Api<Deployment> = Api::namespaced(place::client(&cluster)?, "shop");
    assert!(matches!(nobody.get("api").await, Err(kube::Error::Api(status)) if status.code == 401));
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&cluster.kubeconfig_yaml())?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let api: Api<Deployment> = Api::namespaced(kube::Client::try_from(config)?, "shop");
    api.get("api").await?;
    cluster.deny(Denial {
        verb: "list".into(),
        ..Denial::default()
    });
    match api.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) => assert_eq!(
            status.message,
            r#"deployments.apps is forbidden: User "otus" cannot list resource "deployments" in API group "apps" in the namespace "shop""#
        ),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

#[tokio::test]
async fn another_process_orders_over_http() -> Result {
    let (cluster, api) = shop().await?;
    let http = reqwest::Client::new();
    let post = async |order: &str, body: Value| -> Result<u16> {
        let url = format!("{}/emulator/{order}", cluster.url());
        Ok(http.post(url).json(&body).send().await?.status().as_u16())
    };
    assert_eq!(
        post("fault", json!({ "fault": { "kind": "status", "code": 503 } })).await?,
        200
    );
    assert!(api.get("api").await.is_err());
    let behave = json!({ "image": "shop/api:2.0", "behaviour": { "kind": "bad_image" } });
    assert_eq!(post("behave", behave).await?, 200);
    assert_eq!(
        post("behave", json!({ "image": "x", "behaviour": { "kind": "odd" } })).await?,
        422
    );
    assert_eq!(post("nothing", json!({})).await?, 404);
    let list = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: new}, data: {a: '1'}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: seeded, namespace: new}
  spec:
    selector: {matchLabels: {app: seeded}}
    template:
      metadata: {labels: {app: seeded}}
      spec: {containers: [{name: app, image: 'registry.test/seeded:1'}]}
";
    let url = format!("{}/emulator/seed", cluster.url());
    let answer: Value = http.post(url).body(list).send().await?.json().await?;
    assert_eq!(answer, json!({ "created": 2 }));
    cluster
        .wait_until(SOON, |view| {
            (view.get("deploy", "new", "seeded")?["status"]["availableReplicas"] == 1).then_some(())
        })
        .await?;
    let url = format!("{}/emulator/requests", cluster.url());
    let requests: Vec<Value> = http.get(url).send().await?.json().await?;
    assert!(requests.iter().any(|r| r["status"] == 503), "{requests:?}");
    Ok(())
}

#[tokio::test]
async fn many_watchers_see_two_hundred_pods_come_and_go() -> Result {
    let (cluster, client) = place::emulated().await?;
    cluster
        .deployment("shop", "big", "registry.test/big:1", 200)
        .await?;
    let watchers: Vec<_> = (0..4)
        .map(|_| {
            let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), "shop");
            tokio::spawn(async move {
                let mut stream = std::pin::pin!(watcher::watcher(api, watcher::Config::default()));
                let mut new = std::collections::BTreeSet::new();
                let mut old = std::collections::BTreeSet::new();
                let mut started = false;
                while let Some(event) = stream.try_next().await.map_err(|error| error.to_string())? {
                    match event {
                        watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) => {
                            let image = pod.spec.as_ref().and_then(|s| s.containers[0].image.clone());
                            let set = if image.as_deref() == Some("registry.test/big:1") {
                                &mut old
                            } else {
                                &mut new
                            };
                            set.insert(pod.name_any());
                        }
                        watcher::Event::Delete(pod) => drop(old.remove(&pod.name_any())),
                        watcher::Event::InitDone => started = true,
                        watcher::Event::Init => {}
                    }
                    if started && old.is_empty() && new.len() == 200 {
                        return Ok::<_, String>(());
                    }
                }
                Err("the watch ended".to_owned())
            })
        })
        .collect();
    cluster.set_image("shop", "big", "app", "registry.test/big:2")?;
    let all = async {
        for watcher in watchers {
            watcher.await??;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    tokio::time::timeout(Duration::from_secs(120), all)
        .await
        .map_err(|_| "the watchers did not see the end")??;
    Ok(())
}
