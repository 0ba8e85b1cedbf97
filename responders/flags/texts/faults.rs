//! What cannot be done, and what would do instead; what went wrong.

use super::words::variants;
use otus::{
    Button, Card, Tone, UserError,
    markup::{bold, code},
    phrase,
};
use otus_flags::{Definition, EditFault, GiveFault};

/// There is no such guard.
pub(crate) fn no_guard(name: &str, known: &[String], line: &str) -> UserError {
    if known.is_empty() {
        return UserError::new(
            "No guard is configured: write for example `[responders.flags.guards.errors]` with a `query` and a `bound`.",
        );
    }
    let corrected = |near: &str| Some(line.replace(&format!("guard {name}"), &format!("guard {near}")));
    otus::args::unknown("guard", name, known, corrected)
}

/// The flag is elsewhere, or put away.
pub(crate) fn not_there(flag: &str, set: &str, archived: bool, elsewhere: &[String]) -> UserError {
    let (shown, at) = (code(flag), bold(set));
    if archived {
        return UserError::new(format!("{shown} is archived in {at}."))
            .instead(format!("flag restore {flag} in {set}"));
    }
    match elsewhere.first() {
        Some(other) => {
            let places: Vec<String> = elsewhere.iter().map(|place| bold(place)).collect();
            UserError::new(format!(
                "{shown} is not in {at} yet; it is in {}. Bring it there first.",
                phrase::list(&places)
            ))
            .instead(format!("flags promote {flag} to {set} from {other}"))
        }
        None => UserError::new(format!("There is no flag {shown} in {at}."))
            .instead(format!("flag create {flag} in {set}")),
    }
}

/// It gives more than on and off.
pub(crate) fn not_on_or_off(flag: &str, definition: &Definition) -> UserError {
    let first = definition.variants.keys().next().map_or("", String::as_str);
    UserError::new(format!(
        "{} is not on or off: it gives {}. Say which, for example {}.",
        code(flag),
        variants(definition),
        code(&format!("flag {flag} give {first} to 10%"))
    ))
}

/// It has no such variant.
pub(crate) fn no_variant(flag: &str, variant: &str, definition: &Definition, line: &str) -> UserError {
    let known: Vec<String> = definition.variants.keys().cloned().collect();
    let corrected = |near: &str| {
        let (said, meant) = (
            format!("flag {flag} give {variant}"),
            format!("flag {flag} give {near}"),
        );
        Some(line.replacen(&said, &meant, 1))
    };
    otus::args::unknown("variant", variant, &known, corrected)
}

/// A reset is of somebody.
pub(crate) fn reset_whom(flag: &str) -> UserError {
    UserError::new(format!(
        "Say for whom: a group, a person, an attribute. For everybody, say {} or {}.",
        code(&format!("flag {flag} on")),
        code(&format!("flag {flag} off"))
    ))
}

/// There is one already.
pub(crate) fn taken(flag: &str, set: &str) -> UserError {
    UserError::new(format!(
        "There is a flag {} in {} already.",
        code(flag),
        bold(set)
    ))
    .instead(format!("flag {flag}"))
}

/// It cannot be a name.
pub(crate) fn no_name(name: &str) -> UserError {
    UserError::new(format!(
        "{} cannot be a flag's name: it begins with a letter or digit, and has letters, digits and `-` `_` `.` `/`.",
        code(name)
    ))
}

/// From where?
pub(crate) fn promote_from(flag: &str, to: &str) -> UserError {
    UserError::new(format!(
        "From where? Nothing comes before {}. Say {}.",
        bold(to),
        code(&format!("flags promote {flag} to {to} from <environment>"))
    ))
}

/// It is not put away.
pub(crate) fn not_archived(flag: &str) -> String {
    format!("There is no archived flag {}.", code(flag))
}

/// Nobody changed it.
pub(crate) fn never_changed(flag: &str) -> String {
    format!("Nobody has changed {} yet.", code(flag))
}

/// It began so.
pub(crate) fn began_so(flag: &str, set: &str) -> String {
    format!(
        "{} came with the beginning of {}: there is nothing before it.",
        code(flag),
        bold(set)
    )
}

/// It cannot be given so.
pub(crate) fn cannot(fault: &GiveFault) -> UserError {
    UserError::new(format!("This cannot be: {fault}."))
}

/// The set refuses it.
pub(crate) fn refused(flag: &str, fault: &EditFault) -> UserError {
    UserError::new(format!("{} cannot become that: {fault}.", code(flag)))
}

/// Somebody else changed it.
pub(crate) fn moved(flag: &str, set: &str) -> Card {
    Card::new(
        Tone::Warning,
        format!("{} was changed by somebody else in {}", bold(flag), bold(set)),
    )
    .text("It is not what it was when this was planned, so nothing was done there.")
    .button(Button::new("Show it", format!("flag {flag}")))
}

/// The same, for the record.
pub(crate) fn moved_record(flag: &str, set: &str) -> String {
    format!("{flag} was changed by somebody else in {set}")
}

/// It could not be done.
pub(crate) fn failed(flag: &str, set: &str, why: &str) -> Card {
    Card::new(
        Tone::Bad,
        format!("{} could not be changed in {}", bold(flag), bold(set)),
    )
    .text(super::told(why))
    .button(Button::new("Show it", format!("flag {flag}")))
}
