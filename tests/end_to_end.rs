//! What users rely on, with the real program between an emulated Slack, an emulated cluster and a real Prometheus.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, SOON, words};
use otus_emulators::{real::RealPrometheus, slack::Ts};
use serde_json::Value;

fn image(deployment: &Value) -> String {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_deploys_a_service_in_one_message() {
    let house = House::open(None).await;
    house.say("@otus deploy api@1.1 to staging");
    let card = house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;
    let steps: Vec<String> = card
        .revisions
        .iter()
        .map(|revision| revision.text.clone())
        .collect();
    assert!(
        steps.iter().any(|step| step.contains('⏳')),
        "the card never showed progress: {steps:?}"
    );
    assert_eq!(
        house.answers().len(),
        1,
        "one message per deploy:\n{}",
        house.transcript()
    );
    let deployment = house.cluster.get("Deployment", "staging", "api").unwrap();
    assert_eq!(image(&deployment), "registry.test/shop/api:1.1");
    let production = house.cluster.get("Deployment", "production", "api").unwrap();
    assert_eq!(image(&production), "registry.test/shop/api:1.0");

    house.say("@otus status");
    let status = house.shown(|text| text.contains("What runs where")).await;
    let text = words(&status);
    assert!(
        text.contains("1.1") && text.contains("1.0") && text.contains("3/3"),
        "{text}"
    );

    house.say("@otus deploy api@1.1 to staging");
    house
        .shown(|text| text.contains("There is nothing to do") && text.contains("3 of 3 pods ready"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_a_typo_and_wrong_names_are_answered() {
    let house = House::open(None).await;
    house.say("@otus deplyo api@1.1 to staging");
    let offer = house.shown(|text| text.contains("Did you mean")).await;
    house
        .slack
        .click("bob", offer.ts, "deploy api@1.1 to staging")
        .unwrap();
    house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;

    house.say("@otus deploy apo");
    house
        .shown(|text| text.contains("There is no service called `apo`. Did you mean `api`?"))
        .await;
    house.say("@otus deploy api to prodction");
    house
        .shown(|text| text.contains("Did you mean `production`?"))
        .await;
    house.say("@otus help deploy");
    house.shown(|text| text.contains("deploy &lt;service&gt;")).await;
    house.slack.slash("bob", "#deploys", "/otus", "ping").unwrap();
    house.shown(|text| text.contains("pong")).await;
    house.slack.dm("ann", "ping").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_in_the_card_at_once() {
    let house = House::open(None).await;
    for (version, told) in [
        ("1.2-crash", "exit code"),
        ("1.2-missing", "the registry does not have the image"),
        ("1.2-hang", "I stopped waiting"),
    ] {
        house.say(&format!("@otus deploy web@{version} to staging"));
        let card = house
            .shown(|text| text.contains("❌") && text.contains(version))
            .await;
        let text = words(&card);
        assert!(text.contains(told), "{version}: {text}");
        assert!(text.contains("keep serving"), "{version}: {text}");
    }
    // Each failure left its own message, and the way on is a deploy of the last good version.
    assert_eq!(house.answers().len(), 3);
    house.say("@otus deploy web@1.0 to staging");
    house
        .shown(|text| text.contains("✅") && text.contains("`1.0` is live in"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_deploy_is_refused_and_an_overtaken_one_says_by_whom() {
    let house = House::open(None).await;
    house.say("@otus deploy api@1.2-hang to staging");
    house
        .shown(|text| text.contains("⏳") && text.contains("1.2-hang"))
        .await;
    house
        .slack
        .say("bob", "#deploys", "@otus deploy api@1.3 to staging")
        .unwrap();
    house
        .shown(|text| text.contains("Not now: ann does `deploy api@1.2-hang to staging`"))
        .await;
    house
        .set_image_by_hand("staging", "api", "registry.test/shop/api:hotfix")
        .await;
    let card = house.shown(|text| text.contains("was overtaken in")).await;
    let text = words(&card);
    assert!(text.contains("kubectl-set") && text.contains("hotfix"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_cut_in_mid_deploy_loses_nothing() {
    let house = House::open(None).await;
    house.say("@otus deploy api@1.4-slow to production");
    house.shown(|text| text.contains("⏳")).await;
    house.slack.cut_sockets();
    house.say("@otus ping");
    house.shown(|text| text == "pong").await;
    house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;
    assert_eq!(house.answers().len(), 2, "{}", house.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_mid_deploy_ends_in_the_same_card() {
    let mut house = House::open(None).await;
    house.say("@otus deploy api@1.5-slow to staging");
    let card = house.shown(|text| text.contains("pods on the new version")).await;
    house.kill().await;
    house.start().await;
    let end = house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;
    assert_eq!(end.ts, card.ts, "{}", house.transcript());
    assert_eq!(house.answers().len(), 1, "{}", house.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_and_a_restart_answer_no_event_twice() {
    let mut house = House::open(None).await;
    for number in 0..40 {
        house.say(&format!("@otus echo number {number}"));
    }
    // Killed while it is at it.
    house.shown(|text| text.starts_with("number")).await;
    house.kill().await;
    house.start().await;
    for event in house.slack.event_ids() {
        house.slack.redeliver(&event).unwrap();
    }
    house.say("@otus echo the end");
    house.shown(|text| text == "the end").await;
    house.slack.quiet(SOON).await.unwrap();
    let mut answers: Vec<String> = house
        .answers()
        .iter()
        .map(|message| message.text.clone())
        .collect();
    let said = answers.len();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), said, "answered twice:\n{}", house.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_order_and_its_log_has_no_secret() {
    let mut house = House::open(None).await;
    house.say("@otus ping");
    house.shown(|text| text == "pong").await;
    let status = house.stop().await;
    assert!(status.success(), "{status}\n{}", house.log());
    let log = house.log();
    for secret in [house.slack.bot_token(), house.slack.app_token()] {
        assert!(!log.contains(&secret), "a token is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_a_real_prometheus_comes_as_a_picture() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prometheus = RealPrometheus::start(house_metrics()).await.unwrap();
    let house = House::open(Some(prometheus.url())).await;
    let asked: Ts = house.say("@otus graph latency 1h");
    let shown = house
        .shown(|text| text.contains("*p95 latency by service, last 1h*"))
        .await;
    assert_eq!(shown.thread_ts, Some(asked), "the picture is not in the thread");
    let image = shown
        .blocks
        .iter()
        .find(|block| block["type"] == "image")
        .unwrap();
    let file = house.slack.files();
    let file = file
        .iter()
        .find(|file| image["slack_file"]["id"] == *file.id)
        .unwrap();
    assert!(
        file.content
            .as_deref()
            .is_some_and(|bytes| bytes.starts_with(b"\x89PNG"))
    );
    for alt in [file.alt_txt.as_deref(), image["alt_text"].as_str()] {
        let alt = alt.unwrap_or_default();
        assert!(
            alt.contains("p95 latency by service") && alt.contains("checkout"),
            "{alt}"
        );
    }

    house
        .slack
        .say("ann", "#deploys", "@otus graph `rate(http_requests_total[5m` 1h")
        .unwrap();
    house.shown(|text| text.contains("parse error")).await;
    house.say("@otus graph latncy");
    house.shown(|text| text.contains("Did you mean `latency`?")).await;
}

/// An hour of metrics that ends now.
fn house_metrics() -> String {
    use std::fmt::Write as _;
    let now = jiff::Timestamp::now().as_second();
    let mut text = String::from("# TYPE http_request_duration_seconds histogram\n");
    for (service, slow) in [("checkout", 3.0), ("catalog", 1.0)] {
        let buckets = ["0.1", "0.25", "0.5", "1", "2.5", "+Inf"];
        for (at, bucket) in buckets.iter().enumerate() {
            let share = 1.0 - (-((at + 1) as f64) / slow).exp();
            let share = if *bucket == "+Inf" { 1.0 } else { share };
            for step in 0..=280 {
                let time = now - (280 - step) * 15;
                let count = (step as f64 * 15.0 * 40.0 * share).round();
                let _ = writeln!(
                    text,
                    "http_request_duration_seconds_bucket{{service=\"{service}\",le=\"{bucket}\"}} {count} {time}"
                );
            }
        }
    }
    text.push_str("# EOF\n");
    text
}
