//! A shop whose requests can become slow: what it measures is scraped by a real Prometheus, whose rule goes to real Alertmanagers, which
//! tell the program in the house.

#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::{
    door::Door,
    house::{House, SOON},
};
use axum::{Router, routing::get};
use otus_emulators::{
    real::{RealAlertmanager, RealPrometheus},
    slack::Message,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// What the webhook brings.
pub(crate) const TOKEN: &str = "a token that Alertmanager knows";

const EXPRESSION: &str =
    "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket[5s]))) > 0.2";

/// The rule "p95 over 200 ms for 5 minutes", scaled down.
const RULES: &str = r#"
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: HighLatency
        expr: EXPRESSION
        for: 2s
        labels: { severity: page, environment: production }
        annotations:
          summary: "p95 of {{ $labels.service }} is over 200 ms"
          runbook_url: https://runbooks.example.com/HighLatency
          dashboard_url: https://grafana.example.com/d/shop
"#;

/// The shop and everybody around it.
pub(crate) struct Shop {
    pub(crate) house: House,
    pub(crate) prometheus: RealPrometheus,
    alertmanagers: Vec<RealAlertmanager>,
    slow: Arc<AtomicBool>,
    door: Door,
    client: reqwest::Client,
}

/// A histogram that grows with time: 60 requests a second of each service, below 100 ms, or some of them up to half a second.
struct Meter {
    last: Instant,
    /// By service: how many took up to 100 ms, to 250 ms, to 500 ms, in sum.
    counts: [[f64; 3]; 3],
}

const SERVICES: [&str; 3] = ["api", "web", "cart"];
const BOUNDS: [&str; 3] = ["0.1", "0.25", "0.5"];

impl Meter {
    fn scrape(&mut self, slow: bool) -> String {
        let passed = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        let mut text = String::from("# TYPE http_request_duration_seconds histogram\n");
        for (nth, service) in SERVICES.iter().enumerate() {
            let shares = if slow && nth == 0 {
                [0.4, 0.8, 1.0]
            } else {
                [0.98, 1.0, 1.0]
            };
            for (count, share) in self.counts[nth].iter_mut().zip(shares) {
                *count += 60.0 * passed * share;
            }
            let name = "http_request_duration_seconds";
            for (bound, count) in BOUNDS.iter().zip(self.counts[nth]) {
                writeln!(
                    text,
                    "{name}_bucket{{service=\"{service}\",le=\"{bound}\"}} {count}"
                )
                .unwrap();
            }
            let all = self.counts[nth][2];
            writeln!(text, "{name}_bucket{{service=\"{service}\",le=\"+Inf\"}} {all}").unwrap();
            writeln!(text, "{name}_count{{service=\"{service}\"}} {all}").unwrap();
            writeln!(text, "{name}_sum{{service=\"{service}\"}} {all}").unwrap();
        }
        text
    }
}

impl Shop {
    /// Builds it with so many Alertmanagers, which know nothing of each other, so that both send everything.
    pub(crate) async fn build(alertmanagers: usize, more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let slow = Arc::new(AtomicBool::new(false));
        let exporter = exporter(slow.clone()).await;
        let door = Door::open().await;
        let config = format!(
            "route: {{ receiver: otus, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 2s }}\n\
             receivers:\n  - name: otus\n    webhook_configs:\n      - url: http://{}/hooks/alerts/main\n        send_resolved: true\n        \
             http_config: {{ authorization: {{ type: Bearer, credentials: {TOKEN} }} }}\n",
            door.address
        );
        let mut started = Vec::new();
        for _ in 0..alertmanagers {
            started.push(RealAlertmanager::start(&config).await.unwrap());
        }
        let targets: Vec<String> = started.iter().map(|one| format!("{:?}", one.address())).collect();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [rules.yml]\n\
             alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: [{}] }} ] }} ] }}\n\
             scrape_configs: [ {{ job_name: shop, static_configs: [ {{ targets: [{exporter:?}] }} ] }} ]\n",
            targets.join(", ")
        );
        let rules = RULES.replace("EXPRESSION", EXPRESSION);
        let prometheus = RealPrometheus::live(&config, &rules).await.unwrap();
        let house = House::build(Some(prometheus.url())).await;
        let channel = house
            .slack
            .look(|world| world.channel("#deploys").unwrap().id.to_string());
        house.instead(
            "[prometheus]\n",
            "[prometheus]\nscrape_interval = \"1s\"\ntimeout = \"2s\"\n",
        );
        let urls: Vec<String> = started.iter().map(RealAlertmanager::url).collect();
        house.configure(&format!(
            r#"
{more}
[responders.alerts]
channel = "{channel}"
poll = "1s"
gone = "6s"
refresh = "4s"
range = "2m"
wait = "100ms"
[responders.alerts.sources.main]
token = "{TOKEN}"
url = {urls:?}
"#
        ));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            house,
            prometheus,
            alertmanagers: started,
            slow,
            door,
            client,
        }
    }

    /// Starts the program, and lets webhooks in.
    pub(crate) async fn start(&mut self) {
        self.house.start().await;
        let address = self.house.http().await;
        self.door.leads_to(Some(address));
    }

    /// Kills the program; webhooks find nobody.
    pub(crate) async fn kill(&mut self) {
        self.door.leads_to(None);
        self.house.kill().await;
    }

    /// Requests of the api become slow, or well again.
    pub(crate) fn slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::SeqCst);
    }

    /// Waits until Prometheus can tell how long requests take.
    pub(crate) async fn has_traffic(&self) {
        self.knows(EXPRESSION.split(" > ").next().unwrap()).await;
    }

    /// Waits until it has been able to for a while.
    pub(crate) async fn has_had_traffic(&self) {
        self.knows("count_over_time(http_request_duration_seconds_count[1m]) > 9")
            .await;
    }

    async fn knows(&self, expression: &str) {
        self.wait("there is no traffic", async || {
            let url = format!("{}/api/v1/query", self.prometheus.url());
            let answer = self
                .client
                .get(url)
                .query(&[("query", expression)])
                .send()
                .await
                .ok()?;
            let answer: Value = answer.json().await.ok()?;
            let found = answer["data"]["result"].as_array()?;
            let real = |one: &&Value| one["value"][1].as_str() != Some("NaN");
            (found.iter().filter(real).count() == SERVICES.len()).then_some(())
        })
        .await;
    }

    async fn wait<T, F: Future<Output = Option<T>>>(&self, what: &str, mut look: impl FnMut() -> F) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{what}\nThe robot said:\n{}\nIts log:\n{}",
                self.house.transcript(),
                self.house.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for a message of the robot's in the channel.
    pub(crate) async fn until(&self, what: impl Fn(&Message) -> bool) -> Message {
        let found = self
            .house
            .slack
            .wait_for(SOON, |world| {
                let mut own = world.messages("#deploys").filter(|message| message.from_app);
                own.find(|message| what(message)).cloned()
            })
            .await;
        found.unwrap_or_else(|error| {
            panic!(
                "{error}\nThe robot said:\n{}\nIts log:\n{}",
                self.house.transcript(),
                self.house.log()
            )
        })
    }

    /// The bytes of an uploaded file.
    pub(crate) fn png(&self, id: &str) -> Vec<u8> {
        let files = self.house.slack.files();
        files
            .into_iter()
            .find(|file| file.id == id)
            .unwrap()
            .content
            .unwrap()
    }

    pub(crate) fn webhook(&self) -> String {
        format!("http://{}/hooks/alerts/main", self.door.address)
    }

    /// A notification as Alertmanager would send it.
    pub(crate) fn notification(&self, summary: &str) -> String {
        let mut generator = reqwest::Url::parse(&format!("{}/graph", self.prometheus.url())).unwrap();
        generator.query_pairs_mut().append_pair("g0.expr", EXPRESSION);
        json!({
            "version": "4", "receiver": "otus", "status": "firing", "groupKey": "{}:{alertname=\"HighLatency\"}",
            "truncatedAlerts": 0, "groupLabels": { "alertname": "HighLatency" }, "externalURL": self.alertmanagers[0].url(),
            "alerts": [{
                "status": "firing", "fingerprint": "0123456789abcdef",
                "labels": { "alertname": "HighLatency", "service": "api", "environment": "production", "severity": "page" },
                "annotations": { "summary": summary },
                "startsAt": jiff::Timestamp::now().to_string(), "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": generator.to_string(),
            }],
        })
        .to_string()
    }

    /// Where an Alertmanager is.
    pub(crate) fn alertmanager(&self, nth: usize) -> String {
        self.alertmanagers[nth].url()
    }

    /// All silences, as an Alertmanager tells them.
    pub(crate) async fn silences(&self, nth: usize) -> Value {
        let url = format!("{}/api/v2/silences", self.alertmanagers[nth].url());
        self.client.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// Those that hold.
    pub(crate) async fn active_silences(&self, nth: usize) -> Vec<Value> {
        let mut all = self.silences(nth).await.as_array().unwrap().clone();
        all.retain(|silence| silence["status"]["state"] == "active");
        all
    }

    /// Somebody silences the alert in every Alertmanager, without the robot.
    pub(crate) async fn silence_elsewhere(&self) {
        let now = jiff::Timestamp::now();
        let body = json!({
            "matchers": [{ "name": "alertname", "value": "HighLatency", "isRegex": false, "isEqual": true }],
            "startsAt": now.to_string(),
            "endsAt": (now + jiff::SignedDuration::from_hours(1)).to_string(),
            "createdBy": "carol", "comment": "known",
        });
        for one in &self.alertmanagers {
            let url = format!("{}/api/v2/silences", one.url());
            let answer = self.client.post(url).json(&body).send().await.unwrap();
            assert!(answer.status().is_success());
        }
    }

    pub(crate) async fn unsilence_elsewhere(&self) {
        for (nth, one) in self.alertmanagers.iter().enumerate() {
            for silence in self.active_silences(nth).await {
                let url = format!("{}/api/v2/silence/{}", one.url(), silence["id"].as_str().unwrap());
                assert!(
                    self.client
                        .delete(url)
                        .send()
                        .await
                        .unwrap()
                        .status()
                        .is_success()
                );
            }
        }
    }

    pub(crate) async fn restart_alertmanager(&mut self, nth: usize) {
        self.alertmanagers[nth].restart().await.unwrap();
    }

    /// Waits until webhooks have come in again: each Alertmanager repeats what fires every two seconds.
    pub(crate) async fn heard_again(&self) {
        let before = self.door.knocks();
        self.wait("no webhook comes any more", async || {
            (self.door.knocks() > before + 4).then_some(())
        })
        .await;
    }
}

/// Serves what the shop measures; its address.
async fn exporter(slow: Arc<AtomicBool>) -> String {
    let meter = Arc::new(Mutex::new(Meter {
        last: Instant::now(),
        counts: [[0.0; 3]; 3],
    }));
    let scrape = move || {
        let (meter, slow) = (meter.clone(), slow.clone());
        async move { meter.lock().unwrap().scrape(slow.load(Ordering::SeqCst)) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        axum::serve(listener, Router::new().route("/metrics", get(scrape)))
            .await
            .unwrap();
    });
    address
}
