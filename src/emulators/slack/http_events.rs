//! The Events API over HTTP: signed requests to the app's request url, with Slack's retries.

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{delivery::HttpDelivery, envelope::Kind, error::Refused, server::Shared};

/// `v0=hex(HMAC-SHA256(secret, "v0:" + timestamp + ":" + body))`
pub(crate) fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("invariant: HMAC takes a key of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("v0=".to_owned(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Made when first needed: it asks for a TLS provider, which a program without HTTP events need not install.
fn client() -> Result<&'static reqwest::Client, reqwest::Error> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::limited(2))
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()?;
    Ok(CLIENT.get_or_init(|| client))
}

/// What came back.
struct Reply {
    status: u16,
    no_retry: bool,
    body: String,
}

async fn request(
    shared: &Shared,
    url: &str,
    form: bool,
    body: String,
    retry: Option<(u32, &str)>,
) -> Result<Reply, reqwest::Error> {
    let (secret, deadline) = shared.look(|st| (st.options.signing_secret.clone(), st.delivery.ack_deadline));
    let timestamp = jiff::Timestamp::now().as_second().to_string();
    let mut request = client()?
        .post(url)
        .timeout(deadline)
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
        .header(
            "content-type",
            if form {
                "application/x-www-form-urlencoded"
            } else {
                "application/json"
            },
        )
        .header("x-slack-signature", sign(&secret, &timestamp, &body))
        .header("x-slack-request-timestamp", timestamp);
    if let Some((attempt, reason)) = retry {
        request = request
            .header("x-slack-retry-num", attempt)
            .header("x-slack-retry-reason", reason);
    }
    let response = request.body(body).send().await?;
    let status = response.status().as_u16();
    let no_retry = response
        .headers()
        .get("x-slack-no-retry")
        .is_some_and(|v| v == "1");
    Ok(Reply {
        status,
        no_retry,
        body: response.text().await?,
    })
}

/// Makes one delivery, and takes a 2xx for its acknowledgement.
pub(crate) async fn deliver(shared: Arc<Shared>, delivery: HttpDelivery) {
    let HttpDelivery {
        url,
        envelope,
        parcel,
        attempt,
        reason,
    } = delivery;
    let (form, body) = match parcel.kind {
        Kind::Event => (false, parcel.payload.clone()),
        Kind::Slash => (true, slash_form(&parcel.payload)),
        Kind::Interactive => (true, form_of([("payload", parcel.payload.as_str())])),
    };
    let retry = (attempt > 0).then_some((attempt, reason));
    let result = request(&shared, &url, form, body, retry).await;
    shared.with(|st| match result {
        Ok(reply) if (200..300).contains(&reply.status) => {
            let answer = serde_json::from_str(&reply.body).unwrap_or_else(|_| match reply.body.as_str() {
                "" => Value::Null,
                text => json!({ "text": text }),
            });
            st.acked(&envelope, answer);
        }
        Ok(reply) => st.unacked(&envelope, "http_error", !reply.no_retry),
        Err(error) => st.unacked(&envelope, reason_of(&error), true),
    });
}

fn reason_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "http_timeout"
    } else if error.is_redirect() {
        "too_many_redirects"
    } else if error.is_connect() {
        "connection_failed"
    } else {
        "unknown_error"
    }
}

fn slash_form(payload: &str) -> String {
    let payload: Value = serde_json::from_str(payload).unwrap_or_default();
    let fields = payload.as_object().into_iter().flatten();
    form_of(fields.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())))
}

fn form_of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Slack's question to a new request url: it must echo the challenge, plain or as JSON.
pub(crate) async fn verify(shared: &Shared, url: &str) -> Result<(), Refused> {
    let challenge = super::ids::ticket();
    let body = json!({
        "type": "url_verification", "token": "verification-token-of-the-emulator", "challenge": challenge,
    });
    let refuse = |why: String| {
        Refused::Network(format!(
            "the request url {url} did not pass url_verification: {why}"
        ))
    };
    let reply = request(shared, url, false, body.to_string(), None)
        .await
        .map_err(|error| refuse(error.to_string()))?;
    let echoed = serde_json::from_str::<Value>(&reply.body)
        .ok()
        .and_then(|v| v["challenge"].as_str().map(str::to_owned));
    if (200..300).contains(&reply.status)
        && (reply.body.trim() == challenge || echoed.as_deref() == Some(&challenge))
    {
        return Ok(());
    }
    Err(refuse(format!(
        "it answered {} without the challenge",
        reply.status
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_example_of_slack_s_page_on_verifying_requests() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
            &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=\
            https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
            &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body);
        assert_eq!(
            signature,
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
