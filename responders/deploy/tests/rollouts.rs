//! Deploying a Rollout of Argo: through its steps, held at them, led back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use otus::MemoryStore;
use otus::operations::{Operation, State};
use otus::prelude::*;
use otus::room::{Fuse, PATIENCE};
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::{Behaviour, Cluster, Options, View};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};
use scene::replica::Replica;
use scene::{QUIET, SOON, Steers, newest, still, until};
use serde_json::{Value, json};

const CATALOG: &str = r#"
[environments.staging]
[services.api]
image = "registry.test:5000/shop/api"
workload = "rollout/api"
versions = ["v1", "v2", "v3-crash"]
"#;

fn rollout(name: &str, image: &str, steps: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": "staging"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"canary": {"steps": steps}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

async fn healthy(cluster: &Cluster, name: &str) {
    let healthy = |view: &View<'_>| {
        let rollout = view.get("rollout", "staging", name)?;
        (rollout["status"]["phase"] == "Healthy").then_some(())
    };
    cluster.wait_until(PATIENCE, healthy).await.unwrap();
}

struct Place {
    cluster: Cluster,
    store: Arc<MemoryStore>,
    room: Room,
}

impl Place {
    async fn with(steps: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::start(Options::default()).await.unwrap();
        let object = rollout("api", "registry.test:5000/shop/api:v1", &steps);
        cluster.seed(&object.to_string()).unwrap();
        healthy(&cluster, "api").await;
        let store = Arc::new(MemoryStore::new());
        let room = open(&cluster, &store, "");
        Place { cluster, store, room }
    }

    async fn say(&mut self, words: &str) -> String {
        self.room.say("ann", words).await;
        self.room.answer().await.plain()
    }

    async fn shown(&mut self, words: &str) -> String {
        let post = self.room.expect_shown(|post| post.plain().contains(words)).await;
        still(&post.plain())
    }

    async fn press(&mut self, label: &str) {
        self.room.press("ann", label).await;
        self.room.next_said().await;
    }

    fn status(&self) -> Value {
        self.cluster.get("rollout", "staging", "api").unwrap()["status"].clone()
    }

    async fn ended(&self) -> DeployState {
        until(&self.store, |operation| operation.state.is_over()).await;
        self.store.deploys(&DeployFilter::default()).await.unwrap()[0].state
    }
}

fn open(cluster: &Cluster, store: &Arc<MemoryStore>, more: &str) -> Room {
    let settings = Settings {
        stability: Duration::from_millis(200),
        grace: Duration::from_millis(500),
        ..Settings::default()
    };
    Room::builder()
        .catalog(&format!("{CATALOG}{more}"))
        .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
        .store(store.clone())
        .responder(Deploys::new(settings))
        .responder(Steers)
        .timing(SOON)
        .open()
}

#[tokio::test]
async fn it_waits_at_its_pauses_until_somebody_lets_it_go_on() {
    let steps = json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]);
    let mut place = Place::with(steps).await;
    place.say("@otus deploy api@v2").await;
    let card = place.shown("waits at step 2 of 4").await;
    insta::assert_snapshot!(card);
    until(&place.store, |operation| operation.state == State::Paused).await;
    assert_eq!(place.status()["updatedReplicas"], 1);
    place.press("Resume").await;
    place.shown("waits at step 4 of 4").await;
    until(&place.store, |operation| operation.state == State::Paused).await;
    assert_eq!(place.status()["updatedReplicas"], 2);
    place.press("Resume").await;
    insta::assert_snapshot!(place.shown("is live").await);
    assert_eq!(place.ended().await, DeployState::Succeeded);
    assert_eq!(place.status()["phase"], "Healthy");
}

#[tokio::test]
async fn what_crashes_while_it_waits_is_led_back() {
    let mut place = Place::with(json!([{"setWeight": 25}, {"pause": {}}])).await;
    let later = Behaviour::CrashAfterReady {
        exit_code: 1,
        log: "out of handles".into(),
    };
    place.cluster.behave("shop/api:v2", later);
    place.say("@otus deploy api@v2").await;
    let card = place.shown("failed in").await;
    assert!(
        card.contains("crashes") && card.contains("The rollout was aborted"),
        "{card}"
    );
    assert_eq!(place.status()["abort"], true);
    assert_eq!(place.ended().await, DeployState::Failed);
}

