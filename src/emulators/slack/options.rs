//! What an emulated workspace starts with.

use std::time::Duration;

use tokio::net::TcpListener;

use super::{error::Refused, world::Team};

/// How a workspace starts. The default is a small team with nothing slow in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The workspace's names.
    pub team: Team,
    /// The bot's name: what follows the `@`.
    pub bot: String,
    /// Names of the people.
    pub people: Vec<String>,
    /// Names of public channels; everybody and the bot are members.
    pub channels: Vec<String>,
    /// The bot token the app must present.
    pub bot_token: String,
    /// The app-level token Socket Mode needs.
    pub app_token: String,
    /// Signs what is delivered over HTTP.
    pub signing_secret: String,
    /// Scopes of the bot token; a method that needs another is refused with `missing_scope`.
    pub scopes: Vec<String>,
    /// Enforce Slack's rate limits.
    pub strict: bool,
    /// How long the app may take to acknowledge.
    pub ack_deadline: Duration,
    /// How long after a failed delivery the next follows; as many retries as there are delays.
    pub retry_delays: Vec<Duration>,
    /// How often each socket is pinged.
    pub ping_every: Duration,
    /// Between the warning and the `refresh_requested` of a rotation (Slack: about 10 s).
    pub rotation_grace: Duration,
    /// Between the `refresh_requested` and the end of the socket.
    pub close_after: Duration,
    /// How long a `trigger_id` opens a view.
    pub trigger_lifetime: Duration,
    /// How long a `response_url` works.
    pub response_url_lifetime: Duration,
}

/// The scopes a chat robot asks for.
const SCOPES: &[&str] = &[
    "app_mentions:read",
    "bookmarks:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
];

impl Default for Options {
    fn default() -> Self {
        let strings = |items: &[&str]| items.iter().map(|s| (*s).to_owned()).collect();
        Self {
            team: Team {
                id: "T0OWLS".into(),
                name: "Owls".into(),
                domain: "owls".into(),
            },
            bot: "otus".into(),
            people: strings(&["ann", "bob"]),
            channels: strings(&["general", "deploys"]),
            bot_token: "xoxb-emulated-bot-token".into(),
            app_token: "xapp-1-A0OTUS-emulated-app-token".into(),
            signing_secret: "emulated-signing-secret".into(),
            scopes: strings(SCOPES),
            strict: false,
            ack_deadline: Duration::from_secs(3),
            retry_delays: [1, 11, 60, 300].map(Duration::from_secs).to_vec(),
            ping_every: Duration::from_secs(10),
            rotation_grace: Duration::from_secs(1),
            close_after: Duration::from_millis(300),
            trigger_lifetime: Duration::from_secs(3),
            response_url_lifetime: Duration::from_secs(30 * 60),
        }
    }
}

impl Options {
    /// With Slack's rate limits enforced.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// With another deadline for acknowledgements.
    pub fn ack_deadline(mut self, deadline: Duration) -> Self {
        self.ack_deadline = deadline;
        self
    }

    /// With other delays between retries.
    pub fn retry_delays(mut self, delays: impl IntoIterator<Item = Duration>) -> Self {
        self.retry_delays = delays.into_iter().collect();
        self
    }

    /// With these people.
    pub fn people<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.people = names.into_iter().map(Into::into).collect();
        self
    }

    /// With these public channels.
    pub fn channels<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.channels = names.into_iter().map(Into::into).collect();
        self
    }

    /// With these scopes on the bot token.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) async fn listener(address: &str) -> Result<TcpListener, Refused> {
        TcpListener::bind(address).await.map_err(|error| {
            Refused::Network(format!(
                "the Slack emulator cannot listen on {address}: {error}; choose another port"
            ))
        })
    }
}
