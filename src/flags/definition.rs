//! Purpose: flagd's document of a flag set, read and written: what is in a file, and what is kept.
//!
//! The format is flagd's (`flags.json`, version 0 of its schema), with nothing of our own but one entry of the metadata, the
//! [bucketing](crate::Bucketing). Reading refuses what has no meaning; whether the rules make sense is [`check`](crate::check)'s.

use crate::{
    bucketing::{Bucketing, PIN},
    fault::{Fault, Faults, kind},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where flagd keeps the schema of these documents.
const SCHEMA: &str = "https://flagd.dev/schema/v0/flags.json";

/// Facts about a flag or a flag set: texts, numbers, and true or false.
pub type Metadata = BTreeMap<String, Value>;

/// A flag set, as it is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// The flags, by key.
    pub flags: BTreeMap<String, Definition>,
    /// Rules that flags may refer to by `$ref`, by name.
    pub evaluators: BTreeMap<String, Value>,
    /// Facts about the set.
    pub metadata: Metadata,
}

/// One flag, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Whether it is in use.
    pub state: State,
    /// What it can give, by name; all of one type.
    pub variants: BTreeMap<String, Value>,
    /// What everybody gets for whom the rule says nothing. None leaves it to the application's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_variant: Option<String>,
    /// Who gets which variant, in JsonLogic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targeting: Option<Value>,
    /// Facts about it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

/// Whether a flag is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// It is evaluated.
    Enabled,
    /// The application's code decides, as if there were no flag.
    Disabled,
}

impl Definition {
    /// A flag that is on or off, for everybody.
    #[must_use]
    pub fn switch(on: bool) -> Self {
        Self {
            state: State::Enabled,
            variants: [("off".to_owned(), json!(false)), ("on".to_owned(), json!(true))].into(),
            default_variant: Some(if on { "on" } else { "off" }.to_owned()),
            targeting: None,
            metadata: Metadata::new(),
        }
    }

    /// Reads one, as it stands at a path.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(value: &Value, path: &str) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let definition = read_definition(value, path, &mut faults);
        match definition {
            Some(definition) if faults.is_empty() => Ok(definition),
            _ => Err(Faults(faults)),
        }
    }

    /// As flagd writes it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert(
            "state".into(),
            if self.state == State::Enabled {
                "ENABLED"
            } else {
                "DISABLED"
            }
            .into(),
        );
        value.insert("variants".into(), json!(self.variants));
        if let Some(default) = &self.default_variant {
            value.insert("defaultVariant".into(), default.as_str().into());
        }
        if let Some(targeting) = &self.targeting {
            value.insert("targeting".into(), targeting.clone());
        }
        if !self.metadata.is_empty() {
            value.insert("metadata".into(), json!(self.metadata));
        }
        Value::Object(value)
    }
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// Where it stops being JSON, or all that is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Faults(vec![Fault::new("", format!("this is no JSON: {error}"))]))?;
        Self::read(&value)
    }

    /// Reads a document. Flags may be an object by key, or, as flagd's daemon takes them, a list of objects with a `key`.
    ///
    /// # Errors
    /// All that is wrong with it, with where it is.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let document = read_document(value, &mut faults);
        if faults.is_empty() {
            Ok(document)
        } else {
            Err(Faults(faults))
        }
    }

    /// As flagd writes it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let flags: Map<_, _> = self
            .flags
            .iter()
            .map(|(key, flag)| (key.clone(), flag.to_value()))
            .collect();
        let mut value = Map::from_iter([
            ("$schema".to_owned(), json!(SCHEMA)),
            ("flags".to_owned(), Value::Object(flags)),
        ]);
        if !self.evaluators.is_empty() {
            value.insert("$evaluators".into(), json!(self.evaluators));
        }
        if !self.metadata.is_empty() {
            value.insert("metadata".into(), json!(self.metadata));
        }
        Value::Object(value)
    }

    /// Which bucketing it is pinned to.
    #[must_use]
    pub fn bucketing(&self) -> Bucketing {
        let pin = self.metadata.get(PIN).and_then(Value::as_str);
        pin.and_then(Bucketing::from_name).unwrap_or_default()
    }
}

