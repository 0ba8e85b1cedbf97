//! `check`: what is wrong, and how to mend it.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use common::{config, install_tls, options};
use otus_emulators::slack::{SocketFault, Workspace};
use otus_slack::{
    SlackConfig,
    manifest::{Wants, scopes},
};

/// All that a robot can want.
const ALL: Wants = Wants {
    files: true,
    emails: true,
    direct: true,
    groups: true,
    channels: true,
};

async fn check(config: &SlackConfig) -> Vec<otus_slack::Checked> {
    otus_slack::check(config, &ALL).await
}

fn told(checked: Vec<otus_slack::Checked>) -> String {
    let line = |check: otus_slack::Checked| match check.found {
        Ok(found) => format!("ok {}: {found}", check.what),
        Err(wrong) => format!("!! {}: {wrong}", check.what),
    };
    checked.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn all_is_well() {
    let workspace = Workspace::start(options()).await.unwrap();
    let told = told(check(&config(&workspace)).await);
    assert!(
        told.starts_with("ok Slack configuration: complete\nok Slack bot token: otus (U"),
        "{told}"
    );
    assert!(
        told.ends_with("ok Slack Socket Mode: the socket opens and Slack says hello"),
        "{told}"
    );
    assert!(!told.contains("!!"), "{told}");
}

#[tokio::test]
async fn each_fault_is_told_with_its_cure() {
    let workspace = Workspace::start(options()).await.unwrap();
    let good = config(&workspace);
    insta::assert_snapshot!(told(check(&SlackConfig { bot_token: Some("xoxb-wrong".into()), ..good.clone() }).await), @"
    ok Slack configuration: complete
    !! Slack bot token: the bot token (slack.bot_token) is not accepted: it is wrong, or of another workspace; copy it again from the Slack app's settings (invalid_auth)
    ");
    insta::assert_snapshot!(told(check(&SlackConfig { bot_token: None, ..good.clone() }).await), @"!! Slack configuration: slack.bot_token: is missing: the bot token, xoxb-… (api.slack.com/apps → your app → OAuth & Permissions)");
    let wrong_app = told(
        check(&SlackConfig {
            app_token: Some("xapp-wrong".into()),
            ..good.clone()
        })
        .await,
    );
    assert!(wrong_app.ends_with("!! Slack Socket Mode: the app token (slack.app_token) is not accepted: it is wrong, or of another workspace; copy it again from the Slack app's settings (invalid_auth)"), "{wrong_app}");
    workspace.fail_next_socket(SocketFault::NoHello, 1);
    let silent = told(check(&good).await);
    assert!(
        silent.ends_with("!! Slack Socket Mode: the socket failed: Slack did not say hello in time"),
        "{silent}"
    );
}

#[tokio::test]
async fn each_scope_is_missed_by_its_name_and_what_it_is_for() {
    let workspace = Workspace::start(options()).await.unwrap();
    let good = config(&workspace);
    let all = scopes(&ALL);
    for lost in &all {
        let left: Vec<&str> = all
            .iter()
            .map(|scope| scope.name)
            .filter(|name| *name != lost.name)
            .collect();
        workspace.set_scopes(&left);
        let checked = check(&good).await;
        let found = checked
            .iter()
            .find(|checked| checked.what == "Slack scopes")
            .unwrap();
        assert_eq!(found.missing, [lost.name]);
        let wrong = found.found.as_ref().unwrap_err();
        let told = format!(
            "a scope is missing: {} (to {}). Add it under OAuth",
            lost.name, lost.purpose
        );
        assert!(wrong.starts_with(&told), "{wrong}");
        assert!(wrong.contains("`otus manifest`"), "{wrong}");
    }
    let exactly: Vec<&str> = all.iter().map(|scope| scope.name).collect();
    workspace.set_scopes(&exactly);
    assert!(!told(check(&good).await).contains("!!"));
    // What nobody wants is not missed.
    let least = Wants::default();
    let fewer: Vec<&str> = scopes(&least).iter().map(|scope| scope.name).collect();
    workspace.set_scopes(&fewer);
    assert!(!told(otus_slack::check(&good, &least).await).contains("!!"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    install_tls();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = SlackConfig {
        api_url: format!("http://{address}/api"),
        bot_token: Some("xoxb-secret".into()),
        app_token: Some("xapp-secret".into()),
        ..SlackConfig::default()
    };
    let told = told(check(&config).await);
    assert!(
        told.contains(&format!("!! Slack bot token: cannot reach {address}: ")),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}
