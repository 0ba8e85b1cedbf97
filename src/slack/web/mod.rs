//! The Web API: slack-morphism's client with what it leaves out, namely timeouts, bounded retries, and errors that a
//! person can act on. The crate's own rate control stays off: it would pace posts by workspace, not by channel
//! (`queue/` does that).

mod outcome;

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext,
    SlackClientHttpConnector,
    errors::SlackClientError,
    hyper_tokio::{SlackClientHyperConnector, SlackHyperClient, SlackHyperHttpsConnector},
};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::{SlackConfig, SlackError, config::on_loopback, error::Credential};

/// How often a request is sent in all when Slack is in trouble, before the caller hears of it.
const TRIES: u32 = 4;
/// The delay before the second try; it doubles from there.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// Whether carrying out a request twice does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// Reading, or writing the same thing again: an unclear outcome is tried again.
    Harmless,
    /// Posting: tried again only when the first try surely did nothing.
    Harmful,
}

/// Who waits when Slack asks to slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// The call itself, up to the configured longest Retry-After.
    WaitHere,
    /// The caller, which gets [`SlackError::RateLimited`] at once.
    Return,
}

/// An answer of the Web API. slack-morphism takes any 200 that is not JSON, such as a proxy's page, for an empty answer;
/// demanding the `ok` that Slack always sends tells them apart.
#[derive(Deserialize)]
struct Said<R> {
    #[serde(rename = "ok")]
    _ok: bool,
    #[serde(flatten)]
    answer: R,
}

/// Access to the Web API. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    client: SlackHyperClient,
    connector: SlackHyperHttpsConnector,
    api: Url,
    bot: SlackApiToken,
    app: Option<SlackApiToken>,
    request: Duration,
    upload: Duration,
    longest_retry_after: Duration,
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web")
            .field("api", &self.inner.api.as_str())
            .finish_non_exhaustive()
    }
}

