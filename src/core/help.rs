//! What one can say, read from the same values that decide what is matched and who may say it.

use crate::{
    chat::Chat,
    ids::UserId,
    responder::{CommandSpec, Kind, Registration},
    services::Services,
};
use std::collections::BTreeMap;

/// A command in the help of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub spec: &'static CommandSpec,
    /// Why this person may not say it, if so.
    pub denied: Option<String>,
}

/// The commands that have a usage and contain all of the words (in usage, summary, examples, responder), by responder. Commands the
/// person may not say are left out unless `all`.
///
/// The words are compared as they are: nothing anybody writes is ever taken for a pattern.
pub async fn entries(
    services: &Services,
    user: &UserId,
    words: &str,
    all: bool,
) -> BTreeMap<&'static str, Vec<Entry>> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut found: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    let mut decided = BTreeMap::new();
    for spec in services
        .commands()
        .iter()
        .copied()
        .filter(|spec| spec.usage.is_some() && matches(spec, &words))
    {
        let role = spec.role.unwrap_or_default();
        if !decided.contains_key(role) {
            decided.insert(
                role,
                services
                    .roles()
                    .decide(services.chat().as_ref() as &dyn Chat, user, spec)
                    .await,
            );
        }
        let decision = &decided[role];
        if decision.allowed || all {
            let denied = (!decision.allowed).then(|| decision.rule.clone());
            found
                .entry(spec.responder)
                .or_default()
                .push(Entry { spec, denied });
        }
    }
    for entries in found.values_mut() {
        entries.sort_by_key(|entry| entry.spec.usage);
    }
    found
}

/// What a responder is about, by its name.
pub fn about(responder: &str) -> &'static str {
    let all = Registration::all();
    all.iter()
        .find(|registration| registration.spec.name == responder)
        .map_or("", |found| found.spec.about)
}

fn matches(spec: &CommandSpec, words: &[String]) -> bool {
    let kind = if spec.kind == Kind::Hear { "hear" } else { "" };
    let text = [spec.responder, spec.usage.unwrap_or_default(), spec.about, kind]
        .into_iter()
        .chain(spec.examples.iter().copied())
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase();
    words.iter().all(|word| text.contains(word))
}
