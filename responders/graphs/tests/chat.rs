//! Graphs as people see them: a chat, and an emulated Prometheus behind it.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::post};
use jiff::{SignedDuration, Timestamp};
use otus::{
    MemoryStore, MessageId, Robot, RobotConfig, Room, Store, UserId,
    audit::Entry,
    chat::Person,
    operations::{Lease, Operation, Origin, Plan, Saved, State, Target, Wish},
    policy::Verdict,
    prelude::File,
    responder::Setup,
    room::What,
    services::Resources,
    store::{Deploy, DeployState},
};
use otus_emulators::prometheus::{Effect, Prometheus as Emulated, Story};
use otus_flags::{Author, Definition, Edit, Flags, MemoryFlagStore};
use otus_monitoring::{Prometheus, PrometheusConfig, step::Rules};
use otus_responder_graphs::{Graphs, Settings};
use tokio::net::TcpListener;

const CATALOG: &str = "
    [services.api]
    aliases = ['backend']
    [services.web]
    [environments.production]
";

const QUERIES: &str = r#"
    [queries.latency]
    query = 'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket{service="$service", environment="production"}[$__rate_interval])))'
    title = "p95 latency"
    about = "How long requests take"
    threshold = "> 500ms"
    [queries.requests]
    query = 'sum by (service) (rate(http_requests_total{environment="production"}[$__rate_interval]))'
    title = "Requests"
    [queries.errors]
    query = 'sum(rate(http_requests_total{service="$service", environment="$environment"}[$__rate_interval]))'
    title = "Errors"
    [queries.overview]
    title = "Overview"
    panels = ["latency", "requests", "nothing"]
    [evidence]
    graphs = ["latency", "requests"]
    before = "20m"
    wait = "10m"
    [queries.nothing]
    query = 'sum(nobody_has_this{service=~"$service"})'
    range = "30m"
"#;

fn settings() -> Settings {
    toml::from_str(QUERIES).expect("the test's settings")
}

fn client(url: String, timeout: Duration) -> Prometheus {
    let config = PrometheusConfig {
        url: Some(url),
        timeout,
        ..PrometheusConfig::default()
    };
    Prometheus::new(&config).expect("a client")
}

/// A room whose Prometheus tells two hours of a shop.
struct Shop {
    room: Room,
    story: Story,
    store: Arc<dyn Store>,
    _prometheus: Emulated,
}

async fn shop() -> Shop {
    let past = SignedDuration::from_hours(2);
    let story = Story::with_past(7, &["api", "web"], &["production"], Timestamp::now(), past);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let prometheus = Emulated::start(story.clone(), listener).expect("an emulated Prometheus");
    let client = client(prometheus.url(), Duration::from_secs(20));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let room = room_with(Some(client), store.clone());
    Shop {
        room,
        story,
        store,
        _prometheus: prometheus,
    }
}

fn room_with(prometheus: Option<Prometheus>, store: Arc<dyn Store>) -> Room {
    let graphs =
        Graphs::new(settings(), prometheus.map(Arc::new), Rules::default()).expect("settings that work");
    Room::builder()
        .catalog(CATALOG)
        .store(store)
        .responder(graphs)
        .open()
}

fn alt(file: &File) -> &str {
    file.alt.as_deref().expect("words for who cannot see it")
}

fn deploy(id: &str, service: &str, began: Timestamp) -> Deploy {
    Deploy {
        id: id.into(),
        service: service.into(),
        environment: "production".into(),
        version: format!("v{id}"),
        image: "i".into(),
        previous: None,
        by: UserId::new("U1"),
        began,
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: serde_json::Value::Null,
        generation: 1,
    }
}

