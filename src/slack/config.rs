//! What an operator can set in `[slack]`: every key, its meaning and its default.

use std::{net::IpAddr, time::Duration};

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host, Url};

use crate::SlackError;

/// The public Web API.
pub const PUBLIC_API: &str = "https://slack.com/api";

/// Slack refuses an app more than ten sockets at once, over all replicas.
const MOST_SOCKETS: u8 = 10;

/// The section `[slack]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackConfig {
    /// Where the Web API lives. `http://` is accepted on loopback only, unless `allow_plain_http` is set.
    pub api_url: String,
    /// The bot token, `xoxb-…`: the robot's identity.
    pub bot_token: Option<SecretString>,
    /// The app-level token, `xapp-…`, with the scope `connections:write`. Needed for Socket Mode.
    pub app_token: Option<SecretString>,
    /// The signing secret. Needed when events come over HTTP.
    pub signing_secret: Option<SecretString>,
    /// How events come in.
    pub events: Entrance,
    /// How many sockets to hold open at once: with two, one listens while the other rotates.
    pub sockets: u8,
    /// Accept an `http://` Web API that is not on loopback. Tokens then travel in the clear.
    pub allow_plain_http: bool,
    /// How long to wait for Slack.
    pub timeouts: Timeouts,
    /// How the Socket Mode connections are kept alive and renewed.
    pub liveness: Liveness,
    /// How fast to send.
    pub pace: Pace,
}

impl Default for SlackConfig {
    fn default() -> Self {
        Self {
            api_url: PUBLIC_API.to_owned(),
            bot_token: None,
            app_token: None,
            signing_secret: None,
            events: Entrance::Socket,
            sockets: 2,
            allow_plain_http: false,
            timeouts: Timeouts::default(),
            liveness: Liveness::default(),
            pace: Pace::default(),
        }
    }
}

/// How events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entrance {
    /// Over WebSockets that the robot opens: nothing has to reach it from outside.
    Socket,
    /// Over HTTP requests that Slack sends, verified by their signature.
    Http,
}

/// How long to wait for Slack before giving up on one try.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// One Web API request.
    #[serde(with = "duration")]
    pub request: Duration,
    /// One file upload.
    #[serde(with = "duration")]
    pub upload: Duration,
    /// TCP, TLS and the WebSocket upgrade together.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// From the upgrade to Slack's hello.
    #[serde(with = "duration")]
    pub hello: Duration,
    /// Writing one frame to a socket.
    #[serde(with = "duration")]
    pub write: Duration,
    /// The closing handshake: Slack leaves TCP open after it, so the wait is ours to bound.
    #[serde(with = "duration")]
    pub close: Duration,
    /// The longest Retry-After that is honoured; a longer one fails the call at once.
    #[serde(with = "duration")]
    pub retry_after: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            upload: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            write: Duration::from_secs(5),
            close: Duration::from_secs(1),
            retry_after: Duration::from_secs(60),
        }
    }
}

/// How the Socket Mode connections are kept alive and renewed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Liveness {
    /// How often to send a ping.
    #[serde(with = "duration")]
    pub ping_every: Duration,
    /// A socket whose ping stays unanswered this long is dead.
    #[serde(with = "duration")]
    pub pong_within: Duration,
    /// Once Slack has pinged, a silence of its pings this long has the socket replaced.
    #[serde(with = "duration")]
    pub server_ping_within: Duration,
    /// How long a replaced socket is still read after its successor's hello.
    #[serde(with = "duration")]
    pub linger: Duration,
    /// Only a connection that lived this long makes the next one start without delay.
    #[serde(with = "duration")]
    pub stable_after: Duration,
    /// The first delay between reconnects; it doubles from there.
    #[serde(with = "duration")]
    pub backoff: Duration,
    /// The longest delay between reconnects.
    #[serde(with = "duration")]
    pub backoff_limit: Duration,
    /// The pause between the starts of two sockets.
    #[serde(with = "duration")]
    pub stagger: Duration,
    /// How many envelopes may wait to be handled. Beyond it events are left unacknowledged, so Slack brings them again.
    pub backlog: usize,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(2),
            pong_within: Duration::from_secs(6),
            server_ping_within: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            stable_after: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            backoff_limit: Duration::from_secs(30),
            stagger: Duration::from_secs(1),
            backlog: 65_536,
        }
    }
}

