//! Deploys as operations: held, stopped, void, killed, fenced.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use otus::operations::{Operation, OperationFilter, Saved, State};
use otus::room::{Fuse, PATIENCE};
use otus::store::{DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::Fault;
use otus_responder_deploy::Settings;
use scene::replica::{Replica, place};
use scene::{API, QUIET, SOON, Scene, newest, still, until};
use serde_json::json;

const APPROVED: &str = r#"
    [[rules]]
    name = "production is approved by an SRE"
    environments = ["production"]
    approvals = 1
    approvers = "sre"
"#;

fn paused(scene: &Scene) -> bool {
    let deployment = scene.cluster.get("deployment", "staging", "api").unwrap();
    deployment["spec"]["paused"] == true
}

#[tokio::test]
async fn cancelled_half_way_it_is_paused_and_the_next_deploy_goes_on() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v5-hang").await;
    scene.shown("Waiting for").await;
    scene.press("bob", "Cancel").await;
    let card = still(&scene.shown("stopped half-way").await);
    insta::assert_snapshot!(card, @"
    ⚠️ *api* `v5-hang` was stopped half-way in *staging*
    `v1` → `v5-hang`
    I paused the rollout. 0 of 2 pods run the new version and will stay; the old ones go on serving. The next deploy goes on from here.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1] [Go on with v5-hang]
    asked by @ann (time)
    ");
    assert!(paused(&scene));
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Cancelled);
    assert_eq!(scene.ended().await.state, DeployState::Stopped);
    // What the button says: the plan tells that the rollout goes on.
    scene
        .room
        .say("ann", "@otus deploy api@v5-hang to staging --plan")
        .await;
    insta::assert_snapshot!(still(&scene.room.answer().await.plain()).lines().take(4).collect::<Vec<_>>().join("\n"), @"
    Deploy *api* `v5-hang` to *staging*
    rollout: paused by me → goes on
    2 of 2 pods ready.
    This image is wanted already; I would follow its rollout.
    ");
    scene.say("@otus deploy api@v2 to staging").await;
    scene.shown("`v2` is live").await;
    assert!(!paused(&scene));
}

#[tokio::test]
async fn what_is_wanted_while_the_change_is_made_is_done_right_after_it() {
    let mut scene = Scene::quick().await;
    // The change waits for the cluster; meanwhile somebody wants it to wait.
    scene.cluster.fault_on("PATCH", "", Fault::status(503), 1);
    scene.say("@otus deploy api@v2").await;
    scene.shown("Asking the cluster").await;
    scene.press("bob", "Pause").await;
    scene.shown("Pausing at the next safe point").await;
    // The change is made at the second try, and then it is held.
    scene.shown("I paused the rollout").await;
    until(&scene.store, |operation| operation.state == State::Paused).await;
    scene.press("bob", "Cancel").await;
    scene.shown("stopped half-way").await;
    until(&scene.store, |operation| operation.state == State::Cancelled).await;
}

#[tokio::test]
async fn cancelled_while_it_is_watched_there_is_nothing_to_pause() {
    let mut scene = Scene::set(Settings::default()).await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("Watching *api*").await;
    scene.press("bob", "Cancel").await;
    let card = scene.shown("I only stopped watching").await;
    assert!(card.contains("2 of 2 pods run the new version"), "{card}");
    assert!(!paused(&scene));
    until(&scene.store, |operation| operation.state == State::Cancelled).await;
}

#[tokio::test]
async fn paused_and_resumed_it_goes_on() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v6-slow").await;
    scene.shown("of 2 pods on the new version").await;
    scene.press("bob", "Pause").await;
    let card = still(&scene.shown("I paused the rollout").await);
    assert!(card.contains("[Resume] [Cancel]"), "{card}");
    until(&scene.store, |operation| operation.state == State::Paused).await;
    assert!(paused(&scene));
    scene.press("bob", "Resume").await;
    scene.shown("is live").await;
    assert!(!paused(&scene));
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded);
}