#[tokio::test]
async fn a_named_graph_is_shown_in_the_thread() {
    let mut shop = shop().await;
    let said = shop.room.say("ann", "@otus graph latency").await;
    let answer = shop.room.next_said().await;
    let What::Post(post) = answer.what else {
        panic!("a picture was expected, not {answer:?}")
    };
    let file = shop.room.chat().shown_in(&post).expect("a picture");
    assert_eq!(answer.place.thread, Some(said));
    let buttons = post.card.as_ref().expect("a card").buttons.clone();
    let commands: Vec<String> = buttons.into_iter().map(|button| button.command).collect();
    assert_eq!(
        commands,
        [
            "graph latency 1h here",
            "graph latency 6h here",
            "graph latency 1d here",
            "graph latency 1w here",
            "graph latency 1h vs last week here"
        ]
    );
    let words: Vec<String> = post.plain().lines().map(str::to_owned).collect();
    assert_eq!(words[0], "*p95 latency, last 1h*");
    assert_eq!(words[2], "[1h] [6h] [24h] [7d] [vs last week]");
    assert!(file.bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(
        (file.name.as_str(), file.title.as_str()),
        ("latency-1h.png", "p95 latency, last 1h")
    );
    assert_eq!(file.comment, None);
    assert!(
        alt(&file).starts_with("p95 latency, 2 series, "),
        "{}",
        alt(&file)
    );
    assert!(
        alt(&file).contains("UTC") && alt(&file).contains("api: last "),
        "{}",
        alt(&file)
    );
}

#[tokio::test]
async fn a_time_and_a_service_can_be_said() {
    let mut shop = shop().await;
    for words in [
        "graph latency 30m for backend",
        "graph Latency last 30m for api",
        "graph latency for api over 30m",
    ] {
        shop.room.say("ann", &format!("@otus {words}")).await;
        let file = shop.room.expect_file().await;
        assert_eq!(file.name, "latency-api-30m.png");
        assert!(
            alt(&file).starts_with("p95 latency · api, 1 series, "),
            "{}",
            alt(&file)
        );
    }
}

#[tokio::test]
async fn promql_is_drawn_in_the_viewer_s_own_time() {
    let mut shop = shop().await;
    let zone = Some("Asia/Kathmandu".to_owned());
    shop.room.chat().introduce(
        "ann",
        Person {
            zone,
            ..Person::default()
        },
    );
    shop.room
        .say("ann", "@otus graph `sum(rate(http_requests_total[5m])) > 1` 45m")
        .await;
    let file = shop.room.expect_file().await;
    assert_eq!(file.name, "query-45m.png");
    assert!(alt(&file).contains("Asia/Kathmandu"), "{}", alt(&file));
    assert!(
        alt(&file).contains("above 1/s"),
        "the comparison is a limit: {}",
        alt(&file)
    );
    assert!(alt(&file).contains("/s"), "{}", alt(&file));
}

#[tokio::test]
async fn deploys_of_what_is_shown_are_marked() {
    let mut shop = shop().await;
    let began = Timestamp::now() - SignedDuration::from_mins(20);
    for (id, service) in [("1", "api"), ("2", "web")] {
        let recorded = shop.store.record_deploy(&deploy(id, service, began)).await;
        assert!(recorded.expect("stored"));
    }
    let old = Deploy {
        environment: "staging".into(),
        ..deploy("3", "api", began - SignedDuration::from_mins(5))
    };
    assert!(shop.store.record_deploy(&old).await.expect("stored"));
    shop.story.deploy("api", "production", "v1", Effect::Slow);

    shop.room.say("ann", "@otus graph latency for api").await;
    let file = shop.room.expect_file().await;
    assert!(
        alt(&file).contains("deploy api v1 (running) at "),
        "{}",
        alt(&file)
    );
    assert!(
        !alt(&file).contains("deploy web") && !alt(&file).contains("v3"),
        "{}",
        alt(&file)
    );
    shop.room.say("ann", "@otus graph requests").await;
    let file = shop.room.expect_file().await;
    assert!(
        alt(&file).contains("deploy api v1") && alt(&file).contains("deploy web v2"),
        "{}",
        alt(&file)
    );
}

#[tokio::test]
async fn changes_of_flags_are_marked_where_they_are() {
    let shop = shop().await;
    let flags = Flags::start(Arc::new(MemoryFlagStore::new()))
        .await
        .expect("flags");
    for (set, minutes) in [("production", 20), ("staging", 10), ("production", 300)] {
        let edit = Edit::Put {
            key: format!("nav-{minutes}"),
            definition: Definition::switch(false),
        };
        let author = Author {
            by: "Ann".into(),
            reason: None,
            at: Timestamp::now() - SignedDuration::from_mins(minutes),
            operation: None,
        };
        flags.change(set, &edit, &author).await.expect("changed");
    }
    let prometheus = client(shop._prometheus.url(), Duration::from_secs(20));
    let graphs = Graphs::new(settings(), Some(Arc::new(prometheus)), Rules::default()).expect("settings");
    let mut room = Room::builder()
        .catalog(CATALOG)
        .resource(flags)
        .responder(graphs)
        .open();
    room.say("ann", "@otus graph requests").await;
    let file = room.expect_file().await;
    assert!(alt(&file).contains("flag nav-20 (new)"), "{}", alt(&file));
    assert!(
        !alt(&file).contains("nav-10") && !alt(&file).contains("nav-300"),
        "{}",
        alt(&file)
    );
}

/// An operation on api in production, asked by a message ten minutes ago.
fn operation(message: &MessageId) -> Operation {
    let asked = Timestamp::now() - SignedDuration::from_mins(10);
    let plan = Plan {
        target: Target::new("api", "production"),
        ..Plan::default()
    };
    Operation {
        id: "3f9c2ab01d".into(),
        kind: "deploy".into(),
        command: "deploy.deploy".into(),
        line: "deploy api to production".into(),
        ask: serde_json::Value::Null,
        hash: plan.hash(),
        plan,
        by: "ann".into(),
        name: "Ann".into(),
        origin: Origin {
            channel: "C1".into(),
            thread: None,
            message: Some(message.clone()),
            schedule: None,
        },
        reason: None,
        verdict: Verdict::refuse("not of interest here"),
        approvals: Vec::new(),
        asked,
        expires: None,
        started: Some(asked),
        ended: None,
        state: State::Running,
        card: None,
        wish: Wish::Go,
        wished_by: None,
        lease: Lease::default(),
        progress: serde_json::Value::Null,
        ending: None,
        told: true,
        revision: 0,
    }
}

#[tokio::test]
async fn a_thread_knows_its_service_and_time() {
    let mut shop = shop().await;
    let message = MessageId::new("1700000000.5");
    let saved = shop.store.save(&operation(&message), &[], &[]).await;
    assert_eq!(saved.expect("stored"), Saved::Yes(1));
    shop.room.enter_thread(Some(message));
    for (words, name, title) in [
        (
            "graph latency",
            "latency-api-30m.png",
            "p95 latency · api, last 30m",
        ),
        (
            "graph latency 45m",
            "latency-api-45m.png",
            "p95 latency · api, last 45m",
        ),
        (
            "graph errors",
            "errors-api-production-30m.png",
            "Errors · api in production, last 30m",
        ),
        (
            "graph latency for web",
            "latency-web-1h.png",
            "p95 latency · web, last 1h",
        ),
        ("graph requests", "requests-30m.png", "Requests, last 30m"),
    ] {
        shop.room.say("bob", &format!("@otus {words}")).await;
        let file = shop.room.expect_file().await;
        assert_eq!(
            (file.name.as_str(), file.title.as_str()),
            (name, title),
            "{words}"
        );
    }
    shop.room.enter_thread(None);
    shop.room.say("bob", "@otus graph errors in production").await;
    let file = shop.room.expect_file().await;
    assert_eq!(file.name, "errors-production-1h.png");
    shop.room.say("bob", "@otus graph latency in production").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.starts_with("The graph `latency` is not told apart by environment"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_wrong_query_is_answered_with_its_place() {
    let mut shop = shop().await;
    shop.room
        .say("ann", "@otus graph `sum(rate(http_requests_total[5m])`")
        .await;
    let answer = shop.room.answer().await.plain();
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines[0], "⚠️ Prometheus does not understand that query.");
    assert_eq!(lines[1], "sum(rate(http_requests_total[5m])");
    assert_eq!(lines[2].trim_start(), "^");
    let place = lines[2].len();
    assert!(
        lines[3].contains(&format!("1:{place}: ")),
        "the caret stands where Prometheus says: {answer}"
    );
    assert!(lines[3].contains("parse error: "), "{answer}");
}

#[tokio::test]
async fn no_data_is_said_with_a_way_on() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graph nothing for web").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.starts_with("⚠️ No data for `web` in the last 30m."),
        "{answer}"
    );
    assert!(
        answer.contains("sum(nobody_has_this{service=~\"web\"})"),
        "{answer}"
    );
    shop.room.press("ann", "Look at 1h").await;
    assert!(
        shop.room
            .answer()
            .await
            .plain()
            .starts_with("⚠️ No data for `web` in the last 1h.")
    );
}