#[tokio::test]
async fn cancelled_it_is_led_back_and_can_begin_anew() {
    let mut place = Place::with(json!([{"setWeight": 25}, {"pause": {}}])).await;
    place.say("@otus deploy api@v2").await;
    place.shown("waits at step 2 of 2").await;
    until(&place.store, |operation| operation.state == State::Paused).await;
    place.press("Cancel").await;
    insta::assert_snapshot!(place.shown("was stopped half-way").await);
    assert_eq!(place.status()["abort"], true);
    place.say("@otus deploy api@v2").await;
    place.shown("waits at step 2 of 2").await;
    until(&place.store, |operation| operation.state == State::Paused).await;
    assert_ne!(place.status()["abort"], true);
    place.press("Resume").await;
    place.shown("is live").await;
}

#[tokio::test]
async fn its_own_verdict_is_told() {
    let mut place = Place::with(json!([{"setWeight": 25}, {"pause": {"duration": "1h"}}])).await;
    place.say("@otus deploy api@v2").await;
    place.shown("The rollout is at step 2 of 2").await;
    // An analysis, or somebody with Argo's own tools.
    let client = kube::Client::try_from(kube::Config::new(place.cluster.url().parse().unwrap())).unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout"));
    let rollouts: Api<DynamicObject> = Api::namespaced_with(client, "staging", &kind);
    let abort = Patch::Merge(json!({"status": {"abort": true}}));
    rollouts
        .patch_status("api", &PatchParams::default(), &abort)
        .await
        .unwrap();
    let card = place.shown("failed in").await;
    assert!(
        card.contains("The controller of the Rollout gave it up: RolloutAborted"),
        "{card}"
    );
}

#[tokio::test]
async fn it_has_steps_of_its_own_and_no_canary_besides() {
    let mut place = Place::with(json!([])).await;
    place.room = open(&place.cluster, &place.store, "\n[services.api.canary]\n");
    let told = place.say("@otus deploy api@v2").await;
    assert!(told.contains("a Rollout of Argo has steps of its own"), "{told}");
}

/// Deploys a Rollout; when the fuse burns, a second robot goes on. Answers how many calls the first one made.
async fn play(scene: &Replica<'_>, version: &str, fuse: Fuse) -> u64 {
    let object = rollout(
        &scene.service,
        "registry.test/shop/one:v1",
        &json!([{"setWeight": 50}, {"pause": {"duration": 2}}]),
    );
    scene.cluster.seed(&object.to_string()).unwrap();
    healthy(scene.cluster, &scene.service).await;
    let told = |operation: &Operation| operation.state.is_over() && operation.told;
    let line = format!("@otus deploy {}@{version}", scene.service);
    let mut first = scene.room(&fuse, QUIET);
    first.say("ann", &line).await;
    let alone = tokio::select! {
        _ = until(&scene.store, told) => true,
        () = fuse.burnt() => false,
    };
    let mut second = scene.room(&Fuse::default(), SOON);
    if !alone {
        scene.clock.jump(SignedDuration::from_secs(31));
        second.robot().start();
        if newest(&scene.store).await.is_none() {
            second.say("ann", &line).await;
        }
    }
    let done = until(&scene.store, told).await;
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
    let object = scene.cluster.get("rollout", "staging", &scene.service).unwrap();
    let rows = scene.store.deploys(&DeployFilter::default()).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| row.state).collect();
    if version == "v2" {
        assert_eq!(done.state, State::Succeeded, "{done:#?}");
        assert_eq!(object["status"]["phase"], "Healthy");
        assert_eq!(rows, [DeployState::Succeeded]);
    } else {
        assert_eq!(done.state, State::Failed, "{done:#?}");
        assert_eq!(object["status"]["abort"], true, "it is led back, whoever does it");
        assert_eq!(rows, [DeployState::Failed]);
    }
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, format!("registry.test/shop/one:{version}"));
    fuse.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_it_is_taken_up_and_led_to_its_end() {
    let cluster = Arc::new(scene::replica::place().await);
    for version in ["v2", "v2-crash"] {
        let whole = Replica::with_rollout(&cluster, format!("whole-{version}"));
        let calls = play(&whole, version, Fuse::default()).await;
        assert!(calls > 10, "{calls}");
        let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
        stream::iter(cases)
            .map(|(call, done)| {
                let cluster = cluster.clone();
                tokio::spawn(async move {
                    let when = if done { "after" } else { "before" };
                    let service = format!("killed-{version}-{call}-{when}");
                    let scene = Replica::with_rollout(&cluster, service);
                    play(&scene, version, Fuse::at(call, done)).await
                })
            })
            .buffer_unordered(12)
            .for_each(|played| async move {
                played.unwrap();
            })
            .await;
    }
}
