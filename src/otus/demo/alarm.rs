//! The demo's alerting: one rule, asked of the emulated Prometheus now and then, and told to the robot as Alertmanager would.

use jiff::Timestamp;
use otus_monitoring::{Prometheus, PrometheusConfig};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use url::form_urlencoded;

/// What the webhook brings.
pub(super) const TOKEN: &str = "the demo rings its own bell";
/// What it fires for.
const EXPRESSION: &str = "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket{environment=\"production\"}[1m]))) > 0.75";
/// How often the rule is evaluated.
const EVERY: Duration = Duration::from_secs(2);

/// Evaluates the rule for as long as the demo runs.
pub(super) async fn watch(robot: SocketAddr, prometheus: String) {
    let config = PrometheusConfig {
        url: Some(prometheus.clone()),
        ..PrometheusConfig::default()
    };
    let client = match Prometheus::new(&config) {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "the demo has no alerts"),
    };
    let http = match reqwest::Client::builder().no_proxy().build() {
        Ok(http) => http,
        Err(error) => return tracing::error!(%error, "the demo has no alerts"),
    };
    let mut firing: BTreeMap<String, Timestamp> = BTreeMap::new();
    // What the robot has not taken yet.
    let mut waiting: Vec<Json> = Vec::new();
    loop {
        tokio::time::sleep(EVERY).await;
        // One that does not answer is asked again.
        let Ok(answer) = client.query(EXPRESSION, None).await else {
            continue;
        };
        let slow: Vec<String> = answer
            .data
            .samples()
            .iter()
            .filter_map(|sample| sample.labels.get("service").cloned())
            .collect();
        let now = Timestamp::now();
        let changed = slow.len() != firing.len() || slow.iter().any(|service| !firing.contains_key(service));
        for service in &slow {
            let since = *firing.entry(service.clone()).or_insert(now);
            if changed {
                waiting.push(alert(&prometheus, service, since, None));
            }
        }
        let over: Vec<String> = firing
            .keys()
            .filter(|service| !slow.contains(service))
            .cloned()
            .collect();
        for service in over {
            if let Some(since) = firing.remove(&service) {
                waiting.push(alert(&prometheus, &service, since, Some(now)));
            }
        }
        if waiting.is_empty() {
            continue;
        }
        // As Alertmanager, it says again what was not taken: a robot may be away for a moment.
        let told = http
            .post(format!("http://{robot}/hooks/alerts/demo"))
            .bearer_auth(TOKEN)
            .json(&notification(&waiting))
            .send()
            .await;
        if told.is_ok_and(|answer| answer.status().is_success()) {
            waiting.clear();
        }
    }
}

fn alert(prometheus: &str, service: &str, since: Timestamp, ended: Option<Timestamp>) -> Json {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("g0.expr", EXPRESSION)
        .finish();
    json!({
        "status": if ended.is_some() { "resolved" } else { "firing" },
        "labels": { "alertname": "HighLatency", "severity": "page", "service": service, "environment": "production" },
        "annotations": { "summary": format!("95 % of the requests to {service} take longer than 750 ms") },
        "startsAt": since.to_string(),
        "endsAt": ended.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string()),
        "generatorURL": format!("{prometheus}/graph?{query}"),
        "fingerprint": service,
    })
}

fn notification(alerts: &[Json]) -> Json {
    let fires = alerts.iter().any(|alert| alert["status"] == "firing");
    json!({
        "version": "4",
        "receiver": "otus",
        "status": if fires { "firing" } else { "resolved" },
        "alerts": alerts,
        "groupLabels": { "alertname": "HighLatency" },
        "groupKey": "{}:{alertname=\"HighLatency\"}",
        "truncatedAlerts": 0,
    })
}
