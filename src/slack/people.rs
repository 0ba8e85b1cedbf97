//! Who is who and where is where: people, user groups and channels, remembered for a while.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use otus_core::{UserId, chat::Person};
use serde::Deserialize;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::{SlackError, Web};

/// How long a person's name and time zone are believed.
const PERSON_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a group's members are believed; who left it keeps its rights at most so long.
const GROUPS_FOR: Duration = Duration::from_secs(60);
/// How long a channel's name is believed: rules go by it.
const CHANNEL_FOR: Duration = Duration::from_secs(60);
/// More people or channels than this are forgotten all at once.
const MOST: usize = 10_000;

/// People, user groups and channels.
#[derive(Debug)]
pub(crate) struct People {
    web: Web,
    people: Mutex<HashMap<String, (Instant, Person)>>,
    channels: Mutex<HashMap<String, (Instant, Option<String>)>>,
    /// Held while the groups are fetched, so that many who ask cause one request.
    groups: AsyncMutex<Option<(Instant, Arc<Groups>)>>,
}

#[derive(Debug, Default)]
struct Groups {
    members: HashMap<String, HashSet<String>>,
    handles: HashMap<String, String>,
}

impl People {
    pub(crate) fn new(web: Web) -> Self {
        Self {
            web,
            people: Mutex::default(),
            channels: Mutex::default(),
            groups: AsyncMutex::new(None),
        }
    }

    /// A person's name and time zone.
    pub(crate) async fn person(&self, user: &str) -> Result<Person, SlackError> {
        if let Some((until, person)) = self.people().get(user)
            && *until > Instant::now()
        {
            return Ok(person.clone());
        }
        let Answer { user: found } = self.web.get("users.info", &[("user", user)]).await?;
        let person = found.person(user);
        let mut people = self.people();
        if people.len() >= MOST {
            people.clear();
        }
        people.insert(user.to_owned(), (Instant::now() + PERSON_FOR, person.clone()));
        Ok(person)
    }

    /// The person with this address; nobody when Slack knows none, or when the app may not ask.
    pub(crate) async fn by_email(&self, email: &str) -> Result<Option<UserId>, SlackError> {
        #[derive(Deserialize)]
        struct Answer {
            user: Found,
        }
        #[derive(Deserialize)]
        struct Found {
            id: String,
        }
        match self
            .web
            .get::<Answer>("users.lookupByEmail", &[("email", email)])
            .await
        {
            Ok(Answer { user }) => Ok(Some(user.id.into())),
            Err(SlackError::NotFound { .. }) => Ok(None),
            Err(SlackError::Refused { code, .. }) if code == "users_not_found" => Ok(None),
            Err(error @ SlackError::MissingScope { .. }) => {
                tracing::info!(%error, "nobody can be found by their address");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A channel's name. Nothing for a conversation that has none: direct messages.
    ///
    /// # Errors
    /// What kept it from being known. Old knowledge is not used instead: who asks decides on rights.
    pub(crate) async fn channel(&self, channel: &str) -> Result<Option<String>, SlackError> {
        if let Some((until, name)) = self.channels().get(channel)
            && *until > Instant::now()
        {
            return Ok(name.clone());
        }
        let Info { channel: found } = self
            .web
            .get("conversations.info", &[("channel", channel)])
            .await?;
        let name = found.name.filter(|name| !name.is_empty());
        let mut channels = self.channels();
        if channels.len() >= MOST {
            channels.clear();
        }
        channels.insert(channel.to_owned(), (Instant::now() + CHANNEL_FOR, name.clone()));
        Ok(name)
    }

    /// Whether a person is in a group, named by id or handle. Nothing when there is no such group.
    ///
    /// # Errors
    /// What kept the groups from being known. Old knowledge is not used instead: who asks decides on rights.
    pub(crate) async fn in_group(&self, user: &str, group: &str) -> Result<Option<bool>, SlackError> {
        let groups = self.groups().await?;
        let group = group.trim_start_matches('@');
        let id = groups.handles.get(group).map_or(group, String::as_str);
        Ok(groups.members.get(id).map(|members| members.contains(user)))
    }

    /// Forgets a person who changed.
    pub(crate) fn forget(&self, user: &str) {
        self.people().remove(user);
    }

    /// Forgets the groups, one of which changed.
    pub(crate) async fn forget_groups(&self) {
        *self.groups.lock().await = None;
    }

    async fn groups(&self) -> Result<Arc<Groups>, SlackError> {
        let mut known = self.groups.lock().await;
        if let Some((until, groups)) = known.as_ref()
            && *until > Instant::now()
        {
            return Ok(Arc::clone(groups));
        }
        *known = None;
        let listed: Listed = self
            .web
            .get("usergroups.list", &[("include_users", "true")])
            .await?;
        let mut groups = Groups::default();
        for group in listed.usergroups {
            if group.date_delete == 0 {
                groups.handles.insert(group.handle, group.id.clone());
                groups.members.insert(group.id, group.users.into_iter().collect());
            }
        }
        let groups = Arc::new(groups);
        *known = Some((Instant::now() + GROUPS_FOR, Arc::clone(&groups)));
        Ok(groups)
    }

    fn channels(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Option<String>)>> {
        // As below.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Person)>> {
        // Nothing panics while it holds the lock; if it did, the map would still be whole.
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Info {
    channel: Channel,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    user: User,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct User {
    name: String,
    real_name: Option<String>,
    tz: Option<String>,
    is_bot: bool,
    profile: Profile,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Profile {
    display_name: Option<String>,
    real_name: Option<String>,
}

impl User {
    fn person(self, id: &str) -> Person {
        let names = [
            self.profile.display_name,
            self.profile.real_name,
            self.real_name,
            Some(self.name),
        ];
        let name = names.into_iter().flatten().find(|name| !name.trim().is_empty());
        Person {
            name: name.unwrap_or_else(|| id.to_owned()),
            zone: self.tz,
            robot: self.is_bot,
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    usergroups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    id: String,
    #[serde(default)]
    handle: String,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    date_delete: i64,
}
