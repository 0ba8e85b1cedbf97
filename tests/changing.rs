//! What it takes to change something, with the real program: a second person, a free way, a plan that still holds; and how one
//! stops it, asks why, and finds it again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, words};
use otus_store::{StoreConfig, Trail};

const POLICY: &str = r#"
[policy]
lock_override = "sre"

[[policy.rules]]
name = "production is approved by an SRE"
commands = ["deploy"]
environments = ["production"]
approvals = 1
approvers = "sre"

[policy.break_glass]
role = "sre"
"#;

async fn house() -> House {
    let mut house = House::build(None).await;
    house.configure(POLICY);
    house.start().await;
    house
}

fn image(house: &House, environment: &str, service: &str) -> String {
    let deployment = house.cluster.get("Deployment", environment, service).unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The robot's messages, wherever they are, have this.
async fn told(house: &House, what: &str) -> otus_emulators::slack::Message {
    house.shown(|text| text.contains(what)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn production_takes_a_second_person_and_the_record_says_who() {
    let mut house = house().await;
    house.say("@otus deploy api@1.1 to production");
    let card = told(&house, "needs 1 approval").await;
    // Never one's own.
    house.slack.click("ann", card.ts, "Approve").unwrap();
    told(&house, "somebody else has to decide").await;
    assert_eq!(image(&house, "production", "api"), "registry.test/shop/api:1.0");
    house.slack.click("bob", card.ts, "Approve").unwrap();
    let end = told(&house, "is live in").await;
    assert_eq!(end.ts, card.ts);
    assert!(words(&end).contains("approved by <@U0BOB>"), "{}", words(&end));
    assert_eq!(image(&house, "production", "api"), "registry.test/shop/api:1.1");

    house
        .slack
        .say_in_thread("ann", "#deploys", card.ts, "@otus why")
        .unwrap();
    told(&house, "production is approved by an SRE").await;
    house.say("@otus audit api last 1h");
    told(&house, "bob").await;

    assert!(house.stop().await.success());
    let store = StoreConfig::at(house.folder.path().join("otus.sqlite"));
    let tip = Trail::open(&store).await.unwrap().verify().await.unwrap();
    assert!(tip.number >= 6, "{tip:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_shown_and_is_void_when_the_world_moved() {
    let house = house().await;
    house.say("@otus deploy web@1.1 to staging --plan");
    let plan = told(&house, "Nothing has changed yet").await;
    assert!(words(&plan).contains("`1.1`"), "{}", words(&plan));
    assert_eq!(image(&house, "staging", "web"), "registry.test/shop/web:1.0");
    house
        .set_image_by_hand("staging", "web", "registry.test/shop/web:hotfix")
        .await;
    house.slack.click("ann", plan.ts, "Apply").unwrap();
    told(&house, "hotfix").await;
    assert_eq!(image(&house, "staging", "web"), "registry.test/shop/web:hotfix");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_tells_who_and_why_and_what_waits_goes_on_when_it_opens() {
    let house = house().await;
    house.say("@otus lock web for 1h because the disk is being changed");
    told(&house, "has locked *web*").await;
    house
        .slack
        .say("bob", "#deploys", "@otus deploy web@1.1 to staging --queue")
        .unwrap();
    house
        .shown(|text| text.contains("It begins by itself when its way is free"))
        .await;
    assert_eq!(image(&house, "staging", "web"), "registry.test/shop/web:1.0");
    house.say("@otus unlock web");
    told(&house, "is live in").await;
    assert_eq!(image(&house, "staging", "web"), "registry.test/shop/web:1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_is_stopped_half_way() {
    let house = house().await;
    house.say("@otus deploy web@1.4-slow to staging");
    let card = told(&house, "of 3 pods on the new version").await;
    house.slack.click("bob", card.ts, "Cancel").unwrap();
    let end = house
        .shown(|text| text.contains("U0ANN") && text.contains("1.4-slow") && !text.contains('⏳'))
        .await;
    assert_eq!(end.ts, card.ts, "{}", house.transcript());
    let deployment = house.cluster.get("Deployment", "staging", "web").unwrap();
    assert_eq!(deployment["spec"]["paused"], true, "{}", words(&end));
    // The way is forward: the next one goes out, and on.
    house.say("@otus deploy web@1.5 to staging");
    house.shown(|text| text.contains("`1.5` is live in")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_glass_goes_past_rules_and_is_loud() {
    let house = house().await;
    house.say("@otus break glass because I am curious");
    house
        .shown(|text| text.contains("Only the role `sre` may do that"))
        .await;
    house
        .slack
        .say(
            "bob",
            "#deploys",
            "@otus break glass for 10m because the shop is down",
        )
        .unwrap();
    told(&house, "the shop is down").await;
    house
        .slack
        .say("bob", "#deploys", "@otus deploy api@1.1 to production")
        .unwrap();
    told(&house, "is live in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_not_run_and_not_kept() {
    let mut house = house().await;
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    house.say(&format!("@otus echo {secret}"));
    house.shown(|text| text.to_lowercase().contains("github")).await;
    house.say("@otus ping");
    told(&house, "pong").await;
    assert!(!house.transcript().contains(&secret), "{}", house.transcript());
    assert!(house.stop().await.success());
    assert!(!house.log().contains(&secret), "{}", house.log());
    let file = std::fs::read(house.folder.path().join("otus.sqlite")).unwrap();
    assert!(!file.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
}
