//! Deploys, and what GitHub and Grafana are told of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kit;

use jiff::SignedDuration;
use kit::{CATALOG, Deploys, Fate, SOON, begin, deploy, github, merged_pull, wait};
use otus::{
    MemoryStore, Store,
    operations::{Action, Ending, Outcome, Plan, Run, Target, Timing},
    prelude::*,
    room::{Clock, Fuse, RoomBuilder, RoomChat},
};
use otus_ci::github::GitHub;
use otus_emulators::{
    github::{self as emulated, DeploymentSeen},
    grafana,
};
use otus_monitoring::grafana::{Grafana, GrafanaConfig};
use otus_responder_markers::{Markers, Settings};
use std::{sync::Arc, time::Duration};

struct Scene {
    fate: Fate,
    emulated: emulated::GitHub,
    api: emulated::Repository,
    client: GitHub,
    grafana: grafana::Grafana,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

fn client(grafana: &grafana::Grafana, token: &str) -> Grafana {
    let config = GrafanaConfig {
        url: Some(grafana.url().into()),
        token: Some(token.to_owned().into()),
        ..GrafanaConfig::default()
    };
    Grafana::new(&config).unwrap()
}

impl Scene {
    async fn set() -> Self {
        let (emulated, api, client) = github().await;
        Self {
            fate: Fate::default(),
            emulated,
            api,
            client,
            grafana: grafana::Grafana::start().await.unwrap(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
        }
    }

    fn furnished(&self, timing: Timing) -> RoomBuilder {
        let settings = Settings {
            github_deployments: true,
            ..Settings::default()
        };
        let github = Some(Arc::new(self.client.clone()));
        let grafana = Some(Arc::new(client(&self.grafana, self.grafana.token())));
        Room::builder()
            .catalog(CATALOG)
            .timing(timing)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .responder(Deploys(self.fate.clone()))
            .responder(Markers::new(settings, github, grafana).unwrap())
    }

    /// A robot that follows, from before the first deploy.
    async fn room(&self) -> Room {
        let room = self
            .furnished(SOON)
            .fuse(Fuse::default(), self.clock.clone())
            .open();
        room.robot().start();
        wait(async || (self.store.entries("followers").await.unwrap().len() == 2).then_some(())).await;
        room
    }

    /// Waits until GitHub's deployments are so.
    async fn until(&self, what: impl Fn(&[DeploymentSeen]) -> bool) -> Vec<DeploymentSeen> {
        wait(async || Some(self.api.deployments()).filter(|all| what(all))).await
    }

    fn states(&self) -> Vec<(String, String, Vec<String>)> {
        let all = self.api.deployments().into_iter();
        all.map(|one| (one.sha, one.environment, one.states)).collect()
    }
}

fn told(states: &[&str]) -> Vec<String> {
    states.iter().map(|state| (*state).to_owned()).collect()
}

#[tokio::test]
async fn a_deploy_is_a_deployment_of_its_commit_and_of_each_pull_request_s_head() {
    let scene = Scene::set().await;
    let (one, head_one, _) = merged_pull(&scene.api, "faster", "Answer faster");
    let (two, head_two, merge) = merged_pull(&scene.api, "nicer", "Answer nicer");
    *scene.fate.pulls.lock().unwrap() = vec![one, two];
    scene.fate.open.send_replace(false);
    let mut room = scene.room().await;
    let operation = begin(&mut room, &merge, "staging").await;
    let under_way = scene
        .until(|all| all.len() == 3 && all.iter().all(|one| one.states == ["in_progress"]))
        .await;
    let shas: Vec<_> = under_way.iter().map(|one| one.sha.as_str()).collect();
    assert_eq!(shas, [merge.as_str(), &head_one, &head_two]);
    for one in &under_way {
        assert_eq!(one.environment, "staging");
        assert_eq!(one.asked["payload"]["operation"], operation.id);
        assert_eq!(one.asked["payload"]["digest"], "sha256:00");
        assert_eq!(one.asked["production_environment"], false);
        assert!(
            one.log_url.as_ref().unwrap().starts_with("https://chat.test/C1/"),
            "{one:?}"
        );
    }
    let mark = wait(async || scene.grafana.annotations().pop()).await;
    assert_eq!(mark.time, mark.time_end, "it goes on");
    assert_eq!(mark.tags[..4], ["deploy", "api", "staging", "running"]);

    scene.fate.open.send_replace(true);
    scene
        .until(|all| all.iter().all(|one| one.states == ["in_progress", "success"]))
        .await;
    let mark = wait(async || {
        scene
            .grafana
            .annotations()
            .pop()
            .filter(|mark| mark.time_end > mark.time)
    })
    .await;
    assert_eq!(mark.tags[..4], ["deploy", "api", "staging", "succeeded"]);
    assert!(mark.text.ends_with("in the chat</a>"), "{}", mark.text);
    assert_eq!(scene.grafana.annotations().len(), 1);
}

/// Changes a flag, or does not.
struct Turning;

#[async_trait::async_trait]
impl Action for Turning {
    fn kind(&self) -> &'static str {
        "flag"
    }

