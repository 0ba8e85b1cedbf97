//! A canary: a few pods of the new version, watched before the service itself is changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, PostParams};
use otus::operations::State;
use otus::room::{Fuse, PATIENCE};
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::Cluster;
use scene::replica::{Replica, place};
use scene::{API, SOON, Scene, newest, still, until};
use serde_json::{Value, json};

const CANARY: &str = "\n[services.api.canary]\nbake = \"300ms\"\n";

/// A gate that is good before the deploy, and bad after it: how many scrapes fall into the time since.
const RED: &str = r#"query = "max(count_over_time(up[{{since}}]))"
above = 10"#;
const NOTHING: &str = "query = \"no_such_metric\"\nbelow = 1";

fn plain(card: &str) -> String {
    let pods = regex::Regex::new(r"`api-canary-[a-z0-9]+-[a-z0-9]+`").unwrap();
    let number = regex::Regex::new(r"`\d+` \(good").unwrap();
    number
        .replace_all(&pods.replace_all(&still(card), "`(pod)`"), "`(some)` (good")
        .into_owned()
}

fn canary(cluster: &Cluster) -> Option<Value> {
    cluster
        .get("deployment", "staging", "api-canary")
        .map(|found| json!(found))
}

fn untouched(scene: &Scene) {
    assert_eq!(canary(&scene.cluster), None);
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
    let pods = scene.cluster.list("pod", "staging");
    let new = pods
        .iter()
        .filter(|pod| pod["spec"]["containers"][0]["image"] != format!("{API}:v1"));
    let mut new = new.filter(|pod| pod["metadata"]["labels"]["app"] == "api");
    assert_eq!(new.next(), None, "what served before serves on, and nothing else");
}

#[tokio::test]
async fn it_passes_and_the_service_follows() {
    let mut scene = Scene::with("\n[services.api.canary]\nbake = \"3s\"\nshare = \"50%\"\n").await;
    insta::assert_snapshot!(plain(&scene.say("@otus deploy api@v2").await));
    let card = scene.shown("I watch for").await;
    assert!(
        card.contains("Canary: 1 pod of the new version beside the old ones."),
        "{card}"
    );
    let made = canary(&scene.cluster).unwrap();
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(
        made["spec"]["template"]["spec"]["containers"][0]["image"],
        format!("{API}:v2")
    );
    assert_eq!(
        made["spec"]["selector"]["matchLabels"],
        json!({"otus.dev/canary": "api"})
    );
    assert_eq!(
        made["metadata"]["annotations"]["otus.dev/operation"],
        newest(&scene.store).await.unwrap().id.as_str()
    );
    // Whatever selects the service's pods selects the canary's, and nobody took them from it.
    let main = scene.cluster.get("deployment", "staging", "api").unwrap();
    for (label, value) in main["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(made["spec"]["template"]["metadata"]["labels"][label], *value);
    }
    assert_eq!(main["status"]["replicas"], 2);
    assert_eq!(
        scene.image("staging"),
        format!("{API}:v1"),
        "not changed before it passed"
    );
    insta::assert_snapshot!(plain(&scene.shown("is live").await));
    assert_eq!(canary(&scene.cluster), None);
    assert_eq!(scene.ended().await.state, DeployState::Succeeded);
    // What runs already needs no trial.
    let card = scene.say("@otus deploy api@v2").await;
    assert!(!card.contains("anary"), "{card}");
}

#[tokio::test]
async fn where_it_is_not_meant_there_is_none() {
    let mut scene =
        Scene::with("\n[services.api.canary]\nbake = \"1h\"\nenvironments = [\"production\"]\n").await;
    let card = scene.say("@otus deploy api@v2 to staging").await;
    assert!(!card.contains("anary"), "{card}");
    scene.shown("is live").await;
}

#[tokio::test]
async fn crashing_it_goes_and_nothing_else_was_changed() {
    let mut scene = Scene::with(CANARY).await;
    scene.say("@otus deploy api@v3-crash").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await));
    untouched(&scene);
    assert_eq!(scene.ended().await.state, DeployState::Stopped);
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Failed);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_by_it() {
    let mut scene = Scene::with(CANARY).await;
    scene.say("@otus deploy api@v4-missing").await;
    let card = plain(&scene.shown("was not deployed").await);
    assert!(card.contains("The canary failed."), "{card}");
    assert!(card.contains("the registry does not have the image"), "{card}");
    untouched(&scene);
}

#[tokio::test]
async fn a_red_gate_stops_it_at_once() {
    let mut scene = Scene::gated(&format!("{RED}\n[services.api.canary]\nbake = \"1h\"")).await;
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await));
    untouched(&scene);
}

#[tokio::test]
async fn without_data_people_decide_about_it() {
    let mut scene = Scene::gated(&format!("{NOTHING}{CANARY}")).await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("Somebody has to decide").await;
    assert_eq!(
        scene.image("staging"),
        format!("{API}:v1"),
        "the canary asks first"
    );
    assert!(canary(&scene.cluster).is_some());
    scene.room.press("bob", "Stop it").await;
    scene.room.answer().await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await));
    untouched(&scene);
}

