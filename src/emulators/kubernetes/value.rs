//! Reading and changing JSON objects without a type for each of them.

use serde_json::{Map, Value};

/// The text at a JSON pointer, or nothing's text.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer, or 0.
pub(crate) fn int(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether the value at a JSON pointer is `true`.
pub(crate) fn truth(value: &Value, pointer: &str) -> bool {
    value
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// The items at a JSON pointer.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The object's name.
pub(crate) fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// The object's namespace, empty where it has none.
pub(crate) fn namespace(value: &Value) -> &str {
    text(value, "/metadata/namespace")
}

/// The object's uid.
pub(crate) fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

/// An annotation's value.
pub(crate) fn annotation<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// Makes `value` an object if it is none, and lends its entries.
pub(crate) fn entries(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object just above"),
    }
}

/// Lends the place at `path`, making the objects on the way.
pub(crate) fn place<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Value {
    path.iter()
        .fold(value, |at, key| entries(at).entry(*key).or_insert(Value::Null))
}

/// Sets what is at `path`, making the objects on the way.
pub(crate) fn put(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    *place(value, path) = new.into();
}

/// Sets what is at `path` if nothing is there.
pub(crate) fn default(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    let place = place(value, path);
    if place.is_null() {
        *place = new.into();
    }
}

/// Removes what is at `path`.
pub(crate) fn take(value: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, way) = path.split_last()?;
    let mut at = value;
    for key in way {
        at = at.get_mut(key)?;
    }
    at.as_object_mut()?.remove(*last)
}

/// The uid of the controller that owns the object.
pub(crate) fn controller(value: &Value) -> Option<&str> {
    items(value, "/metadata/ownerReferences")
        .iter()
        .find(|owner| truth(owner, "/controller"))
        .and_then(|owner| owner.get("uid")?.as_str())
}

/// An owner reference that makes `owner` the controller.
pub(crate) fn owned_by(owner: &Value) -> Value {
    serde_json::json!({
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The value as text that does not depend on the order of its keys.
pub(crate) fn canonical(value: &Value) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(map) => {
                let mut keys: Vec<_> = map.keys().collect();
                keys.sort();
                out.push('{');
                for (at, key) in keys.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&Value::String(key.clone()).to_string());
                    out.push(':');
                    write(&map[key], out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write(item, out);
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// A count that may be written as a percentage of `of`; rounded up or down.
pub(crate) fn share(value: Option<&Value>, of: i64, up: bool) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            let hundredfold = percent.saturating_mul(of);
            if up {
                hundredfold.saturating_add(99).div_euclid(100)
            } else {
                hundredfold.div_euclid(100)
            }
        }
        _ => 0,
    }
}
