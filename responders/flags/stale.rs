//! Flags that can go: they give everybody the same for long. Once a week their owners are told.

use crate::{
    facts, place,
    settings::Settings,
    texts,
    used::{self, Code},
};
use jiff::{SignedDuration, Timestamp};
use otus::{
    ChannelId, Post, Result, Services, UserId,
    chat::{Place, Urgency},
    store::{Amended, amend},
};
use otus_flags::{ChangeKind, Definition, State, words::Served};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How often it is looked whether it is time.
const EVERY: Duration = Duration::from_secs(600);
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// The space of when people were last told.
const REMINDED: &str = "flags.reminded";
/// So many changes are looked through for one of the flag's own.
const RECENT: u32 = 20;

/// A flag that can go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stale {
    pub(crate) flag: String,
    /// What everybody gets, by place; nothing where the code decides.
    pub(crate) gives: Vec<(String, Option<String>)>,
    pub(crate) since: Timestamp,
    /// No code names it any more.
    pub(crate) gone: bool,
    pub(crate) now: Timestamp,
    pub(crate) owner: Option<UserId>,
    pub(crate) owner_name: String,
}

/// What everybody gets, if that is one thing and stays so: nothing where the code decides.
fn settled(definition: &Definition, now: i64) -> Option<Option<String>> {
    if definition.state == State::Disabled {
        return Some(None);
    }
    match otus_flags::words::describe(definition).served {
        Served::Default => Some(definition.default_variant.clone()),
        Served::Variant(name) => Some(Some(name)),
        Served::Ramp(ramp) if ramp.end <= now => match ramp.to {
            100 => Some(Some(ramp.variant)),
            0 => Some(Some(ramp.other)),
            _ => None,
        },
        _ => None,
    }
}

/// The flags that give everybody the same for so long, in every place, and those whose code is gone; the oldest first. So many are looked for
/// in the code, of those of which nobody knows.
pub(crate) async fn find(
    services: &Services,
    settings: &Settings,
    code: &Code,
    mut most: usize,
) -> Result<Vec<Stale>> {
    let flags = place::engine(services)?;
    let store = services.store().as_ref();
    let now = store.now().await?;
    let facts = facts::all(store).await?;
    let mut found = Vec::new();
    for flag in place::keys(services) {
        let mut gives = Vec::new();
        let mut since: Option<Timestamp> = None;
        let places = place::with(services, &flag)?;
        for set in &places {
            let Some(live) = flags.set(set) else { continue };
            let Some(definition) = live.kept().document.flags.get(&flag) else {
                continue;
            };
            let changes = match flags.history(set, Some(&flag), RECENT).await {
                // Nobody knows since when, so it is not counted.
                Err(_) if flags.away(set).is_some() => break,
                found => found?,
            };
            let last = changes.iter().find(|change| change.kind != ChangeKind::Rule);
            since = since.max(last.map(|change| change.at));
            gives.extend(settled(definition, now.as_second()).map(|given| (set.clone(), given)));
        }
        let Some(since) = since else { continue };
        let known = facts.get(&flag).cloned().unwrap_or_default();
        let same = gives.len() == places.len();
        let long =
            now.duration_since(since) >= SignedDuration::from_hours(24 * i64::from(settings.stale_days));
        let used = code.look_some(services, &flag, &mut most).await;
        if let Some(used) = used.as_ref().filter(|used| used.total > 0 && !known.used) {
            used::remember(services, &flag, used).await?;
        }
        // A flag is often made before its code is there, so it has to have been seen once, or be old.
        let gone = used.is_some_and(|used| used.is_nowhere()) && (known.used || long);
        if !(gone || same && long) {
            continue;
        }
        if !same {
            gives.clear();
        }
        found.push(Stale {
            flag,
            gives,
            since,
            gone,
            now,
            owner: known.owner,
            owner_name: known.owner_name,
        });
    }
    found.sort_by_key(|stale| stale.since);
    Ok(found)
}

/// When people were last told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reminded {
    at: Timestamp,
}

/// Tells once a week, until the robot stops.
pub(crate) async fn remind(services: &Services, settings: &Settings, code: &Code) {
    loop {
        if let Err(error) = look(services, settings, code).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "nobody could be told of flags that can go; it is tried again"
            );
        }
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn look(services: &Services, settings: &Settings, code: &Code) -> Result<()> {
    let store = services.store().as_ref();
    let now = store.now().await?;
    let due = |last: &Option<Reminded>| {
        last.as_ref()
            .is_none_or(|last| now.duration_since(last.at) >= WEEK)
    };
    let last: Option<Reminded> = store
        .recall(REMINDED, "last")
        .await?
        .map(serde_json::from_value)
        .transpose()?;
    if !due(&last) {
        return Ok(());
    }
    let found = find(services, settings, code, used::MANY).await?;
    if found.is_empty() {
        return Ok(());
    }
    // Of several robots one says it.
    let mine = amend(store, REMINDED, "last", &[], |last: Option<Reminded>| {
        if due(&last) {
            Amended::Becomes(Reminded { at: now })
        } else {
            Amended::Stays
        }
    });
    if !mine.await? {
        return Ok(());
    }
    let mut owners: BTreeMap<UserId, Vec<Stale>> = BTreeMap::new();
    for stale in &found {
        if let Some(owner) = &stale.owner {
            owners.entry(owner.clone()).or_default().push(stale.clone());
        }
    }
    for (owner, theirs) in owners {
        match services.chat().direct(&owner).await {
            Ok(channel) => post(services, channel, &theirs, settings, now).await,
            Err(error) => tracing::warn!(%error, %owner, "the owner of flags that can go cannot be told"),
        }
    }
    if let Some(channel) = &settings.channel {
        post(services, channel.clone(), &found, settings, now).await;
    }
    Ok(())
}

async fn post(services: &Services, channel: ChannelId, found: &[Stale], settings: &Settings, now: Timestamp) {
    let post = Post::from(texts::stale(found, settings.stale_days))
        .keyed(format!("flags-stale-{}-{channel}", now.as_second()));
    let place = Place::channel(channel.clone());
    if let Err(error) = services.chat().post(&place, &post, Urgency::More).await {
        tracing::warn!(%error, %channel, "nobody could be told of flags that can go");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_flags::{Growth, Whom};

    #[test]
    fn what_gives_everybody_the_same_is_settled() {
        let off = Definition::switch(false);
        assert_eq!(settled(&off, 0), Some(Some("off".into())));
        assert_eq!(
            settled(&off.give("on", &Whom::Key("ann".into())).unwrap(), 0),
            None
        );
        assert_eq!(settled(&off.give("on", &Whom::Percent(50)).unwrap(), 0), None);
        let growth = |to| Growth {
            variant: "on".into(),
            from: 0,
            to,
            seconds: 3_600,
        };
        let ramp = off.grow(&growth(100), 1_000).unwrap();
        assert_eq!(settled(&ramp, 2_000), None);
        assert_eq!(settled(&ramp, 4_600), Some(Some("on".into())));
        assert_eq!(settled(&off.grow(&growth(50), 1_000).unwrap(), 9_000), None);
        let unused = Definition {
            state: State::Disabled,
            ..off
        };
        assert_eq!(settled(&unused, 0), Some(None));
    }
}
