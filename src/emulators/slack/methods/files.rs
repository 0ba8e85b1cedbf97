//! `files.*`: the three steps of an upload, and what becomes of the file.

use serde_json::{Value, json};

use super::paging::page;
use crate::slack::{
    args::Args,
    blocks::{self, Surface},
    error::{Answer, ApiError, answer},
    file::File,
    ids,
    journal::What,
    message::Message,
    state::State,
    text,
};

const ALT_MAX: usize = 1000;

pub(super) fn get_upload_url(st: &mut State, args: &Args) -> Answer {
    let name = args.required("filename")?.to_owned();
    let length = args
        .number("length")?
        .filter(|length| *length > 0)
        .ok_or_else(|| ApiError::missing("length"))?;
    let alt_txt = args.str("alt_txt").map(str::to_owned);
    if alt_txt.as_ref().is_some_and(|alt| alt.chars().count() > ALT_MAX) {
        return Err(ApiError::new("alt_txt_too_large"));
    }
    let id = ids::id("F");
    let ticket = ids::ticket();
    let upload_url = format!("{}/upload/v1/{ticket}", st.world.base_url);
    let file = File {
        id: id.clone(),
        title: name.clone(),
        name,
        alt_txt,
        length,
        user: st.world.app.user.clone(),
        created: st.world.next_ts().seconds(),
        content: None,
        completed: false,
        shares: Vec::new(),
        ticket,
    };
    st.world.files.insert(id.clone(), file);
    answer(json!({"upload_url": upload_url, "file_id": id}))
}

pub(super) fn complete(st: &mut State, args: &Args) -> Answer {
    let listed = args
        .array("files", "invalid_arguments")?
        .filter(|files| !files.is_empty());
    let listed = listed.ok_or_else(|| ApiError::missing("files"))?;
    // A comment wins over blocks.
    let comment = args.str("initial_comment").map(text::normalise);
    let mut blocks = args
        .array("blocks", "invalid_blocks_format")?
        .filter(|_| comment.is_none());
    if let Some(blocks) = &mut blocks {
        // What Slack does with these (python-slack-sdk#1756).
        if blocks.iter().any(|block| block["type"] == "markdown") {
            return Err(ApiError::new("internal_error"));
        }
        blocks::refuse_faulty(blocks, Surface::Message)?;
        blocks::name_each(blocks);
    }
    let mut ids = Vec::new();
    for entry in &listed {
        let id = entry["id"].as_str().unwrap_or_default();
        let file = st
            .world
            .files
            .get(id)
            .ok_or_else(|| ApiError::new("file_not_found"))?;
        // Completed once; and there must be something to complete.
        if file.completed || file.content.is_none() {
            return Err(ApiError::new("file_not_found"));
        }
        if ids.contains(&id.to_owned()) {
            return Err(ApiError::new("invalid_arguments"));
        }
        ids.push(id.to_owned());
    }
    let mut channels = args.list("channels");
    channels.extend(args.str("channel_id").map(str::to_owned));
    for channel in &channels {
        let place = st
            .world
            .channels
            .get(channel)
            .ok_or_else(|| ApiError::new("channel_not_found"))?;
        if !st.world.bot_is_in(place) {
            return Err(ApiError::new("not_in_channel"));
        }
    }
    let thread_ts = args.ts("thread_ts", "invalid_thread_ts")?;
    for entry in &listed {
        let Some(file) = entry["id"].as_str().and_then(|id| st.world.files.get_mut(id)) else {
            continue;
        };
        file.completed = true;
        if let Some(title) = entry["title"].as_str() {
            title.clone_into(&mut file.title);
        }
        if let Some(alt) = entry["alt_txt"].as_str() {
            file.alt_txt = Some(alt.to_owned());
        }
    }
    // Slack says ok and shares nothing when a file that is no image has an alternative text (python-slack-sdk#1818).
    let described = |file: &File| file.alt_txt.is_some() && !file.mimetype().starts_with("image/");
    if ids.iter().filter_map(|id| st.world.files.get(id)).any(described) {
        channels.clear();
    }
    for channel in channels {
        let ts = st.world.next_ts();
        for id in &ids {
            if let Some(file) = st.world.files.get_mut(id) {
                file.shares.push((channel.clone(), ts));
            }
        }
        let parent = thread_ts
            .and_then(|ts| st.world.message(ts))
            .filter(|m| m.channel == channel);
        let thread_ts = parent.map(|parent| parent.thread_ts.unwrap_or(parent.ts));
        st.post(Message {
            ts,
            channel,
            user: st.world.app.user.clone(),
            from_app: true,
            text: args
                .str("initial_comment")
                .map(text::normalise)
                .unwrap_or_default(),
            blocks: blocks.clone().unwrap_or_default(),
            thread_ts,
            subtype: Some("file_share".to_owned()),
            files: ids.clone(),
            ..Message::default()
        });
    }
    for id in &ids {
        st.journal.add(What::File { id: id.clone() });
    }
    let files: Vec<Value> = ids
        .iter()
        .filter_map(|id| st.world.files.get(id))
        .map(|f| f.to_json(&st.world))
        .collect();
    answer(json!({"files": files}))
}

fn shared<'a>(st: &'a State, args: &Args) -> Result<&'a File, ApiError> {
    let file = st
        .world
        .files
        .get(args.required("file")?)
        .filter(|file| file.completed);
    file.ok_or_else(|| ApiError::new("file_not_found"))
}

pub(super) fn info(st: &mut State, args: &Args) -> Answer {
    let file = shared(st, args)?;
    let (comments, metadata) = page(args, Vec::<Value>::new(), 100, 1000, |_| String::new())?;
    answer(json!({"file": file.to_json(&st.world), "comments": comments, "response_metadata": metadata}))
}

pub(super) fn delete(st: &mut State, args: &Args) -> Answer {
    let id = shared(st, args)?.id.clone();
    if let Some(file) = st.world.files.remove(&id) {
        for (channel, ts) in file.shares {
            if let Some(message) = st
                .world
                .channels
                .get_mut(&channel)
                .and_then(|c| c.messages.get_mut(&ts))
            {
                message.files.retain(|f| *f != id);
            }
        }
    }
    answer(json!({}))
}