#[tokio::test]
async fn held_for_longer_than_any_deadline_and_by_several_robots() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v6-slow").await;
    scene.shown("of 2 pods on the new version").await;
    scene.press("bob", "Pause").await;
    until(&scene.store, |operation| operation.state == State::Paused).await;
    scene.shown("I paused the rollout").await;
    assert!(scene.room.robot().stop(PATIENCE).await);
    // An hour passes, four times as long as a rollout may take.
    let mut operation = newest(&scene.store).await.unwrap();
    let hour = SignedDuration::from_secs(3600);
    let since: jiff::Timestamp = operation.progress["held"]["since"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    operation.progress["held"]["since"] = (since - hour).to_string().into();
    let saved = scene.store.save(&operation, &[], &[]).await.unwrap();
    assert!(matches!(saved, Saved::Yes(_)), "{saved:?}");
    let after = scene.successor();
    after.robot().start();
    let held = after.chat().wait(|chat| {
        let post = chat.shown().into_iter().next()?.plain();
        (post.contains("I paused the rollout") && post.contains("I was restarted")).then_some(post)
    });
    let card = tokio::time::timeout(PATIENCE, held).await.unwrap();
    assert!(card.contains("of 2 pods on the new version"), "{card}");
    assert_eq!(newest(&scene.store).await.unwrap().state, State::Paused);
    // There is a card in the chat of the second one, which somebody presses.
    scene.room = after;
    scene.press("bob", "Resume").await;
    scene.shown("is live").await;
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(
        (operation.state, operation.lease.generation),
        (State::Succeeded, 2)
    );
}

#[tokio::test]
async fn who_resumes_it_in_the_cluster_is_not_fought() {
    let mut scene = Scene::quick().await;
    scene.say("@otus deploy api@v6-slow").await;
    scene.shown("of 2 pods on the new version").await;
    scene.press("bob", "Pause").await;
    until(&scene.store, |operation| operation.state == State::Paused).await;
    scene.meddle(json!({ "spec": { "paused": null } })).await;
    scene.shown("Somebody let the rollout go on").await;
    scene.shown("is live").await;
    assert!(!paused(&scene));
}

