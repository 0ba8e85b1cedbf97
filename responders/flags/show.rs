//! What there is to see: the flags, one of them, its history, two environments beside each other, a file.

use crate::{
    facts,
    place::{self, FlagName, Place},
    settings::Settings,
    texts,
    used::{self, Code},
};
use otus::{Context, File, Result, UserError};
use otus_flags::{Away, Change, ChangeKind, Definition};

/// So many changes are shown of a flag.
const LAST: usize = 3;
/// So many are shown of its history.
const HISTORY: u32 = 20;

/// A flag in all places that have it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) flag: String,
    pub(crate) places: Vec<(String, Definition)>,
    pub(crate) facts: facts::Facts,
}

/// `flags`.
pub(crate) async fn list(cx: &Context, words: Option<&str>) -> Result {
    let services = cx.services();
    let flags = place::engine(services)?;
    let mut known = facts::all(services.store().as_ref()).await?;
    let now = services.store().now().await?;
    let places = place::all(services);
    let mut rows = Vec::new();
    for flag in place::keys(services) {
        let mut found = Vec::new();
        for set in &places {
            let live = flags.set(set);
            let definition = live.and_then(|live| live.kept().document.flags.get(&flag).cloned());
            found.extend(definition.map(|definition| (set.clone(), definition)));
        }
        rows.push(Row {
            facts: known.remove(&flag).unwrap_or_default(),
            places: found,
            flag,
        });
    }
    let total = rows.len();
    if let Some(words) = words {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        rows.retain(|row| {
            let about = row.facts.about.as_deref().unwrap_or_default();
            let owner = row.facts.owner.as_ref().map(|owner| format!("@{owner}"));
            let text = format!(
                "{} {about} {} {}",
                row.flag,
                row.facts.owner_name,
                owner.unwrap_or_default()
            );
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        });
    }
    let list = texts::list(&rows, &places, words, total, now);
    cx.reply(texts::kept_elsewhere(list, &away(services, &places)?))
        .await
}

/// `flag x`.
pub(crate) async fn one(cx: &Context, settings: &Settings, code: &Code, FlagName(flag): &FlagName) -> Result {
    let services = cx.services();
    let flags = place::engine(services)?;
    let now = services.store().now().await?;
    let mut places = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    for set in place::with(services, flag)? {
        let Some(live) = flags.set(&set) else { continue };
        if let Some(definition) = live.kept().document.flags.get(flag) {
            places.push((set.clone(), definition.clone()));
        }
        let own = match place::history(&flags, &set, flag, HISTORY).await {
            // What it gives was read before; that it is old is said below.
            Err(_) if flags.away(&set).is_some() => Vec::new(),
            found => found?,
        };
        changes.extend(own.into_iter().filter(|change| change.kind != ChangeKind::Rule));
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    let oldest = changes.last().map(|change| change.at);
    changes.truncate(LAST);
    let row = Row {
        flag: flag.clone(),
        places,
        facts: facts::of(services.store().as_ref(), flag).await?,
    };
    let places: Vec<String> = row.places.iter().map(|(place, _)| place.clone()).collect();
    let mut card = texts::one(&row, &changes, oldest, settings, now);
    if let Some(used) = code.look(services, flag).await {
        used::remember(services, flag, &used).await?;
        card = texts::where_used(card, &used);
    }
    cx.reply(texts::kept_elsewhere(card, &away(services, &places)?))
        .await
}

/// Which of these places are kept by somebody else.
fn away(services: &otus::Services, places: &[String]) -> Result<Vec<(String, Away)>> {
    let flags = place::engine(services)?;
    let found = places
        .iter()
        .filter_map(|place| Some((place.clone(), flags.away(place)?)));
    Ok(found.collect())
}

/// `flag history x`.
pub(crate) async fn history(cx: &Context, flag: &str, place: Option<Place>) -> Result {
    let services = cx.services();
    let flags = place::engine(services)?;
    let sets = match place {
        Some(Place(set)) => vec![set],
        None => place::all(services),
    };
    let mut changes: Vec<Change> = Vec::new();
    for set in &sets {
        let own = place::history(&flags, set, flag, HISTORY).await?;
        let about = |change: &Change| {
            let held = |value: &Option<serde_json::Value>| {
                value
                    .as_ref()
                    .is_some_and(|value| value["flags"].get(flag).is_some())
            };
            change.flag.is_some()
                || change.kind == ChangeKind::Imported && (held(&change.before) || held(&change.after))
        };
        changes.extend(own.into_iter().filter(about));
    }
    if changes.is_empty() {
        let keys: Vec<String> = place::keys(services).into_iter().collect();
        if !keys.iter().any(|key| key == flag) {
            let corrected = |near: &str| Some(format!("flag history {near}"));
            return Err(otus::args::unknown("flag", flag, &keys, corrected).into());
        }
        return Err(UserError::new(texts::never_changed(flag)).into());
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    let now = services.store().now().await?;
    cx.reply(texts::history(flag, &changes, sets.len() > 1, now))
        .await
}

/// `flags diff staging production`.
pub(crate) async fn diff(cx: &Context, Place(one): &Place, Place(other): &Place) -> Result {
    let flags = place::engine(cx.services())?;
    let all = |set: &str| {
        let live = flags.set(set);
        live.map(|live| live.kept().document.flags.clone())
            .unwrap_or_default()
    };
    cx.reply(texts::diff((one, &all(one)), (other, &all(other))))
        .await
}

/// `flags export production`.
pub(crate) async fn export(cx: &Context, Place(set): &Place) -> Result {
    let flags = place::engine(cx.services())?;
    if let Some(away) = flags.away(set) {
        return Err(texts::keeper_exports(set, &away).into());
    }
    let Some(live) = flags.set(set) else {
        return Err(UserError::new(texts::nothing_to_export(set)).into());
    };
    let document = live.kept().document.to_value();
    let text = serde_json::to_string_pretty(&document)?;
    let name = format!("{set}.flagd.json");
    let title = texts::exported(set, live.kept().document.flags.len(), live.kept().revision);
    cx.upload(File {
        name,
        title,
        alt: None,
        comment: None,
        bytes: text.into_bytes(),
    })
    .await
}
