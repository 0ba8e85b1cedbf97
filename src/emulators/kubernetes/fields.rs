//! Sets of fields (`fieldsV1`): what managed fields, conflicts and server-side apply are made of.
//!
//! After structured-merge-diff: a field is a member where a manager set it; the items of keyed lists are members too.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    schema::{self, List},
    value::canonical,
};

/// A set of fields, as a tree. Keys are those of `fieldsV1`: `f:name`, `k:{…}`, `v:…`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields {
    /// Whether this place itself is a member.
    pub(crate) member: bool,
    below: BTreeMap<String, Fields>,
}

/// Metadata that belongs to the server, not to a manager.
const SERVERS: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

impl Fields {
    fn one() -> Self {
        Self {
            member: true,
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.below.values().all(Self::is_empty)
    }

    fn add(&mut self, key: String, fields: Self) {
        if !fields.is_empty() {
            self.below.insert(key, fields);
        }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.member |= other.member;
        for (key, fields) in &other.below {
            let both = all
                .below
                .get(key)
                .map_or_else(|| fields.clone(), |mine| mine.union(fields));
            all.below.insert(key.clone(), both);
        }
        all
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut rest = Self {
            member: self.member && !other.member,
            ..Self::default()
        };
        for (key, fields) in &self.below {
            rest.add(
                key.clone(),
                other
                    .below
                    .get(key)
                    .map_or_else(|| fields.clone(), |theirs| fields.minus(theirs)),
            );
        }
        rest
    }

    pub(crate) fn common(&self, other: &Self) -> Self {
        let mut both = Self {
            member: self.member && other.member,
            ..Self::default()
        };
        for (key, fields) in &self.below {
            if let Some(theirs) = other.below.get(key) {
                both.add(key.clone(), fields.common(theirs));
            }
        }
        both
    }

    /// The members, as messages write them: `.spec.template.spec.containers[name="app"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        fn walk(fields: &Fields, at: &str, out: &mut Vec<String>) {
            if fields.member {
                out.push(at.to_owned());
            }
            for (key, below) in &fields.below {
                walk(below, &format!("{at}{}", shown(key)), out);
            }
        }
        let mut paths = Vec::new();
        walk(self, "", &mut paths);
        paths
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.below.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        for (key, fields) in &self.below {
            map.insert(key.clone(), fields.to_json());
        }
        Value::Object(map)
    }

    pub(crate) fn from_json(value: &Value) -> Self {
        let mut fields = Self::default();
        let Some(map) = value.as_object() else {
            return fields;
        };
        for (key, below) in map {
            if key == "." {
                fields.member = true;
            } else {
                let mut below = Self::from_json(below);
                below.member |= below.below.is_empty();
                fields.below.insert(key.clone(), below);
            }
        }
        fields
    }

    /// The fields an object sets, without those that are the server's.
    pub(crate) fn of(object: &Value) -> Self {
        let mut all = of("", object);
        all.member = false;
        all.without_servers()
    }

    /// The fields that differ between two versions of an object.
    pub(crate) fn compare(old: &Value, new: &Value) -> Difference {
        let mut difference = compare("", Some(old), Some(new));
        difference.changed = difference.changed.without_servers();
        difference.removed = difference.removed.without_servers();
        difference
    }

    fn without_servers(mut self) -> Self {
        self.below
            .retain(|key, _| key != "f:apiVersion" && key != "f:kind");
        if let Some(metadata) = self.below.get_mut("f:metadata") {
            metadata.below.retain(|key, _| {
                !SERVERS
                    .iter()
                    .any(|server| key.strip_prefix("f:") == Some(server))
            });
            if metadata.below.is_empty() {
                self.below.remove("f:metadata");
            }
        }
        self
    }

    /// Keeps only what is below these top fields, or all but them.
    pub(crate) fn only(mut self, top: &str, keep: bool) -> Self {
        self.below
            .retain(|key, _| (key.strip_prefix("f:") == Some(top)) == keep);
        self
    }

    /// Removes these fields from an object.
    pub(crate) fn remove_from(&self, value: &mut Value, field: &str) {
        match value {
            Value::Object(map) => {
                for (key, fields) in &self.below {
                    let Some(name) = key.strip_prefix("f:") else {
                        continue;
                    };
                    if fields.member && fields.below.is_empty() {
                        map.remove(name);
                    } else if let Some(below) = map.get_mut(name) {
                        fields.remove_from(below, name);
                        if fields.member && below.as_object().is_some_and(Map::is_empty) {
                            map.remove(name);
                        }
                    }
                }
            }
            Value::Array(list) => match schema::list(field, list) {
                List::Keyed(keys) => list.retain_mut(|item| {
                    let Some(fields) = self.below.get(&item_key(keys, item)) else {
                        return true;
                    };
                    if fields.member {
                        return false;
                    }
                    fields.remove_from(item, "");
                    true
                }),
                List::Set => list.retain(|item| !self.below.contains_key(&format!("v:{item}"))),
                List::Atomic => {}
            },
            _ => {}
        }
    }

    /// Without the items somebody else still owns something of.
    pub(crate) fn sparing(&self, others: &Self) -> Self {
        let mut rest = Self {
            member: self.member && others.is_empty(),
            ..Self::default()
        };
        for (key, fields) in &self.below {
            rest.add(
                key.clone(),
                others
                    .below
                    .get(key)
                    .map_or_else(|| fields.clone(), |theirs| fields.sparing(theirs)),
            );
        }
        rest
    }
}

