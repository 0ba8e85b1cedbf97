//! Services with a repository as they read in the chat: an emulated GitHub and cluster, and a real registry.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use otus::MemoryStore;
use otus::prelude::*;
use otus::room::PATIENCE;
use otus::store::{Deploy, DeployFilter, DeployState, Store};
use otus_ci::github::{GitHub, GitHubConfig};
use otus_ci::registry::{Registry, RegistryConfig};
use otus_ci::version::Versions;
use otus_emulators::github::{self as emulated, Conclusion};
use otus_emulators::kubernetes::{Behaviour, Cluster, Fault, Options};
use otus_emulators::real::RealRegistry;
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};
use scene::{SOON, Steers, still};

const REVISION: &str = "org.opencontainers.image.revision";

struct Place {
    api: emulated::Repository,
    registry: RealRegistry,
    cluster: Cluster,
    store: Arc<MemoryStore>,
    room: Room,
}

impl Place {
    async fn new() -> Self {
        Self::with("", "").await
    }

    /// With more about production, and these rules.
    async fn with(production: &str, policy: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let github = emulated::GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let registry = RealRegistry::start().await.unwrap();
        let cluster = Cluster::start(Options::default()).await.unwrap();
        let image = format!("{}/shop/api", registry.host());
        for environment in ["staging", "production"] {
            cluster
                .deployment(environment, "api", &format!("{image}:old"), 2)
                .await
                .unwrap();
        }
        let client = GitHub::new(&GitHubConfig {
            api_url: github.url().into(),
            token: Some(github.token().into()),
            retry_pause: Duration::ZERO,
            ..GitHubConfig::default()
        })
        .unwrap();
        let plain = RegistryConfig {
            plain_http: true,
            ..RegistryConfig::default()
        };
        let images = Registry::new(&BTreeMap::from([(registry.host().to_owned(), plain)])).unwrap();
        let catalog = format!(
            r#"
[environments.staging]
[environments.production]
after = "staging"
{production}
[services.api]
image = "{image}"
repository = "acme/api"
checks = ["build", "test"]
"#
        );
        let store = Arc::new(MemoryStore::new());
        let settings = Settings {
            stability: Duration::from_millis(200),
            ..Settings::default()
        };
        let room = Room::builder()
            .catalog(&catalog)
            .timing(SOON)
            .role("sre", &["bob"])
            .policy(policy)
            .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
            .resource(Versions::new(client, Arc::new(images)))
            // The emulated GitHub lives as long as the room.
            .resource(github)
            .store(store.clone())
            .responder(Deploys::new(settings))
            .responder(Steers)
            .open();
        Place {
            api,
            registry,
            cluster,
            store,
            room,
        }
    }

    fn commit(&self, message: &str, test: Conclusion) -> String {
        let sha = self.api.commit("main", message).unwrap();
        self.api.check(&sha, "build", Conclusion::Success).unwrap();
        self.api.check(&sha, "test", test).unwrap();
        sha
    }

    async fn push(&self, tag: &str, revision: &str) -> String {
        let digest = self.registry.push("shop/api", tag, &[(REVISION, revision)]).await;
        format!("{}/shop/api@{}", self.registry.host(), digest.unwrap())
    }

    /// A green commit with its image.
    async fn released(&self, message: &str) -> (String, String) {
        let sha = self.commit(message, Conclusion::Success);
        let image = self.push(&sha, &sha).await;
        (sha, image)
    }

    async fn say(&mut self, words: &str) -> String {
        self.room.say("ann", words).await;
        still(&self.room.answer().await.plain())
    }

    async fn shown(&mut self, words: &str) -> String {
        let post = self.room.expect_shown(|post| post.plain().contains(words)).await;
        still(&post.plain())
    }