    async fn plan(&self, _: &Services, ask: &serde_json::Value) -> Result<Plan> {
        Ok(Plan {
            target: Target {
                service: None,
                environment: Some("production".into()),
            },
            title: "Turn it".into(),
            details: ask.clone(),
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let moved = run.plan().details == "moved";
        let outcome = if moved {
            Outcome::Superseded
        } else {
            Outcome::Succeeded
        };
        Ok(Ending {
            outcome,
            note: "nav is <on> in production".into(),
            card: Card::new(Tone::Good, "Turned"),
        })
    }
}

/// Turns.
#[derive(Default)]
struct Turns;

/// Turns flags.
#[responder(name = "turns")]
impl Turns {
    /// Turns one.
    #[respond(
        r"^turn (?<how>\w+)$",
        usage = "turn <how>",
        example = "turn on",
        effect = "operation"
    )]
    async fn turn(&self, cx: Context, how: String) -> Result {
        cx.propose("flag", how).await
    }

    /// What it does.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Turning)]
    }
}

#[tokio::test]
async fn a_flag_that_was_changed_is_a_mark_at_its_moment() {
    let scene = Scene::set().await;
    let mut room = scene.furnished(SOON).responder(Turns).open();
    room.robot().start();
    wait(async || (scene.store.entries("followers").await.unwrap().len() == 2).then_some(())).await;
    for how in ["moved", "on"] {
        room.say("ann", &format!("@otus turn {how}")).await;
        room.answer().await;
    }
    let mark = wait(async || scene.grafana.annotations().pop()).await;
    assert_eq!(mark.tags[..3], ["deploy", "production", "flag"]);
    assert_eq!(mark.time, mark.time_end);
    assert!(
        mark.text.starts_with("nav is &lt;on&gt; in production, by "),
        "{}",
        mark.text
    );
    // What was not changed was looked at before it, and left no mark.
    assert_eq!(scene.grafana.annotations().len(), 1);
}

#[tokio::test]
async fn what_was_live_is_inactive_afterwards_and_what_fails_takes_nobody_s_place() {
    let scene = Scene::set().await;
    let mut room = scene.room().await;
    let first = scene.api.commit("main", "First").unwrap();
    deploy(&mut room, &first, "production").await;
    scene
        .until(|all| all.len() == 1 && all[0].states.contains(&"success".into()))
        .await;
    assert_eq!(scene.api.deployments()[0].asked["production_environment"], true);

    *scene.fate.outcome.lock().unwrap() = Outcome::Failed;
    let second = scene.api.commit("main", "Second").unwrap();
    deploy(&mut room, &second, "production").await;
    scene
        .until(|all| all.len() == 2 && all[1].states.contains(&"failure".into()))
        .await;
    assert!(!scene.api.deployments()[0].states.contains(&"inactive".into()));

    *scene.fate.outcome.lock().unwrap() = Outcome::Succeeded;
    let third = scene.api.commit("main", "Third").unwrap();
    deploy(&mut room, &third, "production").await;
    let all = scene
        .until(|all| all.len() == 3 && all[0].states.last().unwrap() == "inactive")
        .await;
    assert_eq!(all[2].states.last().unwrap(), "success");
}

