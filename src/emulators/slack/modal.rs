//! What people do in modals and the App Home, and what the app's answer does to them.

use serde_json::{Map, Value, json};

use super::{
    elements,
    envelope::Kind as Delivered,
    error::Refused,
    ids,
    interact::{Action, InteractionId, state_values},
    journal::What,
    state::State,
    view::{STACK, View},
};

impl State {
    /// A person acts on an element of the modal they look at.
    pub(crate) fn click_in_view(
        &mut self,
        user: &str,
        wanted: &str,
        choice: Option<&Value>,
    ) -> Result<InteractionId, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let view = self
            .world
            .views
            .top(&user)
            .or_else(|| self.world.views.home(&user));
        let view = view.cloned().ok_or_else(|| Refused::NoViewOpen(user.clone()))?;
        let blocks = view.body["blocks"].as_array().cloned().unwrap_or_default();
        let found = elements::find(&blocks, wanted).ok_or_else(|| Refused::NoSuchElement {
            ts: view.id.clone(),
            wanted: wanted.to_owned(),
            known: elements::names(&blocks),
        })?;
        let id = self.begin(Action::Block, &user, None, None);
        let mut payload = self.interaction_payload(id, "block_actions", &user);
        payload.insert("container".into(), json!({"type": "view", "view_id": view.id}));
        let (action, chosen) = self.action(&found, choice);
        let mut body = view.body.clone();
        body["state"] = json!({"values": state_values(&blocks, &chosen)});
        payload.insert("view".into(), body);
        payload.insert("actions".into(), json!([action]));
        Ok(self.send_interaction(id, Delivered::Interactive, Value::Object(payload), true))
    }

    /// A person submits their modal; `values` maps a block id or action id to what was entered.
    pub(crate) fn submit(
        &mut self,
        user: &str,
        values: &Map<String, Value>,
    ) -> Result<InteractionId, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let view = self
            .world
            .views
            .top(&user)
            .cloned()
            .ok_or_else(|| Refused::NoViewOpen(user.clone()))?;
        let blocks = view.body["blocks"].as_array().cloned().unwrap_or_default();
        let mut state = state_values(&blocks, &None);
        for found in elements::all(&blocks) {
            if let Some(value) = values
                .get(&found.block_id)
                .or_else(|| values.get(found.action_id()))
            {
                state[&found.block_id][found.action_id()] = elements::set(&found.element, value);
            }
        }
        let id = self.begin(Action::Submit, &user, None, None);
        let mut payload = self.interaction_payload(id, "view_submission", &user);
        let mut body = view.body;
        body["state"] = json!({"values": state});
        payload.insert("view".into(), body);
        payload.insert("response_urls".into(), json!([]));
        Ok(self.send_interaction(id, Delivered::Interactive, Value::Object(payload), true))
    }

    /// A person closes their modal; the app hears of it when it asked to.
    pub(crate) fn close_view(&mut self, user: &str) -> Result<Option<InteractionId>, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let view = self
            .world
            .views
            .stack(&user)
            .pop()
            .ok_or_else(|| Refused::NoViewOpen(user.clone()))?;
        self.journal.add(What::View {
            user: user.clone(),
            id: view.id,
        });
        if view.body["notify_on_close"] != true {
            return Ok(None);
        }
        let id = self.begin(Action::Close, &user, None, None);
        let mut payload = self.interaction_payload(id, "view_closed", &user);
        payload.remove("trigger_id");
        payload.insert("view".into(), view.body);
        payload.insert("is_cleared".into(), false.into());
        Ok(Some(self.send_interaction(
            id,
            Delivered::Interactive,
            Value::Object(payload),
            false,
        )))
    }

    pub(crate) fn finish_submit(&mut self, user: &str, payload: &Value) {
        let view = payload.get("view").filter(|view| view.is_object());
        match (payload["response_action"].as_str(), view) {
            (Some("errors"), _) => return,
            (Some("clear"), _) => self.world.views.stack(user).clear(),
            (Some("update"), Some(view)) => {
                if let Some(top) = self.world.views.stack(user).pop() {
                    let updated = self.new_view(user, view.clone(), Some(&top.id));
                    self.world.views.stack(user).push(updated);
                }
            }
            (Some("push"), Some(view)) if self.world.views.stack(user).len() < STACK => {
                let pushed = self.new_view(user, view.clone(), None);
                self.world.views.stack(user).push(pushed);
            }
            _ => drop(self.world.views.stack(user).pop()),
        }
        let id = self
            .world
            .views
            .top(user)
            .map(|view| view.id.clone())
            .unwrap_or_default();
        self.journal.add(What::View {
            user: user.to_owned(),
            id,
        });
    }

    /// A view as Slack returns it, under a new id or the one it replaces.
    pub(crate) fn new_view(&mut self, user: &str, mut body: Value, replaces: Option<&str>) -> View {
        let id = replaces.map_or_else(|| ids::id("V"), str::to_owned);
        let root = self
            .world
            .views
            .stack(user)
            .first()
            .map_or_else(|| id.clone(), |root| root.id.clone());
        let previous = self.world.views.top(user).map(|view| view.id.clone());
        super::blocks::name(&mut body["blocks"]);
        let state = state_values(body["blocks"].as_array().map_or(&[], Vec::as_slice), &None);
        let defaults = json!({
            "private_metadata": "", "callback_id": "", "external_id": "", "close": null, "submit": null, "title": null,
            "clear_on_close": false, "notify_on_close": false, "blocks": [],
        });
        if let (Some(body), Value::Object(defaults)) = (body.as_object_mut(), defaults) {
            for (key, value) in defaults {
                body.entry(key).or_insert(value);
            }
            body.insert("id".into(), id.clone().into());
            body.insert("team_id".into(), self.world.team.id.clone().into());
            body.insert("app_id".into(), self.world.app.id.clone().into());
            body.insert("bot_id".into(), self.world.app.bot_id.clone().into());
            body.insert("app_installed_team_id".into(), self.world.team.id.clone().into());
            body.insert("root_view_id".into(), root.into());
            body.insert("previous_view_id".into(), json!(previous.filter(|p| *p != id)));
            body.insert(
                "hash".into(),
                format!("{}.{}", self.world.next_ts().seconds(), ids::block_id()).into(),
            );
            body.insert("state".into(), json!({"values": state}));
        }
        let external_id = body["external_id"]
            .as_str()
            .filter(|id| !id.is_empty())
            .map(str::to_owned);
        View {
            id,
            external_id,
            body,
        }
    }
}
