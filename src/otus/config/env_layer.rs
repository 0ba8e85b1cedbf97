//! The environment as a layer: `OTUS__SLACK__BOT_TOKEN`. A variable is text; what it means depends on the key, so each
//! carries several readings, and the first that the key takes is it.

use super::{
    Fault, Place,
    place::{Path, printable},
    settings::SECTIONS,
};
use config::{ConfigError, Map, Source, Value, ValueKind};
use serde::{Deserialize as _, de::IntoDeserializer as _};
use serde_json::Value as Json;
use std::{collections::BTreeMap, ffi::OsString};

/// What variables begin with.
pub(super) const PREFIX: &str = "OTUS__";

/// A variable, and what it can mean.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    /// What is left to try, the next one last. The one in use is not in it.
    pub(super) readings: Vec<Json>,
    /// Why the first reading was refused.
    pub(super) refused: Option<String>,
}

/// The variables, by the key each sets.
#[derive(Debug, Clone, Default)]
pub(super) struct EnvLayer {
    pub(super) variables: BTreeMap<Path, Variable>,
    chosen: BTreeMap<Path, Json>,
    pub(super) faults: Vec<Fault>,
}

impl EnvLayer {
    /// Reads the variables. `below` is what the files say: it tells the kinds of values and how names are spelled.
    pub(super) fn read(vars: impl IntoIterator<Item = (OsString, OsString)>, below: &Json) -> Self {
        let mut layer = Self::default();
        let mut vars: Vec<_> = vars.into_iter().collect();
        vars.sort();
        for (name, value) in vars {
            let name = name.to_string_lossy().into_owned();
            let Some(keys) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let fault = |path: &[String], message: String| {
                Fault::new(Place::Variable(printable(&name)), path, message)
            };
            let path = spelled(keys, below);
            let Some(section) = path.first().filter(|_| path.iter().all(|key| !key.is_empty())) else {
                let message =
                    "it names no key: write OTUS__SECTION__KEY, with two underscores between".into();
                layer.faults.push(fault(&[], message));
                continue;
            };
            if !SECTIONS.contains(&section.as_str()) {
                let message = super::read::no_such(section, SECTIONS, "section");
                layer.faults.push(fault(&path, message));
                continue;
            }
            if path.len() == 1 {
                let message = format!(
                    "{section} is a section: write {PREFIX}{}__KEY",
                    section.to_uppercase()
                );
                layer.faults.push(fault(&path, message));
                continue;
            }
            let Ok(value) = value.into_string() else {
                layer
                    .faults
                    .push(fault(&path, "its value is not UTF-8 text".into()));
                continue;
            };
            if let Some(other) = layer
                .variables
                .keys()
                .find(|other| within(other, &path) || within(&path, other))
            {
                let message = format!("it contradicts {}", layer.variables[other].name);
                layer.faults.push(fault(&path, message));
                continue;
            }
            let mut readings = readings(&value, at(below, &path));
            readings.reverse();
            // There is always one: the text itself.
            let first = readings.pop().unwrap_or(Json::String(value));
            layer.chosen.insert(path.clone(), first);
            layer.variables.insert(
                path,
                Variable {
                    name: printable(&name),
                    readings,
                    refused: None,
                },
            );
        }
        layer
    }
}

fn within(outer: &Path, inner: &Path) -> bool {
    inner.starts_with(outer)
}

/// A variable's words as keys: spelled as the files spell them, else in small letters.
fn spelled(keys: &str, below: &Json) -> Path {
    let mut here = Some(below);
    keys.split("__")
        .map(|word| {
            let plain = |key: &str| key.to_lowercase().replace('-', "_");
            let table = here.and_then(Json::as_object);
            let known = table.and_then(|table| table.keys().find(|key| plain(key) == plain(word)));
            let key = known.cloned().unwrap_or_else(|| word.to_lowercase());
            here = table.and_then(|table| table.get(&key));
            key
        })
        .collect()
}

fn at<'a>(tree: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(tree, |here, key| here.get(key))
}

/// What a text can mean, the likeliest first.
fn readings(text: &str, default: Option<&Json>) -> Vec<Json> {
    let exact = Json::String(text.to_owned());
    let guess = text
        .trim()
        .parse::<toml_edit::Value>()
        .ok()
        .filter(|value| !value.is_str() && !value.is_datetime())
        .and_then(|value| Json::deserialize(value.into_deserializer()).ok())
        .filter(|value| !value.is_null());
    let list: Vec<Json> = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(Json::from)
        .collect();
    let list = Json::Array(list);
    let mut all = Vec::new();
    match default {
        Some(Json::String(_)) => {
            all.push(exact);
            all.extend(guess);
        }
        Some(Json::Array(_)) => {
            all.extend(guess.filter(Json::is_array));
            all.push(list);
            all.push(exact);
        }
        _ => {
            all.extend(guess);
            all.push(exact);
            all.push(list);
        }
    }
    all
}

impl Source for EnvLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut root = Map::new();
        for (path, value) in &self.chosen {
            put(&mut root, path, value);
        }
        Ok(root)
    }
}

fn put(table: &mut Map<String, Value>, path: &[String], value: &Json) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), from_json(value));
        }
        [key, rest @ ..] => {
            let inner = table
                .entry(key.clone())
                .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
            if let ValueKind::Table(inner) = &mut inner.kind {
                put(inner, rest, value);
            }
        }
    }
}

fn from_json(value: &Json) -> Value {
    let kind = match value {
        Json::Null => ValueKind::Nil,
        Json::Bool(truth) => ValueKind::Boolean(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => ValueKind::I64(number),
            (None, Some(number)) => ValueKind::Float(number),
            (None, None) => ValueKind::String(number.to_string()),
        },
        Json::String(text) => ValueKind::String(text.clone()),
        Json::Array(items) => ValueKind::Array(items.iter().map(from_json).collect()),
        Json::Object(table) => ValueKind::Table(
            table
                .iter()
                .map(|(key, value)| (key.clone(), from_json(value)))
                .collect(),
        ),
    };
    Value::new(None, kind)
}
