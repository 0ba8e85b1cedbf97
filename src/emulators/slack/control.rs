//! `/emulator/…`: the verbs of [`super::Workspace`] for other processes. Documented in the module's head.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State as FromState},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Fault, Kind, Refused, SocketFault, Ts, What, delivery::Out, http_events, server::Shared, state::State,
};

type App = FromState<Arc<Shared>>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/info", get(info))
        .route("/messages", get(messages))
        .route("/view", get(view))
        .route("/files", get(files))
        .route("/files/{id}", get(file))
        .route("/interaction/{id}", get(interaction))
        .route("/events", get(events))
        .route("/stats", get(stats))
        .route("/sockets", get(sockets))
        .route("/request_url", post(request_url))
        .route("/{verb}", post(act))
}

/// 422 with the reason.
fn refuse(why: impl ToString) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({"error": why.to_string()})),
    )
        .into_response()
}

fn or_refuse(result: Result<Value, Refused>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => refuse(error),
    }
}

async fn info(FromState(shared): App) -> Response {
    shared.look(|st| {
        let channels: Vec<Value> = st
            .world
            .channels()
            .map(|c| json!({"id": c.id, "name": c.name, "kind": c.kind}))
            .collect();
        let base = &shared.base_url;
        Json(json!({
            "api_url": format!("{base}/api"), "control_url": format!("{base}/emulator"),
            "bot_token": st.options.bot_token, "app_token": st.options.app_token,
            "signing_secret": st.options.signing_secret, "team": st.world.team, "app": st.world.app,
            "users": st.world.users().collect::<Vec<_>>(), "channels": channels,
        }))
        .into_response()
    })
}

#[derive(Deserialize)]
struct InChannel {
    channel: String,
}

async fn messages(FromState(shared): App, Query(query): Query<InChannel>) -> Response {
    shared.look(|st| match st.world.known_channel(&query.channel) {
        Ok(channel) => Json(channel.messages().collect::<Vec<_>>()).into_response(),
        Err(error) => refuse(error),
    })
}

#[derive(Deserialize)]
struct OfUser {
    user: String,
}

async fn view(FromState(shared): App, Query(query): Query<OfUser>) -> Response {
    shared.look(|st| Json(st.world.view_of(&query.user).cloned()).into_response())
}

async fn files(FromState(shared): App) -> Response {
    shared.look(|st| Json(st.world.files().filter(|f| f.completed).collect::<Vec<_>>()).into_response())
}

async fn file(FromState(shared): App, Path(id): Path<String>) -> Response {
    shared.look(|st| {
        let file = st.world.files.get(&id);
        match file.and_then(|file| file.content.clone().map(|content| (file.mimetype(), content))) {
            Some((kind, content)) => ([(header::CONTENT_TYPE, kind)], content).into_response(),
            None => (
                StatusCode::NOT_FOUND,
                Json(json!({"error": format!("there is no file {id}")})),
            )
                .into_response(),
        }
    })
}

async fn interaction(FromState(shared): App, Path(id): Path<u64>) -> Response {
    shared.look(|st| match st.interactions.get(&id) {
        Some(interaction) => Json(interaction).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            Json(json!({"error": format!("there is no interaction {id}")})),
        )
            .into_response(),
    })
}

async fn stats(FromState(shared): App) -> Response {
    let stats = shared.look(|st| st.journal.stats.clone());
    let micros = |quantile| {
        stats
            .ack_latency(quantile)
            .map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    };
    let latencies = json!({"p50": micros(0.5), "p99": micros(0.99), "max": micros(1.0)});
    let mut body = json!(stats);
    body["ack_micros"] = latencies;
    Json(body).into_response()
}

async fn sockets(FromState(shared): App) -> Response {
    shared.look(|st| Json(st.delivery.sockets()).into_response())
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
    /// Milliseconds to wait for the first entry.
    #[serde(default)]
    wait: u64,
    #[serde(default = "a_thousand")]
    limit: usize,
}

fn a_thousand() -> usize {
    1000
}

async fn events(FromState(shared): App, Query(query): Query<After>) -> Response {
    let mut changes = shared.changes();
    let read = |st: &State| {
        let entries: Vec<Value> = st
            .journal
            .after(query.after)
            .take(query.limit)
            .map(|entry| {
                let mut json = json!(entry);
                if let What::Posted { ts, .. } | What::Changed { ts, .. } = &entry.what {
                    let mut message = json!(st.world.message(*ts));
                    // All of a card's earlier states with every step of it would be much; `/messages` has them.
                    if let Some(message) = message.as_object_mut() {
                        message.remove("revisions");
                    }
                    json["message"] = message;
                }
                json
            })
            .collect();
        let next = entries
            .last()
            .and_then(|e| e["n"].as_u64())
            .unwrap_or(query.after);
        (entries, next)
    };
    let until = tokio::time::Instant::now() + Duration::from_millis(query.wait.min(60_000));
    loop {
        changes.mark_unchanged();
        let (entries, next) = shared.look(read);
        if !entries.is_empty() || tokio::time::timeout_at(until, changes.changed()).await.is_err() {
            return Json(json!({"entries": entries, "next": next})).into_response();
        }
    }
}