/// How two versions of an object differ.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Added or modified.
    pub(crate) changed: Fields,
    /// No longer there.
    pub(crate) removed: Fields,
}

fn item_key(keys: &[&str], item: &Value) -> String {
    format!("k:{}", canonical(&Value::Object(schema::item_key(keys, item))))
}

/// The members a value makes at a field.
fn of(field: &str, value: &Value) -> Fields {
    match value {
        Value::Object(map) if !map.is_empty() && !schema::atomic_map(field) => {
            let mut fields = Fields::default();
            for (key, value) in map {
                fields.add(format!("f:{key}"), of(key, value));
            }
            fields
        }
        Value::Array(list) if !list.is_empty() => match schema::list(field, list) {
            List::Keyed(keys) => {
                let mut fields = Fields::default();
                for item in list {
                    let mut below = of("", item);
                    below.member = true;
                    fields.add(item_key(keys, item), below);
                }
                fields
            }
            List::Set => {
                let mut fields = Fields::default();
                for item in list {
                    fields.add(format!("v:{item}"), Fields::one());
                }
                fields
            }
            List::Atomic => Fields::one(),
        },
        _ => Fields::one(),
    }
}

/// A field that came or went: the server also counts the map itself where an object had none.
fn whole(field: &str, value: &Value) -> Fields {
    let mut fields = of(field, value);
    fields.member |= matches!(field, "labels" | "annotations" | "rollingUpdate");
    fields
}

fn compare(field: &str, old: Option<&Value>, new: Option<&Value>) -> Difference {
    match (old, new) {
        (None, None) => Difference::default(),
        (None, Some(new)) => Difference {
            changed: whole(field, new),
            ..Difference::default()
        },
        (Some(old), None) => Difference {
            removed: whole(field, old),
            ..Difference::default()
        },
        (Some(old), Some(new)) if old == new => Difference::default(),
        (Some(Value::Object(old)), Some(Value::Object(new))) if !schema::atomic_map(field) => {
            let mut all = Difference::default();
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                all.below(format!("f:{key}"), compare(key, old.get(key), new.get(key)));
            }
            all
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            match schema::list(field, if new.is_empty() { old } else { new }) {
                List::Keyed(keys) => {
                    let index = |list: &'_ [Value]| -> Vec<(String, Value)> {
                        list.iter()
                            .map(|item| (item_key(keys, item), item.clone()))
                            .collect()
                    };
                    compare_items(&index(old), &index(new), true)
                }
                List::Set => {
                    let index = |list: &'_ [Value]| -> Vec<(String, Value)> {
                        list.iter()
                            .map(|item| (format!("v:{item}"), item.clone()))
                            .collect()
                    };
                    compare_items(&index(old), &index(new), false)
                }
                List::Atomic => Difference {
                    changed: Fields::one(),
                    ..Difference::default()
                },
            }
        }
        _ => Difference {
            changed: Fields::one(),
            ..Difference::default()
        },
    }
}

fn compare_items(old: &[(String, Value)], new: &[(String, Value)], keyed: bool) -> Difference {
    let find =
        |list: &[(String, Value)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let mut all = Difference::default();
    for (key, item) in old {
        let other = find(new, key);
        let mut difference = compare("", Some(item), other.as_ref());
        difference.removed.member |= keyed && other.is_none();
        all.below(key.clone(), difference);
    }
    for (key, item) in new {
        if find(old, key).is_none() {
            let mut difference = compare("", None, Some(item));
            difference.changed.member = true;
            all.below(key.clone(), difference);
        }
    }
    all
}

impl Difference {
    fn below(&mut self, key: String, difference: Self) {
        self.changed.add(key.clone(), difference.changed);
        self.removed.add(key, difference.removed);
    }
}

/// A key of `fieldsV1` as messages write it.
fn shown(key: &str) -> String {
    if let Some(name) = key.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(value) = key.strip_prefix("v:") {
        return format!("[={value}]");
    }
    let map: Map<String, Value> = key
        .strip_prefix("k:")
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default();
    let pairs: Vec<_> = map
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("[{}]", pairs.join(","))
}
