//! Server-side apply: merging a manager's wish into the live object, and finding who disagrees.

use serde_json::{Value, json};

use crate::kubernetes::{
    fields::{Difference, Fields},
    managed::{Entry, Managed, Operation},
    resources::Resource,
    schema::{self, List},
    status::{Answer, ApiError},
    value::name,
};

/// The live object with the wish merged into it, before anybody is asked.
pub(crate) fn merged(
    live: &Value,
    wish: &Value,
    mine: &Fields,
    last: &Fields,
    managed: &Managed,
    me: &Entry,
) -> Value {
    let mut new = live.clone();
    overlay("", &mut new, wish);
    // What I applied before and no longer wish goes, unless somebody else wants it too.
    let others = managed.fields_of_others(me);
    last.minus(mine)
        .minus(&others)
        .sparing(&others)
        .remove_from(&mut new, "");
    new
}

/// Fails where another manager set what would change; with `force`, takes it over.
pub(crate) fn settle(
    res: &Resource,
    live: &Value,
    managed: &mut Managed,
    me: &Entry,
    difference: &Difference,
    force: bool,
) -> Answer<()> {
    let mut conflicts = Vec::new();
    for entry in managed.others_mut(me) {
        let disputed = entry.fields.common(&difference.changed);
        if !disputed.is_empty() {
            conflicts.extend(disputed.paths().into_iter().map(|path| (entry.shown(), path)));
            if force {
                entry.fields = entry.fields.minus(&disputed);
            }
        }
        entry.fields = entry.fields.minus(&difference.removed);
    }
    if conflicts.is_empty() || force {
        Ok(())
    } else {
        Err(conflict(res, live, &conflicts))
    }
}

fn conflict(res: &Resource, live: &Value, conflicts: &[(String, String)]) -> ApiError {
    let message = match conflicts {
        [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
        many => {
            let mut managers: Vec<_> = many.iter().map(|(manager, _)| manager).collect();
            managers.sort();
            managers.dedup();
            let texts: Vec<_> = managers
                .into_iter()
                .map(|manager| {
                    let paths: Vec<_> = many
                        .iter()
                        .filter(|(m, _)| m == manager)
                        .map(|(_, path)| format!("- {path}"))
                        .collect();
                    format!("conflicts with {manager}:\n{}", paths.join("\n"))
                })
                .collect();
            format!("Apply failed with {} conflicts: {}", many.len(), texts.join("\n"))
        }
    };
    let mut error = ApiError::new(409, "Conflict", message);
    let causes: Vec<_> = conflicts
        .iter()
        .map(|(manager, path)| {
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {manager}"),
                "field": path,
            })
        })
        .collect();
    error.details = json!({ "name": name(live), "kind": res.plural, "causes": causes });
    if !res.group.is_empty() {
        error.details["group"] = json!(res.group);
    }
    error
}

/// Who asks, as an entry of managed fields.
pub(crate) fn applier(manager: &str, api_version: &str, subresource: &str, fields: Fields) -> Entry {
    Entry {
        manager: manager.to_owned(),
        operation: Operation::Apply,
        api_version: api_version.to_owned(),
        subresource: subresource.to_owned(),
        time: String::new(),
        fields,
    }
}

fn overlay(field: &str, live: &mut Value, wish: &Value) {
    match (live, wish) {
        (Value::Object(live), Value::Object(wish)) if !schema::atomic_map(field) => {
            for (key, value) in wish {
                if value.is_null() {
                    live.remove(key);
                } else if let Some(below) = live.get_mut(key) {
                    overlay(key, below, value);
                } else {
                    live.insert(key.clone(), value.clone());
                }
            }
        }
        (Value::Array(live), Value::Array(wish)) => {
            let sample = if wish.is_empty() {
                live.as_slice()
            } else {
                wish.as_slice()
            };
            match schema::list(field, sample) {
                List::Keyed(keys) => {
                    for item in wish {
                        let key = schema::item_key(keys, item);
                        match live.iter_mut().find(|old| schema::item_key(keys, old) == key) {
                            Some(old) => overlay("", old, item),
                            None => live.push(item.clone()),
                        }
                    }
                }
                List::Set => {
                    for item in wish {
                        if !live.contains(item) {
                            live.push(item.clone());
                        }
                    }
                }
                List::Atomic => live.clone_from(wish),
            }
        }
        (live, wish) => *live = wish.clone(),
    }
}
