//! What people read.

use super::{Standup, Turn};
use jiff::civil::Date;
use otus::{Button, Card, Tone, UserError, markup};

fn day(day: Date) -> String {
    day.strftime("%A %-d %B").to_string()
}

/// All that was said.
pub(crate) fn card(standup: &Standup) -> Card {
    let missing: Vec<_> = standup.missing().map(markup::user).collect();
    let tone = match (standup.people.is_empty(), missing.is_empty()) {
        (false, true) => Tone::Good,
        _ => Tone::Neutral,
    };
    let mut card = Card::new(tone, format!("Standup, {}", day(standup.day)));
    for said in &standup.said {
        card = card.text(turn(said));
    }
    if standup.said.is_empty() {
        card = card.text("What is done, what is next, and is anything in the way?");
    }
    if !missing.is_empty() {
        card = card.text(format!("Still to come: {}", missing.join(" ")));
    }
    card.button(Button::new("My turn", "standup update").primary())
}

fn turn(turn: &Turn) -> String {
    let mut lines = vec![
        format!("{} ✔ {}", markup::user(&turn.who), markup::clean(&turn.done)),
        format!("→ {}", markup::clean(&turn.next)),
    ];
    if let Some(blocked) = &turn.blocked {
        lines.push(format!("⛔ {}", markup::clean(blocked)));
    }
    lines.join("\n")
}

/// It goes on further down.
pub(crate) fn moved(at: Date) -> Card {
    Card::new(Tone::Neutral, format!("Standup, {}", day(at))).text("It goes on further down.")
}

/// For whoever said theirs, alone.
pub(crate) fn thanks(standup: &Standup) -> String {
    match standup.missing().count() {
        0 => "Thank you. Say it again to change it.".to_owned(),
        1 => "Thank you; one more to come. Say it again to change it.".to_owned(),
        more => format!("Thank you; {more} more to come. Say it again to change it."),
    }
}

/// It takes too long to read.
pub(crate) fn too_long(long: usize, longest: usize) -> UserError {
    UserError::new(format!(
        "That has {long} characters; in a standup nobody says more than {longest} about one thing."
    ))
}

/// The message would be too long.
pub(crate) fn full(most: usize) -> UserError {
    UserError::new(format!(
        "{most} people have said theirs; more do not fit into one standup."
    ))
}
