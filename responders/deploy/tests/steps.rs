//! What runs before the change: a Job, seen through to its end, taken up, and cancelled.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use otus::operations::State;
use otus::room::{Fuse, PATIENCE};
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::{Behaviour, Cluster};
use scene::replica::{Replica, place};
use scene::{API, BEFORE, SOON, Scene, newest, still, until};

fn jobs(cluster: &Cluster, namespace: &str) -> Vec<serde_json::Value> {
    cluster.list("job", namespace)
}

/// Without the name of a Job and of its pod.
fn plain(card: &str) -> String {
    let job = regex::Regex::new(r"(api-before|one-before)[a-z0-9-]*").unwrap();
    let took = regex::Regex::new(r"(ran first, in|running for) \d+ s").unwrap();
    took.replace_all(&job.replace_all(&still(card), "(job)"), "$1 (time)")
        .into_owned()
}

#[tokio::test]
async fn it_runs_first_and_the_card_says_so() {
    let mut scene = Scene::with(BEFORE).await;
    insta::assert_snapshot!(still(&scene.say("@otus deploy api@v2").await), @"
    ⏳ Deploy *api* `v2` to *staging*
    runs first: `bin/migrate up` (new)
    image: `v1` → `v2`
    2 of 2 pods ready.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    let card = plain(&scene.shown("Preparing *api*").await);
    assert!(card.contains("First `bin/migrate up`:"), "{card}");
    assert_eq!(
        scene.image("staging"),
        format!("{API}:v1"),
        "not changed while it runs"
    );
    insta::assert_snapshot!(plain(&scene.shown("is live").await), @"
    ✅ *api* `v2` is live in *staging*
    `v1` → `v2`
    All 2 pods run it.
    ✓ `bin/migrate up` ran first, in (time)
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
    let all = jobs(&scene.cluster, "staging");
    assert_eq!(all.len(), 1, "{all:#?}");
    let container = &all[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("{API}:v2"));
    assert_eq!(container["command"], serde_json::json!(["bin/migrate"]));
    assert_eq!(container["args"], serde_json::json!(["up"]));
    assert_eq!(container["env"][0]["name"], "STEP");
    assert_eq!(all[0]["spec"]["activeDeadlineSeconds"], 3600);
    // The same image once more changes nothing, so nothing runs.
    scene.say("@otus deploy api@v2").await;
    assert_eq!(jobs(&scene.cluster, "staging").len(), 1);
}

#[tokio::test]
async fn when_it_fails_nothing_is_changed() {
    let mut scene = Scene::with(BEFORE).await;
    let log = "password=hunter2 is wrong\nmigration 7 failed".to_owned();
    scene
        .cluster
        .behave(&format!("{API}:v2"), Behaviour::CrashLoop { exit_code: 3, log });
    scene.say("@otus deploy api@v2").await;
    let card = plain(&scene.shown("was not deployed").await);
    insta::assert_snapshot!(card, @"
    ❌ *api* `v2` was not deployed to *staging*
    `v1` → `v2`
    `bin/migrate up`, which runs first, ended with exit code 3.
    (moment) starting registry.test:5000/shop/api:v2
    password=[redacted] is wrong
    migration 7 failed
    Look at the log; mend it and deploy the next version. `api` itself was not changed: what served before serves on.
    [Try again]
    asked by @ann (time)
    ");
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Failed);
    assert_eq!(scene.ended().await.state, DeployState::Stopped);
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_told_within_seconds() {
    let mut scene = Scene::with(BEFORE).await;
    scene.say("@otus deploy api@v4-missing").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await), @"
    ❌ *api* `v4-missing` was not deployed to *staging*
    `v1` → `v4-missing`
    `bin/migrate up`, which runs first, did not begin. The new pod `(job)` cannot start: the registry does not have the image `registry.test:5000/shop/api:v4-missing`.
    Check that the build of this version has finished and pushed its image, and that its name is right. `api` itself was not changed: what served before serves on.
    [Try again]
    asked by @ann (time)
    ");
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
    assert_eq!(
        jobs(&scene.cluster, "staging"),
        [] as [serde_json::Value; 0],
        "it would begin later"
    );
}

#[tokio::test]
async fn cancelled_while_it_runs_its_job_is_deleted() {
    let mut scene = Scene::with(BEFORE).await;
    scene.say("@otus deploy api@v5-hang").await;
    scene.shown("`bin/migrate up`: running").await;
    // It cannot be held, and says so.
    scene.press("bob", "Pause").await;
    scene.shown("cannot be paused").await;
    scene.press("bob", "Cancel").await;
    insta::assert_snapshot!(plain(&scene.shown("was not deployed").await), @"
    ⚠️ *api* `v5-hang` was not deployed to *staging*
    `v1` → `v5-hang`
    It was cancelled while `bin/migrate up` ran, which may be half done. I deleted its Job, and nothing of it runs any more. The service itself was not changed.
    [Try again]
    asked by @ann (time)
    ");
    assert_eq!(jobs(&scene.cluster, "staging"), [] as [serde_json::Value; 0]);
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Cancelled);
}

#[tokio::test]
async fn a_job_that_somebody_deletes_ends_the_deploy() {
    let mut scene = Scene::with(BEFORE).await;
    scene.say("@otus deploy api@v5-hang").await;
    scene.shown("`bin/migrate up`: running").await;
    let name = jobs(&scene.cluster, "staging")[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    scene.delete_job(&name).await;
    let card = plain(&scene.shown("was not deployed").await);
    assert!(card.contains("Somebody deleted the Job"), "{card}");
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
}

/// Deploys with a step before; when the fuse burns, a second robot goes on. Answers how many calls the first one made.
async fn play(scene: &Replica<'_>, version: &str, fuse: Fuse) -> u64 {
    scene
        .cluster
        .deployment("staging", &scene.service, "registry.test/shop/one:v1", 1)
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
    let label = format!("{}-before", scene.service);
    let made: Vec<_> = jobs(scene.cluster, "staging")
        .into_iter()
        .filter(|job| job["metadata"]["labels"]["app.kubernetes.io/component"] == label.as_str())
        .collect();
    assert_eq!(made.len(), 1, "one Job: {made:#?}");
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
        _ => (State::Failed, "registry.test/shop/one:v1", DeployState::Stopped),
    };
    assert_eq!(done.state, state, "{done:#?}");
    assert_eq!(image, runs);
    assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [row]);
    // Whoever went on has put the Job into its own hands.
    let cards: Vec<_> = scene.chat.shown().into_iter().map(|post| post.plain()).collect();
    let card = cards.iter().find(|card| card.contains(version)).unwrap();
    let words = match version {
        "v2" => "✓ `bin/migrate up` ran first",
        _ => "`bin/migrate up`, which runs first, ended with exit code 1",
    };
    assert!(card.contains(words), "{card}");
    fuse.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_it_runs_once_and_the_deploy_goes_on() {
    let cluster = Arc::new(place().await);
    for version in ["v2", "v2-crash"] {
        let whole = format!("whole-{version}");
        let calls = play(&Replica::with_step(&cluster, whole), version, Fuse::default()).await;
        assert!(calls > 15, "{calls}");
        let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
        stream::iter(cases)
            .map(|(call, done)| {
                let cluster = cluster.clone();
                tokio::spawn(async move {
                    let when = if done { "after" } else { "before" };
                    let service = format!("killed-{version}-{call}-{when}");
                    play(
                        &Replica::with_step(&cluster, service),
                        version,
                        Fuse::at(call, done),
                    )
                    .await
                })
            })
            .buffer_unordered(12)
            .for_each(|played| async move {
                played.unwrap();
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_runs_the_same_job_is_followed_by_the_next_one() {
    let cluster = place().await;
    let scene = Replica::with_step(&cluster, "early".into());
    cluster
        .deployment("staging", "early", "registry.test/shop/one:v1", 1)
        .await
        .unwrap();
    let fuse = Fuse::default();
    let mut first = scene.room(&fuse, SOON);
    first.say("ann", "@otus deploy early@v2-slow").await;
    first
        .expect_shown(|post| post.plain().contains("`bin/migrate up`: running"))
        .await;
    let before = jobs(&cluster, "staging").remove(0);
    fuse.burn();
    let second = scene.room(&Fuse::default(), SOON);
    scene.clock.jump(SignedDuration::from_secs(31));
    second.robot().start();
    let done = until(&scene.store, |operation| {
        operation.state.is_over() && operation.told
    })
    .await;
    assert_eq!(done.state, State::Succeeded, "{done:#?}");
    let after = jobs(&cluster, "staging");
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["metadata"]["uid"], before["metadata"]["uid"]);
    let generation = |job: &serde_json::Value| job["metadata"]["annotations"]["otus.dev/generation"].clone();
    assert_ne!(
        generation(&after[0]),
        generation(&before),
        "{:#}",
        after[0]["metadata"]
    );
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
}
