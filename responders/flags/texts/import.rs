//! What is said of a set that gets what is in its file.

use super::told;
use crate::import::Compared;
use otus::{
    Button, Card, Tone, UserError,
    markup::{bold, code},
    phrase,
};
use otus_flags::{Away, EditFault};

/// So many are named; the others are counted.
const MOST: usize = 8;

/// What it becomes.
pub(crate) const AS_IN_THE_FILE: &str = "as it is in the file";

/// The flags of that place are not ours to write whole.
pub(crate) fn keeper_imports(set: &str, away: &Away) -> UserError {
    UserError::new(format!(
        "The flags of {} are in {}, which has an import of its own.",
        bold(set),
        away.keeper
    ))
}

/// No file is configured for it.
pub(crate) fn no_file(set: &str, others: &[String]) -> UserError {
    let mut text = format!(
        "The configuration names no file for the flags of {}: write {} or {} below {}.",
        bold(set),
        code("seed_file = \"…\""),
        code("seed_repository = \"owner/name\""),
        code(&format!("[flags.sets.{set}]"))
    );
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|set| code(set)).collect();
        text.push_str(&format!(" There is one for {}.", phrase::list(&others)));
    }
    let error = UserError::new(text);
    others.iter().fold(error, |error, set| {
        error.instead(format!("flags import {}", set.replace('`', "")))
    })
}

/// It cannot be read.
pub(crate) fn file_not_read(set: &str, why: &str) -> String {
    format!(
        "The file with the flags of {} cannot be taken, so nothing was changed: {}",
        bold(set),
        told(why)
    )
}

/// What is in it makes no sense there.
pub(crate) fn file_not_taken(set: &str, fault: &EditFault) -> String {
    format!(
        "The flags of {} cannot become what is in the file: {fault}.",
        bold(set)
    )
}

/// The plan's title.
pub(crate) fn import_title(set: &str, from: &str) -> String {
    format!("Give {} the flags of {}", bold(set), code(from))
}

/// A flag, in the plan.
pub(crate) fn import_what(key: &str) -> String {
    key.to_owned()
}

/// It is new.
pub(crate) fn not_there_yet() -> String {
    "not there".into()
}

/// A shared rule, in the plan.
pub(crate) fn import_rule(name: &str) -> String {
    format!("the shared rule {name}")
}

/// A note about one of them.
pub(crate) fn of_flag(key: &str, note: &str) -> String {
    format!("{}: {note}", code(key))
}

/// What stays as it is.
pub(crate) fn import_notes(compared: &Compared) -> Vec<String> {
    let mut notes = Vec::new();
    if compared.only_here > 0 {
        let flags = phrase::count(compared.only_here, "flag");
        notes.push(match compared.only_here {
            1 => format!("{flags} of this environment is not in the file, and stays as it is."),
            _ => format!("{flags} of this environment are not in the file, and stay as they are."),
        });
    }
    if !compared.archived.is_empty() {
        notes.push(format!(
            "Archived here, and stays so: {}.",
            named(&compared.archived)
        ));
    }
    notes
}

fn named(keys: &[String]) -> String {
    let mut shown: Vec<String> = keys.iter().take(MOST).map(|key| code(key)).collect();
    if keys.len() > MOST {
        shown.push(format!("{} more", keys.len() - MOST));
    }
    phrase::list(&shown)
}

/// The end, for people.
pub(crate) fn imported(
    set: &str,
    from: &str,
    (new, changed): (&[String], &[String]),
    (revision, listening): (u64, usize),
) -> Card {
    let mut text = Vec::new();
    if !new.is_empty() {
        text.push(format!("• new: {}", named(new)));
    }
    if !changed.is_empty() {
        text.push(format!("• changed: {}", named(changed)));
    }
    text.push(format!("It is revision {revision}, from {}.", code(from)));
    text.extend(super::told_at_once(listening));
    Card::new(Tone::Good, format!("{} has the flags of its file", bold(set)))
        .text(text.join("\n"))
        .button(Button::new("Show them", "flags"))
}

/// The same, for the record.
pub(crate) fn imported_record(set: &str, from: &str) -> String {
    format!("{set} has the flags of {from}")
}

/// Somebody else was quicker.
pub(crate) fn import_moved(set: &str) -> Card {
    Card::new(
        Tone::Warning,
        format!("The flags of {} were changed by somebody else", bold(set)),
    )
    .text("They are not what they were when this was planned, so nothing was done.")
    .button(Button::new("Try again", format!("flags import {set}")))
}

/// The same, for the record.
pub(crate) fn import_moved_record(set: &str) -> String {
    format!("the flags of {set} were changed by somebody else")
}

/// It could not be done.
pub(crate) fn import_failed(set: &str, why: &str) -> Card {
    Card::new(
        Tone::Bad,
        format!("The flags of {} could not be changed", bold(set)),
    )
    .text(told(why))
}