fn read_document(value: &Value, faults: &mut Vec<Fault>) -> Document {
    let mut document = Document::default();
    let Some(top) = object(value, "", faults) else {
        return document;
    };
    for key in top.keys() {
        if !["$schema", "flags", "$evaluators", "metadata"].contains(&key.as_str()) {
            faults.push(Fault::unknown(key, "", ["flags", "$evaluators", "metadata"]));
        }
    }
    match top.get("flags") {
        Some(Value::Array(flags)) => {
            for (at, flag) in flags.iter().enumerate() {
                let path = format!("flags[{at}]");
                let key = flag.get("key").and_then(Value::as_str).map(str::to_owned);
                let mut body = flag.clone();
                if let Value::Object(body) = &mut body {
                    body.remove("key");
                }
                match key {
                    None => faults.push(Fault::new(path, "in a list, each flag needs a `key`")),
                    Some(key) if document.flags.contains_key(&key) => {
                        faults.push(Fault::new(path, format!("there is another flag `{key}`")));
                    }
                    Some(key) => read_flag(&key, &body, &path, &mut document, faults),
                }
            }
        }
        Some(flags) => {
            for (key, flag) in object(flags, "flags", faults).into_iter().flatten() {
                read_flag(key, flag, &format!("flags.{key}"), &mut document, faults);
            }
        }
        None => faults.push(Fault::new("", "`flags` is missing")),
    }
    if let Some(rules) = top.get("$evaluators") {
        for (name, rule) in object(rules, "$evaluators", faults).into_iter().flatten() {
            if rule.is_object() {
                document.evaluators.insert(name.clone(), rule.clone());
            } else {
                let what = format!("a rule is an object, and this is {}", kind(rule));
                faults.push(Fault::new(format!("$evaluators.{name}"), what));
            }
        }
    }
    if let Some(metadata) = top.get("metadata") {
        document.metadata = read_metadata(metadata, "metadata", faults);
        let pin = document.metadata.get(PIN);
        if pin.is_some_and(|pin| pin.as_str().and_then(Bucketing::from_name).is_none()) {
            faults.push(Fault::new(
                format!("metadata.{PIN}"),
                "this says how percentages are bucketed: \"v2\" (as flagd's daemon does, the default) or \"v3\"",
            ));
        }
    }
    document
}

fn read_flag(key: &str, value: &Value, path: &str, document: &mut Document, faults: &mut Vec<Fault>) {
    if key.is_empty() {
        faults.push(Fault::new(path, "a flag's key is not empty"));
    }
    if let Some(definition) = read_definition(value, path, faults) {
        document.flags.insert(key.to_owned(), definition);
    }
}

fn read_definition(value: &Value, path: &str, faults: &mut Vec<Fault>) -> Option<Definition> {
    const KEYS: [&str; 5] = ["state", "variants", "defaultVariant", "targeting", "metadata"];
    let flag = object(value, path, faults)?;
    for key in flag.keys() {
        // flagd itself adds these two when it hands flags on.
        if !KEYS.contains(&key.as_str()) && !["source", "selector"].contains(&key.as_str()) {
            faults.push(Fault::unknown(key, path, KEYS));
        }
    }
    let state = match flag.get("state").map(|state| (state, state.as_str())) {
        Some((_, Some("ENABLED"))) => Some(State::Enabled),
        Some((_, Some("DISABLED"))) => Some(State::Disabled),
        Some((other, _)) => {
            let what = format!("this is \"ENABLED\" or \"DISABLED\", not {other}");
            faults.push(Fault::new(format!("{path}.state"), what));
            None
        }
        None => {
            faults.push(Fault::new(
                path,
                "`state` is missing: \"ENABLED\" or \"DISABLED\"",
            ));
            None
        }
    };
    let variants = read_variants(flag.get("variants"), path, faults);
    let default_variant = match flag.get("defaultVariant") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()).filter(|name| !name.is_empty()),
        Some(other) => {
            let what = format!("this names a variant, and is {}", kind(other));
            faults.push(Fault::new(format!("{path}.defaultVariant"), what));
            None
        }
    };
    let targeting = match flag.get("targeting") {
        None | Some(Value::Null) => None,
        Some(Value::Object(rule)) if rule.is_empty() => None,
        Some(rule @ Value::Object(_)) => Some(rule.clone()),
        Some(other) => {
            let what = format!(
                "a rule is an object such as {{\"if\": [...]}}, and this is {}",
                kind(other)
            );
            faults.push(Fault::new(format!("{path}.targeting"), what));
            None
        }
    };
    let metadata = flag
        .get("metadata")
        .map(|metadata| read_metadata(metadata, &format!("{path}.metadata"), faults))
        .unwrap_or_default();
    Some(Definition {
        state: state?,
        variants: variants?,
        default_variant,
        targeting,
        metadata,
    })
}