async fn request_url(FromState(shared): App, body: Bytes) -> Response {
    #[derive(Deserialize)]
    struct Body {
        url: String,
    }
    let Ok(body) = serde_json::from_slice::<Body>(&body) else {
        return refuse("a body like {\"url\": \"…\"} is needed");
    };
    if let Err(error) = http_events::verify(&shared, &body.url).await {
        return refuse(error);
    }
    shared.with(|st| st.delivery.request_url = Some(body.url));
    Json(json!({})).into_response()
}

/// What the verbs take; each needs some of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    user: String,
    channel: String,
    text: String,
    thread: Option<Ts>,
    ts: Option<Ts>,
    name: String,
    remove: bool,
    command: String,
    button: String,
    choice: Option<Value>,
    values: serde_json::Map<String, Value>,
    reason: String,
    event_id: String,
    on: bool,
    method: String,
    retry_after: Option<u64>,
    times: Option<u32>,
    fault: Value,
    code: Option<String>,
    private: bool,
    handle: String,
    users: Vec<String>,
}

impl Said {
    fn message(&self) -> Result<Ts, Refused> {
        self.ts
            .ok_or_else(|| Refused::NotAllowed("`ts` is needed: which message?".to_owned()))
    }

    fn fault<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_value(self.fault.clone())
            .map_err(|error| Refused::NotAllowed(format!("`fault` is not one of those there are: {error}")))
    }
}

async fn act(FromState(shared): App, Path(verb): Path<String>, body: Bytes) -> Response {
    if verb == "event" {
        return match serde_json::from_slice::<Value>(&body) {
            Ok(event) if event.is_object() => {
                Json(json!({"event_id": shared.with(|st| st.emit_json(event))})).into_response()
            }
            _ => refuse("the body must be a JSON object: the event"),
        };
    }
    let said: Said = match serde_json::from_slice(if body.is_empty() { b"{}" } else { &body }) {
        Ok(said) => said,
        Err(error) => return refuse(format!("the body is not understood: {error}")),
    };
    let host = shared.host();
    or_refuse(shared.with(|st| run(st, &verb, &said, &host)))
}

fn run(st: &mut State, verb: &str, said: &Said, host: &str) -> Result<Value, Refused> {
    let ts = |ts: Ts| json!({ "ts": ts });
    let interaction = |id: u64| json!({ "interaction": id });
    let times = said.times.unwrap_or(1);
    match verb {
        "say" => return st.say(&said.user, &said.channel, &said.text, said.thread).map(ts),
        "dm" => return st.dm(&said.user, &said.text).map(ts),
        "edit" => st.edit(said.message()?, &said.text)?,
        "delete" => st.delete(said.message()?)?,
        "react" => drop(st.react_as(&said.user, said.message()?, &said.name, !said.remove)?),
        "slash" => {
            return st
                .slash(&said.user, &said.channel, &said.command, &said.text)
                .map(interaction);
        }
        "click" => {
            return st
                .click(&said.user, said.message()?, &said.button, said.choice.as_ref())
                .map(interaction);
        }
        "click_in_view" => {
            return st
                .click_in_view(&said.user, &said.button, said.choice.as_ref())
                .map(interaction);
        }
        "submit" => return st.submit(&said.user, &said.values).map(interaction),
        "close_view" => return st.close_view(&said.user).map(|id| json!({"interaction": id})),
        "rotate" => st.delivery.rotate(host, st.options.rotation_grace),
        "disconnect" => st
            .delivery
            .disconnect(None, &said.reason, host, Some(st.options.close_after)),
        "cut" => st.delivery.lines().iter().for_each(|line| line.reset()),
        "close" => st
            .delivery
            .sockets()
            .iter()
            .for_each(|s| st.delivery.tell(s.id, Out::Close)),
        "mute" => st.delivery.lines().iter().for_each(|line| line.deafen()),
        "freeze" => st.delivery.lines().iter().for_each(|line| line.freeze()),
        "redeliver" => {
            if !st.delivery.redeliver(&said.event_id, &mut st.journal) {
                return Err(Refused::NoSuchEvent(said.event_id.clone()));
            }
        }
        "duplicates" => st.delivery.duplicate = said.on,
        "rate_limit" => st.limits.order(&said.method, said.retry_after, times),
        "strict" => st.limits.strict = said.on,
        "fault" => st.faults.order(&said.method, said.fault::<Fault>()?, times),
        "socket_fault" => st.faults.order_socket(said.fault::<SocketFault>()?, times),
        "clear_faults" => st.faults.clear(),
        "auth_error" => st.faults.auth.clone_from(&said.code),
        "user" => return Ok(json!({"id": st.world.add_user(&said.name)})),
        "channel" => {
            let kind = if said.private { Kind::Private } else { Kind::Public };
            return Ok(json!({"id": st.world.add_channel(&said.name, kind)}));
        }
        "join" => st.move_in(&said.user, &said.channel, true)?,
        "leave" => st.move_in(&said.user, &said.channel, false)?,
        "group" => {
            return st
                .set_group(&said.handle, &said.users)
                .map(|id| json!({"id": id}));
        }
        _ => {
            return Err(Refused::NotAllowed(format!(
                "there is no verb {verb:?}; the emulator's module lists them"
            )));
        }
    }
    Ok(json!({}))
}
