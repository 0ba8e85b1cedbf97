//! The other side: signs like each of the vendors, by code that shares nothing with what verifies.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use otus_ci::hooks::{CiEvent, Delivery, Headers, Hook, HookConfig, Refusal, Request, Scheme};
use serde_json::Value;
use sha2::Sha256;

pub(crate) const NOW: i64 = 1_763_208_000;
pub(crate) const SECRET: &str = "a secret for the tests";
/// The base64 after `whsec_` is `the key of a signing token`.
pub(crate) const SIGNING: &str = "whsec_dGhlIGtleSBvZiBhIHNpZ25pbmcgdG9rZW4=";
const SIGNING_KEY: &[u8] = b"the key of a signing token";

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Github,
    Generic,
    GitlabSigned,
    GitlabToken,
    Circleci,
    BuildkiteSigned,
    BuildkiteToken,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Github,
        Self::Generic,
        Self::GitlabSigned,
        Self::GitlabToken,
        Self::Circleci,
        Self::BuildkiteSigned,
        Self::BuildkiteToken,
    ];

    pub(crate) fn scheme(self) -> Scheme {
        match self {
            Self::Github => Scheme::Github,
            Self::Generic => Scheme::Generic,
            Self::GitlabSigned | Self::GitlabToken => Scheme::Gitlab,
            Self::Circleci => Scheme::Circleci,
            Self::BuildkiteSigned | Self::BuildkiteToken => Scheme::Buildkite,
        }
    }

    pub(crate) fn hook(self) -> Hook {
        hook(
            self.scheme(),
            if self == Self::GitlabSigned {
                &[SIGNING]
            } else {
                &[SECRET]
            },
        )
    }

    /// The header whose value is the proof.
    pub(crate) fn proof(self) -> &'static str {
        match self {
            Self::Github => "X-Hub-Signature-256",
            Self::Generic => "X-Signature-256",
            Self::GitlabSigned => "webhook-signature",
            Self::GitlabToken => "X-Gitlab-Token",
            Self::Circleci => "circleci-signature",
            Self::BuildkiteSigned => "X-Buildkite-Signature",
            Self::BuildkiteToken => "X-Buildkite-Token",
        }
    }

    pub(crate) fn has_time(self) -> bool {
        matches!(self, Self::Generic | Self::GitlabSigned | Self::BuildkiteSigned)
    }

    pub(crate) fn signs_body(self) -> bool {
        !matches!(self, Self::GitlabToken | Self::BuildkiteToken)
    }

    /// A delivery that is right, sent at that moment.
    pub(crate) fn send(self, event: &str, body: &[u8], at: i64) -> Sent {
        self.send_by(SECRET, event, body, at)
    }

    pub(crate) fn send_by(self, secret: &str, event: &str, body: &[u8], at: i64) -> Sent {
        let time = at.to_string();
        let key = secret.as_bytes();
        let before = |before: &str| [before.as_bytes(), body].concat();
        let headers: Vec<(&str, String)> = match self {
            Self::Github => vec![
                ("X-GitHub-Event", event.into()),
                ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958".into()),
                ("X-Hub-Signature-256", format!("sha256={}", hex(&mac(key, body)))),
                ("Content-Type", "application/json".into()),
            ],
            Self::Generic => vec![
                ("X-Otus-Id", "build-1".into()),
                ("X-Otus-Timestamp", time.clone()),
                (
                    "X-Signature-256",
                    format!("sha256={}", hex(&mac(key, &before(&format!("build-1.{time}."))))),
                ),
            ],
            Self::GitlabSigned => {
                let key = if secret == SECRET { SIGNING_KEY } else { key };
                let signature = mac(key, &before(&format!("f5e5f430.{time}.")));
                vec![
                    ("X-Gitlab-Event", event.into()),
                    ("Idempotency-Key", "f5e5f430".into()),
                    ("webhook-id", "f5e5f430".into()),
                    ("webhook-timestamp", time),
                    ("webhook-signature", format!("v1,{}", STANDARD.encode(signature))),
                ]
            }
            Self::GitlabToken => vec![
                ("X-Gitlab-Event", event.into()),
                ("Idempotency-Key", "f5e5f430".into()),
                ("X-Gitlab-Token", secret.into()),
            ],
            Self::Circleci => vec![
                ("circleci-event-type", event.into()),
                ("circleci-signature", format!("v1={}", hex(&mac(key, body)))),
            ],
            Self::BuildkiteSigned => {
                let signature = hex(&mac(key, &before(&format!("{time}."))));
                vec![
                    ("X-Buildkite-Event", event.into()),
                    (
                        "X-Buildkite-Signature",
                        format!("timestamp={time},signature={signature}"),
                    ),
                ]
            }
            Self::BuildkiteToken => {
                vec![
                    ("X-Buildkite-Event", event.into()),
                    ("X-Buildkite-Token", secret.into()),
                ]
            }
        };
        Sent {
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into_bytes()))
                .collect(),
            body: body.to_vec(),
        }
    }

    /// An event and a body that are right for it.
    pub(crate) fn example(self) -> (&'static str, Value) {
        match self.scheme() {
            Scheme::Github => ("workflow_run", payload("github/workflow_run")),
            Scheme::Generic => (
                "",
                serde_json::json!({
                    "repo": "acme/api", "sha": A, "branch": "main", "status": "success",
                    "url": "https://ci.example.com/builds/1", "name": "build",
                    "image": "registry.example.com/acme/api:1", "digest": format!("sha256:{}", "1f".repeat(32)),
                }),
            ),
            Scheme::Gitlab => ("Pipeline Hook", payload("gitlab/pipeline")),
            Scheme::Circleci => ("workflow-completed", payload("circleci/workflow")),
            Scheme::Buildkite => ("build.finished", payload("buildkite/finished")),
        }
    }
}

