//! A message, and how Slack writes it in answers and events.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{channel::Channel, ts::Ts, world::World};

/// A message, with its history.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Message {
    /// Its name.
    pub ts: Ts,
    /// Id of the channel.
    pub channel: String,
    /// Id of who said it.
    pub user: String,
    /// Whether the app under test posted it.
    pub from_app: bool,
    /// The text, escaped as Slack does.
    pub text: String,
    /// Block Kit.
    pub blocks: Vec<Value>,
    /// Attachments.
    pub attachments: Vec<Value>,
    /// The thread it is in (its own `ts` in a message that was answered).
    pub thread_ts: Option<Ts>,
    /// A reply shown in the channel too.
    pub broadcast: bool,
    /// `file_share`, `bot_message`, `thread_broadcast` …
    pub subtype: Option<String>,
    /// Present when a person, or `chat.update` without blocks, changed it.
    pub edited: Option<Edited>,
    /// What it said before, oldest first.
    pub revisions: Vec<Revision>,
    /// Who reacted with what, in the order of the first.
    pub reactions: Vec<Reaction>,
    /// Ids of the files it shares.
    pub files: Vec<String>,
    /// Only this user (an id) can see it.
    pub ephemeral_to: Option<String>,
    /// `metadata` of `chat.postMessage`.
    pub metadata: Option<Value>,
    /// The name shown instead of the author's.
    pub username: Option<String>,
    /// The client's own id for what a person typed.
    pub client_msg_id: Option<String>,
}

/// The mark of an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edited {
    /// Id of who edited.
    pub user: String,
    /// When.
    pub ts: Ts,
}

/// What a message said before it was changed.
#[derive(Clone, Debug, Serialize)]
pub struct Revision {
    /// When that ended.
    pub until: Ts,
    /// The text it had.
    pub text: String,
    /// The blocks it had.
    pub blocks: Vec<Value>,
}

/// One emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Without colons.
    pub name: String,
    /// Ids, in the order they came.
    pub users: Vec<String>,
}

impl Default for Ts {
    fn default() -> Self {
        Ts::from_micros(0)
    }
}

impl Message {
    /// Everything a person can read in it: the text, and every text in its blocks, a line each.
    pub fn words(&self) -> String {
        let mut lines = vec![self.text.clone()];
        for block in &self.blocks {
            texts(block, &mut lines);
        }
        lines.join("\n")
    }

    /// Labels of the buttons it carries.
    pub fn buttons(&self) -> Vec<String> {
        super::elements::all(&self.blocks)
            .into_iter()
            .filter(|found| found.element["type"] == "button")
            .filter_map(|found| found.element["text"]["text"].as_str().map(str::to_owned))
            .collect()
    }

    pub(crate) fn revise(&mut self, until: Ts) {
        let revision = Revision {
            until,
            text: self.text.clone(),
            blocks: self.blocks.clone(),
        };
        self.revisions.push(revision);
    }

    /// The message as history, answers and events show it.
    pub(crate) fn to_json(&self, world: &World) -> Map<String, Value> {
        let mut json = Map::new();
        json.insert("type".into(), "message".into());
        if let Some(subtype) = &self.subtype {
            json.insert("subtype".into(), subtype.clone().into());
        }
        json.insert("user".into(), self.user.clone().into());
        json.insert("ts".into(), self.ts.to_string().into());
        if let Some(id) = &self.client_msg_id {
            json.insert("client_msg_id".into(), id.clone().into());
        }
        json.insert("text".into(), self.text.clone().into());
        json.insert("team".into(), world.team.id.clone().into());
        if self.from_app {
            json.insert("bot_id".into(), world.app.bot_id.clone().into());
            json.insert("app_id".into(), world.app.id.clone().into());
            json.insert("bot_profile".into(), bot_profile(world));
        }
        if let Some(name) = &self.username {
            json.insert("username".into(), name.clone().into());
        }
        if !self.blocks.is_empty() {
            json.insert("blocks".into(), self.blocks.clone().into());
        }
        if !self.attachments.is_empty() {
            json.insert("attachments".into(), self.attachments.clone().into());
        }
        if !self.files.is_empty() {
            let files: Vec<Value> = self
                .files
                .iter()
                .filter_map(|id| world.files.get(id))
                .map(|f| f.to_json(world))
                .collect();
            json.insert("files".into(), files.into());
            json.insert("upload".into(), false.into());
        }
        if let Some(thread) = self.thread_ts {
            json.insert("thread_ts".into(), thread.to_string().into());
        }
        if let Some(edited) = &self.edited {
            json.insert("edited".into(), json!(edited));
        }
        if let Some(metadata) = &self.metadata {
            json.insert("metadata".into(), metadata.clone());
        }
        if !self.reactions.is_empty() {
            json.insert("reactions".into(), self.reactions_json());
        }
        if self.ephemeral_to.is_some() {
            json.insert("is_ephemeral".into(), true.into());
        }
        json
    }

