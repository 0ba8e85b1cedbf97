//! Purpose: which hooks there are, and by which secrets their senders are known.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;

/// A secret that is shorter can be guessed from a single signed request.
const SHORTEST: usize = 16;

/// What a signing token of Standard Webhooks begins with.
const SIGNING: &str = "whsec_";

/// How a sender proves who it is, and what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// GitHub: HMAC-SHA256 over the body.
    Github,
    /// The contract in `docs/ci-webhooks.md`, for what has no scheme of its own.
    Generic,
    /// GitLab: a signing token (`whsec_…`, the Standard Webhooks), or a plain token.
    Gitlab,
    /// CircleCI: HMAC-SHA256 over the body.
    Circleci,
    /// Buildkite: HMAC-SHA256 over time and body, or a plain token.
    Buildkite,
}

/// One hook, as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// What comes in by it.
    pub scheme: Scheme,
    /// The secrets a sender may use: one, or two while it is being changed. For GitLab, those that begin with `whsec_`
    /// are signing tokens, and the others plain ones.
    pub secrets: Vec<SecretString>,
}

/// Why a hook cannot work as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookConfigError {
    /// The name is part of a path and of keys.
    #[error(
        "a hook's name is 1 to 40 characters of a-z, 0-9 and -, because it is part of its address; `{name}` is not"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Without a secret anybody could send.
    #[error("the hook `{name}` has no secret, so anybody could send to it; set `secrets` to at least one")]
    NoSecret {
        /// The hook.
        name: String,
    },
    /// A secret that is too short, or has something around it.
    #[error("the secret number {number} of the hook `{name}` cannot be used: {why}")]
    Secret {
        /// The hook.
        name: String,
        /// Which of them, counted from 1.
        number: usize,
        /// Why; never the secret.
        why: &'static str,
    },
}

/// A hook with its secrets, ready to verify.
#[derive(Debug, Clone)]
pub struct Hook {
    name: String,
    scheme: Scheme,
    /// As they stand: HMAC keys, or plain tokens.
    keys: Vec<SecretSlice<u8>>,
    /// Signing tokens of Standard Webhooks, decoded.
    signing: Vec<SecretSlice<u8>>,
}

impl Hook {
    /// A hook by its name and configuration.
    ///
    /// # Errors
    /// [`HookConfigError`] when it could not work, or not be safe.
    pub fn new(name: &str, config: &HookConfig) -> Result<Self, HookConfigError> {
        let usable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=40).contains(&name.len()) || !name.bytes().all(usable) {
            return Err(HookConfigError::Name { name: name.into() });
        }
        if config.secrets.is_empty() {
            return Err(HookConfigError::NoSecret { name: name.into() });
        }
        let (mut keys, mut signing) = (Vec::new(), Vec::new());
        for (at, secret) in config.secrets.iter().enumerate() {
            let wrong = |why| HookConfigError::Secret {
                name: name.into(),
                number: at + 1,
                why,
            };
            let text = secret.expose_secret();
            if text.len() < SHORTEST {
                return Err(wrong("it is shorter than 16 bytes"));
            }
            if text.trim() != text {
                return Err(wrong(
                    "there is white space at its beginning or end, perhaps the end of a line in a file",
                ));
            }
            match text.strip_prefix(SIGNING) {
                Some(encoded) if config.scheme == Scheme::Gitlab => {
                    let key = STANDARD
                        .decode(encoded)
                        .map_err(|_| wrong("what follows whsec_ is not base64"))?;
                    if key.len() < SHORTEST {
                        return Err(wrong("it is shorter than 16 bytes once decoded"));
                    }
                    signing.push(key.into());
                }
                _ => keys.push(text.as_bytes().to_vec().into()),
            }
        }
        Ok(Self {
            name: name.into(),
            scheme: config.scheme,
            keys,
            signing,
        })
    }

    /// Its name, the last part of its address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What comes in by it.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn keys(&self) -> &[SecretSlice<u8>] {
        &self.keys
    }

    pub(super) fn signing(&self) -> &[SecretSlice<u8>] {
        &self.signing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, scheme: &str, secrets: &[&str]) -> Result<Hook, HookConfigError> {
        let config = serde_json::json!({ "scheme": scheme, "secrets": secrets });
        Hook::new(name, &serde_json::from_value(config).unwrap())
    }

    #[test]
    fn what_would_not_be_safe_is_refused() {
        let long = "0123456789abcdef";
        assert!(hook("ci-2", "generic", &[long]).is_ok());
        for name in ["", "A", "a/b", "a:b", "ä", &"a".repeat(41)] {
            let error = hook(name, "generic", &[long]).unwrap_err();
            assert!(matches!(error, HookConfigError::Name { .. }), "{name}: {error}");
        }
        assert!(matches!(
            hook("a", "github", &[]),
            Err(HookConfigError::NoSecret { .. })
        ));
        for (scheme, secret) in [
            ("github", ""),
            ("github", "tiny"),
            ("github", "0123456789abcdef\n"),
            ("gitlab", "whsec_not base64 at all"),
            ("gitlab", "whsec_dGlueQ=="),
        ] {
            let error = hook("a", scheme, &[long, secret]).unwrap_err();
            assert!(
                matches!(error, HookConfigError::Secret { number: 2, .. }),
                "{error}"
            );
            assert!(
                secret.is_empty() || !error.to_string().contains(secret.trim()),
                "{error}"
            );
        }
    }

    #[test]
    fn only_gitlab_decodes_a_signing_token() {
        let token = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==";
        let gitlab = hook("a", "gitlab", &[token, "a plain token too"]).unwrap();
        assert_eq!((gitlab.signing().len(), gitlab.keys().len()), (1, 1));
        let github = hook("a", "github", &[token]).unwrap();
        assert_eq!((github.signing().len(), github.keys().len()), (0, 1));
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let hook = hook(
            "a",
            "gitlab",
            &["whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "a plain token too"],
        )
        .unwrap();
        let printed = format!("{hook:?}");
        for part in ["plain", "MDEy", "48, 49"] {
            assert!(!printed.contains(part), "{printed}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let config = serde_json::json!({ "scheme": "github", "secrets": [], "secret": "x" });
        assert!(serde_json::from_value::<HookConfig>(config).is_err());
    }
}
