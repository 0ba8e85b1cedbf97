//! Flags that somebody else keeps: where they are, and what cannot be done there.

use otus::{
    Card, UserError,
    markup::{self, bold, code},
    phrase,
};
use otus_flags::Away;

/// What somebody else's program says: names of permissions stay readable, and nothing is marked up.
pub(crate) fn told(why: &str) -> String {
    phrase::cut(&markup::clean(why).replace(['*', '`', '~'], ""), 500)
}

/// Its record cannot be read now.
pub(crate) fn keeper_silent(why: &str) -> UserError {
    UserError::new(format!("{}.", capital(&told(why))))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// It cannot be read now, so nobody knows what a change would change.
pub(crate) fn keeper_away(set: &str, away: &Away, why: &str) -> UserError {
    UserError::new(format!(
        "The flags of {} are in {}, and cannot be read at the moment: {}. So nothing was changed; try it again in a while.",
        bold(set),
        away.keeper,
        told(why)
    ))
}

/// It has no way to say that.
pub(crate) fn keeper_cannot(away: &Away, why: &str) -> UserError {
    UserError::new(format!("{} cannot do that: {}.", away.keeper, told(why)))
}

/// It is in all of them, or in none.
pub(crate) fn only_together(flag: &str, away: &Away) -> UserError {
    let places: Vec<String> = away.together.iter().map(|place| bold(place)).collect();
    UserError::new(format!(
        "In {} a flag is made, archived and restored in all environments at once, here in {}: name none of them for {}. To have it in one alone, \
         turn it on or off there.",
        away.keeper,
        phrase::list(&places),
        code(flag)
    ))
}

/// Who has it is computed there.
pub(crate) fn keeper_explains(flag: &str, set: &str, away: &Away) -> UserError {
    UserError::new(format!(
        "The flags of {} are in {}, which computes itself who has {}: its own page shows that (Playground). {} says what the rules are.",
        bold(set),
        away.keeper,
        code(flag),
        code(&format!("flag {flag}"))
    ))
}

/// A file of them comes from there.
pub(crate) fn keeper_exports(set: &str, away: &Away) -> UserError {
    UserError::new(format!(
        "The flags of {} are in {}, which divides people into shares otherwise than flagd: a file for flagd would give others the flag. {} has an \
         export of its own.",
        bold(set),
        away.keeper,
        away.keeper
    ))
}

/// A card, with where its flags are kept when that is not here.
pub(crate) fn kept_elsewhere(card: Card, away: &[(String, Away)]) -> Card {
    let Some((_, first)) = away.first() else {
        return card;
    };
    let places: Vec<String> = away.iter().map(|(place, _)| place.clone()).collect();
    let mut footer = format!("{} in {}", phrase::list(&places), first.keeper);
    if let Some(why) = away.iter().find_map(|(_, away)| away.trouble.as_ref()) {
        footer.push_str(&format!(" – as it was last read: {}", told(why)));
    }
    Card {
        footer: Some(footer),
        ..card
    }
}
