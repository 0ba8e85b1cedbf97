//! `chat.*`: posting, changing and deleting messages.

use serde_json::{Map, Value, json};

use super::{channel_id, need};
use crate::slack::{
    args::Args,
    blocks::{self, Surface},
    error::{Answer, ApiError, answer},
    message::Message,
    state::{Change, State},
    text,
    ts::Ts,
};

/// Longer text is cut, not refused (docs.slack.dev chat.postMessage).
const TEXT_MAX: usize = 40_000;
/// A longer update is refused (docs.slack.dev chat.update).
const UPDATE_MAX: usize = 4_000;
const MARKDOWN_MAX: usize = 12_000;
const ATTACHMENTS_MAX: usize = 100;
/// Where `msg_blocks_too_long` was seen (bolt-js#2509); Slack documents no figure.
const BLOCKS_TEXT_MAX: usize = 13_200;

/// What a call wants said.
struct Said {
    text: Option<String>,
    blocks: Option<Vec<Value>>,
    attachments: Option<Vec<Value>>,
    metadata: Option<Value>,
}

impl Said {
    fn read(st: &State, args: &Args) -> Result<Self, ApiError> {
        let mut blocks = args.array("blocks", "invalid_blocks_format")?;
        if let Some(markdown) = args.str("markdown_text") {
            if args.has("text") || blocks.is_some() {
                return Err(ApiError::new("markdown_text_conflict"));
            }
            if markdown.chars().count() > MARKDOWN_MAX {
                return Err(ApiError::new("msg_too_long"));
            }
            blocks = Some(vec![json!({"type": "markdown", "text": markdown})]);
        }
        if let Some(blocks) = &mut blocks {
            blocks::refuse_faulty(blocks, Surface::Message)?;
            let faults = unknown_files(st, blocks);
            if !faults.is_empty() {
                return Err(ApiError::invalid_blocks(faults));
            }
            if blocks::text_length(blocks) > BLOCKS_TEXT_MAX {
                return Err(ApiError::new("msg_blocks_too_long"));
            }
            blocks::name_each(blocks);
        }
        let attachments = args.array("attachments", "invalid_attachments")?;
        if attachments.as_ref().is_some_and(|a| a.len() > ATTACHMENTS_MAX) {
            return Err(ApiError::new("too_many_attachments"));
        }
        let text = args
            .str("text")
            .or(args.str("markdown_text"))
            .map(text::normalise);
        Ok(Self {
            text,
            blocks,
            attachments,
            metadata: args.json("metadata")?,
        })
    }

    fn is_empty(&self) -> bool {
        let nothing = |list: &Option<Vec<Value>>| list.as_ref().is_none_or(Vec::is_empty);
        self.text.as_ref().is_none_or(|t| t.trim().is_empty())
            && nothing(&self.blocks)
            && nothing(&self.attachments)
    }
}

/// The pictures of files that are not there, not complete, or none.
fn unknown_files(st: &State, blocks: &[Value]) -> Vec<String> {
    let pictured = |id: &str| {
        let file = st.world.files.get(id).filter(|file| file.completed);
        file.is_some_and(|file| file.mimetype().starts_with("image/"))
    };
    let named = blocks.iter().enumerate();
    let unknown =
        named.filter(|(_, block)| block["slack_file"]["id"].as_str().is_some_and(|id| !pictured(id)));
    unknown
        .map(|(n, _)| format!("[ERROR] invalid slack file [json-pointer:/blocks/{n}/slack_file]"))
        .collect()
}

/// The channel a post goes to: an id, a name, or a user's id for the direct conversation.
fn target(st: &mut State, args: &Args) -> Result<String, ApiError> {
    let given = args
        .str("channel")
        .ok_or_else(|| ApiError::new("channel_not_found"))?;
    if st.world.users.contains_key(given) {
        let user = given.to_owned();
        return Ok(st.world.direct(&[user]).0);
    }
    channel_id(st, args, true)
}

/// Refuses what the bot may not write to.
fn may_write(st: &State, channel: &str) -> Result<(), ApiError> {
    let Some(place) = st.world.channels.get(channel) else {
        return Err(ApiError::new("channel_not_found"));
    };
    if place.is_archived {
        return Err(ApiError::new("is_archived"));
    }
    if !st.world.bot_is_in(place) {
        // A private channel the bot is not in does not exist for it.
        if place.kind != crate::slack::Kind::Public {
            return Err(ApiError::new("channel_not_found"));
        }
        need(st, "chat:write.public").map_err(|_| ApiError::new("not_in_channel"))?;
    }
    Ok(())
}

fn thread(st: &State, args: &Args, channel: &str) -> Result<Option<Ts>, ApiError> {
    let Some(ts) = args.ts("thread_ts", "invalid_thread_ts")? else {
        return Ok(None);
    };
    let parent = st.world.channels.get(channel).and_then(|c| c.messages.get(&ts));
    let parent = parent.ok_or_else(|| ApiError::new("cannot_reply_to_message"))?;
    // An answer to a reply lands in the thread of the reply's parent.
    Ok(Some(parent.thread_ts.unwrap_or(ts)))
}