#[tokio::test]
async fn what_is_misspelt_is_answered_with_what_is_near() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graph latncy 2h for api").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.starts_with("There is no graph called `latncy`. Did you mean `latency`?"),
        "{answer}"
    );
    shop.room.press("bob", "graph latency 2h for api").await;
    let answer = shop.room.answer().await;
    let file = shop.room.chat().shown_in(&answer).expect("a picture");
    assert_eq!(file.name, "latency-api-2h.png");
    let words = answer.plain();
    assert!(
        words.ends_with("@bob: `graph latency 2h for api`"),
        "a button says who asked: {words}"
    );

    shop.room.say("ann", "@otus graph latency for apy").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.starts_with("There is no service called `apy`. Did you mean `api`?"),
        "{answer}"
    );
    shop.room.say("ann", "@otus graph latency 5x").await;
    shop.room
        .expect_reply("`5x` is no good as <duration>: write for example `30m`, `6h`, `1h30m` or `2d`.")
        .await;
    shop.room.say("ann", "@otus graph latency 1y").await;
    shop.room
        .expect_reply("`1y` is too long for a graph; `90d` is the most.")
        .await;
    shop.room.say("ann", "@otus graph requests for api").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.starts_with("The graph `requests` is not told apart by service"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_list_has_buttons() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graphs").await;
    let answer = shop.room.answer().await.plain();
    assert!(answer.contains("• `latency` How long requests take"), "{answer}");
    shop.room.press("ann", "requests").await;
    assert_eq!(shop.room.expect_file().await.name, "requests-1h.png");
}

