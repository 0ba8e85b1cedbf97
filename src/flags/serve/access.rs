//! Purpose: who asks: tokens in headers, and, for browsers that can send none with an event stream, signed channels in its address.

use super::ClientConfig;
use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::{Choice, ConstantTimeEq};

/// Addresses of streams are renewed once a day.
const DAY: i64 = 86_400;

/// And work for so many days: a page may be open for long, and reconnects to the address it has.
const DAYS: i64 = 7;

/// One that may ask.
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) set: String,
    pub(crate) documents: bool,
    /// The token's SHA-256: all are of one length, so that comparing them takes the same time.
    token: [u8; 32],
}

/// All that may ask.
pub(crate) struct Access(Vec<Client>);

impl Access {
    pub(crate) fn new(clients: &BTreeMap<String, ClientConfig>) -> Self {
        let known = clients
            .iter()
            .filter(|(_, client)| !client.token.expose_secret().is_empty());
        let known = known.map(|(name, client)| Client {
            name: name.clone(),
            set: client.set.clone(),
            documents: client.documents,
            token: Sha256::digest(client.token.expose_secret()).into(),
        });
        Self(known.collect())
    }

    /// Who sent these headers.
    pub(crate) fn by_headers(&self, headers: &HeaderMap) -> Option<&Client> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let key = || headers.get("x-api-key").and_then(|value| value.to_str().ok());
        let token: [u8; 32] = Sha256::digest(bearer.or_else(key)?).into();
        // All are looked at, so that time does not tell which one is near.
        let mut found = None;
        for client in &self.0 {
            if bool::from(client.token.ct_eq(&token)) {
                found = Some(client);
            }
        }
        found
    }

    /// A channel for a client, good for some days; the same all day, so that an answer that did not change stays the same.
    pub(crate) fn channel(client: &Client, now: i64) -> String {
        let day = now.div_euclid(DAY);
        format!("{}.{day}.{}", hex(client.name.as_bytes()), signature(client, day))
    }

    /// Whose channel it is, if it is still good.
    pub(crate) fn by_channel(&self, channel: &str, now: i64) -> Option<&Client> {
        let mut parts = channel.splitn(3, '.');
        let (name, day, signed) = (parts.next()?, parts.next()?.parse::<i64>().ok()?, parts.next()?);
        // Replicas' clocks may differ by a moment around midnight.
        let age = now.div_euclid(DAY).checked_sub(day)?;
        if !(-1..=DAYS).contains(&age) {
            return None;
        }
        let client = self.0.iter().find(|client| hex(client.name.as_bytes()) == name)?;
        let right: Choice = signature(client, day).as_bytes().ct_eq(signed.as_bytes());
        bool::from(right).then_some(client)
    }
}

/// Only who has the token's hash can make it, so replicas with one configuration take each other's.
fn signature(client: &Client, day: i64) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&client.token).expect("HMAC takes keys of any length");
    mac.update(format!("otus flags events {day} {}", client.set).as_bytes());
    hex(&mac.finalize().into_bytes()[..16])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn access() -> Access {
        let client = |set: &str, token: &str| ClientConfig {
            set: set.into(),
            token: token.into(),
            token_file: None,
            documents: false,
        };
        let clients = [
            ("web".to_owned(), client("production", "one")),
            ("empty".to_owned(), client("production", "")),
            ("test.er".to_owned(), client("staging", "two")),
        ];
        Access::new(&clients.into())
    }

    fn by(name: &'static str, value: &'static str) -> Option<String> {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
        Some(access().by_headers(&headers)?.set.clone())
    }

    #[test]
    fn tokens_tell_who_it_is() {
        assert_eq!(by("authorization", "Bearer one").as_deref(), Some("production"));
        assert_eq!(by("authorization", "bearer  two").as_deref(), Some("staging"));
        assert_eq!(by("x-api-key", "two").as_deref(), Some("staging"));
        for (name, value) in [
            ("authorization", "Bearer three"),
            ("authorization", "Bearer "),
            ("authorization", "one"),
            ("authorization", "Basic one"),
            ("x-api-key", ""),
            ("cookie", "one"),
        ] {
            assert_eq!(by(name, value), None, "{name}: {value}");
        }
    }

    #[test]
    fn channels_are_signed_and_end() {
        let access = access();
        let now = 1_760_000_000;
        for client in &access.0 {
            let channel = Access::channel(client, now);
            assert!(!channel.contains("one") && !channel.contains("two"), "{channel}");
            assert_eq!(
                access.by_channel(&channel, now + DAYS * DAY).unwrap().name,
                client.name
            );
            assert!(
                access.by_channel(&channel, now + (DAYS + 1) * DAY).is_none(),
                "too old"
            );
            assert!(
                access.by_channel(&channel, now - 2 * DAY).is_none(),
                "from the future"
            );
            let mut forged = channel.clone();
            forged.replace_range(forged.len() - 1.., if channel.ends_with('0') { "1" } else { "0" });
            assert!(access.by_channel(&forged, now).is_none());
        }
        for odd in ["", "..", "web.1.x", "776562.99999999999999999999.x"] {
            assert!(access.by_channel(odd, now).is_none(), "{odd}");
        }
    }
}
