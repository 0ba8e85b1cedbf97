//! What Kubernetes reported about an object, without the noise.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::ListParams;

use crate::client::Cluster;
use crate::error::Error;

/// Reasons that tell of success, and failures that are known to pass or to be about something else.
const NOISE: [&str; 17] = [
    "Started",
    "Created",
    "SuccessfulCreate",
    "SuccessfulDelete",
    "Scheduled",
    "Pulling",
    "Pulled",
    "Killing",
    "ScalingReplicaSet",
    "FailedMount",
    "FailedAttachVolume",
    "FailedGetMetrics",
    "FailedGetResourceMetric",
    "FailedComputeMetricsReplicas",
    "NoPods",
    "DNSConfigForming",
    "TaintManagerEviction",
];

/// One thing that happened, however often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The object's kind and name, for example `Pod web-1`.
    pub object: String,
    /// Kubernetes' reason, for example `Unhealthy`.
    pub reason: String,
    /// Its words.
    pub message: String,
    /// How often.
    pub count: i32,
    /// When last.
    pub at: Option<Timestamp>,
}

/// When an event last happened. Each of the four places may be empty, depending on who wrote it.
#[must_use]
pub fn last_time(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    series
        .or_else(|| event.last_timestamp.as_ref().map(|time| time.0))
        .or_else(|| event.event_time.as_ref().map(|time| time.0))
        .or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// How often an event happened.
#[must_use]
pub fn count(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).unwrap_or(1).max(1)
}

pub(crate) fn note(event: &Event) -> Note {
    let object = &event.involved_object;
    Note {
        object: format!(
            "{} {}",
            object.kind.as_deref().unwrap_or_default(),
            object.name.as_deref().unwrap_or_default()
        ),
        reason: event.reason.clone().unwrap_or_default(),
        message: event.message.clone().unwrap_or_default(),
        count: count(event),
        at: last_time(event),
    }
}

/// The events about a pod.
pub(crate) fn about<'a>(pod: &'a Pod, events: &'a [Event]) -> impl Iterator<Item = Note> + 'a {
    let uid = pod.metadata.uid.as_deref();
    events
        .iter()
        .filter(move |event| uid.is_some() && event.involved_object.uid.as_deref() == uid)
        .map(note)
}

/// The events about the objects of these identities.
pub(crate) async fn read(cluster: &Cluster, namespace: &str, uids: &[String]) -> Result<Vec<Event>, Error> {
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), namespace);
    let mut found = Vec::new();
    for uid in uids {
        let about = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
        found.extend(cluster.call("events", events.list(&about)).await?.items);
    }
    Ok(found)
}

/// What happened since a moment, worth telling, the latest first, each thing once with its count.
#[must_use]
pub fn telling(events: &[Event], since: Timestamp) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for event in events {
        let note = note(event);
        if NOISE.contains(&note.reason.as_str()) || note.at.is_some_and(|at| at < since) {
            continue;
        }
        match notes
            .iter_mut()
            .find(|known| known.reason == note.reason && known.message == note.message)
        {
            Some(known) => {
                known.count = known.count.saturating_add(note.count);
                known.at = known.at.max(note.at);
            }
            None => notes.push(note),
        }
    }
    notes.sort_by_key(|note| std::cmp::Reverse(note.at));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(value: serde_json::Value) -> Event {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn sorted_counted_and_without_noise() {
        let events = [
            event(
                json!({"metadata": {"name": "a"}, "involvedObject": {"kind": "Pod", "name": "web-1"},
                "reason": "Started", "message": "Started container app", "lastTimestamp": "2026-11-22T10:05:00Z"}),
            ),
            event(
                json!({"metadata": {"name": "b"}, "involvedObject": {"kind": "Pod", "name": "web-1"},
                "reason": "BackOff", "message": "Back-off restarting", "count": 4, "lastTimestamp": "2026-11-22T10:03:00Z"}),
            ),
            event(
                json!({"metadata": {"name": "c"}, "involvedObject": {"kind": "Pod", "name": "web-2"},
                "reason": "BackOff", "message": "Back-off restarting", "count": 3, "lastTimestamp": "2026-11-22T10:04:00Z"}),
            ),
            event(
                json!({"metadata": {"name": "d"}, "involvedObject": {"kind": "Pod", "name": "web-2"},
                "reason": "Failed", "message": "old", "lastTimestamp": "2026-11-22T09:59:00Z"}),
            ),
            event(
                json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "web-2"},
                "reason": "Unhealthy", "message": "probe", "lastTimestamp": null, "count": 1,
                "series": {"count": 9, "lastObservedTime": "2026-11-22T10:06:00.000000Z"}}),
            ),
        ];
        let notes = telling(&events, "2026-11-22T10:00:00Z".parse().unwrap());
        let told: Vec<_> = notes
            .iter()
            .map(|note| (note.reason.as_str(), note.count))
            .collect();
        assert_eq!(told, [("Unhealthy", 9), ("BackOff", 7)]);
    }
}