/// How fast to send. Slack allows about one post a second in a channel, with bursts whose size it does not tell, and by
/// method a number of requests a minute in the whole workspace. So posts go out as they come until Slack says that a
/// channel has had enough; then that channel is paced, until it has been quiet for a while.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Posts a second in one channel, once its burst is used up or Slack said so.
    pub posts_per_second: f64,
    /// How many posts may follow each other at once in one channel.
    pub post_burst: u32,
    /// Edits a minute in the whole workspace.
    pub edits_per_minute: f64,
    /// How many edits may follow each other at once.
    pub edit_burst: u32,
    /// How many messages may wait for one channel; more are refused.
    pub waiting_per_channel: usize,
    /// How many messages may wait in all; more are refused.
    pub waiting: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            posts_per_second: 1.0,
            post_burst: 1_000,
            edits_per_minute: 50.0,
            edit_burst: 20,
            waiting_per_channel: 2_000,
            waiting: 20_000,
        }
    }
}

impl SlackConfig {
    /// Checks what the types alone cannot.
    ///
    /// # Errors
    /// [`SlackError::Config`], naming the key, what is wrong with it and how to mend it.
    pub fn validate(&self) -> Result<(), SlackError> {
        self.api()?;
        token(
            &self.bot_token,
            "slack.bot_token",
            "xoxb-",
            "the bot token",
            "OAuth & Permissions",
        )?;
        match self.events {
            Entrance::Socket => {
                token(
                    &self.app_token,
                    "slack.app_token",
                    "xapp-",
                    "the app-level token with the scope connections:write",
                    "Basic Information",
                )?;
                if self.sockets == 0 || self.sockets > MOST_SOCKETS {
                    return Err(config(
                        "slack.sockets",
                        format!("must be between 1 and {MOST_SOCKETS}"),
                    ));
                }
            }
            Entrance::Http => {
                if self
                    .signing_secret
                    .as_ref()
                    .is_none_or(|secret| secret.expose_secret().is_empty())
                {
                    return Err(config(
                        "slack.signing_secret",
                        "is missing: events over HTTP are verified with it (api.slack.com/apps → your app → Basic Information)",
                    ));
                }
            }
        }
        let pace = &self.pace;
        for (key, rate) in [
            ("slack.pace.posts_per_second", pace.posts_per_second),
            ("slack.pace.edits_per_minute", pace.edits_per_minute),
        ] {
            if !rate.is_finite() || rate <= 0.0 {
                return Err(config(key, "must be a number above 0"));
            }
        }
        for (key, count) in [
            ("slack.pace.post_burst", pace.post_burst as usize),
            ("slack.pace.edit_burst", pace.edit_burst as usize),
            ("slack.pace.waiting_per_channel", pace.waiting_per_channel),
            ("slack.pace.waiting", pace.waiting),
            ("slack.liveness.backlog", self.liveness.backlog),
        ] {
            if count == 0 {
                return Err(config(key, "must be at least 1"));
            }
        }
        for (key, time) in [
            ("slack.liveness.ping_every", self.liveness.ping_every),
            ("slack.liveness.pong_within", self.liveness.pong_within),
            ("slack.liveness.backoff", self.liveness.backoff),
            ("slack.timeouts.request", self.timeouts.request),
            ("slack.timeouts.connect", self.timeouts.connect),
            ("slack.timeouts.hello", self.timeouts.hello),
            ("slack.timeouts.write", self.timeouts.write),
        ] {
            if time.is_zero() {
                return Err(config(key, "must be longer than nothing"));
            }
        }
        Ok(())
    }

    /// The Web API's address, without a slash at its end.
    pub(crate) fn api(&self) -> Result<Url, SlackError> {
        let url: Url = self.api_url.trim_end_matches('/').parse().map_err(|error| {
            config(
                "slack.api_url",
                format!("`{}` is not a URL: {error}", self.api_url),
            )
        })?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.allow_plain_http || on_loopback(&url) => Ok(url),
            "http" => Err(config(
                "slack.api_url",
                format!(
                    "`{url}` would send the tokens in the clear; use https://, or set slack.allow_plain_http = true if that is meant"
                ),
            )),
            other => Err(config(
                "slack.api_url",
                format!("has to start with https://, not {other}://"),
            )),
        }
    }
}

fn token(
    token: &Option<SecretString>,
    key: &'static str,
    prefix: &str,
    what: &str,
    page: &str,
) -> Result<(), SlackError> {
    let place = format!("api.slack.com/apps → your app → {page}");
    match token.as_ref().map(|token| token.expose_secret()) {
        None | Some("") => Err(config(key, format!("is missing: {what}, {prefix}… ({place})"))),
        Some(token) if !token.starts_with(prefix) => Err(config(
            key,
            format!("does not start with {prefix}, so it is not {what} ({place})"),
        )),
        Some(_) => Ok(()),
    }
}

fn config(key: &'static str, problem: impl Into<String>) -> SlackError {
    SlackError::Config {
        key,
        problem: problem.into(),
    }
}

/// Whether a URL points at this very machine, by an address that cannot mean another.
pub(crate) fn on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
