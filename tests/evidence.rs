//! What became of the service, by itself: after a deploy, a flag's change and a migration the thread has one picture with words, and a
//! deploy that made it worse has the way forward. The real program, a real Prometheus that scrapes a shop, an emulated cluster, and a real
//! PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod door;
mod house;
mod shop;

use house::{House, words};
use otus_emulators::{real::RealPostgres, slack::Message};
use shop::Shop;

const EVIDENCE: &str = r#"threshold = 0.2

[responders.graphs.evidence]
graphs = ["latency"]
before = "1m"
wait = "6s"
"#;

fn image(house: &House) -> String {
    let deployment = house.cluster.get("Deployment", "production", "api").unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The words for who cannot see the picture of a message.
fn alt(message: &Message) -> &str {
    let image = message.blocks.iter().find(|block| block["type"] == "image");
    image.unwrap()["alt_text"].as_str().unwrap()
}

/// What was told of what became of something, as often as it was.
fn told(house: &House, line: &str) -> Vec<Message> {
    let mut all = house.answers();
    all.retain(|message| {
        let text = words(message);
        text.contains(&format!("after `{line}`"))
    });
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_deploy_is_shown_and_moved_forward_from() {
    let mut shop = Shop::build(1, "").await;
    shop.house.instead("threshold = 0.5\n", EVIDENCE);
    shop.start().await;
    shop.has_had_traffic().await;

    // A good one.
    let asked = shop.house.say("@otus deploy api@1.1 to production");
    shop.house
        .shown(|text| text.contains("✅") && text.contains("is live in"))
        .await;
    let shown = shop
        .house
        .shown(|text| text.contains("Before and after `deploy api@1.1 to production`"))
        .await;
    assert_eq!(shown.thread_ts, Some(asked), "it is the operation's thread");
    assert!(
        words(&shown).contains("latency unchanged in all 3"),
        "{}",
        words(&shown)
    );
    assert!(
        alt(&shown).contains("deploy api@1.1 to production"),
        "{}",
        alt(&shown)
    );
    assert!(alt(&shown).contains("Europe/Berlin"), "{}", alt(&shown));

    // A bad one: what it did is told of the one that it did it to, and of no mean.
    shop.slow(true);
    let asked = shop.house.say("@otus deploy api@2.0 to production");
    let worse = shop
        .house
        .shown(|text| text.contains("It got worse after `deploy api@2.0 to production`"))
        .await;
    assert_eq!(worse.thread_ts, Some(asked));
    let text = words(&worse);
    assert!(
        text.contains("⚠️ latency ") && text.contains("`api`, which moved most of 3"),
        "{text}"
    );
    keep("evidence-worse.png", &shop, &worse);

    // Killed before it can have noted that it was told, or after: it is told once.
    shop.kill().await;
    shop.slow(false);
    shop.start().await;

    // The way forward is a deploy like any other, with the rights of who presses it.
    assert_eq!(image(&shop.house), "registry.test/shop/api:2.0");
    shop.house
        .slack
        .click("bob", worse.ts, "Move forward to the last good")
        .unwrap();
    let line = "deploy api@last-good to production";
    shop.house
        .shown(|text| text.contains("Before and after") && text.contains(line))
        .await;
    assert_eq!(image(&shop.house), "registry.test/shop/api:1.1");
    for line in [
        "deploy api@1.1 to production",
        "deploy api@2.0 to production",
        line,
    ] {
        assert_eq!(
            told(&shop.house, line).len(),
            1,
            "{line}\n{}",
            shop.house.transcript()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_and_a_migration_leave_theirs() {
    let database = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
        .await
        .unwrap();
    let url = database.fresh().unwrap();
    let mut shop = Shop::build(1, "").await;
    shop.house.instead("threshold = 0.5\n", EVIDENCE);
    let folder = shop.house.folder.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("001_users.sql"),
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    )
    .unwrap();
    shop.house.configure(&format!(
        "[databases.shop]\nurl = {url:?}\n[services.web.migrations]\nfolder = {folder:?}\ndatabases = {{ production = \"shop\" }}\n"
    ));
    shop.start().await;
    shop.has_had_traffic().await;
    shop.house.say("@otus flag create new-nav in production");
    let text =
        |line: &'static str| move |text: &str| text.contains("Before and after") && text.contains(line);
    let shown = shop.house.shown(text("new-nav")).await;
    assert!(
        words(&shown).contains("latency unchanged in all 3"),
        "{}",
        words(&shown)
    );
    let asked = shop.house.say("@otus migrate web in production");
    let shown = shop.house.shown(text("migrate web in production")).await;
    assert_eq!(shown.thread_ts, Some(asked));
    assert!(words(&shown).contains("latency "), "{}", words(&shown));
    assert!(
        alt(&shown).contains("migrate web in production"),
        "{}",
        alt(&shown)
    );
}

/// Keeps a picture where somebody wants to look at it.
fn keep(name: &str, shop: &Shop, message: &Message) {
    if let Some(folder) = std::env::var_os("OTUS_TEST_PICTURES") {
        let image = message
            .blocks
            .iter()
            .find(|block| block["type"] == "image")
            .unwrap();
        let png = shop.png(image["slack_file"]["id"].as_str().unwrap());
        std::fs::write(std::path::Path::new(&folder).join(name), png).unwrap();
    }
}
