//! What to call people. A name is shown, never a mention: nobody's bell rings because somebody reads the record.

use crate::words::{inert, retold};
use jiff::tz::TimeZone;
use otus::{
    UserId,
    markup::{self, Piece},
    prelude::*,
};
use std::{collections::BTreeMap, time::Duration};

/// How long looking names up may take before ids have to do.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is mentioned in a text.
pub(crate) fn mentioned(text: &str) -> Vec<UserId> {
    markup::pieces(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::User(id) => Some(UserId::new(id)),
            _ => None,
        })
        .collect()
}

/// The names of some people, and the zone of who asks.
pub(crate) struct People {
    names: BTreeMap<UserId, String>,
    robot: String,
    pub(crate) zone: TimeZone,
}

impl People {
    /// Looks them up, as far as the chat tells in time.
    pub(crate) async fn of(cx: &Context, ids: Vec<UserId>) -> Self {
        let mut people = Self {
            names: BTreeMap::new(),
            robot: cx.services().name().to_owned(),
            zone: TimeZone::UTC,
        };
        let asker = cx.person().await;
        people.zone = asker
            .zone
            .and_then(|zone| TimeZone::get(&zone).ok())
            .unwrap_or(TimeZone::UTC);
        people.names.insert(cx.author().clone(), asker.name);
        let look = async {
            for id in ids {
                if !people.names.contains_key(&id)
                    && let Ok(person) = cx.services().chat().person(&id).await
                {
                    people.names.insert(id, person.name);
                }
            }
        };
        if tokio::time::timeout(PATIENCE, look).await.is_err() {
            tracing::debug!("not all names could be found out in time");
        }
        people
    }

    /// What to call somebody; by the id, if nothing better is known.
    pub(crate) fn name(&self, id: &UserId) -> String {
        match self.names.get(id) {
            Some(name) if !name.trim().is_empty() => inert(name, 60),
            _ => inert(id.as_str(), 60),
        }
    }

    /// A text of the robot's own record, retold: see [`retold`].
    pub(crate) fn told(&self, text: &str, most: usize) -> String {
        retold(text, most, &self.zone, |id| self.name(id))
    }

    /// What to call who did something: nobody is the robot itself.
    pub(crate) fn actor(&self, id: Option<&UserId>) -> String {
        id.map_or_else(|| self.robot.clone(), |id| self.name(id))
    }

    #[cfg(test)]
    pub(crate) fn known(names: &[(&str, &str)], zone: &str) -> Self {
        Self {
            names: names
                .iter()
                .map(|&(id, name)| (UserId::new(id), name.to_owned()))
                .collect(),
            robot: "otus".into(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }
}
