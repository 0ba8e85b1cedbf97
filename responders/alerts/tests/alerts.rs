//! Alerts as their channels read them: notifications in, messages out, and what people say about them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp};
use otus::{
    MemoryStore, Store,
    message::ChannelKind,
    prelude::*,
    room::{Clock, Fuse, PATIENCE, RoomChat, What},
    store::{Deploy, DeployState},
    web::{Answer, Request},
};
use otus_emulators::{
    grafana::{Grafana, Options},
    prometheus::{Effect, Prometheus, Story},
};
use otus_monitoring::{PrometheusConfig, grafana::GrafanaConfig, step::Rules};
use otus_responder_alerts::{Alerts, Settings};
use serde_json::{Value, json};
use std::sync::Arc;

const CHANNEL: &str = "C012AB3CD";
const TOKEN: &str = "a token of alertmanager";
const CATALOG: &str = "[environments.production]\naliases = [\"prod\"]\n[services.api]\n[services.web]\n";
const EXPRESSION: &str = "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket{environment=\"production\"}[1m]))) > 0.5";

#[derive(Clone)]
struct Scene {
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
    changes: Value,
    prometheus: Option<otus_monitoring::Prometheus>,
    grafana: Option<otus_monitoring::grafana::Grafana>,
}

impl Scene {
    fn set() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            chat: Arc::default(),
            clock: Clock::default(),
            changes: json!({}),
            prometheus: None,
            grafana: None,
        }
    }

    fn room(&self, fuse: &Fuse) -> Room {
        let mut section = json!({
            "channel": CHANNEL,
            "wait": "0s",
            "poll": "1h",
            "sources": { "main": { "token": TOKEN }, "grafana": { "token": TOKEN } },
        });
        for (key, value) in self.changes.as_object().unwrap() {
            section[key] = value.clone();
        }
        let settings: Settings = serde_json::from_value(section).unwrap();
        let prometheus = self.prometheus.clone().map(Arc::new);
        let room = Room::builder()
            .catalog(CATALOG)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .responder(
                Alerts::new(
                    settings,
                    prometheus,
                    Rules::default(),
                    self.grafana.clone().map(Arc::new),
                )
                .unwrap(),
            )
            .open();
        room.robot().start();
        room
    }

    /// The messages of alerts, with their channels, once there are such.
    async fn messages(&self, what: impl Fn(&[String]) -> bool) -> Vec<String> {
        let looking = self.chat.wait(|chat| {
            let shown = chat.messages().into_iter();
            let mine =
                shown.filter(|(_, post)| post.key.as_ref().is_some_and(|key| key.starts_with("alert ")));
            let mine: Vec<String> = mine
                .map(|(message, post)| format!("{}: {}", message.channel, post.plain()))
                .collect();
            what(&mine).then_some(mine)
        });
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(messages) => messages,
            Err(_) => panic!("the messages did not come to read so\n{}", self.chat.transcript()),
        }
    }

    /// The only one, once it reads so.
    async fn message(&self, what: impl Fn(&str) -> bool) -> String {
        let mut all = self.messages(|all| all.iter().any(|text| what(text))).await;
        assert_eq!(all.len(), 1, "{}", self.chat.transcript());
        all.remove(0)
    }

    /// Nobody minds what else was said.
    fn enough(&self) {
        while self.chat.take_unexpected().is_some() {}
    }
}

fn alert(labels: Value, ended: bool) -> Value {
    let starts = Timestamp::now() - SignedDuration::from_mins(3);
    let mut all = json!({ "alertname": "HighLatency", "severity": "page", "environment": "production" });
    for (name, value) in labels.as_object().unwrap() {
        all[name] = value.clone();
    }
    let mut generator = url::Url::parse("http://prometheus.test/graph").unwrap();
    generator.query_pairs_mut().append_pair("g0.expr", EXPRESSION);
    json!({
        "status": if ended { "resolved" } else { "firing" },
        "labels": all,
        "annotations": {
            "summary": format!("p95 of {} is high", labels["service"].as_str().unwrap()),
            "runbook_url": "https://runbooks.test/HighLatency",
            "dashboard_url": "javascript:alert(1)",
        },
        "startsAt": starts.to_string(),
        "endsAt": if ended { Timestamp::now().to_string() } else { "0001-01-01T00:00:00Z".to_owned() },
        "generatorURL": generator.to_string(),
        "fingerprint": labels["service"].as_str().unwrap(),
    })
}

