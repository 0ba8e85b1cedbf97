//! What came from Slack, understood: a pure function from a payload to what the robot is told.
//!
//! Payloads are read as plain JSON. slack-morphism's models lose a message's whole text when one field beside it has an
//! unexpected form, and refuse installations for a whole organisation; what is needed here is little and stable.

use otus_core::{ChannelKind, EventKey, Message, MessageRef, Segment, Via, chat::Hook};
use serde_json::Value;

use crate::{
    blocks::ACTION,
    form,
    text::{inbound, rich},
};

/// Who the robot is in this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its user id: what a mention of it names.
    pub user: String,
    /// Its bot id, where the server tells it.
    pub bot: Option<String>,
    /// Its user name.
    pub name: String,
    /// The workspace's name.
    pub team: String,
}

/// What a payload means.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// Somebody said something.
    Said(Box<Message>),
    /// A person changed.
    Person(String),
    /// A user group changed.
    Groups,
    /// Slack drops events, because there are too many.
    Limited,
    /// The robot is being thrown out.
    Removed(String),
    /// Nothing for the robot, for this reason.
    Nothing(&'static str),
    /// Something that is not known here.
    Unknown(String),
}

/// Understands what an envelope, or a request, carried.
pub(crate) fn understand(kind: &str, delivery: &str, payload: &Value, me: &Identity) -> Heard {
    match kind {
        "events_api" => event_callback(payload, me),
        "slash_commands" => slash_command(delivery, payload, me),
        "interactive" => interaction(delivery, payload),
        other => Heard::Unknown(other.to_owned()),
    }
}

fn event_callback(payload: &Value, me: &Identity) -> Heard {
    match text(payload, "type") {
        "event_callback" => {}
        "app_rate_limited" => return Heard::Limited,
        other => return Heard::Unknown(other.to_owned()),
    }
    let event = &payload["event"];
    let event_id = text(payload, "event_id");
    match text(event, "type") {
        "message" | "app_mention" if event_id.is_empty() => {
            Heard::Unknown("an event without an id".to_owned())
        }
        "message" => message(event_id, event, me),
        "app_mention" => said(event_id, event, event, me, None),
        "user_change" | "user_profile_changed" => Heard::Person(text(&event["user"], "id").to_owned()),
        "subteam_created" | "subteam_updated" | "subteam_members_changed" => Heard::Groups,
        "app_uninstalled" | "tokens_revoked" => Heard::Removed(text(event, "type").to_owned()),
        "app_home_opened"
        | "member_joined_channel"
        | "member_left_channel"
        | "reaction_added"
        | "reaction_removed"
        | "channel_created"
        | "channel_deleted"
        | "channel_rename"
        | "channel_archive"
        | "channel_unarchive"
        | "channel_left"
        | "team_join"
        | "file_created"
        | "file_shared"
        | "file_public"
        | "file_change"
        | "file_deleted" => Heard::Nothing("an event that is not about words"),
        other => Heard::Unknown(other.to_owned()),
    }
}

fn message(event_id: &str, event: &Value, me: &Identity) -> Heard {
    match text(event, "subtype") {
        "" | "file_share" | "thread_broadcast" => said(event_id, event, event, me, None),
        "message_changed" => {
            let (now, before) = (&event["message"], &event["previous_message"]);
            // Previews of links change a message, too, without anybody editing it.
            if !now["edited"].is_object() {
                return Heard::Nothing("a change that nobody made");
            }
            if !matches!(text(now, "subtype"), "" | "file_share" | "thread_broadcast") {
                return Heard::Nothing("an edit of a message of another kind");
            }
            let (new, old) = (content(now, me), content(before, me));
            if new == old {
                return Heard::Nothing("an edit that changed no words");
            }
            said(event_id, event, now, me, Some(old))
        }
        "bot_message" => Heard::Nothing("said by a robot"),
        _ => Heard::Nothing("a message that nobody wrote"),
    }
}

/// Words of a person. `event` says where, `words` says what and by whom; they differ for an edit.
fn said(event_id: &str, event: &Value, words: &Value, me: &Identity, before: Option<Vec<Segment>>) -> Heard {
    let author = text(words, "user");
    if !text(words, "bot_id").is_empty()
        || words["bot_profile"].is_object()
        || author == me.user
        || author == "USLACKBOT"
    {
        return Heard::Nothing("said by a robot");
    }
    let (channel, ts) = (text(event, "channel"), text(words, "ts"));
    if author.is_empty() || channel.is_empty() || ts.is_empty() {
        return Heard::Unknown("a message without author, channel or time".to_owned());
    }
    let content = content(words, me);
    if content.is_empty() {
        return Heard::Nothing("a message without words");
    }
    let edited = text(&words["edited"], "ts");
    // An edit that adds a mention arrives as `app_mention`, too, without what was said before.
    let edited_from = before.or_else(|| (!edited.is_empty()).then(Vec::new));
    let mut event_key = EventKey::said(event_id, &channel.into(), &ts.into());
    if let Some(also) = event_key.also.as_mut().filter(|_| !edited.is_empty()) {
        also.push_str(&format!(":{edited}"));
    }
    let thread = Some(text(words, "thread_ts")).filter(|thread| !thread.is_empty() && *thread != ts);
    Heard::Said(Box::new(Message {
        event: event_key,
        channel: channel.into(),
        kind: channel_kind(text(event, "channel_type"), channel),
        thread: thread.map(Into::into),
        id: Some(ts.into()),
        author: author.into(),
        from_robot: false,
        content,
        via: Via::Said,
        edited_from,
        hook: None,
        again: false,
    }))
}

