//! What Alertmanager's webhook brings (version 4), and Grafana's own alerting in the same shape with fields of its own.

use crate::Labels;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use url::Url;

/// Whether something fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It fires.
    Firing,
    /// It does no more.
    Resolved,
}

/// One notification: how a group of alerts stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The receiver of Alertmanager's configuration that it was sent to.
    #[serde(default)]
    pub receiver: String,
    /// Firing as long as one of its alerts does.
    pub status: AlertState,
    /// The alerts: all that fire, and those resolved since the last notification.
    pub alerts: Vec<Alert>,
    /// What the group is grouped by.
    #[serde(default, deserialize_with = "or_default")]
    pub group_labels: Labels,
    /// What all its alerts have in common.
    #[serde(default, deserialize_with = "or_default")]
    pub common_labels: Labels,
    /// What all their annotations have in common.
    #[serde(default, deserialize_with = "or_default")]
    pub common_annotations: Labels,
    /// Alertmanager's, or Grafana's, own address.
    #[serde(default, rename = "externalURL")]
    pub external_url: String,
    /// Which group it is: the route and the group's labels. The same from every member of a cluster.
    #[serde(default)]
    pub group_key: String,
    /// How many alerts were left out (`max_alerts`).
    #[serde(default)]
    pub truncated_alerts: u64,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Whether it fires.
    pub status: AlertState,
    /// Its labels.
    #[serde(default, deserialize_with = "or_default")]
    pub labels: Labels,
    /// Its annotations. They keep the value of when it last fired.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: Labels,
    /// Since when it fires.
    pub starts_at: Timestamp,
    /// When it ended; none while it fires, which the wire writes as the year 1.
    #[serde(default, deserialize_with = "ended")]
    pub ends_at: Option<Timestamp>,
    /// Where the rule can be seen.
    #[serde(default, rename = "generatorURL")]
    pub generator_url: String,
    /// Which alert it is, by its labels; the same in all that is said of it.
    #[serde(default)]
    pub fingerprint: String,
    /// Grafana: the values of the rule's queries and expressions, by their names.
    #[serde(default, deserialize_with = "values")]
    pub values: BTreeMap<String, f64>,
    /// Grafana: the dashboard that the rule belongs to.
    #[serde(default, rename = "dashboardURL")]
    pub dashboard_url: String,
    /// Grafana: the panel.
    #[serde(default, rename = "panelURL")]
    pub panel_url: String,
}

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

fn ended<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let at = Option::<Timestamp>::deserialize(from)?;
    Ok(at.filter(|at| *at > Timestamp::UNIX_EPOCH))
}

/// What is no number is left out: it is not worth losing an alert for.
fn values<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let read = Option::<BTreeMap<String, serde_json::Value>>::deserialize(from)?;
    let numbers = read.into_iter().flatten();
    Ok(numbers
        .filter_map(|(name, value)| Some((name, value.as_f64()?)))
        .collect())
}

impl Notification {
    /// Reads a webhook's body.
    ///
    /// # Errors
    /// What is wrong with it, for whoever set the sender up.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let mut read: Self = serde_json::from_slice(body)
            .map_err(|error| format!("this is not what Alertmanager's webhook sends: {error}"))?;
        for alert in &mut read.alerts {
            if alert.fingerprint.is_empty() {
                alert.fingerprint = fingerprint(&alert.labels);
            }
        }
        if read.group_key.is_empty() {
            read.group_key = format!("{:?}", read.group_labels);
        }
        Ok(read)
    }
}

