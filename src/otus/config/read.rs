//! From merged values to types. A fault does not end the reading: what is at fault is put aside, and the rest is read
//! again, until all of it fits. So every fault is told, and what could be read is there.

use super::{
    Fault,
    env_layer::Variable,
    place::{Path, Places, dotted},
    secrets,
};
use otus_core::suggest;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_path_to_error::Segment;
use std::collections::BTreeMap;

/// More faults than this in one section are not told.
const MOST: usize = 200;

/// What a reading needs besides the values.
pub(super) struct Reading<'a> {
    pub(super) places: &'a Places,
    pub(super) variables: &'a mut BTreeMap<Path, Variable>,
    pub(super) faults: &'a mut Vec<Fault>,
}

/// What was found wrong: which value, and in whose words.
#[derive(Default)]
pub(super) struct Complaint {
    pub(super) path: Path,
    pub(super) message: String,
    /// Without this value there is nothing more to find out.
    pub(super) last: bool,
}

impl Reading<'_> {
    /// Reads a section into its type.
    pub(super) fn section<T: DeserializeOwned + Default>(&mut self, section: &str, value: &mut Json) -> T {
        self.read(&[section.to_owned()], value).unwrap_or_default()
    }

    /// Reads what stands in a place into its type; nothing, when that cannot be.
    pub(super) fn read<T: DeserializeOwned>(&mut self, root: &[String], value: &mut Json) -> Option<T> {
        self.until_right(root, value, |value| {
            serde_path_to_error::deserialize::<_, T>(value.clone()).map_err(|error| Complaint {
                path: steps(error.path()),
                message: error.into_inner().to_string(),
                last: false,
            })
        })
    }

    /// Tries until nothing is wrong; nothing, when that cannot be reached.
    pub(super) fn until_right<T>(
        &mut self,
        root: &[String],
        value: &mut Json,
        mut attempt: impl FnMut(&Json) -> Result<T, Complaint>,
    ) -> Option<T> {
        for _ in 0..MOST {
            let complaint = match attempt(value) {
                Ok(right) => return Some(right),
                Err(complaint) => complaint,
            };
            let unknown = quoted(&complaint.message, "unknown field `");
            let mut local = complaint.path;
            if let Some(key) = unknown.filter(|key| local.last().is_none_or(|last| last != key)) {
                local.push(key.to_owned());
            }
            let local = existing(value, local);
            let path: Path = root.iter().chain(&local).cloned().collect();
            let culprit = at_mut(value, &local)
                .map(|culprit| culprit.clone())
                .unwrap_or_default();
            let mut message = told(&complaint.message, &path, &culprit);
            if self.another_reading(&path, &local, value, &message) {
                continue;
            }
            if let Some(first) = self
                .variables
                .get_mut(&path)
                .and_then(|variable| variable.refused.take())
            {
                message = first;
            }
            if !self.follows(&complaint.message, root, &path) {
                self.faults
                    .push(Fault::new(self.places.get(&path), &path, message));
            }
            if complaint.last {
                return None;
            }
            if !remove(value, &local) {
                return None;
            }
        }
        None
    }

    /// Whether a key is only missing, or empty, because its value was at fault and put aside.
    fn follows(&self, message: &str, root: &[String], path: &[String]) -> bool {
        let is_at_fault = |key: String| self.faults.iter().any(|fault| fault.key == key);
        let missing = quoted(message, "missing field `");
        // What a section's own check complains about begins with the key within the section.
        let named = message.split([':', ' ']).next().unwrap_or_default();
        missing.is_some_and(|key| is_at_fault(format!("{}.{key}", dotted(path))))
            || !named.is_empty() && is_at_fault(format!("{}.{named}", dotted(root)))
    }

    /// The value of an environment variable is text that can be meant otherwise.
    fn another_reading(&mut self, path: &Path, local: &[String], value: &mut Json, message: &str) -> bool {
        let Some(variable) = self.variables.get_mut(path) else {
            return false;
        };
        let Some(next) = variable.readings.pop() else {
            return false;
        };
        // The likeliest reading's complaint is the one to tell, if none fits.
        variable.refused.get_or_insert_with(|| message.to_owned());
        match at_mut(value, local) {
            Some(place) => {
                *place = next;
                true
            }
            None => false,
        }
    }
}

