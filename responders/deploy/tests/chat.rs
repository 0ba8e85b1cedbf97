//! Deploys as they read in the chat, on an emulated cluster.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::time::Duration;

use otus::MessageRef;
use otus::operations::{OperationFilter, State};
use otus::prelude::*;
use otus::room::PATIENCE;
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::Fault;
use otus_responder_deploy::Settings;
use scene::{Scene, open, still};
use serde_json::json;

#[tokio::test]
async fn a_good_deploy_is_one_message_from_plan_to_end() {
    let mut scene = Scene::quick().await;
    insta::assert_snapshot!(still(&scene.say("@otus deploy api@v2").await), @"
    ⏳ Deploy *api* `v2` to *staging*
    image: `v1` → `v2`
    2 of 2 pods ready.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    scene.shown("of 2 pods on the new version").await;
    scene.shown("I watch them").await;
    insta::assert_snapshot!(still(&scene.shown("is live").await), @"
    ✅ *api* `v2` is live in *staging*
    `v1` → `v2`
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
    let messages = scene.room.chat().messages();
    assert_eq!(messages.len(), 1, "one message");
    let deploy = scene.ended().await;
    assert_eq!(
        (deploy.state, deploy.by.as_str(), deploy.version.as_str()),
        (DeployState::Succeeded, "ann", "v2")
    );
    assert_eq!(deploy.previous.as_deref(), Some("registry.test:5000/shop/api:v1"));
    assert_eq!(deploy.card.as_ref(), Some(&messages[0].0));
    assert_eq!(deploy.note.as_deref(), Some("All 2 pods run it."));
    assert_eq!(scene.image("staging"), "registry.test:5000/shop/api:v2");
    assert_eq!(scene.image("production"), "registry.test:5000/shop/api:v1");
}

#[tokio::test]
async fn a_crash_loop_is_explained_at_once_and_left_forward() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api v3-crash to production").await;
    insta::assert_snapshot!(still(&scene.shown("failed in").await), @"
    ❌ *api* `v3-crash` failed in *production*
    `v1` → `v3-crash`
    The new pod `api-pod` crashes: its container `app` ended with exit code 1, and was started again.
    (moment) starting registry.test:5000/shop/api:v3-crash
    panic: connection to the database refused
    Look at the log; mend it and deploy the next version. 2 pods of the old version keep serving.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    asked by @ann (time)
    ");
    let deploy = scene.ended().await;
    assert_eq!(deploy.state, DeployState::Failed);
    scene.room.press("bob", "Roll forward to v1").await;
    scene.room.answer().await;
    scene.shown("`v1` is live").await;
    assert_eq!(scene.image("production"), "registry.test:5000/shop/api:v1");
    assert_eq!(scene.ended().await.by.as_str(), "bob");
}

#[tokio::test]
async fn a_missing_image() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v4-missing").await;
    insta::assert_snapshot!(still(&scene.shown("failed in").await), @"
    ❌ *api* `v4-missing` failed in *staging*
    `v1` → `v4-missing`
    The new pod `api-pod` cannot start: the registry does not have the image `registry.test:5000/shop/api:v4-missing`.
    Check that the build of this version has finished and pushed its image, and that its name is right. 2 pods of the old version keep serving.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    asked by @ann (time)
    ");
}

#[tokio::test]
async fn a_hang_ends_at_the_deadline() {
    let deadline = Duration::from_secs(2);
    let mut scene = Scene::set(Settings {
        deadline,
        ..Settings::default()
    })
    .await;
    scene.say("@otus deploy api@v5-hang").await;
    let card = still(&scene.shown("failed in").await);
    assert!(
        card.contains("It did not finish within 2 s, so I stopped waiting."),
        "{card}"
    );
    assert!(card.contains("runs but is not ready"), "{card}");
    assert!(card.contains("2 pods of the old version keep serving."), "{card}");
}

#[tokio::test]
async fn a_crash_after_the_rollout_is_not_called_live() {
    let mut scene = Scene::set(Settings::default()).await;
    scene.say("@otus deploy api@v7-crashlater").await;
    let card = scene.shown("failed in").await;
    assert!(card.contains("crashes"), "{card}");
}

#[tokio::test]
async fn overtaken_by_somebody_else() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v6-slow").await;
    scene.shown("of 2 pods on the new version").await;
    scene.set_image("v3").await;
    insta::assert_snapshot!(still(&scene.shown("was overtaken").await), @"
    ⚠️ *api* `v6-slow` was overtaken in *staging*
    `v1` → `v6-slow`
    `v3` is wanted there by now, set by `kubectl-set`, (moment). That rollout is not mine to report.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
    assert_eq!(scene.ended().await.state, DeployState::Superseded);
    // The next deploy does not undo that behind anybody's back.
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(still(&scene.shown("after my last deploy").await), @"
    ⚠️ *api* `v2` was not deployed to *staging*
    `v3` → `v2`
    `kubectl-set` set `registry.test:5000/shop/api:v3` (moment), after my last deploy. Nothing was changed. Deploying over it undoes that.
    [Deploy over it]
    asked by @ann (time)
    ");
    assert_eq!(scene.image("staging"), "registry.test:5000/shop/api:v3");
    scene.room.press("ann", "Deploy over it").await;
    scene.room.answer().await;
    let card = scene.shown("`v2` is live").await;
    assert!(
        card.contains("I took the image over from `kubectl-set`"),
        "{card}"
    );
}

#[tokio::test]
async fn a_second_deploy_is_refused_while_one_runs() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v6-slow to staging").await;
    scene.room.say("bob", "@otus deploy api@v2 to staging").await;
    insta::assert_snapshot!(still(&scene.room.answer().await.plain()), @"
    ⚠️ Not now: ann does `deploy api@v6-slow to staging` since (moment), and only one at a time may change api in staging.
    `deploy api@v2 to staging` was not begun; the other one is under way for (time).
    [Queue it] [Why?]
    asked by @bob (time)
    ");
    // Another environment is another matter.
    scene.room.say("bob", "@otus deploy api@v2 to production").await;
    scene.room.answer().await;
    scene.shown("`v2` is live").await;
    scene.shown("`v6-slow` is live").await;
}

#[tokio::test]
async fn what_runs_already_is_recorded_all_the_same() {
    let mut scene = Scene::quick().await;
    insta::assert_snapshot!(still(&scene.say("@otus deploy api@v1").await), @"
    ✅ Deploy *api* `v1` to *staging*
    There is nothing to do: it is like that already.
    It runs there since (moment), brought by `kubectl-client-side-apply`: 2 of 2 pods ready. Nothing was changed.
    asked by @ann (time)
    ");
    let filter = OperationFilter::default();
    let operation = scene.store.operations(&filter).await.unwrap().remove(0);
    assert_eq!(operation.state, State::Succeeded);
    assert_eq!(scene.room.chat().messages().len(), 1);
}

#[tokio::test]
async fn the_version_is_what_runs_one_environment_before() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy web@2.0 to staging").await;
    scene.shown("`2.0` is live in *staging*").await;
    scene.say("@otus deploy web to production").await;
    scene.shown("`2.0` is live in *production*").await;
    // Nothing comes before staging, but there is a history.
    scene.room.say("ann", "@otus deploy web").await;
    insta::assert_snapshot!(scene.room.answer().await.plain(), @"
    Which version of `web` do you mean? Say `deploy web@<version> to staging`. Deployed before: `2.0`.
    [deploy web@2.0 to staging]
    ");
}

#[tokio::test]
async fn last_good_is_what_ran_before_without_a_repository_too() {
    let mut scene = Scene::quick().await;
    let nothing = scene.say("@otus deploy web@last-good to staging").await;
    assert!(
        nothing.starts_with("I remember no other version of `web`"),
        "{nothing}"
    );
    for version in ["2.0", "2.1"] {
        scene.say(&format!("@otus deploy web@{version} to staging")).await;
        scene.shown(&format!("`{version}` is live in *staging*")).await;
    }
    scene.say("@otus deploy web@last-good to staging").await;
    scene
        .room
        .expect_shown(|post| {
            let text = post.plain();
            text.contains("`2.1` → `2.0`") && text.contains("is live in *staging*")
        })
        .await;
}

#[tokio::test]
async fn paused_is_told_with_what_to_do() {
    let mut scene = Scene::quick().await;
    scene.meddle(json!({ "spec": { "paused": true } })).await;
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(still(&scene.shown("is paused").await), @"
    ⚠️ Deploying *api* `v2` to *staging*
    `v1` → `v2`
    The rollout of `api` is paused by `kubectl-set` since (moment), so the new version does not start, and no deadline runs in the cluster. To let it go on: `kubectl rollout resume deployment/api -n staging`
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    scene.meddle(json!({ "spec": { "paused": false } })).await;
    scene.shown("is live").await;
}

#[tokio::test]
async fn a_cluster_that_answers_too_late_may_have_done_it() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("`v2` is live").await;
    scene.cluster.fault_on("PATCH", "", Fault::LoseAnswer, 1);
    scene.say("@otus deploy api@v3").await;
    scene.shown("`v3` is live").await;
    scene.cluster.fault_on("PATCH", "", Fault::status(403), 1);
    scene.say("@otus deploy api@v1").await;
    let card = scene.shown("was not deployed").await;
    assert!(card.contains("Nothing was changed."), "{card}");
}

#[tokio::test]
async fn the_status_of_everything() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("is live").await;
    scene.ended().await;
    scene.set_image("v3").await;
    let settled = |view: &otus_emulators::kubernetes::View<'_>| {
        let deployment = view.get("deployment", "staging", "api")?;
        let status = &deployment["status"];
        (status["updatedReplicas"] == 2 && status["readyReplicas"] == 2 && status["replicas"] == 2)
            .then_some(())
    };
    scene.cluster.wait_until(PATIENCE, settled).await.unwrap();
    let table = scene.say("@otus status").await;
    let table = regex::Regex::new(r"\d+s")
        .unwrap()
        .replace_all(&table, "0s")
        .into_owned();
    insta::assert_snapshot!(table, @"
    ⚠️ What runs where
    api
      staging     v3  0s  2/2
      production  v1  0s  2/2
    web
      staging     v1  0s  1/1
      production  v1  0s  1/1
    ⚠️ `api` in *staging* runs `v3`, set by `kubectl-set`; I deployed `v2` last.
    ");
    let one = scene.say("@otus status of web").await;
    assert!(one.contains("web") && !one.contains("api"), "{one}");
}

/// The card in the chat of the robot that came after.
async fn taken_up(room: &Room, card: &MessageRef, words: &str) -> String {
    let search = room.chat().wait(|chat| {
        let messages = chat.messages();
        let (_, post) = messages.iter().find(|(message, _)| message == card)?;
        Some(post.plain()).filter(|text| text.contains(words))
    });
    tokio::time::timeout(PATIENCE, search)
        .await
        .unwrap_or_else(|_| panic!("{}", room.chat().transcript()))
}

#[tokio::test]
async fn a_robot_that_is_restarted_goes_on() {
    let mut scene = Scene::quick().await;
    scene.room.robot().start();
    scene.say("@otus deploy api@v6-slow").await;
    scene.shown("of 2 pods on the new version").await;
    assert!(scene.room.robot().stop(PATIENCE).await, "it comes to a stop");
    scene.shown("I am restarting.").await;
    let row = scene
        .store
        .deploys(&DeployFilter::default())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(row.state, DeployState::Running);
    // The rollout finishes while nobody watches.
    let after = open(&scene.cluster, &scene.store, scene.settings.clone());
    after.robot().start();
    let end = taken_up(&after, &row.card.unwrap(), "is live").await;
    insta::assert_snapshot!(still(&end), @"
    ✅ *api* `v6-slow` is live in *staging*
    `v1` → `v6-slow`
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    I was restarted meanwhile · asked by @ann (time)
    ");
    assert_eq!(scene.ended().await.state, DeployState::Succeeded);
}
