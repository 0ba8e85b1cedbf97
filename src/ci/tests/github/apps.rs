//! An App: its signed claim, and the installation token it gets for that.

use super::Place;
use otus_ci::github::{ConfigError, Error, GitHubConfig, Hook};
use ring::signature::{KeyPair as _, RsaKeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use std::path::PathBuf;

/// A key that opens nothing but these tests.
fn key_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/github-app-test-key.pem")
}

fn public_key() -> Vec<u8> {
    let PrivateKeyDer::Pkcs1(der) = PrivateKeyDer::from_pem_file(key_file()).unwrap() else {
        panic!("GitHub hands out PKCS #1")
    };
    RsaKeyPair::from_der(der.secret_pkcs1_der())
        .unwrap()
        .public_key()
        .as_ref()
        .to_vec()
}

fn as_app(config: &mut GitHubConfig) {
    config.token = None;
    config.app_id = Some(7);
    config.installation_id = Some(11);
    config.private_key_file = Some(key_file());
}

async fn place(token_seconds: i64) -> Place {
    let place = Place::with(as_app).await;
    place.github.register_app(7, 11, &public_key(), token_seconds);
    place
}

#[tokio::test]
async fn one_token_serves_many_calls() {
    let place = place(3_600).await;
    for _ in 0..3 {
        place.client.branch_head(&place.repo, "main").await.unwrap();
    }
    assert_eq!(place.statuses("access_tokens"), [201]);
    assert_eq!(place.statuses("GET"), [200, 304, 304]);
}

#[tokio::test]
async fn calls_at_once_fetch_one_token() {
    let place = place(3_600).await;
    let (a, b) = tokio::join!(
        place.client.commit(&place.repo, "main"),
        place.client.commit(&place.repo, "main")
    );
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(place.statuses("access_tokens"), [201]);
}

#[tokio::test]
async fn a_token_that_soon_ends_is_not_used_again() {
    let place = place(200).await;
    for _ in 0..2 {
        place.client.commit(&place.repo, "main").await.unwrap();
    }
    assert_eq!(place.statuses("access_tokens"), [201, 201]);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_once() {
    let place = place(3_600).await;
    place.client.commit(&place.repo, "main").await.unwrap();
    place.github.revoke_installation_tokens();
    place.client.commit(&place.repo, "main").await.unwrap();
    assert_eq!(place.statuses("GET"), [200, 401, 304]);
    assert_eq!(place.statuses("access_tokens"), [201, 201]);
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_said() {
    let place = Place::with(as_app).await;
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed { status: 401, .. }), "{error}");
    assert!(error.to_string().contains("clock"), "{error}");
    place.github.register_app(7, 12, &public_key(), 60);
    let error = place.client.commit(&place.repo, "main").await.unwrap_err();
    assert!(error.to_string().contains("installation 11"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    for (text, wanted) in [
        ("no key", "no private key in PEM form"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\naHVzaA==\n-----END RSA PRIVATE KEY-----\n",
            "not an RSA key that can sign",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let place = Place::with(|config| {
            as_app(config);
            config.private_key_file = Some(file.clone());
        })
        .await;
        let error = place.client.commit(&place.repo, "main").await.unwrap_err();
        assert!(
            matches!(
                &error,
                Error::Config(ConfigError::File {
                    key: "private_key_file",
                    ..
                })
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains(wanted) && !error.to_string().contains("aHVz"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_an_app_asks_for_the_app_s_deliveries() {
    let place = place(3_600).await;
    place.api.hook("http://127.0.0.1:1/", "", &["push"]).unwrap();
    place.api.commit("main", "A change").unwrap();
    place.github.settled().await;
    let since = jiff::Timestamp::UNIX_EPOCH;
    let all = place.client.deliveries(&Hook::App, since, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    place.client.redeliver(&Hook::App, all[0].id).await.unwrap();
    place.github.settled().await;
    assert_eq!(
        place
            .client
            .deliveries(&Hook::App, since, 10)
            .await
            .unwrap()
            .len(),
        2
    );
    assert!(place.statuses("access_tokens").is_empty());

    let other = Place::new().await;
    let error = other.client.deliveries(&Hook::App, since, 10).await.unwrap_err();
    assert!(error.to_string().contains("app_id"), "{error}");
}
