//! Slash commands, buttons and modals: what the app is sent, and what its answer does.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    channel::{Channel, Kind},
    elements::{self, Found},
    envelope::{Kind as Delivered, Parcel},
    error::{ApiError, Refused},
    ids,
    message::Message,
    state::State,
    ts::Ts,
};

/// Names something a person did that the app has to answer.
pub type InteractionId = u64;

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Typed a slash command.
    Slash,
    /// Clicked or chose something.
    Block,
    /// Typed into a menu whose options the app supplies.
    Suggestion,
    /// Submitted a modal.
    Submit,
    /// Closed a modal.
    Close,
    /// Something a test made up.
    Raw,
}

/// How the app took it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not acknowledged yet.
    Waiting,
    /// Acknowledged, with this payload (or null).
    Acked(Value),
    /// The deadline passed, or nobody listened: the person sees `operation_timeout`.
    TimedOut,
}

/// Something a person did that the app has to answer.
#[derive(Clone, Debug, Serialize)]
pub struct Interaction {
    /// Its number.
    pub id: InteractionId,
    /// What was done.
    pub action: Action,
    /// Who did it, by id.
    pub user: String,
    /// Where, by id.
    pub channel: Option<String>,
    /// On which message.
    pub message: Option<Ts>,
    /// How the app took it.
    pub outcome: Outcome,
    /// How often its `response_url` was used.
    pub responses: u32,
    #[serde(skip)]
    pub(crate) secret: String,
    #[serde(skip)]
    pub(crate) issued: Instant,
    #[serde(skip)]
    trigger_used: bool,
}

impl State {
    pub(crate) fn begin(
        &mut self,
        action: Action,
        user: &str,
        channel: Option<&str>,
        message: Option<Ts>,
    ) -> InteractionId {
        self.last_interaction += 1;
        let id = self.last_interaction;
        let interaction = Interaction {
            id,
            action,
            user: user.to_owned(),
            channel: channel.map(str::to_owned),
            message,
            outcome: Outcome::Waiting,
            responses: 0,
            secret: ids::ticket(),
            issued: Instant::now(),
            trigger_used: false,
        };
        self.interactions.insert(id, interaction);
        id
    }

    fn trigger_id(&self, id: InteractionId) -> String {
        format!(
            "{id}.{}.{}",
            self.world.team.id.len(),
            self.interactions[&id].secret
        )
    }

    fn response_url(&self, id: InteractionId) -> String {
        format!(
            "{}/actions/{id}/{}",
            self.world.base_url, self.interactions[&id].secret
        )
    }

    /// The user a trigger belongs to; a trigger opens one view, soon.
    pub(crate) fn use_trigger(&mut self, trigger: &str) -> Result<String, ApiError> {
        let id = trigger.split('.').next().and_then(|id| id.parse::<u64>().ok());
        let secret = trigger.rsplit('.').next().unwrap_or_default();
        let lifetime = self.options.trigger_lifetime;
        let interaction = id
            .and_then(|id| self.interactions.get_mut(&id))
            .filter(|interaction| interaction.secret == secret)
            .ok_or_else(|| ApiError::new("invalid_trigger_id"))?;
        if interaction.trigger_used {
            return Err(ApiError::new("exchanged_trigger_id"));
        }
        if interaction.issued.elapsed() > lifetime {
            return Err(ApiError::new("expired_trigger_id"));
        }
        interaction.trigger_used = true;
        Ok(interaction.user.clone())
    }

    pub(crate) fn send_interaction(
        &mut self,
        id: InteractionId,
        kind: Delivered,
        payload: Value,
        accepts: bool,
    ) -> InteractionId {
        self.dispatch(Parcel {
            kind,
            payload: payload.to_string(),
            event_id: None,
            accepts_payload: accepts,
            interaction: Some(id),
        });
        id
    }

