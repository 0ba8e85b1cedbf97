//! Events: recorded once and counted after that, and shown in both API groups.

use serde_json::{Map, Value, json};

use super::{
    resources,
    store::State,
    timing::{micro_stamp, stamp},
    value::{int, name, namespace, put, text, uid},
};

impl State {
    /// Records what happened to an object; the same again is counted.
    pub(crate) fn record(&mut self, about: &Value, kind: &str, reason: &str, message: &str, component: &str) {
        let res = resources::known("events");
        let ns = if namespace(about).is_empty() {
            "default"
        } else {
            namespace(about)
        }
        .to_owned();
        let index = format!("{} {reason} {message}", uid(about));
        let known = self
            .recorded
            .get(&index)
            .cloned()
            .and_then(|event| self.get(res, &ns, &event));
        // The scheduler writes events of the newer kind, which count in a series.
        let newer = component == "default-scheduler";
        if let Some(event) = known {
            let mut again = serde_json::Value::clone(&event);
            if newer {
                let count = int(&again, "/series/count").max(1) + 1;
                put(
                    &mut again,
                    &["series"],
                    json!({ "count": count, "lastObservedTime": micro_stamp() }),
                );
            } else {
                put(&mut again, &["count"], int(&event, "/count") + 1);
                put(&mut again, &["lastTimestamp"], stamp());
            }
            self.commit(res, Some(event), again);
            return;
        }
        let suffix = self.letters(16);
        let event_uid = self.uid();
        let event_name = format!("{}.{suffix}", name(about));
        let mut involved = json!({
            "apiVersion": text(about, "/apiVersion"),
            "kind": text(about, "/kind"),
            "name": name(about),
            "namespace": namespace(about),
            "uid": uid(about),
            "resourceVersion": text(about, "/metadata/resourceVersion"),
        });
        if let Some(container) = container(about, reason) {
            put(
                &mut involved,
                &["fieldPath"],
                format!("spec.containers{{{container}}}"),
            );
        }
        let mut event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": event_name,
                "namespace": ns,
                "uid": event_uid,
                "creationTimestamp": stamp(),
            },
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": kind,
            "reportingComponent": component,
            "reportingInstance": "",
        });
        if newer {
            put(&mut event, &["eventTime"], micro_stamp());
            put(&mut event, &["action"], "Scheduling");
            put(
                &mut event,
                &["reportingInstance"],
                format!("{component}-emulated"),
            );
            put(&mut event, &["source"], json!({}));
            put(&mut event, &["firstTimestamp"], Value::Null);
            put(&mut event, &["lastTimestamp"], Value::Null);
        } else {
            put(&mut event, &["eventTime"], Value::Null);
            put(&mut event, &["count"], 1);
            put(&mut event, &["firstTimestamp"], stamp());
            put(&mut event, &["lastTimestamp"], stamp());
            put(&mut event, &["source"], json!({ "component": component }));
        }
        self.recorded.insert(index, event_name);
        self.commit(res, None, event);
    }
}

/// The container an event of the kubelet is about.
fn container<'a>(about: &'a Value, reason: &str) -> Option<&'a str> {
    let of_container = [
        "Pulling",
        "Pulled",
        "Created",
        "Started",
        "Failed",
        "BackOff",
        "Unhealthy",
        "Killing",
    ];
    (text(about, "/kind") == "Pod" && of_container.contains(&reason))
        .then(|| text(about, "/spec/containers/0/name"))
}

/// Names in the core group, and in `events.k8s.io`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(event: &Value, api_version: &str, name_of: impl Fn(&str) -> String) -> Value {
    let mut renamed = Map::new();
    for (key, value) in event.as_object().into_iter().flatten() {
        renamed.insert(name_of(key), value.clone());
    }
    renamed.insert("apiVersion".into(), json!(api_version));
    Value::Object(renamed)
}

/// The event as `events.k8s.io` shows it.
pub(crate) fn newer(event: &Value) -> Value {
    rename(event, "events.k8s.io/v1", |key| {
        NAMES
            .iter()
            .find(|(old, _)| *old == key)
            .map_or(key, |(_, new)| new)
            .to_owned()
    })
}

/// The event of `events.k8s.io` as the core group shows it.
pub(crate) fn older(event: &Value) -> Value {
    rename(event, "v1", |key| {
        NAMES
            .iter()
            .find(|(_, new)| *new == key)
            .map_or(key, |(old, _)| old)
            .to_owned()
    })
}