fn read_variants(
    value: Option<&Value>,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Option<BTreeMap<String, Value>> {
    let Some(value) = value else {
        faults.push(Fault::new(
            path,
            "`variants` is missing: what the flag can give, by name",
        ));
        return None;
    };
    let path = format!("{path}.variants");
    let variants = object(value, &path, faults)?;
    let Some((first, typical)) = variants.iter().next() else {
        faults.push(Fault::new(path, "there is no variant: a flag gives at least one"));
        return None;
    };
    for (name, value) in variants {
        if matches!(value, Value::Null | Value::Array(_)) {
            let what = format!(
                "a variant is true or false, a text, a number or an object, and this is {}",
                kind(value)
            );
            faults.push(Fault::new(format!("{path}.{name}"), what));
        } else if kind(value) != kind(typical) {
            let what = format!(
                "all variants are of one type: this is {}, and `{first}` is {}",
                kind(value),
                kind(typical)
            );
            faults.push(Fault::new(format!("{path}.{name}"), what));
        }
    }
    Some(
        variants
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn read_metadata(value: &Value, path: &str, faults: &mut Vec<Fault>) -> Metadata {
    let mut metadata = Metadata::new();
    for (key, value) in object(value, path, faults).into_iter().flatten() {
        if matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_)) {
            metadata.insert(key.clone(), value.clone());
        } else {
            let what = format!(
                "metadata is a text, a number, or true or false, and this is {}",
                kind(value)
            );
            faults.push(Fault::new(format!("{path}.{key}"), what));
        }
    }
    metadata
}

fn object<'v>(value: &'v Value, path: &str, faults: &mut Vec<Fault>) -> Option<&'v Map<String, Value>> {
    let object = value.as_object();
    if object.is_none() {
        faults.push(Fault::new(
            path,
            format!("this has to be an object, and is {}", kind(value)),
        ));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(value: &Value) -> Vec<String> {
        let faults = Document::read(value).unwrap_err();
        faults.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_read_is_written_again() {
        let value = json!({
            "$schema": SCHEMA,
            "flags": {
                "nav": {
                    "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                    "targeting": {"if": [{"$ref": "staff"}, "on"]}, "metadata": {"owner": "web", "age": 3},
                },
                "size": {"state": "DISABLED", "variants": {"big": 2.5, "one": 1.0}},
            },
            "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}},
            "metadata": {"flagSetId": "shop", "bucketing": "v3"},
        });
        let document = Document::read(&value).unwrap();
        assert_eq!(document.to_value(), value);
        assert_eq!(document.bucketing(), Bucketing::V3);
        assert_eq!(Document::read(&document.to_value()).unwrap(), document);
    }

    #[test]
    fn a_list_of_flags_is_the_same() {
        let flag = json!({"key": "a", "state": "ENABLED", "variants": {"x": "1"}});
        let document = Document::read(&json!({"flags": [flag]})).unwrap();
        assert!(document.flags.contains_key("a"));
        let said = faults(&json!({"flags": [flag, flag, {}]}));
        assert_eq!(
            said,
            [
                "`flags[1]`: there is another flag `a`",
                "`flags[2]`: in a list, each flag needs a `key`"
            ]
        );
    }

    #[test]
    fn everything_wrong_is_said_with_its_place() {
        let said = faults(&json!({
            "flag": {},
            "flags": {"nav": {
                "state": "on", "variants": {"a": 1, "b": "2", "c": null}, "defaultVariant": 3,
                "targeting": [], "metadata": {"x": []}, "defaultVarient": "a",
            }},
            "metadata": {"bucketing": "v4"},
            "$evaluators": {"staff": true},
        }));
        assert_eq!(
            said,
            [
                "`flag`: there is nothing of this name; did you mean `flags`?",
                "`flags.nav.defaultVarient`: there is nothing of this name; did you mean `defaultVariant`?",
                "`flags.nav.state`: this is \"ENABLED\" or \"DISABLED\", not \"on\"",
                "`flags.nav.variants.b`: all variants are of one type: this is a text, and `a` is a number",
                "`flags.nav.variants.c`: a variant is true or false, a text, a number or an object, and this is null",
                "`flags.nav.defaultVariant`: this names a variant, and is a number",
                "`flags.nav.targeting`: a rule is an object such as {\"if\": [...]}, and this is a list",
                "`flags.nav.metadata.x`: metadata is a text, a number, or true or false, and this is a list",
                "`$evaluators.staff`: a rule is an object, and this is true or false",
                "`metadata.bucketing`: this says how percentages are bucketed: \"v2\" (as flagd's daemon does, the default) or \"v3\"",
            ]
        );
        assert_eq!(faults(&json!([])), ["this has to be an object, and is a list"]);
        assert_eq!(
            Document::from_json("{").unwrap_err().to_string(),
            "this is no JSON: EOF while parsing an object at line 1 column 1"
        );
    }
}
