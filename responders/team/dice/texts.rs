//! What people read.

use super::read::Throw;
use otus::{UserError, markup};

/// So many dice are shown one by one.
const SHOWN: usize = 20;

/// `🎲 *9* (3 + 5, and 1)`
pub(crate) fn rolled(throw: &Throw, thrown: &[u32]) -> String {
    let sum: i64 = thrown.iter().map(|die| i64::from(*die)).sum();
    let total = sum + i64::from(throw.plus);
    let mut how = Vec::new();
    if thrown.len() > 1 {
        let dice: Vec<_> = thrown.iter().take(SHOWN).map(u32::to_string).collect();
        let more = thrown.len().saturating_sub(SHOWN);
        let mut dice = dice.join(" + ");
        if more > 0 {
            dice.push_str(&format!(" + … ({more} more)"));
        }
        how.push(dice);
    } else if throw.plus != 0 {
        how.push(sum.to_string());
    }
    if throw.plus != 0 {
        let sign = if throw.plus < 0 { "less" } else { "and" };
        how.push(format!("{sign} {}", throw.plus.unsigned_abs()));
    }
    match how.is_empty() {
        true => format!("🎲 *{total}*"),
        false => format!("🎲 *{total}* ({})", how.join(", ")),
    }
}

/// Which side is up.
pub(crate) fn flipped(heads: bool) -> &'static str {
    match heads {
        true => "🪙 Heads.",
        false => "🪙 Tails.",
    }
}

/// Which one it is.
pub(crate) fn picked(thing: &str, of: usize) -> String {
    format!("🎲 {} (one of {of})", markup::bold(&markup::clean(thing)))
}

/// There is nothing to pick from.
pub(crate) fn one_thing() -> UserError {
    UserError::new(format!(
        "There is one thing to pick from, so there is nothing to pick. Write for example {}.",
        markup::code("pick Ann, Ben or Carl")
    ))
}
