//! Deploys as they read in the chat, on an emulated cluster.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use otus::prelude::*;
use otus::room::PATIENCE;
use otus::store::{Deploy, DeployFilter, DeployState, Store};
use otus::{MemoryStore, MessageRef};
use otus_emulators::kubernetes::{Cluster, Fault, Options};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};
use serde_json::json;

const CATALOG: &str = r#"
[environments.staging]
[environments.production]
after = "staging"

[services.api]
image = "registry.test:5000/shop/api"
versions = ["v1", "v2", "v3", "v3-crash", "v4-missing", "v5-hang", "v6-slow", "v7-crashlater"]
[services.web]
environments = ["staging", "production"]
"#;

const API: &str = "registry.test:5000/shop/api";

struct Scene {
    cluster: Cluster,
    store: Arc<MemoryStore>,
    settings: Settings,
    room: Room,
}

fn open(cluster: &Cluster, store: &Arc<MemoryStore>, settings: Settings) -> Room {
    Room::builder()
        .catalog(CATALOG)
        .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
        .store(store.clone())
        .responder(Deploys::new(settings))
        .open()
}

impl Scene {
    /// A room, and a cluster where v1 of the service runs in both environments.
    async fn set(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::start(Options::default()).await.unwrap();
        for environment in ["staging", "production"] {
            cluster
                .deployment(environment, "api", &format!("{API}:v1"), 2)
                .await
                .unwrap();
            cluster
                .deployment(environment, "web", "registry.test/shop/web:v1", 1)
                .await
                .unwrap();
        }
        let store = Arc::new(MemoryStore::new());
        let room = open(&cluster, &store, settings);
        Scene {
            cluster,
            store,
            settings,
            room,
        }
    }

    async fn quick() -> Self {
        Scene::set(Settings {
            stability: Duration::from_millis(200),
            ..Settings::default()
        })
        .await
    }

    /// Says something and expects a card as the first answer.
    async fn say(&mut self, words: &str) -> String {
        self.room.say("ann", words).await;
        self.room.answer().await.plain()
    }

    /// The card once it reads so.
    async fn shown(&mut self, words: &str) -> String {
        self.room
            .expect_shown(|post| post.plain().contains(words))
            .await
            .plain()
    }