impl Web {
    /// A client for the configured Web API. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SlackError::Config`] when the configuration does not allow it, [`SlackError::Unreachable`] when this machine
    /// has no certificates to verify Slack's with.
    pub fn new(config: &SlackConfig) -> Result<Self, SlackError> {
        let api = config.api()?;
        let builder = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| SlackError::Unreachable {
                host: host(&api),
                reason: format!("this machine has no CA certificates ({error}); install ca-certificates"),
            })?;
        // Some proxies and test servers speak HTTP/1.1 only; Slack itself speaks HTTP/2.
        let connector = if api.scheme() == "https" {
            builder.https_only()
        } else {
            builder.https_or_http()
        }
        .enable_http1()
        .enable_http2()
        .build();
        let client = SlackClient::new(
            SlackClientHyperConnector::from(connector.clone()).with_slack_api_url(api.as_str()),
        );
        let token = |secret: &SecretString| {
            SlackApiToken::new(SlackApiTokenValue::new(secret.expose_secret().to_owned()))
        };
        let bot = config
            .bot_token
            .as_ref()
            .map(token)
            .ok_or_else(|| SlackError::Config {
                key: "slack.bot_token",
                problem: "is missing".to_owned(),
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                connector,
                api,
                bot,
                app: config.app_token.as_ref().map(token),
                request: config.timeouts.request,
                upload: config.timeouts.upload,
                longest_retry_after: config.timeouts.retry_after,
            }),
        })
    }

    /// The host of the Web API, for messages.
    pub fn host(&self) -> String {
        host(&self.inner.api)
    }

    pub(crate) fn api(&self) -> &Url {
        &self.inner.api
    }

    pub(crate) fn connector(&self) -> SlackHyperHttpsConnector {
        self.inner.connector.clone()
    }

    pub(crate) fn bot_token(&self) -> &SlackApiToken {
        &self.inner.bot
    }

    /// Calls a reading method.
    ///
    /// # Errors
    /// Slack's refusal, or what kept the request from being answered.
    pub async fn get<R>(&self, method: &'static str, params: &[(&str, &str)]) -> Result<R, SlackError>
    where
        R: DeserializeOwned + Send,
    {
        self.repeat(method, Twice::Harmless, Limits::WaitHere, || async {
            let params: Vec<(&str, Option<&str>)> =
                params.iter().map(|(key, value)| (*key, Some(*value))).collect();
            let session = self.inner.client.open_session(&self.inner.bot);
            let call = session.http_session_api.http_get(method, &params, None);
            let said: Said<R> = self
                .answer(method, Credential::Bot, self.inner.request, call)
                .await?;
            Ok(said.answer)
        })
        .await
    }

    /// Calls a writing method.
    ///
    /// # Errors
    /// Slack's refusal, or what kept the request from being answered.
    pub async fn post<B, R>(
        &self,
        method: &'static str,
        body: &B,
        twice: Twice,
        limits: Limits,
    ) -> Result<R, SlackError>
    where
        B: Serialize + Send + Sync,
        R: DeserializeOwned + Send,
    {
        self.repeat(method, twice, limits, || async {
            let session = self.inner.client.open_session(&self.inner.bot);
            let call = session.http_session_api.http_post(method, body, None);
            let said: Said<R> = self
                .answer(method, Credential::Bot, self.inner.request, call)
                .await?;
            Ok(said.answer)
        })
        .await
    }

    /// Asks for the address of a new socket, once. The address is a secret and good for one connection.
    ///
    /// # Errors
    /// Slack's refusal, or what kept the request from being answered.
    pub async fn open_connection(&self) -> Result<Url, SlackError> {
        #[derive(Deserialize)]
        struct Opened {
            url: Url,
        }
        const METHOD: &str = "apps.connections.open";
        let app = self.inner.app.as_ref().ok_or_else(|| SlackError::Config {
            key: "slack.app_token",
            problem: "is missing".to_owned(),
        })?;
        let session = self.inner.client.open_session(app);
        let nothing = serde_json::json!({});
        let call = session.http_session_api.http_post(METHOD, &nothing, None);
        let said: Said<Opened> = self
            .answer(METHOD, Credential::App, self.inner.request, call)
            .await?;
        let Opened { url } = said.answer;
        if url.scheme() == "wss" || (url.scheme() == "ws" && on_loopback(&url)) {
            Ok(url)
        } else {
            Err(SlackError::Config {
                key: "slack.api_url",
                problem: format!(
                    "{} names a socket at {}://{}, which is not encrypted; only loopback may do so",
                    self.host(),
                    url.scheme(),
                    url.host_str().unwrap_or("nowhere"),
                ),
            })
        }
    }

    /// Sends a file's bytes to the address that Slack gave for them. No token goes with them.
    ///
    /// # Errors
    /// What kept the bytes from being taken.
    pub async fn upload(&self, url: &Url, content_type: &str, bytes: &[u8]) -> Result<(), SlackError> {
        const METHOD: &str = "the file upload";
        self.trusted(url)?;
        self.repeat(METHOD, Twice::Harmless, Limits::WaitHere, || async {
            let span = tracing::Span::none();
            let call = self
                .inner
                .client
                .http_api
                .connector
                .http_post_uri_binary::<serde_json::Value>(
                    url.clone(),
                    content_type.to_owned(),
                    bytes,
                    Self::without_token(&span),
                );
            self.taken(METHOD, self.inner.upload, call).await
        })
        .await
    }

    /// Answers through a `response_url`. No token goes with it: the address is the permission.
    ///
    /// # Errors
    /// Slack's refusal, or what kept the request from being answered.
    pub async fn respond<B: Serialize + Send + Sync>(&self, url: &Url, body: &B) -> Result<(), SlackError> {
        const METHOD: &str = "the response_url";
        self.trusted(url)?;
        self.repeat(METHOD, Twice::Harmful, Limits::WaitHere, || async {
            let span = tracing::Span::none();
            let call = self
                .inner
                .client
                .http_api
                .connector
                .http_post_uri::<B, serde_json::Value>(url.clone(), body, Self::without_token(&span));
            self.taken(METHOD, self.inner.request, call).await
        })
        .await
    }

    /// What an address outside of the Web API answers: any success will do, since some say it in plain words.
    async fn taken(
        &self,
        method: &'static str,
        within: Duration,
        call: impl Future<Output = ClientResult<serde_json::Value>>,
    ) -> Result<(), SlackError> {
        let call = async {
            match call.await {
                Ok(_) | Err(SlackClientError::ProtocolError(_)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.answer(method, Credential::Bot, within, call).await
    }

    fn without_token(span: &tracing::Span) -> SlackClientApiCallContext<'_> {
        SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: span,
            is_sensitive_url: true,
        }
    }

    /// An address that came in a payload is used only where it is as private as the Web API itself.
    fn trusted(&self, url: &Url) -> Result<(), SlackError> {
        if url.scheme() == "https" || (url.scheme() == "http" && self.inner.api.scheme() == "http") {
            return Ok(());
        }
        Err(SlackError::Unsendable(format!(
            "Slack named an address at {} that is not encrypted",
            url.host_str().unwrap_or("nowhere")
        )))
    }

    async fn answer<R>(
        &self,
        method: &'static str,
        credential: Credential,
        within: Duration,
        call: impl Future<Output = ClientResult<R>>,
    ) -> Result<R, SlackError> {
        match timeout(within, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(outcome::understand(&self.host(), method, credential, error)),
            Err(_) => Err(SlackError::Unsure {
                method,
                reason: format!("{} did not answer within {} s", self.host(), within.as_secs_f32()),
            }),
        }
    }

    async fn repeat<R, F>(
        &self,
        method: &'static str,
        twice: Twice,
        limits: Limits,
        mut call: impl FnMut() -> F,
    ) -> Result<R, SlackError>
    where
        F: Future<Output = Result<R, SlackError>>,
    {
        let mut tried = 1;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            metrics::counter!("otus_slack_api_errors_total", "method" => method, "kind" => outcome::kind(&error))
                .increment(1);
            let pause = match &error {
                SlackError::RateLimited { retry_after, .. }
                    if limits == Limits::WaitHere && *retry_after <= self.inner.longest_retry_after =>
                {
                    *retry_after
                }
                SlackError::Unreachable { .. } | SlackError::Trouble { .. } => jittered(tried),
                SlackError::Unsure { .. } if twice == Twice::Harmless => jittered(tried),
                _ => return Err(error),
            };
            if tried == TRIES {
                return Err(error);
            }
            tracing::debug!(method, tried, pause_ms = pause.as_millis() as u64, %error, "trying again");
            sleep(pause).await;
            tried += 1;
        }
    }
}

fn jittered(tried: u32) -> Duration {
    let full = FIRST_DELAY * 2_u32.saturating_pow(tried - 1);
    full.mul_f64(rand::rng().random_range(0.5..1.0))
}

fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "Slack".to_owned(),
    }
}
