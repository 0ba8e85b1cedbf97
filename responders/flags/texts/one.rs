//! One flag: what it gives where, and how it came to that.

use super::{
    steer::{difference, guard_in_words},
    words::{lines, variants},
};
use crate::{settings::Settings, show::Row, used::Used};
use jiff::Timestamp;
use otus::{
    Button, Card, Tone,
    markup::{self, bold},
    phrase,
};
use otus_flags::{Change, ChangeKind, Definition};
use serde_json::Value;

/// More environments than these have no buttons.
const BUTTONS: usize = 3;
/// So many groups have a button.
const GROUPS: usize = 2;
/// More files are counted.
const FILES: usize = 5;

/// One flag.
pub(crate) fn one(
    row: &Row,
    changes: &[Change],
    oldest: Option<Timestamp>,
    settings: &Settings,
    now: Timestamp,
) -> Card {
    let mut card = Card::new(Tone::Neutral, bold(&row.flag));
    if let Some(about) = &row.facts.about {
        card = card.text(phrase::inert(about, 300));
    }
    for (place, definition) in &row.places {
        let mut text = lines(definition, now);
        if let Some(name) = row.facts.guards.get(place) {
            text.push(format!(
                "guarded by {}",
                guard_in_words(name, settings.guards.get(name))
            ));
        }
        card = card.field(place.clone(), text.join("\n"));
    }
    if let Some((_, definition)) = row.places.first()
        && definition.sides().is_none()
    {
        card = card.field("It gives", variants(definition));
    }
    if !row.facts.owner_name.is_empty() {
        card = card.field("Owner", phrase::inert(&row.facts.owner_name, 60));
    }
    if let Some(made) = row.facts.created.or(oldest) {
        let ago = phrase::duration(phrase::between(made, now));
        card = card.field("Age", ago);
    }
    if !changes.is_empty() {
        let last: Vec<String> = changes
            .iter()
            .map(|change| line(change, &row.flag, row.places.len() > 1, now))
            .collect();
        card = card.field("Last changes", last.join("\n"));
    }
    buttons(card, row, settings)
}

/// The same with where its code is.
pub(crate) fn where_used(card: Card, used: &Used) -> Card {
    if used.is_nowhere() {
        return card.field(
            "Where used",
            format!("No code names it, in {}", phrase::list(&used.repositories)),
        );
    }
    if used.total == 0 {
        return card;
    }
    let several = used.repositories.len() > 1;
    let mut lines: Vec<String> = used
        .files
        .iter()
        .take(FILES)
        .map(|(repository, file)| {
            let at = if several {
                format!("{repository}: ")
            } else {
                String::new()
            };
            format!("• {at}{}", markup::link(&file.url, &file.path))
        })
        .collect();
    let more = used.total.saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("… and {} more", phrase::count(more, "file")));
    }
    card.field("Where used", lines.join("\n"))
}

fn buttons(mut card: Card, row: &Row, settings: &Settings) -> Card {
    let flag = &row.flag;
    let several = row.places.len() > 1;
    for (place, definition) in row.places.iter().take(BUTTONS) {
        let label = |what: &str| {
            if several {
                format!("{what} in {place}")
            } else {
                what.to_owned()
            }
        };
        if definition.sides().is_none() {
            continue;
        }
        let all = |side: &str| is_all(definition, side);
        if !all("on") {
            card = card.button(Button::new(label("On"), format!("flag {flag} on in {place}")));
            for group in settings.groups.keys().take(if several { 0 } else { GROUPS }) {
                card = card.button(Button::new(
                    format!("For {group}"),
                    format!("flag {flag} on for {group} in {place}"),
                ));
            }
            card = card.button(Button::new(
                label("25 %"),
                format!("flag {flag} on for 25% in {place}"),
            ));
        }
        if !all("off") {
            let off = Button::new(label("Off"), format!("flag {flag} off in {place}"));
            card = card.button(off.danger(format!("Turn {flag} off for everybody in {place}?")));
        }
    }
    // Without the rest it opens the form.
    card = card.button(Button::new("Change …", format!("change flag {flag}")));
    card.button(Button::new("History", format!("flag history {flag}")))
}

/// Whether everybody gets what is true, or what is false.
fn is_all(definition: &Definition, side: &str) -> bool {
    let name = definition
        .sides()
        .map(|(on, off)| if side == "on" { on } else { off });
    definition.state == otus_flags::State::Enabled
        && definition.targeting.is_none()
        && definition.default_variant.as_deref() == name
}

/// Its history.
pub(crate) fn history(flag: &str, changes: &[Change], several: bool, now: Timestamp) -> Card {
    let lines: Vec<String> = changes
        .iter()
        .take(20)
        .map(|change| line(change, flag, several, now))
        .collect();
    let card = Card::new(
        Tone::Neutral,
        format!("{} of {}", phrase::count(changes.len(), "change"), bold(flag)),
    )
    .text(lines.join("\n"));
    match changes.first() {
        Some(last) => card.button(Button::new(
            "Undo the last",
            format!("flag undo {flag} in {}", last.set),
        )),
        None => card,
    }
}

/// One change, on one line.
fn line(change: &Change, flag: &str, several: bool, now: Timestamp) -> String {
    let ago = phrase::duration(phrase::between(change.at, now));
    let at = if several {
        format!(" in {}", change.set)
    } else {
        String::new()
    };
    let read = |value: &Option<Value>| {
        let value = value.as_ref()?;
        let value = match change.kind {
            ChangeKind::Imported => value["flags"].get(flag)?,
            _ => value,
        };
        Definition::read(value, "").ok()
    };
    let (before, after) = (read(&change.before), read(&change.after));
    let what = match change.kind {
        ChangeKind::Created => "made it".to_owned(),
        ChangeKind::Archived => "archived it".to_owned(),
        ChangeKind::Restored => "restored it".to_owned(),
        ChangeKind::Imported if before.is_none() => "brought it in with the whole set".to_owned(),
        ChangeKind::Changed | ChangeKind::Imported | ChangeKind::Rule => {
            let lines = difference(before.as_ref(), after.as_ref(), change.at);
            match lines.as_slice() {
                [] => "changed its rules, and nobody saw a difference".to_owned(),
                lines => phrase::cut(&lines.join("; "), 300),
            }
        }
    };
    let why = change.reason.as_ref();
    let why = why.map(|why| format!(" – because {}", phrase::inert(why, 120)));
    format!(
        "• {ago} ago{at}, {}: {what}{}",
        phrase::inert(&change.by, 60),
        why.unwrap_or_default()
    )
}