    /// The newest deploy, once it has ended.
    async fn ended(&self) -> Deploy {
        let search = async {
            loop {
                let newest = self
                    .store
                    .deploys(&DeployFilter::default())
                    .await
                    .unwrap()
                    .into_iter()
                    .next();
                match newest {
                    Some(deploy) if deploy.state != DeployState::Running => return deploy,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap()
    }

    fn image(&self, environment: &str) -> String {
        let deployment = self.cluster.get("deployment", environment, "api").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Somebody else changes the Deployment.
    async fn meddle(&self, patch: serde_json::Value) {
        use k8s_openapi::api::apps::v1::Deployment;
        use kube::api::{Api, Patch, PatchParams};
        let client = kube::Client::try_from(kube::Config::new(self.cluster.url().parse().unwrap())).unwrap();
        let params = PatchParams {
            field_manager: Some("kubectl-set".into()),
            ..PatchParams::default()
        };
        let api: Api<Deployment> = Api::namespaced(client, "staging");
        api.patch("api", &params, &Patch::Strategic(patch)).await.unwrap();
    }

    async fn set_image(&self, tag: &str) {
        let containers = json!([{ "name": "app", "image": format!("{API}:{tag}") }]);
        self.meddle(json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
            .await;
    }
}

/// Without what differs from run to run: times, the names of pods, how often one crashed.
fn still(text: &str) -> String {
    let patterns = [
        (r"(took )?\d+ s · began .* UTC", "(time)"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "(moment)"),
        (r"\d+ s ago", "(time) ago"),
        (r"`(api|web)-[a-z0-9]+-[a-z0-9]+`", "`$1-pod`"),
        (r"started again \d+ times?", "started again"),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}

#[tokio::test]
async fn a_good_deploy_is_one_message_from_plan_to_end() {
    let mut scene = Scene::quick().await;
    insta::assert_snapshot!(still(&scene.say("@otus deploy api@v2").await), @"
    ⏳ Deploying *api* `v2` to *staging*
    `v1` → `v2` for @ann
    Asking the cluster for the change…
    (time)
    ");
    scene.shown("of 2 pods on the new version").await;
    scene.shown("I watch them").await;
    insta::assert_snapshot!(still(&scene.shown("is live").await), @"
    ✅ *api* `v2` is live in *staging*
    `v1` → `v2` for @ann
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    (time)
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
    `v1` → `v3-crash` for @ann
    The new pod `api-pod` crashes: its container `app` ended with exit code 1, and was started again.
    (moment) starting registry.test:5000/shop/api:v3-crash
    panic: connection to the database refused
    Look at the log; mend it and deploy the next version. 2 pods of the old version keep serving.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    (time)
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
    `v1` → `v4-missing` for @ann
    The new pod `api-pod` cannot start: the registry does not have the image `registry.test:5000/shop/api:v4-missing`.
    Check that the build of this version has finished and pushed its image, and that its name is right. 2 pods of the old version keep serving.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    (time)
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
    `v1` → `v6-slow` for @ann
    `v3` is wanted there by now, set by `kubectl-set`, (moment). That rollout is not mine to report.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    (time)
    ");
    assert_eq!(scene.ended().await.state, DeployState::Superseded);
    // The next deploy does not undo that behind anybody's back.
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(still(&scene.shown("after my last deploy").await), @"
    ⚠️ *api* `v2` was not deployed to *staging*
    `v3` → `v2` for @ann
    `kubectl-set` set `registry.test:5000/shop/api:v3` (moment), after my last deploy. Nothing was changed. Deploying over it undoes that.
    [Deploy over it]
    (time)
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
    insta::assert_snapshot!(still(&scene.room.answer().await.plain()), @"`api` is already being deployed to *staging*: @ann asked for `v6-slow` (time) ago. Wait for its end, then ask again.");
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
    ✅ *api* `v1` is already live in *staging*
    `v1` for @ann
    It runs there since (moment), brought by `kubectl-client-side-apply`: 2 of 2 pods ready. Nothing was changed.
    (time)
    ");
    let deploy = scene.ended().await;
    assert_eq!(deploy.state, DeployState::Succeeded);
    assert!(deploy.card.is_some());
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
async fn paused_is_told_with_what_to_do() {
    let mut scene = Scene::quick().await;
    scene.meddle(json!({ "spec": { "paused": true } })).await;
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(still(&scene.shown("is paused").await), @"
    ⚠️ Deploying *api* `v2` to *staging*
    `v1` → `v2` for @ann
    The rollout of `api` is paused by `kubectl-set` since (moment), so the new version does not start, and no deadline runs in the cluster. To let it go on: `kubectl rollout resume deployment/api -n staging`
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    (time)
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
    let card = scene.shown("I am being restarted").await;
    assert!(card.contains("The rollout goes on in the cluster"), "{card}");
    let row = scene
        .store
        .deploys(&DeployFilter::default())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(row.state, DeployState::Running);
    // The rollout finishes while nobody watches.
    let after = open(&scene.cluster, &scene.store, scene.settings);
    after.robot().start();
    let end = taken_up(&after, &row.card.unwrap(), "is live").await;
    insta::assert_snapshot!(still(&end), @"
    ✅ *api* `v6-slow` is live in *staging*
    `v1` → `v6-slow` for @ann
    All 2 pods run it.
    (time) · I was restarted meanwhile
    ");
    assert_eq!(scene.ended().await.state, DeployState::Succeeded);
}

/// The row of a deploy whose process was killed before it could write that the change was made.
fn killed(id: &str, version: &str, card: Option<MessageRef>) -> Deploy {
    Deploy {
        id: id.into(),
        service: "api".into(),
        environment: "staging".into(),
        version: version.into(),
        image: format!("{API}:{version}"),
        previous: Some(format!("{API}:v1")),
        by: "ann".into(),
        began: jiff::Timestamp::now(),
        ended: None,
        state: DeployState::Running,
        card,
        note: None,
        details: json!({
            "workload": {"cluster": "default", "namespace": "staging", "kind": "deployment", "name": "api",
                "container": null, "service": "api"},
            "channel": "C1", "thread": null, "name": "ann", "force": false, "applied": null,
        }),
    }
}

#[tokio::test]
async fn a_robot_that_was_killed_between_two_steps() {
    let mut scene = Scene::quick().await;
    let card = || {
        Some(MessageRef {
            channel: "C1".into(),
            id: "1700000000.000001".into(),
        })
    };
    // Nothing was changed yet, and nothing is changed behind anybody's back.
    scene
        .store
        .begin_deploy(&killed("d1", "v2", card()))
        .await
        .unwrap();
    let after = open(&scene.cluster, &scene.store, scene.settings);
    after.robot().start();
    let end = taken_up(&after, &card().unwrap(), "was not deployed").await;
    insta::assert_snapshot!(still(&end), @"
    ⚠️ *api* `v2` was not deployed to *staging*
    `v1` → `v2` for @ann
    I was restarted before I had changed anything. Ask again if it is still wanted.
    [Try again]
    (time) · I was restarted meanwhile
    ");
    assert_eq!(scene.ended().await.state, DeployState::Stopped);
    assert_eq!(scene.image("staging"), "registry.test:5000/shop/api:v1");
    // The change was made, and only the note of it is missing.
    scene.say("@otus deploy api@v2").await;
    scene.shown("is live").await;
    let made = scene.ended().await;
    let fresh = Arc::new(MemoryStore::new());
    fresh.begin_deploy(&killed(&made.id, "v2", None)).await.unwrap();
    let mut after = open(&scene.cluster, &fresh, scene.settings);
    after.robot().start();
    // There was no card yet either.
    after.answer().await;
    after.expect_shown(|post| post.plain().contains("is live")).await;
}
