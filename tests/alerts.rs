//! Alerts, from the rule to the chat and back: the real program between an emulated Slack and an emulated cluster, a real Prometheus and
//! real Alertmanagers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod door;
mod house;
mod shop;

use axum::{Router, extract::Request, response::IntoResponse as _};
use house::{SOON, words};
use otus_emulators::slack::Message;
use serde_json::json;
use shop::{Shop, TOKEN};
use std::sync::Arc;
use tokio::{net::TcpListener, sync::Semaphore};

/// Whether a message is the one of the alert.
fn is_alert(text: &str) -> bool {
    text.contains("*HighLatency* · ")
}

/// The messages of the alert in the channel, not those in threads.
fn alerts(shop: &Shop) -> Vec<Message> {
    let mut all = shop.house.answers();
    all.retain(|message| {
        message.thread_ts.is_none_or(|thread| thread == message.ts) && is_alert(&words(message))
    });
    all
}

fn picture(message: &Message) -> Option<&str> {
    let mut blocks = message.blocks.iter();
    blocks.find_map(|block| block["slack_file"]["id"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_deploy_is_alerted_acknowledged_silenced_and_resolved() {
    let mut shop = Shop::build(1, "").await;
    shop.start().await;
    shop.has_traffic().await;
    shop.house.say("@otus deploy api@2.0-slow to production");
    shop.house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;
    shop.slow(true);

    // In one message, with its picture.
    let fires = |text: &str| is_alert(text) && text.contains("❌") && text.contains("firing");
    shop.house.shown(|text| fires(text)).await;
    let drawn = shop
        .until(|message| fires(&words(message)) && picture(message).is_some())
        .await;
    let text = words(&drawn);
    for told in [
        "p95 of api is over 200 ms",
        "after `api@2.0-slow` went to *production*",
        "the deploy>",
        "alert at &gt; 200 ms",
        "https://runbooks.example.com/HighLatency|Runbook",
        "https://grafana.example.com/d/shop|Dashboard",
        "`service=api`",
        "page",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let file = picture(&drawn).unwrap().to_owned();
    let png = shop.png(&file);
    assert!(png.starts_with(b"\x89PNG"));
    keep("alert-firing.png", &png);

    // Acknowledged by a button, in the name of who pressed it.
    shop.house.slack.click("bob", drawn.ts, "Acknowledge").unwrap();
    let acked = shop
        .until(|message| is_alert(&words(message)) && words(message).contains("⚠️"))
        .await;
    let text = words(&acked);
    assert!(text.contains("<@U0BOB> acknowledged it"), "{text}");
    shop.house
        .shown(|text| text.contains("<@U0BOB> acknowledged *HighLatency*"))
        .await;

    // Silenced by a button, and Alertmanager says so.
    assert_eq!(shop.silences(0).await, json!([]));
    shop.house.slack.click("ann", acked.ts, "Silence 1 h").unwrap();
    let card = shop.house.shown(|text| text.contains("Silenced until")).await;
    assert_eq!(
        card.thread_ts,
        Some(acked.ts),
        "what is done about it stands in its thread"
    );
    let silenced = shop
        .until(|message| is_alert(&words(message)) && words(message).contains("· silenced"))
        .await;
    assert!(
        words(&silenced).contains("silenced it until"),
        "{}",
        words(&silenced)
    );
    let active = shop.active_silences(0).await;
    assert_eq!(active.len(), 1);
    let matchers = active[0]["matchers"].to_string();
    assert!(matchers.contains("HighLatency"), "{matchers}");
    assert_eq!(active[0]["createdBy"], "ann");
    shop.house.say("@otus silences");
    shop.house
        .shown(|text| text.contains("1 silence*") && text.contains("HighLatency"))
        .await;
    shop.house.say("@otus alerts");
    shop.house
        .shown(|text| text.contains("1 alert fires") && text.contains("silenced"))
        .await;

    // And no more.
    shop.house.slack.click("bob", silenced.ts, "Unsilence").unwrap();
    shop.until(|message| is_alert(&words(message)) && words(message).contains("<@U0BOB> ended the silence"))
        .await;
    assert!(shop.active_silences(0).await.is_empty());

    // Cured: the same message, with a graph of now.
    shop.slow(false);
    let resolved = shop
        .until(|message| {
            let text = words(message);
            is_alert(&text)
                && text.contains("resolved after")
                && picture(message).is_some_and(|now| now != file)
        })
        .await;
    let text = words(&resolved);
    assert!(text.contains("✅"), "{text}");
    // And once more when all is well again.
    let first = picture(&resolved).unwrap().to_owned();
    let resolved = shop
        .until(|message| {
            is_alert(&words(message)) && picture(message).is_some_and(|now| now != file && now != first)
        })
        .await;
    assert!(words(&resolved).contains("*96.9 ms*"), "{}", words(&resolved));
    keep("alert-resolved.png", &shop.png(picture(&resolved).unwrap()));
    assert_eq!(
        alerts(&shop).len(),
        1,
        "one message:\n{}",
        shop.house.transcript()
    );

    // Who did what stands in the audit, too.
    shop.house.say("@otus audit");
    shop.house
        .shown(|text| text.contains("Acknowledged the alert HighLatency"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_sends_twice_and_restarts_of_everybody_make_one_message() {
    let mut shop = Shop::build(2, "").await;
    shop.start().await;
    shop.has_traffic().await;
    shop.slow(true);
    let first = shop.until(|message| picture(message).is_some()).await;
    // It is killed while both go on sending, and finds its message again.
    shop.kill().await;
    shop.start().await;
    shop.heard_again().await;
    // An Alertmanager that was away knows nothing for a moment: that ends no alert.
    shop.restart_alertmanager(0).await;
    shop.heard_again().await;
    // Silenced by somebody in Alertmanager's own way, in both: it is seen, and so is the end, of which nobody is notified.
    shop.silence_elsewhere().await;
    let silenced = shop.until(|message| words(message).contains("· silenced")).await;
    assert!(
        words(&silenced).contains("carol silenced it in Alertmanager"),
        "{}",
        words(&silenced)
    );
    shop.slow(false);
    let resolved = shop
        .until(|message| words(message).contains("resolved after"))
        .await;
    assert_eq!(resolved.ts, first.ts);
    assert_eq!(
        alerts(&shop).len(),
        1,
        "one message:\n{}",
        shop.house.transcript()
    );

    // It comes back: the same message, and counted.
    shop.unsilence_elsewhere().await;
    shop.slow(true);
    let again = shop
        .until(|message| words(message).contains("fired again once"))
        .await;
    assert_eq!(again.ts, first.ts);
    assert_eq!(
        alerts(&shop).len(),
        1,
        "one message:\n{}",
        shop.house.transcript()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_hangs_or_a_stranger_at_the_door_hold_up_nothing() {
    let mut shop = Shop::build(1, "").await;
    shop.start().await;
    shop.has_traffic().await;
    shop.prometheus.freeze().unwrap();
    let notification = shop.notification("p95 of api is over 200 ms");
    let send = async |token: &str, body: String| {
        let request = reqwest::Client::new()
            .post(shop.webhook())
            .bearer_auth(token)
            .body(body);
        let answer = request.send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(
        send("a wrong token that is long", notification.clone()).await,
        401
    );
    assert_eq!(send(TOKEN, "no notification".into()).await, 400);
    for _ in 0..3 {
        assert_eq!(send(TOKEN, notification.clone()).await, 200);
    }
    let told = shop.until(|message| is_alert(&words(message))).await;
    assert!(
        words(&told).contains("p95 of api is over 200 ms"),
        "{}",
        words(&told)
    );
    let troubled = shop
        .until(|message| words(message).contains("No graph of now: the query took too long."))
        .await;
    assert_eq!(troubled.ts, told.ts);
    // The commands answer all the same.
    shop.house.say("@otus alerts");
    shop.house.shown(|text| text.contains("1 alert fires")).await;
    shop.prometheus.thaw().unwrap();
    let drawn = shop
        .until(|message| picture(message).is_some() && !words(message).contains("No graph"))
        .await;
    assert_eq!(drawn.ts, told.ts);
    assert_eq!(
        alerts(&shop).len(),
        1,
        "one message:\n{}",
        shop.house.transcript()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silencing_obeys_the_rules_of_who_presses() {
    let mut shop = Shop::build(
        1,
        "[[policy.rules]]\nname = \"only SREs silence\"\ncommands = [\"alerts.silence\"]\nroles = [\"sre\"]\n",
    )
    .await;
    shop.start().await;
    shop.has_traffic().await;
    shop.slow(true);
    let fires = shop.until(|message| is_alert(&words(message))).await;
    shop.house.slack.click("ann", fires.ts, "Silence 1 h").unwrap();
    shop.house.shown(|text| text.contains("only SREs silence")).await;
    assert!(shop.active_silences(0).await.is_empty());
    shop.house.slack.click("bob", fires.ts, "Silence 1 h").unwrap();
    shop.house.shown(|text| text.contains("Silenced until")).await;
    assert_eq!(shop.active_silences(0).await.len(), 1);
}

/// An Alertmanager's address at which answers to a new silence get lost: it is made, and who asked for it never hears of it.
async fn deaf(alertmanager: String) -> (String, Arc<Semaphore>) {
    let made = Arc::new(Semaphore::new(0));
    let told = made.clone();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let pass = move |request: Request| {
        let (client, told, alertmanager) = (client.clone(), told.clone(), alertmanager.clone());
        async move {
            let (parts, body) = request.into_parts();
            let is_silence = parts.method == "POST" && parts.uri.path().ends_with("/silences");
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let answer = client
                .request(parts.method, format!("{alertmanager}{}", parts.uri))
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await
                .unwrap();
            let status = answer.status();
            let body = answer.bytes().await.unwrap();
            if is_silence {
                told.add_permits(1);
                std::future::pending::<()>().await;
            }
            (status, [("content-type", "application/json")], body).into_response()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass)).await.unwrap() });
    (url, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_silence_and_its_note_there_is_one_and_the_message_says_so() {
    let mut shop = Shop::build(1, "").await;
    let real = shop.alertmanager(0);
    let (url, made) = deaf(real.clone()).await;
    shop.house
        .instead(&format!("url = [{real:?}]"), &format!("url = [{url:?}]"));
    shop.start().await;
    shop.has_traffic().await;
    shop.slow(true);
    let fires = shop.until(|message| is_alert(&words(message))).await;
    shop.house.slack.click("ann", fires.ts, "Silence 1 h").unwrap();
    // It is made, and nobody here knows.
    made.acquire().await.unwrap().forget();
    assert_eq!(shop.active_silences(0).await.len(), 1);
    shop.kill().await;
    shop.start().await;
    let silenced = shop
        .until(|message| is_alert(&words(message)) && words(message).contains("silenced it until"))
        .await;
    assert_eq!(silenced.ts, fires.ts);
    shop.house.shown(|text| text.contains("Silenced until")).await;
    assert_eq!(
        shop.silences(0).await.as_array().unwrap().len(),
        1,
        "{}",
        shop.house.log()
    );
    assert_eq!(
        words(&silenced).matches("silenced it until").count(),
        1,
        "{}",
        words(&silenced)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_asks_for_the_matchers_how_long_and_why() {
    let mut shop = Shop::build(1, "").await;
    shop.start().await;
    shop.has_traffic().await;
    shop.slow(true);
    let fires = shop.until(|message| is_alert(&words(message))).await;
    shop.house.slack.click("ann", fires.ts, "Silence …").unwrap();
    let modal = shop
        .house
        .slack
        .wait_for(SOON, |world| world.view_of("ann").cloned())
        .await
        .unwrap();
    assert_eq!(modal["title"]["text"], "silence");
    let fields: Vec<(String, String)> = modal["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|block| block["type"] == "input")
        .map(|block| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&block["block_id"]), text(&block["element"]["initial_value"]))
        })
        .collect();
    let expected = [
        ("otus:field:matchers", "alertname=\"HighLatency\""),
        ("otus:field:length", "2h"),
        ("otus:field:reason", ""),
    ];
    assert_eq!(
        fields,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let values = json!({
        "otus:field:matchers": "alertname=\"HighLatency\"\nservice=~\"api|web\"",
        "otus:field:length": "90 min",
        "otus:field:reason": "the deploy is being taken back",
    });
    shop.house.slack.submit("ann", values).unwrap();
    let card = shop.house.shown(|text| text.contains("Silenced until")).await;
    assert_eq!(
        card.thread_ts,
        Some(fires.ts),
        "what is done about it stands in its thread"
    );
    let active = shop.active_silences(0).await;
    assert_eq!(active.len(), 1);
    assert_eq!(active[0]["matchers"][1]["value"], "api|web", "{active:?}");
    assert_eq!(active[0]["matchers"][1]["isRegex"], true);
    let comment = active[0]["comment"].as_str().unwrap();
    assert!(
        comment.starts_with("the deploy is being taken back (Otus "),
        "{comment}"
    );
    shop.until(|message| is_alert(&words(message)) && words(message).contains("· silenced"))
        .await;
    // Said, it cannot open anything, and is a card that asks the same.
    let group = words(&fires);
    let id = group.lines().last().unwrap().split('`').nth(1).unwrap();
    shop.house.say(&format!("@otus silence {id}"));
    shop.house
        .shown(|text| text.contains("Press how long; or change what is silenced, and press Go."))
        .await;
}

/// Keeps a picture where somebody wants to look at it.
fn keep(name: &str, png: &[u8]) {
    if let Some(folder) = std::env::var_os("OTUS_TEST_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(name), png).unwrap();
    }
}
