//! Purpose: comparing signatures and tokens in a time that does not depend on how much of them is right.

use super::{MAX_SKEW, Refusal};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// Whether any of the keys made this HMAC-SHA256 over the parts, one after the other. All keys are always tried, so
/// that the time taken does not tell which of them it was.
pub(super) fn signed(keys: &[SecretSlice<u8>], parts: &[&[u8]], given: &[u8]) -> bool {
    let mut found = false;
    for key in keys {
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret()) {
            for part in parts {
                mac.update(part);
            }
            found |= mac.verify_slice(given).is_ok();
        }
    }
    found
}

/// Whether the token is one of the keys. Both are hashed first, so that their lengths do not show either.
pub(super) fn same(keys: &[SecretSlice<u8>], token: &str) -> bool {
    // As the message, not as the key: HMAC fills short keys up with zeros, so that two keys can count as one.
    let hashed = |text: &[u8]| {
        Hmac::<Sha256>::new_from_slice(b"token").ok().map(|mut mac| {
            mac.update(text);
            mac
        })
    };
    let Some(given) = hashed(token.as_bytes()).map(|mac| mac.finalize().into_bytes()) else {
        return false;
    };
    let mut found = false;
    for key in keys {
        found |= hashed(key.expose_secret()).is_some_and(|mac| mac.verify_slice(&given).is_ok());
    }
    found
}

/// The 32 bytes of a SHA-256 in hexadecimal, in small letters as everybody writes it: one value, one text.
pub(super) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Reads a moment in seconds since 1970.
pub(super) fn moment(text: &str, name: &'static str) -> Result<i64, Refusal> {
    let plain = !text.is_empty() && text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    // At most eleven digits always fit.
    plain
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(Refusal::HeaderUnusable {
            name,
            why: "the time has to be in whole seconds since 1970",
        })
}

/// Refuses what was signed too long ago, or too far ahead.
pub(super) fn fresh(signed_at: i64, now: Timestamp) -> Result<(), Refusal> {
    let off = signed_at - now.as_second();
    if off.abs() > MAX_SKEW {
        return Err(Refusal::Stale { off, limit: MAX_SKEW });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[&str]) -> Vec<SecretSlice<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec().into()).collect()
    }

    #[test]
    fn the_example_of_rfc_4231() {
        let mac = from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        let keys = keys(&["other", "Jefe"]);
        assert!(signed(&keys, &[b"what do ya want ", b"for nothing?"], &mac));
        assert!(!signed(&keys[..1], &[b"what do ya want for nothing?"], &mac));
        assert!(!signed(&[], &[b"what do ya want for nothing?"], &mac));
        assert!(!signed(&keys, &[b"what do ya want for nothing?"], &mac[..31]));
        assert!(!signed(&keys, &[b"what do ya want for nothing?"], &[]));
    }

    #[test]
    fn tokens_are_the_same_or_not() {
        let keys = keys(&["one", "two"]);
        assert!(same(&keys, "one") && same(&keys, "two"));
        for other in ["", "on", "onee", "One", "one\0"] {
            assert!(!same(&keys, other), "{other:?}");
        }
        assert!(!same(&[], ""));
    }

    #[test]
    fn hexadecimal_is_64_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(from_hex(&text).unwrap()[..2], [0, 255]);
        for wrong in [
            "",
            "0",
            &text[1..],
            &format!("{text}0"),
            &"+f".repeat(32),
            &"é".repeat(32),
            &text.to_uppercase(),
        ] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn five_minutes_each_way() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for off in [-300, 0, 300] {
            assert_eq!(fresh(1_700_000_000 + off, now), Ok(()));
        }
        for off in [-301, 301, -1_700_000_000] {
            assert_eq!(
                fresh(1_700_000_000 + off, now),
                Err(Refusal::Stale { off, limit: 300 })
            );
        }
        assert_eq!(moment("1700000000", "T"), Ok(1_700_000_000));
        for wrong in ["", "-1", "+1", "1.5", "17e8", "123456789012", "2026-01-01"] {
            assert!(moment(wrong, "T").is_err(), "{wrong}");
        }
    }
}
