//! What is kept: one value for each group, which whoever knows better changes by its revision; and that something is to be told of
//! it, or drawn.
//!
//! It lies in key-value spaces of the store: a group is small, is read whole, and is only ever changed by comparing its revision.

use jiff::{SignedDuration, Timestamp};
use otus::{
    ChannelId, Result, Services, StoreError,
    audit::Entry,
    outbox::{Outbox, Pace},
};

use crate::{House, group::Group, settings::signed};

/// Where the groups are.
const GROUPS: &str = "alerts";
/// Where it is noted that something is to be told.
const MESSAGES: &str = "alerts.messages";
/// Where it is noted that something is to be drawn.
const PICTURES: &str = "alerts.pictures";
/// How often a change is tried again when somebody else made one in between.
const TRIES: usize = 16;

/// All groups; one that cannot be read is logged.
pub(crate) async fn all(services: &Services) -> Result<Vec<Group>, StoreError> {
    let entries = services.store().entries(GROUPS).await?;
    let read = |entry: otus::store::Value| match serde_json::from_value::<Group>(entry.value) {
        Ok(group) => Some(group),
        Err(error) => {
            tracing::error!(%error, key = entry.key, "a group of alerts that another version of me kept cannot be read");
            None
        }
    };
    Ok(entries.into_iter().filter_map(read).collect())
}

/// One of them.
pub(crate) async fn one(services: &Services, id: &str) -> Result<Option<Group>, StoreError> {
    Ok(all(services).await?.into_iter().find(|group| group.id == id))
}

/// What a change makes of a group.
pub(crate) enum Change {
    /// It is so now.
    To(Box<Group>),
    /// Nothing changes.
    None,
    /// It is forgotten.
    Forget,
}

/// Changes a group, however many do that at once, with entries of the audit trail. Answers the group as it is then.
///
/// # Errors
/// When the store cannot be used: then nothing is changed.
pub(crate) async fn change(
    services: &Services,
    id: &str,
    entries: &[Entry],
    mut make: impl FnMut(Option<Group>) -> Change,
) -> Result<Option<Group>, StoreError> {
    for _ in 0..TRIES {
        let known = services.store().entries(GROUPS).await?;
        let known = known.into_iter().find(|entry| entry.key == id);
        let revision = known.as_ref().map_or(0, |entry| entry.revision);
        let group: Option<Group> = known.and_then(|entry| {
            let read = serde_json::from_value(entry.value);
            if let Err(error) = &read {
                // What cannot be read is begun anew: an alert must not get lost over it.
                tracing::error!(%error, key = id, "a group of alerts that another version of me kept cannot be read");
            }
            read.ok()
        });
        let (value, next) = match make(group.clone()) {
            Change::None => return Ok(group),
            Change::Forget => (None, None),
            Change::To(group) => {
                let unkept = |error: serde_json::Error| StoreError::Unavailable(error.to_string());
                (Some(serde_json::to_value(&group).map_err(unkept)?), Some(*group))
            }
        };
        let store = services.store();
        if store.swap(GROUPS, id, revision, value.as_ref(), entries).await? {
            return Ok(next);
        }
    }
    Err(StoreError::Unavailable(format!(
        "the alerts {id} change faster than they can be noted"
    )))
}

/// What is to be told.
pub(crate) fn messages(services: &Services) -> Outbox {
    let pace = Pace {
        gap: SignedDuration::from_millis(500),
        longest: SignedDuration::from_mins(2),
        attempts: 60,
        ..Pace::default()
    };
    Outbox::new(services.store().clone(), MESSAGES, pace)
}

/// What is to be drawn. One drawing may wait for a Prometheus that hangs.
pub(crate) fn pictures(services: &Services) -> Outbox {
    let pace = Pace {
        held: SignedDuration::from_mins(3),
        attempts: 5,
        kept: SignedDuration::from_hours(1),
        ..Pace::default()
    };
    Outbox::new(services.store().clone(), PICTURES, pace)
}

/// The name of what is to be told: a group's episode in a channel.
pub(crate) fn message_key(group: &Group, channel: &ChannelId) -> String {
    format!("{} {} {channel}", group.id, group.episode)
}

/// The group, the episode and the channel of such a name.
pub(crate) fn read_key(key: &str) -> Option<(&str, u64, ChannelId)> {
    let mut parts = key.split(' ');
    let (id, episode, channel) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    Some((id, episode, ChannelId::new(channel)))
}

/// Everything that is to be told of a group is told, and drawn if that is wanted.
pub(crate) async fn tell(house: &House, services: &Services, group: &Group, draw: bool) -> Result<()> {
    let outbox = messages(services);
    let wait = signed(house.settings().wait);
    let wanted = channels(house, group);
    let mut keys: Vec<String> = wanted.iter().map(|channel| message_key(group, channel)).collect();
    // Where it was posted by other routes it goes on, too.
    let own = format!("{} {} ", group.id, group.episode);
    let known = outbox.all().await?.into_iter().map(|standing| standing.key);
    keys.extend(known.filter(|key| key.starts_with(&own)));
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        outbox.add(&key, None, wait).await?;
    }
    if draw {
        pictures(services)
            .add(
                &format!("{} {}", group.id, group.episode),
                None,
                SignedDuration::ZERO,
            )
            .await?;
        house.draw.notify_one();
    }
    house.tell.notify_one();
    Ok(())
}

/// The channels that its alerts go to.
pub(crate) fn channels(house: &House, group: &Group) -> Vec<ChannelId> {
    let mut all: Vec<ChannelId> = Vec::new();
    for alert in group.alerts.values() {
        for (channel, _) in house
            .ready
            .channels(&group.source, &group.receiver, &alert.labels)
        {
            if !all.contains(channel) {
                all.push(channel.clone());
            }
        }
    }
    all
}

/// Whether it is over for so long that nobody needs it any more.
pub(crate) fn is_old(house: &House, group: &Group, now: Timestamp) -> bool {
    let kept = SignedDuration::from_hours(24 * i64::from(house.settings().keep_days));
    group
        .resolved
        .is_some_and(|resolved| now.duration_since(resolved) > kept)
}