#[tokio::test]
async fn a_prometheus_that_is_down_is_told_plainly() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let mut room = room_with(
        Some(client(url, Duration::from_secs(20))),
        Arc::new(MemoryStore::new()),
    );
    room.say("ann", "@otus graph latency").await;
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("❌ I cannot reach Prometheus."), "{answer}");
}

#[tokio::test]
async fn a_robot_without_prometheus_says_so() {
    let mut room = room_with(None, Arc::new(MemoryStore::new()));
    room.say("ann", "@otus graph latency").await;
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("I know no Prometheus to ask."), "{answer}");
}

#[tokio::test]
async fn several_panels_are_one_picture() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graph overview 30m for api").await;
    let file = shop.room.expect_file().await;
    assert_eq!(
        (file.name.as_str(), file.title.as_str(), file.comment.as_deref()),
        ("overview-api-30m.png", "Overview · api, last 30m", None)
    );
    assert!(
        alt(&file).starts_with("Overview · api") && alt(&file).contains("p95 latency · api"),
        "{}",
        alt(&file)
    );
    assert!(alt(&file).contains("Requests"), "{}", alt(&file));
    keep(&file);
}

#[tokio::test]
async fn the_manner_is_said_behind_the_name() {
    let mut shop = shop().await;
    for (words, title) in [
        ("graph requests as stacked", "Requests, last 1h"),
        ("graph requests as stat top 1", "Requests, last 1h"),
        ("graph requests as gauge", "Requests, last 1h"),
        ("graph requests 30m as table", "Requests, last 30m"),
        (
            "graph requests from 50m ago to 20m ago as area",
            "Requests, from 50m ago to 20m ago",
        ),
        (
            "graph `sum by (le) (rate(http_request_duration_seconds_bucket[5m]))` as heatmap",
            "Query, last 1h",
        ),
    ] {
        shop.room.say("ann", &format!("@otus {words}")).await;
        let file = shop.room.expect_file().await;
        assert_eq!(file.title, title, "{words}");
        assert_eq!(
            words.contains("top 1"),
            alt(&file).starts_with("Requests · web"),
            "{words}: {}",
            alt(&file)
        );
        assert!(file.bytes.starts_with(b"\x89PNG"), "{words}");
        keep(&file);
    }
    shop.room.say("ann", "@otus graph requests vs last week").await;
    let answer = shop.room.answer().await;
    let file = shop.room.chat().shown_in(&answer).expect("a picture");
    assert_eq!(file.title, "Requests, last 1h beside last week");
    assert!(
        answer
            .plain()
            .contains("⚠️ Of last week there is no data to compare with."),
        "{}",
        answer.plain()
    );
    shop.room.say("ann", "@otus graph requests as cake").await;
    let answer = shop.room.answer().await.plain();
    assert!(
        answer.contains("a graph is drawn as `line`, `area`, `stacked`"),
        "{answer}"
    );
    shop.room
        .say("ann", "@otus graph requests from 1h ago to 2h ago")
        .await;
    let answer = shop.room.answer().await.plain();
    assert!(answer.starts_with("That ends before it begins"), "{answer}");
}

