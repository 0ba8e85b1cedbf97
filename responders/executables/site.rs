//! An executable behind an address: the same lines, over HTTP. A request is one `POST` with one line of JSON; its answer is lines, read
//! as they come.

use crate::{describe::Described, settings::Settings, talk};
use otus::{Context, Result};
use reqwest::{Client, Response, header, redirect};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::io::AsyncWriteExt as _;
use url::Url;

/// What both ways are: JSON, one value a line (github.com/ndjson/ndjson-spec).
const LINES: &str = "application/x-ndjson";
/// When it was asked, in seconds since 1970: what is old is somebody's repetition.
const TIMESTAMP: &str = "otus-timestamp";
/// `v1=` and the HMAC-SHA256 of `v1:<timestamp>:<body>` in hexadecimal, by the secret.
const SIGNATURE: &str = "otus-signature";
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(3);
/// So much of a refusal goes to the log.
const LOGGED: usize = 2 * 1024;

/// One of `[responders.executables.urls]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Where it listens.
    #[serde(deserialize_with = "address")]
    pub url: Url,
    /// What requests are signed with, so that it can tell Otus from others. Needed for other machines than this one.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        let secret = |site: &Self| {
            site.secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned())
        };
        self.url == other.url && secret(self) == secret(other)
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    let url: Url = text
        .parse()
        .map_err(|error| D::Error::custom(format!("is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(D::Error::custom(
            "is no address of HTTP: http://… or https://… is expected",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom(
            "has a name or a password in it; `secret` is for telling Otus from others",
        ));
    }
    Ok(url)
}

/// What is wrong with a site.
#[derive(Debug, Clone)]
pub(crate) enum Wrong {
    /// It is not there now, which may pass.
    Away(String),
    /// It is there, and does not say what it should.
    Faulty(String),
}

impl Site {
    /// What keeps it from being asked at all.
    pub(crate) fn fault(&self) -> Option<String> {
        let here = match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let secret = self
            .secret
            .as_ref()
            .map(|secret| secret.expose_secret().trim().len());
        match secret {
            None if !here => {
                Some("is on another machine, and needs a `secret`: by it, it tells Otus from others".into())
            }
            Some(length) if length < 16 => {
                Some("has a secret of less than 16 characters, which can be guessed".into())
            }
            _ => None,
        }
    }

    /// Asks; the answer's head has come, and is a good one.
    async fn post(&self, line: String) -> std::result::Result<Response, Wrong> {
        let timestamp = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut request = client()?
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, LINES)
            .header(header::ACCEPT, LINES)
            .header(TIMESTAMP, timestamp);
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, signature(secret, timestamp, &line));
        }
        let mut answer = request
            .body(line)
            .send()
            .await
            .map_err(|error| Wrong::Away(format!("cannot be reached: {}", innermost(&error))))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let mut said = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            said.extend_from_slice(&piece);
            if said.len() >= LOGGED {
                break;
            }
        }
        said.truncate(LOGGED);
        let said = otus::secrets::redact(String::from_utf8_lossy(&said).trim()).to_string();
        let why = format!("answered {status}: {said}");
        Err(match status.is_server_error() || status.as_u16() == 429 {
            true => Wrong::Away(why),
            false => Wrong::Faulty(why),
        })
    }

    /// Asks what it is: the line it answers.
    async fn describes(&self) -> std::result::Result<String, Wrong> {
        let mut answer = self.post(talk::DESCRIBE.to_owned()).await?;
        let mut text = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(piece)) => text.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return Err(Wrong::Away(format!("broke off: {}", innermost(&error)))),
            }
            if text.len() > talk::DESCRIPTION {
                return Err(Wrong::Faulty("says too much of itself".into()));
            }
        }
        let text = String::from_utf8(text)
            .map_err(|_| Wrong::Faulty("describes itself in what is no UTF-8".into()))?;
        let line = text.lines().find(|line| !line.trim().is_empty());
        line.map(str::to_owned)
            .ok_or_else(|| Wrong::Faulty("said nothing when it was asked what it is".into()))
    }
}

/// What sites said of themselves, and when they were asked. A site that is away is what it was when it was there.
type Asked = HashMap<String, (Instant, Site, std::result::Result<String, Wrong>)>;

static ASKED: Mutex<Option<Asked>> = Mutex::new(None);

/// What a site says of itself: now, or a moment ago. This waits for it, and is for where waiting is allowed.
pub(crate) fn ask(
    name: &str,
    site: &Site,
    look: Duration,
    patience: Duration,
) -> std::result::Result<String, Wrong> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = asked.get_or_insert_default();
    let before = asked.get(name).filter(|(_, of, _)| of == site);
    if let Some((when, _, line)) = before
        && when.elapsed() < look
    {
        return line.clone();
    }
    let mut now = wait(site.clone(), patience);
    if let Err(Wrong::Away(why)) = &now {
        tracing::warn!(executable = name, why, "an executable behind an address is away");
        if let Some((.., Ok(line))) = before {
            now = Ok(line.clone());
        }
    }
    asked.insert(name.to_owned(), (Instant::now(), site.clone(), now.clone()));
    now
}