/// What a message says: from its rich text, which sets apart code and formatting, else from its text.
fn content(message: &Value, me: &Identity) -> Vec<Segment> {
    rich::parse(&message["blocks"], &me.user)
        .filter(|segments| !segments.is_empty())
        .unwrap_or_else(|| inbound::parse(text(message, "text"), &me.user))
}

fn slash_command(delivery: &str, payload: &Value, me: &Identity) -> Heard {
    let (channel, author) = (text(payload, "channel_id"), text(payload, "user_id"));
    if channel.is_empty() || author.is_empty() {
        return Heard::Unknown("a slash command without channel or author".to_owned());
    }
    let kind = match text(payload, "channel_name") {
        "directmessage" => ChannelKind::Direct,
        "privategroup" => ChannelKind::Private,
        _ => channel_kind("", channel),
    };
    Heard::Said(Box::new(Message {
        event: key("trigger", text(payload, "trigger_id"), delivery),
        channel: channel.into(),
        kind,
        thread: None,
        id: None,
        author: author.into(),
        from_robot: false,
        content: inbound::parse(text(payload, "text"), &me.user),
        via: Via::Slash,
        edited_from: None,
        hook: hook(payload),
        again: false,
    }))
}

fn interaction(delivery: &str, payload: &Value) -> Heard {
    match text(payload, "type") {
        "block_actions" => button(delivery, payload),
        "view_submission" if text(&payload["view"], "callback_id") == form::CALLBACK => {
            submitted(delivery, payload)
        }
        "view_submission" | "view_closed" | "block_suggestion" | "shortcut" | "message_action" => {
            Heard::Nothing("a dialog that says nothing")
        }
        other => Heard::Unknown(other.to_owned()),
    }
}

/// A button, whose value is the command it carries. Who pressed it says it.
fn button(delivery: &str, payload: &Value) -> Heard {
    let ours = |action: &&Value| {
        let id = text(action, "action_id");
        (id.starts_with(ACTION) || id.starts_with(form::ACTION)) && action["value"].is_string()
    };
    let Some(action) = payload["actions"]
        .as_array()
        .and_then(|actions| actions.iter().find(ours))
    else {
        return Heard::Nothing("a button that carries no command");
    };
    // A form's button carries how its command is said; what was filled in comes with it.
    let command = match text(action, "action_id").strip_prefix(form::ACTION) {
        Some(_) => form::command(text(action, "value"), &payload["state"]["values"]),
        None => text(action, "value").to_owned(),
    };
    let container = &payload["container"];
    let either = |first: &'static str, second: &'static str| match text(container, first) {
        "" => text(&payload["message"], second),
        found => found,
    };
    let channel = match text(&payload["channel"], "id") {
        "" => text(container, "channel_id"),
        id => id,
    };
    let author = text(&payload["user"], "id");
    if channel.is_empty() || author.is_empty() {
        return Heard::Unknown("a button without channel or author".to_owned());
    }
    let ts = either("message_ts", "ts");
    let thread = Some(either("thread_ts", "thread_ts")).filter(|thread| !thread.is_empty() && *thread != ts);
    // A message that only one person sees cannot be edited by name.
    let lasting = container["is_ephemeral"] != true && !ts.is_empty();
    let kind = match text(&payload["channel"], "name") {
        "directmessage" => ChannelKind::Direct,
        "privategroup" => ChannelKind::Private,
        _ => channel_kind("", channel),
    };
    Heard::Said(Box::new(Message {
        event: key("trigger", text(payload, "trigger_id"), delivery),
        channel: channel.into(),
        kind,
        thread: thread.map(Into::into),
        id: None,
        author: author.into(),
        from_robot: false,
        content: vec![Segment::Text(command)],
        via: Via::Button {
            message: lasting.then(|| MessageRef {
                channel: channel.into(),
                id: ts.into(),
            }),
        },
        edited_from: None,
        hook: hook(payload),
        again: false,
    }))
}

/// A form that was opened before a person, filled in. It says its command where the person was.
fn submitted(delivery: &str, payload: &Value) -> Heard {
    let view = &payload["view"];
    let author = text(&payload["user"], "id");
    let Some(asked) = form::Asked::read(text(view, "private_metadata")).filter(|_| !author.is_empty()) else {
        return Heard::Unknown("a form that does not say what it is for".to_owned());
    };
    let command = form::command(&asked.usage, &view["state"]["values"]);
    let channel = asked.channel.as_str();
    Heard::Said(Box::new(Message {
        event: key("trigger", text(payload, "trigger_id"), delivery),
        channel: channel.into(),
        kind: channel_kind("", channel),
        thread: asked.thread.map(Into::into),
        id: None,
        author: author.into(),
        from_robot: false,
        content: vec![Segment::Text(command)],
        via: Via::Slash,
        edited_from: None,
        hook: None,
        again: false,
    }))
}

fn key(kind: &str, id: &str, delivery: &str) -> EventKey {
    EventKey::new(if id.is_empty() {
        format!("delivery:{delivery}")
    } else {
        format!("{kind}:{id}")
    })
}

fn hook(payload: &Value) -> Option<Hook> {
    Some(text(payload, "response_url"))
        .filter(|url| !url.is_empty())
        .map(|url| Hook::new(url).with_trigger(text(payload, "trigger_id")))
}

fn channel_kind(said: &str, channel: &str) -> ChannelKind {
    match (said, channel.as_bytes().first()) {
        ("channel", _) => ChannelKind::Public,
        ("group", _) => ChannelKind::Private,
        ("im" | "app_home", _) => ChannelKind::Direct,
        ("mpim", _) => ChannelKind::Group,
        (_, Some(b'D')) => ChannelKind::Direct,
        (_, Some(b'G')) => ChannelKind::Private,
        _ => ChannelKind::Public,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
