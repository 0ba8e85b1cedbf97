//! Everything behind the lock, and what happens when something is said.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use serde_json::{Map, Value, json};

use super::{
    channel::Kind,
    delivery::{Delivery, Failed},
    envelope::{Kind as Delivered, Parcel},
    faults::Faults,
    ids,
    interact::Interaction,
    journal::{Journal, What},
    limits::{Event as Limited, Limits},
    message::{Edited, Message},
    options::Options,
    ts::Ts,
    world::World,
};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) delivery: Delivery,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) options: Options,
    pub(crate) interactions: BTreeMap<u64, Interaction>,
    pub(crate) last_interaction: u64,
}

/// What a change replaces; `None` leaves it.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) text: Option<String>,
    pub(crate) blocks: Option<Vec<Value>>,
    pub(crate) attachments: Option<Vec<Value>>,
    pub(crate) metadata: Option<Value>,
    /// Who is marked as editor, if anybody.
    pub(crate) editor: Option<String>,
}

impl State {
    pub(crate) fn new(options: Options, base_url: String) -> Self {
        let mut world = World::new(options.team.clone(), &options.bot, base_url);
        for person in &options.people {
            world.add_user(person);
        }
        for channel in &options.channels {
            world.add_channel(channel, Kind::Public);
        }
        Self {
            delivery: Delivery::new(options.ack_deadline, options.retry_delays.clone()),
            limits: Limits::new(options.strict),
            world,
            journal: Journal::default(),
            faults: Faults::default(),
            interactions: BTreeMap::new(),
            last_interaction: 0,
            options,
        }
    }

    /// Puts a message where it belongs and tells the app about it.
    pub(crate) fn post(&mut self, message: Message) -> Ts {
        let ts = message.ts;
        let channel = message.channel.clone();
        let ephemeral = message.ephemeral_to.is_some();
        let from_app = message.from_app;
        let place = self.world.channels.get_mut(&channel);
        let Some(place) = place else { return ts };
        if let Some(parent) = message.thread_ts.filter(|_| !ephemeral)
            && let Some(parent) = place.messages.get_mut(&parent)
        {
            parent.thread_ts = Some(parent.ts);
        }
        let mentioned = !from_app && super::text::mentions(&message.text, &self.world.app.user);
        self.world.insert(message);
        self.journal.add(What::Posted {
            channel: channel.clone(),
            ts,
        });
        if ephemeral {
            return ts;
        }
        let place = &self.world.channels[&channel];
        if !self.world.bot_is_in(place) {
            return ts;
        }
        let message = &place.messages[&ts];
        let mut event = message.to_json(&self.world);
        if let Some(parent) = message.thread_ts.and_then(|parent| place.messages.get(&parent)) {
            event.insert("parent_user_id".into(), parent.user.clone().into());
            if message.broadcast {
                event.insert("subtype".into(), "thread_broadcast".into());
                event.insert("root".into(), parent.to_history(&self.world, place).into());
            }
        }
        event.insert("channel".into(), channel.into());
        event.insert("event_ts".into(), ts.to_string().into());
        // Slack sends both, as two events; which comes first is not promised.
        let mention = (mentioned && place.kind != Kind::Im).then(|| {
            let mut mention = event.clone();
            mention.insert("type".into(), "app_mention".into());
            mention
        });
        event.insert("channel_type".into(), place.channel_type().into());
        self.emit(event);
        if let Some(mention) = mention {
            self.emit(mention);
        }
        ts
    }

    /// Replaces what a message says.
    pub(crate) fn change(&mut self, ts: Ts, change: Change) -> bool {
        let now = self.world.next_ts();
        let Some(message) = self.world.message(ts) else {
            return false;
        };
        let previous = message.to_json(&self.world);
        let Some(message) = self.world.message_mut(ts) else {
            return false;
        };
        message.revise(now);
        if let Some(text) = change.text {
            message.text = text;
        }
        if let Some(blocks) = change.blocks {
            message.blocks = blocks;
        }
        if let Some(attachments) = change.attachments {
            message.attachments = attachments;
        }
        if change.metadata.is_some() {
            message.metadata = change.metadata;
        }
        if let Some(user) = change.editor {
            message.edited = Some(Edited { user, ts: now });
        }
        self.announce_change(ts, previous, now);
        true
    }

    fn announce_change(&mut self, ts: Ts, previous: Map<String, Value>, now: Ts) {
        let Some(message) = self.world.message(ts) else {
            return;
        };
        let channel = message.channel.clone();
        let ephemeral = message.ephemeral_to.is_some();
        let current = message.to_json(&self.world);
        self.journal.add(What::Changed {
            channel: channel.clone(),
            ts,
        });
        if !ephemeral {
            self.emit_hidden(
                &channel,
                "message_changed",
                now,
                json!({"message": current, "previous_message": previous}),
            );
        }
    }

    /// A link in the message was unfurled: a `message_changed` without `edited`.
    pub(crate) fn unfurl(&mut self, ts: Ts, attachment: Value) -> bool {
        let now = self.world.next_ts();
        let Some(message) = self.world.message(ts) else {
            return false;
        };
        let previous = message.to_json(&self.world);
        if let Some(message) = self.world.message_mut(ts) {
            message.attachments.push(attachment);
        }
        self.announce_change(ts, previous, now);
        true
    }

