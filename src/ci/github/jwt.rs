//! Purpose: the signed claim by which an App proves itself: RS256, good for less than ten minutes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::SecretString;

/// Signs for an App. GitHub takes `iat` up to its own now, and `exp` up to ten minutes later: a minute back leaves room for a
/// clock that is fast, nine ahead for one that is slow.
///
/// # Errors
/// A sentence about the key, without anything of the key.
pub(super) fn sign(app: u64, pem: &[u8], now: Timestamp) -> Result<SecretString, String> {
    let key =
        PrivateKeyDer::from_pem_slice(pem).map_err(|_| "it has no private key in PEM form".to_owned())?;
    let key = match &key {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err("its private key is not an RSA key".into()),
    };
    let key = key.map_err(|why| format!("its private key is not an RSA key that can sign ({why})"))?;
    let claims = serde_json::json!({
        "iat": now.as_second() - 60, "exp": now.as_second() + 540, "iss": app.to_string(),
    });
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "signing with its private key failed".to_owned())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}
