//! Everything this responder says.

mod elsewhere;
mod explain;
mod faults;
mod import;
mod list;
mod one;
mod stale;
mod steer;
mod words;

pub(crate) use elsewhere::*;
pub(crate) use explain::*;
pub(crate) use faults::*;
pub(crate) use import::*;
pub(crate) use list::*;
pub(crate) use one::*;
pub(crate) use stale::*;
pub(crate) use steer::*;
pub(crate) use words::*;

use otus::{
    Button, Card, Tone, UserError, UserId,
    markup::{self, bold, code},
    operations::Operation,
    phrase,
};

use crate::guard::Broken;

/// A word that is no group.
pub(crate) fn no_group(word: &str, known: &[String], line: &str) -> UserError {
    let near = otus::suggest::nearest(word, known.iter().map(String::as_str), 2);
    let shown = code(word);
    let mut text = format!("There is no group {shown}.");
    if known.is_empty() {
        text.push_str(" None is configured yet: write for example `[responders.flags.groups.staff]` with `attribute = \"email\"` and `ends_with = \"@example.com\"`.");
    } else if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|name| code(name)).collect();
        text.push_str(&format!(" Did you mean {}?", phrase::either(&near)));
    } else {
        let known: Vec<String> = known.iter().map(|name| code(name)).collect();
        text.push_str(&format!(" There is {}.", phrase::list(&known)));
    }
    text.push_str(&format!(
        " For the one whom applications know as {shown}, say {}.",
        code(&format!("key {word}"))
    ));
    near.iter().fold(UserError::new(text), |error, near| {
        error.instead(line.replace(&format!("for {word}"), &format!("for {near}")))
    })
}

/// Nobody said as what the applications know somebody.
pub(crate) fn nobody_knows(person: &UserId) -> UserError {
    UserError::new(format!(
        "I don't know as what the applications know {}. Tell me once: {}. Or say the key itself: {}.",
        markup::user(person),
        code(&format!("flags know @{person} as <key>")),
        code("for key <key>")
    ))
}

/// Somebody is known as that.
pub(crate) fn known(person: &UserId, key: &str) -> String {
    format!(
        "For flags, {} is the one whom applications know as {}.",
        markup::user(person),
        code(key)
    )
}

/// The same, for the record.
pub(crate) fn known_record(person: &UserId, key: &str) -> String {
    format!("for flags, {person} is {key}")
}

/// Whose it is.
pub(crate) fn owned(flag: &str, person: &UserId) -> String {
    format!(
        "{} is {}'s now: who is told when it can go, and when its guard turns it off.",
        code(flag),
        markup::user(person)
    )
}

/// The same, for the record.
pub(crate) fn owner_record(flag: &str, name: &str) -> String {
    format!("{flag} is owned by {name}")
}

/// A channel hears of it.
pub(crate) fn subscribed(flag: Option<&str>) -> String {
    match flag {
        Some(flag) => format!("I tell this channel when {} changes.", code(flag)),
        None => "I tell this channel when any flag changes.".into(),
    }
}

/// The same, for the record.
pub(crate) fn subscribed_record(flag: Option<&str>) -> String {
    format!("the channel hears of {}", flag.unwrap_or("all flags"))
}

/// A channel hears no more of it.
pub(crate) fn unsubscribed(flag: Option<&str>, changed: bool) -> String {
    let what = flag.map_or_else(|| "flags".to_owned(), code);
    if changed {
        format!("I don't tell this channel of {what} any more.")
    } else {
        format!("This channel is not told of {what} as it is.")
    }
}

/// The same, for the record.
pub(crate) fn unsubscribed_record(flag: Option<&str>) -> String {
    format!("the channel hears no more of {}", flag.unwrap_or("flags"))
}

/// An end that is told in another channel: without the buttons, with who did it.
pub(crate) fn told_elsewhere(card: &Card, operation: &Operation) -> Card {
    let why = operation.reason.as_ref();
    let why = why.map(|why| format!(", because {}", phrase::inert(why, 200)));
    let by = phrase::inert(&operation.name, 60);
    Card {
        footer: Some(format!("by {by}{}", why.unwrap_or_default())),
        ..card.clone()
    }
}

/// Why a guard turned something off, for the history.
pub(crate) fn guard_reason(broken: &Broken<'_>) -> String {
    format!(
        "the guard {} broke: {}, and {} is good",
        broken.guard,
        number(broken.value),
        broken.bound
    )
}

/// The same, for the record.
pub(crate) fn guard_record(broken: &Broken<'_>) -> String {
    format!(
        "{} in {} was turned off: {}",
        broken.flag,
        broken.set,
        guard_reason(broken)
    )
}

/// The same, for people.
pub(crate) fn guard_broke(broken: &Broken<'_>, owner: Option<&UserId>) -> Card {
    let whose = owner.map(|owner| format!(" It is {}'s.", markup::user(owner)));
    Card::new(
        Tone::Bad,
        format!("I turned {} off in {}", bold(broken.flag), bold(broken.set)),
    )
    .text(format!(
        "Its guard {} broke: {}, and {} is good. Everybody gets what it was without it.{}",
        code(broken.guard),
        bold(&number(broken.value)),
        code(broken.bound),
        whose.unwrap_or_default()
    ))
    .button(Button::new(
        "Who changed it",
        format!("flag history {} in {}", broken.flag, broken.set),
    ))
    .button(Button::new(
        "Turn it on again",
        format!("flag undo {} in {}", broken.flag, broken.set),
    ))
}

/// A number as one reads it.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 || value == value.trunc() {
        return format!("{value:.0}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
