//! The same commands where Unleash keeps the flags.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use insta::assert_snapshot;
use otus_emulators::unleash::{TOKEN, Trouble, Unleash};
use otus_flags::unleash::UnleashConfig;
use scene::{Scene, Stage};

async fn scene(stage: Stage) -> (Scene, Unleash) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Unleash::start().await.unwrap();
    let unleash = UnleashConfig {
        url: server.url(),
        project: "default".into(),
        token: TOKEN.into(),
        token_file: None,
    };
    let stage = Stage {
        unleash: Some(unleash),
        ..stage
    };
    (stage.open().await, server)
}

#[tokio::test]
async fn a_flag_from_its_making_to_its_end() {
    let (mut scene, server) = scene(Stage::default()).await;
    assert_snapshot!(
        "created",
        scene
            .say("flag create new-search: The search that understands typos")
            .await
    );
    assert_snapshot!(
        "for_staff",
        scene.say("flag new-search on for staff in prod").await
    );
    assert_snapshot!(
        "for_some",
        scene
            .say("flag new-search on for 25% in prod because it is quiet")
            .await
    );
    assert_snapshot!("one", scene.say("flag new-search").await);
    assert_snapshot!("list", scene.say("flags").await);
    assert_snapshot!("diff", scene.say("flags diff staging production").await);
    assert_snapshot!(
        "promoted",
        scene
            .say("flags promote new-search to staging from production")
            .await
    );
    let _ = server.calls();
    assert_snapshot!(
        "plan",
        scene.say("flag new-search on for 50% in prod --plan").await
    );
    assert_eq!(server.calls(), Vec::<String>::new(), "a plan changes nothing");
    assert_snapshot!("off", scene.say("flag new-search off in prod").await);
    assert_snapshot!("undone", scene.say("flag undo new-search in prod").await);
    assert_snapshot!("history", scene.say("flag history new-search in prod").await);
    assert_snapshot!("one_place", scene.say("flag archive new-search in prod").await);
    assert_snapshot!("archived", scene.say("flag archive new-search").await);
    assert_snapshot!("restored", scene.say("flag restore new-search").await);
}

#[tokio::test]
async fn what_unleash_cannot_do_is_said_before_anybody_agrees() {
    let (mut scene, server) = scene(Stage::default()).await;
    scene.say("flag create nav").await;
    let _ = server.calls();
    assert_snapshot!(
        "ramp",
        scene.say("flag nav ramp 0% to 100% over 2h in prod").await
    );
    assert_snapshot!("off_for", scene.say("flag nav off for staff in prod").await);
    scene.say("flag nav on in prod").await;
    let _ = server.calls();
    assert_snapshot!("off_for_some", scene.say("flag nav off for staff in prod").await);
    assert_snapshot!("texts", scene.say("flag create banner with red, blue").await);
    assert_snapshot!("explain", scene.say("flag explain nav for joe in prod").await);
    assert_snapshot!("export", scene.say("flags export production").await);
    assert_eq!(server.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn an_approval_is_void_once_somebody_changed_it_there() {
    let (mut scene, server) = scene(Stage::default().with("approvers", "sre".into())).await;
    scene.say("flag create nav").await;
    scene.room.say("ann", "@otus flag nav on in production").await;
    let asked = scene.room.answer().await;
    let approve = asked
        .card
        .iter()
        .flat_map(|card| &card.buttons)
        .find_map(|button| button.command.strip_prefix("approve "))
        .map(str::to_owned);
    let id = approve.unwrap_or_else(|| panic!("nobody is asked: {}", asked.plain()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!(
        "{}/api/admin/projects/default/features/nav/environments/production/strategies",
        server.url()
    );
    let by_hand = client
        .post(url)
        .header("authorization", TOKEN)
        .json(&serde_json::json!({"name": "flexibleRollout", "parameters": {"rollout": "5"}}));
    assert!(by_hand.send().await.unwrap().status().is_success());
    let _ = server.calls();
    scene.room.say("bob", &format!("@otus approve {id}")).await;
    let shown = scene.shown("is void").await;
    assert!(shown.contains("has itself changed since"), "{shown}");
    assert_eq!(server.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_says_no_is_quoted_without_its_token() {
    let (mut scene, server) = scene(Stage::default()).await;
    scene.say("flag create nav").await;
    server.trouble(Trouble::Lacks("UPDATE_FEATURE_ENVIRONMENT".into()));
    let told = scene.say("flag nav on in prod").await;
    assert_snapshot!("lacks", told);
    server.trouble(Trouble::Unauthorized);
    let told = scene.say("flag nav on in prod").await;
    assert!(!told.contains("secret"), "{told}");
    assert_snapshot!("unauthorized", told);
    assert_snapshot!("as_it_was", scene.say("flags").await);
    server.trouble(Trouble::None);
    assert!(scene.say("flag nav on in prod").await.contains("is on"));
}
