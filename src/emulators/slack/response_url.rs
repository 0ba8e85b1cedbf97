//! `response_url`: up to five answers to an interaction within half an hour.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State as FromState},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    args::header,
    blocks,
    interact::Interaction,
    journal::What,
    message::Message,
    server::Shared,
    state::{Change, State},
    text,
    ts::Ts,
};

/// `POST /actions/<interaction>/<secret>`
pub(crate) async fn respond(
    FromState(shared): FromState<Arc<Shared>>,
    Path((id, secret)): Path<(u64, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = shared.with(|st| st.faults.take("response_url"));
    if let Some(super::Fault::Status(status)) = fault {
        return StatusCode::from_u16(status)
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            .into_response();
    }
    let payload = match read(&headers, &body) {
        Some(payload) => payload,
        None => return (StatusCode::BAD_REQUEST, "invalid_payload").into_response(),
    };
    shared.with(|st| {
        let Some(interaction) = st.interactions.get(&id).filter(|i| i.secret == secret).cloned() else {
            return (StatusCode::NOT_FOUND, "used_url").into_response();
        };
        if !st.response_url_works(&interaction) {
            st.journal.add(What::Responded {
                interaction: id,
                accepted: false,
            });
            let why = if interaction.responses >= 5 {
                "used_url"
            } else {
                "expired_url"
            };
            return (StatusCode::NOT_FOUND, why).into_response();
        }
        let faults = blocks::check(
            payload["blocks"].as_array().map_or(&[], Vec::as_slice),
            blocks::Surface::Message,
        );
        if !faults.is_empty() || (payload["blocks"].is_string()) {
            return (StatusCode::BAD_REQUEST, "invalid_blocks").into_response();
        }
        if let Some(interaction) = st.interactions.get_mut(&id) {
            interaction.responses += 1;
        }
        let accepted = st.respond_to(&interaction, &payload);
        st.journal.add(What::Responded {
            interaction: id,
            accepted,
        });
        if accepted {
            "ok".into_response()
        } else {
            (StatusCode::BAD_REQUEST, "no_text").into_response()
        }
    })
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let is_form = header(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    let payload: Value = if is_form {
        let (_, payload) = url::form_urlencoded::parse(body).find(|(key, _)| key == "payload")?;
        serde_json::from_str(&payload).ok()?
    } else {
        serde_json::from_slice(body).ok()?
    };
    payload.is_object().then_some(payload)
}

impl State {
    /// Applies an answer: a new message, or a change of the one acted on. False when it says nothing.
    pub(crate) fn respond_to(&mut self, interaction: &Interaction, payload: &Value) -> bool {
        let original = interaction.message;
        let original_channel = || {
            original
                .and_then(|ts| self.world.message(ts))
                .map(|m| m.channel.clone())
        };
        if payload["delete_original"] == true {
            return match (original, original_channel()) {
                (Some(ts), Some(channel)) => self.remove(&channel, ts),
                _ => false,
            };
        }
        let said = payload["text"].as_str().map(text::normalise);
        let mut given = payload["blocks"].clone();
        blocks::name(&mut given);
        let given = given.as_array().cloned();
        if said.is_none() && given.is_none() && payload["attachments"].as_array().is_none() {
            return false;
        }
        if payload["replace_original"] == true
            && let Some(ts) = original
        {
            let blocks = Some(given.unwrap_or_default());
            return self.change(
                ts,
                Change {
                    text: said,
                    blocks,
                    ..Change::default()
                },
            );
        }
        let Some(channel) = interaction.channel.clone() else {
            return false;
        };
        let in_channel = payload["response_type"] == "in_channel";
        let thread_ts: Option<Ts> = payload["thread_ts"].as_str().and_then(|ts| ts.parse().ok());
        let message = Message {
            ts: self.world.next_ts(),
            channel,
            user: self.world.app.user.clone(),
            from_app: true,
            text: said.unwrap_or_default(),
            blocks: given.unwrap_or_default(),
            attachments: payload["attachments"].as_array().cloned().unwrap_or_default(),
            thread_ts,
            ephemeral_to: (!in_channel).then(|| interaction.user.clone()),
            ..Message::default()
        };
        self.post(message);
        true
    }
}