/// Commits that the payloads speak of.
pub(crate) const A: &str = "a00000000000000000000000000000000000000a";
pub(crate) const B: &str = "b00000000000000000000000000000000000000b";
pub(crate) const C: &str = "c00000000000000000000000000000000000000c";
pub(crate) const ZEROS: &str = "0000000000000000000000000000000000000000";

pub(crate) fn hook(scheme: Scheme, secrets: &[&str]) -> Hook {
    let secrets = secrets.iter().map(|secret| (*secret).into()).collect();
    Hook::new("ci", &HookConfig { scheme, secrets }).unwrap()
}

/// One request, as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn read(&self, hook: &Hook, now: i64) -> Result<Delivery, Refusal> {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Headers<'_> = headers.collect();
        hook.read(&Request {
            headers: &headers,
            body: &self.body,
            now: Timestamp::from_second(now).unwrap(),
        })
    }

    pub(crate) fn header(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.headers.iter_mut().find(|(had, _)| had == name).unwrap().1
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(had, _)| had != name);
        self
    }
}

pub(crate) fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A payload from the folder beside.
pub(crate) fn payload(name: &str) -> Value {
    let path = format!("{}/tests/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The payload with some of its values changed, by their JSON pointers; what is not there yet is added.
pub(crate) fn changed(mut value: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, new) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        value.pointer_mut(parent).unwrap()[key] = new.clone();
    }
    value
}

/// What a genuine delivery of this body says.
pub(crate) fn told(way: Way, event: &str, body: &Value) -> Result<Vec<CiEvent>, Refusal> {
    let sent = way.send(event, &serde_json::to_vec(body).unwrap(), NOW);
    sent.read(&way.hook(), NOW).map(|delivery| delivery.events)
}

/// The only event of a delivery, as JSON.
pub(crate) fn event(way: Way, event: &str, body: &Value) -> Value {
    let events = told(way, event, body).unwrap_or_else(|refusal| panic!("{event}: {refusal}"));
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    serde_json::to_value(event).unwrap()
}

/// Asserts on some fields of an event, by their names.
#[track_caller]
pub(crate) fn expect(event: &Value, fields: &[(&str, Value)]) {
    for (name, value) in fields {
        assert_eq!(&event[name], value, "{name} of {event:#}");
    }
}
