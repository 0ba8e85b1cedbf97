//! Purpose: webhooks as GitHub sends them: signed, once, and recorded. GitHub never retries by itself.

use super::{server::Shared, world::Delivery};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// What is to be sent to one hook.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) repository: String,
    pub(super) hook: u64,
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) guid: String,
    pub(super) event: String,
    pub(super) body: String,
    pub(super) redelivery: bool,
}

/// What is to go wrong with the webhooks to come.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// So many are lost on the way, and recorded as failed.
    pub(super) lose: u32,
    /// So many are sent twice, with one id.
    pub(super) repeat: u32,
    /// Kept back until somebody lets them go, in any order.
    pub(super) hold: bool,
}

/// `sha256=` and the HMAC of the raw body in hex, as `X-Hub-Signature-256` has it.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("invariant: HMAC takes a key of any length");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Made when first needed: it asks for a TLS provider, which a program without webhooks need not install.
fn client() -> Result<&'static reqwest::Client, reqwest::Error> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(10))
        .build()?;
    Ok(CLIENT.get_or_init(|| client))
}

async fn post(parcel: &Parcel) -> Result<u16, reqwest::Error> {
    let mut request = client()?
        .post(&parcel.url)
        .header("user-agent", "GitHub-Hookshot/emulator")
        .header("accept", "*/*")
        .header("content-type", "application/json")
        .header("x-github-hook-id", parcel.hook)
        .header("x-github-event", &parcel.event)
        .header("x-github-delivery", &parcel.guid);
    if !parcel.secret.is_empty() {
        request = request.header(
            "x-hub-signature-256",
            sign(&parcel.secret, parcel.body.as_bytes()),
        );
    }
    let answer = request.body(parcel.body.clone()).send().await?;
    Ok(answer.status().as_u16())
}

/// Sends what lies ready, one after the other, each at most once unless a repetition was ordered.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let woken = shared.parcels.notified();
        while let Some((parcel, lost, times)) = shared.next_parcel() {
            for _ in 0..times {
                let outcome = if lost { None } else { Some(post(&parcel).await) };
                let (code, status) = match outcome {
                    None => (0, "failed to connect to host".to_owned()),
                    Some(Ok(code @ 200..=299)) => (code, "OK".to_owned()),
                    Some(Ok(code)) => (code, format!("Invalid HTTP Response: {code}")),
                    Some(Err(error)) if error.is_timeout() => (0, "timed out".to_owned()),
                    Some(Err(_)) => (0, "failed to connect to host".to_owned()),
                };
                shared.record(|id, at| Delivery {
                    id,
                    repository: parcel.repository.clone(),
                    hook: parcel.hook,
                    guid: parcel.guid.clone(),
                    event: parcel.event.clone(),
                    body: parcel.body.clone(),
                    at,
                    redelivery: parcel.redelivery,
                    code,
                    status,
                });
            }
            shared.delivered();
        }
        woken.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_example_of_github_s_page_on_validating_deliveries() {
        assert_eq!(
            sign("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