#[tokio::test]
async fn without_data_that_fails_it_fails() {
    let mut scene = Scene::gated(&format!("{NOTHING}\non_no_data = \"fail\"{CANARY}")).await;
    scene.say("@otus deploy api@v2").await;
    let card = plain(&scene.shown("was not deployed").await);
    assert!(card.contains("which counts as bad for it"), "{card}");
    untouched(&scene);
}

#[tokio::test]
async fn cancelled_it_goes() {
    let mut scene = Scene::with("\n[services.api.canary]\nbake = \"1h\"\n").await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("I watch for").await;
    scene.press("bob", "Cancel").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await));
    untouched(&scene);
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Cancelled);
}

#[tokio::test]
async fn paused_it_is_watched_on_and_the_service_waits() {
    let mut scene = Scene::with("\n[services.api.canary]\nbake = \"4s\"\n").await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("I watch for").await;
    scene.press("bob", "Pause").await;
    scene.shown("the canary stays and is watched on").await;
    until(&scene.store, |operation| operation.state == State::Paused).await;
    untouched(&scene);
    scene.press("bob", "Resume").await;
    scene.shown("is live").await;
}

/// Somebody's Deployment of the canary's name, with these notes.
async fn stray(scene: &Scene, notes: Value) {
    let labels = json!({ "stray": "yes" });
    let stray: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "api-canary", "annotations": notes },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": format!("{API}:v0") }] },
            },
        },
    }))
    .unwrap();
    let client = kube::Client::try_from(kube::Config::new(scene.cluster.url().parse().unwrap())).unwrap();
    let api: Api<Deployment> = Api::namespaced(client, "staging");
    api.create(&PostParams::default(), &stray).await.unwrap();
}

#[tokio::test]
async fn one_that_an_earlier_deploy_left_is_told_and_deleted() {
    let mut scene = Scene::with(CANARY).await;
    let notes = json!({
        "otus.dev/canary-of": "api", "otus.dev/operation": "long-ago", "otus.dev/generation": "7",
        "otus.dev/started": "2020-01-01T00:00:00Z", "otus.dev/image": format!("{API}:v0"), "otus.dev/version": "v0",
    });
    stray(&scene, notes).await;
    let card = scene.say("@otus deploy api@v2").await;
    assert!(
        card.contains("An earlier deploy left `api-canary` with `v0`; I delete it"),
        "{card}"
    );
    scene.shown("is live").await;
    assert_eq!(canary(&scene.cluster), None);
}

#[tokio::test]
async fn one_that_is_somebody_elses_stays() {
    let mut scene = Scene::with(CANARY).await;
    stray(&scene, json!({})).await;
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await));
    assert!(canary(&scene.cluster).is_some());
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
}

/// Deploys with a canary; when the fuse burns, a second robot goes on. Answers how many calls the first one made.
async fn play(scene: &Replica<'_>, version: &str, fuse: Fuse) -> u64 {
    let first_image = "registry.test/shop/one:v1";
    scene
        .cluster
        .deployment("staging", &scene.service, first_image, 1)
        .await
        .unwrap();
    let told = |operation: &otus::operations::Operation| operation.state.is_over() && operation.told;
    let line = format!("@otus deploy {}@{version}", scene.service);
    let mut first = scene.room(&fuse, scene::QUIET);
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
    let left = scene
        .cluster
        .get("deployment", "staging", &format!("{}-canary", scene.service));
    assert_eq!(left, None, "nothing of it is left");
    let deployment = scene
        .cluster
        .get("deployment", "staging", &scene.service)
        .unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    let rows = scene.store.deploys(&DeployFilter::default()).await.unwrap();
    let (state, runs, row) = match version {
        "v2" => (
            State::Succeeded,
            "registry.test/shop/one:v2",
            DeployState::Succeeded,
        ),
        _ => (State::Failed, first_image, DeployState::Stopped),
    };
    assert_eq!(done.state, state, "{done:#?}");
    assert_eq!(image, runs);
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [row]);
    let cards: Vec<_> = scene.chat.shown().into_iter().map(|post| post.plain()).collect();
    let card = cards.iter().find(|card| card.contains(version)).unwrap();
    let words = match version {
        "v2" => "✓ Canary: 1 pod of it stayed well",
        _ => "The canary failed.",
    };
    assert!(card.contains(words), "{card}");
    fuse.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_it_is_taken_up_and_nothing_of_it_is_left() {
    let cluster = Arc::new(place().await);
    for version in ["v2", "v2-crash"] {
        let whole = format!("whole-{version}");
        let calls = play(&Replica::with_canary(&cluster, whole), version, Fuse::default()).await;
        assert!(calls > 15, "{calls}");
        let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
        stream::iter(cases)
            .map(|(call, done)| {
                let cluster = cluster.clone();
                tokio::spawn(async move {
                    let when = if done { "after" } else { "before" };
                    let service = format!("killed-{version}-{call}-{when}");
                    let scene = Replica::with_canary(&cluster, service);
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
