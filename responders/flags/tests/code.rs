//! Where a flag is used, and flags whose code is gone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use insta::assert_snapshot;
use jiff::SignedDuration;
use otus_ci::github::{GitHub, GitHubConfig};
use otus_emulators::github as emulated;
use otus_flags::{Definition, Whom};
use scene::{Scene, Stage};
use std::time::Duration;

async fn scene() -> (Scene, emulated::GitHub) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = emulated::GitHub::start().await.unwrap();
    let client = GitHub::new(&GitHubConfig {
        api_url: server.url().into(),
        token: Some(server.token().into()),
        retry_pause: Duration::ZERO,
        longest_wait: Duration::ZERO,
        ..GitHubConfig::default()
    });
    let stage = Stage {
        github: Some(client.unwrap()),
        ..Stage::default()
    };
    (stage.open().await, server)
}

fn commit(server: &emulated::GitHub, files: &[(&str, Option<&str>)]) {
    let api = server.repository("acme/api").unwrap();
    api.commit_files("main", "bob", "More", files).unwrap();
}

#[tokio::test]
async fn the_files_that_name_it_stand_on_its_card() {
    let (mut scene, server) = scene().await;
    commit(
        &server,
        &[
            ("src/search.js", Some("flags.get('new-search')")),
            ("test/search.js", Some("new-search")),
            ("src/other.js", Some("nothing")),
        ],
    );
    scene.say("flag create new-search").await;
    assert_snapshot!(scene.say("flag new-search").await);
    scene.say("flag new-search").await;
    let asked = server
        .calls()
        .into_iter()
        .filter(|(call, _)| call.contains("/search/code"));
    assert_eq!(asked.count(), 1, "what was found stands for a while");
}

#[tokio::test]
async fn a_flag_whose_code_is_gone_can_go() {
    let (mut scene, server) = scene().await;
    let half = Definition::switch(false).give("on", &Whom::Percent(50)).unwrap();
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    // Old enough that its code would be there; still giving different things.
    scene
        .past("production", "old-search", half.clone(), days(40))
        .await;
    // New: its code may be on the way.
    scene
        .past("production", "next-search", half.clone(), days(1))
        .await;
    scene.past("production", "live-search", half, days(40)).await;
    commit(&server, &[("src/search.js", Some("flags.get('live-search')"))]);
    assert_snapshot!("gone", scene.say("flags stale").await);
    assert!(scene.say("flag old-search").await.contains("No code names it"));
}

#[tokio::test]
async fn nobody_knows_while_github_does_not_answer() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = GitHub::new(&GitHubConfig {
        api_url: "http://127.0.0.1:9".into(),
        token: Some("token".into()),
        retries: 0,
        ..GitHubConfig::default()
    });
    let stage = Stage {
        github: Some(client.unwrap()),
        ..Stage::default()
    };
    let mut scene = stage.open().await;
    let definition = Definition::switch(false).give("on", &Whom::Percent(50)).unwrap();
    scene
        .past(
            "production",
            "old-search",
            definition,
            SignedDuration::from_hours(24 * 40),
        )
        .await;
    assert!(scene.say("flags stale").await.contains("No flag can go"));
    assert!(!scene.say("flag old-search").await.contains("Where used"));
}
