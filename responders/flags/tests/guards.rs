//! What turns flags off by itself, and what holds changes of flags up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use async_trait::async_trait;
use axum::{Json, Router, routing::any};
use otus::{
    operations::{Action, Ending, Outcome, Plan, Run, Target, Wish},
    prelude::*,
};
use otus_monitoring::{Prometheus, PrometheusConfig};
use scene::{Scene, Stage, still};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::net::TcpListener;

/// What stands in for Prometheus, with one value for every query, in percent; 1000 is none.
async fn prometheus(percent: Arc<AtomicU32>) -> Prometheus {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = move || {
        let percent = percent.load(Ordering::SeqCst);
        let sample =
            json!({"metric": {}, "value": [1_760_000_000, (f64::from(percent) / 100.0).to_string()]});
        let result = if percent == 1000 {
            json!([])
        } else {
            json!([sample])
        };
        async move { Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}})) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/api/v1/query", any(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Prometheus::new(&PrometheusConfig {
        url: Some(url),
        ..PrometheusConfig::default()
    })
    .unwrap()
}

async fn guarded(percent: &Arc<AtomicU32>) -> Scene {
    let mut stage = Stage::default()
        .with(
            "guards",
            json!({"errors": {"query": "errors{env=\"{{env}}\"}", "bound": "< 0.05", "every": "1s"}}),
        )
        .with("channel", json!("C0DEV"));
    stage.prometheus = Some(prometheus(Arc::clone(percent)).await);
    stage.open().await
}

#[tokio::test]
async fn flags_stand_still_while_something_is_wrong() {
    let percent = Arc::new(AtomicU32::new(1));
    let mut stage = Stage::default()
        .with(
            "guards",
            json!({"incident": {"query": "ALERTS{env=\"{{env}}\"}", "bound": "< 0.05", "every": "1h"}}),
        )
        .with("frozen_in_incidents", json!("incident"));
    stage.prometheus = Some(prometheus(Arc::clone(&percent)).await);
    let mut scene = stage.open().await;
    scene.say("flag create nav").await;
    scene.say("flag nav on for 10% in production").await;
    percent.store(50, Ordering::SeqCst);
    insta::assert_snapshot!("incident", scene.say("flag nav on for 20% in production").await);
    assert!(scene.say("flag nav off in production").await.contains("is off"));
    // Without an answer there is no incident.
    percent.store(1000, Ordering::SeqCst);
    assert!(
        scene
            .say("flag nav on for 20% in production")
            .await
            .contains("is on")
    );
}

#[tokio::test]
async fn a_guard_that_breaks_turns_its_flag_off_and_says_so() {
    let percent = Arc::new(AtomicU32::new(1));
    let mut scene = guarded(&percent).await;
    scene.say("flag create nav").await;
    scene.say("flag nav on for 50% in production").await;
    scene.say("flag nav on in staging").await;
    insta::assert_snapshot!("guard", scene.say("flag nav guard errors in production").await);
    assert!(scene.say("flag nav").await.contains("guarded by errors < 0.05"));
    scene.room.robot().start();
    percent.store(20, Ordering::SeqCst);
    insta::assert_snapshot!("guard_broke", scene.shown("I turned *nav* off").await);
    assert_eq!(
        scene.gets("production", "nav", json!({"targetingKey": "joe"})),
        "off"
    );
    assert_eq!(scene.definition("production", "nav").unwrap().targeting, None);
    // What it does not guard stays.
    assert_eq!(scene.gets("staging", "nav", json!({})), "on");
    assert_eq!(
        scene.record("production", "nav").await[0],
        "robot:flag-guard Changed"
    );
    let said = scene.say("flag history nav in production").await;
    assert!(
        said.contains("the guard errors broke: 0.2, and < 0.05 is good"),
        "{said}"
    );
    percent.store(1, Ordering::SeqCst);
    assert!(scene.say("flag undo nav in production").await.starts_with('✅'));
    assert!(
        scene
            .say("flag nav guard none in production")
            .await
            .contains("guarded by nothing")
    );
}