/// The steps to a value; within a list they end at the list, which is what has a line.
fn steps(path: &serde_path_to_error::Path) -> Path {
    path.iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// The steps of a path written with dots, along what there is: names may have dots themselves.
pub(super) fn walk(value: &Json, text: &str) -> Path {
    let mut path = Vec::new();
    let (mut here, mut rest) = (value, text);
    while let Some(table) = here.as_object() {
        let known = table
            .iter()
            .filter(|(key, _)| {
                rest.strip_prefix(key.as_str())
                    .is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
            })
            .max_by_key(|(key, _)| key.len());
        let Some((key, inner)) = known else {
            break;
        };
        path.push(key.clone());
        rest = rest[key.len()..].trim_start_matches('.');
        here = inner;
    }
    path
}

/// As much of a path as there is.
fn existing(value: &Json, path: Path) -> Path {
    let mut here = value;
    path.into_iter()
        .map_while(|key| {
            here = here.get(&key)?;
            Some(key)
        })
        .collect()
}

fn at_mut<'a>(value: &'a mut Json, path: &[String]) -> Option<&'a mut Json> {
    path.iter().try_fold(value, |here, key| here.get_mut(key))
}

fn remove(value: &mut Json, path: &[String]) -> bool {
    let Some((key, around)) = path.split_last() else {
        return false;
    };
    at_mut(value, around)
        .and_then(Json::as_object_mut)
        .is_some_and(|table| table.remove(key).is_some())
}

/// Serde's words as a person would say them, without what is secret.
fn told(message: &str, path: &[String], culprit: &Json) -> String {
    if let Some(key) = quoted(message, "unknown field `") {
        let mut known = choices(message);
        if let [section, _] = path {
            known.extend(secrets::file_keys(section));
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return no_such(key, &known, "key");
    }
    if let Some(key) = quoted(message, "missing field `") {
        return format!("the key {key} is missing here");
    }
    if path
        .iter()
        .enumerate()
        .any(|(nth, _)| secrets::is_secret(&path[..=nth]))
    {
        return "its value cannot be used here: a text in quotation marks is expected".into();
    }
    if let Some(word) = quoted(message, "unknown variant `") {
        let known = choices(message);
        let near = suggest::nearest(word, known.iter().map(String::as_str), 1);
        let hint = near
            .first()
            .map(|near| format!("; did you mean \"{near}\"?"))
            .unwrap_or_default();
        return format!(
            "\"{word}\" is not known here; there are: {}{hint}",
            known.join(", ")
        );
    }
    if let Some(text) = culprit
        .as_str()
        .filter(|_| message.contains("friendly") || message.contains("duration"))
    {
        return format!("{text:?} is no duration; write it like \"500ms\", \"10s\", \"5m\" or \"1h 30m\"");
    }
    match (
        message.strip_prefix("invalid type: "),
        message.strip_prefix("invalid value: "),
    ) {
        (Some(rest), _) | (_, Some(rest)) => match rest.rsplit_once(", expected ") {
            Some((_, expected)) => format!("{} is expected, and this is {}", kind(expected), shown(culprit)),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    }
}

/// What serde expects, in words of a configuration.
fn kind(expected: &str) -> String {
    match expected {
        "a string" => "a text in quotation marks".into(),
        "a sequence" => "a list like [\"a\", \"b\"]".into(),
        "a boolean" => "true or false".into(),
        "u8" => "a whole number from 0 to 255".into(),
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more,".into(),
        "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a map" => "a section with keys".into(),
        other if other.starts_with("struct ") => "a section with keys".into(),
        other => other.to_owned(),
    }
}

fn shown(culprit: &Json) -> String {
    match culprit {
        Json::Null => "nothing".into(),
        Json::Object(_) => "a section".into(),
        Json::Array(_) => "a list".into(),
        other => other.to_string(),
    }
}

/// That a name is not known, and which is near.
pub(super) fn no_such(name: &str, known: &[&str], kind: &str) -> String {
    let near = suggest::nearest(name, known.iter().copied(), 1);
    match near.first() {
        Some(near) => format!("there is no such {kind}; did you mean {near}?"),
        None if known.is_empty() => format!("there is no such {kind}; none is expected here"),
        None => format!("there is no such {kind}; there are: {}", known.join(", ")),
    }
}

/// What stands behind a beginning, up to the next backtick.
fn quoted<'a>(message: &'a str, beginning: &str) -> Option<&'a str> {
    message.strip_prefix(beginning)?.split('`').next()
}

/// The names in serde's "expected one of `a`, `b`".
pub(super) fn choices(message: &str) -> Vec<String> {
    let expected = message
        .split_once("expected ")
        .map_or("", |(_, expected)| expected);
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