pub(super) fn post_message(st: &mut State, args: &Args) -> Answer {
    let channel = target(st, args)?;
    may_write(st, &channel)?;
    let said = Said::read(st, args)?;
    if said.is_empty() {
        return Err(ApiError::new("no_text"));
    }
    let thread_ts = thread(st, args, &channel)?;
    let username = args.str("username").map(str::to_owned);
    if username.is_some() || args.has("icon_emoji") || args.has("icon_url") {
        need(st, "chat:write.customize")?;
    }
    let ts = st.world.next_ts();
    st.post(Message {
        ts,
        channel: channel.clone(),
        user: st.world.app.user.clone(),
        from_app: true,
        text: text::truncate(said.text.unwrap_or_default(), TEXT_MAX),
        blocks: said.blocks.unwrap_or_default(),
        attachments: said.attachments.unwrap_or_default(),
        thread_ts,
        broadcast: thread_ts.is_some() && args.bool("reply_broadcast") == Some(true),
        metadata: said.metadata,
        username,
        ..Message::default()
    });
    answer(json!({"channel": channel, "ts": ts, "message": written(st, ts)}))
}

fn written(st: &State, ts: Ts) -> Map<String, Value> {
    st.world
        .message(ts)
        .map(|m| m.to_json(&st.world))
        .unwrap_or_default()
}

pub(super) fn update(st: &mut State, args: &Args) -> Answer {
    let channel = channel_id(st, args, false)?;
    let ts = args
        .ts("ts", "message_not_found")?
        .ok_or_else(|| ApiError::missing("ts"))?;
    let message = st.world.channels.get(&channel).and_then(|c| c.messages.get(&ts));
    let message = message.ok_or_else(|| ApiError::new("message_not_found"))?;
    if message.ephemeral_to.is_some() {
        return Err(ApiError::new("message_not_found"));
    }
    if !message.from_app {
        return Err(ApiError::new("cant_update_message"));
    }
    if args
        .str("text")
        .or(args.str("markdown_text"))
        .is_some_and(|t| t.chars().count() > UPDATE_MAX)
    {
        return Err(ApiError::new("msg_too_long"));
    }
    let said = Said::read(st, args)?;
    if said.is_empty() {
        return Err(ApiError::new("no_text"));
    }
    // With text alone, old blocks and attachments go: they would show what was replaced.
    let with_blocks = said.blocks.is_some();
    let blocks = said.blocks.or_else(|| said.text.is_some().then(Vec::new));
    let editor = (!with_blocks).then(|| st.world.app.user.clone());
    let change = Change {
        text: said.text,
        blocks,
        attachments: said.attachments,
        metadata: said.metadata,
        editor,
    };
    st.change(ts, change);
    let message = written(st, ts);
    let text = message.get("text").cloned().unwrap_or_default();
    answer(json!({"channel": channel, "ts": ts, "text": text, "message": message}))
}

pub(super) fn delete(st: &mut State, args: &Args) -> Answer {
    let channel = channel_id(st, args, false)?;
    let ts = args
        .ts("ts", "message_not_found")?
        .ok_or_else(|| ApiError::missing("ts"))?;
    let message = st.world.channels.get(&channel).and_then(|c| c.messages.get(&ts));
    match message.filter(|m| m.ephemeral_to.is_none()) {
        None => return Err(ApiError::new("message_not_found")),
        Some(message) if !message.from_app => return Err(ApiError::new("cant_delete_message")),
        Some(_) => st.remove(&channel, ts),
    };
    answer(json!({"channel": channel, "ts": ts}))
}

pub(super) fn post_ephemeral(st: &mut State, args: &Args) -> Answer {
    let channel = channel_id(st, args, true)?;
    may_write(st, &channel)?;
    let user = args.required("user")?.to_owned();
    if !st
        .world
        .channels
        .get(&channel)
        .is_some_and(|c| c.members.contains(&user))
    {
        return Err(ApiError::new("user_not_in_channel"));
    }
    let said = Said::read(st, args)?;
    if said.is_empty() {
        return Err(ApiError::new("no_text"));
    }
    let thread_ts = thread(st, args, &channel)?;
    let ts = st.world.next_ts();
    st.post(Message {
        ts,
        channel,
        user: st.world.app.user.clone(),
        from_app: true,
        text: text::truncate(said.text.unwrap_or_default(), TEXT_MAX),
        blocks: said.blocks.unwrap_or_default(),
        attachments: said.attachments.unwrap_or_default(),
        thread_ts,
        ephemeral_to: Some(user),
        ..Message::default()
    });
    answer(json!({"message_ts": ts}))
}

pub(super) fn get_permalink(st: &mut State, args: &Args) -> Answer {
    let channel = channel_id(st, args, false)?;
    let ts = args
        .ts("message_ts", "message_not_found")?
        .ok_or_else(|| ApiError::missing("message_ts"))?;
    let message = st.world.channels.get(&channel).and_then(|c| c.messages.get(&ts));
    let message = message
        .filter(|m| m.ephemeral_to.is_none())
        .ok_or_else(|| ApiError::new("message_not_found"))?;
    let mut link = format!(
        "{}/archives/{channel}/p{}",
        st.world.base_url,
        ts.to_string().replace('.', "")
    );
    if let Some(thread) = message.thread_ts.filter(|thread| *thread != ts) {
        link.push_str(&format!("?thread_ts={thread}&cid={channel}"));
    }
    answer(json!({"channel": channel, "permalink": link}))
}
