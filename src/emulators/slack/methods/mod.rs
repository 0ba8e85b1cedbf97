//! The Web API: which methods there are, who may call them, and how often.
//!
//! Tiers and scopes as on the pages of docs.slack.dev.

mod auth;
mod chat;
mod conversations;
mod directory;
mod files;
mod paging;
mod reactions;
mod views;

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
    faults::Fault,
    limits::{Limited, Tier},
    state::State,
};

/// Which token a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// None at all.
    Nobody,
    /// The app-level token.
    App,
    /// The bot token.
    Bot,
}

/// A method of the Web API.
#[derive(Debug)]
pub(crate) struct Method {
    name: &'static str,
    tier: Tier,
    token: Token,
    /// The scope it needs; empty for none, or where it depends on the arguments.
    scope: &'static str,
    /// Takes a JSON body.
    pub(crate) json: bool,
    run: fn(&mut State, &Args) -> Answer,
}

const fn method(
    name: &'static str,
    tier: Tier,
    scope: &'static str,
    json: bool,
    run: fn(&mut State, &Args) -> Answer,
) -> Method {
    Method {
        name,
        tier,
        token: Token::Bot,
        scope,
        json,
        run,
    }
}

use Tier::{Four, Special, Three, Two};

static METHODS: &[Method] = &[
    // Most called first: the table is searched from the top.
    method(
        "chat.postMessage",
        Special,
        "chat:write",
        true,
        chat::post_message,
    ),
    method("chat.update", Three, "chat:write", true, chat::update),
    method("reactions.add", Three, "reactions:write", true, reactions::add),
    method(
        "chat.postEphemeral",
        Four,
        "chat:write",
        true,
        chat::post_ephemeral,
    ),
    method("chat.delete", Three, "chat:write", true, chat::delete),
    method("chat.getPermalink", Special, "", false, chat::get_permalink),
    Method {
        token: Token::Nobody,
        ..method("api.test", Four, "", true, auth::api_test)
    },
    method("auth.test", Special, "", true, auth::test),
    Method {
        token: Token::App,
        ..method(
            "apps.connections.open",
            Tier::One,
            "",
            true,
            auth::connections_open,
        )
    },
    method("bots.info", Three, "users:read", false, directory::bots_info),
    method("conversations.history", Three, "", false, conversations::history),
    method("conversations.info", Three, "", false, conversations::info),
    method(
        "conversations.join",
        Three,
        "channels:join",
        true,
        conversations::join,
    ),
    method("conversations.list", Two, "", false, conversations::list),
    method("conversations.members", Four, "", false, conversations::members),
    method("conversations.open", Three, "im:write", true, conversations::open),
    method("conversations.replies", Three, "", false, conversations::replies),
    method(
        "files.completeUploadExternal",
        Four,
        "files:write",
        true,
        files::complete,
    ),
    method("files.delete", Three, "files:write", true, files::delete),
    method(
        "files.getUploadURLExternal",
        Four,
        "files:write",
        true,
        files::get_upload_url,
    ),
    method("files.info", Four, "files:read", false, files::info),
    method("reactions.get", Three, "reactions:read", false, reactions::get),
    method(
        "reactions.remove",
        Two,
        "reactions:write",
        true,
        reactions::remove,
    ),
    method("team.info", Three, "team:read", false, directory::team_info),
    method(
        "usergroups.list",
        Two,
        "usergroups:read",
        false,
        directory::usergroups_list,
    ),
    method(
        "usergroups.users.list",
        Two,
        "usergroups:read",
        false,
        directory::usergroup_users,
    ),
    method("users.conversations", Three, "", false, conversations::of_user),
    method("users.info", Four, "users:read", false, directory::users_info),
    method("users.list", Two, "users:read", false, directory::users_list),
    method(
        "users.lookupByEmail",
        Three,
        "users:read.email",
        false,
        directory::users_by_email,
    ),
    method("views.open", Four, "", true, views::open),
    method("views.publish", Four, "", true, views::publish),
    method("views.push", Four, "", true, views::push),
    method("views.update", Four, "", true, views::update),
];

pub(crate) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// What goes back to the caller, and what the journal keeps.
pub(crate) struct Reply {
    pub(crate) body: Map<String, Value>,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) args: Map<String, Value>,
}