/// Asks in a thread of its own: a configuration is read inside of a runtime and outside of one.
fn wait(site: Site, patience: Duration) -> std::result::Result<String, Wrong> {
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let line = match runtime {
            Ok(runtime) => runtime.block_on(async {
                tokio::time::timeout(patience, site.describes())
                    .await
                    .unwrap_or_else(|_| {
                        Err(Wrong::Away(format!(
                            "did not say within {} s what it is",
                            patience.as_secs()
                        )))
                    })
            }),
            Err(error) => Err(Wrong::Away(format!("the system gives no threads: {error}"))),
        };
        // Nobody waits for it any more when this program ends.
        let _ = told.send(line);
    });
    answer
        .recv()
        .unwrap_or_else(|_| Err(Wrong::Away("asking it ended abruptly".into())))
}

/// Runs it for one message.
pub(crate) async fn run(
    cx: &Context,
    described: &Described,
    site: &Site,
    settings: &Settings,
    arguments: Map<String, Value>,
) -> Result {
    let asked = talk::request(cx, described, arguments).await;
    let name = described.spec.responder;
    let mut answer = site.post(format!("{asked}\n")).await.map_err(|wrong| {
        let (Wrong::Away(why) | Wrong::Faulty(why)) = wrong;
        anyhow::anyhow!("{name} {why}")
    })?;
    // What comes is read at the pace of what is shown of it.
    let (mut to, from) = tokio::io::duplex(64 * 1024);
    let copy = async move {
        while let Some(piece) = answer
            .chunk()
            .await
            .map_err(|error| anyhow::anyhow!("{name} broke off: {}", innermost(&error)))?
        {
            // Who does not listen any more has said why.
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let shown = talk::listen(cx, tokio::io::BufReader::new(from), settings.most());
    tokio::pin!(shown);
    let mut broken = None;
    tokio::select! {
        biased;
        shown = &mut shown => return shown,
        copied = copy => if let Err(error) = copied {
            broken = Some(error);
        }
    }
    // What had come before it broke off is shown.
    shown.await?;
    broken.map_or(Ok(()), Err)
}

fn signature(secret: &SecretString, timestamp: u64, line: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().trim().as_bytes());
    let tag = hmac::sign(&key, format!("v1:{timestamp}:{line}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={hex}")
}

/// One for all: it keeps connections.
fn client() -> std::result::Result<Client, Wrong> {
    static CLIENT: OnceLock<std::result::Result<Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            // A request is signed for one address.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECTING)
            // A connection belongs to the runtime that made it, and descriptions are asked in one of their own.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| innermost(&error))
    });
    made.clone().map_err(Wrong::Faulty)
}

/// Why, without the address that stands around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(deeper) = at.source() {
        at = deeper;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(toml: Value) -> std::result::Result<Site, String> {
        serde_json::from_value(toml).map_err(|error| error.to_string())
    }

    #[test]
    fn other_machines_need_a_secret_that_cannot_be_guessed() {
        let fault = |toml: Value| site(toml).unwrap().fault();
        for here in ["http://127.0.0.1:9/otus", "http://localhost:9", "http://[::1]:9"] {
            assert_eq!(fault(serde_json::json!({ "url": here })), None, "{here}");
        }
        let there = "https://dice.example.com/otus";
        assert!(
            fault(serde_json::json!({ "url": there }))
                .unwrap()
                .contains("needs a `secret`")
        );
        assert!(
            fault(serde_json::json!({ "url": there, "secret": "short" }))
                .unwrap()
                .contains("16")
        );
        assert_eq!(
            fault(serde_json::json!({ "url": there, "secret": "0123456789abcdef" })),
            None
        );
    }

    #[test]
    fn an_address_is_one_of_http_without_a_password() {
        for wrong in [
            "dice",
            "ftp://dice",
            "https://ann:pass@dice.example.com",
            "unix:/x",
        ] {
            assert!(site(serde_json::json!({ "url": wrong })).is_err(), "{wrong}");
        }
        assert!(site(serde_json::json!({ "url": "http://dice:1", "secrets": [] })).is_err());
    }

    #[test]
    fn a_signature_is_of_time_and_line() {
        // Made with: printf 'v1:1700000000:{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let secret = SecretString::from("0123456789abcdef");
        assert_eq!(
            signature(&secret, 1_700_000_000, "{}"),
            "v1=31ab1a5f612982cbb606c3c6f69fbba87fb23b3157b28a815b8e95ee6561e8c5"
        );
    }
}
