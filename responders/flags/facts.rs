//! What is known of a flag beside what it gives: whose it is, what for, and what guards it; and who is who.
//!
//! It is kept here and not in the flag's metadata, which every application and browser is sent.

use crate::{place::FlagName, texts};
use jiff::Timestamp;
use otus::{
    Context, Result, Services, UserId,
    audit::Entry,
    store::{Amended, Store, amend},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The space of flags.
const FACTS: &str = "flags.facts";
/// The space of people.
const PEOPLE: &str = "flags.people";

/// What is known of a flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Whose it is.
    pub(crate) owner: Option<UserId>,
    /// What to call them where no bell should ring.
    #[serde(default)]
    pub(crate) owner_name: String,
    /// What it is for.
    pub(crate) about: Option<String>,
    /// When it was made, if it was made here.
    pub(crate) created: Option<Timestamp>,
    /// Whether code was ever found that names it: only then its code can be gone.
    #[serde(default)]
    pub(crate) used: bool,
    /// What turns it off, by flag set.
    #[serde(default)]
    pub(crate) guards: BTreeMap<String, String>,
}

/// What is known of all flags.
pub(crate) async fn all(store: &dyn Store) -> Result<BTreeMap<String, Facts>> {
    let read = |entry: otus::store::Value| Ok((entry.key, serde_json::from_value(entry.value)?));
    store.entries(FACTS).await?.into_iter().map(read).collect()
}

/// What is known of one.
pub(crate) async fn of(store: &dyn Store, flag: &str) -> Result<Facts> {
    Ok(all(store).await?.remove(flag).unwrap_or_default())
}

/// Changes what is known of one.
pub(crate) async fn change(
    store: &dyn Store,
    flag: &str,
    entries: &[Entry],
    change: impl Fn(&mut Facts),
) -> Result<bool> {
    let written = amend(store, FACTS, flag, entries, |before: Option<Facts>| {
        let before = before.unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            Amended::Stays
        } else {
            Amended::Becomes(after)
        }
    });
    Ok(written.await?)
}

/// Says whose a flag is.
pub(crate) async fn own(cx: &Context, flag: &FlagName, person: &UserId) -> Result {
    let services = cx.services();
    let name = match services.chat().person(person).await {
        Ok(found) => found.name,
        Err(_) => person.to_string(),
    };
    let now = services.store().now().await?;
    let record = Entry::new(now, "flag owner", texts::owner_record(&flag.0, &name)).by(cx.author());
    change(services.store().as_ref(), &flag.0, &[record], |facts| {
        facts.owner = Some(person.clone());
        facts.owner_name.clone_from(&name);
    })
    .await?;
    cx.reply(texts::owned(&flag.0, person)).await
}

/// Says as what the applications know somebody.
pub(crate) async fn know(cx: &Context, person: &UserId, key: &str) -> Result {
    let services = cx.services();
    let now = services.store().now().await?;
    let record = Entry::new(now, "flags know", texts::known_record(person, key)).by(cx.author());
    amend(
        services.store().as_ref(),
        PEOPLE,
        person.as_str(),
        &[record],
        |_: Option<String>| Amended::Becomes(key.to_owned()),
    )
    .await?;
    cx.reply(texts::known(person, key)).await
}

/// As what the applications know somebody, if anybody said.
pub(crate) async fn known_as(services: &Services, person: &UserId) -> Result<Option<String>> {
    let all = services.store().entries(PEOPLE).await?;
    let found = all.into_iter().find(|entry| entry.key == person.as_str());
    Ok(found
        .map(|found| serde_json::from_value(found.value))
        .transpose()?)
}
