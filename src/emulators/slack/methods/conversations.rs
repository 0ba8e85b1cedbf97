//! `conversations.*`.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{
    channel_id, need,
    paging::{page, read_ts_cursor, ts_cursor},
};
use crate::slack::{
    args::Args,
    channel::{Channel, Kind},
    error::{Answer, ApiError, answer},
    message::Message,
    state::State,
    ts::Ts,
    world::World,
};

fn scope(kind: Kind, what: &str) -> String {
    let family = match kind {
        Kind::Public => "channels",
        Kind::Private => "groups",
        Kind::Im => "im",
        Kind::Mpim => "mpim",
    };
    format!("{family}:{what}")
}

/// The channel, if the bot may see it and has the scope for it.
fn visible<'a>(st: &'a State, args: &Args, what: &str) -> Result<&'a Channel, ApiError> {
    let id = channel_id(st, args, false)?;
    let channel = &st.world.channels[&id];
    need(st, &scope(channel.kind, what))?;
    if channel.kind != Kind::Public && !st.world.bot_is_in(channel) {
        return Err(ApiError::new("channel_not_found"));
    }
    Ok(channel)
}

fn to_json(world: &World, channel: &Channel, count_members: bool) -> Value {
    let bot = &world.app.user;
    if channel.kind == Kind::Im {
        let other = channel.members.iter().find(|m| *m != bot).unwrap_or(bot);
        return json!({
            "id": channel.id, "created": channel.created, "is_archived": false, "is_im": true, "is_org_shared": false,
            "user": other, "is_user_deleted": false, "priority": 0, "context_team_id": world.team.id,
            "updated": channel.created * 1000,
        });
    }
    let creator = channel.members.iter().next();
    let mut json = json!({
        "id": channel.id, "name": channel.name, "name_normalized": channel.name,
        "is_channel": channel.kind == Kind::Public, "is_group": channel.kind == Kind::Private, "is_im": false,
        "is_mpim": channel.kind == Kind::Mpim, "is_private": channel.kind != Kind::Public,
        "created": channel.created, "is_archived": channel.is_archived, "is_general": channel.name == "general",
        "unlinked": 0, "is_shared": false, "is_org_shared": false, "is_pending_ext_shared": false,
        "pending_shared": [], "is_ext_shared": false, "is_member": world.bot_is_in(channel), "creator": creator,
        "context_team_id": world.team.id, "shared_team_ids": [world.team.id], "previous_names": [],
        "updated": channel.created * 1000, "parent_conversation": null,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    });
    if count_members {
        json["num_members"] = channel.members.len().into();
    }
    json
}

pub(super) fn info(st: &mut State, args: &Args) -> Answer {
    let channel = visible(st, args, "read")?;
    answer(json!({"channel": to_json(&st.world, channel, args.bool("include_num_members") == Some(true))}))
}

pub(super) fn list(st: &mut State, args: &Args) -> Answer {
    listed(st, args, None)
}

/// `users.conversations`: where somebody (by default the bot) is a member.
pub(super) fn of_user(st: &mut State, args: &Args) -> Answer {
    let user = args.str("user").unwrap_or(&st.world.app.user).to_owned();
    if !st.world.users.contains_key(&user) {
        return Err(ApiError::new("user_not_found"));
    }
    listed(st, args, Some(&user))
}

fn listed(st: &State, args: &Args, member: Option<&str>) -> Answer {
    let types = match args.list("types") {
        types if types.is_empty() => vec!["public_channel".to_owned()],
        types => types,
    };
    let mut kinds = Vec::new();
    for name in &types {
        let kind = match name.as_str() {
            "public_channel" => Kind::Public,
            "private_channel" => Kind::Private,
            "im" => Kind::Im,
            "mpim" => Kind::Mpim,
            _ => return Err(ApiError::new("invalid_types")),
        };
        need(st, &scope(kind, "read"))?;
        kinds.push(kind);
    }
    let without_archived = args.bool("exclude_archived") == Some(true);
    let wanted: Vec<&Channel> = st
        .world
        .channels
        .values()
        .filter(|c| kinds.contains(&c.kind) && !(without_archived && c.is_archived))
        .filter(|c| c.kind == Kind::Public || st.world.bot_is_in(c))
        .filter(|c| member.is_none_or(|member| c.members.contains(member)))
        .collect();
    let (channels, metadata) = page(args, wanted, 100, 1000, |c| format!("channel:{}", c.id))?;
    let channels: Vec<Value> = channels
        .into_iter()
        .map(|c| to_json(&st.world, c, true))
        .collect();
    answer(json!({"channels": channels, "response_metadata": metadata}))
}

