use super::*;

fn complete() -> SlackConfig {
    SlackConfig {
        bot_token: Some("xoxb-1".into()),
        app_token: Some("xapp-1".into()),
        ..SlackConfig::default()
    }
}

fn problem(config: &SlackConfig) -> String {
    config.validate().unwrap_err().to_string()
}

#[test]
fn the_defaults_with_tokens_are_valid() {
    complete().validate().unwrap();
}

#[test]
fn plain_http_needs_loopback_or_consent() {
    for url in [
        "http://127.0.0.1:9/api",
        "http://[::1]:9/api",
        "http://localhost:9/api/",
    ] {
        SlackConfig {
            api_url: url.into(),
            ..complete()
        }
        .validate()
        .unwrap();
    }
    let outside = SlackConfig {
        api_url: "http://127.0.0.1.example.com/api".into(),
        ..complete()
    };
    insta::assert_snapshot!(problem(&outside), @"slack.api_url: `http://127.0.0.1.example.com/api` would send the tokens in the clear; use https://, or set slack.allow_plain_http = true if that is meant");
    SlackConfig {
        allow_plain_http: true,
        ..outside
    }
    .validate()
    .unwrap();
    let file = SlackConfig {
        api_url: "file:///etc".into(),
        ..complete()
    };
    insta::assert_snapshot!(problem(&file), @"slack.api_url: has to start with https://, not file://");
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    insta::assert_snapshot!(problem(&SlackConfig::default()), @"slack.bot_token: is missing: the bot token, xoxb-… (api.slack.com/apps → your app → OAuth & Permissions)");
    let swapped = SlackConfig {
        app_token: Some("xoxb-secret".into()),
        ..complete()
    };
    insta::assert_snapshot!(problem(&swapped), @"slack.app_token: does not start with xapp-, so it is not the app-level token with the scope connections:write (api.slack.com/apps → your app → Basic Information)");
    let http = SlackConfig {
        events: Entrance::Http,
        app_token: None,
        ..complete()
    };
    insta::assert_snapshot!(problem(&http), @"slack.signing_secret: is missing: events over HTTP are verified with it (api.slack.com/apps → your app → Basic Information)");
}

#[test]
fn numbers_are_bounded() {
    assert!(
        problem(&SlackConfig {
            sockets: 0,
            ..complete()
        })
        .contains("slack.sockets")
    );
    assert!(
        problem(&SlackConfig {
            sockets: 11,
            ..complete()
        })
        .contains("slack.sockets")
    );
    let pace = Pace {
        posts_per_second: f64::NAN,
        ..Pace::default()
    };
    assert!(problem(&SlackConfig { pace, ..complete() }).contains("slack.pace.posts_per_second"));
}

#[test]
fn reads_json_and_refuses_unknown_keys() {
    let read: SlackConfig = serde_json::from_str(
        r#"{"bot_token":"xoxb-very-secret","events":"http","timeouts":{"request":"3s"},"sockets":3}"#,
    )
    .unwrap();
    assert_eq!(read.events, Entrance::Http);
    assert_eq!(read.timeouts.request, Duration::from_secs(3));
    assert_eq!(read.timeouts.hello, Timeouts::default().hello);
    assert!(!format!("{read:?}").contains("very-secret"));
    assert!(serde_json::from_str::<SlackConfig>(r#"{"bot_tokn":"x"}"#).is_err());
}
