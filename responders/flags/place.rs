//! Where and what: environments with their flag sets, and flags that exist.

use crate::texts;
use otus::{Context, Known, Result, Services, UserError};
use otus_flags::{Change, Flags};
use std::{collections::BTreeSet, sync::Arc};

/// The engine.
pub(crate) fn engine(services: &Services) -> Result<Arc<Flags>> {
    Ok(Arc::clone(&*services.resource::<Arc<Flags>>()?))
}

/// An environment, or a flag set of its own: by its name, which is the set's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) String);

impl Known for Place {
    const WHAT: &'static str = "environment";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        if let Some(environment) = services.catalog().environment(raw) {
            return Some(Self(environment.name));
        }
        let sets = engine(services).ok()?.names();
        sets.into_iter()
            .find(|set| set.eq_ignore_ascii_case(raw))
            .map(Self)
    }

    fn candidates(services: &Services) -> Vec<String> {
        all(services)
    }
}

/// A flag that is in some set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagName(pub(crate) String);

impl Known for FlagName {
    const WHAT: &'static str = "flag";

    fn find(raw: &str, services: &Services) -> Option<Self> {
        keys(services).into_iter().find(|key| key == raw).map(Self)
    }

    fn candidates(services: &Services) -> Vec<String> {
        keys(services).into_iter().collect()
    }
}

/// All places: environments in their order, then sets of their own.
pub(crate) fn all(services: &Services) -> Vec<String> {
    let mut all: Vec<String> = services
        .catalog()
        .environments()
        .into_iter()
        .map(|environment| environment.name)
        .collect();
    let sets = engine(services).map(|flags| flags.names()).unwrap_or_default();
    for set in sets {
        if !all.contains(&set) {
            all.push(set);
        }
    }
    all
}

/// The keys of all flags.
pub(crate) fn keys(services: &Services) -> BTreeSet<String> {
    let Ok(flags) = engine(services) else {
        return BTreeSet::new();
    };
    let sets = flags.names().into_iter().filter_map(|name| flags.set(&name));
    sets.flat_map(|live| {
        let keys: Vec<String> = live.kept().document.flags.keys().cloned().collect();
        keys
    })
    .collect()
}

/// The places that have a flag, in order.
pub(crate) fn with(services: &Services, key: &str) -> Result<Vec<String>> {
    let flags = engine(services)?;
    let has = |place: &String| {
        flags
            .set(place)
            .is_some_and(|live| live.kept().document.flags.contains_key(key))
    };
    Ok(all(services).into_iter().filter(has).collect())
}

/// The place that is meant: the one that was said, else the first environment, or the only one that has the flag.
pub(crate) fn meant(cx: &Context, key: &str, said: Option<Place>) -> Result<String> {
    if let Some(Place(place)) = said {
        return Ok(place);
    }
    let (all, with) = (all(cx.services()), with(cx.services(), key)?);
    match (all.first(), with.as_slice()) {
        (_, [only]) => Ok(only.clone()),
        (Some(first), _) => Ok(first.clone()),
        (None, _) => Err(UserError::new(
            "There is no environment, so there is nowhere to have flags: write for example `[environments.production]` into the configuration.",
        )
        .into()),
    }
}

/// The record of a flag in a set, newest first. What whoever else keeps the set says instead is for people.
pub(crate) async fn history(flags: &Flags, set: &str, flag: &str, most: u32) -> Result<Vec<Change>> {
    match flags.history(set, Some(flag), most).await {
        Err(error) if flags.away(set).is_some() => Err(texts::keeper_silent(&error.to_string()).into()),
        found => Ok(found?),
    }
}

/// Whether a place is an environment, of which policy and locks know.
pub(crate) fn environment(services: &Services, place: &str) -> Option<String> {
    services
        .catalog()
        .environment(place)
        .map(|environment| environment.name)
}
