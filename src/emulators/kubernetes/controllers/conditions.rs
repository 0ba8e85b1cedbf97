//! Conditions in a status.

use serde_json::{Value, json};

use crate::kubernetes::{
    timing::stamp,
    value::{items, place, text},
};

/// The condition of a type.
pub(crate) fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
}

/// The reason of a condition, or nothing's.
pub(crate) fn reason<'a>(object: &'a Value, kind: &str) -> &'a str {
    find(object, kind)
        .map(|condition| text(condition, "/reason"))
        .unwrap_or_default()
}

/// A new condition.
pub(crate) fn new(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": status,
        "lastUpdateTime": stamp(),
        "lastTransitionTime": stamp(),
        "reason": reason,
        "message": message,
    })
}

/// Sets a condition, unless it is there with the same status and reason; says whether it did.
pub(crate) fn set(object: &mut Value, mut condition: Value) -> bool {
    let kind = text(&condition, "/type").to_owned();
    if let Some(old) = find(object, &kind) {
        if text(old, "/status") == text(&condition, "/status")
            && text(old, "/reason") == text(&condition, "/reason")
        {
            return false;
        }
        if text(old, "/status") == text(&condition, "/status") {
            condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
    }
    remove(object, &kind);
    let list = place(object, &["status", "conditions"]);
    match list.as_array_mut() {
        Some(list) => list.push(condition),
        None => *list = json!([condition]),
    }
    true
}

/// Removes a condition; says whether it was there.
pub(crate) fn remove(object: &mut Value, kind: &str) -> bool {
    let Some(list) = object
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut)
    else {
        return false;
    };
    let before = list.len();
    list.retain(|condition| text(condition, "/type") != kind);
    list.len() != before
}