    /// A person types a slash command.
    pub(crate) fn slash(
        &mut self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<InteractionId, Refused> {
        let user = self.world.known_user(user)?.clone();
        let channel = self.world.known_channel(channel)?;
        let (channel_id, channel_name) = (channel.id.clone(), shown_name(channel));
        let (text, _) = super::text::typed(&self.world, text);
        let id = self.begin(Action::Slash, &user.id, Some(&channel_id), None);
        let payload = json!({
            "token": "verification-token-of-the-emulator", "team_id": self.world.team.id,
            "team_domain": self.world.team.domain, "channel_id": channel_id, "channel_name": channel_name,
            "user_id": user.id, "user_name": user.name, "command": command, "text": text,
            "api_app_id": self.world.app.id, "is_enterprise_install": "false",
            "response_url": self.response_url(id), "trigger_id": self.trigger_id(id),
        });
        Ok(self.send_interaction(id, Delivered::Slash, payload, true))
    }

    /// What every interaction payload says.
    pub(crate) fn interaction_payload(
        &self,
        id: InteractionId,
        kind: &str,
        user: &str,
    ) -> Map<String, Value> {
        let name = self.world.user(user).map(|u| u.name.clone()).unwrap_or_default();
        let payload = json!({
            "type": kind, "token": "verification-token-of-the-emulator", "api_app_id": self.world.app.id,
            "team": {"id": self.world.team.id, "domain": self.world.team.domain},
            "user": {"id": user, "username": name, "name": name, "team_id": self.world.team.id},
            "enterprise": null, "is_enterprise_install": false, "trigger_id": self.trigger_id(id),
        });
        match payload {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// The message a person can see, with the interactive element of that label or action id.
    fn element_on(&self, user: &str, ts: Ts, wanted: &str) -> Result<(Message, Found), Refused> {
        let message = self
            .world
            .message(ts)
            .ok_or_else(|| Refused::NoSuchMessage(ts.to_string()))?;
        if message.ephemeral_to.as_deref().is_some_and(|only| only != user) {
            return Err(Refused::NotAllowed(format!(
                "message {ts} is ephemeral, and {user} cannot see it"
            )));
        }
        let found = elements::find(&message.blocks, wanted).ok_or_else(|| Refused::NoSuchElement {
            ts: ts.to_string(),
            wanted: wanted.to_owned(),
            known: elements::names(&message.blocks),
        })?;
        Ok((message.clone(), found))
    }

    /// A person clicks a button, or chooses `choice` in another element.
    pub(crate) fn click(
        &mut self,
        user: &str,
        ts: Ts,
        wanted: &str,
        choice: Option<&Value>,
    ) -> Result<InteractionId, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let (message, found) = self.element_on(&user, ts, wanted)?;
        let id = self.begin(Action::Block, &user, Some(&message.channel), Some(ts));
        let mut payload = self.interaction_payload(id, "block_actions", &user);
        self.add_message(&mut payload, &message);
        payload.insert("response_url".into(), self.response_url(id).into());
        let (action, chosen) = self.action(&found, choice);
        payload.insert(
            "state".into(),
            json!({"values": state_values(&message.blocks, &chosen)}),
        );
        payload.insert("actions".into(), json!([action]));
        Ok(self.send_interaction(id, Delivered::Interactive, Value::Object(payload), true))
    }

    /// A person types `value` into a menu whose options the app supplies.
    pub(crate) fn suggest(
        &mut self,
        user: &str,
        ts: Ts,
        wanted: &str,
        value: &str,
    ) -> Result<InteractionId, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let (message, found) = self.element_on(&user, ts, wanted)?;
        let id = self.begin(Action::Suggestion, &user, Some(&message.channel), Some(ts));
        let mut payload = self.interaction_payload(id, "block_suggestion", &user);
        self.add_message(&mut payload, &message);
        payload.insert("action_id".into(), found.action_id().into());
        payload.insert("block_id".into(), found.block_id.into());
        payload.insert("value".into(), value.into());
        Ok(self.send_interaction(id, Delivered::Interactive, Value::Object(payload), true))
    }

    fn add_message(&self, payload: &mut Map<String, Value>, message: &Message) {
        let ephemeral = message.ephemeral_to.is_some();
        let mut container = json!({
            "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": ephemeral,
        });
        if let Some(thread) = message.thread_ts {
            container["thread_ts"] = json!(thread);
        }
        payload.insert("container".into(), container);
        if let Some(channel) = self.world.channel(&message.channel) {
            payload.insert(
                "channel".into(),
                json!({"id": channel.id, "name": shown_name(channel)}),
            );
        }
        // Slack leaves the message out when it was ephemeral: it does not keep those.
        if !ephemeral {
            payload.insert("message".into(), message.to_json(&self.world).into());
        }
    }

    /// The entry of `actions`, and which element was set to what.
    pub(crate) fn action(
        &mut self,
        found: &Found,
        choice: Option<&Value>,
    ) -> (Value, Option<(String, String, Value)>) {
        let element = &found.element;
        let mut action = json!({
            "action_id": found.action_id(), "block_id": found.block_id, "type": element["type"],
            "action_ts": self.world.next_ts(),
        });
        if element["type"] == "button" || choice.is_none() {
            for key in ["text", "value", "style"] {
                if let Some(value) = element.get(key) {
                    action[key] = value.clone();
                }
            }
            return (action, None);
        }
        let set = elements::set(element, choice.unwrap_or(&Value::Null));
        if let (Some(action), Some(set)) = (action.as_object_mut(), set.as_object()) {
            action.extend(set.clone());
        }
        (
            action,
            Some((found.block_id.clone(), found.action_id().to_owned(), set)),
        )
    }

    /// Any payload a test wants delivered.
    pub(crate) fn raw_interaction(&mut self, payload: Value, accepts: bool) -> InteractionId {
        let id = self.begin(
            Action::Raw,
            payload["user"]["id"].as_str().unwrap_or_default(),
            None,
            None,
        );
        self.send_interaction(id, Delivered::Interactive, payload, accepts)
    }

    /// The app answered in time.
    pub(crate) fn finish(&mut self, id: InteractionId, payload: Value) {
        let Some(interaction) = self.interactions.get_mut(&id) else {
            return;
        };
        interaction.outcome = Outcome::Acked(payload.clone());
        let interaction = interaction.clone();
        match interaction.action {
            Action::Slash => {
                self.respond_to(&interaction, &payload);
            }
            Action::Submit => self.finish_submit(&interaction.user, &payload),
            _ => {}
        }
    }

    pub(crate) fn time_out(&mut self, id: InteractionId) {
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.outcome = Outcome::TimedOut;
        }
    }

    /// How long ago an interaction may have been for its `response_url` to work.
    pub(crate) fn response_url_works(&self, interaction: &Interaction) -> bool {
        let lifetime: Duration = self.options.response_url_lifetime;
        interaction.responses < 5 && interaction.issued.elapsed() < lifetime
    }
}

/// `state.values` of blocks: what was chosen, else what they start with.
pub(crate) fn state_values(blocks: &[Value], chosen: &Option<(String, String, Value)>) -> Value {
    let mut values = json!({});
    for found in elements::all(blocks) {
        if let Some(initial) = elements::initial(&found.element) {
            values[&found.block_id][found.action_id()] = initial;
        }
    }
    if let Some((block, action, value)) = chosen {
        values[block][action] = value.clone();
    }
    values
}

fn shown_name(channel: &Channel) -> String {
    match channel.kind {
        Kind::Im => "directmessage".to_owned(),
        Kind::Private => "privategroup".to_owned(),
        Kind::Public | Kind::Mpim => channel.name.clone(),
    }
}
