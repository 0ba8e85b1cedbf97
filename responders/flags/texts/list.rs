//! Many flags: the list, and two environments beside each other.

use super::words::short;
use crate::show::Row;
use jiff::Timestamp;
use otus::{
    Button, Card, Tone,
    markup::{bold, code},
    phrase,
};
use otus_flags::Definition;
use std::collections::BTreeMap;

/// More flags than these are counted.
const MOST: usize = 40;

/// The flags.
pub(crate) fn list(
    rows: &[Row],
    places: &[String],
    words: Option<&str>,
    total: usize,
    now: Timestamp,
) -> Card {
    if total == 0 {
        return Card::new(Tone::Neutral, "There is no flag yet").text(format!(
            "Make one: {}. It is off until somebody turns it on.",
            code("flag create new-search: The search that understands typos")
        ));
    }
    if rows.is_empty() {
        let words = code(words.unwrap_or_default());
        return Card::new(
            Tone::Neutral,
            format!("None of the {} has {words} in it", phrase::count(total, "flag")),
        )
        .button(Button::new("All flags", "flags"));
    }
    let title = match words {
        Some(words) => format!(
            "{} of {} with {}",
            rows.len(),
            phrase::count(total, "flag"),
            code(words)
        ),
        None => phrase::count(total, "flag"),
    };
    let lines: Vec<String> = rows.iter().take(MOST).map(|row| line(row, places, now)).collect();
    let more = rows.len().saturating_sub(lines.len());
    let mut text = lines.join("\n");
    if more > 0 {
        text.push_str(&format!("\n… and {more} more: add words to find some."));
    }
    let mut card = Card::new(Tone::Neutral, title).text(text);
    if let [row] = rows {
        card = card.button(Button::new("Show it", format!("flag {}", row.flag)));
    }
    card
}

fn line(row: &Row, places: &[String], now: Timestamp) -> String {
    let held: Vec<String> = row
        .places
        .iter()
        .map(|(place, definition)| format!("{place}: {}", bold(&short(definition, now))))
        .collect();
    let about = row.facts.about.as_ref();
    let about = about.map(|about| format!(" – {}", phrase::inert(about, 60)));
    let nowhere = if held.is_empty() {
        places.join(", ")
    } else {
        String::new()
    };
    format!(
        "• {} {}{nowhere}{}",
        code(&row.flag),
        held.join(" · "),
        about.unwrap_or_default()
    )
}

/// What two places have different.
pub(crate) fn diff(
    one: (&str, &BTreeMap<String, Definition>),
    other: (&str, &BTreeMap<String, Definition>),
) -> Card {
    let mut lines = Vec::new();
    let mut keys: Vec<&String> = one.1.keys().chain(other.1.keys()).collect();
    keys.sort();
    keys.dedup();
    let at = Timestamp::now();
    let mut promote = None;
    for key in &keys {
        let line = match (one.1.get(*key), other.1.get(*key)) {
            (Some(here), Some(there)) if here == there => continue,
            (Some(here), Some(there)) => {
                let (left, right) = (short(here, at), short(there, at));
                if left == right {
                    format!("{left} in both, by other rules")
                } else {
                    format!("{}: {} · {}: {}", one.0, bold(&left), other.0, bold(&right))
                }
            }
            (Some(here), None) => format!("only in {}: {}", one.0, bold(&short(here, at))),
            (None, Some(there)) => format!("only in {}: {}", other.0, bold(&short(there, at))),
            (None, None) => continue,
        };
        if one.1.contains_key(*key) {
            promote.get_or_insert_with(|| (*key).clone());
        }
        lines.push(format!("• {} {line}", code(key)));
    }
    if lines.is_empty() {
        return Card::new(
            Tone::Good,
            format!(
                "{} and {} have the same {}",
                bold(one.0),
                bold(other.0),
                phrase::count(keys.len(), "flag")
            ),
        );
    }
    let count = lines.len();
    let more = count.saturating_sub(MOST);
    lines.truncate(MOST);
    let mut text = lines.join("\n");
    if more > 0 {
        text.push_str(&format!("\n… and {more} more."));
    }
    let verb = if count == 1 { "differs" } else { "differ" };
    let card = Card::new(
        Tone::Neutral,
        format!(
            "{} {verb} between {} and {}",
            phrase::count(count, "flag"),
            bold(one.0),
            bold(other.0)
        ),
    )
    .text(text);
    match promote {
        Some(flag) if count == 1 => card.button(Button::new(
            format!("Promote to {}", other.0),
            format!("flags promote {flag} to {} from {}", other.0, one.0),
        )),
        _ => card,
    }
}

/// What a file of flags is called.
pub(crate) fn exported(set: &str, flags: usize, revision: u64) -> String {
    format!(
        "{} of {set}, revision {revision}, as flagd reads them",
        phrase::count(flags, "flag")
    )
}

/// There is nothing in it.
pub(crate) fn nothing_to_export(set: &str) -> String {
    format!("There are no flags in {} yet.", bold(set))
}
