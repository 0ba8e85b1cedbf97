//! What stands between a client and a repository: tokens, and passwords that are wrong, missing or changed.

use super::*;

/// One whole way, from nothing to an image.
fn whole_way() -> Vec<String> {
    vec![
        "GET /v2/".into(),
        "GET /token".into(),
        "HEAD manifests/latest".into(),
        format!("GET manifests/{}", fake::digest(&fake::manifest())),
        format!("GET blobs/{}", fake::digest(&fake::config())),
    ]
}

#[tokio::test]
async fn a_token_is_fetched_and_used_again() {
    let fake = Fake::start().await;
    let client = Client::of(&fake, robot());
    let image = client.image("latest").await.unwrap();
    assert_eq!(
        (image.digest, image.revision.as_deref()),
        (fake::digest(&fake::manifest()), Some(COMMIT))
    );
    assert_eq!(fake.journal(), whole_way());
    client.image("latest").await.unwrap();
    assert_eq!(
        fake.journal(),
        whole_way()[2..],
        "the token is still good, and a tag that moves is asked for anew"
    );
}

#[tokio::test]
async fn the_image_of_a_sha_is_remembered_and_its_absence_is_not() {
    let fake = Fake::start().await;
    let client = Client::of(&fake, robot());
    assert!(matches!(client.image(COMMIT).await, Err(Error::NotFound { .. })));
    fake.world().tags.push(COMMIT.into());
    let image = client.image(COMMIT).await.unwrap();
    fake.world().tags.clear();
    fake.journal();
    assert_eq!(client.image(COMMIT).await.unwrap(), image);
    assert!(fake.journal().is_empty());
    assert!(
        !client.registry.exists(&client.repository, COMMIT).await.unwrap(),
        "whether it is there is asked for"
    );
}

#[tokio::test]
async fn a_token_that_ended_is_fetched_anew() {
    let fake = Fake::start().await;
    let client = Client::of(&fake, robot());
    client.image("latest").await.unwrap();
    // The registry takes it for ended, though we were told something else.
    fake.world().token += 1;
    fake.journal();
    client.image("latest").await.unwrap();
    let mut wanted = vec!["HEAD manifests/latest".to_owned()];
    wanted.extend(whole_way());
    assert_eq!(fake.journal(), wanted);
}

#[tokio::test]
async fn a_token_is_not_used_longer_than_it_is_good() {
    let fake = Fake::start().await;
    fake.world().expires_in = Some(0);
    let client = Client::of(&fake, robot());
    for _ in 0..2 {
        client.image("latest").await.unwrap();
        assert_eq!(fake.journal(), whole_way());
    }
    fake.world().expires_in = None;
    client.image("latest").await.unwrap();
    fake.journal();
    client.image("latest").await.unwrap();
    assert_eq!(fake.journal(), whole_way()[2..], "a minute, when nothing is said");
}