#[tokio::test]
async fn an_operation_that_ended_leaves_its_evidence_in_its_thread() {
    let mut shop = shop().await;
    let person = Person {
        zone: Some("Asia/Kathmandu".to_owned()),
        ..Person::default()
    };
    shop.room.chat().introduce("ann", person);
    shop.room.robot().start();
    // What was before it began to follow is nobody's news.
    let follows = async {
        while shop.store.entries("followers").await.expect("read").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), follows)
        .await
        .expect("it follows");
    let message = MessageId::new("1700000000.7");
    let ended = Timestamp::now() - SignedDuration::from_mins(15);
    let over = Operation {
        state: State::Succeeded,
        started: Some(ended - SignedDuration::from_mins(2)),
        ended: Some(ended),
        ..operation(&message)
    };
    let entry = Entry::of(&over, ended, "ended", "ended");
    let saved = shop.store.save(&over, &[], &[entry]).await;
    assert_eq!(saved.expect("stored"), Saved::Yes(1));
    let answer = shop.room.next_said().await;
    let What::Post(post) = answer.what else {
        panic!("a picture was expected, not {answer:?}")
    };
    let file = shop.room.chat().shown_in(&post).expect("a picture");
    assert_eq!(answer.place.thread, Some(message));
    assert_eq!(post.key.as_deref(), Some("evidence 3f9c2ab01d"));
    let words = post.plain();
    assert!(
        words.starts_with("Before and after `deploy api to production`\nlatency ")
            && words.contains(", requests "),
        "{words}"
    );
    assert!(alt(&file).contains("deploy api to production"), "{}", alt(&file));
    assert!(alt(&file).contains("Asia/Kathmandu"), "{}", alt(&file));
    keep(&file);
}

/// With `OTUS_PICTURES` set to a folder, pictures are left there to be looked at.
fn keep(file: &File) {
    if let Some(folder) = std::env::var_os("OTUS_PICTURES") {
        let words = format!("{}-{}", file.title.replace(['/', ' '], "-"), file.bytes.len());
        std::fs::write(std::path::Path::new(&folder).join(words + ".png"), &file.bytes).expect("written");
    }
}

