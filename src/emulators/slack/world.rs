//! What there is in the workspace: people, channels, messages, files, views.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::{
    channel::{Channel, Kind},
    error::Refused,
    file::File,
    ids,
    message::Message,
    ts::Ts,
    view::Views,
};

/// The emulated workspace as it is now. Read it by [`super::Workspace::look`] and
/// [`super::Workspace::wait_for`].
#[derive(Debug)]
pub struct World {
    /// The workspace.
    pub team: Team,
    /// The app under test, and its bot user.
    pub app: App,
    pub(crate) base_url: String,
    pub(crate) users: BTreeMap<String, User>,
    user_names: HashMap<String, String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) channels: BTreeMap<String, Channel>,
    channel_names: HashMap<String, String>,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) views: Views,
    last_ts: u64,
    /// The channel of each message, so that none is searched for.
    places: HashMap<Ts, String>,
}

/// A workspace.
#[derive(Clone, Debug, Serialize)]
pub struct Team {
    /// `T…`
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The part before `.slack.com`.
    pub domain: String,
}

/// The app under test.
#[derive(Clone, Debug, Serialize)]
pub struct App {
    /// `A…`
    pub id: String,
    /// `B…`
    pub bot_id: String,
    /// The bot's user id, `U…`.
    pub user: String,
    /// The bot's name.
    pub name: String,
}

/// A person, or the bot.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// `U…`
    pub id: String,
    /// The short name, as after an `@`.
    pub name: String,
    /// The name shown.
    pub real_name: String,
    /// Where mail reaches them; bots have none.
    pub email: Option<String>,
    /// Not a person.
    pub is_bot: bool,
    /// A workspace admin.
    pub is_admin: bool,
    /// Deactivated.
    pub deleted: bool,
    /// IANA name of their time zone.
    pub tz: String,
}

/// A user group.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// `S…`
    pub id: String,
    /// As after an `@`.
    pub handle: String,
    /// Shown name.
    pub name: String,
    /// Ids of the members.
    pub users: Vec<String>,
}

impl World {
    pub(crate) fn new(team: Team, bot: &str, base_url: String) -> Self {
        let user = ids::readable('U', bot, |_| false);
        let app = App {
            id: ids::readable('A', bot, |_| false),
            bot_id: ids::readable('B', bot, |_| false),
            user,
            name: bot.to_owned(),
        };
        let mut world = Self {
            team,
            app,
            base_url,
            users: BTreeMap::new(),
            user_names: HashMap::new(),
            groups: Vec::new(),
            channels: BTreeMap::new(),
            channel_names: HashMap::new(),
            files: BTreeMap::new(),
            views: Views::default(),
            last_ts: 0,
            places: HashMap::new(),
        };
        world.add_user(bot);
        world
    }

    pub(crate) fn next_ts(&mut self) -> Ts {
        let now = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
        self.last_ts = now.max(self.last_ts + 1);
        Ts::from_micros(self.last_ts)
    }

    /// Adds a person to the workspace and its public channels. An existing one is left alone.
    pub(crate) fn add_user(&mut self, name: &str) -> String {
        if let Some(user) = self.user(name) {
            return user.id.clone();
        }
        let is_bot = name == self.app.name;
        let id = if is_bot {
            self.app.user.clone()
        } else {
            ids::readable('U', name, |id| self.users.contains_key(id))
        };
        let mut real_name = name.to_owned();
        if let Some(first) = real_name.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        let user = User {
            id: id.clone(),
            name: name.to_owned(),
            real_name,
            email: (!is_bot).then(|| format!("{name}@{}.example", self.team.domain)),
            is_bot,
            is_admin: false,
            deleted: false,
            tz: "Europe/Berlin".to_owned(),
        };
        self.user_names.insert(name.to_owned(), id.clone());
        self.users.insert(id.clone(), user);
        for channel in self.channels.values_mut().filter(|c| c.kind == Kind::Public) {
            channel.members.insert(id.clone());
        }
        id
    }

    /// Adds a channel with everybody in it, the bot too. An existing one is left alone.
    pub(crate) fn add_channel(&mut self, name: &str, kind: Kind) -> String {
        let name = name.trim_start_matches('#');
        if let Some(channel) = self.channel_named(name) {
            return channel.id.clone();
        }
        let id = ids::readable('C', name, |id| self.channels.contains_key(id));
        let created = self.next_ts().seconds();
        let mut channel = Channel::new(id.clone(), name, kind, created);
        channel.members.extend(self.users.keys().cloned());
        self.channel_names.insert(name.to_owned(), id.clone());
        self.channels.insert(id.clone(), channel);
        id
    }

