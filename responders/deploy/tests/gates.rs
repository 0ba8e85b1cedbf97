//! Gates: metrics that a deploy must stay within, asked of an emulated Prometheus.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use otus::operations::State;
use otus::room::PATIENCE;
use otus::store::DeployState;
use scene::{API, Scene, newest, still, until};

/// How many scrapes fall into the time since the deploy: some 20 before it, when that is five minutes, and some 4 after it, when it
/// is at least one. So a bound between the two is good before the deploy, and bad after it.
const SCRAPES: &str = r#"query = "max(count_over_time(up[{{since}}]))""#;

const NOTHING: &str = r#"query = "no_such_metric""#;

/// Without what differs from run to run.
fn plain(card: &str) -> String {
    let number = regex::Regex::new(r"Gate \*load\*: `?\d+`? now").unwrap();
    let count = regex::Regex::new(r"`[345]` \(good").unwrap();
    count
        .replace_all(
            &number.replace_all(&still(card), "Gate *load*: `(some)` now"),
            "`(few)` (good",
        )
        .into_owned()
}

fn paused(scene: &Scene) -> bool {
    let deployment = scene.cluster.get("deployment", "staging", "api").unwrap();
    deployment["spec"]["paused"] == true
}

#[tokio::test]
async fn passed_the_deploy_is_live() {
    let mut scene = Scene::gated(&format!("{SCRAPES}\nabove = 1")).await;
    let card = plain(&scene.say("@otus deploy api@v2").await);
    assert!(card.contains("Gate *load*: `(some)` now."), "{card}");
    insta::assert_snapshot!(plain(&scene.shown("is live in").await), @"
    ✅ *api* `v2` is live in *staging*
    `v1` → `v2`
    All 2 pods run it.
    ✓ Gate *load*: `(few)` (good is `> 1`), 2 samples
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
    assert_eq!(scene.ended().await.state, DeployState::Succeeded);
}

#[tokio::test]
async fn failed_where_old_pods_serve_the_rollout_is_paused() {
    let mut scene = Scene::gated(&format!("{SCRAPES}\nabove = 10")).await;
    scene.say("@otus deploy api@v5-hang").await;
    insta::assert_snapshot!(plain(&scene.shown("failed in").await), @"
    ❌ *api* `v5-hang` failed in *staging*
    `v1` → `v5-hang`
    The gate *load* is red: `(few)` (good is `> 10`).
    I paused the rollout. 0 of 2 pods run the new version and will stay; the old ones go on serving. The next deploy goes on from here. Find out what this version does; the way out is another deploy.
    ✗ Gate *load*: `(few)` (good is `> 10`)
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    asked by @ann (time)
    ");
    assert!(paused(&scene));
    assert_eq!(scene.ended().await.state, DeployState::Failed);
    let operation = until(&scene.store, |operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Failed);
    // The way out is not kept back by what the failed version broke.
    scene.room.press("bob", "Roll forward to v1").await;
    let card = scene.room.answer().await.plain();
    assert!(card.contains("The gates are not asked: `v5-hang`"), "{card}");
    scene.shown("`v1` is live").await;
    assert!(!paused(&scene));
}

#[tokio::test]
async fn failed_after_the_rollout_it_says_what_serves() {
    let mut scene = Scene::gated(&format!("{SCRAPES}\nabove = 10\ninitial_delay = \"2s\"")).await;
    scene.say("@otus deploy api@v2").await;
    insta::assert_snapshot!(plain(&scene.shown("failed in").await), @"
    ❌ *api* `v2` failed in *staging*
    `v1` → `v2`
    The gate *load* is red: `(few)` (good is `> 10`).
    The rollout was through already: 2 of 2 pods run the new version. I only stopped watching. Find out what this version does; the way out is another deploy.
    ✗ Gate *load*: `(few)` (good is `> 10`)
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    asked by @ann (time)
    ");
    assert_eq!(scene.image("staging"), format!("{API}:v2"));
}

#[tokio::test]
async fn red_before_the_start_it_is_refused() {
    let mut scene = Scene::gated("query = \"2\"\nbelow = 1").await;
    insta::assert_snapshot!(plain(&scene.say("@otus deploy api@v2").await), @"The gate *load* is red already, before any change: `2` (good is `< 1`). What is wrong now would hide what this deploy does. Mend that first, then deploy again.");
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
}

#[tokio::test]
async fn a_query_that_is_invalid_is_refused() {
    let mut scene = Scene::gated("query = \"sum(up\"\nbelow = 1").await;
    insta::assert_snapshot!(plain(&scene.say("@otus deploy api@v2").await), @r#"The gate *load* would protect from nothing, so nothing is deployed: Prometheus does not take its query. It says: Prometheus does not understand the query: invalid parameter "query": 1:7: parse error: unclosed left parenthesis. Correct `query` of the gate in my configuration."#);
    assert_eq!(scene.image("staging"), format!("{API}:v1"));
}

#[tokio::test]
async fn without_data_people_are_asked_and_let_it_through() {
    let mut scene = Scene::gated(&format!("{NOTHING}\nbelow = 1")).await;
    insta::assert_snapshot!(plain(&scene.say("@otus deploy api@v2").await), @"
    ⏳ Deploy *api* `v2` to *staging*
    image: `v1` → `v2`
    2 of 2 pods ready.
    ⚠️ Gate *load* has no data now: no series matches the query.
    [Pause] [Cancel]
    asked by @ann (time)
    ");
    let card = plain(&scene.shown("Somebody has to decide").await);
    for words in [
        "◦ Gate *load*: no data (good is `< 1`)",
        "The gate *load* has no data since (moment): no series matches the query. Somebody has to decide;",
        "[Let it through] [Stop it] [Wait] [Pause] [Cancel]",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    scene.room.press("bob", "Let it through").await;
    scene.room.answer().await;
    insta::assert_snapshot!(plain(&scene.shown("is live in").await), @"
    ✅ *api* `v2` is live in *staging*
    `v1` → `v2`
    All 2 pods run it.
    ✓ Gate *load*: no data (good is `< 1`), let through by `bob`
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by @ann (time)
    ");
}

#[tokio::test]
async fn without_data_people_are_asked_and_stop_it() {
    let mut scene = Scene::gated(&format!("{NOTHING}\nbelow = 1")).await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("Somebody has to decide").await;
    scene.room.press("bob", "Stop it").await;
    scene.room.answer().await;
    insta::assert_snapshot!(plain(&scene.shown("failed in").await), @"
    ❌ *api* `v2` failed in *staging*
    `v1` → `v2`
    The gate *load* could not be judged (no series matches the query), and `bob` decided against it.
    The rollout was through already: 2 of 2 pods run the new version. I only stopped watching. Find out what this version does; the way out is another deploy.
    ✗ Gate *load*: no data (good is `< 1`)
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    [Roll forward to v1]
    asked by @ann (time)
    ");
}

#[tokio::test]
async fn an_answer_is_heard_from_who_may_deploy_and_about_what_asks() {
    let mut scene = Scene::gated(&format!("{NOTHING}\nbelow = 1")).await;
    scene.say("@otus deploy api@v2").await;
    scene.shown("Somebody has to decide").await;
    let id = newest(&scene.store).await.unwrap().id;
    scene.room.say("eve", &format!("@otus gate pass {id}")).await;
    let answer = scene.room.answer().await.plain();
    assert!(answer.contains("deployer"), "{answer}");
    scene
        .room
        .say("bob", &format!("@otus gate pass {id} for latency"))
        .await;
    insta::assert_snapshot!(scene.room.answer().await.plain(), @"The gate `latency` of this deploy does not ask anybody right now.");
    scene.room.say("bob", &format!("@otus gate wait {id}")).await;
    let answer = scene.room.answer().await.plain();
    assert!(answer.contains("The gate *load* gets more time."), "{answer}");
    // Nobody is asked any more, until the gate's patience is at its end.
    until(&scene.store, |operation| {
        operation.progress["gates"]["load"]["gate"]["seen"]["asking"] == false
    })
    .await;
    assert_eq!(newest(&scene.store).await.unwrap().state, State::Running);
}

#[tokio::test]
async fn killed_half_way_the_gate_goes_on_where_it_was() {
    let mut scene = Scene::gated(&format!("{SCRAPES}\nabove = 1\ncount = 5")).await;
    scene.say("@otus deploy api@v2").await;
    let passed = |operation: &otus::operations::Operation| {
        operation.progress["gates"]["load"]["gate"]["seen"]["passed"].as_u64()
    };
    let before = until(&scene.store, |operation| passed(operation) >= Some(2)).await;
    assert!(scene.room.robot().stop(PATIENCE).await);
    let before = passed(&before).max(passed(&newest(&scene.store).await.unwrap()));
    scene.room = scene.successor();
    scene.room.robot().start();
    let after = until(&scene.store, |operation| operation.lease.generation > 1).await;
    assert!(passed(&after) >= before, "{:#}", after.progress);
    let done = until(&scene.store, |operation| {
        operation.state.is_over() && operation.told
    })
    .await;
    assert_eq!(done.state, State::Succeeded, "{done:#?}");
    while scene.room.chat().take_unexpected().is_some() {}
}
