//! Graphs with the real program, an emulated Slack and a real Prometheus: drawn anew by their buttons, beside last week, behind a link,
//! on schedule.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, words};
use otus_emulators::{
    grafana,
    real::RealPrometheus,
    slack::{Fault, Message, World},
};
use std::fmt::Write as _;

const WEEK: i64 = 7 * 86_400;

const REQUESTS: &str = r#"
[responders.graphs.queries.requests]
query = 'sum by (service) (rate(http_requests_total{service=~"$service"}[$__rate_interval]))'
title = "Requests"
unit = "per-second"
"#;

/// Two hours of requests until now, and the same two hours a week ago with a third of them.
fn metrics() -> String {
    let now = jiff::Timestamp::now().as_second();
    let mut text = String::from("# TYPE http_requests counter\n");
    for (service, rate) in [("api", 30), ("web", 12)] {
        let mut count = 0;
        for (end, share) in [(now - WEEK, 1), (now, 3)] {
            for step in 0..=480 {
                count += rate * share * 15 / 3;
                let at = end - (480 - step) * 15;
                writeln!(text, "http_requests_total{{service=\"{service}\"}} {count} {at}").unwrap();
            }
        }
    }
    text + "# EOF\n"
}

/// A house in front of a Prometheus that knows two weeks.
async fn open(more: &str) -> (House, RealPrometheus) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prometheus = RealPrometheus::start(metrics()).await.unwrap();
    let mut house = House::build(Some(prometheus.url())).await;
    house.instead("[prometheus]\n", "[prometheus]\ntimeout = \"2s\"\n");
    house.configure(&format!("{REQUESTS}{more}"));
    house.start().await;
    (house, prometheus)
}