    /// Deploys, and waits until it is live.
    async fn live(&mut self, words: &str) -> String {
        let card = self.say(words).await;
        // `Deploy *api* `v2` to *staging*` becomes `*api* `v2` is live in *staging*`.
        let title = card.lines().next().unwrap().replacen(" to ", " is live in ", 1);
        let (_, title) = title.split_once("Deploy ").unwrap_or_else(|| panic!("{card}"));
        self.shown(title).await
    }

    fn image(&self, environment: &str) -> String {
        let deployment = self.cluster.get("deployment", environment, "api").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The newest deploy, once it has ended.
    async fn ended(&self) -> Deploy {
        self.moved(1).await
    }

    /// The newest of at least so many deploys, once it has ended.
    async fn moved(&self, many: usize) -> Deploy {
        let search = async {
            loop {
                let all = self.store.deploys(&DeployFilter::default()).await.unwrap();
                match all.first() {
                    Some(deploy) if deploy.state != DeployState::Running && all.len() >= many => {
                        return deploy.clone();
                    }
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap()
    }
}

fn short(sha: &str) -> &str {
    &sha[..7]
}

#[tokio::test]
async fn the_latest_green_goes_out_by_its_digest_and_newer_ones_are_named() {
    let mut place = Place::new().await;
    let (sha, image) = place.released("Answer faster (#12)").await;
    place.commit("Break it", Conclusion::TimedOut);
    place.commit("Not built yet", Conclusion::Success);
    insta::assert_snapshot!(place.say("@otus deploy api").await, @"
    ⏳ Deploy *api* `06f01a3` to *staging*
    version: `old` → `06f01a3`
    “Answer faster (#12)” by ann.
    Which commit `old` was built from is not known, so I cannot tell whether this goes forward.
    Newer, but not ready:
    `d1f5ff8` “Not built yet”: it is green, but there is no image tagged `d1f5ff8fff3e5e0b7c966a1964d8cce1e89d085f` yet
    `4f7b951` “Break it”: `test` failed
    2 of 2 pods ready.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    insta::assert_snapshot!(place.shown("is live in").await, @"
    ✅ *api* `06f01a3` is live in *staging*
    `old` → `06f01a3`
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
    assert_eq!(place.image("staging"), image);
    let deploy = place.ended().await;
    assert_eq!((deploy.version.as_str(), &deploy.image), (short(&sha), &image));
    assert_eq!(deploy.details["sha"], sha.as_str());
    assert!(image.ends_with(deploy.details["digest"].as_str().unwrap()));
    let status = place.say("@otus status api").await;
    assert!(
        status.contains(short(&sha)) && !status.contains("sha256"),
        "{status}"
    );

    let shas = place.api.push("main", "bob", &["One (#13)", "Two"]).unwrap();
    for name in ["build", "test"] {
        place.api.check(&shas[1], name, Conclusion::Success).unwrap();
    }
    place.push(&shas[1], &shas[1]).await;
    place.api.tag("release/2", &shas[1]).unwrap();
    let planned = place.say("@otus deploy api@release/2 --plan").await;
    // The hash is of moments, too.
    let planned = regex::Regex::new(r"Plan `\w+`")
        .unwrap()
        .replace(&planned, "Plan (hash)");
    insta::assert_snapshot!(planned, @"
    Deploy *api* `release/2` to *staging*
    version: `06f01a3` → `release/2`
    “Two” by bob, `3326f1b`: 4 commits (https://github.example.com/acme/api/compare/06f01a3a501a0a18399ee454c2fc41881ea88a79...3326f1bd7cc3bfecace2297fa1586264c7da05f9) by ann and bob.
    2 of 2 pods ready.
    Nothing has changed yet. It may be applied.
    It can be applied until (moment). Plan (hash).
    [Apply] [Cancel]
    asked by @ann (time)
    ");
    place.live("@otus deploy api@release/2").await;
    let deploy = place.ended().await;
    assert_eq!(deploy.version, "release/2");
    assert_eq!(deploy.details["pulls"], serde_json::json!([13]));
}

#[tokio::test]
async fn what_ci_has_not_passed_is_refused_with_the_reason() {
    let mut place = Place::new().await;
    let red = place.commit("Break it", Conclusion::TimedOut);
    insta::assert_snapshot!(place.say(&format!("@otus deploy api@{red}")).await, @"
    *api* `e1fa5d2` “Break it” is not deployed: `test` failed.
    ✅ build (https://github.example.com/acme/api/runs/1021): success
    ❌ test (https://github.example.com/acme/api/runs/1029): timed out
    ");
    let bare = place.commit("Not built yet", Conclusion::Success);
    insta::assert_snapshot!(place.say(&format!("@otus deploy api@{}", short(&bare))).await, @"
    *api* `4f04428` “Not built yet” is not deployed: it is green, but there is no image tagged `4f0442886c6cc71c04f04dc567334b18591b4588` yet.
    Has its build finished, and does it push under this tag?
    ");
    place.push(&bare, &red).await;
    insta::assert_snapshot!(place.say("@otus deploy api@main").await, @"
    *api* `4f04428` “Not built yet” is not deployed: the image tagged `4f0442886c6cc71c04f04dc567334b18591b4588` says that it was built from `e1fa5d2acbddab6d6f2976c1905a9d4356264b02`.
    Build it anew, and let the build set `org.opencontainers.image.revision`, which is otherwise inherited from the base image.
    ");
    insta::assert_snapshot!(place.say("@otus deploy api@v9").await, @"`api` has no version `v9`: acme/api has no branch, tag or commit of that name.");
    insta::assert_snapshot!(place.say("@otus deploy api@latest green").await, @"
    None of the newest 3 commits of `main` can be deployed.
    `4f04428` “Not built yet”: the image tagged `4f0442886c6cc71c04f04dc567334b18591b4588` says that it was built from `e1fa5d2acbddab6d6f2976c1905a9d4356264b02`
    `e1fa5d2` “Break it”: `test` failed
    `bb9fbce` “First commit”: nothing was heard of `build` and `test` yet
    ");
    assert!(place.image("staging").ends_with(":old"), "nothing was changed");
}

#[tokio::test]
async fn who_names_no_service_chooses_among_what_ci_has_passed() {
    let mut place = Place::new().await;
    let green = place.commit("Answer faster", Conclusion::Success);
    let red = place.commit("Break it", Conclusion::TimedOut);
    // What is not found in time is typed, which may be so on a slow machine; then it is asked again.
    let mut form = place.say("@otus deploy").await;
    for _ in 0..20 {
        if !form.contains("version: ____") {
            break;
        }
        form = place.say("@otus deploy").await;
    }
    let versions = form.lines().find(|line| line.starts_with("version:")).unwrap();
    assert!(
        versions.contains(&format!("{} Answer faster", short(&green))),
        "{form}"
    );
    assert!(
        !versions.contains(short(&red)) && !versions.contains("First commit"),
        "{form}"
    );
}

#[tokio::test]
async fn the_same_digest_is_promoted() {
    let mut place = Place::new().await;
    let (sha, image) = place.released("Good").await;
    place.live("@otus deploy api").await;
    // The tag moves, and the branch goes on: neither matters.
    place
        .registry
        .push("shop/api", &sha, &[(REVISION, sha.as_str()), ("again", "yes")])
        .await
        .unwrap();
    place.released("Newer").await;
    let card = place.live("@otus deploy api to production").await;
    assert!(card.contains(short(&sha)), "{card}");
    assert_eq!(
        (place.image("production"), place.image("staging")),
        (image.clone(), image)
    );
}

#[tokio::test]
async fn what_failed_in_staging_does_not_go_on() {
    let mut place = Place::new().await;
    let (sha, image) = place.released("Bad").await;
    let crash = Behaviour::CrashLoop {
        exit_code: 1,
        log: "panic".into(),
    };
    place.cluster.behave(&image, crash);
    place.say("@otus deploy api").await;
    place.shown("failed in").await;
    let refused = place.say("@otus deploy api to production").await;
    assert_eq!(
        refused,
        format!(
            "*api* `{}` failed in *staging*, so it does not go on from there. Name a version to deploy it all the same.",
            short(&sha)
        )
    );
}

#[tokio::test]
async fn going_back_in_time_has_to_be_said() {
    let mut place = Place::with("backwards = \"refuse\"", "").await;
    let (old, old_image) = place.released("Old").await;
    let (new, new_image) = place.released("New").await;
    place.live("@otus deploy api").await;
    assert_eq!(place.image("staging"), new_image);
    let words = format!("@otus deploy api@{}", short(&old));
    insta::assert_snapshot!(place.say(&words).await, @"
    `a0024d0` would take *staging* back in time: 1 commit of `c992a90` would be gone. If that is meant, say it with `--back`.
    [deploy api@a0024d0 to staging --back]
    ");
    let card = place.live(&format!("{words} --back")).await;
    assert!(
        card.contains(&format!("`{}` → `{}`", short(&new), short(&old))),
        "{card}"
    );
    assert_eq!(place.image("staging"), old_image);
    // Where it is refused, saying so does not help.
    place.live("@otus deploy api@latest to production").await;
    let refused = place.say(&format!("{words} to production --back")).await;
    insta::assert_snapshot!(refused, @"`a0024d0` would take *production* back in time: 1 commit of `c992a90` would be gone, which is not done there. Deploy a commit that has all of it, or go to the last version that ran well: `deploy api@last-good to production`.");
    // What was built beside what runs is no way forward, either.
    let side = place.api.loose_commit(&[&old], "Aside").unwrap();
    for name in ["build", "test"] {
        place.api.check(&side, name, Conclusion::Success).unwrap();
    }
    place.push(&side, &side).await;
    let refused = place
        .say(&format!("@otus deploy api@{side} to production --back"))
        .await;
    assert!(refused.contains("sideways"), "{refused}");
    assert_eq!(place.image("production"), new_image);
}

#[tokio::test]
async fn the_last_good_comes_back_and_what_it_replaces_is_rejected() {
    let mut place = Place::with("backwards = \"refuse\"", "").await;
    let (good, good_image) = place.released("Good").await;
    place.live("@otus deploy api@latest to production").await;
    let nothing = place.say("@otus deploy api@last-good to production").await;
    insta::assert_snapshot!(nothing, @"I remember no other version of `api` that ran well in *production* and was not rejected since. Name one: `deploy api@<version> to production --back`.");
    let (bad, bad_image) = place.released("Bad").await;
    let crash = Behaviour::CrashLoop {
        exit_code: 1,
        log: "panic".into(),
    };
    place.cluster.behave(&bad_image, crash);
    place.say("@otus deploy api@latest to production").await;
    let label = format!("Roll forward to {}", short(&good));
    let failed = place.shown("failed in").await;
    assert!(failed.contains(&label), "{failed}");
    place.ended().await;
    // By then CI has changed its mind about the good one, which does not matter: it ran well here.
    place.api.check(&good, "test", Conclusion::Failure).unwrap();
    place.room.press("bob", &label).await;
    insta::assert_snapshot!(still(&place.room.answer().await.plain()), @"
    ⏳ Deploy *api* `07de800` to *production*
    version: `364ab8a` → `07de800`
    ⚠️ This goes back in time: 1 commit of `364ab8a` would be gone.
    ⚠️ `364ab8a` is then rejected in *production*: it is deployed there again only by `--force because <reason>`.
    “Good” by ann.
    2 of 2 pods ready.
    [Pause] [Cancel]
    asked by @bob (time)
    ");
    let row = place.moved(3).await;
    assert_eq!(place.image("production"), good_image);
    assert_eq!(
        (row.by.as_str(), &row.details["last_good"]),
        ("bob", &serde_json::json!(true))
    );

    insta::assert_snapshot!(place.say("@otus deploy api@latest to production").await, @"`364ab8a` was rejected in *production* by @bob, (moment) because it failed there. Deploy a newer one; if it has to be this one, say `--force because <reason>`.");
    let bare = place.say("@otus deploy api@latest to production --force").await;
    assert!(bare.contains("was rejected in"), "{bare}");
    place.cluster.behave(&bad_image, Behaviour::Good);
    place
        .live("@otus deploy api@latest to production --force because it was the database")
        .await;
    assert_eq!(place.image("production"), bad_image);
    // It has run well after all; and it was never rejected elsewhere.
    place.live("@otus deploy api@latest").await;
    let card = place
        .say(&format!("@otus deploy api@{} to production", short(&bad)))
        .await;
    assert!(card.contains("nothing to do"), "{card}");
}

#[tokio::test]
async fn what_went_out_between_plan_and_change_is_not_undone() {
    let rules = "[[rules]]\nname = \"approved by an SRE\"\nenvironments = [\"production\"]\napprovals = 1\napprovers = \"sre\"\n";
    let mut place = Place::with("", rules).await;
    let (old, _) = place.released("Old").await;
    let card = place
        .say(&format!("@otus deploy api@{} to production", short(&old)))
        .await;
    assert!(card.contains("[Approve"), "{card}");
    let (_, new_image) = place.released("New").await;
    set_image(&place.cluster, "production", &new_image).await;
    place.room.press("bob", "Approve").await;
    let said = place.room.answer().await.plain();
    assert!(said.contains("--back"), "{said}");
    assert_eq!(place.image("production"), new_image);
}

#[tokio::test]
async fn what_goes_out_right_before_the_change_is_not_undone() {
    let mut place = Place::new().await;
    let (old, _) = place.released("Old").await;
    let (_, new_image) = place.released("New").await;
    let read = "/namespaces/staging/deployments/api";
    // It reads the workload to plan, and once more right before the change.
    place.cluster.fault_on("GET", read, Fault::Hold, 1);
    place
        .room
        .say("ann", &format!("@otus deploy api@{}", short(&old)))
        .await;
    let held = tokio::time::timeout(PATIENCE, place.cluster.held(1));
    held.await.unwrap();
    place.cluster.fault_on("GET", read, Fault::Hold, 1);
    place.cluster.release();
    place.room.answer().await;
    let held = tokio::time::timeout(PATIENCE, place.cluster.held(1));
    held.await.unwrap();
    set_image(&place.cluster, "staging", &new_image).await;
    place.cluster.release();
    insta::assert_snapshot!(place.shown("Meanwhile").await, @"
    ⚠️ *api* `a0024d0` was not deployed to *staging*
    `old` → `a0024d0`
    Meanwhile `c992a90` went out, which has commits that this has not. Nothing was changed.
    [Go back to it]
    asked by @ann (time)
    ");
    assert_eq!(place.ended().await.state, DeployState::Superseded);
    assert_eq!(place.image("staging"), new_image);
}

/// Somebody else deploys.
async fn set_image(cluster: &Cluster, namespace: &str, image: &str) {
    use k8s_openapi::api::apps::v1::Deployment;
    use kube::api::{Api, Patch, PatchParams};
    let client = kube::Client::try_from(kube::Config::new(cluster.url().parse().unwrap())).unwrap();
    let params = PatchParams {
        field_manager: Some("kubectl-set".into()),
        ..PatchParams::default()
    };
    let containers = serde_json::json!([{ "name": "app", "image": image }]);
    let patch = serde_json::json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    let api: Api<Deployment> = Api::namespaced(client, namespace);
    api.patch("api", &params, &Patch::Strategic(patch)).await.unwrap();
}
