//! What people do: say, edit, delete, react, join.

use serde_json::{Value, json};

use super::{
    error::Refused,
    message::Message,
    state::{Change, State},
    text,
    ts::Ts,
    world::Group,
};

impl State {
    /// A person says something; with `thread`, in that message's thread.
    pub(crate) fn say(
        &mut self,
        user: &str,
        channel: &str,
        words: &str,
        thread: Option<Ts>,
    ) -> Result<Ts, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let channel = self.conversation(&user, channel)?;
        let thread = match thread {
            Some(ts) => {
                let parent = self
                    .world
                    .channels
                    .get(&channel)
                    .and_then(|c| c.messages.get(&ts));
                let parent = parent.ok_or_else(|| Refused::NoSuchMessage(ts.to_string()))?;
                Some(parent.thread_ts.unwrap_or(ts))
            }
            None => None,
        };
        let (text, block) = text::typed(&self.world, words);
        let ts = self.world.next_ts();
        Ok(self.post(Message {
            ts,
            channel,
            user,
            text,
            blocks: vec![block],
            thread_ts: thread,
            client_msg_id: Some(uuid::Uuid::new_v4().to_string()),
            ..Message::default()
        }))
    }

    /// A channel by name or id; `@otus` is the speaker's direct conversation with the bot, made when needed.
    fn conversation(&mut self, user: &str, channel: &str) -> Result<String, Refused> {
        if channel.strip_prefix('@') == Some(self.world.app.name.as_str()) {
            return Ok(self.world.direct(&[user.to_owned()]).0);
        }
        let known = self.world.known_channel(channel)?;
        if known.is_archived {
            return Err(Refused::NotAllowed(format!("{channel} is archived")));
        }
        Ok(known.id.clone())
    }

    /// A person says something privately to the bot.
    pub(crate) fn dm(&mut self, user: &str, words: &str) -> Result<Ts, Refused> {
        let bot = format!("@{}", self.world.app.name);
        self.say(user, &bot, words, None)
    }

    /// The author changes their message.
    pub(crate) fn edit(&mut self, ts: Ts, words: &str) -> Result<(), Refused> {
        let message = self
            .world
            .message(ts)
            .ok_or_else(|| Refused::NoSuchMessage(ts.to_string()))?;
        let editor = message.user.clone();
        let (text, block) = text::typed(&self.world, words);
        let change = Change {
            text: Some(text),
            blocks: Some(vec![block]),
            editor: Some(editor),
            ..Change::default()
        };
        self.change(ts, change);
        Ok(())
    }

    /// Somebody deletes a message.
    pub(crate) fn delete(&mut self, ts: Ts) -> Result<(), Refused> {
        let message = self
            .world
            .message(ts)
            .ok_or_else(|| Refused::NoSuchMessage(ts.to_string()))?;
        let channel = message.channel.clone();
        self.remove(&channel, ts);
        Ok(())
    }

    /// A person reacts, or takes it back.
    pub(crate) fn react_as(&mut self, user: &str, ts: Ts, name: &str, add: bool) -> Result<bool, Refused> {
        let user = self.world.known_user(user)?.id.clone();
        if self.world.message(ts).is_none() {
            return Err(Refused::NoSuchMessage(ts.to_string()));
        }
        Ok(self.react(ts, &user, name.trim_matches(':'), add))
    }

    /// Somebody comes into a channel, or leaves it.
    pub(crate) fn move_in(&mut self, user: &str, channel: &str, joins: bool) -> Result<(), Refused> {
        let user = self.world.known_user(user)?.id.clone();
        let id = self.world.known_channel(channel)?.id.clone();
        let Some(place) = self.world.channels.get_mut(&id) else {
            return Ok(());
        };
        let changed = if joins {
            place.members.insert(user.clone())
        } else {
            place.members.remove(&user)
        };
        if changed {
            self.membership(&user, &id, joins);
        }
        Ok(())
    }

    /// Tells the app who came or left.
    pub(crate) fn membership(&mut self, user: &str, channel: &str, joined: bool) {
        let Some(place) = self.world.channels.get(channel) else {
            return;
        };
        let about_bot = user == self.world.app.user;
        if !about_bot && !self.world.bot_is_in(place) {
            return;
        }
        let letter = channel.get(0..1).unwrap_or("C").to_owned();
        let event = if !joined && about_bot {
            json!({"type": "channel_left", "channel": channel, "actor_id": user})
        } else {
            let kind = if joined {
                "member_joined_channel"
            } else {
                "member_left_channel"
            };
            json!({
                "type": kind, "user": user, "channel": channel, "channel_type": letter, "team": self.world.team.id,
            })
        };
        let mut event = event;
        event["event_ts"] = Value::String(self.world.next_ts().to_string());
        self.emit_json(event);
    }

    /// Makes a user group, or replaces its members; its id.
    pub(crate) fn set_group(&mut self, handle: &str, users: &[String]) -> Result<String, Refused> {
        let users = users
            .iter()
            .map(|user| self.world.known_user(user).map(|user| user.id.clone()));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        if let Some(group) = self.world.groups.iter_mut().find(|g| g.handle == handle) {
            group.users = users;
            return Ok(group.id.clone());
        }
        let id = super::ids::readable('S', handle, |id| self.world.group(id).is_some());
        self.world.groups.push(Group {
            id: id.clone(),
            handle: handle.into(),
            name: handle.into(),
            users,
        });
        Ok(id)
    }
}
