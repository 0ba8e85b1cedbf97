//! What goes wrong on the way, and what is done about it.

use super::Place;
use otus_ci::github::{ConfigError, Error};
use otus_emulators::github::{Conclusion, Fault};
use std::time::Duration;

#[tokio::test]
async fn reading_is_tried_again_a_few_times() {
    let place = Place::new().await;
    for fault in [
        Fault::Status(502),
        Fault::Status(500),
        Fault::Drop,
        Fault::LoseAnswer,
    ] {
        place.github.fault("GET", fault.clone(), 2);
        assert!(
            place.client.commit(&place.repo, "main").await.is_ok(),
            "{fault:?}"
        );
    }
    let before = place.github.calls().len();
    place.github.fault("GET", Fault::Status(503), 9);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.to_string().contains("503"),
        "{error}"
    );
    assert_eq!(place.github.calls().len() - before, 3);
}

#[tokio::test]
async fn nobody_there_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let place = Place::with(|config| config.api_url = address.clone()).await;
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { url, .. } if *url == address),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_not_waited_for() {
    let place = Place::with(|config| {
        config.timeout = Duration::from_millis(50);
        config.retries = 0;
    })
    .await;
    place
        .github
        .fault("GET", Fault::Slow(Duration::from_secs(3_600)), 1);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_counted() {
    let place = Place::new().await;
    let sha = place.api.commit("main", "A change").unwrap();
    for number in 0..150 {
        place
            .api
            .check(&sha, &number.to_string(), Conclusion::Success)
            .unwrap();
    }
    let first = place.client.checks(&place.repo, &sha).await.unwrap();
    let left = place.github.remaining();
    let second = place.client.checks(&place.repo, &sha).await.unwrap();
    assert_eq!((&first, place.github.remaining()), (&second, left));
    assert_eq!(place.statuses("check-runs"), [200, 200, 304, 304]);
    place.api.check(&sha, "0", Conclusion::Failure).unwrap();
    let third = place.client.checks(&place.repo, &sha).await.unwrap();
    assert_ne!(first, third);
    assert!(place.github.remaining() < left);
}

#[tokio::test]
async fn a_limit_that_ends_late_says_until_when_and_is_remembered() {
    let place = Place::new().await;
    place.github.rate_limit(1, 600);
    let sha = place.client.commit(&place.repo, "main").await.unwrap().sha;
    let calls = place.github.calls().len();
    // The last answer said that nothing is left: nothing more is sent.
    let error = place.client.commit(&place.repo, &sha).await.unwrap_err();
    let Error::RateLimited {
        until,
        secondary: false,
    } = error
    else {
        panic!("{error}")
    };
    let left = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((500..=600).contains(&left), "{left}");
    assert!(error.to_string().contains(&until.to_string()), "{error}");
    assert_eq!(place.github.calls().len(), calls);
    // Another client does not know yet, and is told.
    let other = otus_ci::github::GitHub::new(&super::config(&place.github)).unwrap();
    assert!(matches!(
        other.commit(&place.repo, "main").await,
        Err(Error::RateLimited { secondary: false, .. })
    ));
}

#[tokio::test]
async fn a_limit_that_is_over_is_no_hindrance() {
    let place = Place::new().await;
    place.github.fault("GET", Fault::SecondaryLimit(Some(0)), 2);
    assert!(place.client.commit(&place.repo, "main").await.is_ok());
    assert_eq!(place.statuses("GET"), [403, 403, 200]);
    // Nothing has happened, so that what changes may be sent again, too.
    place.github.fault("POST", Fault::SecondaryLimit(Some(0)), 1);
    let new = otus_ci::github::NewDeployment {
        reference: "main".into(),
        environment: "test".into(),
        ..Default::default()
    };
    assert!(place.client.create_deployment(&place.repo, &new).await.is_ok());
    // But not for ever.
    place.github.fault("GET", Fault::SecondaryLimit(Some(0)), 99);
    let error = place.client.commit(&place.repo, "v1").await.unwrap_err();
    assert!(
        matches!(error, Error::RateLimited { secondary: true, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_asks_for_a_minute() {
    let place = Place::new().await;
    place.github.fault("GET", Fault::SecondaryLimit(None), 1);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    let Error::RateLimited {
        until,
        secondary: true,
    } = error
    else {
        panic!("{error}")
    };
    assert!((30..=60).contains(&until.duration_since(jiff::Timestamp::now()).as_secs()));
}

#[tokio::test]
async fn what_is_not_github_is_called_odd() {
    let place = Place::new().await;
    place.github.fault("GET", Fault::Garbage, 1);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(
        matches!(error, Error::Odd { .. }) && error.to_string().contains("api_url"),
        "{error}"
    );
    place.github.fault(
        "GET",
        Fault::Redirect(302, "https://login.example.com/?ticket=hush".into()),
        1,
    );
    let error = place
        .client
        .commit(&place.repo, "main")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("redirects to https://login.example.com/") && !error.contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_moved_repository_is_followed_on_the_same_server_alone() {
    let place = Place::new().await;
    let to = "/repos/acme/api/commits/main".to_owned();
    place.github.fault("/repos/acme/old", Fault::Redirect(301, to), 1);
    let old = "acme/old".parse().unwrap();
    assert_eq!(
        place.client.commit(&old, "main").await.unwrap().sha,
        place.api.sha("main").unwrap()
    );
    place.github.fault(
        "/repos/acme/old",
        Fault::Redirect(301, "/repos/acme/old/commits/main".into()),
        99,
    );
    let error = place.client.commit(&old, "main").await.unwrap_err().to_string();
    assert!(error.contains("again and again"), "{error}");
}

#[tokio::test]
async fn a_wrong_token_is_said_and_never_shown() {
    let place = Place::with(|config| config.token = Some("ghp_hush".into())).await;
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed { status: 401, .. }), "{error}");
    assert!(
        error.to_string().contains("Bad credentials); check the token"),
        "{error}"
    );
    let shown = format!("{error} {error:?} {:?}", place.client);
    assert!(!shown.contains("hush"), "{shown}");
    place.github.fault("GET", Fault::Status(403), 1);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed { status: 403, .. }), "{error}");
    let wrapped = Place::with(|config| config.token = Some("ghp_hush\nhush".into())).await;
    let error = wrapped.client.commit(&wrapped.repo, "main").await.unwrap_err();
    assert!(
        matches!(error, Error::Config(ConfigError::Token)) && !format!("{error:?}").contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_in_a_file_may_be_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "ghp_emulated_token\n").unwrap();
    let place = Place::with(|config| {
        config.token = None;
        config.token_file = Some(file.clone());
    })
    .await;
    assert!(place.client.commit(&place.repo, "main").await.is_ok());
    place.github.revoke_token(place.github.token());
    place.github.allow_token("ghp_second");
    std::fs::write(&file, "ghp_second").unwrap();
    assert!(place.client.commit(&place.repo, "main").await.is_ok());
    assert_eq!(place.statuses("GET"), [200, 304]);
    std::fs::write(&file, "\n").unwrap();
    let error = place
        .client
        .commit(&place.repo, "main")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("token_file") && error.contains("empty"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Config(ConfigError::File {
                key: "token_file",
                ..
            })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_next_page_on_another_server_is_not_fetched() {
    let page = || async {
        let link = r#"<http://127.0.0.2:1/repos/acme/api/commits?page=2>; rel="next""#;
        ([("link", link), ("content-type", "application/json")], "[]")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(page);
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let place = Place::with(|config| config.api_url = address).await;
    let error = place.client.commits(&place.repo, "main", 500).await.unwrap_err();
    assert!(error.to_string().contains("another server"), "{error}");
    server.abort();
}

/// A list without an end, as a broken proxy could make of any.
#[tokio::test]
async fn a_list_without_an_end_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let at = host.clone();
    let router = axum::Router::new().fallback(move |uri: axum::http::Uri| {
        let at = at.clone();
        async move {
            let page = uri
                .query()
                .and_then(|query| query.rsplit('=').next()?.parse::<u64>().ok());
            let next = page.unwrap_or_default() + 1;
            let link = format!("<http://{at}/repos/acme/api/rules/branches/main?page={next}>; rel=\"next\"");
            ([("link", link)], "[]")
        }
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let place = Place::with(|config| config.api_url = format!("http://{host}")).await;
    let error = place
        .client
        .required_checks(&place.repo, "main")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooMany { .. }), "{error}");
    server.abort();
}
