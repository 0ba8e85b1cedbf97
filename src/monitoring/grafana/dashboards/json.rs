//! Reading what twenty versions of Grafana have written: a field that is missing, or of another type, is simply not there.

use serde_json::Value;

/// The text at a path of keys; an empty one counts as none.
pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path).as_str().filter(|text| !text.is_empty())
}

/// The number at a path, also where it is written as text.
pub(super) fn number(value: &Value, path: &[&str]) -> Option<f64> {
    let found = at(value, path);
    let read = || found.as_str().and_then(|text| text.trim().parse().ok());
    found
        .as_f64()
        .or_else(read)
        .filter(|number: &f64| number.is_finite())
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Value, path: &[&str]) -> Option<u64> {
    let found = at(value, path);
    let read = || found.as_str().and_then(|text| text.trim().parse().ok());
    found.as_u64().or_else(read)
}

/// Whether something is switched on.
pub(super) fn flag(value: &Value, path: &[&str]) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

/// The elements at a path.
pub(super) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// What is at a path.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| &value[*key])
}

/// One text or several, numbers and switches as their texts.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        other => word(other).into_iter().collect(),
    }
}

/// A text, or a number as its text.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