    /// As [`Self::to_json`], with what a thread adds: counts on the parent, the parent's author on a reply.
    pub(crate) fn to_history(&self, world: &World, channel: &Channel) -> Map<String, Value> {
        let mut json = self.to_json(world);
        if let Some(thread) = self.thread_ts {
            if thread == self.ts {
                let replies = channel.threads.get(&self.ts);
                let mut users: Vec<&str> = channel.replies(self.ts).map(|m| m.user.as_str()).collect();
                users.sort_unstable();
                users.dedup();
                json.insert("reply_count".into(), replies.map_or(0, |r| r.len()).into());
                json.insert("reply_users_count".into(), users.len().into());
                json.insert("reply_users".into(), json!(users));
                if let Some(last) = replies.and_then(|r| r.last()) {
                    json.insert("latest_reply".into(), last.to_string().into());
                }
                json.insert("is_locked".into(), false.into());
                json.insert("subscribed".into(), false.into());
            } else if let Some(parent) = channel.messages.get(&thread) {
                json.insert("parent_user_id".into(), parent.user.clone().into());
            }
        }
        json
    }

    pub(crate) fn reactions_json(&self) -> Value {
        self.reactions
            .iter()
            .map(|r| json!({"name": r.name, "users": r.users, "count": r.users.len()}))
            .collect::<Vec<_>>()
            .into()
    }
}

pub(crate) fn bot_profile(world: &World) -> Value {
    json!({
        "id": world.app.bot_id, "app_id": world.app.id, "user_id": world.app.user, "name": world.app.name,
        "icons": {
            "image_36": format!("{}/static/bot_36.png", world.base_url),
            "image_48": format!("{}/static/bot_48.png", world.base_url),
            "image_72": format!("{}/static/bot_72.png", world.base_url),
        },
        "deleted": false, "updated": 1_700_000_000, "team_id": world.team.id,
    })
}

/// Collects the texts of a block, in reading order.
fn texts(value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for key in [
                "text",
                "label",
                "title",
                "alt_text",
                "fields",
                "elements",
                "accessory",
                "element",
                "rows",
            ] {
                match map.get(key) {
                    Some(Value::String(text)) => lines.push(text.clone()),
                    Some(inner) => texts(inner, lines),
                    None => {}
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, lines)),
        _ => {}
    }
}

impl Message {
    pub(crate) fn add_reaction(&mut self, name: &str, user: &str) -> bool {
        let at = match self.reactions.iter().position(|r| r.name == name) {
            Some(at) => at,
            None => {
                self.reactions.push(Reaction {
                    name: name.to_owned(),
                    users: Vec::new(),
                });
                self.reactions.len() - 1
            }
        };
        let users = &mut self.reactions[at].users;
        let new = !users.iter().any(|u| u == user);
        if new {
            users.push(user.to_owned());
        }
        new
    }

    pub(crate) fn remove_reaction(&mut self, name: &str, user: &str) -> bool {
        let Some(reaction) = self.reactions.iter_mut().find(|r| r.name == name) else {
            return false;
        };
        let before = reaction.users.len();
        reaction.users.retain(|u| u != user);
        let removed = reaction.users.len() < before;
        self.reactions.retain(|r| !r.users.is_empty());
        removed
    }
}