#[tokio::test]
async fn a_pull_request_s_deployment_stays_until_the_next_deploy() {
    let scene = Scene::set().await;
    let mut room = scene.room().await;
    let (number, _, merge) = merged_pull(&scene.api, "faster", "Answer faster");
    *scene.fate.pulls.lock().unwrap() = vec![number];
    deploy(&mut room, &merge, "staging").await;
    let live = |all: &[DeploymentSeen]| {
        let states: Vec<_> = all.iter().filter_map(|one| one.states.last()).collect();
        states == ["success", "success"]
    };
    scene.until(live).await;
    scene.fate.pulls.lock().unwrap().clear();
    let next = scene.api.commit("main", "Next").unwrap();
    deploy(&mut room, &next, "staging").await;
    scene
        .until(|all| {
            let states: Vec<_> = all.iter().filter_map(|one| one.states.last()).collect();
            states == ["inactive", "inactive", "success"]
        })
        .await;
    let told = scene.states();
    let inactive = |states: &[String]| states.iter().filter(|state| *state == "inactive").count();
    assert!(
        told[..2].iter().all(|(.., states)| inactive(states) == 1),
        "{told:?}"
    );
}

/// The end of one deploy, told by a robot whose fuse burns at the nth call, and then by another one.
async fn killed(fuse: Fuse) -> u64 {
    let scene = Scene::set().await;
    let (number, head, merge) = merged_pull(&scene.api, "faster", "Answer faster");
    *scene.fate.pulls.lock().unwrap() = vec![number];
    let quiet = Timing {
        sweep: Duration::from_secs(3600),
        ..SOON
    };
    // The cursors, so that the deploy is news.
    let first = scene.room().await;
    assert!(first.robot().stop(Duration::from_secs(10)).await);
    let alone = Room::builder()
        .catalog(CATALOG)
        .timing(quiet)
        .store(scene.store.clone())
        .chat(scene.chat.clone())
        .responder(Deploys(scene.fate.clone()));
    let mut deployer = alone.open();
    deploy(&mut deployer, &merge, "staging").await;

    let mortal = scene
        .furnished(SOON)
        .fuse(fuse.clone(), scene.clock.clone())
        .open();
    mortal.robot().start();
    let all_told = || {
        let success = |(_, _, states): &(String, String, Vec<String>)| {
            states.last().is_some_and(|last| last == "success")
        };
        let states = scene.states();
        let ended = scene
            .grafana
            .annotations()
            .iter()
            .any(|mark| mark.tags.contains(&"succeeded".into()));
        states.len() == 2 && states.iter().all(success) && ended
    };
    tokio::select! {
        () = wait(async || all_told().then_some(())) => {}
        () = fuse.burnt() => {}
    }
    let calls = fuse.calls();
    fuse.burn();
    scene.clock.jump(SignedDuration::from_secs(61));
    let second = scene
        .furnished(SOON)
        .fuse(Fuse::default(), scene.clock.clone())
        .open();
    second.robot().start();
    wait(async || all_told().then_some(())).await;
    // Until nothing waits any more, in either outbox.
    for name in ["github-deployments", "grafana-annotations"] {
        let outbox = otus::operations::follow::outbox(second.robot().services(), name);
        wait(async || {
            let all = outbox.all().await.unwrap();
            (all.len() == 1 && !all[0].waits).then_some(())
        })
        .await;
    }
    assert!(second.robot().stop(Duration::from_secs(10)).await);
    let shas: Vec<_> = scene.states().into_iter().map(|(sha, ..)| sha).collect();
    assert_eq!(shas, [merge, head], "each once");
    assert_eq!(
        scene.grafana.annotations().len(),
        1,
        "{:?}",
        scene.grafana.calls()
    );
    calls
}

#[tokio::test]
async fn killed_anywhere_nothing_is_lost_and_nothing_there_twice() {
    let calls = killed(Fuse::default()).await;
    assert!(calls > 20, "{calls}");
    // The followers work side by side, so that a call is not the same one in each run; all of them are hit all the same.
    for call in 1..=calls.min(80) {
        killed(Fuse::at(call, call % 2 == 0)).await;
    }
}