#[tokio::test]
async fn a_button_shows_another_time_in_the_same_message() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graph latency for api as area").await;
    shop.room.expect_file().await;
    let (message, _) = shop.room.chat().messages().pop().expect("a message");
    shop.room.press("bob", "6h").await;
    let post = shop
        .room
        .expect_shown(|post| post.plain().contains("last 6h"))
        .await;
    let file = shop.room.chat().shown_in(&post).expect("a picture");
    assert_eq!(file.name, "latency-api-6h.png");
    insta::assert_snapshot!(post.plain().replace(alt(&file), "…"), @r"
    *p95 latency · api, last 6h*
    [picture: …]
    [1h] [6h] [24h] [7d] [vs last week]
    @bob looks at the last 6h
    ");
    // From there to last week, and back; and it is the same message all the time.
    shop.room.press("ann", "vs last week").await;
    shop.room
        .expect_shown(|post| post.plain().contains("last 6h beside last week"))
        .await;
    shop.room.press("ann", "Without last week").await;
    let plain = shop
        .room
        .expect_shown(|post| {
            post.plain().contains("@ann looks at the last 6h\n")
                || post.plain().ends_with("@ann looks at the last 6h")
        })
        .await;
    let commands: Vec<String> = plain
        .card
        .expect("a card")
        .buttons
        .into_iter()
        .map(|button| button.command)
        .collect();
    assert_eq!(commands[4], "graph latency 6h for api as area vs last week here");
    assert_eq!(shop.room.chat().messages().len(), 1);
    assert_eq!(shop.room.chat().edits(&message), 3);
    shop.room.expect_silence().await;
}

#[tokio::test]
async fn a_picture_that_cannot_be_drawn_anew_stays() {
    let mut shop = shop().await;
    shop.room.say("ann", "@otus graph latency").await;
    shop.room.expect_file().await;
    let (message, before) = shop.room.chat().messages().pop().expect("a message");
    let button = before.card.as_ref().expect("a card").buttons[1].command.clone();
    // The same message, a robot that came after, and a Prometheus that is away.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let gone = client(url, Duration::from_secs(20));
    let graphs = Graphs::new(settings(), Some(Arc::new(gone)), Rules::default()).expect("settings");
    let mut room = Room::builder()
        .catalog(CATALOG)
        .chat(shop.room.chat().clone())
        .responder(graphs)
        .open();
    room.press("bob", "6h").await;
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("❌ I cannot reach Prometheus."), "{answer}");
    assert!(
        answer.contains("The picture is still the one from before."),
        "{answer}"
    );
    assert!(answer.contains(&format!("@bob: `{button}`")), "{answer}");
    assert_eq!(room.chat().edits(&message), 0);
    // Who says it by hand gets a picture of their own.
    shop.room.say("ann", &format!("@otus {button}")).await;
    assert_eq!(shop.room.expect_file().await.name, "latency-6h.png");
}

#[tokio::test]
async fn who_may_not_see_graphs_presses_in_vain() {
    let shop = shop().await;
    let prometheus = client(shop._prometheus.url(), Duration::from_secs(20));
    let url = prometheus.url().to_owned();
    let graphs = Graphs::new(settings(), Some(Arc::new(prometheus)), Rules::default()).expect("settings");
    let mut room = Room::builder()
        .catalog(CATALOG)
        .role("sre", &["ann"])
        .policy("[[rules]]\nname = \"graphs are for SREs\"\ncommands = [\"graphs.named\", \"graphs.promql\"]\nroles = [\"sre\"]\n")
        .responder(graphs)
        .open();
    room.say("ann", "@otus graph latency").await;
    room.expect_file().await;
    let (message, _) = room.chat().messages().pop().expect("a message");
    room.press("eve", "6h").await;
    let answer = room.answer().await.plain();
    assert!(answer.contains("graphs are for SREs"), "{answer}");
    assert_eq!(room.chat().edits(&message), 0);
    // And a link of theirs is just a link.
    let link = format!("look: {url}/graph?g0.expr=sum(rate(http_requests_total%5B5m%5D))&g0.range_input=30m");
    room.say("eve", &link).await;
    room.expect_silence().await;
    room.say("eve", &format!("@otus {url}/graph?g0.expr=up")).await;
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("A link to Prometheus is PromQL"), "{answer}");
    let said = room.say("ann", &link).await;
    let answer = room.next_said().await;
    assert_eq!(answer.place.thread, Some(said));
    let What::Post(post) = answer.what else {
        panic!("a picture was expected, not {answer:?}")
    };
    let file = room.chat().shown_in(&post).expect("a picture");
    assert_eq!(file.title, "Query, last 30m");
    // With its buttons, and said to the robot it is a command.
    room.press("ann", "1h").await;
    room.expect_shown(|post| post.plain().contains("*Query, last 1h*"))
        .await;
    room.say(
        "ann",
        &format!(
            "@otus {url}/query?g0.expr=up&g0.show_tree=0&g0.tab=graph&g0.range_input=2h&g1.expr=up%20%3C%201"
        ),
    )
    .await;
    let file = room.expect_file().await;
    assert_eq!(file.title, "Graphs of a link, last 2h");
    room.say("ann", "@otus http://elsewhere.test/graph?g0.expr=up")
        .await;
    let answer = room.answer().await.plain();
    assert!(
        answer.starts_with("That is no link to a graph in the Prometheus that I ask."),
        "{answer}"
    );
    // One that nobody understands is nobody's question.
    room.say("ann", &format!("{url}/graph?g0.expr=sum(")).await;
    room.say("ann", "http://elsewhere.test/graph?g0.expr=up").await;
    room.expect_silence().await;
}