fn notification(alerts: &[Value]) -> String {
    let fires = alerts.iter().any(|alert| alert["status"] == "firing");
    json!({
        "version": "4", "receiver": "otus", "status": if fires { "firing" } else { "resolved" },
        "alerts": alerts, "groupLabels": { "alertname": "HighLatency" }, "truncatedAlerts": 0,
        "groupKey": "{}:{alertname=\"HighLatency\"}", "externalURL": "http://alertmanager.test",
    })
    .to_string()
}

async fn send(room: &Room, source: &str, body: &str) -> Answer {
    let request = Request::new("POST", format!("/hooks/alerts/{source}"), body);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    room.robot().serve(request).await
}

/// Without what differs from run to run.
fn still(text: &str) -> String {
    let patterns = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)"),
        (r"resolved after \d+ (s|min)( \d+ s)?", "resolved after 3 min"),
        (r"for \d+ min( \d+ s)?", "for 3 min"),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}

#[tokio::test]
async fn a_group_is_one_message_from_firing_to_resolved() {
    let scene = Scene::set();
    let mut room = scene.room(&Fuse::default());
    room.go_to(CHANNEL, ChannelKind::Public);
    let (api, web) = (json!({ "service": "api" }), json!({ "service": "web" }));
    let one = notification(&[alert(api.clone(), false)]);
    assert_eq!(send(&room, "main", &one).await.status, 200);
    let text = scene.message(|text| text.contains("firing")).await;
    insta::assert_snapshot!("1_firing", still(&text));

    for _ in 0..2 {
        send(
            &room,
            "main",
            &notification(&[alert(api.clone(), false), alert(web.clone(), false)]),
        )
        .await;
    }
    let text = scene.message(|text| text.contains("2 firing")).await;
    insta::assert_snapshot!("2_both", still(&text));

    let posted = scene.chat.messages()[0].0.clone();
    scene.enough();
    room.enter_thread(Some(posted.id.clone()));
    room.say("ann", "@otus ack").await;
    room.expect_reply("@ann acknowledged *HighLatency*.").await;
    let text = scene.message(|text| text.contains("acknowledged it")).await;
    insta::assert_snapshot!("3_acknowledged", still(&text));
    room.say("ann", "@otus ack").await;
    assert!(room.answer().await.plain().contains("already"));
    room.enter_thread(None);
    room.say("ann", "@otus alerts api").await;
    insta::assert_snapshot!("4_list", still(&room.answer().await.plain()));
    room.say("ann", "@otus alerts nothing-like-it").await;
    insta::assert_snapshot!("4_list_of_none", room.answer().await.plain());

    send(
        &room,
        "main",
        &notification(&[alert(api, true), alert(web, true)]),
    )
    .await;
    let text = scene.message(|text| text.contains("resolved after")).await;
    insta::assert_snapshot!("5_resolved", still(&text));
    room.say("ann", "@otus alerts").await;
    room.expect_reply("✅ Nothing fires").await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_what_can() {
    let scene = Scene::set();
    let mut room = scene.room(&Fuse::default());
    room.go_to(CHANNEL, ChannelKind::Public);
    send(
        &room,
        "main",
        &notification(&[alert(json!({ "service": "api" }), false)]),
    )
    .await;
    scene.message(|text| text.contains("firing")).await;
    scene.enough();
    let mut told = String::new();
    for said in [
        "ack",
        "ack 0000",
        "silences",
        "silence HighLatency for 2h",
        "silence a=~\"(\" for 2h",
        "silence HighLatency for 90d",
        "unsilence 0000",
    ] {
        room.say("ann", &format!("@otus {said}")).await;
        told += &format!("> {said}\n{}\n", room.answer().await.plain());
    }
    insta::assert_snapshot!("refusals", told);
}

#[tokio::test]
async fn alerts_of_one_group_go_where_their_labels_say() {
    let mut scene = Scene::set();
    scene.changes = json!({ "routes": [
        { "match": ["service=web"], "channel": "C2", "mention": "S1" },
        { "match": ["severity=page"], "channel": "C3", "continue": true },
        { "source": "grafana", "channel": "C4" },
    ] });
    let room = scene.room(&Fuse::default());
    let both = [
        alert(json!({ "service": "api" }), false),
        alert(json!({ "service": "web" }), false),
    ];
    send(&room, "main", &notification(&both)).await;
    let all = scene.messages(|all| all.len() == 2).await;
    scene.enough();
    let of = |channel: &str| all.iter().find(|text| text.starts_with(channel)).unwrap().clone();
    assert!(
        of("C2").contains("p95 of web is high") && of("C2").contains("@S1"),
        "{all:#?}"
    );
    assert!(
        of("C3").contains("p95 of api is high") && !of("C3").contains("@S1"),
        "{all:#?}"
    );
}

#[tokio::test]
async fn a_message_goes_on_where_it_is_when_the_routes_change() {
    let mut scene = Scene::set();
    let fuse = Fuse::default();
    let before = scene.room(&fuse);
    let api = json!({ "service": "api" });
    send(&before, "main", &notification(&[alert(api.clone(), false)])).await;
    scene.message(|text| text.contains("firing")).await;
    fuse.burn();
    scene.changes = json!({ "channel": "C2" });
    let after = scene.room(&Fuse::default());
    send(&after, "main", &notification(&[alert(api, true)])).await;
    let all = scene
        .messages(|all| {
            all.iter()
                .any(|text| text.starts_with(CHANNEL) && text.contains("resolved after"))
        })
        .await;
    scene.enough();
    assert!(all.iter().all(|text| !text.contains("firing")), "{all:#?}");
}

#[tokio::test]
async fn grafana_says_what_it_knows() {
    let scene = Scene::set();
    let room = scene.room(&Fuse::default());
    let body = json!({
        "receiver": "otus", "status": "firing", "orgId": 1, "version": "1", "groupKey": "{}/{}:{}", "truncatedAlerts": 0,
        "groupLabels": { "alertname": "Orders fell", "grafana_folder": "Shop" }, "externalURL": "https://grafana.test/",
        "title": "[FIRING:1] Orders fell", "state": "alerting", "message": "**Firing**",
        "alerts": [{
            "status": "firing",
            "labels": { "alertname": "Orders fell", "grafana_folder": "Shop" },
            "annotations": { "summary": "Fewer orders than <usual>" },
            "startsAt": Timestamp::now().to_string(), "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.test/alerting/grafana/a1/view?orgId=1", "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.test/alerting/silence/new", "dashboardURL": "https://grafana.test/d/shop?orgId=1",
            "panelURL": "https://grafana.test/d/shop?orgId=1&viewPanel=2", "values": { "B": 3.25, "C": 1.0 },
        }],
    });
    assert_eq!(send(&room, "grafana", &body.to_string()).await.status, 200);
    let text = scene.message(|text| text.contains("Orders fell")).await;
    scene.enough();
    insta::assert_snapshot!("grafana", still(&text));
}

#[tokio::test]
async fn the_graph_comes_after_the_words_with_the_deploy_it_came_after() {
    let mut scene = Scene::set();
    let now = Timestamp::now();
    let story = Story::new(
        7,
        &["api", "web"],
        &["production"],
        now - SignedDuration::from_mins(90),
    );
    let bad = now - SignedDuration::from_mins(9);
    story.deploy_at(bad, "api", "production", "2.0", Effect::Slow);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let prometheus = Prometheus::start(story, listener).unwrap();
    let config = PrometheusConfig {
        url: Some(prometheus.url()),
        ..PrometheusConfig::default()
    };
    scene.prometheus = Some(otus_monitoring::Prometheus::new(&config).unwrap());
    let deploy = |service: &str, version: &str, began| Deploy {
        id: format!("{service}-{version}"),
        service: service.into(),
        environment: "production".into(),
        version: version.into(),
        image: "i".into(),
        previous: None,
        by: "ann".into(),
        began,
        ended: None,
        state: DeployState::Succeeded,
        card: Some(otus::MessageRef {
            channel: "C9".into(),
            id: otus::MessageId::new("5.5"),
        }),
        note: None,
        details: Value::Null,
        generation: 1,
    };
    let sha = "3f2c1a9000000000000000000000000000000000";
    scene.store.record_deploy(&deploy("api", sha, bad)).await.unwrap();
    // Of another service, and later: it is not to blame.
    let later = now - SignedDuration::from_mins(5);
    scene
        .store
        .record_deploy(&deploy("web", "7", later))
        .await
        .unwrap();
    let room = scene.room(&Fuse::default());
    send(
        &room,
        "main",
        &notification(&[alert(json!({ "service": "api" }), false)]),
    )
    .await;
    let text = scene.message(|text| text.contains("[picture:")).await;
    scene.enough();
    assert!(
        text.contains(
            "🚀 6 minutes after `api@3f2c1a9` went to *production* · the deploy (https://chat.test/C9/5.5)"
        ),
        "{text}"
    );
    assert!(
        text.contains("alert at > 500 ms") && text.contains("Value now"),
        "{text}"
    );
    let shown = scene.chat.shown().into_iter().find_map(|post| {
        post.card?.parts.into_iter().find_map(|part| match part {
            otus::Part::Picture(picture) => Some(picture),
            _ => None,
        })
    });
    let picture = shown.unwrap();
    let file = scene.chat.picture(&picture.file).unwrap();
    assert!(file.bytes.starts_with(b"\x89PNG"));
    for words in ["HighLatency", "deploy api 3f2c1a9", "500 ms"] {
        assert!(picture.alt.contains(words), "{words}: {}", picture.alt);
    }
    assert!(!picture.alt.contains("deploy web"), "{}", picture.alt);
    if let Some(folder) = std::env::var_os("OTUS_TEST_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("alert-room.png"), &file.bytes).unwrap();
    }
    prometheus.stop().await;
}

/// An alert of a rule that Grafana evaluates.
fn of_grafana(grafana: &str, uid: &str, ended: bool) -> String {
    let starts = Timestamp::now() - SignedDuration::from_mins(3);
    let state = if ended { "resolved" } else { "firing" };
    json!({
        "receiver": "otus", "status": state, "orgId": 1, "version": "1", "groupKey": format!("{{}}/{{}}:{{{uid}}}"), "truncatedAlerts": 0,
        "groupLabels": { "alertname": "Slow" }, "externalURL": format!("{grafana}/"), "title": "Slow", "state": "alerting", "message": "",
        "alerts": [{
            "status": state, "labels": { "alertname": "Slow", "grafana_folder": "Shop", "service": "api" }, "annotations": {},
            "startsAt": starts.to_string(),
            "endsAt": if ended { Timestamp::now().to_string() } else { "0001-01-01T00:00:00Z".into() },
            "generatorURL": format!("{grafana}/alerting/grafana/{uid}/view?orgId=1"), "fingerprint": format!("c6eadffa33fcdf3{}", uid.len()),
        }],
    })
    .to_string()
}

#[tokio::test]
async fn an_alert_of_grafanas_own_has_the_graph_of_its_rule() {
    let mut scene = Scene::set();
    let now = Timestamp::now();
    let past = now - SignedDuration::from_mins(90);
    let story = Story::new(7, &["api", "web"], &["production"], past);
    story.deploy_at(
        now - SignedDuration::from_mins(9),
        "api",
        "production",
        "2.0",
        Effect::Slow,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let prometheus = Prometheus::start(story, listener).unwrap();
    let over = |value: f64| json!({ "type": "gt", "params": [value] });
    let rule = json!({
        "title": "Slow", "condition": "C",
        "data": [
            { "refId": "A", "datasourceUid": "prom", "model": {
                "refId": "A", "instant": true, "range": false,
                "expr": EXPRESSION.trim_end_matches(" > 0.5"),
            } },
            { "refId": "B", "datasourceUid": "__expr__", "model": { "type": "reduce", "expression": "A", "reducer": "last" } },
            { "refId": "C", "datasourceUid": "__expr__", "model": {
                "type": "threshold", "expression": "B", "conditions": [{ "evaluator": over(0.5) }],
            } },
        ],
    });
    let grafana = Grafana::start_with(Options {
        prometheus: Some(prometheus.url().to_owned()),
        rules: vec![("slow".into(), rule)],
        ..Options::default()
    })
    .await
    .unwrap();
    let config = GrafanaConfig {
        url: Some(grafana.url().to_owned()),
        token: Some(grafana.viewer_token().into()),
        ..GrafanaConfig::default()
    };
    // Prometheus itself is not known here: the rule's own data source is asked.
    scene.grafana = Some(otus_monitoring::grafana::Grafana::new(&config).unwrap());
    let room = scene.room(&Fuse::default());
    send(&room, "grafana", &of_grafana(grafana.url(), "slow", false)).await;
    let text = scene.message(|text| text.contains("[picture:")).await;
    assert!(
        text.contains("alert at > 500 ms") && text.contains("Value now"),
        "{text}"
    );
    let pictures = || {
        let shown = scene.chat.shown().into_iter();
        let parts = shown.filter_map(|post| post.card).flat_map(|card| card.parts);
        let pictures = parts.filter_map(|part| match part {
            otus::Part::Picture(picture) => Some(picture),
            _ => None,
        });
        pictures.collect::<Vec<_>>()
    };
    let picture = pictures().remove(0);
    for words in ["Slow", "500 ms", "api: last"] {
        assert!(picture.alt.contains(words), "{words}: {}", picture.alt);
    }
    if let Some(folder) = std::env::var_os("OTUS_TEST_PICTURES") {
        let file = scene.chat.picture(&picture.file).unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join("alert-grafana.png"),
            &file.bytes,
        )
        .unwrap();
    }
    send(&room, "grafana", &of_grafana(grafana.url(), "slow", true)).await;
    scene
        .message(|text| text.contains('✅') && text.contains("[picture:"))
        .await;
    let resolved = tokio::time::timeout(PATIENCE, async {
        while pictures().first().is_none_or(|now| now.file == picture.file) {
            tokio::task::yield_now().await;
        }
    });
    resolved.await.unwrap();
    // A rule that is gone costs the graph, and a Grafana that an alert only claims to be of is not asked.
    send(&room, "grafana", &of_grafana(grafana.url(), "gone", false)).await;
    let known = scene
        .messages(|all| all.iter().any(|text| text.contains("does not know the rule")))
        .await;
    assert_eq!(known.len(), 2, "{known:?}");
    let calls = grafana.calls().len();
    send(
        &room,
        "grafana",
        &of_grafana("http://127.0.0.1:9", "other-rule", false),
    )
    .await;
    scene.messages(|all| all.len() == 3).await;
    scene.enough();
    assert_eq!(grafana.calls().len(), calls);
    prometheus.stop().await;
}

#[tokio::test]
async fn a_stranger_and_garbage_are_turned_away() {
    let scene = Scene::set();
    let room = scene.room(&Fuse::default());
    let body = notification(&[alert(json!({ "service": "api" }), false)]);
    let request = Request::new("POST", "/hooks/alerts/main", body.clone());
    assert_eq!(room.robot().serve(request.clone()).await.status, 401);
    let wrong = request.header("Authorization", "Bearer a token of somebody else");
    let refused = room.robot().serve(wrong).await;
    assert_eq!(refused, Answer::new(401, "the token is missing or wrong\n"));
    assert_eq!(send(&room, "other", &body).await.status, 404);
    let told = send(&room, "main", "{}").await;
    assert_eq!(told.status, 400);
    assert!(
        told.body.contains("not what Alertmanager's webhook sends"),
        "{}",
        told.body
    );
    let over = notification(&[alert(json!({ "service": "api" }), true)]);
    assert_eq!(send(&room, "main", &over).await.status, 200);
    assert!(
        scene.store.entries("alerts").await.unwrap().is_empty(),
        "nobody was told that it fired"
    );
}

#[tokio::test]
async fn two_replicas_that_hear_the_same_post_once() {
    let scene = Scene::set();
    let (one, other) = (scene.room(&Fuse::default()), scene.room(&Fuse::default()));
    let body = notification(&[alert(json!({ "service": "api" }), false)]);
    for _ in 0..3 {
        let both = tokio::join!(send(&one, "main", &body), send(&other, "main", &body));
        assert_eq!((both.0.status, both.1.status), (200, 200));
    }
    scene.message(|text| text.contains("firing")).await;
    let over = notification(&[alert(json!({ "service": "api" }), true)]);
    tokio::join!(send(&one, "main", &over), send(&other, "main", &over));
    scene.message(|text| text.contains("resolved after")).await;
    scene.enough();
}

/// A robot that is killed at any of its calls to the outside, and another that comes after it: what was acknowledged is told, once.
#[tokio::test]
async fn wherever_it_dies_the_next_one_tells_it_once() {
    let body = notification(&[alert(json!({ "service": "api" }), false)]);
    let mut survived = false;
    for call in 1..60 {
        for done in [false, true] {
            let scene = Scene::set();
            let fuse = Fuse::at(call, done);
            let first = scene.room(&fuse);
            let told = async {
                let answered = send(&first, "main", &body).await;
                assert_eq!(answered.status, 200);
                scene.message(|text| text.contains("firing")).await;
            };
            tokio::select! {
                biased;
                () = fuse.burnt() => {}
                () = told => {}
            }
            survived = !fuse.is_burnt();
            fuse.burn();
            // Whatever it held is free by then.
            scene.clock.jump(SignedDuration::from_mins(5));
            let second = scene.room(&Fuse::default());
            // Alertmanager sends again what was not acknowledged, and now and then anyway.
            assert_eq!(send(&second, "main", &body).await.status, 200);
            scene.message(|text| text.contains("firing")).await;
            let posts = scene
                .chat
                .said()
                .into_iter()
                .filter(|said| matches!(said.what, What::Post(_)));
            assert_eq!(
                posts.count(),
                1,
                "call {call}, done {done}:\n{}",
                scene.chat.transcript()
            );
            scene.enough();
        }
        if survived {
            return;
        }
    }
    panic!("it never came through");
}
