//! The emulated workspace as the page is told of it.

use crate::Page;
use otus_emulators::slack::{Channel, Entry, Kind, Message, What, World};
use serde_json::{Value, json};

/// How many entries of the journal a new page hears of.
pub(crate) const LOG: usize = 200;

/// Everything there is, for a page that begins or comes back.
pub(crate) fn start(page: &Page, entries: &[Entry]) -> Value {
    let log: Vec<Value> = entries.iter().rev().take(LOG).rev().map(entry).collect();
    page.slack.look(|world| {
        let messages: Vec<Value> = world
            .channels()
            .flat_map(Channel::messages)
            .map(|found| message(found, world))
            .collect();
        json!({
            "team": world.team.name,
            "robot": world.app.user,
            "users": world.users().collect::<Vec<_>>(),
            "channels": channels(world),
            "messages": messages,
            "open": world.channel(&page.channel).map(|channel| &channel.id),
            "people": page.people.iter().map(|person| json!({
                "id": world.user(&person.name).map(|user| &user.id), "name": person.name, "role": person.role,
            })).collect::<Vec<_>>(),
            "views": page.people.iter().map(|person| view(world, &person.name)).collect::<Vec<_>>(),
            "tour": page.tour,
            "troubles": page.troubles,
            "bench": page.bench.as_ref().map(|bench| json!(*bench.borrow())),
            "log": log,
        })
    })
}

pub(crate) fn channels(world: &World) -> Vec<Value> {
    let one = |channel: &Channel| {
        json!({
            "id": channel.id, "name": channel.name, "direct": matches!(channel.kind, Kind::Im | Kind::Mpim),
            "members": channel.members, "topic": channel.topic,
        })
    };
    world.channels().map(one).collect()
}

/// A message, with its files in full and how often it was changed.
pub(crate) fn message(message: &Message, world: &World) -> Value {
    let mut shown = json!(message);
    shown["revisions"] = message.revisions.len().into();
    let files = message
        .files
        .iter()
        .filter_map(|id| world.files().find(|file| &file.id == id));
    shown["files"] = files
        .map(|file| {
            json!({
                "id": file.id, "name": file.name, "title": file.title, "alt": file.alt_txt, "size": file.length,
                "picture": matches!(file.mimetype(), "image/png" | "image/jpeg" | "image/gif"),
            })
        })
        .collect();
    shown
}

/// The form a person sees, or none.
pub(crate) fn view(world: &World, person: &str) -> Value {
    let user = world.user(person).map(|user| &user.id);
    json!({ "user": user, "view": world.view_of(person) })
}

/// What an entry of the journal changes on the page.
pub(crate) fn change(entry: &Entry, world: &World) -> Option<Value> {
    Some(match &entry.what {
        What::Posted { ts, .. } | What::Changed { ts, .. } | What::Reacted { ts, .. } => {
            json!({ "kind": "message", "message": message(world.message(*ts)?, world) })
        }
        What::Deleted { channel, ts } => json!({ "kind": "deleted", "channel": channel, "ts": ts }),
        What::View { user, .. } => {
            let mut shown = view(world, user);
            shown["kind"] = "view".into();
            shown
        }
        _ => return None,
    })
}

/// An entry of the journal for the log: which way it went, its name, and what is worth knowing of it.
pub(crate) fn entry(entry: &Entry) -> Value {
    let (way, name, more) = match &entry.what {
        What::Call(call) => {
            let told = ["text", "name", "filename"]
                .iter()
                .filter_map(|key| call.args.get(*key)?.as_str()?.lines().next())
                .collect::<Vec<_>>()
                .join(" · ");
            match &call.error {
                Some(error) => ("failed", call.method.clone(), format!("{error} · {told}")),
                None if call.status != 200 => (
                    "failed",
                    call.method.clone(),
                    format!("HTTP {} · {told}", call.status),
                ),
                None => ("in", call.method.clone(), told),
            }
        }
        What::Posted { .. } => ("note", "message posted".to_owned(), String::new()),
        What::Changed { .. } => ("note", "message edited".to_owned(), String::new()),
        What::Deleted { .. } => ("note", "message deleted".to_owned(), String::new()),
        What::Reacted { name, added, .. } => (
            "note",
            if *added { "reaction" } else { "reaction taken back" }.to_owned(),
            format!(":{name}:"),
        ),
        What::File { id } => ("note", "file shared".to_owned(), id.clone()),
        What::View { .. } => ("note", "form changed".to_owned(), String::new()),
        What::SocketOpened { socket } => ("note", "socket opened".to_owned(), format!("number {socket}")),
        What::SocketClosed { socket, why } => (
            "failed",
            "socket closed".to_owned(),
            format!("number {socket}: {why}"),
        ),
        What::Sent(sent) => {
            let again = if sent.attempt > 0 {
                format!("again, attempt {}", sent.attempt + 1)
            } else {
                String::new()
            };
            ("out", sent.envelope_kind.to_owned(), again)
        }
        What::Acked { micros, .. } => (
            "in",
            "acknowledged".to_owned(),
            format!("after {}", millis(*micros)),
        ),
        What::Unacked { will_retry, .. } => (
            "failed",
            "not acknowledged".to_owned(),
            if *will_retry {
                "will be sent again"
            } else {
                "given up"
            }
            .to_owned(),
        ),
        What::StrayAck { .. } => ("failed", "late acknowledgement".to_owned(), String::new()),
        What::Responded { accepted, .. } => (
            if *accepted { "in" } else { "failed" },
            "response_url".to_owned(),
            String::new(),
        ),
        _ => ("note", "something else".to_owned(), String::new()),
    };
    let more: String = more.chars().take(160).collect();
    json!({ "n": entry.n, "way": way, "name": name, "more": more })
}

fn millis(micros: u64) -> String {
    format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
}