#[tokio::test]
async fn an_answer_that_got_lost_makes_no_second_mark() {
    let scene = Scene::set().await;
    let mut room = scene.room().await;
    let sha = scene.api.commit("main", "First").unwrap();
    scene.grafana.fault(grafana::Fault::Lost);
    scene
        .emulated
        .fault("POST /repos/acme/api/deployments", emulated::Fault::LoseAnswer, 1);
    deploy(&mut room, &sha, "staging").await;
    room.say("ann", "@otus markers").await;
    let mut seen = room.answer().await.plain();
    while !seen.contains("after 1 attempt") {
        room.say("ann", "@otus markers").await;
        seen = room.answer().await.plain();
    }
    wait(async || {
        scene.clock.jump(SignedDuration::from_secs(61));
        let ended = scene
            .grafana
            .annotations()
            .iter()
            .any(|mark| mark.tags.contains(&"succeeded".into()));
        let told = scene
            .states()
            .iter()
            .any(|(_, _, states)| states.contains(&"success".into()));
        (ended && told).then_some(())
    })
    .await;
    assert_eq!(scene.grafana.annotations().len(), 1);
    assert_eq!(scene.states(), [(sha, "staging".into(), told(&["success"]))]);
}

#[tokio::test]
async fn what_is_not_allowed_is_told_and_tried_again_when_somebody_says_so() {
    let scene = Scene::set().await;
    scene.emulated.revoke_token(scene.emulated.token());
    let mut room = scene.room().await;
    let sha = scene.api.commit("main", "First").unwrap();
    deploy(&mut room, &sha, "staging").await;
    let outbox = otus::operations::follow::outbox(room.robot().services(), "github-deployments");
    wait(async || {
        scene.clock.jump(SignedDuration::from_hours(2));
        let all = outbox.all().await.unwrap();
        all.iter().any(|one| one.given_up).then_some(())
    })
    .await;
    room.say("ann", "@otus markers").await;
    let said = room.answer().await.plain();
    assert!(
        said.starts_with("❌ 1 deploy could not be told elsewhere"),
        "{said}"
    );
    assert!(said.contains("given up after 15 attempts: "), "{said}");
    scene.emulated.allow_token(scene.emulated.token());
    room.press("ann", "Try again").await;
    let said = room.answer().await.plain();
    assert!(said.ends_with("I tell of 1 deploy once more."), "{said}");
    scene
        .until(|all| all.len() == 1 && all[0].states.contains(&"success".into()))
        .await;
}

#[tokio::test]
async fn without_anybody_to_tell_it_says_how_to_have_it() {
    let markers = Markers::new(Settings::default(), None, None).unwrap();
    let mut room = Room::with(markers);
    room.say("ann", "@otus markers").await;
    insta::assert_snapshot!(room.answer().await.plain(), @r"
    Nobody else is told of deploys
    Whoever runs me can change that: `github_deployments = true` below `[responders.markers]`, and `[grafana]`. On my own graphs deploys are marked in any case.
    ");
    room.say("ann", "@otus markers retry").await;
    room.expect_reply("There is nothing that I gave up.").await;
    let wanted = Settings {
        github_deployments: true,
        ..Settings::default()
    };
    let error = Markers::new(wanted, None, None).unwrap_err().to_string();
    assert_eq!(
        error,
        "github_deployments needs [github]: set a token or an App there"
    );
}

#[tokio::test]
async fn whether_it_would_be_allowed_can_be_told_before() {
    let scene = Scene::set().await;
    let repo = "acme/api".parse().unwrap();
    scene.client.may_tell_deployments(&repo).await.unwrap();
    assert_eq!(scene.api.deployments(), []);
    scene.emulated.revoke_token(scene.emulated.token());
    scene.client.may_tell_deployments(&repo).await.unwrap_err();
    client(&scene.grafana, scene.grafana.token())
        .check()
        .await
        .unwrap();
    for token in [scene.grafana.viewer_token(), "wrong"] {
        let error = client(&scene.grafana, token)
            .check()
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("annotations:write"), "{error}");
    }
    assert_eq!(scene.grafana.annotations(), []);
}
