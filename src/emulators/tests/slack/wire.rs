//! Talking to the Slack emulator without any SDK, to see exactly what goes over the wire.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use otus_emulators::slack::Workspace;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

pub(crate) type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// A bound for what should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A caller of the Web API.
pub(crate) struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Api {
    pub(crate) fn new(slack: &Workspace) -> Self {
        Self::with(Self::client(), slack)
    }

    pub(crate) fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .timeout(SOON)
            .build()
            .expect("invariant: a provider is installed")
    }

    pub(crate) fn with(http: reqwest::Client, slack: &Workspace) -> Self {
        Self {
            http,
            url: slack.api_url(),
            token: slack.bot_token(),
        }
    }

    pub(crate) fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/{method}", self.url))
            .bearer_auth(&self.token)
    }

    /// A call with a JSON body.
    pub(crate) async fn call(&self, method: &str, args: Value) -> Result<Value> {
        let body = args.to_string();
        let request = self
            .request(method)
            .header("content-type", "application/json; charset=utf-8")
            .body(body);
        Ok(request.send().await?.json().await?)
    }

    /// A call by `GET` with a query.
    pub(crate) async fn get(&self, method: &str, args: &[(&str, &str)]) -> Result<Value> {
        let request = self
            .http
            .get(format!("{}/{method}", self.url))
            .bearer_auth(&self.token)
            .query(args);
        Ok(request.send().await?.json().await?)
    }

    /// The error code of a call, empty when it succeeded.
    pub(crate) async fn code(&self, method: &str, args: Value) -> Result<String> {
        Ok(self.call(method, args).await?["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// As [`Self::code`], by `GET`.
    pub(crate) async fn get_code(&self, method: &str, args: &[(&str, &str)]) -> Result<String> {
        Ok(self.get(method, args).await?["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }
}

/// A Socket Mode client that does only what it is told.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// A url with a fresh ticket.
    pub(crate) async fn url(slack: &Workspace) -> Result<String> {
        let api = Api {
            token: slack.app_token(),
            ..Api::new(slack)
        };
        let answer = api.call("apps.connections.open", json!({})).await?;
        Ok(answer["url"]
            .as_str()
            .ok_or_else(|| answer.to_string())?
            .to_owned())
    }

    /// Connects and waits for the hello.
    pub(crate) async fn open(slack: &Workspace) -> Result<Self> {
        let mut socket = Self(tokio_tungstenite::connect_async(Self::url(slack).await?).await?.0);
        let hello = socket.frame().await?;
        assert_eq!(hello["type"], "hello", "{hello}");
        Ok(socket)
    }

    /// The next text frame.
    pub(crate) async fn frame(&mut self) -> Result<Value> {
        tokio::time::timeout(SOON, async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                    Some(Ok(Message::Close(_))) | None => return Err("closed".into()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                }
            }
        })
        .await?
    }

    /// The next envelope that carries an event of `kind`, acknowledged; others are acknowledged on the way.
    pub(crate) async fn event(&mut self, kind: &str) -> Result<Value> {
        loop {
            let envelope = self.frame().await?;
            self.ack(&envelope, Value::Null).await?;
            if envelope["payload"]["event"]["type"] == kind {
                return Ok(envelope);
            }
        }
    }

    /// Acknowledges, with a payload unless it is null.
    pub(crate) async fn ack(&mut self, envelope: &Value, payload: Value) -> Result {
        let mut ack = json!({"envelope_id": envelope["envelope_id"]});
        if !payload.is_null() {
            ack["payload"] = payload;
        }
        self.0.send(Message::text(ack.to_string())).await?;
        Ok(())
    }
}