    /// The direct conversation of the bot and others, made when it does not exist; and whether it did.
    pub(crate) fn direct(&mut self, users: &[String]) -> (String, bool) {
        let mut members: BTreeSet<String> = users.iter().cloned().collect();
        members.insert(self.app.user.clone());
        let key = members.iter().map(String::as_str).collect::<Vec<_>>().join("+");
        if let Some(id) = self.channel_names.get(&key) {
            return (id.clone(), true);
        }
        let kind = if members.len() > 2 { Kind::Mpim } else { Kind::Im };
        let names: Vec<&str> = users
            .iter()
            .filter_map(|u| self.users.get(u))
            .map(|u| u.name.as_str())
            .collect();
        let prefix = if kind == Kind::Im { 'D' } else { 'G' };
        let id = ids::readable(prefix, &names.concat(), |id| self.channels.contains_key(id));
        let name = if kind == Kind::Mpim {
            format!("mpdm-{}-1", names.join("--"))
        } else {
            String::new()
        };
        let created = self.next_ts().seconds();
        let mut channel = Channel::new(id.clone(), &name, kind, created);
        channel.members = members;
        self.channel_names.insert(key, id.clone());
        self.channels.insert(id.clone(), channel);
        (id, false)
    }

    /// A user by id or by name, with or without `@`.
    pub fn user(&self, name_or_id: &str) -> Option<&User> {
        let name = name_or_id.trim_start_matches('@');
        self.users
            .get(name)
            .or_else(|| self.users.get(self.user_names.get(name)?))
    }

    pub(crate) fn user_named(&self, name: &str) -> Option<&User> {
        self.users.get(self.user_names.get(name)?)
    }

    pub(crate) fn known_user(&self, name: &str) -> Result<&User, Refused> {
        self.user(name).ok_or_else(|| Refused::NoSuchUser {
            name: name.to_owned(),
            known: self
                .users
                .values()
                .map(|u| u.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// A user group by id or by handle.
    pub fn group(&self, handle_or_id: &str) -> Option<&Group> {
        self.groups
            .iter()
            .find(|g| g.id == handle_or_id || g.handle == handle_or_id)
    }

    /// A conversation by id, by name with or without `#`, or (a direct message) by `@name`.
    pub fn channel(&self, name_or_id: &str) -> Option<&Channel> {
        if let Some(channel) = self.channels.get(name_or_id) {
            return Some(channel);
        }
        if let Some(person) = name_or_id.strip_prefix('@') {
            return self.direct_with(person);
        }
        self.channel_named(name_or_id.trim_start_matches('#'))
    }

    pub(crate) fn channel_named(&self, name: &str) -> Option<&Channel> {
        self.channels.get(self.channel_names.get(name)?)
    }

    /// The direct conversation of a person and the bot, if they ever talked.
    pub fn direct_with(&self, person: &str) -> Option<&Channel> {
        let user = &self.user(person)?.id;
        let mut members = [user.as_str(), self.app.user.as_str()];
        members.sort_unstable();
        self.channel_named(&members.join("+"))
    }

    pub(crate) fn known_channel(&self, name: &str) -> Result<&Channel, Refused> {
        self.channel(name).ok_or_else(|| Refused::NoSuchChannel {
            name: name.to_owned(),
            known: self
                .channels
                .values()
                .map(|c| {
                    if c.name.is_empty() {
                        c.id.clone()
                    } else {
                        format!("#{}", c.name)
                    }
                })
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// All conversations.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    /// All users, the bot among them.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// Every message of a channel, oldest first, or none when there is no such channel.
    pub fn messages(&self, channel: &str) -> impl DoubleEndedIterator<Item = &Message> {
        self.channel(channel)
            .into_iter()
            .flat_map(|c| c.messages.values())
    }

    /// The message of that timestamp, wherever it is.
    pub fn message(&self, ts: Ts) -> Option<&Message> {
        self.place(ts)?.messages.get(&ts)
    }

    pub(crate) fn message_mut(&mut self, ts: Ts) -> Option<&mut Message> {
        self.channels
            .get_mut(self.places.get(&ts)?)?
            .messages
            .get_mut(&ts)
    }

    /// The channel a message is in.
    pub fn place(&self, ts: Ts) -> Option<&Channel> {
        self.channels.get(self.places.get(&ts)?)
    }

    pub(crate) fn insert(&mut self, message: Message) {
        if let Some(channel) = self.channels.get_mut(&message.channel) {
            self.places.insert(message.ts, message.channel.clone());
            channel.insert(message);
        }
    }

    pub(crate) fn remove(&mut self, ts: Ts) -> Option<Message> {
        let place = self.places.remove(&ts)?;
        self.channels.get_mut(&place)?.remove(ts)
    }

    /// What answers the message, oldest first.
    pub fn replies(&self, ts: Ts) -> impl Iterator<Item = &Message> {
        self.place(ts).into_iter().flat_map(move |c| c.replies(ts))
    }

    /// Files shared or being uploaded, by id.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The view a person looks at: the top of their stack of modals.
    pub fn view_of(&self, person: &str) -> Option<&Value> {
        self.views.top(&self.user(person)?.id).map(|view| &view.body)
    }

    /// The App Home a person sees.
    pub fn home_of(&self, person: &str) -> Option<&Value> {
        self.views.home(&self.user(person)?.id).map(|view| &view.body)
    }

    pub(crate) fn bot_is_in(&self, channel: &Channel) -> bool {
        channel.members.contains(&self.app.user)
    }
}