pub(super) fn members(st: &mut State, args: &Args) -> Answer {
    let channel = visible(st, args, "read")?;
    let (members, metadata) = page(args, channel.members.iter().collect(), 100, 1000, |m| {
        format!("user:{m}")
    })?;
    answer(json!({"members": members, "response_metadata": metadata}))
}

pub(super) fn open(st: &mut State, args: &Args) -> Answer {
    let known = match args.str("channel") {
        Some(id) => {
            let channel = st
                .world
                .channels
                .get(id)
                .filter(|c| matches!(c.kind, Kind::Im | Kind::Mpim));
            Some(
                channel
                    .map(|c| c.id.clone())
                    .ok_or_else(|| ApiError::new("channel_not_found"))?,
            )
        }
        None => None,
    };
    let (id, existed) = match known {
        Some(id) => (id, true),
        None => {
            let users = args.list("users");
            if users.is_empty() {
                return Err(ApiError::new("users_list_not_supplied"));
            }
            if users.len() > 8 {
                return Err(ApiError::new("too_many_users"));
            }
            if users.len() > 1 {
                need(st, "mpim:write")?;
            }
            for user in &users {
                match st.world.users.get(user) {
                    None => return Err(ApiError::new("user_not_found")),
                    Some(user) if user.deleted => return Err(ApiError::new("user_disabled")),
                    Some(_) => {}
                }
            }
            st.world.direct(&users)
        }
    };
    let channel = match args.bool("return_im") {
        Some(true) => to_json(&st.world, &st.world.channels[&id], false),
        _ => json!({"id": id}),
    };
    let mut body = json!({"channel": channel});
    if existed {
        body["no_op"] = true.into();
        body["already_open"] = true.into();
    }
    answer(body)
}

pub(super) fn join(st: &mut State, args: &Args) -> Answer {
    let id = channel_id(st, args, false)?;
    let bot = st.world.app.user.clone();
    let Some(channel) = st.world.channels.get_mut(&id) else {
        return Err(ApiError::new("channel_not_found"));
    };
    if channel.kind != Kind::Public {
        return Err(ApiError::new("method_not_supported_for_channel_type"));
    }
    if channel.is_archived {
        return Err(ApiError::new("is_archived"));
    }
    let joined = channel.members.insert(bot.clone());
    let mut body = json!({"channel": to_json(&st.world, &st.world.channels[&id], false)});
    if joined {
        st.membership(&bot, &id, true);
    } else {
        body["warning"] = "already_in_channel".into();
        body["response_metadata"] = json!({"warnings": ["already_in_channel"]});
    }
    answer(body)
}

/// The bounds of a page: `oldest`, `latest`, `inclusive` and `cursor`, and how many.
struct Window {
    from: Bound<Ts>,
    to: Bound<Ts>,
    limit: usize,
    /// `include_all_metadata`: without it Slack leaves `metadata` out.
    with_metadata: bool,
}

impl Window {
    fn read(args: &Args) -> Result<Self, ApiError> {
        let inclusive = args.bool("inclusive") == Some(true);
        let edge = |ts| {
            if inclusive {
                Bound::Included(ts)
            } else {
                Bound::Excluded(ts)
            }
        };
        let from = bound(args, "oldest", "invalid_ts_oldest")?.map_or(Bound::Unbounded, edge);
        let to = bound(args, "latest", "invalid_ts_latest")?.map_or(Bound::Unbounded, edge);
        let limit = match args.number("limit")? {
            None | Some(0) => 100,
            Some(limit) if limit > 999 => return Err(ApiError::new("invalid_limit")),
            Some(limit) => usize::try_from(limit).unwrap_or(999),
        };
        Ok(Self {
            from,
            to,
            limit,
            with_metadata: args.bool("include_all_metadata") == Some(true),
        })
    }

