//! Tries everything the robot needs of Slack and says what is wrong and how to mend it, for `otus check`.

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

use crate::{Entrance, SlackConfig, SlackError, Web, slack::identify, socket};

/// What the robot cannot do without, or would do less without.
const SCOPES: &[(&str, &str)] = &[
    ("app_mentions:read", "hear that it is mentioned"),
    ("channels:history", "hear what is said in public channels"),
    (
        "channels:read",
        "know the names of public channels, which rules go by",
    ),
    ("chat:write", "answer"),
    ("commands", "take slash commands"),
    ("files:write", "show graphs"),
    ("groups:history", "hear what is said in private channels"),
    (
        "groups:read",
        "know the names of private channels, which rules go by",
    ),
    ("im:history", "hear direct messages"),
    ("reactions:write", "react"),
    ("usergroups:read", "know who is in which user group"),
    ("users:read", "know names and time zones"),
];

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What.
    pub what: &'static str,
    /// How it went: what was found, or what is wrong and how to mend it.
    pub found: Result<String, String>,
}

/// Tries the configuration, the bot token, its scopes, and the way in. It posts nothing.
pub async fn check(config: &SlackConfig) -> Vec<Checked> {
    let mut checked = Vec::new();
    let mut note = |what, found: Result<String, SlackError>| {
        let failed = found.is_err();
        checked.push(Checked {
            what,
            found: found.map_err(|error| error.to_string()),
        });
        failed
    };
    let valid = config.validate().map(|()| "complete".to_owned());
    if note("Slack configuration", valid) {
        return checked;
    }
    let web = match Web::new(config) {
        Ok(web) => web,
        Err(error) => {
            note("Slack client", Err(error));
            return checked;
        }
    };
    let me = identify(&web).await;
    if note(
        "Slack bot token",
        me.map(|me| format!("{} ({}) in {}", me.name, me.user, me.team)),
    ) {
        return checked;
    }
    note("Slack scopes", scopes(&web, config).await);
    match config.events {
        Entrance::Socket => note("Slack Socket Mode", socket::probe(&web, config).await),
        Entrance::Http => note(
            "Slack events over HTTP",
            Ok("POST /slack/events; the signature is checked by each request".to_owned()),
        ),
    };
    checked
}

/// Whether the robot is in a channel, by its id, so that it can write there; the channel's name.
///
/// # Errors
/// What is wrong, and how to mend it.
pub async fn check_channel(config: &SlackConfig, channel: &str) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        channel: Found,
    }
    #[derive(serde::Deserialize)]
    struct Found {
        name: Option<String>,
        #[serde(default)]
        is_member: bool,
        #[serde(default)]
        is_im: bool,
        #[serde(default)]
        is_archived: bool,
    }
    let web = Web::new(config).map_err(|error| error.to_string())?;
    let answer: Result<Answer, SlackError> = web.get("conversations.info", &[("channel", channel)]).await;
    let found = answer.map_err(|error| error.to_string())?.channel;
    let name = found
        .name
        .map_or_else(|| channel.to_owned(), |name| format!("#{name}"));
    match (found.is_member || found.is_im, found.is_archived) {
        (_, true) => Err(format!(
            "{name} is archived; unarchive it, or name another channel"
        )),
        (false, _) => Err(format!(
            "the robot is not in {name}; invite it there: /invite @<its name>"
        )),
        (true, false) => Ok(name),
    }
}

/// The scopes that Slack names in a header of each answer, which slack-morphism does not show.
async fn scopes(web: &Web, config: &SlackConfig) -> Result<String, SlackError> {
    const METHOD: &str = "auth.test";
    let unsure = |reason: &str| SlackError::Unsure {
        method: METHOD,
        reason: reason.to_owned(),
    };
    let client: Client<_, String> = Client::builder(TokioExecutor::new()).build(web.connector());
    let request = axum::http::Request::get(format!("{}/{METHOD}", web.api()))
        .header(
            "authorization",
            format!("Bearer {}", web.bot_token().token_value.0),
        )
        .body(String::new())
        .map_err(|_| unsure("the request could not be made"))?;
    let answer = timeout(config.timeouts.request, client.request(request))
        .await
        .map_err(|_| unsure("Slack did not answer in time"))?
        .map_err(|_| unsure("the connection broke"))?;
    let Some(named) = answer
        .headers()
        .get("x-oauth-scopes")
        .and_then(|value| value.to_str().ok())
    else {
        return Ok("not named by this server; what is missing shows when it is used".to_owned());
    };
    let named: Vec<&str> = named.split(',').map(str::trim).collect();
    let missing: Vec<String> = SCOPES
        .iter()
        .filter(|(scope, _)| !named.contains(scope))
        .map(|(scope, purpose)| format!("{scope} (to {purpose})"))
        .collect();
    if missing.is_empty() {
        return Ok(format!("all {} that are needed", SCOPES.len()));
    }
    Err(SlackError::MissingScope {
        method: "the robot",
        needed: missing.join(", "),
    })
}
