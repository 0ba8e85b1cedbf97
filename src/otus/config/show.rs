//! The merged configuration, shown: without secrets, each value with where it came from.

use super::{
    Loaded, Place,
    place::{Path, dotted},
    secrets::{HIDDEN, discreet, is_secret},
    settings::SECTIONS,
};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;

impl Loaded {
    /// As TOML that could be read again (but for the secrets), with a comment behind each value.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::from(
            "# What came together: default < file < environment. Behind each value stands where it came from.\n",
        );
        for section in SECTIONS {
            let path = vec![(*section).to_owned()];
            match self.tree.get(section).and_then(Json::as_object) {
                Some(table) if !table.is_empty() => self.table(&mut text, &path, table),
                _ => {}
            }
        }
        text
    }

    /// As JSON: by key, the value and where it came from.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut all = Map::new();
        for section in SECTIONS {
            if let Some(value) = self.tree.get(section) {
                self.leaves(&mut all, vec![(*section).to_owned()], value);
            }
        }
        Json::Object(all)
    }

    fn table(&self, text: &mut String, path: &Path, table: &Map<String, Json>) {
        let below = |key: &String| -> Path { path.iter().chain([key]).cloned().collect() };
        let mut lines = Vec::new();
        for (key, value) in table.iter().filter(|(_, value)| !value.is_object()) {
            let path = below(key);
            let shown = toml_value(&shown(&path, value));
            let key = dotted(std::slice::from_ref(key));
            lines.push((format!("{key} = {shown}"), self.place(&path)));
        }
        let tables: Vec<_> = table
            .iter()
            .filter_map(|(key, value)| Some((key, value.as_object()?)))
            .collect();
        if !lines.is_empty() || tables.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n[{}]", dotted(path));
            if lines.is_empty() {
                let _ = write!(text, "  # {}", self.place(path));
            }
            text.push('\n');
        }
        let width = lines
            .iter()
            .map(|(line, _)| line.chars().count())
            .max()
            .unwrap_or(0)
            .min(60);
        for (line, place) in lines {
            let _ = writeln!(text, "{line:width$}  # {place}");
        }
        for (key, table) in tables {
            self.table(text, &below(key), table);
        }
    }

    fn leaves(&self, all: &mut Map<String, Json>, path: Path, value: &Json) {
        match value.as_object() {
            Some(table) if !table.is_empty() => {
                for (key, value) in table {
                    let mut path = path.clone();
                    path.push(key.clone());
                    self.leaves(all, path, value);
                }
            }
            _ => {
                let from = self.place(&path);
                all.insert(dotted(&path), json!({"value": shown(&path, value), "from": from}));
            }
        }
    }

    fn place(&self, path: &Path) -> String {
        match self.places.get(path) {
            Place::Variable(name) => name,
            place => place.to_string(),
        }
    }
}

/// A value as it may be shown.
fn shown(path: &[String], value: &Json) -> Json {
    if is_secret(path) {
        return HIDDEN.into();
    }
    match value {
        Json::String(text) => discreet(text).into(),
        Json::Array(items) => items.iter().map(|item| shown(path, item)).collect(),
        Json::Object(table) => {
            let inner = |(key, value): (&String, &Json)| {
                let path: Path = path.iter().chain([key]).cloned().collect();
                (key.clone(), shown(&path, value))
            };
            Json::Object(table.iter().map(inner).collect())
        }
        other => other.clone(),
    }
}

fn toml_value(value: &Json) -> String {
    match value {
        Json::Null => "\"\"".into(),
        Json::Bool(truth) => truth.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => toml_edit::Value::from(text.as_str()).to_string(),
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(toml_value).collect::<Vec<_>>().join(", ")
        ),
        Json::Object(table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", dotted(std::slice::from_ref(key)), toml_value(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
