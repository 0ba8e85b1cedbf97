//! Flags that can go.

use crate::stale::Stale;
use otus::{
    Button, Card, Tone,
    markup::{bold, code},
    phrase,
};

/// More than these are counted.
const MOST: usize = 20;

/// The flags that can go.
pub(crate) fn stale(found: &[Stale], days: u16) -> Card {
    if found.is_empty() {
        return Card::new(Tone::Good, "No flag can go")
            .text(format!("None gives everybody the same for {days} d or longer."));
    }
    let verb = if found.len() == 1 {
        "flag can go"
    } else {
        "flags can go"
    };
    let lines: Vec<String> = found.iter().take(MOST).map(line).collect();
    let more = found.len().saturating_sub(lines.len());
    let mut text = lines.join("\n");
    if more > 0 {
        text.push_str(&format!("\n… and {more} more."));
    }
    if found.iter().any(|stale| !stale.gone) {
        text.push_str("\nTake the flag out of the code first, deploy that, and archive it then.");
    }
    let mut card = Card::new(Tone::Warning, format!("{} {verb}", found.len())).text(text);
    for stale in found.iter().take(3) {
        card = card.button(
            Button::new(
                format!("Archive {}", stale.flag),
                format!("flag archive {}", stale.flag),
            )
            .danger(if stale.gone {
                format!("Is what runs everywhere without {}, too?", stale.flag)
            } else {
                format!("Is {} out of the code, and that deployed?", stale.flag)
            }),
        );
    }
    card
}

fn line(stale: &Stale) -> String {
    let ago = phrase::duration(phrase::between(stale.since, stale.now));
    let gone = if stale.gone {
        "no code names it any more; "
    } else {
        ""
    };
    let given = |given: &Option<String>| match given {
        Some(name) => bold(name),
        None => "not in use".to_owned(),
    };
    let first = stale.gives.first().map(|(_, first)| first);
    let what = if stale.gives.is_empty() {
        // What it gives is said where it matters.
        "as it is".to_owned()
    } else if stale.gives.iter().all(|(_, other)| Some(other) == first) {
        let what = first.map(given).unwrap_or_default();
        format!("{what} for everybody")
    } else {
        let all: Vec<String> = stale
            .gives
            .iter()
            .map(|(place, gives)| format!("{} in {place}", given(gives)))
            .collect();
        all.join(", ")
    };
    let whose = if stale.owner_name.is_empty() {
        String::new()
    } else {
        format!(", {}'s", phrase::inert(&stale.owner_name, 60))
    };
    format!("• {}: {gone}{what} for {ago}{whose}", code(&stale.flag))
}