    /// `BTreeSet::range` panics on such bounds.
    fn is_empty(&self) -> bool {
        match (self.from, self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Excluded(from), Bound::Included(to)) | (Bound::Included(from), Bound::Excluded(to)) => {
                from > to
            }
            (Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
            _ => false,
        }
    }
}

/// A timestamp; here Slack also takes `0`, `now` and whole seconds.
fn bound(args: &Args, key: &str, code: &str) -> Result<Option<Ts>, ApiError> {
    match args.str(key) {
        Some("0") => Ok(None),
        Some("now") => Ok(Some(Ts::MAX)),
        Some(whole) if whole.len() <= 12 && whole.bytes().all(|b| b.is_ascii_digit()) => Ok(whole
            .parse::<u64>()
            .ok()
            .map(|seconds| Ts::from_micros(seconds * 1_000_000))),
        _ => args.ts(key, code),
    }
}

pub(super) fn history(st: &mut State, args: &Args) -> Answer {
    let channel = visible(st, args, "history")?;
    if !st.world.bot_is_in(channel) {
        return Err(ApiError::new("not_in_channel"));
    }
    let mut window = Window::read(args)?;
    if let Some(cursor) = args.str("cursor") {
        window.to = Bound::Included(read_ts_cursor(cursor)?);
    }
    let mut found: Vec<Ts> = Vec::new();
    if !window.is_empty() {
        found.extend(
            channel
                .top
                .range((window.from, window.to))
                .rev()
                .take(window.limit + 1),
        );
    }
    answer(page_of(&st.world, channel, found, &window))
}

pub(super) fn replies(st: &mut State, args: &Args) -> Answer {
    let channel = visible(st, args, "history")?;
    let ts = args
        .ts("ts", "thread_not_found")?
        .ok_or_else(|| ApiError::missing("ts"))?;
    let message = channel.messages.get(&ts).filter(|m| m.ephemeral_to.is_none());
    let message = message.ok_or_else(|| ApiError::new("thread_not_found"))?;
    let parent = message.thread_ts.unwrap_or(ts);
    let mut window = Window::read(args)?;
    if let Some(cursor) = args.str("cursor") {
        window.from = Bound::Included(read_ts_cursor(cursor)?);
    }
    let mut found: Vec<Ts> = Vec::new();
    if !window.is_empty() {
        let within = |at: &Ts| std::ops::RangeBounds::contains(&(window.from, window.to), at);
        // The parent leads the first page whatever the bounds, as Slack's does.
        found.extend(Some(parent).filter(|_| args.str("cursor").is_none()));
        if let Some(thread) = channel.threads.get(&parent) {
            found.extend(
                thread
                    .range((window.from, window.to))
                    .filter(|at| within(at))
                    .take(window.limit + 1),
            );
        }
    }
    answer(page_of(&st.world, channel, found, &window))
}

fn page_of(world: &World, channel: &Channel, mut found: Vec<Ts>, window: &Window) -> Value {
    let next = found.get(window.limit).copied();
    found.truncate(window.limit);
    let shown = |message: &Message| -> Map<String, Value> {
        let mut json = message.to_history(world, channel);
        if !window.with_metadata {
            json.remove("metadata");
        }
        json
    };
    let messages: Vec<_> = found
        .iter()
        .filter_map(|ts| channel.messages.get(ts))
        .map(shown)
        .collect();
    let mut body = json!({
        "messages": messages, "has_more": next.is_some(), "pin_count": 0, "channel_actions_ts": null,
        "channel_actions_count": 0, "response_metadata": {"next_cursor": ""},
    });
    if let Some(next) = next {
        body["response_metadata"]["next_cursor"] = ts_cursor(next).into();
    }
    body
}