/// A Prometheus that answers only when it is let.
async fn slow(gate: Arc<tokio::sync::Notify>) -> String {
    const ANSWER: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"service":"api"},"values":[[NOW,"1"]]}]}}"#;
    let answer = move || async move {
        gate.notified().await;
        let body = ANSWER.replace("NOW", &Timestamp::now().as_second().to_string());
        ([("content-type", "application/json")], body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let routes = Router::new().route("/api/v1/query_range", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn who_waits_is_told_so() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let prometheus = client(slow(gate.clone()).await, Duration::from_secs(20));
    let mut room = room_with(Some(prometheus), Arc::new(MemoryStore::new()));
    room.say("ann", "@otus graph latency").await;
    room.expect_reaction("hourglass_flowing_sand").await;
    gate.notify_one();
    assert!(room.expect_file().await.bytes.starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_prometheus_that_hangs_is_given_up() {
    let never = Arc::new(tokio::sync::Notify::new());
    let prometheus = client(slow(never).await, Duration::from_secs(1));
    let mut room = room_with(Some(prometheus), Arc::new(MemoryStore::new()));
    room.say("ann", "@otus graph `up`").await;
    room.expect_reaction("hourglass_flowing_sand").await;
    let answer = room.answer().await.plain();
    assert!(
        answer.starts_with("⚠️ That query took too long.") && answer.contains("no answer within 1s"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_settings_come_from_its_section() {
    let section = serde_json::json!({ "queries": { "up": { "query": "up", "threshold": "often" } } });
    let refused = |section| {
        let (resources, catalog) = (Resources::default(), otus::Catalog::default());
        let setup = Setup {
            section,
            resources: &resources,
            catalog: &catalog,
        };
        setup
            .configured::<Graphs>()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let error = refused(section).expect_err("a threshold that is none");
    assert!(
        error.contains("queries.up.threshold") && error.contains("\"often\""),
        "{error}"
    );
    let error = refused(serde_json::json!({ "rnge": "1h" })).expect_err("a key that is none");
    assert!(error.contains("rnge"), "{error}");
    assert_eq!(refused(serde_json::json!({})), Ok(()));
}

#[tokio::test]
async fn its_examples_are_its_own() {
    // The robot refuses to start when an example goes to another command.
    let graphs = Graphs::new(Settings::default(), None, Rules::default()).expect("settings that work");
    let chat = Arc::new(otus::room::RoomChat::default());
    let built = otus::responder::Built::new(graphs);
    let robot = Robot::builder(RobotConfig::default())
        .responder(built)
        .build(chat, Arc::new(MemoryStore::new()));
    assert!(robot.is_ok(), "{:?}", robot.err());
}
