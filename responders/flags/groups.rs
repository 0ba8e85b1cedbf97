//! Groups that one can say by a word: shared rules of the flag sets, kept as the configuration has them.

use crate::{place, settings::Settings};
use jiff::Timestamp;
use otus::Services;
use otus_flags::{Author, ChangeError, Edit, EditFault};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Who wants it.
const BY: &str = "the configuration";

/// Writes what differs into the sets that use it.
pub(crate) async fn keep(services: &Services, settings: &Settings) {
    let Ok(flags) = place::engine(services) else {
        return;
    };
    // What is kept by somebody else is not changed without being asked to.
    for set in flags.names().into_iter().filter(|set| flags.away(set).is_none()) {
        for (name, group) in &settings.groups {
            let Ok(rule) = group.rule() else { continue };
            let there = flags.set(&set);
            let used = there
                .as_ref()
                .and_then(|live| live.kept().document.evaluators.get(name));
            if used.is_none_or(|used| *used == rule) {
                continue;
            }
            let edit = Edit::Rule {
                name: name.clone(),
                rule,
            };
            let author = Author {
                by: BY.into(),
                reason: None,
                at: Timestamp::now(),
                operation: None,
            };
            match flags.change(&set, &edit, &author).await {
                Ok(_) => tracing::info!(
                    set,
                    group = name,
                    "a group of flags is as the configuration has it"
                ),
                // Another replica was quicker.
                Err(ChangeError::Edit(EditFault::Same)) => {}
                Err(error) => tracing::warn!(%error, set, group = name, "a group of flags cannot be written"),
            }
        }
    }
}

/// The shared rules that a rule refers to.
pub(crate) fn referred(rule: Option<&Value>) -> BTreeSet<String> {
    fn look(rule: &Value, found: &mut BTreeSet<String>) {
        match rule {
            Value::Array(items) => items.iter().for_each(|item| look(item, found)),
            Value::Object(object) => {
                if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                    found.insert(name.to_owned());
                }
                object.values().for_each(|value| look(value, found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Some(rule) = rule {
        look(rule, &mut found);
    }
    found
}

/// The shared rules that a set still needs for a rule: from the configuration, else from the set that the rule comes from.
pub(crate) fn missing(
    rule: Option<&Value>,
    there: &BTreeMap<String, Value>,
    settings: &Settings,
    from: Option<&BTreeMap<String, Value>>,
) -> BTreeMap<String, Value> {
    let wanted = referred(rule).into_iter().filter_map(|name| {
        let configured = settings.groups.get(&name).and_then(|group| group.rule().ok());
        let rule = configured.or_else(|| from?.get(&name).cloned())?;
        (there.get(&name) != Some(&rule)).then_some((name, rule))
    });
    wanted.collect()
}
