//! `reactions.*`.

use serde_json::json;

use super::channel_id;
use crate::slack::{
    args::Args,
    error::{Answer, ApiError, answer},
    state::State,
    ts::Ts,
};

/// Slack's bounds on one message.
const EMOJI_MAX: usize = 23;

/// The emoji's name and the message.
fn item(st: &State, args: &Args) -> Result<(String, Ts), ApiError> {
    let name = args
        .str("name")
        .ok_or_else(|| ApiError::new("invalid_name"))?
        .trim_matches(':')
        .to_owned();
    let fine = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_+-':".contains(&b));
    if !fine || name.is_empty() || name.len() > 100 {
        return Err(ApiError::new("invalid_name"));
    }
    Ok((name, message(st, args)?))
}

fn message(st: &State, args: &Args) -> Result<Ts, ApiError> {
    if !args.has("channel") || !args.has("timestamp") {
        return Err(ApiError::new("no_item_specified"));
    }
    let channel = channel_id(st, args, false)?;
    let ts = args
        .ts("timestamp", "bad_timestamp")?
        .ok_or_else(|| ApiError::new("bad_timestamp"))?;
    let message = st.world.channels.get(&channel).and_then(|c| c.messages.get(&ts));
    message
        .filter(|m| m.ephemeral_to.is_none())
        .map(|m| m.ts)
        .ok_or_else(|| ApiError::new("message_not_found"))
}

pub(super) fn add(st: &mut State, args: &Args) -> Answer {
    let (name, ts) = item(st, args)?;
    let full = st
        .world
        .message(ts)
        .is_some_and(|m| m.reactions.len() >= EMOJI_MAX && !m.reactions.iter().any(|r| r.name == name));
    if full {
        return Err(ApiError::new("too_many_emoji"));
    }
    let bot = st.world.app.user.clone();
    if !st.react(ts, &bot, &name, true) {
        return Err(ApiError::new("already_reacted"));
    }
    answer(json!({}))
}

pub(super) fn remove(st: &mut State, args: &Args) -> Answer {
    let (name, ts) = item(st, args)?;
    let bot = st.world.app.user.clone();
    if !st.react(ts, &bot, &name, false) {
        return Err(ApiError::new("no_reaction"));
    }
    answer(json!({}))
}

pub(super) fn get(st: &mut State, args: &Args) -> Answer {
    let ts = message(st, args)?;
    let message = st
        .world
        .message(ts)
        .ok_or_else(|| ApiError::new("message_not_found"))?;
    let mut json = message.to_json(&st.world);
    json.insert(
        "permalink".into(),
        format!(
            "{}/archives/{}/p{}",
            st.world.base_url,
            message.channel,
            ts.micros()
        )
        .into(),
    );
    answer(json!({"type": "message", "channel": message.channel, "message": json}))
}
