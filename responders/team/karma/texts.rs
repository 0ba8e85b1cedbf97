//! What people read.

use super::{
    Score,
    read::{Vote, Whom},
};
use otus::{Card, Tone, markup};

fn named(score: &Score) -> String {
    match &score.person {
        Some(id) => markup::user(id),
        None => markup::bold(&markup::clean(&score.name)),
    }
}

/// Whoever reads it knows how much it is now.
pub(crate) fn counted(score: &Score, vote: &Vote) -> String {
    let arrow = if vote.up { "⬆" } else { "⬇" };
    let reason = match &vote.reason {
        Some(reason) => format!(", for {}", markup::clean(reason)),
        None => String::new(),
    };
    format!("{arrow} {} has {} karma{reason}.", named(score), score.karma)
}

/// One does not thank oneself.
pub(crate) fn own() -> String {
    "Karma is for others to give.".into()
}

/// The most, the first first.
pub(crate) fn most(all: &[Score], listed: usize) -> Card {
    let mut card = Card::new(Tone::Neutral, "Karma");
    if all.is_empty() {
        return card.text(format!(
            "Nobody has any yet. Say {} or {} where I am.",
            markup::code("@ann++ for the fix"),
            markup::code("coffee++")
        ));
    }
    let lines: Vec<_> = all
        .iter()
        .take(listed)
        .enumerate()
        .map(|(at, score)| format!("{}. {}  {}", at + 1, named(score), score.karma))
        .collect();
    card = card.text(lines.join("\n"));
    // Below the first ones, whoever has the least.
    let least: Vec<_> = all
        .iter()
        .skip(listed)
        .rev()
        .take(3)
        .filter(|score| score.karma < 0)
        .map(|score| format!("{} {}", named(score), score.karma))
        .collect();
    if !least.is_empty() {
        card = card.text(format!("The least: {}", least.join(", ")));
    }
    match all.len().saturating_sub(listed) {
        0 => card,
        more => card.footer(format!("{more} more have some")),
    }
}

/// How much one has, and why.
pub(crate) fn one(whom: &Whom, score: &Score) -> String {
    let mut named = Score::default();
    whom.name(&mut named);
    let reasons: Vec<_> = score
        .reasons
        .iter()
        .rev()
        .map(|reason| {
            let arrow = if reason.up { "⬆" } else { "⬇" };
            format!("{arrow} {}", markup::clean(&reason.text))
        })
        .collect();
    let line = format!("{} has {} karma.", self::named(&named), score.karma);
    match reasons.is_empty() {
        true => line,
        false => format!("{line}\n{}", reasons.join("\n")),
    }
}
