//! What there is to choose from when somebody opens the form of a change: what a flag gives, and for whom. Flags and environments are known
//! by their types.

use crate::{
    place,
    settings::Settings,
    texts,
    whom::{self, KEY},
};
use otus::{
    Services,
    form::{Choice, Wanted},
};
use otus_flags::words::{Condition, Served, describe};
use std::collections::BTreeSet;

/// The shares one mostly says.
const SHARES: [u8; 7] = [1, 5, 10, 25, 50, 75, 100];

/// The choices for a parameter; none where it is typed.
pub(crate) fn choices(settings: &Settings, wanted: &Wanted, services: &Services) -> Vec<Choice> {
    let flag = wanted.said.get("name").map(String::as_str);
    match wanted.parameter {
        "gives" => gives(flag, services),
        "whom" => audience(settings, flag, services),
        "guard" => {
            let guards = settings.guards.keys().map(Choice::new);
            guards
                .chain([Choice::new("none").labelled(texts::NO_GUARD)])
                .collect()
        }
        "from" | "to" => SHARES
            .iter()
            .map(|share| Choice::new(share.to_string()))
            .collect(),
        _ => Vec::new(),
    }
}

/// On and off; or the variants of a flag that gives something else. Which flag may not be known yet.
fn gives(flag: Option<&str>, services: &Services) -> Vec<Choice> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let Ok(flags) = place::engine(services) else {
        return Vec::new();
    };
    for set in flags.names() {
        let Some(live) = flags.set(&set) else { continue };
        for (key, definition) in &live.kept().document.flags {
            if flag.is_none_or(|flag| flag == key) && definition.sides().is_none() {
                names.extend(definition.variants.keys().cloned());
            }
        }
    }
    let sides = ["on", "off"].map(Choice::new);
    let switch = names.is_empty() || flag.is_none();
    let sides = sides.into_iter().filter(|_| switch);
    sides.chain(names.into_iter().map(Choice::new)).collect()
}

/// Everybody, groups, whom the flag names already, people, and shares.
fn audience(settings: &Settings, flag: Option<&str>, services: &Services) -> Vec<Choice> {
    let mut all = vec![Choice::new("everybody").labelled(texts::EVERYBODY)];
    all.extend(
        settings
            .groups
            .keys()
            .map(|name| Choice::new(name).labelled(texts::the_group(name))),
    );
    for (attribute, value) in named(flag, services) {
        let (said, label) = if attribute == KEY {
            (format!("key {value}"), texts::the_one(&value))
        } else if value.contains(' ') {
            (format!("{attribute} \"{value}\""), format!("{attribute} {value}"))
        } else {
            (format!("{attribute} {value}"), format!("{attribute} {value}"))
        };
        all.push(Choice::new(said).labelled(label));
    }
    all.extend(
        settings
            .people
            .values()
            .map(|key| Choice::new(format!("key {key}")).labelled(texts::the_one(key))),
    );
    all.extend(
        SHARES
            .iter()
            .take(6)
            .map(|share| Choice::new(format!("{share}%")).labelled(texts::share_of_all(*share))),
    );
    let mut seen = BTreeSet::new();
    all.retain(|choice| seen.insert(choice.value.clone()));
    all
}

/// Attributes and values that a flag's rules name.
fn named(flag: Option<&str>, services: &Services) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let (Some(flag), Ok(flags)) = (flag, place::engine(services)) else {
        return found;
    };
    for set in flags.names() {
        let Some(live) = flags.set(&set) else { continue };
        let Some(definition) = live.kept().document.flags.get(flag) else {
            continue;
        };
        let Served::Cases { cases, .. } = describe(definition).served else {
            continue;
        };
        for case in cases {
            match case.when {
                Condition::OneOf(attribute, values) => {
                    found.extend(values.iter().map(|value| (attribute.clone(), whom::plain(value))));
                }
                Condition::Compare(attribute, otus_flags::words::Sign::Is, value) => {
                    found.insert((attribute, whom::plain(&value)));
                }
                _ => {}
            }
        }
    }
    found
}
