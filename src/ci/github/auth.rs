//! Purpose: the token that a call is made with: as configured, from a file, or an installation's, kept until shortly before
//! it ends.

use super::{
    call::{Body, Who},
    client::GitHub,
    config::Identity,
    error::{ConfigError, Error, Result},
    jwt,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

/// An installation token is not used in its last minutes: a call may take a while, and clocks differ.
const SPARE: SignedDuration = SignedDuration::from_mins(5);

/// Who the client is, and the installation token it has.
#[derive(Debug)]
pub(super) struct Auth {
    identity: Identity,
    /// Locked while a new one is fetched, so that many calls at once fetch one.
    installation: Mutex<Option<Token>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Token {
    token: SecretString,
    expires_at: Timestamp,
}

impl Auth {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            installation: Mutex::new(None),
        }
    }

    /// Whether a token that is refused may be followed by another.
    pub(super) fn can_change(&self) -> bool {
        !matches!(self.identity, Identity::Token(_))
    }
}

impl GitHub {
    /// The token for a call; `refused` is one that was just answered 401, and is not used again if there is another.
    pub(super) async fn token(&self, who: Who, refused: Option<&SecretString>) -> Result<SecretString> {
        let auth = self.auth();
        match (&auth.identity, who) {
            (Identity::App { app, key, .. }, Who::App) => claim(*app, key).await,
            (_, Who::App) => Err(Error::NotAllowed {
                what: "what only an App may do".into(),
                status: 401,
                message: "there is no App".into(),
                hint: "; set github.app_id, installation_id and private_key_file".into(),
            }),
            (Identity::Token(token), Who::Installation) => Ok(token.clone()),
            (Identity::File(path), Who::Installation) => {
                let text = read(path, "token_file").await?;
                let text = String::from_utf8_lossy(&text).trim().to_owned();
                if text.is_empty() {
                    return Err(file("token_file", path, "it is empty".into()).into());
                }
                Ok(text.into())
            }
            (Identity::App { installation, .. }, Who::Installation) => {
                let mut kept = auth.installation.lock().await;
                let good = |token: &&Token| {
                    let other = refused.is_none_or(|bad| bad.expose_secret() != token.token.expose_secret());
                    other && Timestamp::now() + SPARE < token.expires_at
                };
                if let Some(token) = kept.as_ref().filter(good) {
                    return Ok(token.token.clone());
                }
                let token = self.fetch_token(*installation).await?;
                Ok(kept.insert(token).token.clone())
            }
        }
    }

    async fn fetch_token(&self, installation: u64) -> Result<Token> {
        let what = format!("a token for the App's installation {installation}");
        let number = installation.to_string();
        let path = ["app", "installations", &number, "access_tokens"];
        let body = Body::Json(serde_json::json!({}));
        // The future would contain itself: a call asks for a token, which is asked for by a call.
        let answer = Box::pin(self.post(Who::App, &path, body, &what)).await?;
        self.parse(&answer, &what)
    }
}

async fn claim(app: u64, key: &Path) -> Result<SecretString> {
    let pem = SecretBytes(read(key, "private_key_file").await?);
    let path = key.to_owned();
    // Signing takes a millisecond or two of computing.
    let signed = tokio::task::spawn_blocking(move || jwt::sign(app, &pem.0, Timestamp::now()));
    let wrong = |why: String| Error::from(file("private_key_file", &path, why));
    signed
        .await
        .map_err(|error| wrong(error.to_string()))?
        .map_err(wrong)
}

/// Never shown by accident.
struct SecretBytes(Vec<u8>);

fn file(key: &'static str, path: &Path, why: String) -> ConfigError {
    ConfigError::File {
        key,
        path: path.to_owned(),
        why,
    }
}

async fn read(path: &Path, key: &'static str) -> Result<Vec<u8>> {
    let owned: PathBuf = path.to_owned();
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(owned)).await;
    let wrong = |why: String| Error::from(file(key, path, why));
    bytes
        .map_err(|error| wrong(error.to_string()))?
        .map_err(|error| wrong(error.to_string()))
}