/// Who sends no fingerprint gets one: FNV-1a over the labels, as Prometheus does it.
fn fingerprint(labels: &Labels) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (name, value) in labels {
        for byte in name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// The expression in a `generatorURL` of Prometheus, Thanos or Mimir: `…/graph?g0.expr=up+%3D%3D+0`. Others have none.
#[must_use]
pub fn expression(generator_url: &str) -> Option<String> {
    let url = Url::parse(generator_url).ok()?;
    let mut pairs = url.query_pairs();
    let (_, expression) = pairs.find(|(name, _)| name == "g0.expr")?;
    let expression = expression.trim();
    (!expression.is_empty()).then(|| expression.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As Alertmanager 0.25.0 sends it, shortened.
    const FIRING: &str = r#"{"receiver":"bot","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Slow","method":"GET"},
        "annotations":{"summary":"Slow"},"startsAt":"2026-11-22T19:05:58.25Z","endsAt":"0001-01-01T00:00:00Z",
        "generatorURL":"http://127.0.0.1:19090/graph?g0.expr=latencies%7Bquantile%3D%220.5%22%7D+%3E+1&g0.tab=1",
        "fingerprint":"bbf0bdb5768fe986"}],"groupLabels":{"alertname":"Slow"},"commonLabels":{"alertname":"Slow","method":"GET"},
        "commonAnnotations":{"summary":"Slow"},"externalURL":"http://127.0.0.1:19093","version":"4",
        "groupKey":"{}:{alertname=\"Slow\"}","truncatedAlerts":0}"#;

    #[test]
    fn alertmanagers_own() {
        let read = Notification::read(FIRING.as_bytes()).unwrap();
        assert_eq!((read.receiver.as_str(), read.status), ("bot", AlertState::Firing));
        assert_eq!(read.group_key, "{}:{alertname=\"Slow\"}");
        let alert = &read.alerts[0];
        assert_eq!(
            (alert.ends_at, alert.fingerprint.as_str()),
            (None, "bbf0bdb5768fe986")
        );
        let expression = expression(&alert.generator_url);
        assert_eq!(expression.as_deref(), Some(r#"latencies{quantile="0.5"} > 1"#));
    }

    /// The fields of Grafana's webhook contact point, in its documentation's names.
    #[test]
    fn grafanas_own() {
        let body = r#"{"receiver":"otus","status":"resolved","orgId":1,"alerts":[{"status":"resolved","labels":{"alertname":"High"},
            "annotations":null,"startsAt":"2026-11-22T10:00:00Z","endsAt":"2026-11-22T10:05:00Z",
            "generatorURL":"https://grafana.test/alerting/grafana/a1/view","fingerprint":"c6eadffa33fcdf37",
            "silenceURL":"https://grafana.test/alerting/silence/new","dashboardURL":"https://grafana.test/d/shop",
            "panelURL":"https://grafana.test/d/shop?viewPanel=2","values":{"B":1.5,"C":"text"},"valueString":"[ var='B' ]"}],
            "groupLabels":{},"commonLabels":{"alertname":"High"},"commonAnnotations":{},"externalURL":"https://grafana.test/",
            "version":"1","groupKey":"{}/{}:{}","truncatedAlerts":0,"title":"[RESOLVED]","state":"ok","message":"…"}"#;
        let read = Notification::read(body.as_bytes()).unwrap();
        let alert = &read.alerts[0];
        assert_eq!(alert.values, [("B".to_owned(), 1.5)].into());
        assert_eq!(alert.panel_url, "https://grafana.test/d/shop?viewPanel=2");
        assert!(alert.ends_at.is_some() && alert.annotations.is_empty());
        assert_eq!(expression(&alert.generator_url), None);
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_wrong_is_told() {
        let body = r#"{"status":"firing","alerts":[{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-22T10:00:00Z"},
            {"status":"firing","labels":{"a":"c"},"startsAt":"2026-11-22T10:00:00Z","values":null}]}"#;
        let read = Notification::read(body.as_bytes()).unwrap();
        assert_eq!(read.alerts[0].fingerprint.len(), 16);
        assert_ne!(read.alerts[0].fingerprint, read.alerts[1].fingerprint);
        let error = Notification::read(br#"{"status":"odd","alerts":[]}"#).unwrap_err();
        assert!(
            error.starts_with("this is not what Alertmanager's webhook sends"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), url in "\\PC{0,60}") {
            let _ = Notification::read(&body);
            let _ = expression(&url);
        }
    }
}