#[tokio::test]
async fn several_robots_that_watch_turn_it_off_once() {
    let percent = Arc::new(AtomicU32::new(20));
    let mut one = guarded(&percent).await;
    one.say("flag create nav").await;
    one.say("flag nav guard errors in production").await;
    let mut stage = Stage::default()
        .with(
            "guards",
            json!({"errors": {"query": "errors", "bound": "< 0.05", "every": "1s"}}),
        )
        .with("channel", json!("C0DEV"));
    stage.prometheus = Some(prometheus(Arc::clone(&percent)).await);
    stage.store = Arc::clone(&one.store);
    stage.kept = Arc::clone(&one.kept);
    let other = stage.open().await;
    one.say("flag nav on in production").await;
    one.room.robot().start();
    other.room.robot().start();
    let off = async {
        while one.gets("production", "nav", json!({})) == "on"
            || other.gets("production", "nav", json!({})) == "on"
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(otus::room::PATIENCE, off).await.unwrap();
    let record = one.record("production", "nav").await;
    assert_eq!(record, ["robot:flag-guard Changed", "Ann Changed", "Ann Created"]);
    // To the channel, and to the owner.
    let told = |scene: &Scene| {
        let shown = scene.room.chat().shown();
        shown
            .iter()
            .filter(|post| post.plain().contains("I turned *nav* off"))
            .count()
    };
    let both = async {
        while told(&one) + told(&other) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(otus::room::PATIENCE, both).await.unwrap();
    one.room.robot().stop(otus::room::PATIENCE).await;
    other.room.robot().stop(otus::room::PATIENCE).await;
    assert_eq!(told(&one) + told(&other), 2);
    for scene in [&one, &other] {
        while scene.room.chat().take_unexpected().is_some() {}
    }
}

/// A deploy that goes on until somebody cancels it.
struct Deploys;

#[async_trait]
impl Action for Deploys {
    fn kind(&self) -> &'static str {
        "deploy"
    }

    async fn plan(&self, _: &Services, _: &Value) -> Result<Plan> {
        Ok(Plan {
            target: Target::new("api", "production"),
            title: "Deploy api".into(),
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        while run.wish() != Wish::Cancel {
            run.wish_changed().await;
        }
        Ok(Ending {
            outcome: Outcome::Cancelled,
            note: "it was cancelled".into(),
            card: Card::new(Tone::Warning, "Cancelled"),
        })
    }
}

/// Deploys.
#[derive(Default)]
pub(crate) struct Deployer;

/// Deploys.
#[responder(name = "deploy")]
impl Deployer {
    /// Deploys.
    #[respond(r"^deploy$", usage = "deploy", effect = "operation")]
    async fn deploy(&self, cx: Context) -> Result {
        cx.propose("deploy", json!({})).await
    }

    /// Ends it.
    #[respond(
        r"^cancel (?<id>\S+)$",
        usage = "cancel <id>",
        example = "cancel 0a1b",
        effect = "control"
    )]
    async fn cancel(&self, cx: Context, id: String) -> Result {
        cx.services().operations().cancel(&cx, &id).await?;
        cx.react("ok").await
    }

    /// What it does.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Deploys)]
    }
}

#[tokio::test]
async fn flags_stand_still_while_something_is_deployed() {
    let mut scene = Stage::default()
        .with("frozen_by_deploys", json!(["production"]))
        .open_with(Deployer)
        .await;
    scene.say("flag create nav").await;
    scene.say("flag nav on for staff in production").await;
    scene.room.say("ann", "@otus deploy").await;
    scene.room.answer().await;
    let frozen = scene.say("flag nav on for 10% in production").await;
    insta::assert_snapshot!("frozen", still(&frozen));
    // Another environment, and the way out, are free.
    assert!(scene.say("flag nav on in staging").await.starts_with('✅'));
    assert!(scene.say("flag nav off in production").await.starts_with('✅'));
    scene.room.press("ann", "Cancel").await;
    scene.shown("Cancelled").await;
    assert!(
        scene
            .say("flag nav on for 10% in production")
            .await
            .starts_with('✅')
    );
}
