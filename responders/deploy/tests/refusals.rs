//! What is refused before anything changes, and what can be said without a cluster.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use otus::MemoryStore;
use otus::prelude::*;
use otus::store::{Deploy, DeployFilter, DeployState, Store};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};

const CATALOG: &str = r#"
[environments.staging]
[environments.production]
after = "staging"
aliases = ["prod"]

[services.api]
versions = ["v1.4.0", "v1.4.1", "v1.4.2"]
[services.web]
environments = ["staging"]
"#;

/// A room whose cluster does not answer.
async fn room(store: Arc<dyn Store>) -> Room {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    Room::builder()
        .catalog(CATALOG)
        .resource(Clusters::at(&address, Config::default()).unwrap())
        .store(store)
        .responder(Deploys::new(Settings::default()))
        .open()
}

async fn said(command: &str) -> String {
    let mut room = room(Arc::new(MemoryStore::new())).await;
    room.say("ann", command).await;
    let answer = room.answer().await.plain();
    assert!(
        room.store()
            .deploys(&DeployFilter::default())
            .await
            .unwrap()
            .is_empty(),
        "nothing was begun"
    );

    answer
}

#[tokio::test]
async fn unknown_names_are_answered_with_near_ones() {
    insta::assert_snapshot!(said("@otus deploy apu").await, @"
    There is no service called `apu`. Did you mean `api`?
    [deploy api]
    ");
    insta::assert_snapshot!(said("@otus deploy api to prodction").await, @"
    There is no environment called `prodction`. Did you mean `production`?
    [deploy api to production]
    ");
    insta::assert_snapshot!(said("@otus deploy api@v1.4 to prod").await, @"
    `api` has no version `v1.4`. Did you mean `v1.4.0` or `v1.4.1` or `v1.4.2`?
    [deploy api@v1.4.0 to production] [deploy api@v1.4.1 to production] [deploy api@v1.4.2 to production]
    ");
    insta::assert_snapshot!(said("@otus deploy api v9").await, @"`api` has no version `v9`. There are `v1.4.2`, `v1.4.1` and `v1.4.0`.");
    insta::assert_snapshot!(said("@otus deploy web@v1 to production").await, @"`web` does not run in production. It runs in staging.");
    insta::assert_snapshot!(said("@otus status wob").await, @"
    There is no service called `wob`. Did you mean `web`?
    [status web]
    ");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer() {
    insta::assert_snapshot!(said("@otus deploy api").await, @"I cannot deploy `api` to *staging*: the cluster `default` does not answer: Connection refused.");
    insta::assert_snapshot!(said("@otus deploy web").await, @"Which version of `web` do you mean? Say `deploy web@<version> to staging`.");
    insta::assert_snapshot!(said("@otus status api").await, @"
    ⚠️ What runs where
    api
      staging     ?
      production  ?
    ⚠️ What `api` runs in *staging* cannot be told: the cluster `default` does not answer: Connection refused.
    ⚠️ What `api` runs in *production* cannot be told: the cluster `default` does not answer: Connection refused.
    ");
}

#[tokio::test]
async fn a_cluster_that_is_not_configured() {
    let mut room = Room::builder()
        .catalog("[environments.staging]\ncluster = \"eu\"\n[services.api]\nversions = [\"v1\"]")
        .resource(Clusters::new(Config::default()))
        .responder(Deploys::default())
        .open();
    room.say("ann", "@otus deploy api").await;
    insta::assert_snapshot!(room.answer().await.plain(), @"I cannot deploy `api` to *staging*: no cluster is called `eu`; configured: default. Add `[kubernetes.clusters.eu]`.");
}

#[tokio::test]
async fn nothing_is_configured() {
    let mut room = Room::builder()
        .resource(Clusters::new(Config::default()))
        .responder(Deploys::default())
        .open();
    room.say("ann", "@otus status").await;
    insta::assert_snapshot!(room.answer().await.plain(), @"No service runs anywhere yet. Add `[services]` and `[environments]` to my configuration.");
}

#[tokio::test]
async fn a_row_of_another_time_is_put_to_rest() {
    let store = Arc::new(MemoryStore::new());
    let deploy = Deploy {
        id: "old".into(),
        service: "api".into(),
        environment: "staging".into(),
        version: "v1".into(),
        image: "r/api:v1".into(),
        previous: None,
        by: "ann".into(),
        began: "2026-11-22T10:00:00Z".parse().unwrap(),
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: serde_json::json!({ "written": "by somebody else" }),
        generation: 1,
    };
    store.record_deploy(&deploy).await.unwrap();
    let room = room(store.clone()).await;
    room.robot().start();
    let rested = async {
        while store.deploys(&DeployFilter::default()).await.unwrap()[0].state == DeployState::Running {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(otus::room::PATIENCE, rested).await.unwrap();
    assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap()[0].state,
        DeployState::Stopped
    );
}