#[tokio::test]
async fn a_password_that_changed_is_read_anew_from_file_and_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let base = || RegistryConfig {
        password: None,
        ..robot()
    };
    let command = ["cat", path.to_str().unwrap()].map(str::to_owned).to_vec();
    for config in [
        RegistryConfig {
            password_file: Some(path.clone()),
            ..base()
        },
        RegistryConfig {
            password_command: Some(command),
            ..base()
        },
    ] {
        let fake = Fake::start().await;
        std::fs::write(&path, "s3cret\n").unwrap();
        let client = Client::of(&fake, config);
        client.image("latest").await.unwrap();
        fake.world().password = "changed".into();
        fake.world().token += 1;
        std::fs::write(&path, "changed\n").unwrap();
        client.image("latest").await.unwrap();
        // And where only the password is old, not the token's turn.
        fake.world().password = "again".into();
        std::fs::write(&path, "again\n").unwrap();
        client.image("latest").await.unwrap();
        assert!(client.waits().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_password_is_shown_once_and_not_again() {
    let fake = Fake::start().await;
    fake.world().password = "another".into();
    let client = Client::of(&fake, robot());
    let error = client.image("latest").await.unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
    assert_eq!(refusal(error), Refusal::Login { user: "robot".into() });
    assert_eq!(fake.journal(), ["GET /v2/", "GET /token"]);
    assert!(client.waits().is_empty());
}

#[tokio::test]
async fn a_password_that_is_wrong_again_is_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let fake = Fake::start().await;
    let line = format!("echo run >>{0}; wc -l <{0}", count.display());
    let command = ["sh", "-c", &line].map(str::to_owned).to_vec();
    let client = Client::of(
        &fake,
        RegistryConfig {
            password: None,
            password_command: Some(command),
            ..robot()
        },
    );
    let error = client.image("latest").await.unwrap_err();
    assert_eq!(refusal(error), Refusal::Login { user: "robot".into() });
    assert_eq!(std::fs::read_to_string(count).unwrap(), "run\nrun\n");
}

#[tokio::test]
async fn without_credentials_a_registry_may_let_us_in_or_not() {
    let fake = Fake::start().await;
    let nobody = || RegistryConfig {
        user: None,
        password: None,
        ..robot()
    };
    let error = Client::of(&fake, nobody()).image("latest").await.unwrap_err();
    assert_eq!(
        refusal(error),
        Refusal::NoCredentials {
            path: "team/api".into()
        }
    );
    fake.world().anonymous = true;
    Client::of(&fake, nobody()).image("latest").await.unwrap();
    fake.world().allowed = false;
    let error = Client::of(&fake, nobody()).image("latest").await.unwrap_err();
    assert_eq!(
        refusal(error),
        Refusal::NoCredentials {
            path: "team/api".into()
        }
    );
}

#[tokio::test]
async fn a_missing_right_is_told_from_a_wrong_password() {
    let fake = Fake::start().await;
    fake.world().allowed = false;
    let error = Client::of(&fake, robot()).image("latest").await.unwrap_err();
    assert_eq!(
        refusal(error),
        Refusal::Repository {
            user: "robot".into(),
            path: "team/api".into()
        }
    );
    assert_eq!(
        fake.journal(),
        ["GET /v2/", "GET /token", "HEAD manifests/latest"],
        "a new token changes nothing"
    );
}

#[tokio::test]
async fn a_registry_may_ask_only_at_the_repository() {
    let fake = Fake::start().await;
    fake.world().open_front = true;
    let client = Client::of(&fake, robot());
    client.image("latest").await.unwrap();
    let mut wanted = vec!["GET /v2/".to_owned(), "HEAD manifests/latest".into()];
    wanted.extend_from_slice(&whole_way()[1..]);
    assert_eq!(fake.journal(), wanted);
}

#[tokio::test]
async fn a_password_goes_nowhere_unprotected() {
    let fake = Fake::start().await;
    fake.world().realm = Some("http://192.0.2.1/token".into());
    let client = Client::of(&fake, robot());
    let error = client.image("latest").await.unwrap_err();
    assert!(
        matches!(&error, Error::NotARegistry { why, .. } if why.contains("without TLS")),
        "{error:?}"
    );
    assert_eq!(fake.journal(), ["GET /v2/"]);
}

#[tokio::test]
async fn a_token_that_is_none_is_an_error_and_no_panic() {
    for body in [
        "<html>",
        "{}",
        r#"{"token": ""}"#,
        r#"{"token": "hunter2\n"}"#,
        r#"{"token": 5}"#,
        r#"{"token": "hunter2", "expires_in": "soon"}"#,
    ] {
        let fake = Fake::start().await;
        fake.world()
            .faults
            .push(("GET /token", Fault::Body("application/json", body), 1));
        let error = Client::of(&fake, robot()).image("latest").await.unwrap_err();
        assert!(matches!(error, Error::NotARegistry { .. }), "{body}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let fake = Fake::start().await;
    let client = Client::of(&fake, robot());
    client.image("latest").await.unwrap();
    let shown = format!("{:?}", client.registry);
    assert!(
        shown.contains(&fake.host) && !shown.contains("s3cret") && !shown.contains("token-"),
        "{shown}"
    );
}
