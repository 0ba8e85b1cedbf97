//! JSON patch (RFC 6902).

use serde_json::Value;

use crate::kubernetes::{
    status::{Answer, ApiError},
    value::text,
};

/// Applies the operations of `patch` in order.
///
/// # Errors
/// What is no patch is 400; an operation that cannot be done, or a test that fails, is 422.
pub(crate) fn patch(target: &mut Value, patch: &Value) -> Answer<()> {
    let operations = patch
        .as_array()
        .ok_or_else(|| ApiError::bad_request("a JSON patch is a list of operations"))?;
    for operation in operations {
        step(target, operation)?;
    }
    Ok(())
}

fn failed(why: impl Into<String>) -> ApiError {
    ApiError::new(
        422,
        "Invalid",
        format!(
            "the server rejected our request due to an error in our request: {}",
            why.into()
        ),
    )
}

fn step(target: &mut Value, operation: &Value) -> Answer<()> {
    let path = text(operation, "/path");
    let value = || {
        operation
            .get("value")
            .cloned()
            .ok_or_else(|| failed("an operation lacks its value"))
    };
    match text(operation, "/op") {
        "add" => add(target, path, value()?),
        "remove" => remove(target, path).map(drop),
        "replace" => {
            let place = target.pointer_mut(path).ok_or_else(|| missing("replace", path))?;
            *place = value()?;
            Ok(())
        }
        "move" => {
            let moved = remove(target, text(operation, "/from"))?;
            add(target, path, moved)
        }
        "copy" => {
            let from = text(operation, "/from");
            let copied = target
                .pointer(from)
                .cloned()
                .ok_or_else(|| missing("copy", from))?;
            add(target, path, copied)
        }
        "test" => {
            let wanted = value()?;
            if target.pointer(path) == Some(&wanted) {
                Ok(())
            } else {
                Err(failed(format!("testing value {path} failed: test failed")))
            }
        }
        other => Err(ApiError::bad_request(format!("Unexpected kind: {other}"))),
    }
}

fn missing(operation: &str, path: &str) -> ApiError {
    failed(format!(
        "{operation} operation does not apply: doc is missing path: {path}: missing value"
    ))
}

fn split(path: &str) -> Answer<(&str, String)> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| missing("add", path))?;
    Ok((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Answer<()> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(last, value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let at = if last == "-" {
                list.len()
            } else {
                last.parse().map_err(|_| missing("add", path))?
            };
            if at > list.len() {
                return Err(missing("add", path));
            }
            list.insert(at, value);
            Ok(())
        }
        _ => Err(missing("add", path)),
    }
}

fn remove(target: &mut Value, path: &str) -> Answer<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&last).ok_or_else(|| missing("remove", path)),
        Some(Value::Array(list)) => match last.parse::<usize>() {
            Ok(at) if at < list.len() => Ok(list.remove(at)),
            _ => Err(missing("remove", path)),
        },
        _ => Err(missing("remove", path)),
    }
}
