//! Tries everything the robot needs of Slack and says what is wrong and how to mend it, for `otus check`.

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::time::timeout;

use crate::{
    Entrance, SlackConfig, SlackError, Web,
    manifest::{Wants, scopes},
    slack::identify,
    socket,
};

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What.
    pub what: &'static str,
    /// How it went: what was found, or what is wrong and how to mend it.
    pub found: Result<String, String>,
    /// The scopes that are missing.
    pub missing: Vec<&'static str>,
}

/// Tries the configuration, the bot token, the scopes of what the robot is going to do, and the way in. It posts nothing.
pub async fn check(config: &SlackConfig, wants: &Wants) -> Vec<Checked> {
    let mut checked = Vec::new();
    let mut note = |what, found: Result<String, SlackError>| {
        let failed = found.is_err();
        checked.push(Checked {
            what,
            found: found.map_err(|error| error.to_string()),
            missing: Vec::new(),
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
    match config.events {
        Entrance::Socket => note("Slack Socket Mode", socket::probe(&web, config).await),
        Entrance::Http => note(
            "Slack events over HTTP",
            Ok("POST /slack/events; the signature is checked by each request".to_owned()),
        ),
    };
    // Between who it is and the way in.
    checked.insert(checked.len() - 1, granted(&web, config, wants).await);
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

/// Whether the token has the scopes it needs.
async fn granted(web: &Web, config: &SlackConfig, wants: &Wants) -> Checked {
    let wanted = scopes(wants);
    let (found, missing) = match named(web, config).await {
        Err(error) => (Err(error.to_string()), Vec::new()),
        Ok(None) => {
            let unknown = "not named by this server; what is missing shows when it is used";
            (Ok(unknown.to_owned()), Vec::new())
        }
        Ok(Some(named)) => {
            let missing: Vec<_> = wanted
                .iter()
                .filter(|scope| !named.iter().any(|named| named == scope.name))
                .collect();
            let found = match missing.as_slice() {
                [] => Ok(format!("all {} that are needed", wanted.len())),
                missing => Err(lacking(missing)),
            };
            (found, missing.iter().map(|scope| scope.name).collect())
        }
    };
    Checked {
        what: "Slack scopes",
        found,
        missing,
    }
}

fn lacking(missing: &[&crate::manifest::Scope]) -> String {
    let list: Vec<String> = missing
        .iter()
        .map(|scope| format!("{} (to {})", scope.name, scope.purpose))
        .collect();
    let (which, them) = if missing.len() == 1 {
        ("a scope is", "it")
    } else {
        ("scopes are", "them")
    };
    format!(
        "{which} missing: {}. Add {them} under OAuth & Permissions of the Slack app, or paste what `otus manifest` prints under App \
         Manifest, and install the app again",
        list.join(", ")
    )
}

/// The scopes that Slack names in a header of each answer, which slack-morphism does not show.
async fn named(web: &Web, config: &SlackConfig) -> Result<Option<Vec<String>>, SlackError> {
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
    let named = answer
        .headers()
        .get("x-oauth-scopes")
        .and_then(|value| value.to_str().ok());
    Ok(named.map(|named| named.split(',').map(|scope| scope.trim().to_owned()).collect()))
}
