//! Strategic merge patch: lists merge by key, and `$`-directives delete, replace, and order.

use serde_json::{Map, Value};

use crate::kubernetes::{
    schema,
    status::{Answer, ApiError},
};

/// Merges `patch` into `target`.
///
/// # Errors
/// A patch of the wrong shape is a 400.
pub(crate) fn merge(target: &mut Value, patch: &Value) -> Answer<()> {
    let patch = patch
        .as_object()
        .ok_or_else(|| ApiError::bad_request("a merge patch is an object"))?;
    let mut map = std::mem::take(target).as_object().cloned().unwrap_or_default();
    merge_map(&mut map, patch)?;
    *target = Value::Object(map);
    Ok(())
}

fn merge_map(target: &mut Map<String, Value>, patch: &Map<String, Value>) -> Answer<()> {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = plain(patch);
            return Ok(());
        }
        Some("delete") => {
            target.clear();
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("Unknown patch directive: {other}"))),
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(list) = target.get_mut(field).and_then(Value::as_array_mut) {
                list.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // The order and what is kept are settled when the fields are merged.
        } else if value.is_null() {
            target.remove(key);
        } else {
            merge_field(target, key, value)?;
        }
    }
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        target.retain(|key, _| keep.iter().any(|kept| kept.as_str() == Some(key)));
    }
    for (key, order) in patch {
        if let (Some(field), Some(order)) = (key.strip_prefix("$setElementOrder/"), order.as_array())
            && let Some(list) = target.get_mut(field).and_then(Value::as_array_mut)
        {
            sort(field, list, order);
        }
    }
    Ok(())
}

fn merge_field(target: &mut Map<String, Value>, key: &str, value: &Value) -> Answer<()> {
    match value {
        Value::Object(patch) => {
            let place = target.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(below) = place {
                merge_map(below, patch)?;
            }
        }
        Value::Array(patch) => {
            let old = target
                .get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let merged = match schema::merge_key(key, [&old, patch]) {
                Some(by) => merge_list(old, patch, by)?,
                None if schema::merges_values(key) => {
                    let mut all = old;
                    all.extend(
                        patch
                            .iter()
                            .filter(|item| !all.contains(item))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                    all
                }
                None => patch.clone(),
            };
            target.insert(key.to_owned(), Value::Array(merged));
        }
        _ => {
            target.insert(key.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn merge_list(old: Vec<Value>, patch: &[Value], by: &str) -> Answer<Vec<Value>> {
    let replace = patch
        .iter()
        .any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace"));
    let mut list = if replace { Vec::new() } else { old };
    for item in patch {
        let directive = item.get("$patch").and_then(Value::as_str);
        if directive == Some("replace") {
            continue;
        }
        let map = item
            .as_object()
            .ok_or_else(|| ApiError::bad_request("an item of a merged list is an object"))?;
        let Some(key) = map.get(by) else {
            return Err(ApiError::bad_request(format!(
                "map: {item} does not contain declared merge key: {by}"
            )));
        };
        let at = list.iter().position(|old| old.get(by) == Some(key));
        match (directive, at) {
            (Some("delete"), Some(at)) => {
                list.remove(at);
            }
            (Some("delete"), None) => {}
            (_, Some(at)) => {
                if let Value::Object(old) = &mut list[at] {
                    merge_map(old, map)?;
                }
            }
            (_, None) => list.push(Value::Object(plain(map))),
        }
    }
    Ok(list)
}

/// The patch as a value: its directives and nulls are not data.
fn plain(patch: &Map<String, Value>) -> Map<String, Value> {
    fn clean(value: &Value) -> Value {
        match value {
            Value::Object(map) => Value::Object(plain(map)),
            Value::Array(list) => list
                .iter()
                .filter(|item| item.get("$patch").is_none())
                .map(clean)
                .collect(),
            other => other.clone(),
        }
    }
    patch
        .iter()
        .filter(|(key, value)| !key.starts_with('$') && !value.is_null())
        .map(|(key, value)| (key.clone(), clean(value)))
        .collect()
}

/// Sorts by the given order; what it does not name keeps its place relative to the item before it.
fn sort(field: &str, list: &mut Vec<Value>, order: &[Value]) {
    let key = schema::merge_key(field, [list.as_slice(), order]);
    let place = |item: &Value| {
        order.iter().position(|wanted| match key {
            Some(key) => wanted.get(key).is_some() && wanted.get(key) == item.get(key),
            None => wanted == item,
        })
    };
    let mut last = None;
    let mut ranked: Vec<_> = std::mem::take(list)
        .into_iter()
        .map(|item| {
            let at = place(&item);
            let named = at.is_some();
            last = at.or(last);
            (last.map_or(-1, |at| at as i64), !named, item)
        })
        .collect();
    ranked.sort_by_key(|(rank, unnamed, _)| (*rank, *unnamed));
    list.extend(ranked.into_iter().map(|(_, _, item)| item));
}