/// The file a message shows, and the words for who cannot see it.
fn picture(message: &Message) -> Option<(String, String)> {
    let image = message.blocks.iter().find(|block| block["type"] == "image")?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Some((text(&image["slack_file"]["id"])?, text(&image["alt_text"])?))
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_draw_it_anew_in_its_message_after_a_restart_too() {
    let (mut house, prometheus) = open("").await;
    house.say("@otus graph requests for api");
    let title = |time: &'static str| move |text: &str| text.contains(&format!("*Requests · api, {time}*"));
    let first = house.shown(title("last 1h")).await;
    let (file, alt) = picture(&first).unwrap();
    assert!(alt.contains("Requests · api") && alt.contains("last 30"), "{alt}");

    // Beside last week: what it was then is in the picture.
    house.slack.click("bob", first.ts, "vs last week").unwrap();
    let beside = house.shown(title("last 1h beside last week")).await;
    let (week, alt) = picture(&beside).unwrap();
    assert_eq!(beside.ts, first.ts);
    assert_ne!(week, file);
    assert!(alt.contains("last week"), "{alt}");
    assert!(
        words(&beside).contains("<@U0BOB> looks at the last 1h beside last week"),
        "{}",
        words(&beside)
    );
    keep("graph-beside-last-week.png", &house, &week);

    // Whoever comes after a restart finds all that is needed on the button.
    house.kill().await;
    house.start().await;
    house.slack.click("ann", first.ts, "6h").unwrap();
    let later = house.shown(title("last 6h beside last week")).await;
    let (hours, alt) = picture(&later).unwrap();
    assert_eq!(later.ts, first.ts);
    assert!(alt.contains("last week"), "{alt}");
    house.slack.click("ann", first.ts, "Without last week").unwrap();
    house.shown(title("last 6h")).await;

    // What cannot be drawn is said, and the old picture stays.
    let before = house.shown(title("last 6h")).await;
    prometheus.freeze().unwrap();
    house.slack.click("bob", first.ts, "24h").unwrap();
    let failed = house
        .shown(|text| text.contains("That query took too long."))
        .await;
    assert!(
        words(&failed).contains("The picture is still the one from before."),
        "{}",
        words(&failed)
    );
    assert!(words(&failed).contains("<@U0BOB>"), "{}", words(&failed));
    assert_eq!(failed.thread_ts, first.thread_ts);
    let after = house.shown(title("last 6h")).await;
    assert_eq!(picture(&after), picture(&before));
    prometheus.thaw().unwrap();

    // A chat that does not show a picture at once is asked again.
    house
        .slack
        .fail_next("chat.update", Fault::Error("invalid_blocks".into()), 2);
    house.slack.click("bob", first.ts, "24h").unwrap();
    let day = house.shown(title("last 24h")).await;
    assert_ne!(picture(&day).unwrap().0, hours);
    house
        .slack
        .fail_next("chat.postMessage", Fault::Error("invalid_blocks".into()), 1);
    house.say("@otus graph requests");
    house.shown(|text| text.contains("*Requests, last 1h*")).await;
    assert_eq!(pictures(&house).len(), 2, "{}", house.transcript());
}

/// The messages that show a picture.
fn pictures(house: &House) -> Vec<Message> {
    let mut all = house.answers();
    all.retain(|message| picture(message).is_some());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_who_presses_and_a_link_is_for_who_may_ask() {
    let rule = "[[policy.rules]]\nname = \"graphs are for SREs\"\ncommands = [\"graphs.named\", \"graphs.promql\"]\nroles = [\"sre\"]\n";
    let (house, prometheus) = open(rule).await;
    let say = |who: &str, text: &str| house.slack.say(who, "#deploys", text).unwrap();
    say("bob", "@otus graph requests");
    let shown = house.shown(|text| text.contains("*Requests, last 1h*")).await;
    house.slack.click("ann", shown.ts, "6h").unwrap();
    house.shown(|text| text.contains("graphs are for SREs")).await;
    let still = house.shown(|text| text.contains("*Requests, ")).await;
    assert_eq!(picture(&still), picture(&shown));

    let link = format!(
        "look at {}/query?g0.expr=sum(rate(http_requests_total%5B5m%5D))&g0.show_tree=0&g0.tab=graph&g0.range_input=30m",
        prometheus.url()
    );
    say("ann", &link);
    house.say("@otus ping");
    house.shown(|text| text == "pong").await;
    let pasted = say("bob", &link);
    let answer = house.shown(|text| text.contains("*Query, last 30m*")).await;
    assert_eq!(answer.thread_ts, Some(pasted));
    assert!(picture(&answer).is_some());
    house.slack.click("bob", answer.ts, "1h").unwrap();
    house.shown(|text| text.contains("*Query, last 1h*")).await;
    house.slack.quiet(house::SOON).await.unwrap();
    assert_eq!(pictures(&house).len(), 2, "{}", house.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_graph_posts_itself() {
    let (house, _prometheus) = open("").await;
    house.say("@otus every weekday at 9:00: graph requests for api vs last week");
    let made = house
        .shown(|text| text.contains("every weekday at 09:00 (Europe/Berlin)"))
        .await;
    assert!(
        words(&made).contains("`graph requests for api vs last week`"),
        "{}",
        words(&made)
    );
    house.say("@otus in 2s graph requests for web vs last week");
    let posted = house
        .shown(|text| text.contains("*Requests · web, last 1h beside last week*"))
        .await;
    assert!(picture(&posted).unwrap().1.contains("last week"));
    assert_eq!(posted.thread_ts, None, "{}", house.transcript());
    assert!(
        words(&posted).contains("scheduled by <@U0ANN>"),
        "{}",
        words(&posted)
    );
    house.slack.click("bob", posted.ts, "6h").unwrap();
    let later = house
        .shown(|text| text.contains("*Requests · web, last 6h beside last week*"))
        .await;
    assert_eq!(later.ts, posted.ts);
}

/// Keeps a picture where somebody wants to look at it.
fn keep(name: &str, house: &House, id: &str) {
    if let Some(folder) = std::env::var_os("OTUS_TEST_PICTURES") {
        let files = house.slack.files();
        let file = files.iter().find(|file| file.id == id).unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join(name),
            file.content.as_ref().unwrap(),
        )
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_of_grafana_is_drawn_and_a_pasted_link_to_one_is_for_who_may_ask() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prometheus = RealPrometheus::start(metrics()).await.unwrap();
    let panel = serde_json::json!({
        "id": 4, "type": "timeseries", "title": "Requests of $service", "fieldConfig": {"defaults": {"unit": "reqps"}},
        "targets": [{"refId": "A", "legendFormat": "{{service}}",
            "expr": "sum by (service) (rate(http_requests_total{service=~\"$service\"}[$__rate_interval]))"}],
    });
    let variable = serde_json::json!({
        "name": "service", "type": "query", "query": "label_values(http_requests_total, service)", "refresh": 1, "multi": true,
        "includeAll": true, "current": {"text": "All", "value": "$__all"},
    });
    let spec = serde_json::json!({"title": "Requests of all", "panels": [panel], "templating": {"list": [variable]}});
    let options = grafana::Options {
        prometheus: Some(prometheus.url().to_owned()),
        boards: vec![grafana::Board::classic("all", spec)],
        ..grafana::Options::default()
    };
    let emulated = grafana::Grafana::start_with(options).await.unwrap();
    let mut house = House::build(None).await;
    house.configure(&format!(
        "[grafana]\nurl = \"{}\"\ntoken = \"{}\"\n\
         [[policy.rules]]\nname = \"dashboards are for SREs\"\ncommands = [\"graphs.dashboard\"]\nroles = [\"sre\"]\n",
        emulated.url(),
        emulated.viewer_token()
    ));
    house.start().await;
    let say = |who: &str, text: &str| house.slack.say(who, "#deploys", text).unwrap();
    say("bob", "@otus dashboard requests of all");
    house.shown(|text| text.contains("Open in Grafana")).await;
    let drawn = house.slack.files();
    assert_eq!(drawn.len(), 1);
    // What Slack sends of an address is not what was typed, and is found all the same; Ann may not ask, so she is shown nothing.
    let link = format!(
        "see {}/d/all/x?viewPanel=panel-4&from=now-30m&to=now&var-service=web",
        emulated.url()
    );
    say("ann", &link);
    say("ann", "@otus ping");
    house.shown(|text| text == "pong").await;
    say("bob", &link);
    let two = |world: &World| (world.files().filter(|file| file.completed).count() == 2).then_some(());
    house.slack.wait_for(house::SOON, two).await.unwrap();
    house.slack.quiet(house::SOON).await.unwrap();
    let files = house.slack.files();
    assert_eq!(files.len(), 2, "{}", house.transcript());
    assert!(
        files
            .iter()
            .any(|file| file.title.starts_with("Requests of all · Requests of web")),
        "{}",
        house.transcript()
    );
}
