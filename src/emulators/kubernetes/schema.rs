//! What the API's schema says about lists and maps: how they merge, by which keys, and which are one whole.
//!
//! The rules go by a field's name, which is enough for the kinds the cluster knows.

use serde_json::{Map, Value, json};

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum List {
    /// By these keys of its items.
    Keyed(&'static [&'static str]),
    /// As a set of plain values.
    Set,
    /// Not at all: it is replaced.
    Atomic,
}

/// How server-side apply merges the list at a field.
pub(crate) fn list(field: &str, list: &[Value]) -> List {
    let of_objects = list.iter().all(Value::is_object);
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets"
            if of_objects =>
        {
            List::Keyed(&["name"])
        }
        "ports" if list.iter().any(|port| port.get("containerPort").is_some()) => {
            List::Keyed(&["containerPort", "protocol"])
        }
        "ports" if of_objects => List::Keyed(&["port", "protocol"]),
        "volumeMounts" => List::Keyed(&["mountPath"]),
        "volumeDevices" => List::Keyed(&["devicePath"]),
        "conditions" => List::Keyed(&["type"]),
        "ownerReferences" => List::Keyed(&["uid"]),
        "hostAliases" => List::Keyed(&["ip"]),
        "topologySpreadConstraints" => List::Keyed(&["topologyKey", "whenUnsatisfiable"]),
        "finalizers" => List::Set,
        _ => List::Atomic,
    }
}

/// The key by which a strategic merge patch merges the list, if it merges it.
pub(crate) fn merge_key(field: &str, lists: [&[Value]; 2]) -> Option<&'static str> {
    let any = |key: &str| {
        lists
            .iter()
            .any(|list| list.iter().any(|item| item.get(key).is_some()))
    };
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => {
            Some("name")
        }
        "ports" if any("containerPort") => Some("containerPort"),
        "ports" => Some("port"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

/// Whether a strategic merge patch adds to a list of plain values instead of replacing it.
pub(crate) fn merges_values(field: &str) -> bool {
    field == "finalizers"
}

/// Whether the map at a field is owned as a whole.
pub(crate) fn atomic_map(field: &str) -> bool {
    matches!(
        field,
        "selector"
            | "nodeSelector"
            | "fieldRef"
            | "secretKeyRef"
            | "configMapKeyRef"
            | "resourceFieldRef"
            | "involvedObject"
            | "labelSelector"
    )
}

/// The key of an item of a keyed list, as managed fields and messages know it.
pub(crate) fn item_key(keys: &[&str], item: &Value) -> Map<String, Value> {
    let mut key = Map::new();
    for name in keys {
        match item.get(*name) {
            Some(value) => key.insert((*name).to_owned(), value.clone()),
            None if *name == "protocol" => key.insert("protocol".into(), json!("TCP")),
            None => None,
        };
    }
    key
}