#[tokio::test]
async fn watching_goes_on_from_when_it_began() {
    let mut scene = Scene::set(Settings::default()).await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("Watching *api*").await;
    let before = until(&scene.store, |operation| !operation.progress["bake"].is_null()).await;
    assert!(scene.room.robot().stop(PATIENCE).await);
    // Nearly all of it has passed when the next one takes it up.
    let mut operation = newest(&scene.store).await.unwrap();
    let since: jiff::Timestamp = before.progress["bake"]["since"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let almost = since - SignedDuration::from_secs(59);
    operation.progress["bake"]["since"] = almost.to_string().into();
    assert!(matches!(
        scene.store.save(&operation, &[], &[]).await.unwrap(),
        Saved::Yes(_)
    ));
    scene.room = scene.successor();
    scene.room.robot().start();
    // Within the test's patience, which is far less than it would be watched anew.
    let card = scene.shown("is live").await;
    assert!(card.contains("stayed well for 1 min"), "{card}");
}

#[tokio::test]
async fn a_plan_is_void_when_the_world_moved_before_it_was_approved() {
    let mut scene = Scene::ruled(&APPROVED.replace("production", "staging")).await;
    let card = still(&scene.say("@otus deploy api@v2 to staging").await);
    assert!(
        card.contains("image: `v1` → `v2`") && card.contains("[Approve]"),
        "{card}"
    );
    scene.set_image("v3").await;
    scene.room.press("bob", "Approve").await;
    let answer = scene.room.answer().await.plain();
    assert!(answer.contains("is void"), "{answer}");
    until(&scene.store, |operation| operation.state == State::Void).await;
    let card = still(&scene.shown("The world moved").await);
    assert!(card.contains("image was `v1` and is `v3` now"), "{card}");
    assert_eq!(scene.image("staging"), format!("{API}:v3"));
    assert!(
        scene
            .store
            .deploys(&DeployFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
}

impl Replica<'_> {
    /// Deploys; when the fuse burns, a second robot goes on. Answers how many calls the first one made.
    async fn play(&self, fuse: Fuse) -> u64 {
        self.cluster
            .deployment("staging", &self.service, "registry.test/shop/one:v1", 1)
            .await
            .unwrap();
        let told = |operation: &Operation| operation.state.is_over() && operation.told;
        let mut first = self.room(&fuse, QUIET);
        first
            .say("ann", &format!("@otus deploy {}@v2", self.service))
            .await;
        let alone = tokio::select! {
            _ = until(&self.store, told) => true,
            () = fuse.burnt() => false,
        };
        let mut second = self.room(&Fuse::default(), SOON);
        if !alone {
            self.clock.jump(SignedDuration::from_secs(31));
            second.robot().start();
            if newest(&self.store).await.is_none() {
                // It died before it had written anything: asked again, it is done.
                second
                    .say("ann", &format!("@otus deploy {}@v2", self.service))
                    .await;
            }
            until(&self.store, told).await;
        }
        assert!(second.robot().stop(PATIENCE).await);
        while self.chat.take_unexpected().is_some() {}
        let all = self.store.operations(&OperationFilter::default()).await.unwrap();
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0].state, State::Succeeded, "{:#?}", all[0]);
        let deployment = self.cluster.get("deployment", "staging", &self.service).unwrap();
        let template = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(template, "registry.test/shop/one:v2");
        let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        assert_eq!(revision, "2", "exactly one rollout");
        let rows = self.store.deploys(&DeployFilter::default()).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].state, rows[0].id.as_str()),
            (DeployState::Succeeded, all[0].id.as_str())
        );
        let shown: Vec<_> = self
            .chat
            .shown()
            .into_iter()
            .map(|post| post.plain())
            .filter(|text| text.contains("`v2`"))
            .collect();
        assert_eq!(shown.len(), 1, "one card: {shown:#?}");
        assert!(shown[0].contains("is live"), "{}", shown[0]);
        fuse.calls()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_it_is_done_once_and_told() {
    let cluster = Arc::new(place().await);
    let calls = Replica::of(&cluster, "whole".into()).play(Fuse::default()).await;
    assert!(calls > 15, "{calls}");
    let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
    stream::iter(cases)
        .map(|(call, done)| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                let service = format!("killed-{call}-{}", if done { "after" } else { "before" });
                Replica::of(&cluster, service).play(Fuse::at(call, done)).await
            })
        })
        .buffer_unordered(12)
        .for_each(|played| async move {
            played.unwrap();
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_wakes_up_late_is_shut_out() {
    let cluster = place().await;
    let scene = Replica::of(&cluster, "sleepy".into());
    cluster
        .deployment("staging", "sleepy", "registry.test/shop/one:v1", 1)
        .await
        .unwrap();
    // The first one has read the workload, and its change is on the way.
    cluster.fault_on("PATCH", "sleepy", Fault::Hold, 1);
    let fuse = Fuse::default();
    let mut first = scene.room(&fuse, SOON);
    first.say("ann", "@otus deploy sleepy@v2").await;
    tokio::time::timeout(PATIENCE, cluster.held(1)).await.unwrap();
    // It hangs; another one takes the deploy up and brings it to its end.
    fuse.freeze();
    scene.clock.jump(SignedDuration::from_secs(31));
    let second = scene.room(&Fuse::default(), SOON);
    second.robot().start();
    let done = until(&scene.store, |operation| {
        operation.state.is_over() && operation.told
    })
    .await;
    assert_eq!((done.state, done.lease.generation), (State::Succeeded, 2));
    // The first one wakes up, and changes nothing any more: neither there, nor here, nor in the chat.
    let shown: Vec<_> = scene.chat.shown();
    cluster.release();
    fuse.thaw();
    assert!(first.robot().stop(PATIENCE).await);
    // It may have edited the card before it knew; then that is told again.
    until(&scene.store, |operation| operation.told).await;
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
    let deployment = cluster.get("deployment", "staging", "sleepy").unwrap();
    let annotations = &deployment["metadata"]["annotations"];
    assert_eq!(annotations["otus.dev/generation"], "2");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision"], "2",
        "exactly one rollout"
    );
    assert_eq!(newest(&scene.store).await.unwrap().ending, done.ending);
    assert_eq!(scene.chat.shown(), shown);
    let rows = scene.store.deploys(&DeployFilter::default()).await.unwrap();
    assert_eq!((rows.len(), rows[0].generation), (1, 2));
}

#[tokio::test]
async fn in_the_thread_of_a_deploy_logs_and_events_need_no_names() {
    let mut scene = Scene::quick().await;
    let asked = scene.room.say("ann", "@otus deploy api@v3-crash").await;
    scene.room.answer().await;
    scene.shown("failed in").await;
    scene.room.enter_thread(Some(asked));
    scene.room.say("bob", "@otus logs previous").await;
    let logs = still(&scene.room.answer().await.plain());
    assert!(
        logs.starts_with("Logs of *api* in *staging*\n`api-pod`: not ready"),
        "{logs}"
    );
    assert!(
        logs.contains("panic: connection to the database refused"),
        "{logs}"
    );
    assert!(logs.contains("of an earlier version"), "{logs}");
    scene.room.say("bob", "@otus events").await;
    let events = scene.room.answer().await.plain();
    assert!(events.starts_with("Events of *api* in *staging*\n"), "{events}");
    assert!(events.contains("BackOff"), "{events}");
    let ages: Vec<u32> = events
        .lines()
        .skip(1)
        .filter_map(|line| line.trim_start().split_once("s  ")?.0.parse().ok())
        .collect();
    assert!(
        ages.len() > 5 && ages.is_sorted_by(|older, newer| older >= newer),
        "the newest last: {events}"
    );
    assert!(!events.contains("web-"), "only its own: {events}");
    let pods = scene.cluster.list("pod", "staging");
    let old = pods
        .iter()
        .find(|pod| pod["spec"]["containers"][0]["image"] == format!("{API}:v1"))
        .unwrap();
    let name = old["metadata"]["name"].as_str().unwrap();
    scene.room.say("bob", &format!("@otus logs {name}")).await;
    let one = scene.room.answer().await.plain();
    assert_eq!(one.matches("`api-").count(), 1, "{one}");
    assert!(one.contains(name), "{one}");
    scene.room.say("bob", "@otus logs nonsense").await;
    let answer = scene.room.answer().await.plain();
    assert!(
        answer.contains("`api` has no pod `nonsense` in *staging*. It has `api-"),
        "{answer}"
    );
}

#[tokio::test]
async fn outside_of_a_thread_they_are_named() {
    let mut scene = Scene::quick().await;
    scene.room.say("bob", "@otus logs web in production").await;
    let logs = still(&scene.room.answer().await.plain());
    assert!(
        logs.starts_with("Logs of *web* in *production*\n`web-pod`: ready, "),
        "{logs}"
    );
    scene
        .room
        .say("bob", "@otus logs web in production previous")
        .await;
    let logs = scene.room.answer().await.plain();
    assert!(
        logs.contains("It was never started again, so there is no earlier log."),
        "{logs}"
    );
    scene.room.say("bob", "@otus logs").await;
    insta::assert_snapshot!(scene.room.answer().await.plain(), @"Whose logs do you mean? Say `logs <service> in <environment>`, or `logs` in the thread of a deploy.");
    scene.room.say("bob", "@otus events").await;
    insta::assert_snapshot!(scene.room.answer().await.plain(), @"Whose events do you mean? Say `events <service> in <environment>`, or `events` in the thread of a deploy.");
    scene.room.say("bob", "@otus logs wev").await;
    insta::assert_snapshot!(scene.room.answer().await.plain(), @"
    There is no service called `wev`. A pod can be named in the thread of its deploy.
    [logs web]
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_before_the_change_nothing_is_changed_by_anybody() {
    let cluster = place().await;
    let scene = Replica::of(&cluster, "early".into());
    cluster
        .deployment("staging", "early", "registry.test/shop/one:v1", 1)
        .await
        .unwrap();
    cluster.fault_on("PATCH", "early", Fault::Hold, 1);
    let fuse = Fuse::default();
    let mut first = scene.room(&fuse, SOON);
    first.say("ann", "@otus deploy early@v2").await;
    tokio::time::timeout(PATIENCE, cluster.held(1)).await.unwrap();
    // Its change is on the way when it falls asleep. Another one takes the deploy up, which somebody cancels.
    fuse.freeze();
    let mut second = scene.room(&Fuse::default(), SOON);
    second.press("ann", "Cancel").await;
    until(&scene.store, |operation| {
        operation.wish == otus::operations::Wish::Cancel
    })
    .await;
    scene.clock.jump(SignedDuration::from_secs(31));
    second.robot().start();
    let done = until(&scene.store, |operation| {
        operation.state.is_over() && operation.told
    })
    .await;
    assert_eq!(done.state, State::Cancelled);
    let card = scene.chat.shown()[0].plain();
    assert!(
        card.contains("It was cancelled in time. Nothing was changed."),
        "{card}"
    );
    // That stays true when the first one wakes up.
    cluster.release();
    fuse.thaw();
    assert!(first.robot().stop(PATIENCE).await);
    until(&scene.store, |operation| operation.told).await;
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
    let card = scene.chat.shown()[0].plain();
    assert!(card.contains("It was cancelled in time."), "{card}");
    let deployment = cluster.get("deployment", "staging", "early").unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "registry.test/shop/one:v1");
    assert_eq!(newest(&scene.store).await.unwrap().ending, done.ending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_before_the_change_it_waits_and_then_makes_it() {
    let cluster = place().await;
    let scene = Replica::of(&cluster, "early".into());
    cluster
        .deployment("staging", "early", "registry.test/shop/one:v1", 1)
        .await
        .unwrap();
    cluster.fault_on("PATCH", "early", Fault::Hold, 1);
    let fuse = Fuse::default();
    let mut first = scene.room(&fuse, SOON);
    first.say("ann", "@otus deploy early@v2").await;
    tokio::time::timeout(PATIENCE, cluster.held(1)).await.unwrap();
    // It dies before its change arrives, and somebody wants it to wait before another one takes it up.
    fuse.burn();
    let mut second = scene.room(&Fuse::default(), SOON);
    second.press("ann", "Pause").await;
    until(&scene.store, |operation| {
        operation.wish == otus::operations::Wish::Pause
    })
    .await;
    scene.clock.jump(SignedDuration::from_secs(31));
    second.robot().start();
    second
        .expect_shown(|post| post.plain().contains("Nothing was changed yet."))
        .await;
    until(&scene.store, |operation| operation.state == State::Paused).await;
    let image = || {
        let deployment = cluster.get("deployment", "staging", "early").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(), "registry.test/shop/one:v1");
    second.press("ann", "Resume").await;
    let done = until(&scene.store, |operation| {
        operation.state.is_over() && operation.told
    })
    .await;
    assert_eq!(done.state, State::Succeeded);
    assert_eq!(image(), "registry.test/shop/one:v2");
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
    cluster.release();
}

/// Deploys what never comes up, and cancels it; when the fuse burns, a second robot goes on. Answers how many calls the first
/// one made.
async fn cancelled(scene: &Replica<'_>, fuse: Fuse) -> u64 {
    scene
        .cluster
        .deployment("staging", &scene.service, "registry.test/shop/one:v1", 1)
        .await
        .unwrap();
    let over = |operation: &Operation| operation.state.is_over() && operation.told;
    let mut first = scene.room(&fuse, SOON);
    let mut second = scene.room(&Fuse::default(), SOON);
    first
        .say("ann", &format!("@otus deploy {}@v2-hang", scene.service))
        .await;
    tokio::select! {
        _ = until(&scene.store, |operation| operation.state.is_active()) => {}
        () = fuse.burnt() => {}
    }
    if newest(&scene.store).await.is_none() {
        // It died before it had written anything.
        second
            .say("ann", &format!("@otus deploy {}@v2-hang", scene.service))
            .await;
    }
    let running = until(&scene.store, |operation| operation.state.is_active()).await;
    second.say("bob", &format!("@otus cancel {}", running.id)).await;
    let alone = tokio::select! {
        _ = until(&scene.store, over) => true,
        () = fuse.burnt() => false,
    };
    if !alone {
        scene.clock.jump(SignedDuration::from_secs(31));
    }
    let done = until(&scene.store, over).await;
    fuse.burn();
    assert!(second.robot().stop(PATIENCE).await);
    while scene.chat.take_unexpected().is_some() {}
    assert_eq!(done.state, State::Cancelled, "{done:#?}");
    let deployment = scene
        .cluster
        .get("deployment", "staging", &scene.service)
        .unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    let (changed, paused) = (
        image == "registry.test/shop/one:v2-hang",
        deployment["spec"]["paused"] == true,
    );
    assert_eq!(
        changed, paused,
        "what was changed is paused, and nothing else: {deployment:#}"
    );
    let cards: Vec<_> = scene
        .chat
        .shown()
        .into_iter()
        .map(|post| post.plain())
        .filter(|text| text.contains("`v2-hang`"))
        .collect();
    assert_eq!(cards.len(), 1, "one card: {cards:#?}");
    let words = match changed {
        true => "I paused the rollout.",
        false => "It was cancelled in time.",
    };
    assert!(cards[0].contains(words), "{}", cards[0]);
    fuse.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_is_cancelled_it_ends_cancelled_and_says_what_is_so() {
    let cluster = Arc::new(place().await);
    let calls = cancelled(&Replica::of(&cluster, "whole".into()), Fuse::default()).await;
    assert!(calls > 15, "{calls}");
    let cases = (1..=calls).flat_map(|call| [(call, false), (call, true)]);
    stream::iter(cases)
        .map(|(call, done)| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                let service = format!("killed-{call}-{}", if done { "after" } else { "before" });
                cancelled(&Replica::of(&cluster, service), Fuse::at(call, done)).await
            })
        })
        .buffer_unordered(12)
        .for_each(|played| async move {
            played.unwrap();
        })
        .await;
}
