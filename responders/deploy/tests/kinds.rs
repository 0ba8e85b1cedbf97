//! Deploying what is no Deployment.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;
use std::time::Duration;

use otus::MemoryStore;
use otus::prelude::*;
use otus::room::What;
use otus_emulators::kubernetes::{Behaviour, Cluster, Options};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};
use scene::{SOON, Steers};
use serde_json::json;

const CATALOG: &str = r#"
[environments.staging]

[services.db]
image = "registry.test:5000/shop/db"
workload = "statefulset/shop-db"
versions = ["v1", "v2", "v3-missing"]
[services.agent]
image = "registry.test:5000/shop/agent"
workload = "daemonset/agent"
versions = ["v1", "v2"]
"#;

async fn room() -> (Cluster, Room) {
    room_with("").await
}

async fn room_with(more: &str) -> (Cluster, Room) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::start(Options::default()).await.unwrap();
    for (kind, name, image) in [("StatefulSet", "shop-db", "db"), ("DaemonSet", "agent", "agent")] {
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "staging"},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "app", "image": format!("registry.test:5000/shop/{image}:v1")}]},
                },
            },
        });
        cluster.seed(&object.to_string()).unwrap();
    }
    let settings = Settings {
        stability: Duration::from_millis(200),
        grace: Duration::from_millis(500),
        ..Settings::default()
    };
    let room = Room::builder()
        .catalog(&format!("{CATALOG}{more}"))
        .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
        .store(Arc::new(MemoryStore::new()))
        .responder(Deploys::new(settings))
        .responder(Steers)
        .timing(SOON)
        .open();
    (cluster, room)
}

fn image(cluster: &Cluster, kind: &str, name: &str) -> String {
    let object = cluster.get(kind, "staging", name).unwrap();
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    image.as_str().unwrap().to_owned()
}

async fn shown(room: &mut Room, words: &str) -> String {
    room.expect_shown(|post| post.plain().contains(words))
        .await
        .plain()
}

#[tokio::test]
async fn both_kinds_are_deployed_by_the_same_words() {
    let (cluster, mut room) = room().await;
    for (service, kind, name, pods) in [
        ("db", "sts", "shop-db", "The only pod runs it."),
        ("agent", "ds", "agent", "All 3 pods run it."),
    ] {
        room.say("ann", &format!("@otus deploy {service}@v2 to staging"))
            .await;
        room.answer().await;
        let end = shown(&mut room, &format!("*{service}* `v2` is live")).await;
        assert!(end.contains(pods), "{end}");
        assert_eq!(
            image(&cluster, kind, name),
            format!("registry.test:5000/shop/{service}:v2")
        );
    }
    room.say("ann", "@otus status").await;
    let status = room.answer().await.plain();
    assert!(status.contains("db") && status.contains("3/3"), "{status}");
}

#[tokio::test]
async fn a_broken_pod_in_the_way_is_named_with_the_command_that_helps() {
    let (cluster, mut room) = room().await;
    room.say("ann", "@otus deploy db@v3-missing to staging").await;
    room.answer().await;
    let end = shown(&mut room, "failed in").await;
    assert!(end.contains("does not have the image"), "{end}");
    room.say("ann", "@otus deploy db@v2 to staging").await;
    room.answer().await;
    let end = shown(&mut room, "kubectl delete pod shop-db-0 -n staging").await;
    assert!(end.contains("of an earlier version"), "{end}");
    cluster.delete("pod", "staging", "shop-db-0").unwrap();
}

#[tokio::test]
async fn what_cannot_be_paused_says_so_and_goes_on() {
    let (cluster, mut room) = room().await;
    cluster.behave("shop/agent:v2", Behaviour::Slow);
    room.say("ann", "@otus deploy agent@v2 to staging").await;
    room.answer().await;
    shown(&mut room, "on the new version").await;
    room.press("ann", "Pause").await;
    assert!(matches!(room.next_said().await.what, What::Post(post) if post.text.ends_with(":ok:")));
    shown(&mut room, "I cannot pause the rollout of a DaemonSet").await;
    shown(&mut room, "is live").await;
}

#[tokio::test]
async fn neither_can_have_a_canary_and_nothing_goes_out_without() {
    let (cluster, mut room) = room_with("[services.db.canary]\n[services.agent.canary]\n").await;
    room.say("ann", "@otus deploy db@v2").await;
    insta::assert_snapshot!(room.answer().await.plain(), @"`db` has a canary in my configuration, and it cannot have one: the pods of a StatefulSet have names and volumes of their own, which a second one would not have; it replaces one pod after the other anyway, and I stop it at the first that is not well. Take `[services.db.canary]` out, or name other `environments` in it.");
    room.say("ann", "@otus deploy agent@v2").await;
    insta::assert_snapshot!(room.answer().await.plain(), @"`agent` has a canary in my configuration, and it cannot have one: a DaemonSet has one pod on every node, and a second one would be on every node, too. Take `[services.agent.canary]` out, or name other `environments` in it.");
    assert_eq!(
        image(&cluster, "statefulset", "shop-db"),
        "registry.test:5000/shop/db:v1"
    );
}