/// Runs one call.
pub(crate) fn run(
    st: &mut State,
    name: &str,
    method: Option<&'static Method>,
    args: Result<Args, ApiError>,
    fault: Option<&Fault>,
) -> Reply {
    let reply = |body, args: Args| Reply {
        body,
        status: 200,
        retry_after: None,
        args: args.into_map(),
    };
    let args = match args {
        Ok(args) => args,
        Err(error) => return reply(error.into_body(), Args::default()),
    };
    let Some(method) = method else {
        let mut error = ApiError::new("unknown_method");
        error.extra.insert("req_method".into(), name.into());
        return reply(error.into_body(), args);
    };
    if let Err(limited) = check_limits(st, method, &args) {
        let body = ApiError::new("ratelimited").into_body();
        return Reply {
            body,
            status: 429,
            retry_after: limited,
            args: args.into_map(),
        };
    }
    let answer = match fault {
        Some(Fault::Error(code)) => Err(ApiError::new(code)),
        Some(Fault::ErrorAfterwards(code)) => authorised(st, method, &args)
            .and_then(|()| (method.run)(st, &args))
            .and(Err(ApiError::new(code))),
        _ => authorised(st, method, &args).and_then(|()| (method.run)(st, &args)),
    };
    let warnings = args.warnings.clone();
    let body = match answer {
        Ok(mut body) => {
            body.insert("ok".into(), true.into());
            if !warnings.is_empty() {
                body.insert("warning".into(), warnings.join(",").into());
                let metadata = body.entry("response_metadata").or_insert_with(|| json!({}));
                metadata["warnings"] = json!(warnings);
            }
            body
        }
        Err(error) => error.into_body(),
    };
    reply(body, args)
}

/// `Err` holds the `Retry-After`, if one is to be sent.
fn check_limits(st: &mut State, method: &'static Method, args: &Args) -> Result<(), Option<u64>> {
    if let Some(ordered) = st.limits.take_ordered(method.name) {
        return Err(ordered);
    }
    let now = Instant::now();
    let after = |limited: Limited| Some(limited.retry_after);
    st.limits.check(method.name, method.tier, now).map_err(after)?;
    if method.name == "chat.postMessage"
        && let Some(channel) = args.str("channel")
    {
        let id = st
            .world
            .channel(channel)
            .map_or(channel, |c| c.id.as_str())
            .to_owned();
        st.limits.check_post(&id, now).map_err(after)?;
    }
    Ok(())
}

fn authorised(st: &State, method: &Method, args: &Args) -> Result<(), ApiError> {
    if method.token == Token::Nobody {
        return Ok(());
    }
    let token = args
        .token
        .as_deref()
        .filter(|t| !t.is_empty())
        .ok_or_else(|| ApiError::new("not_authed"))?;
    let is = if token == st.options.bot_token {
        Token::Bot
    } else if token == st.options.app_token {
        Token::App
    } else {
        return Err(ApiError::new("invalid_auth"));
    };
    if let Some(code) = &st.faults.auth {
        return Err(ApiError::new(code));
    }
    if is != method.token && method.name != "auth.test" {
        return Err(ApiError::new("not_allowed_token_type"));
    }
    need(st, method.scope)
}

/// Refuses with `missing_scope` unless the bot token has `scope` (or one of several, comma-separated).
pub(crate) fn need(st: &State, scope: &str) -> Result<(), ApiError> {
    if scope.is_empty()
        || scope
            .split(',')
            .any(|one| st.options.scopes.iter().any(|has| has == one))
    {
        return Ok(());
    }
    Err(ApiError::missing_scope(scope, &st.options.scopes.join(",")))
}

/// The id of a channel given by id or, where Slack allows it, by `#name` or name.
fn channel_id(st: &State, args: &Args, names_allowed: bool) -> Result<String, ApiError> {
    let given = args.required("channel")?;
    let channel = if names_allowed {
        st.world.channel(given)
    } else {
        st.world.channels.get(given)
    };
    channel
        .map(|c| c.id.clone())
        .ok_or_else(|| ApiError::new("channel_not_found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_method_is_twice_in_the_table() {
        let mut names: Vec<_> = METHODS.iter().map(|m| m.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