    pub(crate) fn remove(&mut self, channel: &str, ts: Ts) -> bool {
        let Some(message) = self.world.remove(ts) else {
            return false;
        };
        let previous = message.to_json(&self.world);
        let now = self.world.next_ts();
        self.journal.add(What::Deleted {
            channel: channel.to_owned(),
            ts,
        });
        if message.ephemeral_to.is_none() {
            self.emit_hidden(
                channel,
                "message_deleted",
                now,
                json!({"deleted_ts": ts, "previous_message": previous}),
            );
        }
        true
    }

    fn emit_hidden(&mut self, channel: &str, subtype: &str, now: Ts, more: Value) {
        let Some(place) = self
            .world
            .channels
            .get(channel)
            .filter(|c| self.world.bot_is_in(c))
        else {
            return;
        };
        let event = json!({
            "type": "message", "subtype": subtype, "hidden": true, "channel": channel,
            "channel_type": place.channel_type(), "ts": now, "event_ts": now,
        });
        if let (Value::Object(mut event), Value::Object(more)) = (event, more) {
            event.extend(more);
            self.emit(event);
        }
    }

    /// Adds or removes a reaction; false when there was nothing to do.
    pub(crate) fn react(&mut self, ts: Ts, user: &str, name: &str, add: bool) -> bool {
        let Some(message) = self.world.message_mut(ts) else {
            return false;
        };
        let changed = if add {
            message.add_reaction(name, user)
        } else {
            message.remove_reaction(name, user)
        };
        if !changed {
            return false;
        }
        let author = message.user.clone();
        let channel = message.channel.clone();
        self.journal.add(What::Reacted {
            ts,
            user: user.to_owned(),
            name: name.to_owned(),
            added: add,
        });
        if self
            .world
            .channels
            .get(&channel)
            .is_some_and(|c| self.world.bot_is_in(c))
        {
            let kind = if add { "reaction_added" } else { "reaction_removed" };
            let now = self.world.next_ts();
            self.emit_json(json!({
                "type": kind, "user": user, "reaction": name, "item_user": author, "event_ts": now,
                "item": {"type": "message", "channel": channel, "ts": ts},
            }));
        }
        true
    }

    pub(crate) fn emit_json(&mut self, event: Value) -> String {
        match event {
            Value::Object(event) => self.emit(event),
            other => self.emit(Map::from_iter([("type".to_owned(), other)])),
        }
    }

    /// Sends an event to the app; its id.
    pub(crate) fn emit(&mut self, event: Map<String, Value>) -> String {
        let event_id = ids::id("Ev");
        match self.limits.check_event(Instant::now()) {
            Limited::Delivered => {}
            Limited::FirstDroppedOfMinute => {
                self.tell_rate_limited();
                return event_id;
            }
            Limited::Dropped => return event_id,
        }
        let team = &self.world.team.id;
        let app = &self.world.app;
        let channel = event.get("channel").and_then(Value::as_str).unwrap_or_default();
        let payload = json!({
            "token": "verification-token-of-the-emulator",
            "team_id": team, "context_team_id": team, "context_enterprise_id": null, "api_app_id": app.id,
            "type": "event_callback", "event_id": event_id, "event_time": jiff::Timestamp::now().as_second(),
            "authorizations": [{
                "enterprise_id": null, "team_id": team, "user_id": app.user, "is_bot": true,
                "is_enterprise_install": false,
            }],
            "is_ext_shared_channel": false,
            "event_context": format!("4-{team}-{}-{channel}", app.id),
            "event": event,
        });
        self.dispatch(Parcel {
            kind: Delivered::Event,
            payload: payload.to_string(),
            event_id: Some(event_id.clone()),
            accepts_payload: false,
            interaction: None,
        });
        event_id
    }

    /// This one is no `event_callback`, and has no event id.
    fn tell_rate_limited(&mut self) {
        let minute = jiff::Timestamp::now().as_second() / 60 * 60;
        let payload = json!({
            "token": "verification-token-of-the-emulator", "type": "app_rate_limited",
            "team_id": self.world.team.id, "minute_rate_limited": minute, "api_app_id": self.world.app.id,
        });
        self.dispatch(Parcel {
            kind: Delivered::Event,
            payload: payload.to_string(),
            event_id: None,
            accepts_payload: false,
            interaction: None,
        });
    }

    pub(crate) fn dispatch(&mut self, parcel: Parcel) {
        let failed = self.delivery.dispatch(Arc::new(parcel), &mut self.journal);
        self.failed(failed);
    }

    /// The app acknowledged an envelope, perhaps with an answer in it.
    pub(crate) fn acked(&mut self, envelope: &str, payload: Value) {
        let Some(parcel) = self.delivery.acked(envelope, &mut self.journal) else {
            return;
        };
        if let Some(interaction) = parcel.interaction {
            self.finish(
                interaction,
                if parcel.accepts_payload {
                    payload
                } else {
                    Value::Null
                },
            );
        }
    }

    pub(crate) fn unacked(&mut self, envelope: &str, reason: &'static str, retry: bool) {
        let failed = self.delivery.unacked(envelope, reason, retry, &mut self.journal);
        self.failed(failed);
    }

    pub(crate) fn failed(&mut self, failed: Option<Failed>) {
        if let Some(Failed::GivenUp {
            interaction: Some(interaction),
        }) = failed
        {
            self.time_out(interaction);
        }
    }
}
